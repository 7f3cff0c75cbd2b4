//! A scrape's run. Whoever asks for a host that is being looked at in the same way, and has as much time, waits for that
//! run; when the last of them has gone away it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use crate::event::{Event, RunFinished};
use crate::net::{Halter, Identity, Lookup, Roots, SocketLimits, clock};
use crate::plan::{Host, Plan, Target, Transcripts};
use crate::run::{self, Cancellation, Sequence, Setup};

use super::asked::ScrapeRequest;

/// How a host is looked at: a plan whose one target is a placeholder.
#[derive(Debug)]
pub struct Module {
    /// The plan; its target's name takes the place of the one that is asked for.
    pub plan: Plan,
    /// Whom to trust.
    pub roots: Arc<Roots>,
    /// What is shown to servers that ask for a client certificate.
    pub identity: Option<Identity>,
    /// The options that it was made of, as they were typed.
    pub options: String,
}

impl Module {
    /// The plan for one host.
    fn plan(
        &self,
        host: &Host,
        asked: &ScrapeRequest,
        server_name: Option<&Host>,
        patience: Duration,
    ) -> Option<Plan> {
        let mut plan = self.plan.clone();
        let model: Target = plan.targets.pop()?;
        // A name for all targets of the module stays.
        let own = if model.server_name == model.host {
            host
        } else {
            &model.server_name
        };
        plan.targets = vec![Target {
            name: asked.target.clone(),
            host: host.clone(),
            server_name: without_final_dot(server_name.unwrap_or(own)),
            ..model
        }];
        plan.limits.run = Some(plan.limits.run.map_or(patience, |own| own.min(patience)));
        if asked.debug {
            plan.transcripts = Transcripts::Kept;
        }
        Some(plan)
    }
}

fn without_final_dot(host: &Host) -> Host {
    match host {
        Host::Name(name) => Host::Name(name.trim_end_matches('.').to_owned()),
        Host::Address(address) => Host::Address(*address),
    }
}

/// What a run came to.
#[derive(Debug)]
pub(super) struct ProbeOutcome {
    pub(super) events: Vec<Event>,
    pub(super) finished: RunFinished,
}

/// A run under way.
#[derive(Debug)]
pub(super) struct SharedProbe {
    outcome: watch::Receiver<Option<Arc<ProbeOutcome>>>,
    /// When it ends at the latest.
    until: Instant,
    halter: Halter,
}

impl Drop for SharedProbe {
    /// Nobody waits for it any more.
    fn drop(&mut self) {
        self.halter.halt();
    }
}

/// What a run is aimed at.
pub(super) struct Aim {
    pub(super) host: Host,
    pub(super) server_name: Option<Host>,
    /// What its name was found to lead to, and may; `None` where no name is looked up.
    pub(super) lookup: Option<Lookup>,
}

/// What makes two scrapes ask for the same.
type Key = (ScrapeRequest, Host);

/// The runs under way, and the limits on all of them.
#[derive(Debug)]
pub(super) struct Probes {
    free: Arc<Semaphore>,
    most: usize,
    /// Sockets in all, and to one address.
    sockets: (usize, usize),
    limits: Mutex<Arc<SocketLimits>>,
    flights: Arc<Mutex<HashMap<Key, Weak<SharedProbe>>>>,
}

/// How a scrape is served.
pub(super) enum Boarding {
    /// By a run that was begun for it.
    Begun(Arc<SharedProbe>),
    /// By one that was under way.
    Joined(Arc<SharedProbe>),
    /// Not at all: as many run as may.
    Full,
}

impl Probes {
    pub(super) fn new(most: usize, sockets: (usize, usize)) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(most)),
            most,
            sockets,
            limits: Mutex::new(SocketLimits::new(sockets.0, sockets.1)),
            flights: Arc::default(),
        }
    }

    /// The limits on sockets, over all runs together. While nothing runs they are made anew: what was given up when this
    /// machine was short of files comes back, and addresses of long ago are forgotten.
    fn limits(&self) -> Arc<SocketLimits> {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if self.in_flight() == 0 {
            *limits = SocketLimits::new(self.sockets.0, self.sockets.1);
        }
        Arc::clone(&limits)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.most.saturating_sub(self.free.available_permits())
    }

    /// Begins a run, or joins one.
    pub(super) fn board(
        &self,
        module: &Arc<Module>,
        asked: &ScrapeRequest,
        aim: Aim,
        patience: Duration,
    ) -> Boarding {
        let key = (asked.clone(), aim.host.clone());
        let until = Instant::now() + patience;
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key).and_then(Weak::upgrade)
            && flight.until <= until
            && flight.outcome.borrow().is_none()
        {
            return Boarding::Joined(flight);
        }
        let limits = self.limits();
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else {
            return Boarding::Full;
        };
        let Some(plan) = module.plan(&aim.host, asked, aim.server_name.as_ref(), patience) else {
            return Boarding::Full;
        };
        let (halter, halt) = Halter::new();
        let (sender, outcome) = watch::channel(None);
        let flight = Arc::new(SharedProbe {
            outcome,
            until,
            halter,
        });
        flights.insert(key.clone(), Arc::downgrade(&flight));
        let setup = Setup {
            started_at: clock::now(),
            identity: module.identity.clone(),
            roots: Arc::clone(&module.roots),
            sockets: limits,
            sequence: Sequence::Ordered,
            cancellation: Cancellation {
                halt,
                end: Arc::new(OnceLock::new()),
            },
            kept: Arc::default(),
            domain: None,
            lookup: aim.lookup,
        };
        let landing = Landing {
            flights: Arc::clone(&self.flights),
            key,
            _permit: permit,
        };
        tokio::spawn(async move {
            let landing = landing;
            let (events, mut receiver) = run::channel();
            let read = async {
                let mut told = Vec::new();
                while let Some(event) = receiver.recv().await {
                    told.push(event);
                }
                told
            };
            let (finished, events) = tokio::join!(run::run(plan, setup, events), read);
            // Nobody may be left to hear it.
            let _ = sender.send(Some(Arc::new(ProbeOutcome { events, finished })));
            drop(landing);
        });
        Boarding::Begun(flight)
    }

    /// Ends all of them.
    pub(super) fn end(&self) {
        let flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        for flight in flights.values().filter_map(Weak::upgrade) {
            flight.halter.halt();
        }
    }
}

