//! The small languages of single options.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::error::{UsageError, quoted, without_controls};
use super::possible;
use super::targets::why_no_host;
use crate::catalog::{self, Role, Service, ServiceId};
use crate::facts::TlsVersion;
use crate::judge;
use crate::plan::CertDays;
use crate::simulate::Staged;

pub(super) fn role(typed: &str) -> Result<Role, UsageError> {
    Role::from_name(typed).ok_or_else(|| {
        let roles = possible::roles();
        UsageError(match judge::most_like(typed, &roles) {
            Some(meant) => format!("unknown role {}: did you mean `{meant}`?", quoted(typed)),
            None => format!(
                "unknown role {}: one of {}",
                quoted(typed),
                roles.join(", ")
            ),
        })
    })
}

/// A comma-separated list of services, groups and ports, given once or more often.
pub(super) fn services(option: &str, typed: &[String]) -> Result<Vec<ServiceId>, UsageError> {
    let mut services = Vec::new();
    for list in typed {
        for word in list.split(',').map(str::trim) {
            if word.is_empty() {
                return Err(UsageError(format!(
                    "{option} {} has an empty item: give services by id or port, as in smtp,443",
                    quoted(list)
                )));
            }
            if word.contains(char::is_whitespace) {
                let words: Vec<&str> = word.split_whitespace().collect();
                return Err(UsageError(format!(
                    "{option} {} has spaces in it: separate services by commas, as in {option} {}",
                    quoted(list),
                    without_controls(&words.join(","))
                )));
            }
            if word.eq_ignore_ascii_case("all") {
                services.extend(catalog::all().map(|service| service.id));
            } else if word.eq_ignore_ascii_case("web") {
                services.extend(catalog::WEB.iter().map(|service| service.id));
            } else {
                services.push(
                    service(word).ok_or_else(|| unknown_service(word, "a port, web, or all"))?,
                );
            }
        }
    }
    Ok(services)
}

/// A service by its id, an alias, or its port in the catalog.
fn service(word: &str) -> Option<ServiceId> {
    let is_named = |name: &str| name.eq_ignore_ascii_case(word);
    let port = word.parse::<u16>().ok();
    catalog::all()
        .find(|service| {
            is_named(service.name)
                || service.aliases.iter().any(|alias| is_named(alias))
                || port == Some(service.port)
        })
        .map(|service| service.id)
}

/// What else is taken than a service's name is told at the end.
fn unknown_service(word: &str, or: &str) -> UsageError {
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && word.parse::<u16>().is_ok_and(|port| port > 0) {
        return UsageError(format!(
            "port {word} does not belong to a service: name the service and map it, as in --service imaps --map imaps={word}"
        ));
    }
    if is_number {
        return UsageError(format!("port {word} is out of range: ports are 1 to 65535"));
    }
    let names: Vec<_> = catalog::all().map(|service| service.name).collect();
    let aliases = catalog::all().flat_map(|service| service.aliases.iter().copied());
    let known: Vec<_> = names.iter().copied().chain(aliases).collect();
    UsageError(match judge::most_like(word, &known) {
        Some(meant) => format!("unknown service {}: did you mean `{meant}`?", quoted(word)),
        None => format!(
            "unknown service {}: give an id of `exchports list`, {or}",
            quoted(word)
        ),
    })
}

pub(super) fn port_map(typed: &[String]) -> Result<Vec<(ServiceId, u16)>, UsageError> {
    let mut map: Vec<(ServiceId, u16)> = Vec::new();
    for pair in typed {
        let Some((name, number)) = pair.split_once('=') else {
            return Err(UsageError(format!(
                "--map {} is not SERVICE=PORT: for example --map submission=2587",
                quoted(pair)
            )));
        };
        let service = mapped(name.trim())?;
        let Some(port) = number.trim().parse().ok().filter(|port| *port > 0) else {
            return Err(UsageError(format!(
                "--map {} has no port: ports are 1 to 65535",
                quoted(pair)
            )));
        };
        match map.iter().find(|(mapped, _)| *mapped == service) {
            Some((_, other)) if *other != port => {
                return Err(UsageError(format!(
                    "--map gives {service} two ports, {other} and {port}: give one"
                )));
            }
            Some(_) => {}
            None => map.push((service, port)),
        }
    }
    Ok(map)
}

