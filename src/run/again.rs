//! Who may have come to a limit on connections is asked once more, alone, when all others are done.

use std::sync::Arc;
use std::time::Duration;

use super::check::{DialTerms, ask, check_within};
use super::rows::{PlannedRow, at_its_place, before, only};
use super::setup::RunSetup;
use crate::finding::{Code, Finding};
use crate::judge;
use crate::observation::{Cause, Observation, State};
use crate::plan::{Endpoint, Target};

/// How long a server is left alone before it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether a row may change when it is asked again, so that it is not told before.
pub(super) fn is_open_question(finding: &Finding) -> bool {
    judge::turned_away(finding).is_some() || is_behind(finding)
}

/// Whether it was not asked because of 443.
fn is_behind(finding: &Finding) -> bool {
    let failure = finding.observation.failure.as_ref();
    failure.is_some_and(|failure| failure.cause == Cause::HttpsUnusable)
}

/// Asks those again that were turned away, one after the other, each after a pause and within
/// what is left of its time. Where one is turned away again, what looks the same is not asked: it is no limit.
pub(super) async fn ask_again(
    shared: &RunSetup,
    target: &Target,
    rows: &[PlannedRow],
    findings: &mut [Option<Arc<Finding>>],
    way: &DialTerms,
) {
    // A limit can turn all away that come at once: where nobody was answered, the first one tells.
    let mut is_any_answered = findings.iter().flatten().any(|one| is_answered(one));
    let mut in_vain: Vec<Option<Code>> = Vec::new();
    let mut opened: Vec<&[Endpoint]> = Vec::new();
    for ((check, addresses), place) in rows.iter().zip(findings) {
        let Some(finding) = place.as_ref() else {
            continue;
        };
        let away = judge::turned_away(finding);
        let told = finding.diagnoses.first().map(|told| told.code);
        let is_opened = is_behind(finding) && opened.contains(&addresses.as_slice());
        if (away.is_none() && !is_opened) || in_vain.contains(&told) {
            continue;
        }
        let took: Duration = finding.observation.steps.iter().map(|step| step.took).sum();
        let left = shared.plan.limits.check.saturating_sub(took + PAUSE);
        if left < PAUSE || !pause(shared).await {
            continue;
        }
        let seen = finding.observation.address;
        let asked = seen.map_or_else(|| addresses.clone(), |answered| vec![answered.into()]);
        let ask = ask(&shared.plan, target, *check);
        let seen = check_within(shared, asked, ask, way.clone(), left).await;
        let seen = at_its_place(seen, only(addresses));
        let seen = Observation {
            before: before(&shared.plan, target, *check, seen.address),
            turned_away: away,
            ..seen
        };
        let again = judge::judge(*check, seen, &shared.context(target));
        let is_ours = again.observation.failure.as_ref();
        if judge::turned_away(&again).is_some()
            || is_ours.is_some_and(|failure| failure.cause.is_ours())
            || again.observation.state != Some(State::Open)
        {
            if !is_any_answered {
                return;
            }
            in_vain.push(told);
            continue;
        }
        is_any_answered = true;
        if check.service.id == crate::catalog::ServiceId::Https {
            opened.push(addresses);
        }
        *place = Some(Arc::new(again));
    }
}

/// Whether somebody said something in its protocol.
fn is_answered(finding: &Finding) -> bool {
    let seen = &finding.observation;
    seen.state == Some(State::Open)
        && judge::turned_away(finding).is_none()
        && (seen.peer.is_some() || seen.failure.is_none())
}

/// Waits; whether the run goes on after it.
async fn pause(shared: &RunSetup) -> bool {
    let mut halt = shared.halt.clone();
    let end = tokio::time::Instant::now() + PAUSE;
    if shared.deadline.is_some_and(|deadline| deadline <= end) {
        return false;
    }
    tokio::select! {
        () = halt.said() => false,
        () = tokio::time::sleep_until(end) => true,
    }
}
