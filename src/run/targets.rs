//! All targets of a run: as many at once as there is room for.

use std::iter::Peekable;
use std::mem;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::admission::Admission;
use super::events::tell;
use super::nodes::Nodes;
use super::setup::{Controls, RunSetup, Sequence, Setup};
use super::target::one_target;
use crate::event::{Event, RunFinished, Summary, TargetId};
use crate::net::Via;
use crate::plan::{Limits, Plan, Target};

/// Targets that come while a run goes on.
#[derive(Debug)]
pub struct Further {
    /// As they come.
    pub targets: mpsc::Receiver<Target>,
    /// How many targets there are, with those of the plan; `None` where nobody knows, and there may be no end.
    pub count: Option<usize>,
}

/// Where targets come from.
struct ComingTargets<I: Iterator<Item = Target>> {
    listed: Peekable<I>,
    further: Option<mpsc::Receiver<Target>>,
    /// Whether nobody knows how many will come.
    is_endless: bool,
}

impl<I: Iterator<Item = Target>> ComingTargets<I> {
    fn new(listed: I, further: Option<Further>) -> Self {
        let is_endless = further.as_ref().is_some_and(|more| more.count.is_none());
        Self {
            listed: listed.peekable(),
            further: further.map(|more| more.targets),
            is_endless,
        }
    }

    fn is_over(&mut self) -> bool {
        self.further.is_none() && self.listed.peek().is_none()
    }

    /// The next; `None` where there is none any more. Nothing is lost where this is given up.
    async fn next(&mut self) -> Option<Target> {
        if let Some(target) = self.listed.next() {
            return Some(target);
        }
        let next = self.further.as_mut()?.recv().await;
        if next.is_none() {
            self.further = None;
        }
        next
    }
}

/// Runs a plan and tells what happens, in order. A reader that is slow keeps no check waiting that is under way, only
/// targets that have not begun; one that is gone is no reason to stop.
pub async fn run(plan: Plan, setup: Setup, events: mpsc::Sender<Event>) -> RunFinished {
    run_with(plan, None, setup, events).await
}

/// The same, with targets after those of the plan. An interrupt ends them; a deadline ends those of which nobody knows how
/// many they are.
pub async fn run_with(
    mut plan: Plan,
    further: Option<Further>,
    setup: Setup,
    events: mpsc::Sender<Event>,
) -> RunFinished {
    let began = Instant::now();
    let at = setup.started_at;
    let targets = mem::take(&mut plan.targets);
    let started = Event::RunStarted {
        at,
        targets: match &further {
            Some(further) => further.count,
            None => Some(targets.len()),
        },
        domain: setup.domain.clone(),
    };
    tell(&events, started).await;
    let shared = Arc::new(RunSetup {
        sockets: setup.sockets,
        deadline: plan.limits.run.map(|patience| began + patience),
        halt: setup.cancellation.halt,
        kept: setup.kept,
        lookup: setup.lookup,
        began,
        controls: Controls::new(&plan.controls),
        via: plan.proxy.clone().map(|proxy| Arc::new(Via::new(proxy))),
        plan,
        roots: setup.roots,
        identity: setup.identity,
        now: at,
    });
    let nodes = Nodes::of(&targets);
    let source = ComingTargets::new(targets.into_iter(), further);
    let mut summary = all_targets(&shared, source, nodes, setup.sequence, &events).await;
    if let Some(domain) = &setup.domain {
        summary.add_domain(domain);
    }
    let finished = RunFinished {
        summary,
        took: began.elapsed(),
        end: setup.cancellation.end.get().copied().unwrap_or_default(),
    };
    tell(&events, Event::RunFinished(finished)).await;
    finished
}

