//! Who takes mail for others: names of mail hosts, and whose they are.
//!
//! Each row names where the pattern comes from. What is in no row may be anybody's own.

/// Who is behind names that end so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Provider {
    /// The end of the names, whole labels.
    pub suffix: &'static str,
    /// Whose they are.
    pub name: &'static str,
    /// What kind of host that is.
    pub kind: ProviderKind,
    /// Where that is written.
    pub source: &'static str,
}

/// What kind of host a provider's is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProviderKind {
    /// Exchange Online: mailboxes, or the filter before them.
    ExchangeOnline,
    /// Mailboxes of somebody else.
    Mailboxes,
    /// A filter before a mail server that is somewhere else.
    Gateway,
}

/// The table. Longer suffixes stand before shorter ones that they end in.
pub const PROVIDERS: [Provider; 22] = [
    row("mail.protection.outlook.com", EXO, ONLINE, ENDPOINTS),
    row(
        "olc.protection.outlook.com",
        "Outlook.com (consumers)",
        BOXES,
        ENDPOINTS,
    ),
    row("mail.eo.outlook.com", EXO, ONLINE, ENDPOINTS),
    row(
        "mx.microsoft",
        "Exchange Online (with DNSSEC)",
        ONLINE,
        DANE,
    ),
    row(
        "mail.protection.office365.us",
        "Exchange Online (US Government)",
        ONLINE,
        ENDPOINTS,
    ),
    row(
        "mail.protection.partner.outlook.cn",
        "Exchange Online (21Vianet)",
        ONLINE,
        ENDPOINTS,
    ),
    row(
        "pphosted.com",
        "Proofpoint",
        FILTER,
        "Proofpoint, Email Protection: MX records",
    ),
    row(
        "ppe-hosted.com",
        "Proofpoint Essentials",
        FILTER,
        "Proofpoint Essentials: MX records",
    ),
    row(
        "mimecast.com",
        "Mimecast",
        FILTER,
        "Mimecast, Connect application: MX records",
    ),
    row(
        "mimecast.co.za",
        "Mimecast",
        FILTER,
        "Mimecast, Connect application: MX records",
    ),
    row(
        "barracudanetworks.com",
        "Barracuda",
        FILTER,
        "Barracuda, Email Gateway Defense: MX records",
    ),
    row(
        "iphmx.com",
        "Cisco Secure Email",
        FILTER,
        "Cisco, Secure Email Cloud Gateway: MX records",
    ),
    row(
        "messagelabs.com",
        "Symantec Email Security.cloud",
        FILTER,
        "Broadcom, Email Security.cloud: MX records",
    ),
    row(
        "hornetsecurity.com",
        "Hornetsecurity",
        FILTER,
        "Hornetsecurity, Control Panel: MX records",
    ),
    row(
        "antispameurope.com",
        "Hornetsecurity",
        FILTER,
        "Hornetsecurity, Control Panel: MX records",
    ),
    row(
        "hydra.sophos.com",
        "Sophos",
        FILTER,
        "Sophos Central, Email Security: MX records",
    ),
    row(
        "nospamproxy.com",
        "NoSpamProxy",
        FILTER,
        "Net at Work, NoSpamProxy Cloud: MX records",
    ),
    row(
        "retarus.com",
        "Retarus",
        FILTER,
        "Retarus, Email Security: MX records",
    ),
    row(
        "trendmicro.com",
        "Trend Micro",
        FILTER,
        "Trend Micro, Email Security: MX records",
    ),
    row(
        "google.com",
        "Google Workspace",
        BOXES,
        "Google Workspace Admin Help: MX records",
    ),
    row(
        "googlemail.com",
        "Google Workspace",
        BOXES,
        "Google Workspace Admin Help: MX records",
    ),
    row(
        "kundenserver.de",
        "IONOS",
        BOXES,
        "IONOS, Help Center: MX records",
    ),
];

const EXO: &str = "Exchange Online";
const ONLINE: ProviderKind = ProviderKind::ExchangeOnline;
const BOXES: ProviderKind = ProviderKind::Mailboxes;
const FILTER: ProviderKind = ProviderKind::Gateway;
const ENDPOINTS: &str = "Microsoft, Microsoft 365 URLs and IP address ranges";
const DANE: &str =
    "Microsoft, How SMTP DNS-based Authentication of Named Entities (DANE) secures email";

const fn row(
    suffix: &'static str,
    name: &'static str,
    kind: ProviderKind,
    source: &'static str,
) -> Provider {
    Provider {
        suffix,
        name,
        kind,
        source,
    }
}

/// Whose mail host that is; `None` where the table knows nobody.
#[must_use]
pub fn provider(host: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|row| ends_in(host, row.suffix))
}

/// Names of Microsoft behind which Autodiscover is Exchange Online's.
pub const ONLINE_AUTODISCOVER: [&str; 8] = [
    "autodiscover.outlook.com",
    "autodiscover-s.outlook.com",
    "outlook.office365.com",
    "outlook.office.com",
    "outlook.cloud.microsoft",
    "autodiscover-s.office365.us",
    "outlook.office365.us",
    "partner.outlook.cn",
];

/// Whether Autodiscover at that name is Exchange Online's.
#[must_use]
pub fn is_online_autodiscover(host: &str) -> bool {
    ONLINE_AUTODISCOVER.iter().any(|known| ends_in(host, known))
}

fn ends_in(host: &str, suffix: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.strip_suffix(suffix)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_hosts_and_whose_they_are() {
        for (host, expected) in [
            (
                "example-com.mail.protection.outlook.com",
                Some("Exchange Online"),
            ),
            (
                "example-com.k-v1.mx.microsoft.",
                Some("Exchange Online (with DNSSEC)"),
            ),
            (
                "EXAMPLE-COM.mail.protection.office365.us",
                Some("Exchange Online (US Government)"),
            ),
            ("aspmx.l.google.com", Some("Google Workspace")),
            ("mx1.notgoogle.com", None),
            ("mail.example.com", None),
            ("", None),
        ] {
            assert_eq!(provider(host).map(|row| row.name), expected, "{host}");
        }
        assert!(is_online_autodiscover("autodiscover.outlook.com"));
        assert!(!is_online_autodiscover("autodiscover.example.com"));
    }

    #[test]
    fn no_row_hides_another() {
        for (at, row) in PROVIDERS.iter().enumerate() {
            assert_eq!(provider(row.suffix), PROVIDERS.get(at), "{}", row.suffix);
            assert!(!row.source.is_empty());
        }
    }
}
