//! What can be asked of a code; which there are, and what is said of each, stands in `codes.rs`.

use std::fmt;

use super::codes::{Asked, Code, DEFINITIONS, Definition, Exception, When};
use super::severity::Severity;

impl Code {
    /// Everything that is said of it.
    #[must_use]
    pub fn definition(self) -> &'static Definition {
        // Both come from one list.
        &DEFINITIONS[self as usize].1
    }

    /// The word that JSON, the table and `explain` use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.definition().word
    }

    /// The code of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::all().find(|code| code.as_str().eq_ignore_ascii_case(word))
    }

    /// How bad it is there, whatever was seen.
    #[must_use]
    pub fn severity(self, asked: &Asked) -> Severity {
        let definition = self.definition();
        let mut except = definition.except.iter();
        except
            .find(|(_, when, _)| when.holds(asked))
            .map_or(definition.severity, |(severity, ..)| *severity)
    }

    /// Whether it can be so bad there: always, or by what was seen.
    #[must_use]
    pub fn can_be(self, severity: Severity, asked: &Asked) -> bool {
        let by_what_was_seen = |&(found, when, _): &Exception| {
            when == When::OfRows || (when == When::Seen && found == severity)
        };
        self.severity(asked) == severity || self.definition().except.iter().any(by_what_was_seen)
    }

    /// Whether a target of which this is told needs that code of its rows no more: they are one matter.
    #[must_use]
    pub fn covers(self, of_a_row: Self) -> bool {
        self == of_a_row || self.definition().covers.contains(&of_a_row)
    }

    /// Where to read on: the address of the first of its references that has one.
    #[must_use]
    pub fn help_url(self) -> Option<String> {
        self.references().find_map(|(_, url)| url)
    }

    /// The documents that say so, with the addresses of those that have one.
    pub fn references(self) -> impl Iterator<Item = (&'static str, Option<String>)> {
        let documents = self.definition().references.split("; ");
        documents.map(|document| (document, address(document)))
    }

    /// All codes.
    pub fn all() -> impl Iterator<Item = Self> {
        DEFINITIONS.iter().map(|(code, _)| *code)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The address of a document, where it has one that lasts: an RFC, a CVE, a page of Microsoft's, a manual page.
fn address(document: &str) -> Option<String> {
    if let Some(rfc) = document.strip_prefix("RFC ") {
        let place = rfc
            .split([',', '('])
            .next()?
            .trim_end()
            .replace(" §", "#section-");
        return Some(format!("https://www.rfc-editor.org/rfc/rfc{place}"));
    }
    if document.starts_with("CVE-") {
        return Some(format!("https://www.cve.org/CVERecord?id={document}"));
    }
    if let Some((call, _)) = document.split_once("(2)") {
        return Some(format!(
            "https://man7.org/linux/man-pages/man2/{call}.2.html"
        ));
    }
    // `[MS-ADTS] 3.1.1.3.2`, `MS-OXDISCO §3.1.5`
    if let Some(name) = document
        .strip_prefix("[MS-")
        .or(document.strip_prefix("MS-"))
    {
        let name = name.split([']', ' ']).next()?.to_ascii_lowercase();
        let library = if name.starts_with("ox") {
            "exchange_server_protocols"
        } else {
            "windows_protocols"
        };
        return Some(format!(
            "https://learn.microsoft.com/openspecs/{library}/ms-{name}"
        ));
    }
    // What stands behind a comma, or in brackets, is a place in the document.
    let is_of = |known: &str| {
        let rest = document.strip_prefix("Microsoft")?;
        let rest = rest
            .trim_start_matches([',', ':', ' '])
            .strip_prefix(known)?;
        (rest.is_empty() || rest.starts_with([',', ' '])).then_some(())
    };
    if let Some((_, page)) = PAGES.iter().find(|(known, _)| is_of(known).is_some()) {
        return Some(if page.starts_with("https:") {
            (*page).to_owned()
        } else {
            format!("https://learn.microsoft.com/{page}")
        });
    }
    let (_, url) = OTHERS
        .iter()
        .find(|(known, _)| document.starts_with(known))?;
    Some((*url).to_owned())
}

/// Microsoft's pages that are referred to, by their titles: paths of its documentation, or addresses elsewhere.
const PAGES: &[(&str, &str)] = &[
    (
        "Access to Active Directory by Exchange servers",
        "exchange/plan-and-deploy/active-directory/ad-access",
    ),
    (
        "Authenticate IMAP, POP or SMTP with OAuth",
        "exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth",
    ),
    (
        "Autodiscover in Exchange",
        "exchange/architecture/client-access/autodiscover",
    ),
    (
        "Certificates in Exchange",
        "exchange/architecture/client-access/certificates",
    ),
    (
        "Client access rules",
        "exchange/clients/client-access-rules/client-access-rules",
    ),
    (
        "Configure Windows Extended Protection in Exchange",
        "exchange/plan-and-deploy/post-installation-tasks/security-best-practices/exchange-extended-protection",
    ),
    (
        "Configure http to https redirection for Outlook on the web",
        "exchange/clients/outlook-on-the-web/http-to-https-redirection",
    ),
    (
        "Default settings for Exchange virtual directories",
        "exchange/clients/default-virtual-directory-settings",
    ),
    (
        "Deprecation of Basic authentication in Exchange Online",
        "exchange/clients-and-mobile-in-exchange-online/deprecation-of-basic-authentication-exchange-online",
    ),
    (
        "Edge Subscriptions",
        "exchange/architecture/edge-transport-servers/edge-subscriptions",
    ),
    (
        "Exchange Server TLS configuration best practices",
        "exchange/plan-and-deploy/post-installation-tasks/security-best-practices/exchange-tls-configuration",
    ),
    (
        "Enable the MRS Proxy endpoint for remote moves",
        "exchange/architecture/mailbox-servers/mrs-proxy-endpoint",
    ),
    (
        "Exchange Server build numbers and release dates",
        "exchange/new-features/build-numbers-and-release-dates",
    ),
    (
        "HealthChecker",
        "https://microsoft.github.io/CSS-Exchange/Diagnostics/HealthChecker/",
    ),
    (
        "How SMTP DNS-based Authentication of Named Entities (DANE) secures email",
        "purview/how-smtp-dane-works",
    ),
    (
        "Hybrid deployment prerequisites",
        "exchange/hybrid-deployment-prerequisites",
    ),
    (
        "Hybrid modern authentication",
        "microsoft-365/enterprise/hybrid-modern-auth-overview",
    ),
    ("KB 2586744", "https://support.microsoft.com/kb/2586744"),
    ("Lifecycle", "lifecycle/"),
    (
        "Load balancing in Exchange Server",
        "exchange/architecture/client-access/load-balancing",
    ),
    (
        "Message size limits in Exchange Server",
        "exchange/mail-flow/message-size-limits",
    ),
    (
        "Microsoft 365 URLs and IP address ranges",
        "microsoft-365/enterprise/urls-and-ip-address-ranges",
    ),
    (
        "Microsoft 365 network connectivity principles",
        "microsoft-365/enterprise/microsoft-365-network-connectivity-principles",
    ),
    (
        "NDRs and bounce messages",
        "exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online",
    ),
    (
        "Network ports for clients and mail flow in Exchange",
        "exchange/plan-and-deploy/deployment-ref/network-ports",
    ),
    (
        "POP3 and IMAP4 in Exchange Server",
        "exchange/clients/pop3-and-imap4/pop3-and-imap4",
    ),
    (
        "PortQry",
        "troubleshoot/windows-server/networking/portqry-command-line-port-scanner-v2",
    ),
    (
        "Receive connectors",
        "exchange/mail-flow/connectors/receive-connectors",
    ),
    (
        "Set-ImapSettings",
        "powershell/module/exchange/set-imapsettings",
    ),
    (
        "Set-ReceiveConnector",
        "powershell/module/exchange/set-receiveconnector",
    ),
    (
        "TLS Cipher Suites in Windows 8.1",
        "windows/win32/secauthn/tls-cipher-suites-in-windows-8-1",
    ),
    (
        "Transport routing in hybrid deployments",
        "exchange/transport-routing",
    ),
    (
        "Troubleshoot outbound SMTP connectivity in Azure",
        "azure/virtual-network/troubleshoot-outbound-smtp-connectivity",
    ),
    (
        "Understanding back pressure",
        "exchange/mail-flow/back-pressure",
    ),
];

/// Documents of others, by how their titles begin.
const OTHERS: &[(&str, &str)] = &[
    (
        "IANA, Service Name",
        "https://www.iana.org/assignments/service-names-port-numbers",
    ),
    (
        "NIST SP 800-131A",
        "https://csrc.nist.gov/pubs/sp/800/131/a/r2/final",
    ),
    (
        "Winsock, ",
        "https://learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2",
    ),
    (
        "nmap, service probes",
        "https://nmap.org/book/vscan-fileformat.html",
    ),
    ("rapid7, recog", "https://github.com/rapid7/recog"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn words_are_kebab_case() {
        for word in Code::all().map(Code::as_str) {
            let is_fit = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(word.bytes().all(is_fit), "{word}");
        }
    }

    #[test]
    fn an_alias_leads_to_one_code() {
        let mut seen: HashSet<String> = Code::all().map(|code| code.as_str().to_owned()).collect();
        for alias in Code::all().flat_map(|code| code.definition().aliases) {
            let typed = alias.to_ascii_lowercase().replace([' ', '_'], "-");
            assert!(seen.insert(typed), "{alias}");
        }
    }

    #[test]
    fn documents_have_addresses() {
        for (code, url) in [
            (
                Code::BytesInjected,
                Some("https://www.rfc-editor.org/rfc/rfc3207#section-4.2"),
            ),
            (
                Code::CertificateSelfSigned,
                Some(
                    "https://learn.microsoft.com/exchange/architecture/client-access/certificates",
                ),
            ),
            (Code::InternalError, None),
        ] {
            assert_eq!(code.help_url().as_deref(), url, "{code}");
        }
        for url in Code::all().filter_map(Code::help_url) {
            assert!(!url.contains([' ', ',']) && url.is_ascii(), "{url}");
        }
        let all: String = Code::all()
            .map(|code| code.definition().references)
            .collect();
        for (title, _) in PAGES.iter().chain(OTHERS) {
            assert!(all.contains(title), "{title}");
        }
    }
}