/// Takes targets as there is room for them, and passes on what they tell. Theirs is a channel without a bound, since no
/// check may wait for a reader; what is in it is bounded by the targets under way.
async fn all_targets(
    shared: &Arc<RunSetup>,
    mut source: ComingTargets<impl Iterator<Item = Target>>,
    mut nodes: Option<Nodes>,
    sequence: Sequence,
    events: &mpsc::Sender<Event>,
) -> Summary {
    let limits = &shared.plan.limits;
    let mut admission = Admission::new(sequence, limits);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut running = JoinSet::new();
    let mut summary = Summary::default();
    loop {
        let is_last = source.is_over();
        if is_last && running.is_empty() && receiver.is_empty() {
            break;
        }
        let event = tokio::select! {
            biased;
            Some(event) = receiver.recv() => event,
            Some(ended) = running.join_next() => match ended {
                Ok(()) => continue,
                Err(error) => pass_on(error),
            },
            target = next(&mut source, shared), if !is_last && admission.is_open() => {
                if let Some(target) = target {
                    let id = admission.begin(target.checks.len());
                    tell(events, started(id, &target)).await;
                    let target = Arc::new(target);
                    running.spawn(one_target(Arc::clone(shared), id, target, sender.clone()));
                }
                continue;
            }
        };
        if let Event::TargetResolved { .. } = &event {
            admission.resolve();
        }
        if let Event::TargetFinished { target, .. } = &event {
            admission.finish(*target);
        }
        let told = match &mut nodes {
            Some(nodes) => nodes.pass(event, shared),
            None => vec![event],
        };
        for event in told {
            match &event {
                Event::CheckFinished { finding, .. } => summary.add_check(finding),
                Event::TargetFinished { finding, .. } => summary.add_target(finding),
                _ => {}
            }
            tell(events, event).await;
        }
    }
    summary
}

/// The next target, as soon as few checks wait for a socket; `None` where there will be no other.
async fn next(
    source: &mut ComingTargets<impl Iterator<Item = Target>>,
    shared: &RunSetup,
) -> Option<Target> {
    let limits = &shared.plan.limits;
    shared
        .sockets
        .few_queued(limits.jobs.min(Limits::JOBS))
        .await;
    if source.further.is_none() {
        return source.next().await;
    }
    let mut halt = shared.halt.clone();
    let deadline = shared.deadline.filter(|_| source.is_endless);
    let over = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = halt.said() => {}
        () = over => {}
        target = source.next() => return target,
    }
    source.further = None;
    None
}

fn started(target: TargetId, of: &Target) -> Event {
    Event::TargetStarted {
        target,
        name: of.name.clone(),
        role: of.role,
    }
}

