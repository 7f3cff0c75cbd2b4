//! Rules on modern authentication, as an audit finds it (`--audit`): what the directories answer to an empty Bearer
//! belongs together. Outlook signs in by tokens at all of them, or fails at the one that takes none.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::case::{HostRule, TargetCase, TargetEvidence, names, services};
use crate::catalog::ServiceId;
use crate::facts::BearerAnswer;
use crate::finding::{Code, Finding};

pub(super) const RULES: &[HostRule] = &[
    HostRule {
        code: Code::ModernAuthenticationHalfOn,
        holds: half_on,
    },
    HostRule {
        code: Code::ModernAuthenticationOn,
        holds: on,
    },
    HostRule {
        code: Code::ModernAuthenticationOff,
        holds: off,
    },
];

/// What the directories came to.
struct Directories<'a> {
    /// They name where to sign in.
    on: Vec<&'a Finding>,
    /// They take tokens of other servers, and do not say where people sign in.
    servers_only: Vec<&'a Finding>,
    /// They offer no tokens.
    off: Vec<&'a Finding>,
    /// Where people sign in.
    authorities: BTreeSet<String>,
}

/// `None` where nobody asked, or nothing answered.
fn directories<'a>(whole: &TargetCase<'a>) -> Option<Directories<'a>> {
    let mut found = Directories {
        on: Vec::new(),
        servers_only: Vec::new(),
        off: Vec::new(),
        authorities: BTreeSet::new(),
    };
    for (row, facts) in whole.web() {
        match facts.bearer.as_deref() {
            None => {}
            Some(BearerAnswer::Offered {
                authorization_uri: Some(uri),
                ..
            }) => {
                found.authorities.insert(authority(uri.as_str()));
                found.on.push(row);
            }
            Some(BearerAnswer::Offered { .. }) => found.servers_only.push(row),
            Some(BearerAnswer::NotOffered) => found.off.push(row),
        }
    }
    let is_any = !(found.on.is_empty() && found.servers_only.is_empty() && found.off.is_empty());
    is_any.then_some(found)
}

/// The host of an authorization URI, as far as it has one.
fn authority(uri: &str) -> String {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    rest.split(['/', '?', '#'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
}

fn half_on(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    let Some(found) = directories(whole) else {
        return Vec::new();
    };
    let lacking: Vec<&Finding> = [&found.servers_only[..], &found.off].concat();
    if found.on.is_empty() || lacking.is_empty() {
        return Vec::new();
    }
    let which = services(lacking.iter().copied());
    let mut message = format!(
        "modern authentication is on for {}, but not for {}",
        names(&services(found.on.iter().copied())),
        names(&which)
    );
    if !found.servers_only.is_empty() {
        message.push_str(": ");
        message.push_str(&names(&services(found.servers_only.iter().copied())));
        message.push_str(" names trusted issuers but no authorization URI");
    }
    let hint = format!(
        "Run {}. If the node itself offers Bearer (`--address`), the device in front removes it.",
        switched_on(&which)
    );
    vec![TargetEvidence::new(message, lacking).own_hint(hint)]
}

fn on(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    let Some(found) = directories(whole) else {
        return Vec::new();
    };
    if found.on.is_empty() || !found.servers_only.is_empty() || !found.off.is_empty() {
        return Vec::new();
    }
    let authorities: Vec<String> = found
        .authorities
        .iter()
        .map(|host| format!("\"{host}\""))
        .collect();
    let message = format!(
        "modern authentication is on for {}: people sign in at {}",
        names(&services(found.on.iter().copied())),
        authorities.join(" and ")
    );
    vec![TargetEvidence::new(message, found.on)]
}

fn off(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    let Some(found) = directories(whole) else {
        return Vec::new();
    };
    if !found.on.is_empty() {
        return Vec::new();
    }
    let rows: Vec<&Finding> = [&found.servers_only[..], &found.off].concat();
    let message = if found.servers_only.is_empty() {
        format!(
            "modern authentication is off: no Bearer is offered by {}",
            names(&services(found.off.iter().copied()))
        )
    } else {
        format!(
            "modern authentication is off: only tokens from other servers are accepted ({}), and no authorization \
             URI is named",
            names(&services(found.servers_only.iter().copied()))
        )
    };
    vec![TargetEvidence::new(message, rows)]
}

/// How it is switched on for these: the cmdlet whole where it is one, else the setting and for which of them.
fn switched_on(which: &[ServiceId]) -> String {
    let all: Vec<_> = which.iter().filter_map(|id| cmdlet(*id)).collect();
    if let [(noun, setting)] = all[..] {
        return format!("`Get-{noun}VirtualDirectory | Set-{noun}VirtualDirectory {setting}`");
    }
    let (switch, methods): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(_, setting)| *setting == SWITCH);
    let nouns: Vec<&str> = switch.iter().map(|(noun, _)| *noun).collect();
    let mut words = format!(
        "`Set-...VirtualDirectory {SWITCH}` for {}",
        nouns.join(", ")
    );
    if let Some((noun, setting)) = methods.first() {
        // Writing to a String cannot fail.
        let _ = write!(words, "; for {noun} `{setting}`");
    }
    words
}

const SWITCH: &str = "-OAuthAuthentication $true";

/// The noun of a directory's cmdlets, and what switches it on.
fn cmdlet(service: ServiceId) -> Option<(&'static str, &'static str)> {
    match service {
        ServiceId::Autodiscover => Some(("Autodiscover", SWITCH)),
        ServiceId::Mapi => Some(("Mapi", "-IISAuthenticationMethods Ntlm,OAuth,Negotiate")),
        ServiceId::Ews => Some(("WebServices", SWITCH)),
        ServiceId::Oab => Some(("Oab", SWITCH)),
        ServiceId::Activesync => Some(("ActiveSync", SWITCH)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_people_sign_in() {
        for (uri, host) in [
            (
                "https://login.windows.net/common/oauth2/authorize",
                "login.windows.net",
            ),
            ("https://ADFS.example.com?x", "adfs.example.com"),
            ("adfs.example.com/adfs", "adfs.example.com"),
            ("", ""),
        ] {
            assert_eq!(authority(uri), host, "{uri}");
        }
    }

    #[test]
    fn every_directory_that_is_asked_has_its_cmdlet() {
        for id in crate::catalog::MODERN {
            assert!(cmdlet(id).is_some(), "{id}");
        }
        assert!(cmdlet(ServiceId::Owa).is_none());
    }
}
