//! How far a run is: one line that comes and goes.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::catalog::{Group, ServiceId};
use crate::event::{Event, TargetId};

use super::reporter::Reporter;

/// So few are named that are awaited.
const NAMED: usize = 5;

/// How often the line moves while nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// Shows on standard error how many checks are over, or which the last few are that are awaited, and steps aside whenever the reporter within writes: both may end
/// on the same terminal. The line is gone when the run is over, or when this is dropped.
#[derive(Debug)]
pub struct Progress<R: Reporter> {
    within: R,
    bar: ProgressBar,
    expected: usize,
    /// What is not over, by target and row.
    awaited: BTreeMap<(TargetId, usize), ServiceId>,
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
            expected: 0,
            awaited: BTreeMap::new(),
        }
    }

    fn advance(&mut self, event: &Event) {
        match event {
            Event::RunStarted { .. } => self.bar.enable_steady_tick(TICK),
            Event::TargetResolved { target, checks } => {
                self.expected += checks.len();
                let rows = checks.iter().enumerate();
                self.awaited
                    .extend(rows.map(|(row, service)| ((*target, row), *service)));
            }
            Event::CheckSeen { target, row } | Event::CheckFinished { target, row, .. } => {
                self.awaited.remove(&(*target, *row));
            }
            Event::TargetStarted { .. } | Event::TargetFinished { .. } => {}
            Event::RunFinished(_) => return self.bar.finish_and_clear(),
        }
        self.bar.set_message(self.message());
    }

    fn message(&self) -> String {
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
            _ if (1..=NAMED).contains(&names.len()) => format!("waiting for {}", names.join(", ")),
            expected => format!("{done} of {expected} checks done"),
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
