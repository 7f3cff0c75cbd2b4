//! What kind of host a target looks like, when it was judged as `any`: a hint, never the verdict.
//!
//! What is open is held against the columns of each role, and the observations are judged again as the role that fits
//! best. The fit goes by what is open, not by what passes: a broken server must not pass for another role. It goes by
//! ports alone: the web services all live behind one, so that they are open says nothing more. Where they were looked
//! at, they count in what passes.

use std::cmp::Reverse;

use super::{Case, Context, judge};
use crate::catalog::{Expectation, Group, Protocol, ROLES, Role, SERVICES, ServiceId, expectation};
use crate::facts::PeerFacts;
use crate::finding::{Finding, LooksLike, Status};
use crate::observation::{Cause, State};
use crate::plan::{Check, Host};

/// The role that fits what is open best; `None` when the target was judged as another role than `any`, when not all
/// twelve services were looked at, when all twelve are open or none is, when no role fits, when services were required by
/// name, and when no less would fail as that role.
pub(super) fn looks_like(findings: &[Finding], context: &Context<'_>) -> Option<LooksLike> {
    if context.role != Role::Any || !all_were_looked_at(findings) {
        return None;
    }
    let open = open_services(findings);
    if open.is_empty() || open.len() == SERVICES.len() {
        return None;
    }
    let role = best_fit(findings, &open, context)?;
    // It has to explain something that failed.
    let failed = findings
        .iter()
        .filter(|finding| finding.status == Status::Fail)
        .count();
    if was_asked_for(findings) || failures_as(role, findings, context) >= failed {
        return None;
    }
    let required: Vec<ServiceId> = role
        .row()
        .required
        .iter()
        .copied()
        .filter(|service| {
            findings
                .iter()
                .any(|finding| finding.check.service.id == *service)
        })
        .collect();
    let passed = required
        .iter()
        .filter(|service| passes_as(role, **service, findings, context))
        .count();
    Some(LooksLike {
        role,
        passed,
        required: required.len(),
    })
}

/// Without all twelve the picture has holes, and a hole is no closed port.
fn all_were_looked_at(findings: &[Finding]) -> bool {
    let broken_off = |finding: &Finding| {
        finding.observation.failure.as_ref().is_some_and(|failure| {
            matches!(
                failure.cause,
                Cause::Deadline | Cause::Interrupted | Cause::Internal
            )
        })
    };
    SERVICES.iter().all(|service| {
        findings
            .iter()
            .any(|finding| finding.check.service.id == service.id && !broken_off(finding))
    })
}

fn open_services(findings: &[Finding]) -> Vec<ServiceId> {
    SERVICES
        .iter()
        .map(|service| service.id)
        .filter(|id| {
            findings.iter().any(|finding| {
                finding.check.service.id == *id && finding.observation.state == Some(State::Open)
            })
        })
        .collect()
}

/// The role with the least against it, of those most of whose required ports are open; between equals the one with more
/// of its required ports open, then the one that the catalog names first.
fn best_fit(findings: &[Finding], open: &[ServiceId], context: &Context<'_>) -> Option<Role> {
    let told = Told::new(findings, context);
    ROLES
        .iter()
        .map(|row| row.role)
        .filter(|role| told.allows(*role))
        .filter_map(|role| {
            let column = |wanted: Expectation| {
                open.iter()
                    .filter(|service| expectation(role, **service) == Some(wanted))
                    .count()
            };
            let required = column(Expectation::Required);
            let missing = required_ports(role) - required;
            if required <= missing {
                return None;
            }
            let forbidden = column(Expectation::Forbidden);
            let unexpected = open.len() - required - column(Expectation::Optional) - forbidden;
            let against = 2 * (missing + forbidden + unexpected) + told.against(role);
            Some((role, against, required))
        })
        .min_by_key(|(_, against, required)| (*against, Reverse(*required)))
        .map(|(role, _, _)| role)
}

fn required_ports(role: Role) -> usize {
    role.row()
        .required
        .iter()
        .filter(|service| service.row().group == Group::Port)
        .count()
}

/// What the target told of itself besides its open ports.
struct Told {
    /// Its name, or that of its greetings, is one of Exchange Online's.
    online: Option<Role>,
    /// Exchange itself answers SMTP.
    exchange_smtp: bool,
    /// A directory answers that is not Active Directory.
    other_directory: bool,
}

