//! Targets: what is a host name, what is not, and what was probably meant.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::{UsageError, quoted};
use crate::catalog::Role;
use crate::plan::Host;

/// A target as it was typed, as it was meant, and its role where the list names one.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) host: Host,
    pub(super) role: Option<Role>,
}

/// The target of a line, its role behind it where it has its own; `#` begins a comment.
pub(super) fn listed(line: &str) -> Result<Option<Listed>, UsageError> {
    let word = line.split('#').next().unwrap_or_default().trim();
    if word.is_empty() {
        return Ok(None);
    }
    let mut words = word.split_whitespace();
    let (word, role) = match (words.next(), words.next(), words.next()) {
        (Some(word), Some(role), None) => {
            let known = Role::from_name(role).ok_or_else(|| {
                UsageError(format!(
                    "{} is not a role: write one host per line, or a host and its role, as in `{word} mailbox`",
                    quoted(role)
                ))
            })?;
            (word, Some(known))
        }
        _ => (word, None),
    };
    Ok(Some(Listed {
        name: word.to_owned(),
        host: host(word)?,
        role,
    }))
}

/// A host as typed: a name, an international name, an address, an address in brackets.
pub(super) fn host(typed: &str) -> Result<Host, UsageError> {
    if let Some(address) = literal(typed) {
        return match why_no_host(address) {
            Some(why) => Err(UsageError(format!("{} {why}", quoted(typed)))),
            None => Ok(Host::Address(address)),
        };
    }
    if let Some(why) = what_it_is_instead(typed) {
        return Err(UsageError(format!("{} {why}", quoted(typed))));
    }
    name(typed).map_err(|why| no_name(&quoted(typed), why))
}

/// A name that an option takes, or an address; what was meant instead is not guessed.
pub(super) fn named(option: &str, typed: &str) -> Result<Host, UsageError> {
    if let Some(address) = literal(typed) {
        return Ok(Host::Address(address));
    }
    let what = format!("{option} {}", quoted(typed));
    name(typed).map_err(|why| no_name(&what, why))
}

fn no_name(what: &str, why: &str) -> UsageError {
    UsageError(format!(
        "{what} is not a host name ({why}): give a name such as mail.example.com, or an address"
    ))
}

/// Why an address is none that a host could have, with what would be right.
pub(super) fn why_no_host(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(v4) if v4.is_multicast() => Some(MULTICAST),
        IpAddr::V6(v6) if v6.is_multicast() => Some(MULTICAST),
        IpAddr::V4(Ipv4Addr::BROADCAST) => {
            Some("is the broadcast address, which is every host at once: give one host's own")
        }
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => {
            Some("means any address and is not a host's: this machine is 127.0.0.1")
        }
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
            Some("means any address and is not a host's: this machine is ::1")
        }
        IpAddr::V4(v4) if v4.is_link_local() => Some(LINK_LOCAL),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(LINK_LOCAL),
        _ => None,
    }
}

const LINK_LOCAL: &str = "is a link-local address, which is valid on one network segment only: give a name or another address";

const MULTICAST: &str = "is a multicast address, which is a group of hosts: give one host's own";

/// A host name in ASCII form and lower case, a final dot kept; or why it is none.
fn name(typed: &str) -> Result<Host, &'static str> {
    let (stem, dot) = match typed.strip_suffix('.') {
        Some(stem) => (stem, "."),
        None => (typed, ""),
    };
    let ascii = idna::domain_to_ascii(stem).map_err(|_| "not a valid international name")?;
    if ascii.is_empty() {
        return Err("empty");
    }
    if ascii.len() > 253 {
        return Err("over 253 characters");
    }
    for label in ascii.split('.') {
        if label.is_empty() {
            return Err("empty label");
        }
        if label.len() > 63 {
            return Err("a label over 63 characters");
        }
        // Underscores are no letters of host names, but Windows domains have them.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !label.bytes().all(fits) {
            return Err("letters, digits and hyphens only");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err("a hyphen at an end of a label");
        }
    }
    let last = ascii.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("ends in a number, but is not an IPv4 address");
    }
    Ok(Host::Name(format!("{ascii}{dot}")))
}

