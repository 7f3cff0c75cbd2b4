//! One target: its name is looked up, its rows are checked all at once, then it is judged.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;

use super::again::{ask_again, is_open_question};
use super::behind::Dependencies;
use super::check::{DialTerms, ask, one_check};
use super::control::control;
use super::port_25::port_25;
use super::rows::{
    PlannedRow, at_its_place, before, broken, expect_by_address, not_resolved, only, rows,
};
use super::setup::RunSetup;
use crate::catalog::Role;
use crate::event::{Event, TargetId};
use crate::finding::Finding;
use crate::judge::{self, Context, Surroundings};
use crate::net::{Lookup, TlsAsk, resolve};
use crate::observation::{Cause, Failure, Observation, Stage};
use crate::plan::{Check, Host, Target};

pub(super) async fn one_target(
    shared: Arc<RunSetup>,
    id: TargetId,
    target: Arc<Target>,
    sender: Sender,
) {
    let lookup = look_up(&shared, &target).await;
    let addresses = lookup.addresses.clone().unwrap_or_default();
    let name = shared.name_for_proxy(&target);
    let mut rows = rows(&shared.plan, &target, &addresses, name.as_deref());
    expect_by_address(&target, &addresses, &mut rows);
    let events = TargetEvents {
        sender,
        id,
        is_held: target.role == Role::Auto,
    };
    events.tell(Event::TargetResolved {
        target: id,
        checks: rows.iter().map(|(check, _)| check.service.id).collect(),
    });
    let terms = DialTerms {
        tls: Arc::new(TlsAsk {
            host: target.server_name.clone(),
            identity: shared.identity.clone(),
            roots: Arc::clone(&shared.roots),
        }),
        via: shared.via(&target),
        on_secure: None,
    };
    let checks = begin_checks(&shared, id, &target, &rows, &lookup, &terms);
    let context = shared.context(&target);
    let mut findings = all_checks(checks, &rows, &context, &events).await;
    let open: Vec<bool> = findings
        .iter()
        .map(|place| place.as_deref().is_some_and(is_open_question))
        .collect();
    ask_again(&shared, &target, &rows, &mut findings, &terms).await;
    if !events.is_held {
        for (row, finding) in findings.iter().enumerate() {
            if let (Some(finding), Some(true)) = (finding, open.get(row)) {
                events.tell_check(row, Arc::clone(finding));
            }
        }
    }
    let findings: Vec<Arc<Finding>> = findings.into_iter().flatten().collect();
    let around = Surroundings {
        addresses,
        resolve: lookup.took,
        port_25: port_25(&shared, &target, &findings, &terms).await,
        control: control(&shared, &target, &findings, terms).await,
    };
    let verdict = if events.is_held {
        let seen: Vec<(Check, Observation)> = findings
            .into_iter()
            .map(|finding| (finding.check, Arc::unwrap_or_clone(finding).observation))
            .collect();
        let (findings, verdict) = judge::judge_by_signs(&target, &around, &seen, &context);
        for (row, finding) in findings.into_iter().enumerate() {
            events.tell_check(row, Arc::new(finding));
        }
        verdict
    } else {
        judge::judge_target(&target, around, &findings, &context)
    };
    events.tell(Event::TargetFinished {
        target: id,
        finding: Arc::new(verdict),
    });
}

/// Tells what there is of one target.
struct TargetEvents {
    sender: Sender,
    id: TargetId,
    /// Where the role is found from all rows, none of them can be judged before the last.
    is_held: bool,
}

impl TargetEvents {
    fn tell(&self, event: Event) {
        // Nobody listens only when the run is over.
        drop(self.sender.send(event));
    }

    fn tell_check(&self, row: usize, finding: Arc<Finding>) {
        self.tell(Event::CheckFinished {
            target: self.id,
            row,
            finding,
        });
    }

    /// One that may still change was only seen.
    fn tell_ended(&self, row: usize, finding: &Arc<Finding>) {
        if self.is_held || is_open_question(finding) {
            self.tell(Event::CheckSeen {
                target: self.id,
                row,
            });
        } else {
            self.tell_check(row, Arc::clone(finding));
        }
    }
}

/// The checks that are under way, and which task is which row.
struct Checks {
    running: JoinSet<(usize, Finding)>,
    tasks: Vec<task::Id>,
}