/// A service to map: one, since no port is everybody's.
fn mapped(word: &str) -> Result<ServiceId, UsageError> {
    if word.eq_ignore_ascii_case("web") {
        return Err(UsageError(
            "--map takes one service, not the group web: --map https=8443 moves the whole group"
                .to_owned(),
        ));
    }
    if word.eq_ignore_ascii_case("all") {
        return Err(UsageError(
            "--map takes one service, not all: give each its own port, as in --map smtp=2525 --map imap=2143"
                .to_owned(),
        ));
    }
    service(word).ok_or_else(|| unknown_service(word, "or a port"))
}

/// Where a service is: where it was mapped to; the web group moves with 443.
pub(super) fn port_of(service: &Service, ports: &[(ServiceId, u16)]) -> u16 {
    let mapped = |id| ports.iter().find(|(mapped, _)| *mapped == id);
    let moved = service.behind.and_then(mapped);
    mapped(service.id)
        .or(moved)
        .map_or(service.port, |(_, port)| *port)
}

pub(super) fn port(option: &str, typed: &str) -> Result<u16, UsageError> {
    match typed.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(UsageError(format!(
            "{option} {} is not a port: ports are 1 to 65535",
            quoted(typed)
        ))),
    }
}

pub(super) fn count(option: &str, typed: &str) -> Result<usize, UsageError> {
    match typed.parse::<usize>() {
        Ok(count) if (1..=65_535).contains(&count) => Ok(count),
        _ => Err(UsageError(format!(
            "{option} {} is not a number of sockets: 1 to 65535",
            quoted(typed)
        ))),
    }
}

pub(super) fn address(option: &str, typed: &str) -> Result<IpAddr, UsageError> {
    let bare = typed
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(typed);
    bare.parse().map_err(|_| {
        UsageError(format!(
            "{option} {} is not an address: give an IPv4 or IPv6 address such as 192.0.2.10",
            quoted(typed)
        ))
    })
}

/// The address of one host.
pub(super) fn host_address(option: &str, typed: &str) -> Result<IpAddr, UsageError> {
    let address = address(option, typed)?;
    match why_no_host(address) {
        Some(why) => Err(UsageError(format!("{option} {} {why}", quoted(typed)))),
        None => Ok(address),
    }
}

/// A version of TLS that can be asked for as the lowest.
pub(super) fn min_tls(typed: &str) -> Result<TlsVersion, UsageError> {
    match typed {
        "1.2" => Ok(TlsVersion::Tls12),
        "1.3" => Ok(TlsVersion::Tls13),
        _ => Err(UsageError(format!(
            "--min-tls {} cannot be asked for: it takes 1.2 and 1.3; --audit tells which older versions are enabled",
            quoted(typed)
        ))),
    }
}

/// `5s`, `500ms`, `1m 30s`; a bare number is seconds.
pub(super) fn duration(option: &str, typed: &str) -> Result<Duration, UsageError> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let parsed = match typed.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => humantime::parse_duration(typed).ok(),
    };
    match parsed {
        Some(duration) if duration >= Duration::from_millis(1) && duration <= LONGEST => {
            Ok(duration)
        }
        Some(_) => Err(UsageError(format!(
            "{option} {} is out of range: from 1ms to 24h",
            quoted(typed)
        ))),
        None => Err(UsageError(format!(
            "{option} {} is not a valid duration: for example 5s, 500ms or 1m",
            quoted(typed)
        ))),
    }
}

/// `WARN` or `WARN,FAIL`.
pub(super) fn cert_days(typed: &str) -> Result<CertDays, UsageError> {
    let wrong = |why: &str| {
        UsageError(format!(
            "--cert-days {} {why}: give days to warn under, and to fail under if you like, as in 30,7",
            quoted(typed)
        ))
    };
    let number = |word: &str| {
        word.trim()
            .parse::<u32>()
            .map_err(|_| wrong("is not WARN[,FAIL]"))
    };
    let (warn, fail) = match typed.split_once(',') {
        Some((warn, fail)) => (number(warn)?, Some(number(fail)?)),
        None => (number(typed)?, None),
    };
    if fail.is_some_and(|fail| fail > warn) {
        return Err(wrong("fails before it warns"));
    }
    Ok(CertDays::Days { warn, fail })
}

