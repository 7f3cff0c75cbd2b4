//! What name servers say, and what DNSSEC says of it.

use std::time::Duration;

/// An answer to one question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer<T> {
    /// What was found, as many as are kept.
    pub records: Vec<T>,
    /// How many more there were.
    pub more: usize,
    /// The names that the question was passed on to, one after the other (CNAME).
    pub aliases: Vec<String>,
    /// Whether there were any, and if not, why.
    pub outcome: Outcome,
    /// What DNSSEC says of all of it, the aliases included.
    pub security: DnssecState,
    /// How long it took.
    pub took: Duration,
}

/// Whether there are records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// There are.
    Found,
    /// The name exists and has none of this type.
    NoRecords,
    /// The name does not exist.
    NoName,
    /// The resolver says that it cannot tell, or will not: its word for it (`SERVFAIL`, `REFUSED`).
    Refused(&'static str),
    /// It was not asked, or not answered before the run was over: by its deadline, or by an interrupt.
    Unasked,
    /// The resolver did not answer in time.
    Silent,
    /// Nobody listens where the resolver should be, or this machine has no way there.
    Unreachable,
    /// What came cannot be read.
    Malformed,
    /// The names lead round in a circle, or further than they are followed.
    Loop,
    /// More was to be asked than a run may ask.
    TooMuch,
}

impl Outcome {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NoRecords => "no-records",
            Self::NoName => "no-such-name",
            Self::Refused(_) => "refused",
            Self::Unasked => "unasked",
            Self::Silent => "silent",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
            Self::Loop => "loop",
            Self::TooMuch => "too-much",
        }
    }

    /// Whether the resolver gave an answer, be it that there is nothing.
    #[must_use]
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Found | Self::NoRecords | Self::NoName)
    }
}

impl<T> Answer<T> {
    /// To a question that was not asked yet.
    #[must_use]
    pub fn unasked() -> Self {
        Self {
            records: Vec::new(),
            more: 0,
            aliases: Vec::new(),
            outcome: Outcome::Unasked,
            security: DnssecState::Indeterminate,
            took: Duration::ZERO,
        }
    }
}

/// What DNSSEC says of an answer (RFC 4035 §4.3).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum DnssecState {
    /// It cannot be told: nothing came, or the resolver keeps the signatures back.
    Indeterminate,
    /// It should be signed, and is not, or not rightly.
    Bogus,
    /// It is known not to be signed.
    Insecure,
    /// Signed, from the root down.
    Secure,
}

impl DnssecState {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Indeterminate => "indeterminate",
            Self::Bogus => "bogus",
            Self::Insecure => "insecure",
            Self::Secure => "secure",
        }
    }
}

/// A mail host of a domain (RFC 5321 §5.1).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct MxRecord {
    /// Lower is tried first.
    pub preference: u16,
    /// Its name; empty where the domain takes no mail (RFC 7505).
    pub host: String,
}

/// Where a service is (RFC 2782).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SrvRecord {
    /// Lower is tried first.
    pub priority: u16,
    /// More is tried more often.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; empty where the service is not offered.
    pub target: String,
}

/// Which authority may issue certificates (RFC 8659).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct CaaRecord {
    /// `issue`, `issuewild`, `iodef`, or another.
    pub tag: String,
    /// The value, raw.
    pub value: Vec<u8>,
}
