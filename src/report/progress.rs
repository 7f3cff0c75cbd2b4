//! How far a run is: one line that comes and goes.

use std::io;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::Event;

use super::Reporter;

/// How often the line moves while nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// Shows on standard error how many checks are over, and steps aside whenever the reporter within writes: both may end
/// on the same terminal. The line is gone when the run is over, or when this is dropped.
#[derive(Debug)]
pub struct Progress<R: Reporter> {
    within: R,
    bar: ProgressBar,
    expected: u64,
}

impl<R: Reporter> Progress<R> {
    /// Shows the progress of what `within` tells. Whether there is a terminal to show it on is for the caller to know.
    pub fn around(within: R) -> Self {
        Self::drawn_on(within, ProgressDrawTarget::stderr())
    }

    fn drawn_on(within: R, screen: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, screen);
        if let Ok(style) = ProgressStyle::with_template("{msg}, {elapsed}") {
            bar.set_style(style);
        }
        Self {
            within,
            bar,
            expected: 0,
        }
    }

    fn advance(&mut self, event: &Event) {
        match event {
            Event::RunStarted(_) => self.bar.enable_steady_tick(TICK),
            Event::TargetResolved { checks, .. } => {
                self.expected += u64::try_from(*checks).unwrap_or_default();
            }
            Event::CheckFinished { .. } => self.bar.inc(1),
            Event::TargetFinished { .. } => {}
            Event::RunFinished(_) => return self.bar.finish_and_clear(),
        }
        let (done, expected) = (self.bar.position(), self.expected);
        self.bar.set_message(if expected == 0 {
            "looking up".to_owned()
        } else {
            format!("{done} of {expected} checks done")
        });
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
