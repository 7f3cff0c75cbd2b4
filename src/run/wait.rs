//! `--wait`: looks again, with growing pauses, at what has not passed, until all is well or time is up.
//!
//! What was seen in earlier rounds is not told, only what the last one came to; what has passed once is kept, and is not
//! asked again. The round that is under way when time is up goes on to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::events::{channel, tell};
use super::setup::{Kept, Setup};
use super::targets::run;
use crate::event::{Event, RunEnd, RunFinished};
use crate::finding::Status;
use crate::plan::Plan;

/// How long to wait, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Wait<W> {
    /// When there is no further round.
    pub patience: Duration,
    /// Whether there is nothing left to wait for.
    pub is_well: W,
}

/// Runs the plan until all is well, and tells the last round; `show` is told after each other round what came of it
/// and how long was waited so far.
pub async fn until_well(
    plan: Plan,
    setup: Setup,
    wait: Wait<impl Fn(&RunFinished) -> bool>,
    mut show: impl FnMut(&[Event], Duration),
    events: mpsc::Sender<Event>,
) -> RunFinished {
    let began = Instant::now();
    let deadline = plan.limits.run;
    let mut halt = setup.cancellation.halt.clone();
    let mut kept = Kept::default();
    let mut rounds = 0;
    loop {
        let mut plan = plan.clone();
        // It bounds the whole run, not each round.
        plan.limits.run = deadline.map(|run| run.saturating_sub(began.elapsed()));
        let setup = Setup {
            kept: Arc::new(kept.clone()),
            ..setup.clone()
        };
        let (mut finished, round) = one_round(plan, setup).await;
        rounds += 1;
        finished.took = began.elapsed();
        finished.summary.rounds = rounds;
        let is_last = (wait.is_well)(&finished)
            || finished.end != RunEnd::Complete
            || began.elapsed() >= wait.patience
            || deadline.is_some_and(|run| began.elapsed() >= run);
        if is_last {
            for event in round {
                let event = match event {
                    Event::RunFinished(_) => Event::RunFinished(finished),
                    other => other,
                };
                tell(&events, event).await;
            }
            return finished;
        }
        show(&round, began.elapsed());
        keep(&round, &mut kept);
        let left = wait.patience.saturating_sub(began.elapsed());
        tokio::select! {
            () = tokio::time::sleep(pause(began.elapsed()).min(left)) => {}
            () = halt.said() => {}
        }
    }
}

/// A round, and what it told.
async fn one_round(plan: Plan, setup: Setup) -> (RunFinished, Vec<Event>) {
    let (sender, mut receiver) = channel();
    let read = async {
        let mut told = Vec::new();
        while let Some(event) = receiver.recv().await {
            told.push(event);
        }
        told
    };
    tokio::join!(run(plan, setup, sender), read)
}

/// How long until the next round: an eighth of what was waited so far, so that it is seen within a second that a server
/// is up which was away for a few, and one that is away for long is left in peace.
fn pause(so_far: Duration) -> Duration {
    (so_far / 8).clamp(Duration::from_millis(250), Duration::from_secs(10))
}

fn keep(events: &[Event], kept: &mut Kept) {
    for event in events {
        if let Event::CheckFinished {
            target,
            row,
            finding,
        } = event
            && finding.status == Status::Pass
        {
            kept.insert((*target, *row), finding.observation.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_the_time_that_was_waited() {
        for (so_far, expected) in [
            (0, 250),
            (1_000, 250),
            (5_000, 625),
            (30_000, 3_750),
            (600_000, 10_000),
        ] {
            let so_far = Duration::from_millis(so_far);
            assert_eq!(pause(so_far), Duration::from_millis(expected));
        }
    }
}
