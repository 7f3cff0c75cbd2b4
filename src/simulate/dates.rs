//! The current time as the protocols write it; the module's only clock.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The moment from which certificates are dated.
pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// As SMTP greetings write it (RFC 5322 §3.3): `Tue, 24 Sep 2024 04:21:14 +0000`.
pub(super) fn rfc5322(moment: OffsetDateTime) -> String {
    // It only fails for years before 1900.
    moment.format(&Rfc2822).unwrap_or_default()
}

/// As HTTP writes it (RFC 9110 §5.6.7): `Tue, 24 Sep 2024 04:21:14 GMT`.
pub(super) fn imf_fixdate(moment: OffsetDateTime) -> String {
    rfc5322(moment).replace("+0000", "GMT")
}

/// As a directory's `currentTime` writes it (RFC 4517 §3.3.13): `20240924042114.0Z`.
pub(super) fn generalized(moment: OffsetDateTime) -> String {
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}.0Z",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_three_ways() {
        let moment = OffsetDateTime::from_unix_timestamp(1_727_151_674).expect("a date");
        assert_eq!(rfc5322(moment), "Tue, 24 Sep 2024 04:21:14 +0000");
        assert_eq!(imf_fixdate(moment), "Tue, 24 Sep 2024 04:21:14 GMT");
        assert_eq!(generalized(moment), "20240924042114.0Z");
    }
}
