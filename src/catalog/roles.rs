//! Roles: which kind of host should have which services.
//!
//! The columns follow Microsoft's "Network ports for clients and mail flow in Exchange" and its endpoint list for
//! Microsoft 365. A service that stands in no column of a role is not looked at there.

use super::services::ServiceId::{
    self, Activesync, Autodiscover, Ecp, Ews, Http, Https, Imap, Imaps, Ldap, Ldaps, Mapi, Oab,
    OutlookAnywhere, Owa, Pop3, Pop3s, Powershell, Rdp, Smtp, Submission, Submissions,
};

/// What kind of host a target is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Role {
    /// Not said: all twelve have to work.
    #[default]
    Any,
    /// An Exchange Mailbox server, seen from inside.
    Mailbox,
    /// An Exchange organisation, seen from the internet.
    Published,
    /// An Edge Transport server.
    Edge,
    /// Exchange Online's host for clients.
    Online,
    /// Exchange Online's host for submission.
    OnlineSubmission,
    /// Exchange Online's mail exchanger.
    OnlineMx,
    /// An Active Directory domain controller.
    DomainController,
}

/// What a role expects of a service.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Expectation {
    /// It has to work.
    Required,
    /// If it is there, it has to work.
    Optional,
    /// It must not be reachable.
    Forbidden,
}

/// A row of the roles table.
#[derive(Debug)]
pub struct RoleRow {
    /// The role.
    pub role: Role,
    /// The role as it is typed and printed.
    pub name: &'static str,
    /// What such a host is, in plain words.
    pub purpose: &'static str,
    /// What has to work.
    pub required: &'static [ServiceId],
    /// What may be there.
    pub optional: &'static [ServiceId],
    /// What must not be reachable.
    pub forbidden: &'static [ServiceId],
}

/// All roles.
pub static ROLES: [RoleRow; 8] = [
    RoleRow {
        role: Role::Any,
        name: "any",
        purpose: "takes the table at its word: all twelve ports must work",
        required: &[
            Smtp,
            Http,
            Pop3,
            Imap,
            Ldap,
            Https,
            Submissions,
            Submission,
            Ldaps,
            Imaps,
            Pop3s,
            Rdp,
        ],
        optional: &[
            Owa,
            Ecp,
            Ews,
            Mapi,
            Activesync,
            Autodiscover,
            OutlookAnywhere,
            Oab,
            Powershell,
        ],
        forbidden: &[],
    },
    RoleRow {
        role: Role::Mailbox,
        name: "mailbox",
        purpose: "an Exchange Mailbox server, looked at from the inside network",
        required: &[Smtp, Https, Submission, Owa, Ews, Mapi, Autodiscover],
        optional: &[
            Http,
            Pop3,
            Imap,
            Submissions,
            Imaps,
            Pop3s,
            Rdp,
            Ecp,
            Activesync,
            OutlookAnywhere,
            Oab,
            Powershell,
        ],
        forbidden: &[],
    },
    RoleRow {
        role: Role::Published,
        name: "published",
        purpose: "an Exchange organisation as the internet sees it, through firewall or load balancer",
        required: &[Https, Mapi, Ews, Autodiscover],
        optional: &[
            Smtp,
            Http,
            Pop3,
            Imap,
            Submissions,
            Submission,
            Imaps,
            Pop3s,
            Owa,
            Activesync,
            OutlookAnywhere,
            Oab,
            Ecp,
            Powershell,
        ],
        forbidden: &[Ldap, Ldaps, Rdp],
    },
    RoleRow {
        role: Role::Edge,
        name: "edge",
        purpose: "an Exchange Edge Transport server in the perimeter network",
        required: &[Smtp],
        optional: &[Rdp],
        forbidden: &[],
    },
    RoleRow {
        role: Role::Online,
        name: "online",
        purpose: "Exchange Online's host for clients: outlook.office365.com",
        required: &[Https],
        optional: &[
            Http,
            Imaps,
            Pop3s,
            Owa,
            Ews,
            Mapi,
            Autodiscover,
            Activesync,
            Oab,
        ],
        forbidden: &[],
    },
    RoleRow {
        role: Role::OnlineSubmission,
        name: "online-submission",
        purpose: "Exchange Online's host for submission: smtp.office365.com",
        required: &[Submission],
        optional: &[Smtp],
        forbidden: &[],
    },
    RoleRow {
        role: Role::OnlineMx,
        name: "online-mx",
        purpose: "Exchange Online's mail exchanger: *.mail.protection.outlook.com, *.mx.microsoft",
        required: &[Smtp],
        optional: &[],
        forbidden: &[],
    },
    RoleRow {
        role: Role::DomainController,
        name: "domain-controller",
        purpose: "an Active Directory domain controller",
        required: &[Ldap],
        optional: &[Ldaps, Rdp],
        forbidden: &[],
    },
];

/// What a role expects of a service; `None` when it is not looked at.
#[must_use]
pub fn expectation(role: Role, service: ServiceId) -> Option<Expectation> {
    let row = role.row();
    if row.required.contains(&service) {
        Some(Expectation::Required)
    } else if row.optional.contains(&service) {
        Some(Expectation::Optional)
    } else if row.forbidden.contains(&service) {
        Some(Expectation::Forbidden)
    } else {
        None
    }
}

impl Role {
    /// The row of this role.
    #[must_use]
    pub fn row(self) -> &'static RoleRow {
        // INVARIANT: the rows stand in the order of the enum (tested below).
        &ROLES[self as usize]
    }

    /// The role as it is typed and printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// The role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        ROLES
            .iter()
            .find(|row| row.name.eq_ignore_ascii_case(name))
            .map(|row| row.role)
    }
}

impl Expectation {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Forbidden => "forbidden",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enum() {
        for (index, row) in ROLES.iter().enumerate() {
            assert_eq!(row.role as usize, index, "{}", row.name);
        }
    }

    #[test]
    fn no_service_stands_in_two_columns() {
        for row in &ROLES {
            let mut all: Vec<_> = [row.required, row.optional, row.forbidden].concat();
            let before = all.len();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), before, "{}", row.name);
        }
    }

    #[test]
    fn published_forbids_the_directory_and_the_desktop() {
        assert_eq!(
            expectation(Role::Published, Ldap),
            Some(Expectation::Forbidden)
        );
        assert_eq!(
            expectation(Role::Published, Https),
            Some(Expectation::Required)
        );
        assert_eq!(expectation(Role::Edge, Https), None);
    }
}