/// The name for SNI, Host and certificates, which know no final dot.
pub(super) fn without_final_dot(host: &Host) -> Host {
    match host {
        Host::Name(name) => Host::Name(name.strip_suffix('.').unwrap_or(name).to_owned()),
        Host::Address(address) => Host::Address(*address),
    }
}

fn literal(typed: &str) -> Option<IpAddr> {
    let bare = typed
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(typed);
    bare.parse().ok()
}

/// What people type in place of a host name, and what they meant.
fn what_it_is_instead(typed: &str) -> Option<String> {
    if typed.is_empty() {
        return Some("is empty: name a host, such as mail.example.com".to_owned());
    }
    if typed
        .chars()
        .any(|character| character.is_whitespace() || character.is_control())
    {
        return Some(
            "has a space or a control character in it: give each host as its own argument, or one per line"
                .to_owned(),
        );
    }
    if let Some((_, rest)) = typed.split_once("://") {
        let host = rest.split(['/', ':', '?', '#']).next().unwrap_or_default();
        return Some(format!("is a URL: give the host alone, {}", alone(host)));
    }
    if typed.contains([',', ';']) {
        return Some(
            "has several hosts in it: give each host as its own argument, or one per line"
                .to_owned(),
        );
    }
    if let Some((_, domain)) = typed.split_once('@') {
        return Some(format!(
            "is a mail address: check the hosts of its domain with `exchports check --domain {0}`, or give a server's name, such as mail.{0}",
            crate::facts::Text::from(domain)
        ));
    }
    if let Some((address, bits)) = typed.split_once('/')
        && literal(address).is_some()
        && bits.parse::<u8>().is_ok()
    {
        return Some(
            "is a network, and networks are not scanned: name its addresses one by one".to_owned(),
        );
    }
    if is_range(typed) {
        return Some(
            "is a range, and networks are not scanned: name its addresses one by one".to_owned(),
        );
    }
    if typed.parse::<u16>().is_ok_and(|port| port > 0) {
        return Some(format!(
            "is a number: a port is named by --service, as in --service 443,{typed}"
        ));
    }
    if typed.contains('/') {
        let host = typed.split('/').find(|part| !part.is_empty());
        return Some(format!(
            "has a path: give the host alone, {}",
            alone(host.unwrap_or_default())
        ));
    }
    if let Some((address, _)) = typed.split_once('%')
        && address.trim_start_matches('[').parse::<Ipv6Addr>().is_ok()
    {
        return Some(
            "has a zone: link-local addresses cannot be checked, give a name or a routable address"
                .to_owned(),
        );
    }
    if let Some((host, port)) = typed.rsplit_once(':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')))
    {
        let host = alone(host);
        return Some(if port.is_empty() {
            format!("has an empty port: give the host alone, {host}")
        } else {
            format!(
                "has a port: give the host alone, {host}, and the port by --service {port} or --map SERVICE={port}"
            )
        });
    }
    if typed.contains([':', '[']) {
        return Some(
            "is neither a name nor an address: write an address as 192.0.2.10 or 2001:db8::1"
                .to_owned(),
        );
    }
    None
}

/// `10.0.0.1-20`, `10.0.0.1-10.0.0.20`, `10.0.0.*`.
fn is_range(typed: &str) -> bool {
    let is_start = |start: &str| start.parse::<Ipv4Addr>().is_ok();
    let is_part = |part: &str| part == "*" || part.parse::<u8>().is_ok();
    typed
        .split_once('-')
        .is_some_and(|(start, _)| is_start(start))
        || (typed.contains('*') && typed.split('.').all(is_part))
}

