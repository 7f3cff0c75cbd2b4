//! `exchports discover`

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::error::{UsageError, quoted};
use super::output::{ColorArg, ColorWhen};
use super::standards::TrustArg;
use super::{targets, values};
use crate::catalog::{Role, ServiceId};
use crate::plan::{Check, Families, Host, Limits, Reach, Trust};

pub(super) const AFTER_HELP: &str = "\
Examples:
  exchports discover example.com
  exchports discover user@example.com --resolver 9.9.9.9
  exchports discover example.com --json

Only the domain of an address is used. Nobody signs in, and no mailbox is named.

Exit codes: 0 consistent, 1 something is not or was not looked at, 2 nothing could be asked,
130 and 143 interrupted.";

#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "as typed: each is a switch of its own"
)]
pub(super) struct DiscoverArgs {
    /// The mail domain, or an address in it
    #[arg(value_name = "DOMAIN", required = true)]
    domain: String,

    /// The name server to ask [default: the system's]
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    resolver: Option<String>,

    /// Keys of the root zone in place of the usual ones: DNSKEY records, for signed zones of one's own
    #[arg(long, value_name = "FILE", hide = true)]
    trust_anchor: Option<PathBuf>,

    /// Trust the roots in this file as well, PEM or DER (repeatable)
    #[arg(long, value_name = "FILE")]
    ca_file: Vec<PathBuf>,

    /// Whose roots to trust: Mozilla's, this machine's, or both
    #[arg(long, value_enum, default_value_t)]
    trust: TrustArg,

    /// Connect from this local address, and only to addresses of its family
    #[arg(long, value_name = "ADDRESS")]
    source: Option<String>,

    /// Use IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    ipv4: bool,

    /// Use IPv6 only
    #[arg(short = '6', long = "ipv6")]
    ipv6: bool,

    /// The name to send in EHLO [default: the local address, as a literal]
    #[arg(long, value_name = "NAME")]
    ehlo_name: Option<String>,

    /// Time limit for each host
    #[arg(long, value_name = "DURATION", default_value = "15s")]
    timeout: String,

    /// Time limit for the whole run; what was learned by then is reported
    #[arg(long, value_name = "DURATION")]
    deadline: Option<String>,

    /// JSON instead of a tree
    #[arg(long)]
    json: bool,

    /// No progress line (it is written to standard error, and only on a terminal)
    #[arg(long)]
    no_progress: bool,

    /// When to use colour; `auto` means on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: ColorArg,
}

/// A domain whose hosts are to be checked (`check --domain`).
#[derive(Debug)]
pub struct DomainOrder {
    /// The domain in ASCII, lower case, without a final dot.
    pub domain: String,
    /// Whom to ask; `None` is the system's.
    pub resolver: Option<SocketAddr>,
    /// A file with the keys of the root zone.
    pub trust_anchor: Option<PathBuf>,
    /// What is looked at on a host of each role.
    pub checks: Vec<(Role, Vec<Check>)>,
    /// The services whose expectation was named.
    pub named: Vec<ServiceId>,
    /// Whether a line of progress may be shown.
    pub progress: bool,
}

/// A domain to look at, and how.
#[derive(Debug)]
pub struct DiscoverOrder {
    /// The domain in ASCII, lower case, without a final dot.
    pub domain: String,
    /// Whom to ask; `None` is the system's.
    pub resolver: Option<SocketAddr>,
    /// A file with the keys of the root zone.
    pub trust_anchor: Option<PathBuf>,
    /// Whom to trust; its files are still to be read.
    pub trust: Trust,
    /// Those.
    pub ca_files: Vec<PathBuf>,
    /// Which way connections go.
    pub reach: Reach,
    /// How we call ourselves.
    pub ehlo_name: Option<String>,
    /// The bounds of each conversation.
    pub limits: Limits,
    /// As JSON or as a tree.
    pub json: bool,
    /// Whether a line of progress may be shown.
    pub progress: bool,
    /// When to use colour.
    pub color: ColorWhen,
}

