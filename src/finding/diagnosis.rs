//! One thing that is the matter.

use super::codes::Code;
use super::severity::Severity;

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
