//! The web group: Exchange's virtual directories behind 443, one row each.
//!
//! Paths follow Microsoft's "Default settings for Exchange virtual directories"; each directory's `healthcheck.htm` is
//! what load balancers are to poll ("Load balancing in Exchange Server").

use super::services::{Certificates, Group, Protocol, Security, Service, ServiceId};

/// Where a web service is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VirtualDirectory {
    /// The service.
    pub id: ServiceId,
    /// What is asked first: the path that clients use.
    pub path: &'static str,
    /// The page that says whether the service behind it is healthy.
    pub healthcheck: &'static str,
}

/// The directory of a web service; `None` for a service with a port of its own.
#[must_use]
pub fn virtual_directory(id: ServiceId) -> Option<&'static VirtualDirectory> {
    DIRECTORIES.iter().find(|directory| directory.id == id)
}

/// The directories, in the order of [`WEB`].
pub static DIRECTORIES: [VirtualDirectory; 9] = [
    VirtualDirectory {
        id: ServiceId::Owa,
        path: "/owa/",
        healthcheck: "/owa/healthcheck.htm",
    },
    VirtualDirectory {
        id: ServiceId::Ecp,
        path: "/ecp/",
        healthcheck: "/ecp/healthcheck.htm",
    },
    VirtualDirectory {
        id: ServiceId::Ews,
        path: "/ews/exchange.asmx",
        healthcheck: "/ews/healthcheck.htm",
    },
    VirtualDirectory {
        id: ServiceId::Mapi,
        path: "/mapi/emsmdb/",
        healthcheck: "/mapi/healthcheck.htm",
    },
    VirtualDirectory {
        id: ServiceId::Activesync,
        path: "/Microsoft-Server-ActiveSync",
        healthcheck: "/Microsoft-Server-ActiveSync/healthcheck.htm",
    },
    VirtualDirectory {
        id: ServiceId::Autodiscover,
        path: "/autodiscover/autodiscover.xml",
        healthcheck: "/autodiscover/healthcheck.htm",
    },
    VirtualDirectory {
        id: ServiceId::OutlookAnywhere,
        path: "/rpc/rpcproxy.dll",
        healthcheck: "/rpc/healthcheck.htm",
    },
    VirtualDirectory {
        id: ServiceId::Oab,
        path: "/oab/",
        healthcheck: "/oab/healthcheck.htm",
    },
    VirtualDirectory {
        id: ServiceId::Powershell,
        path: "/PowerShell/",
        healthcheck: "/PowerShell/healthcheck.htm",
    },
];

/// The rows of the web group.
pub static WEB: [Service; 9] = [
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
            assert!(
                directory.path.starts_with('/')
                    && directory.healthcheck.ends_with("/healthcheck.htm")
            );
        }
    }
}
