//! TLS as far as it goes without cryptography: a `ClientHello` made by hand, what a server answers to it, and the names
//! of suites and alerts.
//!
//! It is for what the library does not speak: SSL 3.0 to TLS 1.1, and the old suites of TLS 1.2. Up to there a server
//! shows its version, suite and chain in clear. SSL 2.0 is not known here.
//!
//! Start reading at [`client_hello`] and [`flight()`].

mod flight;
mod hello;
mod suites;

pub use flight::{
    Agreement, Alert, End, Flight, MAX_CERTIFICATES, MAX_FLIGHT, ServerHello, flight, flight_so_far,
};
pub use hello::{client_hello, close_notify};
pub use suites::{Cipher, KeyExchange, Suite, group_name, suite, suite_name};

/// A version of SSL or TLS, as the wire numbers it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// SSL 3.0 (RFC 6101).
    Ssl3,
    /// TLS 1.0 (RFC 2246).
    Tls10,
    /// TLS 1.1 (RFC 4346).
    Tls11,
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] = [
        Self::Ssl3,
        Self::Tls10,
        Self::Tls11,
        Self::Tls12,
        Self::Tls13,
    ];

    /// Its number: 0x0300 to 0x0304.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::Ssl3 => 0x0300,
            Self::Tls10 => 0x0301,
            Self::Tls11 => 0x0302,
            Self::Tls12 => 0x0303,
            Self::Tls13 => 0x0304,
        }
    }

    /// The version of that number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.number() == number)
    }
}

/// What an alert says, by its number (RFC 8446 §6, older numbers RFC 5246 §7.2); `"unknown"` for others.
#[must_use]
pub fn alert_name(description: u8) -> &'static str {
    match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_alerts_that_diagnoses_are_built_on() {
        for (number, name) in [
            (40, "handshake_failure"),
            (70, "protocol_version"),
            (80, "internal_error"),
            (112, "unrecognized_name"),
            (116, "certificate_required"),
            (255, "unknown"),
        ] {
            assert_eq!(alert_name(number), name);
        }
    }
}
