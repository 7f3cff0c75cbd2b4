//! Roles: which kind of host should have which services.
//!
//! The columns follow Microsoft's "Network ports for clients and mail flow in Exchange" and its endpoint list for
//! Microsoft 365. A service that stands in no column of a role is not looked at there.

use super::service::ServiceId::{
    self, Activesync, Autodiscover, Ecp, Ews, Http, Https, Imap, Imaps, Ldap, Ldaps, Mapi,
    Mrsproxy, Oab, OutlookAnywhere, Owa, Pop3, Pop3s, Powershell, Rdp, Smtp, Submission,
    Submissions,
};

/// What kind of host a target is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Role {
    /// Not said: it is found from what the host shows.
    #[default]
    Auto,
    /// An Exchange Mailbox server, seen from inside.
    Mailbox,
    /// An Exchange organisation, seen from the internet.
    Published,
    /// An Edge Transport server.
    Edge,
    /// A mail server that is not Exchange, as Outlook uses it with IMAP or POP.
    Mail,
    /// Exchange Online's host for clients.
    Online,
    /// Exchange Online's host for submission.
    OnlineSubmission,
    /// Exchange Online's mail exchanger.
    OnlineMx,
    /// An Active Directory domain controller.
    DomainController,
    /// The table at its word: all twelve have to work.
    Any,
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
    /// What such a host is called in a sentence.
    pub noun: &'static str,
    /// What such a host is, in plain words.
    pub purpose: &'static str,
    /// What has to work.
    pub required: &'static [ServiceId],
    /// Of each of these groups one service has to work; they stand among the optional ones.
    pub one_of: &'static [&'static [ServiceId]],
    /// What may be there.
    pub optional: &'static [ServiceId],
    /// What must not be reachable.
    pub forbidden: &'static [ServiceId],
    /// What must not be reachable at a public address; elsewhere it is as good as optional.
    pub forbidden_if_public: &'static [ServiceId],
}

/// All roles.
pub static ROLES: [RoleRow; 10] = [
    RoleRow {
        role: Role::Auto,
        name: "auto",
        noun: "a host of no role that was recognised",
        purpose: "worked out from what the host shows",
        required: &[],
        one_of: &[],
        optional: &[
            Smtp,
            Http,
            Pop3,
            Imap,
            Https,
            Submissions,
            Submission,
            Imaps,
            Pop3s,
            Owa,
            Ecp,
            Ews,
            Mapi,
            Activesync,
            Autodiscover,
            OutlookAnywhere,
            Oab,
            Powershell,
            Mrsproxy,
        ],
        forbidden: &[],
        forbidden_if_public: &INTERNAL,
    },
    RoleRow {
        role: Role::Mailbox,
        name: "mailbox",
        noun: "an Exchange Mailbox server",
        purpose: "an Exchange Mailbox server, checked from the internal network",
        required: &[Smtp, Https, Submission, Owa, Ews, Mapi, Autodiscover],
        one_of: &[],
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
            Mrsproxy,
        ],
        forbidden: &[],
        forbidden_if_public: &[],
    },
    RoleRow {
        role: Role::Published,
        name: "published",
        noun: "published Exchange",
        purpose: "an Exchange organisation as the internet sees it, through firewall or load balancer",
        required: &[Https, Mapi, Ews, Autodiscover],
        one_of: &[],
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
            Mrsproxy,
        ],
        forbidden: &[Ldap, Ldaps, Rdp],
        forbidden_if_public: &[],
    },
    RoleRow {
        role: Role::Edge,
        name: "edge",
        noun: "an Exchange Edge Transport server",
        purpose: "an Exchange Edge Transport server in the perimeter network",
        required: &[Smtp],
        one_of: &[],
        optional: &[Rdp],
        forbidden: &[],
        forbidden_if_public: &[],
    },
    RoleRow {
        role: Role::Mail,
        name: "mail",
        noun: "a mail server that is not Exchange",
        purpose: "a mail server that is not Exchange, as Outlook uses it with IMAP or POP",
        required: &[],
        one_of: &[&[Submission, Submissions], &[Imaps, Imap, Pop3s, Pop3]],
        optional: &[
            Smtp,
            Http,
            Pop3,
            Imap,
            Https,
            Submissions,
            Submission,
            Imaps,
            Pop3s,
        ],
        forbidden: &[],
        forbidden_if_public: &INTERNAL,
    },
    RoleRow {
        role: Role::Online,
        name: "online",
        noun: "Exchange Online for clients",
        purpose: "Exchange Online's host for clients: outlook.office365.com",
        required: &[Https],
        one_of: &[],
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
        forbidden_if_public: &[],
    },
    RoleRow {
        role: Role::OnlineSubmission,
        name: "online-submission",
        noun: "Exchange Online for submission",
        purpose: "Exchange Online's host for submission: smtp.office365.com",
        required: &[Submission],
        one_of: &[],
        optional: &[Smtp],
        forbidden: &[],
        forbidden_if_public: &[],
    },
    RoleRow {
        role: Role::OnlineMx,
        name: "online-mx",
        noun: "Exchange Online's mail exchanger",
        purpose: "Exchange Online's mail exchanger: *.mail.protection.outlook.com, *.mx.microsoft",
        required: &[Smtp],
        one_of: &[],
        optional: &[],
        forbidden: &[],
        forbidden_if_public: &[],
    },
    RoleRow {
        role: Role::DomainController,
        name: "domain-controller",
        noun: "an Active Directory domain controller",
        purpose: "an Active Directory domain controller",
        required: &[Ldap],
        one_of: &[],
        optional: &[Ldaps, Rdp],
        forbidden: &[],
        forbidden_if_public: &[],
    },
    RoleRow {
        role: Role::Any,
        name: "any",
        noun: "all twelve ports",
        purpose: "every service counts: all twelve ports must work",
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
        one_of: &[],
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
            Mrsproxy,
        ],
        forbidden: &[],
        forbidden_if_public: &[],
    },
];

/// The services that nobody on the internet should reach.
pub const INTERNAL: [ServiceId; 3] = [Ldap, Ldaps, Rdp];

/// What a role expects of a service; `None` when it is not looked at. What it forbids at public addresses alone is
/// optional here, where no address is known.
#[must_use]
pub fn expectation(role: Role, service: ServiceId) -> Option<Expectation> {
    let row = role.row();
    if row.required.contains(&service) {
        Some(Expectation::Required)
    } else if row.optional.contains(&service) || row.forbidden_if_public.contains(&service) {
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

    #[test]
    fn alternatives_are_optional_one_by_one() {
        for row in &ROLES {
            for service in row.one_of.iter().copied().flatten() {
                assert!(row.optional.contains(service), "{}: {service:?}", row.name);
            }
        }
    }
}
