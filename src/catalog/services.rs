//! The twelve services with a port of their own: one row each.
//!
//! Ports and ids are those of the IANA service name registry, except `rdp` (`ms-wbt-server` there). Purposes follow
//! Microsoft's "Network ports for clients and mail flow in Exchange".

use std::fmt;

use super::web::WEB;

/// A service of the catalog; its id is what people type and what JSON says.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ServiceId {
    /// 25, mail between servers.
    Smtp,
    /// 80, the way to HTTPS.
    Http,
    /// 110, POP3 with STLS.
    Pop3,
    /// 143, IMAP with STARTTLS.
    Imap,
    /// 389, the directory.
    Ldap,
    /// 443, Outlook itself.
    Https,
    /// 465, submission over TLS.
    Submissions,
    /// 587, submission with STARTTLS.
    Submission,
    /// 636, the directory over TLS.
    Ldaps,
    /// 993, IMAP over TLS.
    Imaps,
    /// 995, POP3 over TLS.
    Pop3s,
    /// 3389, remote desktop.
    Rdp,
    /// Outlook on the web.
    Owa,
    /// The Exchange admin center.
    Ecp,
    /// Exchange Web Services.
    Ews,
    /// MAPI over HTTP, Outlook's own way.
    Mapi,
    /// Exchange `ActiveSync`, phones.
    Activesync,
    /// Autodiscover.
    Autodiscover,
    /// RPC over HTTP, Outlook's old way.
    OutlookAnywhere,
    /// The offline address book.
    Oab,
    /// Remote `PowerShell`.
    Powershell,
    /// The MRS proxy, through which mailboxes are moved.
    Mrsproxy,
}

/// The language spoken on a port.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    /// RFC 9112.
    Http,
    /// RFC 1939.
    Pop3,
    /// RFC 3501 and 9051.
    Imap,
    /// RFC 4511.
    Ldap,
    /// \[MS-RDPBCGR\].
    Rdp,
}

/// How a conversation becomes secret, as RFC 8314, 3207 and 2595 call it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Security {
    /// It does not.
    Cleartext,
    /// It begins in clear and is upgraded on request.
    Starttls,
    /// It begins with the TLS handshake.
    ImplicitTls,
    /// It begins in clear and RDP's X.224 negotiation chooses TLS (\[MS-RDPBCGR\] 2.2.1.1).
    X224,
}

/// The groups that `--service` takes beside single services.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Group {
    /// A port of its own.
    Port,
    /// A virtual directory behind 443.
    Web,
}

/// What certificate is to be expected on a service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Certificates {
    /// Clients check it: it has to be trusted, current and made out to the name.
    Checked,
    /// A self-signed one is normal: nobody checks it (mail between servers, remote desktop).
    SelfSignedIsNormal,
    /// There is none.
    None,
}

/// A row of the catalog.
#[derive(Debug)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// The id as it is typed and printed.
    pub name: &'static str,
    /// Its port by default.
    pub port: u16,
    /// What is spoken there.
    pub protocol: Protocol,
    /// How it becomes secret.
    pub security: Security,
    /// What certificate belongs there.
    pub certificates: Certificates,
    /// Its group.
    pub group: Group,
    /// The service in front of it: on the same port, and without it this one cannot be reached.
    pub behind: Option<ServiceId>,
    /// A title of a few words.
    pub title: &'static str,
    /// Who uses it and for what, in plain words, one or two sentences.
    pub purpose: &'static str,
    /// Other names that people type for it.
    pub aliases: &'static [&'static str],
}

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

impl Protocol {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Http => "http",
            Self::Pop3 => "pop3",
            Self::Imap => "imap",
            Self::Ldap => "ldap",
            Self::Rdp => "rdp",
        }
    }
}

impl Security {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cleartext => "cleartext",
            Self::Starttls => "starttls",
            Self::ImplicitTls => "implicit-tls",
            Self::X224 => "x224",
        }
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
