//! A plan is run, its events go to the reports, the summary becomes the exit code.
//!
//! Reports are written on a thread of their own: a reader that is slow, or a full pipe, must not make a peer look slow.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::domain::add_hosts;
use super::error::Error;
use super::reports::{Outputs, write_reports};
use super::signals::{Signals, heed};
use super::terminal::complain;
use super::wait;
use crate::cli::{DomainOrder, Telling};
use crate::event::{Event, RunFinished};
use crate::exit::{self, Exit, FailOn};
use crate::net::{Halter, Identity, Roots, SocketLimits, clock};
use crate::plan::Plan;
use crate::run::{self, Cancellation, Further, Setup, Wait};

/// What is waited for, and whether a line tells of it.
#[derive(Clone, Copy)]
pub(super) struct Awaited {
    pub(super) patience: Duration,
    pub(super) fail_on: FailOn,
    pub(super) is_shown: bool,
}

/// What a run of a plan may have besides.
#[derive(Default)]
pub(super) struct Besides {
    /// Targets after those of the plan.
    pub(super) further: Option<Further>,
    /// What is waited for.
    pub(super) wait: Option<Awaited>,
    /// The mail domain whose hosts are checked.
    pub(super) domain: Option<DomainOrder>,
}

/// What a run came to.
pub(super) struct Done {
    pub(super) finished: RunFinished,
    /// Why the first check that was skipped was.
    pub(super) skipped: Option<String>,
}

/// The exit code; where nothing could be judged and no report says so on standard output, standard error does.
pub(super) fn ended(done: &Done, telling: &Telling) -> Exit {
    let exit = exit::decide(&done.finished, telling.fail_on);
    let is_silent = telling.reports.iter().all(|(_, file)| file.is_some());
    if exit == Exit::Nothing && is_silent {
        let why = done.skipped.as_deref();
        complain(&format!(
            "nothing could be judged: {}",
            why.unwrap_or("there was nothing to look at")
        ));
    }
    exit
}

/// Runs the plan and writes its reports.
pub(super) async fn execute(
    mut plan: Plan,
    identity: Option<Identity>,
    roots: Arc<Roots>,
    outputs: Outputs,
    signals: Signals,
    besides: Besides,
) -> Result<Done, Error> {
    let Besides {
        further,
        wait,
        domain,
    } = besides;
    let end = Arc::new(OnceLock::new());
    let (halter, halt) = Halter::new();
    heed(signals, halter, Arc::clone(&end), outputs.begun());
    let started_at = clock::now();
    let sockets = SocketLimits::of(&plan.limits);
    let domain = match domain {
        Some(order) => {
            let (roots, sockets) = (Arc::clone(&roots), Arc::clone(&sockets));
            let found = add_hosts(&order, &mut plan, roots, sockets, halt.clone());
            Some(Arc::new(found.await?))
        }
        None => None,
    };
    let setup = Setup {
        started_at,
        identity,
        roots,
        sockets,
        sequence: outputs.sequence,
        cancellation: Cancellation { halt, end },
        kept: Arc::default(),
        domain,
        lookup: None,
    };
    let (sender, receiver) = run::channel();
    let (done, written) = oneshot::channel();
    // The writer outlives the run, so nothing told is lost.
    thread::spawn(move || drop(done.send(write_reports(outputs, receiver))));
    let finished = match wait {
        Some(awaited) => {
            let wait = Wait {
                patience: awaited.patience,
                is_well: |finished: &RunFinished| wait::is_well(finished, awaited.fail_on),
            };
            let line = wait::WaitLine::new(awaited.patience, awaited.is_shown);
            let show = |events: &[Event], so_far| line.show(events, so_far);
            let finished = run::until_well(plan, setup, wait, show, sender).await;
            line.clear();
            finished
        }
        None => run::run_with(plan, further, setup, sender).await,
    };
    // Awaited, not joined: a reader that takes nothing any more must not keep a second Ctrl-C from being heard.
    match written.await {
        Ok(written) => written.map(|skipped| Done { finished, skipped }),
        Err(_) => Err(Error::Defect),
    }
}
