//! What a port of the stand-in serves, and as which machine.

use super::faults::Fault;
use super::handshake::Handshake;
use super::staged::Staged;
use crate::catalog::{Role, ServiceId};
use std::sync::{Arc, Mutex};
use tokio::time::Instant;

/// What a port serves.
pub(super) struct Port {
    pub(super) service: ServiceId,
    pub(super) role: Role,
    pub(super) machine: Machine,
    pub(super) staged: Arc<[Staged]>,
    pub(super) tls: Handshake,
    /// When a connection was last turned away as one too many.
    pub(super) turned_away: Mutex<Option<Instant>>,
}

/// The machine that the stand-in plays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Machine {
    /// An Exchange server.
    Exchange,
    /// A domain controller.
    DomainController,
    /// A front end of Exchange Online, for clients and for submission.
    Online,
    /// A mail exchanger of Exchange Online.
    OnlineMx,
}

/// Whether a service is to have a fault.
pub(super) fn is_staged(staged: &[Staged], service: ServiceId, fault: Fault) -> bool {
    staged
        .iter()
        .any(|staged| staged.fault() == fault && staged.services().contains(&service))
}

impl Machine {
    /// The one that stands in a role.
    pub(super) fn of(role: Role) -> Self {
        match role {
            Role::Any | Role::Auto | Role::Mailbox | Role::Published | Role::Edge | Role::Mail => {
                Self::Exchange
            }
            Role::DomainController => Self::DomainController,
            Role::Online | Role::OnlineSubmission => Self::Online,
            Role::OnlineMx => Self::OnlineMx,
        }
    }

    pub(super) fn short_name(self) -> &'static str {
        match self {
            Self::Exchange => "EX01",
            Self::DomainController => "DC01",
            Self::Online => "PN4P287CA0064",
            Self::OnlineMx => "PN4PEPF00000064",
        }
    }

    pub(super) fn full_name(self) -> &'static str {
        match self {
            Self::Exchange => "EX01.corp.example.test",
            Self::DomainController => "DC01.corp.example.test",
            Self::Online => "PN4P287CA0064.outlook.office365.com",
            Self::OnlineMx => "PN4PEPF00000064.mail.protection.outlook.com",
        }
    }

    /// What it calls itself where only its own kind listens; Exchange Online has another name for that.
    pub(super) fn inner_name(self) -> &'static str {
        match self {
            Self::Online => "PN4P287CA0064.INDP287.PROD.OUTLOOK.COM",
            other => other.full_name(),
        }
    }
}

impl Port {
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.has_at(self.service, fault)
    }

    /// Whether a service has a fault: this port's own, or one that lives behind it.
    pub(super) fn has_at(&self, service: ServiceId, fault: Fault) -> bool {
        is_staged(&self.staged, service, fault)
    }
}
