//! Whose software answers, by its own words.

use super::case::Case;
use crate::catalog::Protocol;
use crate::facts::{HttpFacts, PeerFacts, Text};
use crate::judge::product::Product;

impl Case<'_> {
    /// Whose software it is, as far as advice depends on it.
    pub(in crate::judge) fn product(&self) -> Product {
        Product::of(self.says(), self.context.role)
    }

    /// Whose software it is by its own words; `None` where they do not tell.
    pub(in crate::judge) fn says(&self) -> Option<Product> {
        let peer = self.seen.peer.as_ref();
        let is_ours = match peer {
            Some(PeerFacts::Http(facts)) => is_exchange(facts),
            Some(PeerFacts::Ldap(_)) => is_active_directory(self),
            Some(PeerFacts::Imap(_) | PeerFacts::Pop3(_)) => greeting(self)
                .is_some_and(|greeting| greeting.as_str().contains("Microsoft Exchange")),
            Some(PeerFacts::Smtp(_)) | None => self.is_exchange_smtp(),
            // The role decides: xrdp says nothing of itself.
            Some(PeerFacts::Rdp(_)) => return None,
        };
        let is_other = match peer {
            Some(PeerFacts::Http(facts)) => is_other_server(facts),
            Some(PeerFacts::Ldap(facts)) => !facts.root_dse.is_empty(),
            _ => is_other_product(self),
        };
        if is_ours {
            Some(Product::Exchange)
        } else {
            is_other.then_some(Product::Other)
        }
    }
}

/// What kind of product greets in Exchange's place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ProductKind {
    /// A program on the machine that runs the check.
    MailShield,
    /// A filter in front of the mail server.
    Gateway,
    /// Windows' own relay.
    Relay,
    /// Another mail server: worth a word only where Exchange is expected.
    OtherServer,
}

/// Words of greetings, in lower case, and whose they are; the name of the host is looked at for [`HOSTED`] only.
const GREETINGS: &[(&str, &str, ProductKind)] = &[
    ("avast", "avast!", ProductKind::MailShield),
    ("avg", "AVG", ProductKind::MailShield),
    ("eset", "ESET", ProductKind::MailShield),
    ("kaspersky", "Kaspersky", ProductKind::MailShield),
    ("norton", "Norton", ProductKind::MailShield),
    ("bitdefender", "Bitdefender", ProductKind::MailShield),
    ("sophos", "Sophos", ProductKind::Gateway),
    ("symantec", "Symantec", ProductKind::Gateway),
    ("ironport", "Cisco IronPort", ProductKind::Gateway),
    ("barracuda", "Barracuda", ProductKind::Gateway),
    ("fortimail", "FortiMail", ProductKind::Gateway),
    ("proofpoint", "Proofpoint", ProductKind::Gateway),
    ("mimecast", "Mimecast", ProductKind::Gateway),
    ("mailcleaner", "MailCleaner", ProductKind::Gateway),
    ("spamtitan", "SpamTitan", ProductKind::Gateway),
    ("interscan", "Trend Micro InterScan", ProductKind::Gateway),
    ("imsva", "Trend Micro InterScan", ProductKind::Gateway),
    ("postfix", "Postfix", ProductKind::OtherServer),
    ("exim", "Exim", ProductKind::OtherServer),
    ("sendmail", "Sendmail", ProductKind::OtherServer),
    ("dovecot", "Dovecot", ProductKind::OtherServer),
    ("courier", "Courier", ProductKind::OtherServer),
    ("cyrus", "Cyrus", ProductKind::OtherServer),
    ("hmailserver", "hMailServer", ProductKind::OtherServer),
    ("mdaemon", "MDaemon", ProductKind::OtherServer),
    ("zimbra", "Zimbra", ProductKind::OtherServer),
    ("kerio", "Kerio Connect", ProductKind::OtherServer),
    ("icewarp", "IceWarp", ProductKind::OtherServer),
    ("domino", "HCL Domino", ProductKind::OtherServer),
    ("groupwise", "GroupWise", ProductKind::OtherServer),
    ("opensmtpd", "OpenSMTPD", ProductKind::OtherServer),
    ("haraka", "Haraka", ProductKind::OtherServer),
    ("perdition", "Perdition", ProductKind::OtherServer),
    ("stalwart", "Stalwart", ProductKind::OtherServer),
    ("axigen", "Axigen", ProductKind::OtherServer),
];

