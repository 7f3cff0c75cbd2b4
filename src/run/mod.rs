//! # run: who goes when
//!
//! Takes a plan and tells events: every target resolved, its checks all at once, each judged as it comes in, the target
//! judged when the last one has. Limits, deadline and interrupt are kept here and in `net`. Every row of the plan gets
//! its finding, whatever happens; `RunFinished` comes exactly once, last. It knows neither what is said on a
//! connection nor how anything is told.
//!
//! Start reading at [`run`].

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;

pub use wait::{Wait, until_well};

mod wait;

use crate::baseline::Before;
use crate::catalog::{Group, Role, ServiceId};
use crate::event::{Event, RunEnd, RunFinished, Summary, TargetId};
use crate::finding::Finding;
use crate::judge::{self, Context, Control, Surroundings};
use crate::net::{Gate, Halt, Lookup, Roots, TcpDial, TlsAsk, resolve};
use crate::observation::{Cause, Failure, Observation, Stage, State};
use crate::plan::{Addresses, Audit, Check, Depth, Host, Plan, Target};
use crate::probe::{Ask, probe};

/// What was seen of rows in an earlier round, so that they need not be looked at again: by target and row.
pub type Kept = HashMap<(TargetId, usize), Observation>;

/// What a run is given beside its plan.
#[derive(Clone, Debug)]
pub struct Setup {
    /// When it begins.
    pub started_at: OffsetDateTime,
    /// Whom to trust.
    pub roots: Arc<Roots>,
    /// The limits on sockets; runs that share one keep them together.
    pub gate: Arc<Gate>,
    /// Whether targets wait for one another.
    pub sequence: Sequence,
    /// What ends it early.
    pub cancellation: Cancellation,
    /// What is known already.
    pub kept: Arc<Kept>,
}

/// Whether a target may be far ahead of those before it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sequence {
    /// A document keeps the order of targets, and would have to keep what is far ahead.
    #[default]
    Ordered,
    /// Each is told as it comes.
    Unordered,
}

/// What ends a run early.
#[derive(Clone, Debug)]
pub struct Cancellation {
    /// Ends every wait.
    pub halt: Halt,
    /// How it ended, when somebody ended it.
    pub end: Arc<OnceLock<RunEnd>>,
}

/// As many events as [`channel`] keeps for a reader.
const EVENTS: usize = 256;

/// A way for events that keeps few of them: while its reader is slow, no further target is begun.
#[must_use]
pub fn channel() -> (mpsc::Sender<Event>, mpsc::Receiver<Event>) {
    mpsc::channel(EVENTS)
}

/// Runs a plan and tells what happens, in order. A reader that is slow keeps no check waiting that is under way, only
/// targets that have not begun; one that is gone is no reason to stop.
pub async fn run(mut plan: Plan, setup: Setup, events: mpsc::Sender<Event>) -> RunFinished {
    let began = Instant::now();
    let at = setup.started_at;
    let targets = mem::take(&mut plan.targets);
    let started = Event::RunStarted {
        at,
        targets: targets.len(),
    };
    tell(&events, started).await;
    let shared = Arc::new(Shared {
        gate: setup.gate,
        deadline: plan.limits.run.map(|patience| began + patience),
        halt: setup.cancellation.halt,
        kept: setup.kept,
        began,
        plan,
        roots: setup.roots,
        now: at,
    });
    let summary = all_targets(&shared, targets, setup.sequence, &events).await;
    let finished = RunFinished {
        summary,
        took: began.elapsed(),
        end: setup.cancellation.end.get().copied().unwrap_or_default(),
    };
    tell(&events, Event::RunFinished(finished)).await;
    finished
}

/// Waits until there is room for it.
async fn tell(events: &mpsc::Sender<Event>, event: Event) {
    // Nobody listens any more: what is found is still counted.
    drop(events.send(event).await);
}

/// What all checks of a run share.
#[derive(Debug)]
struct Shared {
    plan: Plan,
    roots: Arc<Roots>,
    gate: Arc<Gate>,
    kept: Arc<Kept>,
    began: Instant,
    deadline: Option<Instant>,
    halt: Halt,
    now: OffsetDateTime,
}

