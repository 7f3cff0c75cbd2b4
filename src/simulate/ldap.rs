//! LDAP as a domain controller speaks it on 389 and 636 to someone who has not signed in (RFC 4511, \[MS-ADTS\]).
//!
//! It gives the rootDSE, upgrades with `StartTLS`, and takes an anonymous bind; everything else needs a bind that nobody
//! can make here.

use super::conversation::{Conversation, Received};
use super::dates;
use super::extent::Extent;
use super::faults::Fault;
use super::port::Port;
use std::io;

/// Far below a domain controller's `MaxPreAuthReceiveBuffer`; a rootDSE search is a few hundred bytes.
const LONGEST_REQUEST: usize = 65_536;

/// How far a wrong clock is behind: four times what Kerberos tolerates.
const BEHIND: time::Duration = time::Duration::minutes(20);

const STARTTLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
const DISCONNECTION: &[u8] = b"1.3.6.1.4.1.1466.20036";

const BIND_REQUEST: u8 = 0x60;
const UNBIND_REQUEST: u8 = 0x42;
const SEARCH_REQUEST: u8 = 0x63;
const ABANDON_REQUEST: u8 = 0x50;
const EXTENDED_REQUEST: u8 = 0x77;
const BIND_RESPONSE: u8 = 0x61;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const EXTENDED_RESPONSE: u8 = 0x78;

const SUCCESS: u8 = 0;
const OPERATIONS_ERROR: u8 = 1;
const PROTOCOL_ERROR: u8 = 2;
const INVALID_CREDENTIALS: u8 = 49;
const UNAVAILABLE: u8 = 52;

const BIND_FIRST: &[u8] =
    b"000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a \
    successful bind must be completed on the connection., data 0, v4563\0";
const BAD_CREDENTIALS: &[u8] =
    b"80090308: LdapErr: DSID-0C090569, comment: AcceptSecurityContext error, data 52e, v4563\0";
const NO_CERTIFICATE: &[u8] =
    b"00000000: LdapErr: DSID-0C0915EA, comment: Error initializing SSL/TLS, data 0, v4563\0";
const UNKNOWN_EXTENSION: &[u8] =
    b"0000203D: LdapErr: DSID-0C0912CC, comment: Unknown extended request OID, data 0, v4563\0";
const TLS_IS_ACTIVE: &[u8] =
    b"00000001: LdapErr: DSID-0C0915B2, comment: TLS or SSL already in effect, data 0, v4563\0";

/// What the rootDSE says, in AD's order; `currentTime` and `supportedExtension` are added to it.
const ROOT_DSE: &[(&str, &[&str])] = &[
    (
        "configurationNamingContext",
        &["CN=Configuration,DC=corp,DC=example,DC=test"],
    ),
    ("defaultNamingContext", &["DC=corp,DC=example,DC=test"]),
    ("dnsHostName", &["DC01.corp.example.test"]),
    ("domainControllerFunctionality", &["7"]),
    ("domainFunctionality", &["7"]),
    (
        "dsServiceName",
        &[
            "CN=NTDS Settings,CN=DC01,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,DC=corp,DC=example,DC=test",
        ],
    ),
    ("forestFunctionality", &["7"]),
    ("highestCommittedUSN", &["20520"]),
    ("isGlobalCatalogReady", &["TRUE"]),
    ("isSynchronized", &["TRUE"]),
    (
        "ldapServiceName",
        &["corp.example.test:dc01$@CORP.EXAMPLE.TEST"],
    ),
    (
        "namingContexts",
        &[
            "DC=corp,DC=example,DC=test",
            "CN=Configuration,DC=corp,DC=example,DC=test",
            "CN=Schema,CN=Configuration,DC=corp,DC=example,DC=test",
            "DC=DomainDnsZones,DC=corp,DC=example,DC=test",
            "DC=ForestDnsZones,DC=corp,DC=example,DC=test",
        ],
    ),
    ("rootDomainNamingContext", &["DC=corp,DC=example,DC=test"]),
    (
        "schemaNamingContext",
        &["CN=Schema,CN=Configuration,DC=corp,DC=example,DC=test"],
    ),
    (
        "serverName",
        &[
            "CN=DC01,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,DC=corp,DC=example,DC=test",
        ],
    ),
    (
        "subschemaSubentry",
        &["CN=Aggregate,CN=Schema,CN=Configuration,DC=corp,DC=example,DC=test"],
    ),
    (
        "supportedCapabilities",
        &[
            "1.2.840.113556.1.4.800",
            "1.2.840.113556.1.4.1670",
            "1.2.840.113556.1.4.1791",
            "1.2.840.113556.1.4.1935",
            "1.2.840.113556.1.4.2080",
            "1.2.840.113556.1.4.2237",
        ],
    ),
    (
        "supportedControl",
        &[
            "1.2.840.113556.1.4.319",
            "1.2.840.113556.1.4.801",
            "1.2.840.113556.1.4.473",
            "1.2.840.113556.1.4.528",
            "1.2.840.113556.1.4.417",
            "1.2.840.113556.1.4.841",
            "1.2.840.113556.1.4.529",
            "1.2.840.113556.1.4.805",
            "2.16.840.1.113730.3.4.9",
            "2.16.840.1.113730.3.4.10",
        ],
    ),
    (
        "supportedLDAPPolicies",
        &[
            "MaxPoolThreads",
            "MaxDatagramRecv",
            "MaxReceiveBuffer",
            "MaxPreAuthReceiveBuffer",
            "InitRecvTimeout",
            "MaxConnections",
            "MaxConnIdleTime",
            "MaxPageSize",
            "MaxQueryDuration",
        ],
    ),
    ("supportedLDAPVersion", &["3", "2"]),
    (
        "supportedSASLMechanisms",
        &["GSSAPI", "GSS-SPNEGO", "EXTERNAL", "DIGEST-MD5"],
    ),
];