/// What is left of a host when all else is taken off it; when nothing is, what one looks like.
fn alone(host: &str) -> String {
    if host.is_empty() {
        "such as mail.example.com".to_owned()
    } else {
        quoted(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_and_addresses() {
        for (typed, expected) in [
            ("mail.example.com", "mail.example.com"),
            ("MAIL.Example.COM", "mail.example.com"),
            ("mail.example.com.", "mail.example.com."),
            ("ex01", "ex01"),
            ("ex_01.corp.local", "ex_01.corp.local"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("192.0.2.10", "192.0.2.10"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[127.0.0.1]", "127.0.0.1"),
            ("::1", "::1"),
        ] {
            assert_eq!(
                host(typed).map(|host| host.to_string()).ok(),
                Some(expected.to_owned())
            );
        }
    }

    #[test]
    fn what_is_no_host_is_named_with_what_would_be_right() {
        for (typed, hint) in [
            ("", "mail.example.com"),
            ("a b", "as its own argument"),
            ("a\u{1b}[31m", "control character"),
            ("https://mail.example.com/owa", "`mail.example.com`"),
            ("user@example.com", "mail.example.com"),
            ("mail.example.com:587", "--service 587"),
            ("[2001:db8::1]:25", "--service 25"),
            ("mail.example.com/owa", "`mail.example.com`"),
            ("a..b", "empty label"),
            (".example.com", "empty label"),
            ("256.1.1.1", "ends in a number"),
            ("1.2.3", "ends in a number"),
            ("-a.example", "hyphen"),
            ("fe80::1%eth0", "zone"),
            ("a:b:c:d", "2001:db8::1"),
            ("[2001:db8::1", "neither a name"),
            ("[nonsense]", "192.0.2.10 or 2001:db8::1"),
            ("10.0.0.0/24", "networks are not scanned"),
            ("2001:db8::/32", "one by one"),
            ("10.0.0.1-20", "is a range, and networks are not scanned"),
            ("10.0.0.1-10.0.0.20", "one by one"),
            ("10.0.0.*", "one by one"),
            ("587", "--service 443,587"),
            ("//host", "alone, `host`"),
            ("/", "such as mail.example.com"),
            ("https://", "such as mail.example.com"),
            (":25", "such as mail.example.com"),
            ("host:", "empty port"),
            ("%", "letters, digits"),
            ("a,b", "give each host as its own argument, or one per line"),
            (
                "127.0.0.1,::1",
                "give each host as its own argument, or one per line",
            ),
            ("a!b.example", "letters, digits"),
        ] {
            let error = host(typed).expect_err(typed).to_string();
            assert!(error.contains(hint), "{typed:?}: {error}");
            assert!(!error.chars().any(char::is_control), "{error:?}");
        }
        assert!(host(&"a".repeat(64)).is_err());
        assert!(host(&format!("a{}", ".aaaaaaaaa".repeat(26))).is_err());
    }

    #[test]
    fn addresses_that_no_host_has_are_named_with_what_would_be_right() {
        for (typed, hint) in [
            ("fe80::1", "link-local"),
            ("169.254.1.1", "link-local"),
            ("::ffff:169.254.1.1", "link-local"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("ff02::1", "multicast"),
            ("::ffff:224.0.0.1", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("0.0.0.0", "127.0.0.1"),
            ("[::]", "this machine is ::1"),
        ] {
            let error = host(typed).expect_err(typed).to_string();
            assert!(error.contains(hint), "{typed:?}: {error}");
        }
        for typed in [
            "127.0.0.1",
            "::1",
            "223.255.255.255",
            "169.253.255.255",
            "fc00::1",
        ] {
            assert!(host(typed).is_ok(), "{typed}");
        }
    }

    #[test]
    fn a_name_that_an_option_takes_is_refused_under_the_option_s_name() {
        for (typed, hint) in [
            ("", "--servername `` is not a host name (empty)"),
            (
                "a b",
                "--servername `a b` is not a host name (letters, digits",
            ),
            (
                "a:25",
                "--servername `a:25` is not a host name (letters, digits",
            ),
        ] {
            let error = named("--servername", typed).expect_err(typed).to_string();
            assert!(error.starts_with(hint), "{typed:?}: {error}");
        }
        assert!(named("--servername", "[::1]").is_ok());
        assert!(named("--servername", "bücher.example").is_ok());
    }

    #[test]
    fn a_line_has_a_host_its_role_and_a_comment() {
        let meant = |line| {
            let target = listed(line).expect("a good line")?;
            Some((target.name, target.role))
        };
        let host = |name: &str, role| Some((name.to_owned(), role));
        for (line, expected) in [
            ("# servers", None),
            ("", None),
            ("mail.example.com # main", host("mail.example.com", None)),
            ("  192.0.2.1  \r", host("192.0.2.1", None)),
            ("ex01 mailbox", host("ex01", Some(Role::Mailbox))),
        ] {
            assert_eq!(meant(line), expected, "{line:?}");
        }
        assert!(listed("host:25").is_err());
        assert!(listed("host mailboxes").is_err());
    }
}
