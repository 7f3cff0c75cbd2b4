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
        self.definition().references.split("; ").find_map(address)
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

/// The address of a document, where it has one that lasts: an RFC, a CVE, a page of Microsoft's.
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
    let title = document.strip_prefix("Microsoft, ")?;
    let (_, page) = PAGES.iter().find(|(known, _)| *known == title)?;
    Some(format!("https://learn.microsoft.com/{page}"))
}

/// Microsoft's pages that are referred to, by their titles.
const PAGES: [(&str, &str); 11] = [
    (
        "Autodiscover in Exchange",
        "exchange/architecture/client-access/autodiscover",
    ),
    (
        "Certificates in Exchange",
        "exchange/architecture/client-access/certificates",
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
        "Exchange Server build numbers and release dates",
        "exchange/new-features/build-numbers-and-release-dates",
    ),
    (
        "Load balancing in Exchange Server",
        "exchange/architecture/client-access/load-balancing",
    ),
    (
        "Message size limits in Exchange Server",
        "exchange/mail-flow/message-size-limits",
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
        "Receive connectors",
        "exchange/mail-flow/connectors/receive-connectors",
    ),
    (
        "Understanding back pressure",
        "exchange/mail-flow/back-pressure",
    ),
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
            (Code::GatewayAnswers, None),
        ] {
            assert_eq!(code.help_url().as_deref(), url, "{code}");
        }
        for url in Code::all().filter_map(Code::help_url) {
            assert!(!url.contains([' ', ',']) && url.is_ascii(), "{url}");
        }
        let all: String = Code::all()
            .map(|code| code.definition().references)
            .collect();
        for (title, _) in PAGES {
            assert!(all.contains(title), "{title}");
        }
    }
}