/// Begins them all at once; those behind 443 wait for it by themselves.
fn begin_checks(
    shared: &Arc<RunSetup>,
    id: TargetId,
    target: &Arc<Target>,
    rows: &[PlannedRow],
    lookup: &Lookup,
    terms: &DialTerms,
) -> Checks {
    let mut running = JoinSet::new();
    // Only the checks in front can speak for themselves: should one break, nobody waits for it, since this ends here.
    let dependencies = Dependencies::of(rows);
    let mut tasks = Vec::with_capacity(rows.len());
    for (row, (check, endpoints)) in rows.iter().enumerate() {
        let (shared, target) = (Arc::clone(shared), Arc::clone(target));
        let (check, endpoints) = (*check, endpoints.clone());
        let unresolved = lookup.addresses.as_ref().err().cloned();
        let ask = ask(&shared.plan, &target, check);
        let dependency = dependencies.dependency(&check, &endpoints);
        let terms = DialTerms {
            on_secure: dependency.on_secure(),
            ..terms.clone()
        };
        let only = only(&endpoints);
        let task = running.spawn(async move {
            let observation = match unresolved {
                Some(failure) => not_resolved(failure),
                None => match shared.kept.get(&(id, row)) {
                    Some(known) => known.clone(),
                    None => match dependency.endpoints(endpoints).await {
                        Ok(endpoints) => one_check(&shared, endpoints, ask, terms).await,
                        Err(seen) => *seen,
                    },
                },
            };
            dependency.tell(&observation);
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
    Checks { running, tasks }
}

/// Waits for all of them, and tells of each as it ends.
async fn all_checks(
    mut checks: Checks,
    rows: &[PlannedRow],
    context: &Context<'_>,
    events: &TargetEvents,
) -> Vec<Option<Arc<Finding>>> {
    let mut findings: Vec<Option<Arc<Finding>>> = vec![None; rows.len()];
    while let Some(ended) = checks.running.join_next().await {
        let Some((row, finding)) = finished_row(ended, &checks.tasks, rows, context) else {
            continue;
        };
        let finding = Arc::new(finding);
        events.tell_ended(row, &finding);
        if let Some(place) = findings.get_mut(row) {
            *place = Some(finding);
        }
    }
    findings
}

/// The row whose check has ended. A defect of ours in one check is that check's finding; the others go on.
fn finished_row(
    ended: Result<(usize, Finding), JoinError>,
    tasks: &[task::Id],
    rows: &[PlannedRow],
    context: &Context<'_>,
) -> Option<(usize, Finding)> {
    match ended {
        Ok(judged) => Some(judged),
        Err(error) => {
            let row = tasks.iter().position(|task| *task == error.id())?;
            let (check, endpoints) = rows.get(row)?;
            let seen = at_its_place(broken(), only(endpoints));
            Some((row, judge::judge(*check, seen, context)))
        }
    }
}

async fn look_up(shared: &RunSetup, target: &Target) -> Lookup {
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
    // The proxy looks it up.
    if cause.is_none() && shared.name_for_proxy(target).is_some() {
        return Lookup {
            addresses: Ok(Vec::new()),
            took: None,
        };
    }
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
    if let Some(known) = &shared.lookup {
        return known.clone();
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

type Sender = mpsc::UnboundedSender<Event>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ServiceId;
    use crate::plan::Standards;
    use crate::run::fixture::{check, open};
    use std::net::SocketAddr;
    use time::OffsetDateTime;

    #[tokio::test]
    async fn a_check_that_panics_is_a_finding_and_the_others_go_on() {
        let standards = Standards::default();
        let server_name = Host::Name("mail.example.com".to_owned());
        let context = Context {
            standards: &standards,
            role: Role::Any,
            unused_proxy: None,
            server_name: &server_name,
            now: OffsetDateTime::UNIX_EPOCH,
        };
        let address = SocketAddr::from(([192, 0, 2, 25], 25));
        let rows: Vec<PlannedRow> = [ServiceId::Smtp, ServiceId::Imaps]
            .map(|id| (check(id), vec![address.into()]))
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

    /// However many reporters there are, and whoever judges the target: none of them has a copy.
    #[test]
    fn what_is_told_of_a_check_is_shared() {
        let standards = Standards::default();
        let server_name = Host::Name("mail.example.com".to_owned());
        let context = Context {
            standards: &standards,
            role: Role::Any,
            unused_proxy: None,
            server_name: &server_name,
            now: OffsetDateTime::UNIX_EPOCH,
        };
        let finding = Arc::new(judge::judge(check(ServiceId::Imaps), open(), &context));
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let events = TargetEvents {
            sender,
            id: TargetId(0),
            is_held: false,
        };
        events.tell_ended(0, &finding);
        let told = match receiver.try_recv() {
            Ok(Event::CheckFinished { finding, .. }) => Some(finding),
            _ => None,
        };
        assert!(told.is_some_and(|told| Arc::ptr_eq(&told, &finding)));
    }
}
