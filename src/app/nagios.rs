//! `exchports nagios`: a run that is told as a monitoring plugin tells it.
//!
//! Everything goes to standard output, bad usage and a defect of ours included: a monitoring system shows nothing else.

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, OnceLock};

use super::error::Error;
use super::inputs::{read_ca_file, read_client_certificate, roots};
use super::limits::{file_limit, runtime, with_sockets};
use super::signals::{Signals, heed};
use super::terminal::print;
use crate::cli::{self, CheckOrder, Command, NagiosOrder};
use crate::event::Event;
use crate::exit;
use crate::facts::Text;
use crate::finding::PluginState;
use crate::net::{Halter, SocketLimits, clock};
use crate::report;
use crate::run::{self, Cancellation, Sequence, Setup};

/// Does what was typed; the state is the exit code.
pub(super) fn main(arguments: &[OsString]) -> PluginState {
    let done = panic::catch_unwind(AssertUnwindSafe(|| {
        let meant = cli::read_plugin(arguments)?;
        match meant {
            Command::Nagios(order) => run(*order),
            Command::Help(text) => {
                print(text.as_bytes())?;
                Ok(PluginState::Unknown)
            }
            _ => Ok(PluginState::Unknown),
        }
    }));
    match done.unwrap_or(Err(Error::Defect)) {
        Ok(state) => state,
        Err(error) => {
            let error = Text::from(error.to_string().as_str());
            let error = error.as_str().replace('|', "/");
            // A reader that is gone is told by the exit code alone.
            let _ = print(format!("EXCHPORTS UNKNOWN - {error}\n").as_bytes());
            PluginState::Unknown
        }
    }
}

/// Looks at the host and prints the answer.
pub(super) fn run(order: NagiosOrder) -> Result<PluginState, Error> {
    let NagiosOrder { check, verbosity } = order;
    let CheckOrder {
        mut plan,
        ca_files,
        client_cert,
        ..
    } = check;
    for path in &ca_files {
        plan.trust.ca_certificates.extend(read_ca_file(path)?);
    }
    let path = client_cert.as_deref();
    let identity = path.map(read_client_certificate).transpose()?;
    plan.limits = with_sockets(plan.limits, plan.depth, None, file_limit());
    let levels = plan.standards.cert_days;
    let runtime = runtime(1)?;
    let done = runtime.block_on(async {
        let signals = Signals::listen()?;
        let roots = Arc::new(roots(&plan, &ca_files)?);
        let end = Arc::new(OnceLock::new());
        let (halter, halt) = Halter::new();
        heed(signals, halter, Arc::clone(&end), Vec::new());
        let setup = Setup {
            started_at: clock::now(),
            identity,
            roots,
            sockets: SocketLimits::of(&plan.limits),
            sequence: Sequence::Ordered,
            cancellation: Cancellation { halt, end },
            kept: Arc::default(),
            domain: None,
            lookup: None,
        };
        let (sender, mut receiver) = run::channel();
        let read = async {
            let mut events: Vec<Event> = Vec::new();
            while let Some(event) = receiver.recv().await {
                events.push(event);
            }
            events
        };
        Ok::<_, Error>(tokio::join!(run::run(plan, setup, sender), read))
    });
    // What hangs must not keep the process.
    runtime.shutdown_background();
    let (finished, events) = done?;
    let state = exit::plugin(&finished);
    print(report::plugin_answer(&events, state, levels, verbosity).as_bytes())?;
    Ok(state)
}