/// Domains of filters that are services: the host's own name tells them.
const HOSTED: &[(&str, &str)] = &[
    (".pphosted.com", "Proofpoint"),
    (".ppe-hosted.com", "Proofpoint Essentials"),
    (".mimecast.com", "Mimecast"),
    (".messagelabs.com", "Symantec Email Security.cloud"),
    (".iphmx.com", "Cisco Secure Email"),
    (".barracudanetworks.com", "Barracuda"),
    (".hornetsecurity.com", "Hornetsecurity"),
    (".antispameurope.com", "Hornetsecurity"),
];

/// Another mail server than Exchange, by its greeting.
pub(in crate::judge) fn other_mail_server(case: &Case<'_>) -> Option<&'static str> {
    let (product, kind) = product_of(greeting(case)?, case.service().protocol)?;
    (kind == ProductKind::OtherServer).then_some(product)
}

/// Whether the greeting is that of any product that is not Exchange, be it in front of it.
pub(super) fn is_other_product(case: &Case<'_>) -> bool {
    let found = greeting(case).and_then(|text| product_of(text, case.service().protocol));
    found.is_some()
}

pub(super) fn product_of(
    greeting: &Text,
    protocol: Protocol,
) -> Option<(&'static str, ProductKind)> {
    let lower = greeting.as_str().to_ascii_lowercase();
    if lower.contains("microsoft esmtp mail service, version") {
        return Some(("Windows' own SMTP relay (IIS)", ProductKind::Relay));
    }
    let mut words = lower.split_whitespace();
    let _status = words.next();
    if protocol == Protocol::Smtp {
        let host = words.next().unwrap_or_default();
        if let Some((_, product)) = HOSTED.iter().find(|(domain, _)| host.ends_with(domain)) {
            return Some((product, ProductKind::Gateway));
        }
    }
    let rest: Vec<&str> = words
        .flat_map(|word| word.split(|letter: char| !letter.is_ascii_alphanumeric()))
        .collect();
    GREETINGS
        .iter()
        .find(|(word, _, _)| rest.contains(word))
        .map(|(_, product, kind)| (*product, *kind))
}

pub(super) fn greeting<'a>(case: &Case<'a>) -> Option<&'a Text> {
    match case.seen.peer.as_ref()? {
        PeerFacts::Smtp(facts) => facts.greeting.as_ref(),
        PeerFacts::Imap(facts) => facts.greeting.as_ref(),
        PeerFacts::Pop3(facts) => facts.greeting.as_ref(),
        PeerFacts::Ldap(_) | PeerFacts::Rdp(_) | PeerFacts::Http(_) => None,
    }
}

/// Whether an answer bears marks that only Exchange leaves.
pub(in crate::judge) fn is_exchange(facts: &HttpFacts) -> bool {
    facts.front_end.is_some()
        || facts.exchange_build.is_some()
        || facts.health_server.is_some()
        || facts.exchange_mark.is_some()
}

/// Web servers and proxies that name themselves, in lower case.
const OTHER_SERVERS: [&str; 10] = [
    "nginx",
    "apache",
    "caddy",
    "lighttpd",
    "h2o",
    "haproxy",
    "litespeed",
    "envoy",
    "openresty",
    "jetty",
];

/// Whether the web server says that it is another product, and nothing in the answer is Exchange's behind it.
pub(super) fn is_other_server(facts: &HttpFacts) -> bool {
    let server = facts
        .server
        .as_ref()
        .map(|server| server.as_str().to_ascii_lowercase());
    let is_other =
        server.is_some_and(|server| OTHER_SERVERS.iter().any(|name| server.starts_with(name)));
    is_other && !is_exchange(facts)
}

/// Whether the rootDSE is one of Active Directory, or of its lightweight kind.
pub(super) fn is_active_directory(case: &Case<'_>) -> bool {
    case.ldap().is_some_and(|facts| {
        MARKS
            .iter()
            .any(|attribute| !facts.attribute(attribute).is_empty())
    })
}

/// Attributes of the rootDSE that only Active Directory has.
const MARKS: [&str; 5] = [
    "supportedCapabilities",
    "dsServiceName",
    "isSynchronized",
    "defaultNamingContext",
    "domainControllerFunctionality",
];
