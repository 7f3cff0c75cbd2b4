//! The peer's words, times and dates, as sentences quote them.

use std::time::Duration;

use time::{OffsetDateTime, UtcOffset};

use crate::facts::Text;
use crate::observation::Failure;

/// Whole days from now until then, rounded down; negative once it is over.
pub(super) fn days_until(then: OffsetDateTime, now: OffsetDateTime) -> i64 {
    const DAY: i128 = 86_400_000_000_000;
    let days = (then - now).whole_nanoseconds().div_euclid(DAY);
    i64::try_from(days).unwrap_or(if days < 0 { i64::MIN } else { i64::MAX })
}

/// The peer's words to be put behind a message: `: "421 4.3.2 …"`, or nothing where there are none.
pub(super) fn said(failure: &Failure) -> String {
    failure
        .detail
        .as_ref()
        .filter(|detail| !detail.is_empty())
        .map_or_else(String::new, |detail| format!(": {}", quote(detail)))
}

/// The peer's words in quotation marks, shortened.
pub(super) fn quote(text: &Text) -> String {
    format!("\"{}\"", shorten(text.as_str()))
}

/// Several of the peer's words, shortened: `SIZE 37748736, PIPELINING, …`.
pub(super) fn list(words: &[Text]) -> String {
    let mut out = String::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        // Nothing beyond the cut is shown.
        if out.len() > QUOTE_CHARACTERS * 4 {
            break;
        }
        out.push_str(word.as_str());
    }
    shorten(&out)
}

/// Characters of a quotation.
const QUOTE_CHARACTERS: usize = 120;

pub(super) fn shorten(text: &str) -> String {
    if text.chars().count() <= QUOTE_CHARACTERS {
        return text.to_owned();
    }
    let kept: String = text.chars().take(QUOTE_CHARACTERS - 1).collect();
    // An escape (`\x1B`) is kept whole or not at all.
    let whole = match kept.rfind('\\') {
        Some(at) if kept.len() - at < 4 => &kept[..at],
        _ => &kept,
    };
    format!("{}…", whole.trim_end())
}

/// Whether a capability's keyword is this one, whatever its parameters.
pub(super) fn is_keyword(capability: &Text, keyword: &str) -> bool {
    capability
        .as_str()
        .split([' ', '='])
        .next()
        .is_some_and(|found| found.eq_ignore_ascii_case(keyword))
}

/// Whether the peer's words contain these, whatever their case.
pub(super) fn says(failure: &Failure, words: &str) -> bool {
    failure.detail.as_ref().is_some_and(|detail| {
        detail
            .as_str()
            .to_ascii_lowercase()
            .contains(&words.to_ascii_lowercase())
    })
}

/// A duration as people say it; rounded, so that rows with the same cause say the same.
pub(super) fn in_words(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        // Timers fire late: 3.004 s were 3 s; what the end of a check cuts short is a little less: 6.987 s were 7 s.
        format!("{:.0} s", duration.as_secs_f64())
    }
}

/// `2026-12-01`
pub(super) fn date(moment: OffsetDateTime) -> String {
    moment
        .checked_to_offset(UtcOffset::UTC)
        .unwrap_or(moment)
        .date()
        .to_string()
}
