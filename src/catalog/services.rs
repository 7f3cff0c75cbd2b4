//! The twelve services with a port of their own: one row each.
//!
//! Ports and ids are those of the IANA service name registry, except `rdp` (`ms-wbt-server` there). Purposes follow
//! Microsoft's "Network ports for clients and mail flow in Exchange".

use std::fmt;

use super::service::{Certificates, Group, Protocol, Security, Service, ServiceId};
use super::web::WEB;

/// The services with a port of their own, in the order in which documents tell them.
pub static SERVICES: [Service; 12] = [
    Service {
        id: ServiceId::Smtp,
        name: "smtp",
        port: 25,
        protocol: Protocol::Smtp,
        security: Security::Starttls,
        certificates: Certificates::SelfSignedIsNormal,
        group: Group::Port,
        behind: None,
        title: "mail between servers",
        purpose: "Other mail servers deliver here. Mail clients do not use it: they submit on 587. \
                  Encryption is opportunistic, so a self-signed certificate is normal.",
        aliases: &["smtp-relay", "mta"],
    },
    Service {
        id: ServiceId::Http,
        name: "http",
        port: 80,
        protocol: Protocol::Http,
        security: Security::Cleartext,
        certificates: Certificates::None,
        group: Group::Port,
        behind: None,
        title: "web, in clear",
        purpose: "Browsers that were given no https:// arrive here. Exchange answers 403 (TLS required) unless \
                  someone has set up a redirect to HTTPS; both are fine.",
        aliases: &["www", "www-http"],
    },
    Service {
        id: ServiceId::Pop3,
        name: "pop3",
        port: 110,
        protocol: Protocol::Pop3,
        security: Security::Starttls,
        certificates: Certificates::Checked,
        group: Group::Port,
        behind: None,
        title: "POP3 with STLS",
        purpose: "Old mail clients and devices fetch mail here. Exchange's POP3 services are off by default.",
        aliases: &["pop", "pop-3"],
    },
    Service {
        id: ServiceId::Imap,
        name: "imap",
        port: 143,
        protocol: Protocol::Imap,
        security: Security::Starttls,
        certificates: Certificates::Checked,
        group: Group::Port,
        behind: None,
        title: "IMAP with STARTTLS",
        purpose: "Mail clients other than Outlook read mail here. Exchange's IMAP4 services are off by default.",
        aliases: &["imap2", "imap4"],
    },
    Service {
        id: ServiceId::Ldap,
        name: "ldap",
        port: 389,
        protocol: Protocol::Ldap,
        security: Security::Starttls,
        certificates: Certificates::Checked,
        group: Group::Port,
        behind: None,
        title: "directory",
        purpose: "Domain controllers serve the directory here: Exchange reads its whole configuration and its \
                  recipients from it. A mail server itself does not listen on it.",
        aliases: &[],
    },
    Service {
        id: ServiceId::Https,
        name: "https",
        port: 443,
        protocol: Protocol::Http,
        security: Security::ImplicitTls,
        certificates: Certificates::Checked,
        group: Group::Port,
        behind: None,
        title: "web and Outlook",
        purpose: "Outlook (MAPI over HTTP), Outlook on the web, phones (ActiveSync), Autodiscover, EWS and \
                  administration all use this one port.",
        aliases: &[],
    },
    Service {
        id: ServiceId::Submissions,
        name: "submissions",
        port: 465,
        protocol: Protocol::Smtp,
        security: Security::ImplicitTls,
        certificates: Certificates::Checked,
        group: Group::Port,
        behind: None,
        title: "submission over TLS",
        purpose: "Mail clients and devices send mail here, TLS first (RFC 8314). Exchange does not offer that: its \
                  465 is the internal Client Proxy connector, which speaks plaintext SMTP.",
        aliases: &["smtps", "ssmtp", "urd"],
    },
    Service {
        id: ServiceId::Submission,
        name: "submission",
        port: 587,
        protocol: Protocol::Smtp,
        security: Security::Starttls,
        certificates: Certificates::Checked,
        group: Group::Port,
        behind: None,
        title: "submission with STARTTLS",
        purpose: "POP3 and IMAP users, printers and applications send mail here after signing in. Outlook with an \
                  Exchange account does not need it.",
        aliases: &["msa"],
    },
    Service {
        id: ServiceId::Ldaps,
        name: "ldaps",
        port: 636,
        protocol: Protocol::Ldap,
        security: Security::ImplicitTls,
        certificates: Certificates::Checked,
        group: Group::Port,
        behind: None,
        title: "directory over TLS",
        purpose: "Domain controllers with a certificate serve the directory over TLS here, for applications that \
                  send passwords.",
        aliases: &["sldap"],
    },
    Service {
        id: ServiceId::Imaps,
        name: "imaps",
        port: 993,
        protocol: Protocol::Imap,
        security: Security::ImplicitTls,
        certificates: Certificates::Checked,
        group: Group::Port,
        behind: None,
        title: "IMAP over TLS",
        purpose: "Mail clients other than Outlook read mail here. Exchange's IMAP4 services are off by default.",
        aliases: &["imap4s"],
    },
    Service {
        id: ServiceId::Pop3s,
        name: "pop3s",
        port: 995,
        protocol: Protocol::Pop3,
        security: Security::ImplicitTls,
        certificates: Certificates::Checked,
        group: Group::Port,
        behind: None,
        title: "POP3 over TLS",
        purpose: "Old mail clients and devices fetch mail here. Exchange's POP3 services are off by default.",
        aliases: &["pops", "spop3"],
    },
    Service {
        id: ServiceId::Rdp,
        name: "rdp",
        port: 3389,
        protocol: Protocol::Rdp,
        security: Security::X224,
        certificates: Certificates::SelfSignedIsNormal,
        group: Group::Port,
        behind: None,
        title: "remote desktop",
        purpose: "Administrators reach the server's desktop here. It belongs behind a VPN, never on the internet; its \
                  certificate is normally self-signed.",
        aliases: &["ms-wbt-server", "remote-desktop"],
    },
];

/// Every row of the catalog, in the order in which documents tell them: the twelve ports, then the web group.
pub fn all() -> impl Iterator<Item = &'static Service> + Clone {
    SERVICES.iter().chain(&WEB)
}

/// The row of a service.
#[must_use]
pub fn service(id: ServiceId) -> &'static Service {
    // INVARIANT: the rows stand in the order of the enum (tested below).
    let index = id as usize;
    match SERVICES.get(index) {
        Some(row) => row,
        None => &WEB[index - SERVICES.len()],
    }
}

impl ServiceId {
    /// The row of this service.
    #[must_use]
    pub fn row(self) -> &'static Service {
        service(self)
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(service(*self).name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn rows_stand_in_the_order_of_the_enum_and_of_ports() {
        for (index, row) in all().enumerate() {
            assert_eq!(row.id as usize, index, "{}", row.name);
            assert_eq!(service(row.id).name, row.name);
        }
        assert!(SERVICES.is_sorted_by_key(|row| row.port));
    }

    #[test]
    fn what_is_behind_another_shares_its_port() {
        for row in all() {
            let front = row.behind.map(service);
            assert_eq!(front.is_some(), row.group == Group::Web, "{}", row.name);
            let Some(front) = front else { continue };
            assert_eq!((front.port, front.behind), (row.port, None), "{}", row.name);
        }
    }

    #[test]
    fn no_name_stands_for_two_services() {
        let mut seen = HashSet::new();
        for row in all() {
            assert!(seen.insert(row.name), "{}", row.name);
            for alias in row.aliases {
                assert!(seen.insert(alias), "{alias}");
            }
        }
    }
}