impl Shared {
    fn context<'a>(&'a self, target: &'a Target) -> Context<'a> {
        Context {
            standards: &self.plan.standards,
            role: target.role,
            server_name: &target.server_name,
            now: self.now,
        }
    }
}

/// Which targets may begin.
struct Admission {
    sequence: Sequence,
    /// So many at once; in a document, so many beyond the oldest that is not finished.
    window: usize,
    begun: usize,
    finished: usize,
    /// The first that is not finished.
    oldest: usize,
    /// Those after it that are.
    ahead: BTreeSet<usize>,
}

impl Admission {
    fn new(sequence: Sequence, window: usize) -> Self {
        Self {
            sequence,
            window: window.max(1),
            begun: 0,
            finished: 0,
            oldest: 0,
            ahead: BTreeSet::new(),
        }
    }

    fn is_open(&self) -> bool {
        let first = match self.sequence {
            Sequence::Ordered => self.oldest,
            Sequence::Unordered => self.finished,
        };
        self.begun < first.saturating_add(self.window)
    }

    fn begin(&mut self) -> TargetId {
        let target = TargetId(self.begun);
        self.begun += 1;
        target
    }

    fn finish(&mut self, target: TargetId) {
        self.finished += 1;
        self.ahead.insert(target.0);
        while self.ahead.remove(&self.oldest) {
            self.oldest += 1;
        }
    }
}

/// Takes targets as there is room for them, and passes on what they tell. Theirs is a channel without a bound, since no
/// check may wait for a reader; what is in it is bounded by the targets under way.
async fn all_targets(
    shared: &Arc<Shared>,
    targets: impl IntoIterator<Item = Target>,
    sequence: Sequence,
    events: &mpsc::Sender<Event>,
) -> Summary {
    let mut targets = targets.into_iter().fuse();
    let mut admission = Admission::new(sequence, shared.plan.limits.jobs);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut running = JoinSet::new();
    let mut summary = Summary::default();
    loop {
        while admission.is_open()
            && let Some(target) = targets.next()
        {
            let id = admission.begin();
            let started = Event::TargetStarted {
                target: id,
                name: target.name.clone(),
                role: target.role,
            };
            tell(events, started).await;
            running.spawn(one_target(
                Arc::clone(shared),
                id,
                Arc::new(target),
                sender.clone(),
            ));
        }
        let event = tokio::select! {
            biased;
            Some(event) = receiver.recv() => event,
            ended = running.join_next() => match ended {
                Some(Ok(())) => continue,
                Some(Err(error)) => pass_on(error),
                // What the last of them told stands before its end.
                None => break,
            },
        };
        match &event {
            Event::CheckFinished { finding, .. } => summary.add_check(finding),
            Event::TargetFinished { target, finding } => {
                summary.add_target(finding);
                admission.finish(*target);
            }
            _ => {}
        }
        tell(events, event).await;
    }
    summary
}

/// A target whose own task broke would leave a gap in every document: a run that does not know what it told must not
/// end as if it did.
fn pass_on(error: JoinError) -> ! {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => panic!("a target was given up: {error}"),
    }
}

type Sender = mpsc::UnboundedSender<Event>;