/// Makes room for another run when one is over, however it ended.
struct Landing {
    flights: Arc<Mutex<HashMap<Key, Weak<SharedProbe>>>>,
    key: Key,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // Another may have taken its place, which is still under way.
        let is_over = flights.get(&self.key).is_some_and(|flight| {
            flight.upgrade().is_none_or(|flight| {
                flight.outcome.borrow().is_some() || flight.outcome.has_changed().is_err()
            })
        });
        if is_over {
            flights.remove(&self.key);
        }
    }
}

impl SharedProbe {
    /// Waits for it; `None` when the run broke.
    pub(super) async fn outcome(&self) -> Option<Arc<ProbeOutcome>> {
        let mut outcome = self.outcome.clone();
        let told = outcome.wait_for(Option::is_some).await.ok()?;
        told.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Expectation, Role, ServiceId};
    use crate::observation::{Cause, Failure, Observation, Stage, State};
    use crate::plan::{Audit, Check, Depth, Limits, Reach, Standards, Stores, Trust};

    /// A module that looks at one port of a host.
    fn module(port: u16) -> Arc<Module> {
        let host = Host::Name("target.invalid".to_owned());
        let second = Duration::from_secs(1);
        let plan = Plan {
            targets: vec![Target {
                name: host.to_string(),
                host: host.clone(),
                address: None,
                server_name: host,
                role: Role::Any,
                checks: vec![Check {
                    service: ServiceId::Smtp.row(),
                    port,
                    expect: Expectation::Required,
                }],
                named: Vec::new(),
                node_of: None,
            }],
            reach: Reach::default(),
            proxy: None,
            unused_proxy: None,
            controls: Vec::new(),
            baseline: None,
            trust: Trust {
                stores: Stores::Public,
                ..Trust::default()
            },
            standards: Standards::default(),
            depth: Depth::TcpOnly,
            audit: Audit::No,
            ehlo_name: None,
            transcripts: Transcripts::Dropped,
            limits: Limits::for_check(second, second),
        };
        let roots = Arc::new(Roots::new(&plan.trust).expect("no file to read"));
        Arc::new(Module {
            plan,
            identity: None,
            roots,
            options: String::new(),
        })
    }

    /// What a scrape of a name sees whose lookup came to this.
    async fn seen(name: &str, port: u16, lookup: Lookup) -> Observation {
        let asked = ScrapeRequest {
            target: name.to_owned(),
            module: "m".to_owned(),
            hostname: None,
            debug: false,
        };
        let aim = Aim {
            host: Host::Name(name.to_owned()),
            server_name: None,
            lookup: Some(lookup),
        };
        let probes = Probes::new(1, (8, 8));
        let patience = Duration::from_secs(5);
        let Boarding::Begun(flight) = probes.board(&module(port), &asked, aim, patience) else {
            panic!("there is room");
        };
        let outcome = flight.outcome().await.expect("it ends");
        let found = outcome.events.iter().find_map(|event| match event {
            Event::CheckFinished { finding, .. } => Some(finding.observation.clone()),
            _ => None,
        });
        found.expect("a row")
    }

    /// DNS rebinding: between the lookup that was allowed and the run a name server may change its mind, and nobody asks it.
    #[tokio::test]
    async fn what_was_allowed_is_what_is_dialled() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        // No name server knows this name.
        let allowed = Lookup {
            addresses: Ok(vec![address.ip()]),
            took: None,
        };
        let seen_there = seen("mail.invalid", address.port(), allowed).await;
        assert_eq!(
            (seen_there.state, seen_there.address),
            (Some(State::Open), Some(address))
        );
        // And every resolver knows this one, which had no address when it was allowed.
        let failure = Failure {
            stage: Stage::Resolve,
            cause: Cause::NameNotFound,
            detail: None,
        };
        let nothing = Lookup {
            addresses: Err(failure.clone()),
            took: None,
        };
        let seen_nowhere = seen("localhost", address.port(), nothing).await;
        assert_eq!(
            (seen_nowhere.state, seen_nowhere.failure),
            (Some(State::Unresolved), Some(failure))
        );
    }
}
