//! Which targets may be asked for. Without a pattern everything may where only this machine can ask, and nothing elsewhere;
//! addresses that no host has, and those of the link, never may.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::plan::Host;

/// What `--allow-target` names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pattern {
    /// Names, `*` for any part of one; in lower case.
    Name(String),
    /// A network, or one address.
    Network(IpNet),
}

/// What is no pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoPattern;

impl Pattern {
    /// Reads `*.example.com`, `mail.example.com`, `192.0.2.0/24`, `2001:db8::1`, `*`.
    ///
    /// # Errors
    /// When it is neither a name nor a network.
    pub fn read(typed: &str) -> Result<Self, NoPattern> {
        if let Ok(network) = typed.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        if let Ok(address) = typed.parse::<IpAddr>() {
            return Ok(Self::Network(IpNet::from(address)));
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c);
        if typed.is_empty() || !typed.chars().all(is_name) {
            return Err(NoPattern);
        }
        Ok(Self::Name(typed.trim_end_matches('.').to_ascii_lowercase()))
    }

    /// Whether the name as it was asked for matches.
    fn has_name(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Name(pattern), Host::Name(name)) => {
                matches(pattern.as_bytes(), name.trim_end_matches('.').as_bytes())
            }
            (Self::Name(pattern), Host::Address(_)) => pattern == "*",
            (Self::Network(_), _) => false,
        }
    }

    fn has_address(&self, address: IpAddr) -> bool {
        match self {
            Self::Network(network) => network.contains(&address),
            Self::Name(_) => false,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.pad(name),
            Self::Network(network) => write!(f, "{network}"),
        }
    }
}

/// Whether a name matches a pattern in which `*` is any text: in linear time for each star.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(letter) = name.get(place) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(wanted) if wanted.eq_ignore_ascii_case(letter) => {
                at += 1;
                place += 1;
            }
            _ => match star {
                // The star takes one letter more.
                Some((after, taken)) => {
                    at = after + 1;
                    place = taken + 1;
                    star = Some((after, place));
                }
                None => return false,
            },
        }
    }
    pattern
        .get(at..)
        .unwrap_or_default()
        .iter()
        .all(|c| *c == b'*')
}

/// Who may be asked about.
#[derive(Clone, Debug)]
pub struct Access {
    /// What is allowed.
    pub patterns: Vec<Pattern>,
    /// Whether other machines can ask.
    pub is_exposed: bool,
}

/// Why a target may not be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Forbidden {
    /// No host has that address, or it is one of the link.
    Never,
    /// Others can ask here, and nothing was allowed.
    NothingAllowed,
    /// It is not among what was allowed.
    NotAllowed,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "no host has that address, or it is one of the link, which is never looked at",
            Self::NothingAllowed => {
                "nothing may be asked for: this listener is not on loopback, and no --allow-target names a target"
            }
            Self::NotAllowed => "that target is not among those of --allow-target",
        })
    }
}

impl Access {
    /// What a name says: `Ok(true)` when it may be looked at wherever it leads, `Ok(false)` when its addresses decide.
    ///
    /// # Errors
    /// Why not.
    pub fn of_host(&self, host: &Host) -> Result<bool, Forbidden> {
        if let Host::Address(address) = host {
            self.of_addresses(false, &[*address])?;
            return Ok(true);
        }
        if self.patterns.is_empty() {
            return if self.is_exposed {
                Err(Forbidden::NothingAllowed)
            } else {
                Ok(true)
            };
        }
        if self.patterns.iter().any(|pattern| pattern.has_name(host)) {
            return Ok(true);
        }
        let has_networks = self
            .patterns
            .iter()
            .any(|pattern| matches!(pattern, Pattern::Network(_)));
        if has_networks {
            Ok(false)
        } else {
            Err(Forbidden::NotAllowed)
        }
    }