async fn one_target(shared: Arc<Shared>, id: TargetId, target: Arc<Target>, sender: Sender) {
    // Nobody listens only when the run is over.
    let tell = |event| drop(sender.send(event));
    let lookup = look_up(&shared, &target).await;
    let addresses = lookup.addresses.clone().unwrap_or_default();
    let mut rows = rows(&shared.plan, &target, &addresses);
    expect_by_address(&target, &addresses, &mut rows);
    // Where the role is found from all rows, none of them can be judged before the last.
    let is_held = target.role == Role::Auto;
    tell(Event::TargetResolved {
        target: id,
        checks: rows.iter().map(|(check, _)| check.service.id).collect(),
    });
    let mut checks = JoinSet::new();
    let tls = Arc::new(TlsAsk {
        host: target.server_name.clone(),
        roots: Arc::clone(&shared.roots),
    });
    let mut fronts = Fronts::new();
    let mut findings: Vec<Option<Finding>> = vec![None; rows.len()];
    let mut tasks = Vec::with_capacity(rows.len());
    for (row, (check, addresses)) in rows.iter().enumerate() {
        let (shared, tls) = (Arc::clone(&shared), Arc::clone(&tls));
        let target = Arc::clone(&target);
        let (check, addresses) = (*check, addresses.clone());
        let unresolved = lookup.addresses.as_ref().err().cloned();
        let ask = ask(&shared.plan, &target, check);
        let place = fronts.place(&check, &addresses);
        let only = only(&addresses);
        let task = checks.spawn(async move {
            let observation = match unresolved {
                Some(failure) => not_resolved(failure),
                None => match shared.kept.get(&(id, row)) {
                    Some(known) => known.clone(),
                    None => match place.way(addresses).await {
                        Ok(addresses) => one_check(&shared, addresses, ask, tls).await,
                        Err(seen) => *seen,
                    },
                },
            };
            place.tell(&observation);
            let observation = at_its_place(observation, only);
            let observation = Observation {
                before: before(&shared.plan, &target, check, observation.address),
                ..observation
            };
            let context = shared.context(&target);
            (row, judge::judge(check, observation, &context))
        });
        tasks.push(task.id());
    }
    // From here on only the check of 443 can speak for it: should it break, nobody waits for it.
    drop(fronts);
    let context = shared.context(&target);
    while let Some(ended) = checks.join_next().await {
        let Some((row, finding)) = finished_row(ended, &tasks, &rows, &context) else {
            continue;
        };
        let event = if is_held {
            Event::CheckSeen { target: id, row }
        } else {
            Event::CheckFinished {
                target: id,
                row,
                finding: Arc::new(finding.clone()),
            }
        };
        tell(event);
        if let Some(place) = findings.get_mut(row) {
            *place = Some(finding);
        }
    }
    let findings: Vec<Finding> = findings.into_iter().flatten().collect();
    let around = Surroundings {
        addresses,
        resolve: lookup.took,
        control: control(&shared, &target, &findings, tls).await,
    };
    let verdict = if is_held {
        let seen: Vec<(Check, Observation)> = findings
            .into_iter()
            .map(|finding| (finding.check, finding.observation))
            .collect();
        let (findings, verdict) = judge::judge_by_signs(&target, &around, &seen, &context);
        for (row, finding) in findings.into_iter().enumerate() {
            tell(Event::CheckFinished {
                target: id,
                row,
                finding: Arc::new(finding),
            });
        }
        verdict
    } else {
        judge::judge_target(&target, around, &findings, &context)
    };
    tell(Event::TargetFinished {
        target: id,
        finding: Arc::new(verdict),
    });
}

/// A row of a target, and where it is looked at.
type Row = (Check, Vec<SocketAddr>);

/// The row whose check has ended. A defect of ours in one check is that check's finding; the others go on.
fn finished_row(
    ended: Result<(usize, Finding), JoinError>,
    tasks: &[task::Id],
    rows: &[Row],
    context: &Context<'_>,
) -> Option<(usize, Finding)> {
    match ended {
        Ok(judged) => Some(judged),
        Err(error) => {
            let row = tasks.iter().position(|task| *task == error.id())?;
            let (check, addresses) = rows.get(row)?;
            let seen = at_its_place(broken(), only(addresses));
            Some((row, judge::judge(*check, seen, context)))
        }
    }
}

/// A second round, when every port accepted and it is doubtful that all of them meant it: one port more, on which nobody
/// should be.
async fn control(
    shared: &Shared,
    target: &Target,
    findings: &[Finding],
    tls: Arc<TlsAsk>,
) -> Option<Control> {
    if !judge::calls_for_control(findings) || !is_doubtful(shared.plan.depth, findings) {
        return None;
    }
    let open = findings
        .iter()
        .find(|finding| finding.observation.state == Some(State::Open))?;
    let ip = open.observation.address?.ip();
    let port = unused_port(shared.now, target);
    let ask = Ask {
        depth: Depth::TcpOnly,
        audit: Audit::No,
        ..ask(&shared.plan, target, open.check)
    };
    let seen = one_check(shared, vec![SocketAddr::new(ip, port)], ask, tls).await;
    Some(Control {
        port,
        state: seen.state,
    })
}

