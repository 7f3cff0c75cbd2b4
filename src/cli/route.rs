//! How to get there: addresses and their family, the name that is given on the way, our own name.

use std::env;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::error::{UsageError, quoted};
use super::proxy::Proxies;
use super::{proxy, targets, values};
use crate::catalog::Expectation;
use crate::plan::{
    Addresses, Check, ControlHost, Families, Host, Proxy, ProxyScheme, Reach, Target,
};

#[derive(Args, Clone, Debug)]
pub(super) struct RouteArgs {
    /// Connect to this address; SNI, Host and the certificate still use the target's name
    #[arg(long, value_name = "ADDRESS", help_heading = "Connection")]
    address: Option<String>,

    /// Use this name for SNI, Host and the certificate instead of the target's
    #[arg(long, value_name = "NAME", help_heading = "Connection")]
    servername: Option<String>,

    /// Connect from this local address, and only to addresses of its family
    #[arg(long, value_name = "ADDRESS", help_heading = "Connection")]
    source: Option<String>,

    /// Use IPv4 only
    #[arg(
        short = '4',
        long = "ipv4",
        conflicts_with = "ipv6",
        help_heading = "Connection"
    )]
    ipv4: bool,

    /// Use IPv6 only
    #[arg(short = '6', long = "ipv6", help_heading = "Connection")]
    ipv6: bool,

    /// Check every address of a name, each in its own rows; with -4 or -6, every address of that family
    #[arg(long, help_heading = "Connection")]
    all_addresses: bool,

    /// Go through a proxy: `socks5://HOST`, `socks5h://HOST` (the proxy looks names up), `http://HOST:PORT` (CONNECT), or `env` (`HTTPS_PROXY`, `NO_PROXY`). User and password: `EXCHPORTS_PROXY_USER`, `EXCHPORTS_PROXY_PASSWORD` in the environment
    #[arg(long, value_name = "URL", help_heading = "Connection")]
    proxy: Option<String>,

    /// Nodes behind the target (comma-separated names or addresses): each is checked under the target's name and
    /// compared with it and with the others
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        help_heading = "Connection"
    )]
    nodes: Vec<String>,

    /// Another mail host to compare with: if port 25 of a target does not answer, port 25 of this host is tried too, to
    /// tell where 25 is blocked
    #[arg(
        long,
        value_name = "HOST",
        conflicts_with = "proxy",
        help_heading = "Connection"
    )]
    control: Option<String>,

    /// A client certificate and its key in one PEM file, sent only to servers that ask for one
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(super) client_cert: Option<PathBuf>,

    /// The name to send in EHLO [default: the local address, as a literal]
    #[arg(long, value_name = "NAME", help_heading = "Connection")]
    ehlo_name: Option<String>,
}

/// Where every target is dialled.
#[derive(Clone)]
pub(super) struct RouteAsked {
    pub(super) reach: Reach,
    pub(super) proxies: Proxies,
    pub(super) address: Option<IpAddr>,
    pub(super) server_name: Option<Host>,
}

impl RouteArgs {
    pub(super) fn route(&self) -> Result<RouteAsked, UsageError> {
        let proxies = proxy::meant(self.proxy.as_deref(), &|name| env::var(name).ok())?;
        self.fits(proxies.used.as_deref())?;
        let reach = self.reach(proxies.used.as_deref())?;
        let address = match &self.address {
            Some(typed) => Some(values::host_address("--address", typed)?),
            None => None,
        };
        if let Some(address) = address {
            reach_fits("--address", address, reach, proxies.used.is_some())?;
        }
        let server_name = match &self.servername {
            Some(typed) => Some(targets::named("--servername", typed)?),
            None => None,
        };
        Ok(RouteAsked {
            reach,
            proxies,
            address,
            server_name,
        })
    }

    /// What belongs to a lookup has no place where the proxy makes it.
    fn fits(&self, proxy: Option<&Proxy>) -> Result<(), UsageError> {
        let Some(proxy) = proxy.filter(|proxy| proxy.scheme.takes_names()) else {
            return Ok(());
        };
        let scheme = proxy.scheme.as_str();
        let option = if self.address.is_some() && proxy.scheme == ProxyScheme::Socks5h {
            "--address"
        } else if self.all_addresses {
            "--all-addresses"
        } else if self.ipv4 {
            "-4"
        } else if self.ipv6 {
            "-6"
        } else {
            return Ok(());
        };
        Err(UsageError(format!(
            "{option} has no effect with {scheme}://, where the proxy looks the name up: use a socks5:// proxy, or leave {option} out"
        )))
    }

    fn reach(&self, proxy: Option<&Proxy>) -> Result<Reach, UsageError> {
        let families = match (self.ipv4, self.ipv6) {
            (true, _) => Families::V4,
            (_, true) => Families::V6,
            _ => Families::Both,
        };
        let source = match &self.source {
            Some(typed) => Some(values::address("--source", typed)?),
            None => None,
        };
        match (source, proxy.map(|proxy| &proxy.host)) {
            (Some(source), None) => family_fits("--source", source, families)?,
            (Some(source), Some(Host::Address(at))) if at.is_ipv4() != source.is_ipv4() => {
                return Err(UsageError(format!(
                    "the proxy {at} cannot be reached from --source {source}: give a source that is {} address too",
                    family(*at)
                )));
            }
            _ => {}
        }
        // From an address of one family nothing can be reached in the other.
        let families = match (families, source.filter(|_| proxy.is_none())) {
            (Families::Both, Some(IpAddr::V4(_))) => Families::V4,
            (Families::Both, Some(IpAddr::V6(_))) => Families::V6,
            _ => families,
        };
        Ok(Reach {
            families,
            addresses: if self.all_addresses {
                Addresses::Every
            } else {
                Addresses::Raced
            },
            source,
        })
    }

