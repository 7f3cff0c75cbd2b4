//! `exchports check`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::discover::{self, DomainOrder};
use super::error::UsageError;
use super::limits::LimitsArgs;
use super::output::{OutputArgs, Telling};
use super::route::{RouteArgs, RouteAsked};
use super::selection::SelectionArgs;
use super::standards::StandardsArgs;
use super::streamed::{self, ListPart, MoreTargets, Recipe};
use super::targets::{self, Listed};
use crate::catalog::{Expectation, Group, ROLES, Role, Service, ServiceId};
use crate::plan::{Audit, Check, Plan, Target};

pub(super) const AFTER_HELP: &str = "\
Examples:
  exchports check mail.example.com
  exchports check --role mailbox --ca-file root.pem ex01.corp.example.com
  exchports check -s 443,web --audit mail.example.com
  exchports check --domain example.com
  exchports check --nodes ex01,ex02 mail.example.com
  exchports check --targets-file hosts.txt --problems --report json=all.json

Exit codes: 0 all as expected, 1 something is not (see --fail-on), 2 nothing
could be judged, 130 and 143 interrupted.";

#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    /// Host names, IPv4 or IPv6 addresses; `-` reads them from standard input, one per line, as they come. A host that is
    /// listed again is checked once
    #[arg(value_name = "TARGET")]
    pub(super) targets: Vec<String>,

    /// Compare with an earlier JSON report: changes become findings (`changed-certificate`, …)
    #[arg(long, value_name = "FILE", help_heading = "Pass criteria")]
    pub(super) baseline: Option<PathBuf>,

    /// Also read targets from this file: one per line, optionally followed by its role; `#` starts a comment
    #[arg(long, value_name = "FILE", help_heading = "What to check")]
    pub(super) targets_file: Vec<PathBuf>,

    /// Check the hosts that `discover` finds for this mail domain, each in its own role
    #[arg(
        long,
        value_name = "DOMAIN",
        conflicts_with_all = ["redact", "wait", "address", "servername", "proxy", "nodes"],
        help_heading = "What to check"
    )]
    pub(super) domain: Option<String>,

    /// The name server that --domain asks [default: the system's]
    #[arg(
        long,
        value_name = "ADDRESS[:PORT]",
        requires = "domain",
        help_heading = "What to check"
    )]
    pub(super) resolver: Option<String>,

    /// Keys of the root zone in place of the usual ones: DNSKEY records, for signed zones of one's own
    #[arg(long, value_name = "FILE", requires = "domain", hide = true)]
    pub(super) trust_anchor: Option<PathBuf>,

    #[command(flatten)]
    pub(super) selection: SelectionArgs,

    #[command(flatten)]
    pub(super) route: RouteArgs,

    #[command(flatten)]
    pub(super) standards: StandardsArgs,

    #[command(flatten)]
    pub(super) limits: LimitsArgs,

    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// What `check` is to do.
#[derive(Debug)]
pub struct CheckOrder {
    /// The plan; its CA certificates are still to be read.
    pub plan: Plan,
    /// The targets after those of the plan.
    pub more: Option<MoreTargets>,
    /// The files with further roots.
    pub ca_files: Vec<PathBuf>,
    /// The file with a client certificate and its key.
    pub client_cert: Option<PathBuf>,
    /// The document to compare with.
    pub baseline: Option<PathBuf>,
    /// How long to wait until all is well.
    pub wait: Option<Duration>,
    /// Sockets in flight, when they were limited.
    pub jobs: Option<usize>,
    /// How to tell it.
    pub telling: Telling,
    /// The mail domain whose hosts are checked as well.
    pub domain: Option<DomainOrder>,
}

impl CheckArgs {
    pub(super) fn order(self) -> Result<CheckOrder, UsageError> {
        let route = self.route.route()?;
        let wait = self.limits.wait()?;
        let (mut targets, more) = match &self.domain {
            Some(_) if self.targets.is_empty() && self.targets_file.is_empty() => {
                (Vec::new(), None)
            }
            _ => {
                let part = if wait.is_some() || self.domain.is_some() || self.route.has_nodes() {
                    ListPart::Whole
                } else {
                    ListPart::Beginning
                };
                let recipe = self.recipe(route.clone())?;
                streamed::targets(&self.targets, &self.targets_file, part, recipe)?
            }
        };
        for node in self.route.nodes(&targets, &route)? {
            self.route.is_not_ehlo_name(&node)?;
            targets.push(node);
        }
        let ehlo_name = self.route.ehlo_name()?;
        let controls = self.route.controls(&targets)?;
        let jobs = self.limits.jobs()?;
        let telling = self.output.telling()?;
        let domain = self.domain(&telling)?;
        let plan = Plan {
            targets,
            reach: route.reach,
            proxy: route.proxies.used,
            unused_proxy: route.proxies.unused,
            controls,
            baseline: None,
            trust: self.standards.trust(),
            standards: self.standards.standards()?,
            depth: self.selection.depth(),
            audit: self.selection.audit(),
            ehlo_name,
            transcripts: telling.transcripts(),
            limits: self.limits.limits()?,
        };
        if wait.is_some() && !is_anything_required(&plan) {
            return Err(UsageError(
                "--wait waits until what is required passes, and nothing is: name services with --service, or a --role"
                    .to_owned(),
            ));
        }
        Ok(CheckOrder {
            plan,
            more,
            ca_files: self.standards.ca_file,
            client_cert: self.route.client_cert,
            baseline: self.baseline,
            wait,
            jobs,
            telling,
            domain,
        })
    }

