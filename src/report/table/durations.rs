//! Durations in the words of the table.

use std::time::Duration;

/// `3.1 ms`, `312 ms`, `3.0 s`.
pub(super) fn in_words(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        in_milliseconds(duration)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// `3.1 ms`, `312 ms`: under a second.
fn in_milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    let decimals = usize::from(ms < 9.95);
    format!("{ms:.decimals$} ms")
}
