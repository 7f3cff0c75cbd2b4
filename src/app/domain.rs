//! What `discover` and `check --domain` share: a mail domain is looked at and judged.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::{fs, thread};

use super::error::Error;
use crate::catalog::Expectation;
use crate::cli::{DomainOrder, UsageError, shown};
use crate::discover::{Means, TcpHosts, discover};
use crate::discovery::{CutShort, Discovery};
use crate::finding::{DomainFinding, Recommended};
use crate::judge::{judge_domain, unanswered};
use crate::net::{Halt, Resolver, Roots, SocketLimits, clock};
use crate::plan::{Check, ControlHost, Families, Host, Plan, Target};
use crate::report::{Activity, domain_awaited};

/// With what a domain is looked at.
pub(super) struct Look<'a> {
    /// Whom to ask; `None` is the system's.
    pub(super) resolver: Option<SocketAddr>,
    /// A file with the keys of the root zone.
    pub(super) trust_anchor: Option<&'a Path>,
    /// How the hosts are reached; its limits have the deadline.
    pub(super) hosts: TcpHosts,
    /// How we call ourselves.
    pub(super) ehlo_name: Option<String>,
}

impl Look<'_> {
    /// Ready to ask.
    pub(super) fn means(self) -> Result<Means<TcpHosts>, Error> {
        let anchor = match self.trust_anchor {
            Some(path) => Some(fs::read_to_string(path).map_err(|error| {
                let path = shown(path);
                UsageError(format!("--trust-anchor {path} cannot be read: {error}"))
            })?),
            None => None,
        };
        let (run, halt) = (self.hosts.limits.run, self.hosts.halt.clone());
        let resolver = Resolver::new(self.resolver, anchor.as_deref(), run, halt);
        Ok(Means {
            resolver: resolver.map_err(|error| {
                UsageError(format!("{error}: give one with --resolver ADDRESS"))
            })?,
            hosts: self.hosts,
            ehlo_name: self.ehlo_name,
        })
    }
}

/// Finds out, and judges; what is known so far is sent meanwhile.
pub(super) async fn look(
    domain: &str,
    means: &Means<TcpHosts>,
    so_far: Option<mpsc::Sender<Discovery>>,
) -> DomainFinding {
    let now = clock::now();
    let tell = move |found: &Discovery| {
        if let Some(so_far) = &so_far {
            // Where nobody listens any more, nobody misses it.
            let _ = so_far.send(found.clone());
        }
    };
    let found = discover(domain, means, now, &tell).await;
    judge_domain(found, now)
}

/// What to say where nothing at all could be asked.
pub(super) fn nothing_asked(finding: &DomainFinding) -> Option<String> {
    let found = &finding.discovery;
    let why = unanswered(found)?;
    Some(match found.cut_short {
        Some(CutShort::Interrupt) => {
            format!(
                "interrupted before anything was known about {}",
                found.domain
            )
        }
        Some(CutShort::Deadline) => format!(
            "nothing could be asked about {}: {why}; allow more time with --deadline",
            found.domain
        ),
        None => format!(
            "nothing could be asked about {}: {why}; ask another name server with --resolver ADDRESS",
            found.domain
        ),
    })
}

/// Looks at the domain and adds its hosts to the plan, each once; one that was named keeps the role that it was given.
pub(super) async fn add_hosts(
    order: &DomainOrder,
    plan: &mut Plan,
    roots: Arc<Roots>,
    sockets: Arc<SocketLimits>,
    halt: Halt,
) -> Result<DomainFinding, Error> {
    let look_at = Look {
        resolver: order.resolver,
        trust_anchor: order.trust_anchor.as_deref(),
        hosts: TcpHosts {
            roots,
            sockets,
            limits: plan.limits,
            reach: plan.reach,
            halt: halt.clone(),
        },
        ehlo_name: plan.ehlo_name.clone(),
    };
    let means = look_at.means()?;
    let is_shown = order.progress && io::stderr().is_terminal();
    let (sender, receiver) = mpsc::channel();
    let shown = is_shown.then(|| thread::spawn(move || show(&receiver)));
    let finding = look(&order.domain, &means, is_shown.then_some(sender)).await;
    // The line is gone before a report begins.
    drop(shown.map(thread::JoinHandle::join));
    if let Some(why) = nothing_asked(&finding)
        && !halt.is_said()
    {
        return Err(UsageError(why).into());
    }
    plan.limits.run = means.resolver.left();
    for found in &finding.targets {
        let server_name = Host::Name(found.name.clone());
        if plan
            .targets
            .iter()
            .any(|known| known.server_name == server_name)
        {
            continue;
        }
        let mut address = None;
        if order.resolver.is_some() {
            // The name server that was named knows it, and the system's perhaps not.
            let addresses = means.resolver.addresses(&found.name).await.records;
            address = addresses
                .into_iter()
                .find(|address| match plan.reach.families {
                    Families::Both => true,
                    Families::V4 => address.is_ipv4(),
                    Families::V6 => address.is_ipv6(),
                });
        }
        plan.targets.push(Target {
            name: found.name.clone(),
            // No suffix of a search list belongs to it.
            host: Host::Name(format!("{}.", found.name)),
            address,
            server_name,
            role: found.role,
            checks: checks(order, found),
            named: [&order.named[..], &found.requires].concat(),
            node_of: None,
        });
    }
    add_controls(&finding, plan);
    Ok(finding)
}

/// The domain's mail hosts serve as controls of one another, behind the one that was named: they are looked at anyway.
fn add_controls(finding: &DomainFinding, plan: &mut Plan) {
    let records = &finding.discovery.mx.records;
    for target in &plan.targets {
        let is_mx = |name: &str| Host::Name(name.to_owned()) == target.server_name;
        if records.iter().any(|record| is_mx(&record.host)) {
            plan.controls.push(ControlHost {
                name: target.name.clone(),
                host: target.host.clone(),
                address: target.address,
            });
        }
    }
}

/// What is looked at on a host: its role's services, on the ports that were found.
fn checks(order: &DomainOrder, found: &Recommended) -> Vec<Check> {
    let of_role = order.checks.iter().find(|(role, _)| *role == found.role);
    let mut checks = of_role.map_or_else(Vec::new, |(_, checks)| checks.clone());
    for check in &mut checks {
        let port = found
            .maps
            .iter()
            .find(|(service, _)| service.row().port == check.service.port);
        if let Some((_, port)) = port {
            check.port = *port;
        }
        if found.requires.contains(&check.service.id) && !order.named.contains(&check.service.id) {
            check.expect = Expectation::Required;
        }
    }
    checks
}

/// Shows on standard error what is waited for.
fn show(so_far: &mpsc::Receiver<Discovery>) {
    let activity = Activity::shown();
    for found in so_far {
        activity.say(format!(
            "looking at {}: {}",
            found.domain,
            domain_awaited(&found)
        ));
    }
}