/// Only given to those who ask for it by name.
const EXTENSIONS: &[&str] = &[
    "1.3.6.1.4.1.1466.20037",
    "1.3.6.1.4.1.1466.101.119.1",
    "1.2.840.113556.1.4.1781",
    "1.3.6.1.4.1.4203.1.11.3",
    "1.2.840.113556.1.4.2212",
];

pub(super) async fn serve(port: &Port, mut peer: Conversation) -> io::Result<()> {
    loop {
        let request = match peer.receive(LONGEST_REQUEST, message).await {
            Received::Request(request) => request,
            Received::Foreign | Received::TooLong => {
                peer.say(notice_of_disconnection()).await?;
                return peer.close().await;
            }
            Received::Silence | Received::Gone => return peer.close().await,
        };
        let Some((id, operation, content)) = open(&request) else {
            peer.say(notice_of_disconnection()).await?;
            return peer.close().await;
        };
        match operation {
            UNBIND_REQUEST => return peer.close().await,
            ABANDON_REQUEST => {}
            BIND_REQUEST => {
                let (code, text): (_, &[u8]) = if is_anonymous_bind(content) {
                    (SUCCESS, b"")
                } else {
                    (INVALID_CREDENTIALS, BAD_CREDENTIALS)
                };
                peer.say(answer(id, BIND_RESPONSE, &result(code, text)))
                    .await?;
            }
            SEARCH_REQUEST => peer.say(found(port, id, content)).await?,
            EXTENDED_REQUEST if is_starttls(content) => match starttls(port, &peer, id) {
                Ok(go_ahead) => {
                    peer.say(go_ahead).await?;
                    peer = peer.upgrade(&port.tls).await?;
                }
                Err(refusal) => peer.say(refusal).await?,
            },
            EXTENDED_REQUEST => {
                let unknown = result(PROTOCOL_ERROR, UNKNOWN_EXTENSION);
                peer.say(answer(id, EXTENDED_RESPONSE, &unknown)).await?;
            }
            other => {
                let Some(response) = response_to(other) else {
                    peer.say(notice_of_disconnection()).await?;
                    return peer.close().await;
                };
                let refusal = result(OPERATIONS_ERROR, BIND_FIRST);
                peer.say(answer(id, response, &refusal)).await?;
            }
        }
    }
}

/// The go-ahead, or why not.
fn starttls(port: &Port, peer: &Conversation, id: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    if port.has(Fault::StarttlsNotOffered) {
        let unknown = result(PROTOCOL_ERROR, UNKNOWN_EXTENSION);
        return Err(answer(id, EXTENDED_RESPONSE, &unknown));
    }
    let (code, text): (_, &[u8]) = if peer.is_secure() {
        (OPERATIONS_ERROR, TLS_IS_ACTIVE)
    } else if port.has(Fault::StarttlsRejected) {
        (OPERATIONS_ERROR, b"")
    } else if port.has(Fault::NoCertificate) {
        (UNAVAILABLE, NO_CERTIFICATE)
    } else {
        (SUCCESS, b"")
    };
    let mut content = result(code, text);
    content.extend(element(0x8a, STARTTLS));
    let mut words = answer(id, EXTENDED_RESPONSE, &content);
    if code != SUCCESS {
        return Err(words);
    }
    if port.has(Fault::BytesInjected) {
        words.extend(answer(&[2], SEARCH_DONE, &result(SUCCESS, b"")));
    }
    Ok(words)
}

