//! The web group: Exchange's virtual directories behind 443, one row each.
//!
//! Paths follow Microsoft's "Default settings for Exchange virtual directories"; each directory's `healthcheck.htm` is
//! what load balancers are to poll ("Load balancing in Exchange Server").

use super::service::{Certificates, Group, Protocol, Security, Service, ServiceId};

/// Where a web service is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VirtualDirectory {
    /// The service.
    pub id: ServiceId,
    /// What is asked first: the path that clients use.
    pub path: &'static str,
    /// The page that says whether the service behind it is healthy; `None` where another row asks for it.
    pub healthcheck: Option<&'static str>,
}

/// The directory of a web service; `None` for a service with a port of its own.
#[must_use]
pub fn virtual_directory(id: ServiceId) -> Option<&'static VirtualDirectory> {
    DIRECTORIES.iter().find(|directory| directory.id == id)
}

/// The directories at which Outlook signs in with a token where modern authentication is on: all of them have to take
/// one (Microsoft, "How to configure Exchange Server on-premises to use hybrid modern authentication").
pub const MODERN: [ServiceId; 5] = [
    ServiceId::Ews,
    ServiceId::Mapi,
    ServiceId::Activesync,
    ServiceId::Autodiscover,
    ServiceId::Oab,
];

/// The directories, in the order of [`WEB`].
pub static DIRECTORIES: [VirtualDirectory; 10] = [
    VirtualDirectory {
        id: ServiceId::Owa,
        path: "/owa/",
        healthcheck: Some("/owa/healthcheck.htm"),
    },
    VirtualDirectory {
        id: ServiceId::Ecp,
        path: "/ecp/",
        healthcheck: Some("/ecp/healthcheck.htm"),
    },
    VirtualDirectory {
        id: ServiceId::Ews,
        path: "/ews/exchange.asmx",
        healthcheck: Some("/ews/healthcheck.htm"),
    },
    VirtualDirectory {
        id: ServiceId::Mapi,
        path: "/mapi/emsmdb/",
        healthcheck: Some("/mapi/healthcheck.htm"),
    },
    VirtualDirectory {
        id: ServiceId::Activesync,
        path: "/Microsoft-Server-ActiveSync",
        healthcheck: Some("/Microsoft-Server-ActiveSync/healthcheck.htm"),
    },
    VirtualDirectory {
        id: ServiceId::Autodiscover,
        path: "/autodiscover/autodiscover.xml",
        healthcheck: Some("/autodiscover/healthcheck.htm"),
    },
    VirtualDirectory {
        id: ServiceId::OutlookAnywhere,
        path: "/rpc/rpcproxy.dll",
        healthcheck: Some("/rpc/healthcheck.htm"),
    },
    VirtualDirectory {
        id: ServiceId::Oab,
        path: "/oab/",
        healthcheck: Some("/oab/healthcheck.htm"),
    },
    VirtualDirectory {
        id: ServiceId::Powershell,
        path: "/PowerShell/",
        healthcheck: Some("/PowerShell/healthcheck.htm"),
    },
    // It lies in the directory of EWS, whose row asks for the health page.
    VirtualDirectory {
        id: ServiceId::Mrsproxy,
        path: "/ews/mrsproxy.svc",
        healthcheck: None,
    },
];

/// The rows of the web group.
pub static WEB: [Service; 10] = [
    web(
        ServiceId::Owa,
        "owa",
        "Outlook on the web",
        "People read mail in a browser here. It answers with a redirect to its logon page.",
        &["outlook-web"],
    ),
    web(
        ServiceId::Ecp,
        "ecp",
        "Exchange admin center",
        "Administrators manage Exchange in a browser here, and users their options. Many organisations close it to the internet.",
        &["eac"],
    ),
    web(
        ServiceId::Ews,
        "ews",
        "Exchange Web Services",
        "Outlook for Mac, calendar sharing (free/busy), meeting rooms and many applications use it.",
        &["exchange-web-services"],
    ),
    web(
        ServiceId::Mapi,
        "mapi",
        "MAPI over HTTP",
        "Outlook for Windows reads and sends all its mail here.",
        &["mapi-http"],
    ),
    web(
        ServiceId::Activesync,
        "activesync",
        "Exchange ActiveSync",
        "Phones and tablets synchronize mail and calendars here.",
        &["eas"],
    ),
    web(
        ServiceId::Autodiscover,
        "autodiscover",
        "Autodiscover",
        "Outlook and phones ask here where everything else is; without it no new profile can be set up.",
        &[],
    ),
    web(
        ServiceId::OutlookAnywhere,
        "outlook-anywhere",
        "Outlook Anywhere (RPC over HTTP)",
        "Old versions of Outlook connect here; newer ones use MAPI over HTTP.",
        &["rpc"],
    ),
    web(
        ServiceId::Oab,
        "oab",
        "offline address book",
        "Outlook downloads the address list from here.",
        &[],
    ),
    web(
        ServiceId::Powershell,
        "powershell",
        "remote PowerShell",
        "The Exchange Management Shell connects here. Outside the organisation nobody needs it.",
        &[],
    ),
    web(
        ServiceId::Mrsproxy,
        "mrsproxy",
        "MRS proxy (mailbox moves)",
        "Exchange Online and other Exchange organisations move mailboxes through it. It is off by default, and only \
         migrations need it; 401 means that it is on, and that a migration endpoint can be made.",
        &["mrs", "mrs-proxy"],
    ),
];

/// What all of them share.
const fn web(
    id: ServiceId,
    name: &'static str,
    title: &'static str,
    purpose: &'static str,
    aliases: &'static [&'static str],
) -> Service {
    Service {
        id,
        name,
        port: 443,
        protocol: Protocol::Http,
        security: Security::ImplicitTls,
        certificates: Certificates::Checked,
        group: Group::Web,
        behind: Some(ServiceId::Https),
        title,
        purpose,
        aliases,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_web_service_has_its_directory() {
        for (row, directory) in WEB.iter().zip(&DIRECTORIES) {
            assert_eq!(row.id, directory.id);
            let is_health_page = |path: &str| path.ends_with("/healthcheck.htm");
            assert!(
                directory.path.starts_with('/') && directory.healthcheck.is_none_or(is_health_page)
            );
        }
    }
}
