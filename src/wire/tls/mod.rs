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
    Agreement, Alert, End, Flight, MAX_CERTIFICATES, MAX_FLIGHT, ServerHello, Signed, flight,
    flight_so_far,
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