pub(super) fn faults(typed: &[String]) -> Result<Vec<Staged>, UsageError> {
    typed
        .iter()
        .map(|fault| Staged::parse(fault).map_err(|error| UsageError(error.to_string())))
        .collect()
}

/// A domain name in ASCII form or an address literal (RFC 5321 §4.1.3); Exchange refuses underscores and anything
/// stranger.
pub(super) fn ehlo_name(typed: &str) -> Result<String, UsageError> {
    let inside = typed
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let tagged = inside.and_then(|inside| match inside.split_at_checked(5) {
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => Some(address),
        _ => None,
    });
    if let Some(address) = tagged.and_then(|address| address.parse::<Ipv6Addr>().ok()) {
        return Ok(format!("[IPv6:{address}]"));
    }
    if let Ok(address) = tagged.or(inside).unwrap_or(typed).parse::<IpAddr>() {
        let literal = match address {
            IpAddr::V4(v4) => format!("[{v4}]"),
            IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
        };
        if literal == typed {
            return Ok(literal);
        }
        return Err(UsageError(format!(
            "--ehlo-name {} is not an address literal: write it as {literal}",
            quoted(typed)
        )));
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name in ASCII is left as it was typed.
    let name = if typed.is_ascii() {
        Some(typed.to_owned())
    } else {
        idna::domain_to_ascii(typed).ok()
    };
    name.filter(|name| name.len() <= 253 && name.split('.').all(is_label))
        .ok_or_else(|| {
            UsageError(format!(
                "--ehlo-name {} is not a name for EHLO: give a host name such as admin-pc.example.com or a literal such as [192.0.2.5]",
                quoted(typed)
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_known_by_id_alias_and_port() {
        for (word, expected) in [
            ("smtp", ServiceId::Smtp),
            ("IMAPS", ServiceId::Imaps),
            ("smtps", ServiceId::Submissions),
            ("pop", ServiceId::Pop3),
            ("ms-wbt-server", ServiceId::Rdp),
            ("443", ServiceId::Https),
        ] {
            assert_eq!(service(word), Some(expected), "{word}");
        }
        for word in ["8443", "0", "70000", "frobnicate", ""] {
            assert_eq!(service(word), None, "{word}");
        }
    }

    #[test]
    fn durations_have_units_or_are_seconds() {
        for (typed, expected) in [
            ("5s", Duration::from_secs(5)),
            ("500ms", Duration::from_millis(500)),
            ("5", Duration::from_secs(5)),
            ("1.5", Duration::from_millis(1500)),
            ("1m 30s", Duration::from_secs(90)),
        ] {
            assert_eq!(duration("--timeout", typed).ok(), Some(expected), "{typed}");
        }
        for typed in ["0", "-1", "soon", "", "NaN", "inf", "1e300", "25h"] {
            assert!(duration("--timeout", typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn certificate_days_warn_before_they_fail() {
        let days = |warn, fail| Some(CertDays::Days { warn, fail });
        assert_eq!(cert_days("30").ok(), days(30, None));
        assert_eq!(cert_days("30,7").ok(), days(30, Some(7)));
        for typed in ["7,30", "", "a", "30,", "-1"] {
            assert!(cert_days(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn ehlo_names_are_names_or_literals() {
        for (typed, sent) in [
            ("admin-pc", "admin-pc"),
            ("Admin-PC.example.com", "Admin-PC.example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("[192.0.2.5]", "[192.0.2.5]"),
            ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
            ("[ipv6:::1]", "[IPv6:::1]"),
        ] {
            assert_eq!(ehlo_name(typed).ok().as_deref(), Some(sent), "{typed}");
        }
        for typed in [
            "",
            "a_b",
            "a b",
            "a\r\nRCPT",
            "[nonsense]",
            "a..b",
            "-a",
            "ü b",
        ] {
            assert!(ehlo_name(typed).is_err(), "{typed:?}");
        }
    }

    #[test]
    fn an_address_that_is_no_literal_is_refused_with_the_literal() {
        for (typed, right) in [
            ("1.2.3.4", "[1.2.3.4]"),
            ("::1", "[IPv6:::1]"),
            ("[::1]", "[IPv6:::1]"),
            ("[IPv6:1.2.3.4]", "[1.2.3.4]"),
        ] {
            let error = ehlo_name(typed).expect_err(typed).to_string();
            assert!(error.ends_with(&format!("write it as {right}")), "{error}");
        }
    }
}
