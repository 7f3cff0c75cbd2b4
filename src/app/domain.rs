//! What `discover` and `check --domain` share: a mail domain is looked at and judged.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::error::Error;
use crate::cli::{DomainOrder, UsageError, shown};
use crate::discover::{Means, discover};
use crate::finding::{DomainFinding, Recommended};
use crate::judge::{judge_domain, unanswered};
use crate::net::{Halt, Resolver, Roots, SocketLimits, clock};
use crate::plan::{Check, Families, Host, Plan, Target};

/// Whom to ask for names.
pub(super) fn resolver(
    address: Option<SocketAddr>,
    anchor: Option<&Path>,
    halt: Halt,
) -> Result<Resolver, Error> {
    let anchor = match anchor {
        Some(path) => Some(fs::read_to_string(path).map_err(|error| {
            let path = shown(path);
            UsageError(format!("--trust-anchor {path} cannot be read: {error}"))
        })?),
        None => None,
    };
    Resolver::new(address, anchor.as_deref(), None, halt)
        .map_err(|error| UsageError(format!("{error}: give one with --resolver ADDRESS")).into())
}

/// Finds out, and judges.
pub(super) async fn look(domain: &str, means: &Means) -> DomainFinding {
    let now = clock::now();
    let found = discover(domain, means, now).await;
    judge_domain(found, now)
}

/// What to say where nothing at all could be asked.
pub(super) fn nothing_asked(finding: &DomainFinding) -> Option<String> {
    unanswered(&finding.discovery).map(|why| {
        format!(
            "nothing could be asked of {}: {why}; another name server is asked with --resolver ADDRESS",
            finding.discovery.domain
        )
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
    let means = Means {
        resolver: resolver(order.resolver, order.trust_anchor.as_deref(), halt.clone())?,
        roots,
        sockets,
        limits: plan.limits,
        reach: plan.reach,
        ehlo_name: plan.ehlo_name.clone(),
        halt,
    };
    let finding = match plan.limits.run {
        Some(run) => {
            let began = means.resolver.clock();
            let look = look(&order.domain, &means);
            let Ok(finding) = tokio::time::timeout(run, look).await else {
                return Err(UsageError(format!(
                    "the deadline was over before {} was looked at: give --deadline more",
                    order.domain
                ))
                .into());
            };
            plan.limits.run = Some(run.saturating_sub(began.elapsed()));
            finding
        }
        None => look(&order.domain, &means).await,
    };
    if let Some(why) = nothing_asked(&finding) {
        return Err(UsageError(why).into());
    }
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
            named: order.named.clone(),
        });
    }
    Ok(finding)
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
    }
    checks
}
