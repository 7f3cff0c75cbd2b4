//! What a verdict depends on besides what was seen.

use time::OffsetDateTime;

use crate::catalog::Role;
use crate::plan::{Host, Proxy, Standards};

/// What a verdict depends on besides the check and what it saw.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What counts as good.
    pub standards: &'a Standards,
    /// What kind of host the target is judged as.
    pub role: Role,
    /// What the certificate has to be made out to.
    pub server_name: &'a Host,
    /// A proxy that the environment names and the run does not use.
    pub unused_proxy: Option<&'a Proxy>,
    /// The time by which certificates and clocks are judged.
    pub now: OffsetDateTime,
}