/// The rootDSE, to those who ask for it; nothing else is there without a bind.
fn found(port: &Port, id: &[u8], search: &[u8]) -> Vec<u8> {
    let Some(wanted) = root_dse_search(search) else {
        return answer(id, SEARCH_DONE, &result(OPERATIONS_ERROR, BIND_FIRST));
    };
    let all = wanted.is_empty() || wanted.iter().any(|name| *name == b"*");
    let named = |name: &str| {
        wanted
            .iter()
            .any(|asked| asked.eq_ignore_ascii_case(name.as_bytes()))
    };
    let mut now = dates::now();
    if port.has(Fault::ClockDiffers) {
        now -= BEHIND;
    }
    let now = dates::generalized(now);
    let mut attributes = Vec::new();
    if all || named("currentTime") {
        attributes.extend(attribute("currentTime", &[&now]));
    }
    for (name, values) in ROOT_DSE {
        if all || named(name) {
            let values = match *name {
                "isSynchronized" if port.has(Fault::DirectoryNotReady) => &["FALSE"],
                _ => *values,
            };
            attributes.extend(attribute(name, values));
        }
    }
    if named("supportedExtension") {
        let without_tls = usize::from(port.has(Fault::StarttlsNotOffered));
        let extensions = EXTENSIONS.get(without_tls..).unwrap_or_default();
        attributes.extend(attribute("supportedExtension", extensions));
    }
    let mut entry = element(0x04, b"");
    entry.extend(element(0x30, &attributes));
    let mut words = answer(id, SEARCH_ENTRY, &entry);
    words.extend(answer(id, SEARCH_DONE, &result(SUCCESS, b"")));
    words
}

// What is said.

/// A whole message.
fn answer(id: &[u8], operation: u8, content: &[u8]) -> Vec<u8> {
    let mut message = element(0x02, id);
    message.extend(element(operation, content));
    element(0x30, &message)
}

/// The fields of an `LDAPResult` (RFC 4511 §4.1.9).
fn result(code: u8, text: &[u8]) -> Vec<u8> {
    let mut fields = vec![0x0a, 1, code, 0x04, 0];
    fields.extend(element(0x04, text));
    fields
}

fn attribute(name: &str, values: &[&str]) -> Vec<u8> {
    let set: Vec<u8> = values
        .iter()
        .flat_map(|value| element(0x04, value.as_bytes()))
        .collect();
    let mut fields = element(0x04, name.as_bytes());
    fields.extend(element(0x31, &set));
    element(0x30, &fields)
}

/// RFC 4511 §4.4.1, with protocolError: what was received is not LDAP.
fn notice_of_disconnection() -> Vec<u8> {
    let mut content = result(PROTOCOL_ERROR, b"");
    content.extend(element(0x8a, DISCONNECTION));
    answer(&[0], EXTENDED_RESPONSE, &content)
}

/// A tag, a length as AD writes it (constructed elements in four bytes, others in as few as it takes), the content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    let mut bytes = vec![tag];
    match length {
        _ if tag & 0x20 != 0 => {
            bytes.push(0x84);
            bytes.extend(length);
        }
        [0, 0, 0, short] if short < 0x80 => bytes.push(short),
        [0, 0, 0, one] => bytes.extend([0x81, one]),
        [0, 0, two, one] => bytes.extend([0x82, two, one]),
        _ => {
            bytes.push(0x84);
            bytes.extend(length);
        }
    }
    bytes.extend(content);
    bytes
}

// What is heard.

/// An `LDAPMessage` from its first byte to its last.
fn message(bytes: &[u8]) -> Extent {
    match bytes.first() {
        None => Extent::Unfinished,
        Some(0x30) => match head(bytes) {
            ElementHead::Element { start, length } => {
                let end = start.saturating_add(length);
                if bytes.len() < end {
                    Extent::Unfinished
                } else {
                    Extent::Whole(end)
                }
            }
            ElementHead::Unfinished => Extent::Unfinished,
            ElementHead::Foreign => Extent::Foreign,
        },
        Some(_) => Extent::Foreign,
    }
}

enum ElementHead {
    Element { start: usize, length: usize },
    Unfinished,
    Foreign,
}