    /// What is made of a host on a list.
    fn recipe(&self, route: RouteAsked) -> Result<Recipe, UsageError> {
        let selection = self.selection.clone();
        let named = selection.named()?;
        let own = self.route.clone();
        Ok(Box::new(move |Listed { name, host, role }| {
            route.check(&host)?;
            let role = selection.role(role)?;
            let server_name = route.server_name.as_ref().unwrap_or(&host);
            let target = Target {
                server_name: targets::without_final_dot(server_name),
                name,
                host,
                address: route.address,
                role,
                checks: selection.checks(role)?,
                named: named.clone(),
                node_of: None,
            };
            own.is_not_ehlo_name(&target)?;
            Ok(target)
        }))
    }

    fn domain(&self, telling: &Telling) -> Result<Option<DomainOrder>, UsageError> {
        let Some(typed) = &self.domain else {
            return Ok(None);
        };
        let mut checks = Vec::with_capacity(ROLES.len());
        for row in &ROLES {
            checks.push((row.role, self.selection.checks(row.role)?));
        }
        Ok(Some(DomainOrder {
            domain: discover::domain(typed)?,
            resolver: match &self.resolver {
                Some(typed) => Some(discover::resolver(typed)?),
                None => None,
            },
            trust_anchor: self.trust_anchor.clone(),
            checks,
            named: self.selection.named()?,
            progress: telling.progress,
        }))
    }
}

/// Whether something has to pass. Of a role that is to be found, or of which one service of several is enough, that is
/// known later.
fn is_anything_required(plan: &Plan) -> bool {
    plan.targets.iter().any(|target| {
        let is_known_later = matches!(target.role, Role::Auto | Role::Mail);
        let is_required = |check: &Check| check.expect == Expectation::Required;
        is_known_later || target.checks.iter().any(is_required)
    })
}

/// What can be done as it was asked for, and will disappoint.
#[must_use]
pub fn warnings(plan: &Plan) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if cfg!(windows) && plan.limits.connect < WINDOWS_CONNECT {
        warnings.push(
            "Windows reports a refused connection only after two seconds: with a connect timeout under 2.5s it looks filtered",
        );
    }
    let has = |is: fn(&Service) -> bool| {
        let mut checks = plan.targets.iter().flat_map(|target| &target.checks);
        checks.any(|check| is(check.service))
    };
    let is_behind = |service: &Service| service.group == Group::Web;
    if plan.audit == Audit::Yes && has(is_behind) && !has(|service| service.id == ServiceId::Https)
    {
        warnings.push(
            "for the web services --audit checks only modern authentication: they share 443, whose TLS is audited in the row of https, so name that too, as in --service 443,web",
        );
    }
    warnings
}

