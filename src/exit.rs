//! The exit code: decided from what happened, before and apart from how it is told.

use crate::event::{RunEnd, RunFinished, Summary};
use crate::finding::PluginState;

/// What the process ends with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Exit {
    /// Every check met what was expected of it.
    Met = 0,
    /// A finding at or above the bar, or a required check that was skipped.
    Findings = 1,
    /// Nothing could be judged: bad usage, a report that could not be written, nothing could leave this machine.
    Nothing = 2,
    /// Interrupted by SIGINT or Ctrl-C.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What makes the exit code 1.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FailOn {
    /// A finding of severity fail.
    #[default]
    Fail,
    /// A finding of severity warn or worse.
    Warn,
    /// No finding.
    Never,
}

/// The exit code of a run.
#[must_use]
pub fn decide(finished: &RunFinished, fail_on: FailOn) -> Exit {
    match finished.end {
        RunEnd::Interrupted => return Exit::Interrupted,
        RunEnd::Terminated => return Exit::Terminated,
        RunEnd::Complete => {}
    }
    let summary = &finished.summary;
    // A mail domain was judged, whatever became of its hosts.
    let nothing_judged = summary.skip == summary.checks && summary.domains == 0;
    // Who wants no findings is owed the difference between none and nobody having looked.
    if (summary.ours == summary.checks && summary.domains == 0)
        || (nothing_judged && fail_on == FailOn::Never)
    {
        return Exit::Nothing;
    }
    if summary.required_skip > 0 || has_findings(summary, fail_on) {
        return Exit::Findings;
    }
    // A run that looked at nothing is no success.
    if nothing_judged {
        return Exit::Nothing;
    }
    Exit::Met
}

/// The state of a service, where a run answers a monitoring system: unknown is only what is this machine's fault.
#[must_use]
pub fn plugin(finished: &RunFinished) -> PluginState {
    let summary = &finished.summary;
    if finished.end != RunEnd::Complete || summary.ours == summary.checks {
        return PluginState::Unknown;
    }
    if has_findings(summary, FailOn::Fail) || summary.required_skip > summary.ours {
        return PluginState::Critical;
    }
    if summary.required_skip > 0 {
        return PluginState::Unknown;
    }
    if has_findings(summary, FailOn::Warn) {
        return PluginState::Warning;
    }
    if summary.skip == summary.checks {
        return PluginState::Unknown;
    }
    PluginState::Ok
}

fn has_findings(summary: &Summary, fail_on: FailOn) -> bool {
    let failed = summary.fail + summary.target_fail > 0;
    let warned = summary.warn + summary.target_warn > 0;
    match fail_on {
        FailOn::Fail => failed,
        FailOn::Warn => failed || warned,
        FailOn::Never => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn exit(summary: Summary, end: RunEnd, fail_on: FailOn) -> Exit {
        let finished = RunFinished {
            summary,
            took: Duration::ZERO,
            end,
        };
        decide(&finished, fail_on)
    }

    #[test]
    fn a_plugin_knows_not_only_what_is_this_machines_fault() {
        let passed = Summary {
            targets: 1,
            checks: 2,
            required: 2,
            pass: 2,
            ..Summary::default()
        };
        let skipped = |ours| Summary {
            pass: 1,
            skip: 1,
            required_skip: 1,
            ours,
            ..passed
        };
        let all_ours = Summary {
            pass: 0,
            skip: 2,
            ours: 2,
            ..passed
        };
        for (summary, end, state) in [
            (passed, RunEnd::Complete, PluginState::Ok),
            (
                Summary { warn: 1, ..passed },
                RunEnd::Complete,
                PluginState::Warning,
            ),
            (
                Summary { fail: 1, ..passed },
                RunEnd::Complete,
                PluginState::Critical,
            ),
            (
                Summary {
                    target_fail: 1,
                    ..passed
                },
                RunEnd::Complete,
                PluginState::Critical,
            ),
            // The deadline came, or 443 is not open.
            (skipped(0), RunEnd::Complete, PluginState::Critical),
            (skipped(1), RunEnd::Complete, PluginState::Unknown),
            (all_ours, RunEnd::Complete, PluginState::Unknown),
            (Summary::default(), RunEnd::Complete, PluginState::Unknown),
            (passed, RunEnd::Terminated, PluginState::Unknown),
        ] {
            let finished = RunFinished {
                summary,
                took: Duration::ZERO,
                end,
            };
            assert_eq!(plugin(&finished), state, "{summary:?} {end:?}");
        }
    }

    #[test]
    fn each_code_has_its_reason() {
        use {Exit as E, FailOn as F, RunEnd::*};

        let passed = Summary {
            targets: 1,
            checks: 2,
            required: 2,
            pass: 2,
            ..Summary::default()
        };
        let warned = Summary {
            pass: 1,
            warn: 1,
            ..passed
        };
        let failed = Summary {
            pass: 1,
            fail: 1,
            ..passed
        };
        let skipped = Summary {
            pass: 1,
            skip: 1,
            required_skip: 1,
            ..passed
        };
        let kept_in = Summary {
            pass: 0,
            skip: 2,
            required_skip: 2,
            ours: 2,
            ..passed
        };
        let optional_skipped = Summary {
            pass: 0,
            skip: 2,
            required: 0,
            ..passed
        };
        let all_skipped = Summary {
            pass: 0,
            skip: 2,
            required_skip: 2,
            ..passed
        };
        let target = Summary {
            target_fail: 1,
            ..passed
        };
        let domain = Summary {
            domains: 1,
            ..Summary::default()
        };
        for (summary, end, fail_on, expected) in [
            (passed, Complete, F::Warn, E::Met),
            (warned, Complete, F::Fail, E::Met),
            (warned, Complete, F::Warn, E::Findings),
            (failed, Complete, F::Fail, E::Findings),
            (failed, Complete, F::Never, E::Met),
            (skipped, Complete, F::Never, E::Findings),
            (all_skipped, Complete, F::Fail, E::Findings),
            (all_skipped, Complete, F::Warn, E::Findings),
            (all_skipped, Complete, F::Never, E::Nothing),
            (target, Complete, F::Fail, E::Findings),
            (kept_in, Complete, F::Fail, E::Nothing),
            (optional_skipped, Complete, F::Fail, E::Nothing),
            (Summary::default(), Complete, F::Fail, E::Nothing),
            // A mail domain without a host to check.
            (domain, Complete, F::Fail, E::Met),
            (domain, Complete, F::Never, E::Met),
            (
                Summary {
                    target_fail: 1,
                    ..domain
                },
                Complete,
                F::Fail,
                E::Findings,
            ),
            (passed, Interrupted, F::Fail, E::Interrupted),
            (failed, Terminated, F::Never, E::Terminated),
        ] {
            assert_eq!(exit(summary, end, fail_on), expected, "{summary:?} {end:?}");
        }
    }
}