    pub(super) fn has_nodes(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// The targets that are nodes of the only one there is: looked at by its name, in its role. What that role forbids is
    /// about who comes from outside, so that of a node it is looked at only where it was named.
    pub(super) fn nodes(
        &self,
        targets: &[Target],
        route: &RouteAsked,
    ) -> Result<Vec<Target>, UsageError> {
        if self.nodes.is_empty() {
            return Ok(Vec::new());
        }
        let [whole] = targets else {
            return Err(UsageError(
                "--nodes are the nodes behind one name: give one target, as in `exchports check --nodes ex01,ex02 mail.example.com`"
                    .to_owned(),
            ));
        };
        let mut nodes: Vec<Target> = Vec::with_capacity(self.nodes.len());
        for typed in &self.nodes {
            let host =
                targets::host(typed).map_err(|error| UsageError(format!("--nodes: {error}")))?;
            let known = std::iter::once(whole).chain(&nodes);
            if known.into_iter().any(|other| other.host == host) {
                return Err(UsageError(format!(
                    "--nodes {} is given twice: name each node once, and their common name as the target",
                    quoted(typed)
                )));
            }
            if let Host::Address(address) = host {
                let is_proxied = route.proxies.used.is_some();
                reach_fits("--nodes", address, route.reach, is_proxied)?;
            }
            let is_from_outside = |check: &&Check| {
                check.expect != Expectation::Forbidden || whole.named.contains(&check.service.id)
            };
            nodes.push(Target {
                name: typed.clone(),
                host,
                address: None,
                node_of: Some(whole.name.clone()),
                checks: whole
                    .checks
                    .iter()
                    .filter(is_from_outside)
                    .copied()
                    .collect(),
                ..whole.clone()
            });
        }
        Ok(nodes)
    }

    /// Whose port 25 is dialled for comparison.
    pub(super) fn controls(&self, targets: &[Target]) -> Result<Vec<ControlHost>, UsageError> {
        let Some(typed) = &self.control else {
            return Ok(Vec::new());
        };
        let host = targets::named("--control", typed)?;
        let plain = targets::without_final_dot;
        let is_it = |target: &Target| plain(&target.host) == plain(&host);
        if !targets.is_empty() && targets.iter().all(is_it) {
            return Err(UsageError(format!(
                "--control {} is the target itself: name another mail host to compare with",
                quoted(typed)
            )));
        }
        Ok(vec![ControlHost {
            name: typed.clone(),
            host,
            address: None,
        }])
    }

    /// How we call ourselves.
    pub(super) fn ehlo_name(&self) -> Result<Option<String>, UsageError> {
        let typed = self.ehlo_name.as_deref();
        typed.map(values::ehlo_name).transpose()
    }

    /// Servers refuse their own name.
    pub(super) fn is_not_ehlo_name(&self, target: &Target) -> Result<(), UsageError> {
        let Some(typed) = &self.ehlo_name else {
            return Ok(());
        };
        let name = values::ehlo_name(typed)?;
        let is_name = |host: &Host| {
            let host = targets::without_final_dot(host);
            host.to_string().eq_ignore_ascii_case(&name)
        };
        if is_name(&target.server_name) || is_name(&target.host) {
            return Err(UsageError(format!(
                "--ehlo-name {} is the target's own name, which servers refuse: give this machine's name",
                quoted(typed)
            )));
        }
        Ok(())
    }
}

impl RouteAsked {
    /// A host as it is to be dialled.
    pub(super) fn check(&self, host: &Host) -> Result<(), UsageError> {
        match (self.address, host) {
            (None, Host::Address(literal)) => {
                let is_proxied = self.proxies.used.is_some();
                reach_fits("the target", *literal, self.reach, is_proxied)
            }
            _ => Ok(()),
        }
    }
}

fn reach_fits(
    what: &str,
    address: IpAddr,
    reach: Reach,
    is_proxied: bool,
) -> Result<(), UsageError> {
    // The source is that of the connection to the proxy.
    match reach.source.filter(|_| !is_proxied) {
        Some(source) if source.is_ipv4() != address.is_ipv4() => Err(UsageError(format!(
            "{what} {address} cannot be reached from --source {source}: give a source that is {} address too",
            family(address)
        ))),
        _ => family_fits(what, address, reach.families),
    }
}

fn family_fits(what: &str, address: IpAddr, families: Families) -> Result<(), UsageError> {
    let option = match (families, address) {
        (Families::V4, IpAddr::V6(_)) => "-4",
        (Families::V6, IpAddr::V4(_)) => "-6",
        _ => return Ok(()),
    };
    Err(UsageError(format!(
        "{what} {address} is {} address, which {option} excludes: leave {option} out",
        family(address)
    )))
}

fn family(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "an IPv4",
        IpAddr::V6(_) => "an IPv6",
    }
}
