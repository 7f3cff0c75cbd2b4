//! What happens in a run, told as it happens: the waist between doing and telling.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::catalog::{Role, ServiceId};
use crate::finding::{DomainFinding, Finding, Status, TargetFinding};

/// The version of the JSON contract.
pub const SCHEMA_VERSION: u32 = 1;

/// A target of a run: its place in the order in which targets were given, from 0.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TargetId(pub usize);

/// Something that happened. `RunStarted` comes first, `RunFinished` exactly once and last, also after an interrupt.
/// Of each target `TargetStarted` comes first, in the order of targets, and `TargetFinished` after the last of its
/// checks. Findings are shared: whoever keeps one keeps no copy.
#[derive(Clone, Debug)]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// When.
        at: OffsetDateTime,
        /// How many targets it has, where that is known.
        targets: Option<usize>,
        /// What was found of the mail domain whose hosts are among them (`--domain`).
        domain: Option<Arc<DomainFinding>>,
    },
    /// A target begins.
    TargetStarted {
        /// Which target.
        target: TargetId,
        /// The target as it was typed.
        name: String,
        /// The role that it is judged by.
        role: Role,
    },
    /// The addresses of a target are known, or that it has none.
    TargetResolved {
        /// Which target.
        target: TargetId,
        /// The services of the rows that it will have, in the order of documents.
        checks: Vec<ServiceId>,
    },
    /// A check is over, and can be judged only with the others of its target, whose role is to be found.
    CheckSeen {
        /// Which target.
        target: TargetId,
        /// Which of its rows.
        row: usize,
    },
    /// A check is over.
    CheckFinished {
        /// Which target.
        target: TargetId,
        /// Which of its rows, in the order of documents: the catalog's, then the address's.
        row: usize,
        /// The verdict.
        finding: Arc<Finding>,
    },
    /// All checks of a target are over.
    TargetFinished {
        /// Which target.
        target: TargetId,
        /// The verdict.
        finding: Arc<TargetFinding>,
    },
    /// The run is over.
    RunFinished(RunFinished),
}

/// What is known when a run is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunFinished {
    /// The counts.
    pub summary: Summary,
    /// How long it took.
    pub took: Duration,
    /// Whether it ran to its end.
    pub end: RunEnd,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RunEnd {
    /// By itself.
    #[default]
    Complete,
    /// By SIGINT or Ctrl-C.
    Interrupted,
    /// By SIGTERM, or because the console went away.
    Terminated,
}

/// The counts of a run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Targets.
    pub targets: usize,
    /// Rows.
    pub checks: usize,
    /// Rows of required services.
    pub required: usize,
    /// Rows that passed.
    pub pass: usize,
    /// Rows that warn.
    pub warn: usize,
    /// Rows that failed.
    pub fail: usize,
    /// Rows of optional services that are not there.
    pub absent: usize,
    /// Rows that were not looked at.
    pub skip: usize,
    /// Rows of required services that were not looked at.
    pub required_skip: usize,
    /// Diagnoses of targets, of severity warn.
    pub target_warn: usize,
    /// Diagnoses of targets, of severity fail.
    pub target_fail: usize,
    /// How often everything was looked at, where it was waited for (`--wait`); else 0.
    pub rounds: usize,
    /// Mail domains that were looked at (`--domain`).
    pub domains: usize,
    /// Rows that this machine itself kept from being looked at.
    pub ours: usize,
}

impl Summary {
    /// Adds a row.
    pub fn add_check(&mut self, finding: &Finding) {
        use crate::catalog::Expectation;
        self.checks += 1;
        let required = finding.check.expect == Expectation::Required;
        self.required += usize::from(required);
        let failure = finding.observation.failure.as_ref();
        self.ours += usize::from(failure.is_some_and(|failure| failure.cause.kept_in()));
        match finding.status {
            Status::Pass => self.pass += 1,
            Status::Warn => self.warn += 1,
            Status::Fail => self.fail += 1,
            Status::Absent => self.absent += 1,
            Status::Skip => {
                self.skip += 1;
                self.required_skip += usize::from(required);
            }
        }
    }

    /// Adds a mail domain; what is the matter with it counts as with a target.
    pub fn add_domain(&mut self, finding: &DomainFinding) {
        use crate::finding::Severity;
        self.domains += 1;
        for told in &finding.diagnoses {
            match told.diagnosis.severity {
                Severity::Info => {}
                Severity::Warn => self.target_warn += 1,
                Severity::Fail => self.target_fail += 1,
            }
        }
    }

    /// Adds a target.
    pub fn add_target(&mut self, finding: &TargetFinding) {
        use crate::finding::Severity;
        self.targets += 1;
        for told in &finding.diagnoses {
            match told.diagnosis.severity {
                Severity::Info => {}
                Severity::Warn => self.target_warn += 1,
                Severity::Fail => self.target_fail += 1,
            }
        }
    }
}