    /// What the addresses say that a name leads to; a name that is allowed may lead anywhere but to the link.
    ///
    /// # Errors
    /// Why not.
    pub fn of_addresses(&self, is_named: bool, addresses: &[IpAddr]) -> Result<(), Forbidden> {
        if addresses.iter().any(|address| is_never(*address)) {
            return Err(Forbidden::Never);
        }
        if is_named {
            return Ok(());
        }
        if self.patterns.is_empty() {
            return if self.is_exposed {
                Err(Forbidden::NothingAllowed)
            } else {
                Ok(())
            };
        }
        let is_allowed = |address: &IpAddr| {
            self.patterns.iter().any(|pattern| {
                pattern.has_address(*address) || pattern.has_name(&Host::Address(*address))
            })
        };
        if addresses.iter().all(is_allowed) {
            Ok(())
        } else {
            Err(Forbidden::NotAllowed)
        }
    }
}

/// Of the link (169.254.169.254 is where clouds keep secrets), or no host's; IPv4 within IPv6 is what it is within.
fn is_never(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || v4.is_unspecified()
        }
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_multicast() || v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(patterns: &[&str], is_exposed: bool) -> Access {
        let patterns = patterns
            .iter()
            .map(|typed| Pattern::read(typed).expect("a pattern"));
        Access {
            patterns: patterns.collect(),
            is_exposed,
        }
    }

    fn host(text: &str) -> Host {
        text.parse()
            .map_or_else(|_| Host::Name(text.to_owned()), Host::Address)
    }

    #[test]
    fn patterns_are_names_and_networks() {
        for typed in [
            "mail.example.com",
            "*.example.com",
            "*",
            "10.0.0.0/8",
            "2001:db8::/32",
            "192.0.2.1",
        ] {
            assert!(Pattern::read(typed).is_ok(), "{typed}");
        }
        for typed in ["", "a b", "10.0.0.0/40", "https://a", "a/24"] {
            assert_eq!(Pattern::read(typed), Err(NoPattern), "{typed}");
        }
    }

    #[test]
    fn a_star_is_any_text() {
        for (pattern, name, is) in [
            ("*.example.com", "mail.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "mail.example.com.evil.test", false),
            ("ex*.corp.*", "ex01.corp.example", true),
            ("*", "anything", true),
            ("mail", "MAIL", true),
            ("a*a*a*a*b", &"a".repeat(200), false),
            ("", "", true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                is,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn who_may_be_asked_about() {
        use Forbidden::{Never, NotAllowed, NothingAllowed};
        let named = ["*.example.com", "192.0.2.0/24"];
        for (patterns, is_exposed, asked, answer) in [
            (&[][..], false, "mail.example.com", Ok(true)),
            (&[], false, "10.0.0.1", Ok(true)),
            (&[], false, "169.254.169.254", Err(Never)),
            (&[], false, "fe80::1", Err(Never)),
            (&[], false, "224.0.0.1", Err(Never)),
            (&[], false, "::ffff:169.254.169.254", Err(Never)),
            (&[], true, "mail.example.com", Err(NothingAllowed)),
            (&[], true, "192.0.2.1", Err(NothingAllowed)),
            (&named, true, "mail.example.com.", Ok(true)),
            (&named, true, "192.0.2.1", Ok(true)),
            (&named, true, "198.51.100.1", Err(NotAllowed)),
            // Where it leads decides.
            (&named, true, "mail.example.org", Ok(false)),
            (
                &["*.example.com"],
                true,
                "mail.example.org",
                Err(NotAllowed),
            ),
            (&["*"], true, "198.51.100.1", Ok(true)),
            (&["*"], true, "169.254.169.254", Err(Never)),
        ] {
            assert_eq!(
                access(patterns, is_exposed).of_host(&host(asked)),
                answer,
                "{asked}"
            );
        }
    }

    #[test]
    fn a_name_may_not_lead_to_the_link() {
        let access = access(&["*.example.com", "192.0.2.0/24"], true);
        let [metadata, inside, outside] = ["169.254.169.254", "192.0.2.7", "198.51.100.7"]
            .map(|text| text.parse().expect("an address"));
        assert_eq!(
            access.of_addresses(true, &[inside, metadata]),
            Err(Forbidden::Never)
        );
        assert_eq!(access.of_addresses(true, &[outside]), Ok(()));
        assert_eq!(access.of_addresses(false, &[inside]), Ok(()));
        assert_eq!(
            access.of_addresses(false, &[inside, outside]),
            Err(Forbidden::NotAllowed)
        );
    }
}