impl Told {
    fn new(findings: &[Finding], context: &Context<'_>) -> Self {
        let exchange_smtp = findings.iter().any(|finding| {
            let case = Case {
                check: finding.check,
                seen: &finding.observation,
                context,
            };
            finding.check.service.protocol == Protocol::Smtp && case.is_exchange_smtp()
        });
        let other_directory = findings
            .iter()
            .any(|finding| match &finding.observation.peer {
                Some(PeerFacts::Ldap(facts)) => {
                    !facts.root_dse.is_empty()
                        && !facts
                            .attribute("supportedCapabilities")
                            .iter()
                            .any(|value| value.as_str() == ACTIVE_DIRECTORY)
                }
                _ => false,
            });
        Self {
            online: online(findings, context),
            exchange_smtp,
            other_directory,
        }
    }

    /// Whether what it told fits the role at all.
    fn allows(&self, role: Role) -> bool {
        match role {
            Role::Any => false,
            Role::Online | Role::OnlineSubmission | Role::OnlineMx => self.online == Some(role),
            Role::DomainController => self.online.is_none() && !self.other_directory,
            Role::Mailbox | Role::Published | Role::Edge => self.online.is_none(),
        }
    }

    /// What speaks against a role without excluding it: half as much as a port that does not fit.
    fn against(&self, role: Role) -> usize {
        // From outside a gateway may answer SMTP; on a Mailbox server it is Exchange, though its greeting can be changed.
        usize::from(role == Role::Mailbox && !self.exchange_smtp)
    }
}

/// The capability of Active Directory Domain Services (\[MS-ADTS\] 3.1.1.3.4.3).
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

/// Which of Exchange Online's hosts it is, by the name that was asked for or that it greets with.
fn online(findings: &[Finding], context: &Context<'_>) -> Option<Role> {
    let asked = match context.server_name {
        Host::Name(name) => Some(name.trim_end_matches('.').to_ascii_lowercase()),
        Host::Address(_) => None,
    };
    let greeted = findings
        .iter()
        .filter_map(|finding| match &finding.observation.peer {
            Some(PeerFacts::Smtp(facts)) => facts.greeting.as_ref(),
            _ => None,
        })
        .filter_map(|greeting| greeting.as_str().split_whitespace().nth(1))
        .map(str::to_ascii_lowercase)
        .next();
    asked
        .as_deref()
        .and_then(role_of_name)
        .or_else(|| greeted.as_deref().and_then(role_of_greeting))
}

/// By the names of Microsoft's list of endpoints.
pub(super) fn role_of_name(name: &str) -> Option<Role> {
    match name {
        "outlook.office365.com" | "outlook.office.com" | "outlook.cloud.microsoft" => {
            Some(Role::Online)
        }
        "smtp.office365.com" => Some(Role::OnlineSubmission),
        _ if name.ends_with(".mail.protection.outlook.com") || name.ends_with(".mx.microsoft") => {
            Some(Role::OnlineMx)
        }
        _ => None,
    }
}

/// By the names that Exchange Online's front ends greet with.
pub(super) fn role_of_greeting(name: &str) -> Option<Role> {
    if name.ends_with(".outlook.office365.com") {
        Some(Role::OnlineSubmission)
    } else if name.ends_with(".mail.protection.outlook.com") {
        Some(Role::OnlineMx)
    } else {
        None
    }
}

/// Whether more was required by name than the role requires: `--role` would not change that.
fn was_asked_for(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| {
        let check = finding.check;
        check.expect == Expectation::Required
            && expectation(Role::Any, check.service.id) != Some(Expectation::Required)
    })
}

/// How many rows would fail, judged as that role, which does not look at all of them.
fn failures_as(role: Role, findings: &[Finding], context: &Context<'_>) -> usize {
    let context = Context { role, ..*context };
    findings
        .iter()
        .filter(|finding| {
            expectation(role, finding.check.service.id).is_some_and(|expect| {
                let check = Check {
                    expect,
                    ..finding.check
                };
                judge(check, finding.observation.clone(), &context).status == Status::Fail
            })
        })
        .count()
}

/// Whether all rows of a service would pass, judged as that role.
fn passes_as(role: Role, service: ServiceId, findings: &[Finding], context: &Context<'_>) -> bool {
    let context = Context { role, ..*context };
    let mut rows = findings
        .iter()
        .filter(|finding| finding.check.service.id == service)
        .peekable();
    rows.peek().is_some()
        && rows.all(|finding| {
            let check = Check {
                expect: expectation(role, service).unwrap_or(finding.check.expect),
                ..finding.check
            };
            judge(check, finding.observation.clone(), &context).status == Status::Pass
        })
}
