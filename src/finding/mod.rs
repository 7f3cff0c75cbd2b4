//! # finding: the verdict on one check, and on a whole target
//!
//! Data only: what a code is and what is said of it (`codes.rs`), and the shapes in which a verdict is passed on. It must
//! not judge. Start reading at [`Finding`].

use std::net::IpAddr;
use std::time::Duration;

use crate::catalog::{Role, ServiceId};
use crate::observation::Observation;
use crate::plan::Check;

pub use codes::{Asked, Code, Definition, Exception, When};
pub use known::{KNOWN_FAILURES, KnownFailure};
pub use severity::{Severity, Status};

mod code;
mod codes;
mod known;
mod severity;

/// The verdict on one check.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was asked.
    pub check: Check,
    /// What was seen.
    pub observation: Observation,
    /// The verdict in one word.
    pub status: Status,
    /// The code of the observation's failure, where there is one; a diagnosis of that code stands below, or where
    /// the lookup failed, with the target.
    pub failure_code: Option<Code>,
    /// Days until the certificate ends, rounded down; negative once it has.
    pub days_left: Option<i64>,
    /// What is the matter, worst first, then in the order of the rules; none where the lookup failed, which the target
    /// tells once.
    pub diagnoses: Vec<Diagnosis>,
}

/// The verdict on a target, once all its checks are in.
#[derive(Clone, Debug)]
pub struct TargetFinding {
    /// The target as it was typed.
    pub target: String,
    /// What kind of host it was judged as.
    pub role: Role,
    /// The addresses it has, in the order in which they were tried.
    pub addresses: Vec<IpAddr>,
    /// How long the lookup took; `None` when there was none.
    pub resolve: Option<Duration>,
    /// The worst of its checks and of the diagnoses below.
    pub status: Status,
    /// What is the matter with the target as a whole.
    pub diagnoses: Vec<TargetDiagnosis>,
    /// What kind of host it looks like, where it was judged as `any` and another role fits.
    pub looks_like: Option<LooksLike>,
}

/// What a target would be, judged as another role.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LooksLike {
    /// As what.
    pub role: Role,
    /// How many of its required services pass.
    pub passed: usize,
    /// How many are required.
    pub required: usize,
}

/// One thing that is the matter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnosis {
    /// Which rule says so.
    pub code: Code,
    /// How bad it is here.
    pub severity: Severity,
    /// What was seen, one sentence without a full stop, the peer's words quoted and escaped.
    pub message: String,
    /// What to do next, one or two sentences.
    pub hint: String,
}

/// One thing that is the matter with a target as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetDiagnosis {
    /// What.
    pub diagnosis: Diagnosis,
    /// The services it is about.
    pub services: Vec<ServiceId>,
    /// The addresses it is about, where they differ.
    pub addresses: Vec<IpAddr>,
}
