//! How far a run is: one line that comes and goes.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::catalog::{Group, ServiceId};
use crate::event::{Event, TargetId};
use crate::finding::Status;

use super::reporter::Reporter;

/// So few are named that are awaited.
const NAMED: usize = 5;

/// How often the line moves while nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// Shows on standard error how many checks are over, or hosts where there are several, or which the last few are that are
/// awaited, and steps aside whenever the reporter within writes: both may end on the same terminal. The line is gone when the run is over, or when this is dropped.
#[derive(Debug)]
pub struct Progress<R: Reporter> {
    within: R,
    bar: ProgressBar,
    hosts: HostsDone,
    expected: usize,
    /// What is not over, by target and row.
    awaited: BTreeMap<(TargetId, usize), ServiceId>,
}

/// How far a run of several hosts is.
#[derive(Debug, Default)]
struct HostsDone {
    /// How many there are, where that is known.
    all: Option<usize>,
    done: usize,
    failed: usize,
}

/// A line on standard error that says what is waited for, and steps aside for what is written. It is gone when this is
/// dropped.
#[derive(Debug)]
pub struct Activity {
    bar: ProgressBar,
}

impl Activity {
    /// Shows it. Whether there is a terminal to show it on is for the caller to know.
    #[must_use]
    pub fn shown() -> Self {
        let bar = bar(ProgressDrawTarget::stderr());
        bar.set_message("looking up");
        bar.enable_steady_tick(TICK);
        Self { bar }
    }

    /// Says something else.
    pub fn say(&self, words: String) {
        self.bar.set_message(words);
    }

    /// Steps aside while something is written.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn bar(screen: ProgressDrawTarget) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, screen);
    if let Ok(style) = ProgressStyle::with_template("{msg}: {elapsed}") {
        bar.set_style(style);
    }
    bar
}

impl<R: Reporter> Progress<R> {
    /// Shows the progress of what `within` tells. Whether there is a terminal to show it on is for the caller to know.
    pub fn around(within: R) -> Self {
        Self::drawn_on(within, ProgressDrawTarget::stderr())
    }

    fn drawn_on(within: R, screen: ProgressDrawTarget) -> Self {
        Self {
            within,
            bar: bar(screen),
            hosts: HostsDone::default(),
            expected: 0,
            awaited: BTreeMap::new(),
        }
    }

    fn advance(&mut self, event: &Event) {
        match event {
            Event::RunStarted { targets, .. } => {
                self.hosts.all = *targets;
                self.bar.enable_steady_tick(TICK);
            }
            Event::TargetResolved { target, checks } => {
                self.expected += checks.len();
                let rows = checks.iter().enumerate();
                self.awaited
                    .extend(rows.map(|(row, service)| ((*target, row), *service)));
            }
            Event::CheckSeen { target, row } | Event::CheckFinished { target, row, .. } => {
                self.awaited.remove(&(*target, *row));
            }
            Event::TargetStarted { .. } => {}
            Event::TargetFinished { finding, .. } => {
                self.hosts.done += 1;
                self.hosts.failed += usize::from(finding.status == Status::Fail);
            }
            Event::RunFinished(_) => return self.bar.finish_and_clear(),
        }
        self.bar.set_message(self.message(self.bar.elapsed()));
    }

    fn message(&self, so_far: Duration) -> String {
        let mut names: Vec<&str> = Vec::new();
        for service in self.awaited.values() {
            let name = match service.row().group {
                Group::Port => service.row().name,
                Group::Web => "web",
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let done = self.expected - self.awaited.len();
        match self.expected {
            0 => "looking up".to_owned(),
            _ if self.hosts.are_several() && self.awaited.len() > NAMED => self.hosts.told(so_far),
            _ if (1..=NAMED).contains(&names.len()) => format!("waiting for {}", names.join(", ")),
            _ if self.hosts.are_several() => self.hosts.told(so_far),
            expected => format!("{done} of {expected} checks done"),
        }
    }
}

impl HostsDone {
    fn are_several(&self) -> bool {
        self.all.is_none_or(|all| all > 1)
    }

    /// `412 of 10000 hosts done, 37 failed, 250/s, 38s left`; what is not known yet is not told.
    fn told(&self, so_far: Duration) -> String {
        /// So many have to be done before what is left is guessed from them.
        const ENOUGH: usize = 20;
        let Self { all, done, failed } = *self;
        let mut parts = vec![match all {
            Some(all) => format!("{done} of {all} hosts done"),
            None => format!("{done} hosts done"),
        }];
        if failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        let millis = usize::try_from(so_far.as_millis()).unwrap_or(usize::MAX);
        if done >= ENOUGH && millis >= 1000 {
            parts.push(match done.saturating_mul(1000) / millis {
                0 => format!("{}/min", done.saturating_mul(60_000) / millis),
                a_second => format!("{a_second}/s"),
            });
            if let Some(left) = all.and_then(|all| all.checked_sub(done)) {
                let seconds = left.saturating_mul(millis) / done / 1000;
                parts.push(format!("{} left", HumanDuration(seconds)));
            }
        }
        parts.join(", ")
    }
}

/// Seconds as people say them: `38s`, `12m`, `3h 20m`.
struct HumanDuration(usize);

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds @ 0..120 => write!(f, "{seconds}s"),
            seconds @ 120..7200 => write!(f, "{}m", seconds / 60),
            seconds => write!(f, "{}h {}m", seconds / 3600, seconds % 3600 / 60),
        }
    }
}

impl<R: Reporter> Reporter for Progress<R> {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        self.advance(event);
        let Self { within, bar, .. } = self;
        bar.suspend(|| within.report(event))
    }
}

impl<R: Reporter> Drop for Progress<R> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_hosts_what_is_left_is_told() {
        let hosts = |all, done, failed| HostsDone { all, done, failed };
        for (hosts, millis, told) in [
            (hosts(Some(10_000), 5, 0), 5000, "5 of 10000 hosts done"),
            (
                hosts(Some(10_000), 500, 37),
                2000,
                "500 of 10000 hosts done, 37 failed, 250/s, 38s left",
            ),
            (
                hosts(Some(100), 30, 0),
                600_000,
                "30 of 100 hosts done, 3/min, 23m left",
            ),
            (
                hosts(Some(1_000_000), 20, 0),
                1000,
                "20 of 1000000 hosts done, 20/s, 13h 53m left",
            ),
            (hosts(None, 500, 1), 2000, "500 hosts done, 1 failed, 250/s"),
            (hosts(None, 500, 0), 900, "500 hosts done"),
        ] {
            assert_eq!(hosts.told(Duration::from_millis(millis)), told);
        }
        assert!(hosts(None, 0, 0).are_several());
        assert!(!hosts(Some(1), 0, 0).are_several());
    }
}