/// Tag and length of the element in front: where its content starts and how long it is.
fn head(bytes: &[u8]) -> ElementHead {
    let Some(&first) = bytes.get(1) else {
        return ElementHead::Unfinished;
    };
    if first < 0x80 {
        return ElementHead::Element {
            start: 2,
            length: usize::from(first),
        };
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return ElementHead::Foreign;
    }
    let start = 2 + count;
    let Some(octets) = bytes.get(2..start) else {
        return ElementHead::Unfinished;
    };
    let length = octets
        .iter()
        .fold(0_usize, |sum, octet| (sum << 8) | usize::from(*octet));
    ElementHead::Element { start, length }
}

/// The element in front as tag and content, and what follows it.
fn take(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let tag = *bytes.first()?;
    let ElementHead::Element { start, length } = head(bytes) else {
        return None;
    };
    let (content, rest) = bytes.get(start..)?.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The content of the element in front, if it has that tag, and what follows it.
fn take_tagged(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = take(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Message id as sent, operation, and the operation's content.
fn open(request: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let (message, _) = take_tagged(0x30, request)?;
    let (id, rest) = take_tagged(0x02, message)?;
    let (operation, content, _) = take(rest)?;
    (1..=4)
        .contains(&id.len())
        .then_some((id, operation, content))
}

fn is_starttls(extended: &[u8]) -> bool {
    take_tagged(0x80, extended).is_some_and(|(name, _)| name == STARTTLS)
}

/// A simple bind with neither name nor password (RFC 4513 §5.1.1).
fn is_anonymous_bind(bind: &[u8]) -> bool {
    let anonymous = || {
        let (_version, rest) = take_tagged(0x02, bind)?;
        let (name, rest) = take_tagged(0x04, rest)?;
        let (password, _) = take_tagged(0x80, rest)?;
        Some(name.is_empty() && password.is_empty())
    };
    anonymous().unwrap_or_default()
}

/// The attributes that a search wants of the rootDSE; `None` when it searches anything else.
fn root_dse_search(search: &[u8]) -> Option<Vec<&[u8]>> {
    let (base, rest) = take_tagged(0x04, search)?;
    let (scope, rest) = take_tagged(0x0a, rest)?;
    if !base.is_empty() || scope != [0] {
        return None;
    }
    // How aliases are followed, two limits, types only, and the filter, which AD ignores here.
    let mut rest = rest;
    for _ in 0..5 {
        (_, _, rest) = take(rest)?;
    }
    let (mut list, _) = take_tagged(0x30, rest)?;
    let mut names = Vec::new();
    while !list.is_empty() {
        let (name, after) = take_tagged(0x04, list)?;
        names.push(name);
        list = after;
    }
    Some(names)
}

/// The response that belongs to modify, add, delete, modify DN and compare (RFC 4511 §4.6 to §4.10).
fn response_to(request: u8) -> Option<u8> {
    match request {
        0x66 | 0x68 | 0x6c | 0x6e => Some(request + 1),
        0x4a => Some(0x6b),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_at_every_cut() {
        let unbind = [0x30, 0x84, 0, 0, 0, 5, 2, 1, 3, 0x42, 0];
        for cut in 0..unbind.len() {
            assert_eq!(message(&unbind[..cut]), Extent::Unfinished, "{cut}");
        }
        assert_eq!(message(&unbind), Extent::Whole(11));
        assert_eq!(open(&unbind), Some((&[3][..], UNBIND_REQUEST, &[][..])));
    }

    #[test]
    fn foreign_bytes_are_foreign() {
        assert_eq!(message(b"\x16\x03\x01"), Extent::Foreign);
        assert_eq!(message(b"\x30\x80"), Extent::Foreign);
        assert_eq!(message(b"\x30\x85\x01"), Extent::Foreign);
        // Four gigabytes are not waited for: the limit ends that.
        assert_eq!(message(b"\x30\x84\xff\xff\xff\xff"), Extent::Unfinished);
    }

    #[test]
    fn lengths_are_written_as_ad_writes_them() {
        assert_eq!(element(0x30, b"")[..6], [0x30, 0x84, 0, 0, 0, 0]);
        assert_eq!(element(0x04, &[0; 127])[..2], [0x04, 127]);
        assert_eq!(element(0x04, &[0; 128])[..3], [0x04, 0x81, 128]);
        assert_eq!(element(0x04, &[0; 300])[..4], [0x04, 0x82, 1, 44]);
    }

    #[test]
    fn only_an_empty_bind_is_anonymous() {
        assert!(is_anonymous_bind(b"\x02\x01\x03\x04\x00\x80\x00"));
        assert!(!is_anonymous_bind(b"\x02\x01\x03\x04\x00\x80\x01x"));
        assert!(!is_anonymous_bind(b"\x02\x01\x03\x04\x00\xa3\x00"));
        assert!(!is_anonymous_bind(b"\x02\x01"));
    }
}
