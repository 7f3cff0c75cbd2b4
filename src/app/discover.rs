//! `exchports discover`: a domain is looked at, judged and told.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::error::Error;
use super::inputs::read_ca_file;
use super::limits::{file_limit, runtime, sockets};
use super::signals::{Signals, heed};
use super::terminal::{complain, print, style, to_stdout};
use crate::cli::{DiscoverOrder, UsageError, shown};
use crate::discover::{Means, discover};
use crate::event::RunEnd;
use crate::exit::Exit;
use crate::finding::{DomainFinding, Status};
use crate::judge::{judge_domain, unanswered};
use crate::net::{Halter, Resolver, Roots, SocketLimits, clock};
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
    if let Some(why) = unanswered(&finding.discovery) {
        complain(&format!(
            "nothing could be asked of {}: {why}; another name server is asked with --resolver ADDRESS",
            finding.discovery.domain
        ));
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
    let anchor = match &order.trust_anchor {
        Some(path) => Some(fs::read_to_string(path).map_err(|error| {
            let path = shown(path);
            UsageError(format!("--trust-anchor {path} cannot be read: {error}"))
        })?),
        None => None,
    };
    let resolver = Resolver::new(order.resolver, anchor.as_deref(), None, halt.clone())
        .map_err(|error| UsageError(format!("{error}: give one with --resolver ADDRESS")))?;
    let means = Means {
        resolver,
        roots: Arc::new(roots),
        sockets: SocketLimits::new(sockets(None, file_limit()), Limits::PER_ADDRESS),
        limits: order.limits,
        reach: order.reach,
        ehlo_name: order.ehlo_name.clone(),
        halt,
    };
    let now = clock::now();
    let found = discover(&order.domain, &means, now).await;
    Ok(judge_domain(found, now))
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
