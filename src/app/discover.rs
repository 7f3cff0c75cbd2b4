//! `exchports discover`: a domain is looked at, judged and told, as it becomes known.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;

use anstream::AutoStream;
use tokio::sync::oneshot;

use super::domain::{self, Look, nothing_asked};
use super::error::Error;
use super::inputs::read_ca_file;
use super::limits::{file_limit, runtime, with_sockets};
use super::signals::{Signals, heed};
use super::terminal::{choice, complain, style, to_stdout};
use crate::cli::{ColorWhen, DiscoverOrder};
use crate::discover::TcpHosts;
use crate::discovery::Discovery;
use crate::event::RunEnd;
use crate::exit::Exit;
use crate::finding::{DomainFinding, Status};
use crate::judge::{judge_domain, unanswered};
use crate::net::{Halt, Halter, Roots, SocketLimits};
use crate::plan::Depth;
use crate::report::{Activity, DomainTree, Rows, domain_awaited, domain_json};

pub(super) fn run(order: &DiscoverOrder) -> Result<Exit, Error> {
    let runtime = runtime(1)?;
    let end = Arc::new(OnceLock::new());
    let done = runtime.block_on(async {
        let signals = Signals::listen()?;
        let (halter, halt) = Halter::new();
        heed(signals, halter, Arc::clone(&end), Vec::new());
        look(order, halt, &end).await
    });
    runtime.shutdown_background();
    let finding = done?;
    Ok(match (end.get(), finding) {
        (Some(RunEnd::Interrupted), _) => Exit::Interrupted,
        (Some(_), _) => Exit::Terminated,
        (None, None) => Exit::Nothing,
        (None, Some(finding)) if finding.status == Status::Fail => Exit::Findings,
        (None, Some(_)) => Exit::Met,
    })
}

/// Finds out, judges and tells; `None` where nothing at all could be asked.
async fn look(
    order: &DiscoverOrder,
    halt: Halt,
    end: &OnceLock<RunEnd>,
) -> Result<Option<DomainFinding>, Error> {
    let mut trust = order.trust.clone();
    for path in &order.ca_files {
        trust.ca_certificates.extend(read_ca_file(path)?);
    }
    let roots = Roots::new(&trust).map_err(|error| Error::CaFile {
        path: order.ca_files.iter().collect::<PathBuf>(),
        reason: error.to_string(),
    })?;
    let look_at = Look {
        resolver: order.resolver,
        trust_anchor: order.trust_anchor.as_deref(),
        hosts: TcpHosts {
            roots: Arc::new(roots),
            sockets: SocketLimits::of(&with_sockets(order.limits, Depth::Full, None, file_limit())),
            limits: order.limits,
            reach: order.reach,
            halt,
        },
        ehlo_name: order.ehlo_name.clone(),
    };
    let means = look_at.means()?;
    let teller = Teller::new(order);
    let (sender, receiver) = mpsc::channel();
    let (done, told) = oneshot::channel();
    // On a thread of its own: a reader that is slow must not make a host look slow.
    thread::spawn(move || drop(done.send(teller.tell(&receiver))));
    let finding = domain::look(&order.domain, &means, Some(sender)).await;
    // Awaited, not joined: a reader that takes nothing any more must not keep a second Ctrl-C from being heard.
    let teller = told.await.map_err(|_| Error::Defect)??;
    if let Some(why) = nothing_asked(&finding) {
        complain(&why);
        // A document is one all the same.
        if !(order.json && end.get().is_some()) {
            return Ok(None);
        }
    }
    let (done, told) = oneshot::channel();
    thread::spawn(move || drop(done.send(teller.end(finding))));
    told.await.map_err(|_| Error::Defect)?.map(Some)
}

/// Writes the tree as it grows, and says on a terminal what it waits for.
struct Teller {
    /// `None` where a document is written in its place.
    tree: Option<DomainTree>,
    activity: Option<Activity>,
    color: ColorWhen,
    is_heard: bool,
}

impl Teller {
    fn new(order: &DiscoverOrder) -> Self {
        Self {
            tree: (!order.json).then(|| DomainTree::new(style(order.color, Rows::All))),
            activity: (order.progress && io::stderr().is_terminal()).then(Activity::shown),
            color: order.color,
            is_heard: true,
        }
    }

    /// Tells what comes until nothing comes any more.
    fn tell(mut self, so_far: &mpsc::Receiver<Discovery>) -> Result<Self, Error> {
        while let Ok(found) = so_far.recv() {
            // What came meanwhile is told at once.
            let found = so_far.try_iter().last().unwrap_or(found);
            if let Some(activity) = &self.activity {
                activity.say(format!("waiting for {}", domain_awaited(&found)));
            }
            // How long it took is known at the very end.
            let is_whole = found.outstanding.is_empty();
            if self.tree.is_some() && !is_whole && unanswered(&found).is_none() {
                let at = found.at;
                self.grow(&judge_domain(found, at))?;
            }
        }
        Ok(self)
    }

    /// Tells the rest, or all of it.
    fn end(mut self, finding: DomainFinding) -> Result<DomainFinding, Error> {
        if self.tree.is_some() {
            self.grow(&finding)?;
        } else {
            let mut text = Vec::new();
            domain_json(&mut text, &finding).map_err(to_stdout)?;
            self.write(&text)?;
        }
        Ok(finding)
    }

    fn grow(&mut self, finding: &DomainFinding) -> Result<(), Error> {
        let mut text = Vec::new();
        if let Some(tree) = &mut self.tree {
            tree.grow(&mut text, finding).map_err(to_stdout)?;
        }
        self.write(&text)
    }

    fn write(&mut self, text: &[u8]) -> Result<(), Error> {
        if text.is_empty() || !self.is_heard {
            return Ok(());
        }
        let write = || {
            let mut out = AutoStream::new(io::stdout(), choice(self.color));
            out.write_all(text).and_then(|()| out.flush())
        };
        let written = match &self.activity {
            Some(activity) => activity.aside(write),
            None => write(),
        };
        match written {
            // A reader that has gone away is no error.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_heard = false;
                Ok(())
            }
            Err(error) => Err(to_stdout(error)),
            Ok(()) => Ok(()),
        }
    }
}