/// Whether open ports may be somebody else's who answers for all. Where each of them spoke its protocol there is nothing
/// to find out, and a firewall would make it cost a timeout; of those that were only connected to nobody knows.
fn is_doubtful(depth: Depth, findings: &[Finding]) -> bool {
    let is_mute = |finding: &Finding| {
        finding.observation.failure.as_ref().is_some_and(|failure| {
            matches!(
                failure.cause,
                Cause::Silent | Cause::Closed | Cause::Reset | Cause::ClosedOnHello
            )
        })
    };
    depth == Depth::TcpOnly || findings.iter().any(is_mute)
}

/// A high port that nobody was asked for; another one each time.
fn unused_port(now: OffsetDateTime, target: &Target) -> u16 {
    const FIRST: u16 = 49_152;
    // The remainder is under 16,000.
    let start = FIRST + u16::try_from(now.microsecond() % 16_000).unwrap_or(0);
    (start..=u16::MAX)
        .find(|port| target.checks.iter().all(|check| check.port != *port))
        .unwrap_or(FIRST)
}

/// What the check of 443 saw, for the web services behind it, which wait for it: a port that does not open, or does not
/// shake hands, is not asked nine times more. One for each set of endpoints.
type Front = watch::Sender<Option<Arc<Observation>>>;

struct Fronts(Vec<(Vec<SocketAddr>, Arc<Front>)>);

/// Where a check stands with regard to 443.
enum Place {
    /// It is the check of 443 itself.
    Front(Arc<Front>),
    /// It is behind it.
    Behind(watch::Receiver<Option<Arc<Observation>>>),
    /// It has nothing to do with it, or 443 is not looked at.
    Elsewhere,
}

impl Fronts {
    fn new() -> Self {
        Self(Vec::new())
    }

    /// INVARIANT: 443 stands before the web group in the catalog, so its place is asked for first.
    fn place(&mut self, check: &Check, addresses: &[SocketAddr]) -> Place {
        if check.service.id == ServiceId::Https {
            let front = Arc::new(watch::Sender::new(None));
            self.0.push((addresses.to_vec(), Arc::clone(&front)));
            return Place::Front(front);
        }
        let front = self.0.iter().find(|(known, _)| known == addresses);
        match front {
            Some((_, front)) if check.service.group == Group::Web => {
                Place::Behind(front.subscribe())
            }
            _ => Place::Elsewhere,
        }
    }
}

impl Place {
    fn tell(&self, observation: &Observation) {
        if let Self::Front(front) = self {
            front.send_replace(Some(Arc::new(observation.clone())));
        }
    }