impl DiscoverArgs {
    pub(super) fn order(&self) -> Result<DiscoverOrder, UsageError> {
        let source = match &self.source {
            Some(typed) => Some(values::address("--source", typed)?),
            None => None,
        };
        let families = match (self.ipv4, self.ipv6, source) {
            (true, ..) | (_, _, Some(IpAddr::V4(_))) => Families::V4,
            (_, true, _) | (_, _, Some(IpAddr::V6(_))) => Families::V6,
            _ => Families::Both,
        };
        let timeout = values::duration("--timeout", &self.timeout)?;
        Ok(DiscoverOrder {
            domain: domain(&self.domain)?,
            resolver: match &self.resolver {
                Some(typed) => Some(resolver(typed)?),
                None => None,
            },
            trust_anchor: self.trust_anchor.clone(),
            trust: Trust {
                stores: self.trust.stores(),
                ca_certificates: Vec::new(),
            },
            ca_files: self.ca_file.clone(),
            reach: Reach {
                families,
                source,
                ..Reach::default()
            },
            ehlo_name: match &self.ehlo_name {
                Some(typed) => Some(values::ehlo_name(typed)?),
                None => None,
            },
            limits: Limits {
                run: match &self.deadline {
                    Some(typed) => Some(values::duration("--deadline", typed)?),
                    None => None,
                },
                ..Limits::for_check(timeout, Limits::CONNECT)
            },
            json: self.json,
            progress: !self.no_progress,
            color: self.color.when(),
        })
    }
}

/// The domain of what was typed: itself, or what stands behind the last `@` of an address.
pub(super) fn domain(typed: &str) -> Result<String, UsageError> {
    let wrong = |why: &str| {
        UsageError(format!(
            "{} {why}: give a mail domain such as example.com, or an address in it",
            quoted(typed)
        ))
    };
    let name = match typed.rsplit_once('@') {
        Some(("", _)) => return Err(wrong("has nothing before its @")),
        Some((_, name)) => name,
        None => typed,
    };
    if name.contains("://") {
        return Err(wrong("is a web address"));
    }
    match targets::host(name) {
        Ok(Host::Name(name)) => {
            let name = name.trim_end_matches('.');
            if name.contains('.') {
                Ok(name.to_owned())
            } else {
                Err(wrong("is a single label, not a domain"))
            }
        }
        Ok(Host::Address(_)) => Err(wrong("is an address")),
        Err(_) => Err(wrong("is not a domain")),
    }
}

/// `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:5353`
pub(super) fn resolver(typed: &str) -> Result<SocketAddr, UsageError> {
    let bare = typed.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().map(|address| SocketAddr::new(address, 53));
    address.or_else(|_| typed.parse()).map_err(|_| {
        UsageError(format!(
            "--resolver {} is not an address: give the name server's, as in 9.9.9.9 or [2001:db8::53]:5353",
            quoted(typed)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_domain_is() {
        for (typed, expected) in [
            ("example.com", Some("example.com")),
            ("Example.COM.", Some("example.com")),
            ("user@example.com", Some("example.com")),
            ("\"a@b\"@example.com", Some("example.com")),
            ("b\u{fc}cher.example", Some("xn--bcher-kva.example")),
            ("192.0.2.1", None),
            ("user@192.0.2.1", None),
            ("localhost", None),
            ("https://example.com", None),
            ("example..com", None),
            ("@example.com", None),
            ("user@", None),
            ("", None),
        ] {
            assert_eq!(domain(typed).ok().as_deref(), expected, "{typed}");
        }
    }

    #[test]
    fn what_a_resolver_is() {
        for (typed, expected) in [
            ("9.9.9.9", Some("9.9.9.9:53")),
            ("127.0.0.1:5353", Some("127.0.0.1:5353")),
            ("2001:db8::53", Some("[2001:db8::53]:53")),
            ("[2001:db8::53]", Some("[2001:db8::53]:53")),
            ("[2001:db8::53]:5353", Some("[2001:db8::53]:5353")),
            ("dns.example", None),
            ("", None),
        ] {
            let found = resolver(typed).ok().map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{typed}");
        }
    }
}
