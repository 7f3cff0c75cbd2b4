//! What a run is given, and what all its checks share.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use time::OffsetDateTime;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::event::{RunEnd, TargetId};
use crate::finding::DomainFinding;
use crate::judge::{Context, Elsewhere};
use crate::net::{Halt, Identity, Lookup, Roots, SocketLimits, Via};
use crate::observation::Observation;
use crate::plan::{ControlHost, Host, Plan, Target};

/// What was seen of rows in an earlier round, so that they need not be looked at again: by target and row.
pub type Kept = HashMap<(TargetId, usize), Observation>;

/// What a run is given beside its plan.
#[derive(Clone, Debug)]
pub struct Setup {
    /// When it begins.
    pub started_at: OffsetDateTime,
    /// What is shown to servers that ask for a client certificate.
    pub identity: Option<Identity>,
    /// Whom to trust.
    pub roots: Arc<Roots>,
    /// The limits on sockets; runs that share one keep them together.
    pub sockets: Arc<SocketLimits>,
    /// Whether targets wait for one another.
    pub sequence: Sequence,
    /// What ends it early.
    pub cancellation: Cancellation,
    /// What is known already.
    pub kept: Arc<Kept>,
    /// What was found of the mail domain whose hosts are checked.
    pub domain: Option<Arc<DomainFinding>>,
    /// What the lookup of the only target came to, where it is made already: nothing else is dialled then, whatever a
    /// name server would answer now.
    pub lookup: Option<Lookup>,
}

/// Whether a target may be far ahead of those before it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sequence {
    /// A document keeps the order of targets, and would have to keep what is far ahead.
    #[default]
    Ordered,
    /// Each is told as it comes.
    Unordered,
}

/// What ends a run early.
#[derive(Clone, Debug)]
pub struct Cancellation {
    /// Ends every wait.
    pub halt: Halt,
    /// How it ended, when somebody ended it.
    pub end: Arc<OnceLock<RunEnd>>,
}

/// The hosts that may be dialled for comparison, each once in a run.
#[derive(Debug)]
pub(super) struct Controls(pub(super) Vec<(ControlHost, OnceCell<Elsewhere>)>);

impl Controls {
    pub(super) fn new(hosts: &[ControlHost]) -> Self {
        Self(
            hosts
                .iter()
                .map(|host| (host.clone(), OnceCell::new()))
                .collect(),
        )
    }
}

/// What all checks of a run share.
#[derive(Debug)]
pub(super) struct RunSetup {
    pub(super) plan: Plan,
    pub(super) identity: Option<Identity>,
    pub(super) roots: Arc<Roots>,
    pub(super) sockets: Arc<SocketLimits>,
    pub(super) kept: Arc<Kept>,
    pub(super) lookup: Option<Lookup>,
    pub(super) began: Instant,
    pub(super) deadline: Option<Instant>,
    pub(super) halt: Halt,
    pub(super) now: OffsetDateTime,
    /// Whose port 25 may be dialled for comparison.
    pub(super) controls: Controls,
    /// The proxy of the run.
    pub(super) via: Option<Arc<Via>>,
}

impl RunSetup {
    /// The proxy on the way to a target.
    pub(super) fn via(&self, target: &Target) -> Option<Arc<Via>> {
        let is_carried = |via: &&Arc<Via>| via.proxy().carries(&target.host);
        self.via.as_ref().filter(is_carried).map(Arc::clone)
    }

    /// The name of a target that the proxy on the way looks up; `None` where that is done here.
    pub(super) fn name_for_proxy(&self, target: &Target) -> Option<String> {
        let via = self.via(target)?;
        match (&target.host, target.address) {
            (Host::Name(name), None) if via.proxy().scheme.takes_names() => {
                Some(name.trim_end_matches('.').to_owned())
            }
            _ => None,
        }
    }

    pub(super) fn context<'a>(&'a self, target: &'a Target) -> Context<'a> {
        Context {
            standards: &self.plan.standards,
            role: target.role,
            unused_proxy: self
                .plan
                .unused_proxy
                .as_deref()
                .filter(|proxy| proxy.carries(&target.host)),
            server_name: &target.server_name,
            now: self.now,
        }
    }
}