    /// Where the service is to be asked: at the address that answered on 443, where that was looked at, so that both
    /// rows tell of one machine. Else what 443 showed that makes a check of its own needless.
    async fn way(&self, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Box<Observation>> {
        let Self::Behind(front) = self else {
            return Ok(addresses);
        };
        let mut front = front.clone();
        let told = front.wait_for(Option::is_some).await;
        let Some(seen) = told.as_deref().ok().and_then(Option::as_deref) else {
            // It broke before it could tell: that is not 443's fault.
            return Err(Box::new(broken()));
        };
        if seen.state != Some(State::Open) {
            return Err(Box::new(not_asked(seen, Cause::HttpsNotOpen)));
        }
        let is_secure = seen.tls.as_ref().is_some_and(|tls| tls.version.is_some());
        if !is_secure || seen.detour.is_some() {
            return Err(Box::new(not_asked(seen, Cause::HttpsUnusable)));
        }
        Ok(seen.address.map_or(addresses, |answered| vec![answered]))
    }
}

async fn look_up(shared: &Shared, target: &Target) -> Lookup {
    let host = match target.address {
        Some(address) => Host::Address(address),
        None => target.host.clone(),
    };
    let cause = if shared.halt.is_said() {
        Some(Cause::Interrupted)
    } else if shared.deadline.is_some_and(|end| end <= Instant::now()) {
        Some(Cause::Deadline)
    } else {
        None
    };
    if let Some(cause) = cause {
        return Lookup {
            addresses: Err(Failure {
                stage: Stage::Resolve,
                cause,
                detail: None,
            }),
            took: None,
        };
    }
    resolve(
        &host,
        shared.plan.reach,
        shared.plan.limits.resolve,
        shared.deadline,
        &shared.halt,
    )
    .await
}

/// The rows of a target: a service each, or a service at an address each; with the addresses to dial, preferred first.
fn rows(plan: &Plan, target: &Target, addresses: &[IpAddr]) -> Vec<Row> {
    let endpoints = |check: &Check, addresses: &[IpAddr]| -> Vec<SocketAddr> {
        addresses
            .iter()
            .map(|address| SocketAddr::new(*address, check.port))
            .collect()
    };
    let each_address = plan.reach.addresses == Addresses::Every && addresses.len() > 1;
    let mut rows = Vec::new();
    for check in &target.checks {
        if each_address {
            for address in addresses {
                rows.push((*check, endpoints(check, &[*address])));
            }
        } else {
            rows.push((*check, endpoints(check, addresses)));
        }
    }
    rows
}

/// What a role forbids on public addresses only; the plan was made before they were known.
fn expect_by_address(target: &Target, addresses: &[IpAddr], rows: &mut [Row]) {
    if target.role != Role::Mail {
        return;
    }
    for (check, _) in rows {
        if !target.named.contains(&check.service.id) {
            check.expect = judge::expected(target.role, check.service.id, addresses);
        }
    }
}

fn ask(plan: &Plan, target: &Target, check: Check) -> Ask {
    Ask {
        service: check.service,
        port: check.port,
        host: target.server_name.clone(),
        ehlo_name: plan.ehlo_name.clone(),
        depth: plan.depth,
        audit: plan.audit,
        transcripts: plan.transcripts,
    }
}

async fn one_check(
    shared: &Shared,
    addresses: Vec<SocketAddr>,
    ask: Ask,
    tls: Arc<TlsAsk>,
) -> Observation {
    let dial = TcpDial::new(
        addresses,
        shared.plan.reach.source,
        shared.plan.limits,
        shared.deadline,
        shared.halt.clone(),
        Arc::clone(&shared.gate),
        tls,
    );
    let began = shared.began.elapsed();
    Observation {
        began: Some(began),
        ..probe(&dial, &ask).await
    }
}

/// A web service behind a 443 that is of no use; where this machine or the run was the reason, that is told again.
fn not_asked(front: &Observation, cause: Cause) -> Observation {
    let ours = front
        .failure
        .clone()
        .filter(|failure| failure.cause.is_ours());
    Observation {
        failure: ours.or(Some(Failure {
            stage: Stage::Connect,
            cause,
            detail: None,
        })),
        // It would have been asked there.
        address: front.address,
        ..Observation::default()
    }
}

/// What an earlier run saw there, where there is one to compare with.
fn before(
    plan: &Plan,
    target: &Target,
    check: Check,
    address: Option<SocketAddr>,
) -> Option<Arc<Before>> {
    let baseline = plan.baseline.as_ref()?;
    baseline.before(&target.name, check.service.name, address)
}

/// The only endpoint that a row can be about; `None` where several are raced.
fn only(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    match addresses {
        [only] => Some(*only),
        _ => None,
    }
}

/// A row that was never dialled is still about its endpoint: service and address are its key.
fn at_its_place(seen: Observation, only: Option<SocketAddr>) -> Observation {
    Observation {
        address: seen.address.or(only),
        ..seen
    }
}

fn not_resolved(failure: Failure) -> Observation {
    let state = (!failure.cause.is_ours()).then_some(State::Unresolved);
    Observation {
        state,
        failure: Some(failure),
        ..Observation::default()
    }
}

fn broken() -> Observation {
    Observation {
        failure: Some(Failure {
            stage: Stage::Connect,
            cause: Cause::Internal,
            detail: None,
        }),
        ..Observation::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Expectation, service};
    use crate::facts::{TlsFacts, TlsVersion};
    use crate::plan::{Limits, Reach, Standards, Stores, Transcripts, Trust};
    use std::time::Duration;

    fn check(id: ServiceId) -> Check {
        Check {
            service: service(id),
            port: 443,
            expect: Expectation::Required,
        }
    }

    fn failing(stage: Stage, cause: Cause) -> Observation {
        Observation {
            state: Some(State::Open),
            failure: Some(Failure {
                stage,
                cause,
                detail: None,
            }),
            ..Observation::default()
        }
    }

    fn open() -> Observation {
        Observation {
            state: Some(State::Open),
            ..Observation::default()
        }
    }

    /// What a web service tells that stands behind this; `None` when it is asked itself.
    async fn behind(front: Observation) -> Option<Option<Cause>> {
        let addresses = [SocketAddr::from(([192, 0, 2, 25], 443))];
        let mut fronts = Fronts::new();
        let https = fronts.place(&check(ServiceId::Https), &addresses);
        let owa = fronts.place(&check(ServiceId::Owa), &addresses);
        https.tell(&front);
        let seen = owa.way(addresses.to_vec()).await.err()?;
        Some(seen.failure.map(|failure| failure.cause))
    }

    #[tokio::test]
    async fn what_is_not_asked_keeps_its_address() {
        let [v4, v6] = ["192.0.2.25:443", "[2001:db8::25]:443"]
            .map(|address| address.parse::<SocketAddr>().expect("an address"));
        let mut fronts = Fronts::new();
        for address in [v4, v6] {
            let https = fronts.place(&check(ServiceId::Https), &[address]);
            https.tell(&Observation {
                address: Some(address),
                state: Some(State::Closed),
                ..failing(Stage::Connect, Cause::Refused)
            });
            let owa = fronts.place(&check(ServiceId::Owa), &[address]);
            let seen = owa.way(vec![address]).await.expect_err("it is not asked");
            assert_eq!((seen.address, seen.state), (Some(address), None));
        }
        // One that was not dialled is about its endpoint, where it has one of its own.
        assert_eq!(at_its_place(broken(), only(&[v4])).address, Some(v4));
        assert_eq!(at_its_place(broken(), only(&[v4, v6])).address, None);
        let answered = Observation {
            address: Some(v6),
            ..open()
        };
        assert_eq!(at_its_place(answered, only(&[v4])).address, Some(v6));
    }

    fn secure(observation: Observation) -> Observation {
        Observation {
            tls: Some(TlsFacts {
                version: Some(TlsVersion::Tls13),
                ..TlsFacts::default()
            }),
            ..observation
        }
    }

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
        }
    }

    /// A plan of these targets, two of them at once.
    fn plan(targets: Vec<Target>) -> Plan {
        let moment = Duration::from_millis(300);
        Plan {
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
                ..Limits::for_check(moment, moment)
            },
        }
    }

    fn setup(plan: &Plan, sequence: Sequence) -> Setup {
        Setup {
            started_at: OffsetDateTime::UNIX_EPOCH,
            roots: Arc::new(Roots::new(&plan.trust).expect("no file to read")),
            gate: Gate::new(plan.limits.jobs, plan.limits.per_address),
            sequence,
            cancellation: Cancellation {
                halt: Halt::never(),
                end: Arc::default(),
            },
            kept: Arc::default(),
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
    async fn no_more_targets_are_begun_than_there_are_sockets() {
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
        let shared = Arc::new(Shared {
            kept: Arc::default(),
            began: Instant::now(),
            gate: setup.gate,
            deadline: None,
            halt: Halt::never(),
            plan,
            roots: setup.roots,
            now: OffsetDateTime::UNIX_EPOCH,
        });
        let running = tokio::spawn(async move {
            all_targets(&shared, targets, Sequence::Unordered, &sender).await
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

    #[tokio::test]
    async fn a_check_that_panics_is_a_finding_and_the_others_go_on() {
        let standards = Standards::default();
        let server_name = Host::Name("mail.example.com".to_owned());
        let context = Context {
            standards: &standards,
            role: Role::Any,
            server_name: &server_name,
            now: OffsetDateTime::UNIX_EPOCH,
        };
        let address = SocketAddr::from(([192, 0, 2, 25], 25));
        let rows: Vec<Row> = [ServiceId::Smtp, ServiceId::Imaps]
            .map(|id| (check(id), vec![address]))
            .to_vec();
        let other = judge::judge(check(ServiceId::Imaps), open(), &context);
        let mut checks = JoinSet::new();
        let broken = checks.spawn(async { panic!("a defect that is staged") });
        let whole = checks.spawn(async move { (1, other) });
        let tasks = [broken.id(), whole.id()];
        let mut ended = Vec::new();
        while let Some(check) = checks.join_next().await {
            ended.extend(finished_row(check, &tasks, &rows, &context));
        }
        ended.sort_by_key(|(row, _)| *row);
        let causes: Vec<_> = ended
            .iter()
            .map(|(row, finding)| {
                let failure = finding.observation.failure.as_ref();
                (*row, failure.map(|failure| failure.cause))
            })
            .collect();
        assert_eq!(causes, [(0, Some(Cause::Internal)), (1, None)]);
        let seen = ended.first().map(|(_, finding)| &finding.observation);
        assert_eq!(seen.and_then(|seen| seen.address), Some(address));
    }

    #[tokio::test]
    async fn web_services_are_asked_where_443_answered() {
        let [first, second] =
            [[192, 0, 2, 25], [192, 0, 2, 26]].map(|ip| SocketAddr::from((ip, 443)));
        let both = vec![first, second];
        for (answered, asked) in [(Some(second), vec![second]), (None, both.clone())] {
            let mut fronts = Fronts::new();
            let https = fronts.place(&check(ServiceId::Https), &both);
            let owa = fronts.place(&check(ServiceId::Owa), &both);
            let imaps = fronts.place(&check(ServiceId::Imaps), &both);
            https.tell(&Observation {
                address: answered,
                ..secure(open())
            });
            assert_eq!(owa.way(both.clone()).await.ok(), Some(asked));
            assert_eq!(imaps.way(both.clone()).await.ok(), Some(both.clone()));
        }
    }

    #[tokio::test]
    async fn what_443_showed_is_told_behind_it_or_asked_again() {
        use Cause::{Alert, Deadline, HttpsNotOpen, HttpsUnusable, LegacySuitesOnly, Silent};
        let closed = Observation {
            state: Some(State::Closed),
            ..failing(Stage::Connect, Cause::Refused)
        };
        let late = Observation {
            state: None,
            ..failing(Stage::Connect, Deadline)
        };
        for (front, told) in [
            (secure(open()), None),
            (secure(failing(Stage::Application, Silent)), None),
            (
                failing(Stage::TlsHandshake, Alert(40)),
                Some(Some(HttpsUnusable)),
            ),
            (
                failing(Stage::TlsHandshake, LegacySuitesOnly),
                Some(Some(HttpsUnusable)),
            ),
            (failing(Stage::TlsHandshake, Deadline), Some(Some(Deadline))),
            (closed, Some(Some(HttpsNotOpen))),
            (late, Some(Some(Deadline))),
        ] {
            assert_eq!(behind(front.clone()).await, told, "{front:?}");
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_check_of_443_that_broke() {
        let mut fronts = Fronts::new();
        let https = fronts.place(&check(ServiceId::Https), &[]);
        let owa = fronts.place(&check(ServiceId::Owa), &[]);
        drop(fronts);
        drop(https);
        let seen = owa.way(Vec::new()).await.err();
        let failure = seen.and_then(|seen| seen.failure);
        let cause = failure.map(|failure| failure.cause);
        assert_eq!(cause, Some(Cause::Internal));
    }

    #[test]
    fn a_web_service_on_another_port_stands_behind_nothing() {
        let mut fronts = Fronts::new();
        let address = |port| SocketAddr::from(([192, 0, 2, 25], port));
        let _https = fronts.place(&check(ServiceId::Https), &[address(443)]);
        let elsewhere = fronts.place(&check(ServiceId::Owa), &[address(8443)]);
        assert!(matches!(elsewhere, Place::Elsewhere));
        let other = fronts.place(&check(ServiceId::Imaps), &[address(443)]);
        assert!(matches!(other, Place::Elsewhere));
    }

    #[test]
    fn open_ports_are_doubted_where_one_is_mute_or_none_was_talked_to() {
        let standards = Standards::default();
        let server_name = Host::Name("mail.example.com".to_owned());
        let context = Context {
            standards: &standards,
            role: Role::Any,
            server_name: &server_name,
            now: OffsetDateTime::UNIX_EPOCH,
        };
        let found = |seen| judge::judge(check(ServiceId::Https), seen, &context);
        let talks = [found(open()), found(failing(Stage::Starttls, Cause::NoTls))];
        let mute = [
            found(open()),
            found(failing(Stage::Greeting, Cause::Silent)),
        ];
        assert!(!is_doubtful(Depth::Full, &talks));
        assert!(is_doubtful(Depth::Full, &mute));
        assert!(is_doubtful(Depth::TcpOnly, &talks));
    }
}
