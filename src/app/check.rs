//! `exchports check`: a plan is run with the files that were named, on the sockets that there are.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use super::error::Error;
use super::execute::{Awaited, Besides, ended, execute};
use super::inputs::{read_baseline, read_ca_file, read_client_certificate, roots};
use super::limits::{file_limit, runtime, with_sockets};
use super::reports::Outputs;
use super::signals::Signals;
use super::targets;
use super::terminal::complain;
use crate::cli::{self, CheckOrder, UsageError};
use crate::event::RunEnd;
use crate::exit::Exit;
use crate::plan::{Depth, Limits};

pub(super) fn check(order: CheckOrder) -> Result<Exit, Error> {
    let CheckOrder {
        mut plan,
        more,
        ca_files,
        client_cert,
        baseline,
        wait,
        jobs,
        telling,
        domain,
    } = order;
    for path in &ca_files {
        plan.trust.ca_certificates.extend(read_ca_file(path)?);
    }
    let path = client_cert.as_deref();
    let identity = path.map(read_client_certificate).transpose()?;
    plan.baseline = baseline.as_deref().map(read_baseline).transpose()?;
    plan.limits = with_sockets(plan.limits, plan.depth, jobs, file_limit());
    for warning in cli::warnings(&plan) {
        complain(&format!("warning: {warning}"));
    }
    let outputs = Outputs::open(&telling)?;
    let runtime = runtime(plan.targets.len())?;
    let (further, unread) = more.map(targets::read).unzip();
    let done = runtime.block_on(async {
        // Before anything that takes time; what came before could be ended at once, and nothing was lost.
        let signals = Signals::listen()?;
        let roots = Arc::new(roots(&plan, &ca_files)?);
        // Nobody heeds an interrupt yet. What comes later is told of each certificate.
        let patience = plan.limits.reply.min(Limits::default().reply);
        let patience = plan.limits.run.map_or(patience, |run| run.min(patience));
        if plan.depth != Depth::TcpOnly
            && let Some(lack) = roots.lack(patience).await
        {
            return Err(Error::NoRoots(lack));
        }
        let wait = wait.map(|patience| Awaited {
            patience,
            fail_on: telling.fail_on,
            is_shown: telling.progress && io::stderr().is_terminal(),
        });
        let done = execute(
            plan,
            identity,
            Arc::clone(&roots),
            outputs,
            signals,
            Besides {
                further,
                wait,
                domain,
            },
        )
        .await?;
        Ok((done, roots.trouble()))
    });
    // What hangs must not keep the process: its thread is left behind.
    runtime.shutdown_background();
    let (done, trouble) = done?;
    let unread = unread.as_ref().and_then(|trouble| trouble.get());
    if let (Some(UsageError(why)), RunEnd::Complete) = (unread, done.finished.end) {
        return Err(Error::Usage(UsageError(why.clone())));
    }
    if let Some(trouble) = trouble {
        complain(&format!("warning: {trouble}"));
    }
    Ok(ended(&done, &telling))
}
