//! The wall clock: read here, passed on as an argument.

use time::OffsetDateTime;

/// This machine's time, UTC.
#[must_use]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
