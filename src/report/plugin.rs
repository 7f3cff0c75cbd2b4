//! What the answers of a monitoring plugin and of a local check of Checkmk have in common: text that ends no line and
//! begins no performance data, and numbers as both read them.

use std::time::Duration;

use crate::catalog::Expectation;
use crate::finding::{Diagnosis, Finding, PluginState, Severity, Status};
use crate::observation::Cause;

/// The state of one check. A check that could not be made is unknown only where this machine kept it in; what was
/// required and stands behind something that does not work does not work either.
pub(super) fn state(row: &Finding) -> PluginState {
    match row.status {
        Status::Pass | Status::Absent => PluginState::Ok,
        Status::Warn => PluginState::Warning,
        Status::Fail => PluginState::Critical,
        Status::Skip => {
            let failure = row.observation.failure.as_ref();
            let is_kept_in = failure.is_some_and(|failure| {
                failure.cause.kept_in() || failure.cause == Cause::Interrupted
            });
            match row.check.expect {
                Expectation::Required if is_kept_in => PluginState::Unknown,
                Expectation::Required => PluginState::Critical,
                Expectation::Optional | Expectation::Forbidden => PluginState::Ok,
            }
        }
    }
}

/// Text for a line: in ASCII, without what would begin performance data or, to Checkmk, a new line.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' => out.push('/'),
            '…' => out.push_str("..."),
            '“' | '”' => out.push('"'),
            '’' => out.push('\''),
            ' '..='~' => out.push(character),
            _ => out.push('?'),
        }
    }
    out.replace("\\n", "\\ n")
}

/// Seconds with three decimals, and never with an exponent.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

/// What is the matter with a check, worst first, and what merely is worth knowing only where nothing else is.
pub(super) fn told(diagnoses: &[Diagnosis]) -> impl Iterator<Item = &Diagnosis> {
    let worst = diagnoses.iter().map(|told| told.severity).max();
    let least = worst.map_or(Severity::Info, |worst| worst.min(Severity::Warn));
    diagnoses.iter().filter(move |told| told.severity >= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_no_line_and_begins_no_performance_data() {
        for (text, told) in [
            ("220 mail | ready", "220 mail / ready"),
            ("a\nb\tc", "a?b?c"),
            (r"C:\new", r"C:\ new"),
            ("Köln…", "K?ln..."),
        ] {
            assert_eq!(plain(text), told, "{text:?}");
        }
    }
}
