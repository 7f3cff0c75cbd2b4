//! The verdict on a mail domain.

use super::diagnosis::Diagnosis;
use super::severity::Status;
use crate::catalog::{Role, ServiceId};
use crate::discovery::Discovery;

/// What a mail domain comes to.
#[derive(Clone, Debug)]
pub struct DomainFinding {
    /// What was found.
    pub discovery: Discovery,
    /// The worst of the diagnoses.
    pub status: Status,
    /// What is the matter, worst first, then in the order of the rules.
    pub diagnoses: Vec<DomainDiagnosis>,
    /// What each way to Autodiscover comes to, in the order of the discovery's.
    pub ways: Vec<Way>,
    /// Which way Outlook ends with, by its index.
    pub wins: Option<usize>,
    /// What DANE comes to at each mail host, in the order of the discovery's.
    pub dane: Vec<Dane>,
    /// How each mail host stands, MTA-STS aside. It depends on nothing that may come after the host and the records.
    pub host_statuses: Vec<Status>,
    /// How each way to Autodiscover stands. It depends on no way behind it.
    pub way_statuses: Vec<Status>,
    /// How MTA-STS stands.
    pub sts_status: Status,
    /// The hosts that are worth a check, each once, and as what.
    pub targets: Vec<Recommended>,
}

/// One thing that is the matter with a mail domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DomainDiagnosis {
    /// What.
    pub diagnosis: Diagnosis,
    /// The names it is about.
    pub about: Vec<String>,
}

/// A host that is worth a check.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recommended {
    /// Its name.
    pub name: String,
    /// As what.
    pub role: Role,
    /// Services that have another port there than usual.
    pub maps: Vec<(ServiceId, u16)>,
    /// Services that the domain needs there beyond what the role requires.
    pub requires: Vec<ServiceId>,
    /// Why, in words.
    pub why: &'static str,
}

/// What a way to Autodiscover comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// Exchange's Autodiscover answers.
    Exchange,
    /// It leads to Exchange Online.
    Online,
    /// A web server answers with a page of its own.
    WebSite,
    /// A web server answers that there is no such page, or otherwise.
    OtherAnswer,
    /// It redirects to what cannot be followed.
    DeadEnd,
    /// There is no such name, or no record.
    NoName,
    /// The name could not be looked up.
    LookupFailed,
    /// Nobody listens.
    Closed,
    /// Nothing answers, and clients wait for it.
    Silent,
    /// It answers, and no page comes of it.
    Broken,
    /// The run was over before.
    Unfinished,
}

impl Way {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Online => "exchange-online",
            Self::WebSite => "web-site",
            Self::OtherAnswer => "other-answer",
            Self::DeadEnd => "dead-end",
            Self::NoName => "no-name",
            Self::LookupFailed => "lookup-failed",
            Self::Closed => "closed",
            Self::Silent => "silent",
            Self::Broken => "broken",
            Self::Unfinished => "unfinished",
        }
    }

    /// Whether Outlook gets its settings there.
    #[must_use]
    pub fn is_autodiscover(self) -> bool {
        matches!(self, Self::Exchange | Self::Online)
    }
}

/// What DANE comes to at a mail host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dane {
    /// There are no TLSA records.
    None,
    /// There are, and senders do not use them: something on the way is not signed.
    NotSecure,
    /// Something on the way is signed, and not rightly; or it cannot be told.
    Unknown,
    /// None of the records is one that senders use.
    Unusable,
    /// One of the records, by its index, matches what port 25 serves.
    Matches(usize),
    /// None of them does.
    Mismatch,
    /// Port 25 did not come to TLS.
    WithoutTls,
    /// Port 25 could not be looked at from here.
    Unseen,
}

impl Dane {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NotSecure => "not-secure",
            Self::Unknown => "unknown",
            Self::Unusable => "unusable",
            Self::Matches(_) => "matches",
            Self::Mismatch => "mismatch",
            Self::WithoutTls => "without-tls",
            Self::Unseen => "unseen",
        }
    }
}
