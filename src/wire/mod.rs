//! # wire: bytes into values, values into bytes
//!
//! What the peers speak: replies of SMTP, responses of IMAP and POP3, PDUs of LDAP and RDP, response heads of HTTP; and
//! what a mail domain publishes of itself: the policy of MTA-STS, its records, TLSA; and what a proxy on the way answers.
//!
//! A decoder here is **total**: any bytes give a value, "need more", or a [`Violation`]. It never panics, never keeps
//! more than its limit, and gives the same answer whether the bytes came whole or one by one. It knows no socket, no
//! time and no session; what an answer *means* is for the dialogues in `probe`.
//!
//! Start reading at [`Decoded`], then at [`smtp`], the simplest of them. When a peer speaks something else than
//! expected, [`sniff`] says what.

pub mod http;
pub mod imap;
pub mod ldap;
pub mod line;
pub mod mta_sts;
pub mod pop3;
pub mod rdp;
pub mod smtp;
pub mod sniff;
pub mod socks;
pub mod tagged;
pub mod tls;
pub mod tlsa;

/// What a decoder says of the bytes received so far.
///
/// * `Ok(Some((value, used)))`: a value, and how many bytes from the front it took (never 0, never more than given);
/// * `Ok(None)`: a valid beginning, more is needed;
/// * `Err(violation)`: whatever follows, this is not what the protocol allows, or it is over the decoder's limit.
pub type Decoded<T> = Result<Option<(T, usize)>, Violation>;

/// Why bytes cannot be what was expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Violation {
    /// What is wrong, in words that fit after a colon: "length over 65536 bytes".
    pub what: &'static str,
    /// Where, in bytes from the front.
    pub at: usize,
    /// Whether a limit of ours was passed, or the protocol was broken.
    pub kind: ViolationKind,
}

/// The two ways in which bytes can be unacceptable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ViolationKind {
    /// Not the protocol that was expected.
    Malformed,
    /// Perhaps the protocol, but more of it than anyone needs.
    TooLong,
}

impl Violation {
    /// Bytes that are not the protocol.
    #[must_use]
    pub fn malformed(what: &'static str, at: usize) -> Self {
        Self {
            what,
            at,
            kind: ViolationKind::Malformed,
        }
    }

    /// Bytes over a limit.
    #[must_use]
    pub fn too_long(what: &'static str, at: usize) -> Self {
        Self {
            what,
            at,
            kind: ViolationKind::TooLong,
        }
    }
}
