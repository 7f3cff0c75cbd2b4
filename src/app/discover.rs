//! `exchports discover`: a domain is looked at, judged and told.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::domain::{self, nothing_asked, resolver};
use super::error::Error;
use super::inputs::read_ca_file;
use super::limits::{file_limit, runtime, sockets};
use super::signals::{Signals, heed};
use super::terminal::{complain, print, style, to_stdout};
use crate::cli::DiscoverOrder;
use crate::discover::Means;
use crate::event::RunEnd;
use crate::exit::Exit;
use crate::finding::{DomainFinding, Status};
use crate::net::{Halter, Roots, SocketLimits};
use crate::plan::Limits;
use crate::report;

pub(super) fn run(order: &DiscoverOrder) -> Result<Exit, Error> {
    let runtime = runtime(1)?;
    let end = Arc::new(OnceLock::new());
    let finding = runtime.block_on(async {
        let signals = Signals::listen()?;
        let (halter, halt) = Halter::new();
        heed(signals, halter, Arc::clone(&end), Vec::new());
        look(order, halt).await
    });
    runtime.shutdown_background();
    let finding = finding?;
    if let Some(why) = nothing_asked(&finding) {
        complain(&why);
        return Ok(Exit::Nothing);
    }
    tell(&finding, order)?;
    Ok(match end.get() {
        Some(RunEnd::Interrupted) => Exit::Interrupted,
        Some(_) => Exit::Terminated,
        None if finding.status == Status::Fail => Exit::Findings,
        None => Exit::Met,
    })
}

/// Finds out, and judges.
async fn look(order: &DiscoverOrder, halt: crate::net::Halt) -> Result<DomainFinding, Error> {
    let mut trust = order.trust.clone();
    for path in &order.ca_files {
        trust.ca_certificates.extend(read_ca_file(path)?);
    }
    let roots = Roots::new(&trust).map_err(|error| Error::CaFile {
        path: order.ca_files.iter().collect::<PathBuf>(),
        reason: error.to_string(),
    })?;
    let means = Means {
        resolver: resolver(order.resolver, order.trust_anchor.as_deref(), halt.clone())?,
        roots: Arc::new(roots),
        sockets: SocketLimits::new(sockets(None, file_limit()), Limits::PER_ADDRESS),
        limits: order.limits,
        reach: order.reach,
        ehlo_name: order.ehlo_name.clone(),
        halt,
    };
    Ok(domain::look(&order.domain, &means).await)
}

fn tell(finding: &DomainFinding, order: &DiscoverOrder) -> Result<(), Error> {
    let mut text = Vec::new();
    let told: io::Result<()> = if order.json {
        report::domain_json(&mut text, finding)
    } else {
        report::domain_tree(&mut text, finding, style(order.color, report::Rows::All))
    };
    told.map_err(to_stdout)?;
    print(&text).map(drop)
}
