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
mod version;

pub use flight::{
    Agreement, Alert, End, Flight, MAX_CERTIFICATES, MAX_FLIGHT, ServerHello, Signed, flight,
    flight_so_far,
};
pub use hello::{client_hello, close_notify};
pub use suites::{Suite, SuiteCipher, SuiteKeyExchange, group_name, suite, suite_name};
pub use version::ProtocolVersion;