/// What the connect timeout of a run on Windows should be at the least: the system answers "refused" only after two
/// seconds there.
const WINDOWS_CONNECT: Duration = Duration::from_millis(2500);

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::super::{Command, read};
    use super::*;
    use crate::catalog::{self, Expectation, Role};
    use crate::exit::FailOn;
    use crate::facts::TlsVersion;
    use crate::plan::{Addresses, CertDays, Depth, Families, Host, Stores, Transcripts};
    use crate::report::Format;

    fn order(typed: &str) -> CheckOrder {
        let words = ["exchports", "check"].into_iter().chain(typed.split(' '));
        match read(words.map(OsString::from)) {
            Ok(Command::Check(order)) => *order,
            other => panic!("{typed}: {other:?}"),
        }
    }

    /// `smtp+` is required, `smtp?` optional, `smtp-` forbidden; a port where it is not the catalog's.
    fn checks(typed: &str) -> String {
        let order = order(typed);
        let told = order.plan.targets[0].checks.iter().map(|check| {
            let mark = match check.expect {
                Expectation::Required => '+',
                Expectation::Optional => '?',
                Expectation::Forbidden => '-',
            };
            if check.port == check.service.port {
                format!("{}{mark}", check.service.name)
            } else {
                format!("{}{mark}{}", check.service.name, check.port)
            }
        });
        told.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_named_is_required_and_single_changes_have_the_last_word() {
        for (typed, expected) in [
            ("a -s 443,smtp", "smtp+ https+"),
            ("a -s smtps -s imap4,smtps", "imap+ submissions+"),
            ("a -r edge", "smtp+ rdp?"),
            (
                "a -r edge --forbid rdp --require imaps",
                "smtp+ imaps+ rdp-",
            ),
            ("a -r edge --optional 25", "smtp? rdp?"),
            (
                "a -r edge -s imap --optional imap --forbid http",
                "http- imap?",
            ),
            (
                "a -r domain-controller --map ldap=1389 --map imap=1143",
                "ldap+1389 ldaps? rdp?",
            ),
        ] {
            assert_eq!(checks(typed), expected, "{typed}");
        }
        assert_eq!(
            order("a").plan.targets[0].checks.len(),
            catalog::all().count()
        );
        assert_eq!(
            order("a -s all").plan.targets[0].checks.len(),
            catalog::all().count()
        );
    }

    #[test]
    fn nodes_are_looked_at_by_the_name_in_front_and_for_what_it_has() {
        let plan = order(
            "Mail.example.com --servername web.example.com --address 192.0.2.1 -r published --forbid rdp --map smtp=2525 \
             --nodes ex01.example.com,10.0.0.2",
        )
        .plan;
        let [whole, named, literal] = plan.targets.as_slice() else {
            panic!("{:?}", plan.targets);
        };
        for node in [named, literal] {
            assert_eq!(node.node_of.as_deref(), Some("Mail.example.com"));
            assert_eq!(node.server_name, whole.server_name);
            assert_eq!((node.role, node.address), (Role::Published, None));
            let checks = |target: &Target| -> Vec<(ServiceId, u16)> {
                let kept = target.checks.iter().filter(|check| {
                    check.expect != Expectation::Forbidden || check.service.id == ServiceId::Rdp
                });
                kept.map(|check| (check.service.id, check.port)).collect()
            };
            assert_eq!(checks(node), checks(whole));
            // What must not be seen from outside may be there.
            assert!(
                node.checks
                    .iter()
                    .all(|check| check.service.id != ServiceId::Ldap)
            );
        }
        assert_eq!(named.host, Host::Name("ex01.example.com".to_owned()));
        assert_eq!(literal.name, "10.0.0.2");
        assert!(whole.node_of.is_none());
    }

    #[test]
    fn what_is_not_said_is_as_documented() {
        let CheckOrder {
            plan,
            ca_files,
            jobs,
            telling,
            ..
        } = order("mail.example.com");
        assert_eq!(plan.limits.check, Duration::from_secs(15));
        assert_eq!(plan.limits.connect, Duration::from_secs(3));
        assert_eq!(plan.limits.run, None);
        assert_eq!((plan.limits.per_address, jobs), (24, None));
        assert_eq!(plan.reach.families, Families::Both);
        assert_eq!(plan.reach.addresses, Addresses::Raced);
        assert_eq!(plan.trust.stores, Stores::Both);
        assert_eq!(plan.standards.min_tls, TlsVersion::Tls12);
        assert_eq!(plan.standards.cert_days, CertDays::Lifetime);
        assert_eq!((plan.depth, plan.ehlo_name), (Depth::Full, None));
        assert_eq!(plan.targets[0].role, Role::Auto);
        assert_eq!(telling.reports, [(Format::Table, None)]);
        assert_eq!(telling.fail_on, FailOn::Fail);
        assert!(telling.progress && !telling.verbose && ca_files.is_empty());
    }

    #[test]
    fn what_is_said_is_meant() {
        let CheckOrder { plan, telling, .. } = order(
            "MAIL.example.com. --timeout 4 --connect-timeout 9s --deadline 1m -j 7 --per-address 3 --min-tls 1.3 \
             --cert-days 20,5 --trust system --tcp-only --servername Web.example.com -q -v --fail-on never",
        );
        assert_eq!(plan.limits.check, Duration::from_secs(4));
        // A connect is part of a check.
        assert_eq!(plan.limits.connect, Duration::from_secs(4));
        assert_eq!(plan.limits.run, Some(Duration::from_secs(60)));
        assert_eq!(plan.limits.per_address, 3);
        assert_eq!(plan.standards.min_tls, TlsVersion::Tls13);
        assert_eq!(
            plan.standards.cert_days,
            CertDays::Days {
                warn: 20,
                fail: Some(5)
            }
        );
        assert_eq!(
            (plan.trust.stores, plan.depth),
            (Stores::System, Depth::TcpOnly)
        );
        let target = &plan.targets[0];
        assert_eq!(target.name, "MAIL.example.com.");
        assert_eq!(target.host, Host::Name("mail.example.com.".to_owned()));
        assert_eq!(target.server_name, Host::Name("web.example.com".to_owned()));
        assert_eq!(plan.transcripts, Transcripts::Kept);
        assert_eq!(
            (telling.reports, telling.fail_on),
            (Vec::new(), FailOn::Never)
        );
        assert_eq!(
            order("a --source 192.0.2.1").plan.reach.families,
            Families::V4
        );
        assert_eq!(order("a --source ::1").plan.reach.families, Families::V6);
        for (typed, families) in [
            ("a --all-addresses", Families::Both),
            ("a --all-addresses -4", Families::V4),
            ("a -6 --all-addresses", Families::V6),
            ("a --all-addresses --source 192.0.2.1", Families::V4),
        ] {
            let reach = order(typed).plan.reach;
            assert_eq!(
                (reach.families, reach.addresses),
                (families, Addresses::Every),
                "{typed}"
            );
        }
    }
}