/// A target whose own task broke would leave a gap in every document: a run that does not know what it told must not
/// end as if it did.
fn pass_on(error: JoinError) -> ! {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => panic!("a target was given up: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Role, ServiceId};
    use crate::net::{Halt, Roots, SocketLimits};
    use crate::plan::{Audit, Check, Depth, Host, Reach, Standards, Stores, Transcripts, Trust};
    use crate::run::events::channel;
    use crate::run::fixture::check;
    use crate::run::setup::Cancellation;
    use std::net::IpAddr;
    use std::time::Duration;
    use time::OffsetDateTime;

    /// One that has nothing to look at is done at once.
    fn target(checks: Vec<Check>) -> Target {
        let host = Host::Address(IpAddr::from([127, 0, 0, 1]));
        Target {
            name: host.to_string(),
            host: host.clone(),
            address: None,
            server_name: host,
            role: Role::Any,
            checks,
            named: Vec::new(),
            node_of: None,
        }
    }

    /// A plan of these targets, two of them at once.
    fn plan(targets: Vec<Target>) -> Plan {
        let moment = Duration::from_millis(300);
        Plan {
            proxy: None,
            unused_proxy: None,
            controls: Vec::new(),
            baseline: None,
            targets,
            reach: Reach::default(),
            trust: Trust {
                stores: Stores::Public,
                ..Trust::default()
            },
            standards: Standards::default(),
            depth: Depth::Full,
            audit: Audit::No,
            ehlo_name: None,
            transcripts: Transcripts::Dropped,
            limits: Limits {
                jobs: 2,
                ahead: 2,
                ..Limits::for_check(moment, moment)
            },
        }
    }

    fn setup(plan: &Plan, sequence: Sequence) -> Setup {
        Setup {
            started_at: OffsetDateTime::UNIX_EPOCH,
            identity: None,
            roots: Arc::new(Roots::new(&plan.trust).expect("no file to read")),
            sockets: SocketLimits::new(plan.limits.jobs, plan.limits.per_address),
            sequence,
            cancellation: Cancellation {
                halt: Halt::never(),
                end: Arc::default(),
            },
            kept: Arc::default(),
            domain: None,
            lookup: None,
        }
    }

    /// One that accepts and says nothing, and a check of it.
    fn silent() -> (std::net::TcpListener, Check) {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = silent.local_addr().expect("an address").port();
        let smtp = Check {
            port,
            ..check(ServiceId::Smtp)
        };
        (silent, smtp)
    }

    /// When targets began and ended.
    async fn course(sequence: Sequence) -> Vec<(usize, &'static str)> {
        let (_silent, smtp) = silent();
        let plan = plan(
            [vec![smtp], vec![], vec![], vec![]]
                .map(target)
                .into_iter()
                .collect(),
        );
        let setup = setup(&plan, sequence);
        let (sender, mut events) = channel();
        let read = async {
            let mut told = Vec::new();
            while let Some(event) = events.recv().await {
                match event {
                    Event::TargetStarted { target, .. } => told.push((target.0, "begun")),
                    Event::TargetFinished { target, .. } => told.push((target.0, "done")),
                    _ => {}
                }
            }
            told
        };
        let (_, told) = tokio::join!(run(plan, setup, sender), read);
        assert_eq!(told.len(), 8, "{told:?}");
        told
    }

    #[tokio::test]
    async fn a_document_keeps_few_targets_beyond_the_oldest_that_is_not_over() {
        let told = course(Sequence::Ordered).await;
        let place = |what| told.iter().position(|told| *told == what);
        assert!(place((1, "done")) < place((0, "done")), "{told:?}");
        assert!(place((0, "done")) < place((2, "begun")), "{told:?}");
    }

    #[tokio::test]
    async fn without_a_document_no_target_waits_for_a_slow_one() {
        let told = course(Sequence::Unordered).await;
        assert_eq!(told.last(), Some(&(0, "done")), "{told:?}");
    }

    /// With one socket too, for which the name does not wait.
    #[tokio::test]
    async fn a_name_is_told_when_the_last_of_its_nodes_is_over() {
        let node = |node_of: Option<&str>| Target {
            name: node_of.map_or("mail.example.com", |_| "node").to_owned(),
            node_of: node_of.map(str::to_owned),
            ..target(Vec::new())
        };
        let name = Some("mail.example.com");
        let mut plan = plan(vec![node(None), node(name), node(name)]);
        plan.limits.jobs = 1;
        let setup = setup(&plan, Sequence::Ordered);
        let (sender, mut events) = channel();
        let read = async {
            let mut ended = Vec::new();
            while let Some(event) = events.recv().await {
                if let Event::TargetFinished { target, finding } = event {
                    ended.push((target.0, finding.node_of.is_some()));
                }
            }
            ended
        };
        let (finished, ended) = tokio::join!(run(plan, setup, sender), read);
        assert_eq!(ended, [(1, true), (2, true), (0, false)]);
        assert_eq!(finished.summary.targets, 3);
    }

    /// A reader that takes nothing: what has begun comes to its end, nothing new begins, and nothing is lost.
    #[tokio::test]
    async fn a_slow_reader_pauses_the_start_of_targets_and_loses_nothing() {
        const COUNT: usize = 200;
        let plan = plan((0..COUNT).map(|_| target(Vec::new())).collect());
        let setup = setup(&plan, Sequence::Unordered);
        let (sender, mut events) = mpsc::channel(4);
        let taken = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&taken);
        let targets = (0..COUNT).map(move |_| {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            target(Vec::new())
        });
        let shared = Arc::new(RunSetup {
            kept: Arc::default(),
            lookup: None,
            began: Instant::now(),
            sockets: setup.sockets,
            deadline: None,
            halt: Halt::never(),
            plan,
            roots: setup.roots,
            identity: None,
            now: OffsetDateTime::UNIX_EPOCH,
            controls: Controls::new(&[]),
            via: None,
        });
        let running = tokio::spawn(async move {
            let source = ComingTargets::new(targets, None);
            all_targets(&shared, source, None, Sequence::Unordered, &sender).await
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let begun = taken.load(std::sync::atomic::Ordering::Relaxed);
        assert!((1..=8).contains(&begun), "{begun} were begun");
        let mut finished = 0;
        while let Some(event) = events.recv().await {
            finished += usize::from(matches!(event, Event::TargetFinished { .. }));
        }
        assert_eq!(finished, COUNT);
        let summary = running.await.expect("it does not break");
        assert_eq!(summary.targets, COUNT);
    }
}
