//! Which kind of host a target is, where nobody said it (`--role auto`).
//!
//! The signs, strongest first: what the server says of itself, whether its address is public, what is open, what is
//! closed. They name the roles that fit; the observations are judged as each of them, and where they disagree the worse
//! verdict counts, so that no guess hides anything. Nothing is guessed where nothing works, or where nothing was
//! recognised: then each service that answers has to work, and that is all.

use std::net::IpAddr;

use super::check::Case;
use super::check::recognition::{is_exchange, other_mail_server};
use super::context::Context;
use super::host::{Surroundings, is_good, judge_target};
use super::online_names::{role_of_greeting, role_of_name};
use super::row::judge;
use crate::catalog::ServiceId::{Http, Https, Smtp, Submission, Submissions};
use crate::catalog::builds::BuildNumber;
use crate::catalog::{
    Expectation, Group, INTERNAL, Role, SERVICES, ServiceId, expectation, is_public,
};
use crate::facts::{HttpFacts, PeerFacts};
use crate::finding::{Finding, Guess, Status, TargetFinding};
use crate::observation::{Cause, Observation, State};
use crate::plan::{Check, Host, Target};

/// Judges all rows of a target whose role was not said, as the role that they show, and then the target as a whole.
///
/// The rows come back in their order, each with what is expected of it in the role that was found; what was expected by
/// name (`--require`, `--optional`, `--forbid`) stays.
#[must_use]
pub fn judge_by_signs(
    target: &Target,
    around: &Surroundings,
    rows: &[(Check, Observation)],
    context: &Context<'_>,
) -> (Vec<Finding>, TargetFinding) {
    let unsaid = As::role(Role::Auto, target, around, rows, context);
    let signs = Signs::of(&unsaid.rows, &around.addresses, context);
    let mut fitting: Vec<As> = if unsaid.works() && signs.is_whole {
        signs
            .roles()
            .into_iter()
            .map(|role| As::role(role, target, around, rows, context))
            .collect()
    } else {
        Vec::new()
    };
    // The first of the worst: the strongest sign stands first.
    let worst = fitting
        .iter()
        .enumerate()
        .rev()
        .max_by_key(|(_, one)| one.status())
        .map(|(index, _)| index);
    let mut judged = worst.map_or(unsaid, |index| fitting.remove(index));
    let rival = fitting
        .iter()
        .find(|other| is_good(other.status()) && !is_good(judged.status()))
        .map(|other| other.role);
    judged.finding.guess = Some(Guess {
        reasons: signs.reasons(judged.role, judged.works()),
        rival,
    });
    judged.finding.candidates.extend(
        fitting
            .into_iter()
            .flat_map(|other| other.finding.candidates),
    );
    (judged.rows, judged.finding)
}

/// What is expected of a service on a host of this role, where no option says otherwise. Beside the role's own columns:
/// a service that it does not need may be there, but on a public address not the directory and not the desktop.
#[must_use]
pub fn expected(role: Role, service: ServiceId, addresses: &[IpAddr]) -> Expectation {
    let is_exposed = INTERNAL.contains(&service) && addresses.iter().any(|ip| is_public(*ip));
    match expectation(role, service) {
        Some(Expectation::Forbidden) => Expectation::Forbidden,
        _ if is_exposed => Expectation::Forbidden,
        Some(expect) => expect,
        None => Expectation::Optional,
    }
}

/// A target judged as one role.
struct As {
    role: Role,
    rows: Vec<Finding>,
    finding: TargetFinding,
}

impl As {
    fn role(
        role: Role,
        target: &Target,
        around: &Surroundings,
        rows: &[(Check, Observation)],
        context: &Context<'_>,
    ) -> Self {
        let context = Context { role, ..*context };
        let rows: Vec<Finding> = rows
            .iter()
            .map(|(check, seen)| {
                let is_cut_off = role == Role::Auto && is_broken_off(seen);
                let expect = if is_cut_off {
                    // Nobody knows what it would have shown: that is no success.
                    Expectation::Required
                } else if target.named.contains(&check.service.id) {
                    check.expect
                } else {
                    expected(role, check.service.id, &around.addresses)
                };
                judge(Check { expect, ..*check }, seen.clone(), &context)
            })
            .collect();
        let finding = judge_target(target, around.clone(), &rows, &context);
        Self {
            role,
            rows,
            finding,
        }
    }

    fn status(&self) -> Status {
        self.finding.status
    }

    /// Whether anything that is there works.
    fn works(&self) -> bool {
        self.rows
            .iter()
            .any(|row| row.observation.state == Some(State::Open) && is_good(row.status))
    }
}

/// What tells the role of a host.
#[expect(clippy::struct_excessive_bools, reason = "each is a sign of its own")]
struct Signs {
    /// All services were looked at: a hole in the picture is no closed port.
    is_whole: bool,
    /// Its name, or what it says, is Exchange Online's; and which of the two.
    online: Option<(Role, &'static str)>,
    /// Exchange speaks on these ports.
    exchange: Vec<ServiceId>,
    /// Exchange's web services answer behind 443.
    exchange_web: bool,
    /// Active Directory's rootDSE.
    directory: bool,
    /// Another mail server, and on which port.
    other: Vec<(&'static str, ServiceId)>,
    public: bool,
    /// Not where a proxy looks the name up.
    is_address_known: bool,
    open: Vec<ServiceId>,
}

impl Signs {
    fn of(rows: &[Finding], addresses: &[IpAddr], context: &Context<'_>) -> Self {
        let mut exchange = Vec::new();
        let mut other = Vec::new();
        for row in rows {
            let case = Case {
                check: row.check,
                seen: &row.observation,
                context,
            };
            let id = row.check.service.id;
            if case.is_exchange_smtp() || greets_as_exchange(&row.observation) {
                exchange.push(id);
            } else if let Some(product) = other_mail_server(&case) {
                other.push((product, id));
            }
        }
        let open = SERVICES
            .iter()
            .map(|service| service.id)
            .filter(|id| {
                rows.iter().any(|row| {
                    row.check.service.id == *id && row.observation.state == Some(State::Open)
                })
            })
            .collect();
        Self {
            is_whole: is_whole(rows),
            online: online(rows, context),
            exchange,
            exchange_web: web_facts(rows).any(is_exchange),
            directory: rows.iter().any(|row| is_active_directory(&row.observation)),
            other,
            public: addresses.iter().any(|ip| is_public(*ip)),
            is_address_known: !addresses.is_empty(),
            open,
        }
    }

    /// The roles that fit, the best first.
    fn roles(&self) -> Vec<Role> {
        if let Some((role, _)) = self.online {
            return vec![role];
        }
        let by_smtp = self.has_exchange(Smtp) || self.has_exchange(Submission);
        let alone = |but: &[ServiceId]| self.open.iter().all(|id| but.contains(id));
        if self.exchange_web && !by_smtp {
            // Behind 443 alone it is what is published of it; with the doors of a server open it may as well be a
            // Mailbox server whose transport is down.
            let has_doors = self.open.iter().any(|id| INTERNAL.contains(id));
            return if self.public || !has_doors {
                vec![Role::Published]
            } else {
                vec![Role::Mailbox, Role::Published]
            };
        }
        if !self.exchange.is_empty() || self.exchange_web {
            let takes_mail_only =
                self.has_exchange(Smtp) && alone(&[Smtp, INTERNAL[0], INTERNAL[1], INTERNAL[2]]);
            return match (self.public, takes_mail_only) {
                (true, true) => vec![Role::Edge],
                (true, false) => vec![Role::Published],
                (false, true) => vec![Role::Mailbox, Role::Edge],
                (false, false) => vec![Role::Mailbox],
            };
        }
        let mut roles = Vec::new();
        if !self.other.is_empty() {
            roles.push(Role::Mail);
        }
        if self.directory {
            roles.push(Role::DomainController);
        }
        roles
    }

    fn has_exchange(&self, service: ServiceId) -> bool {
        self.exchange.contains(&service)
    }

    /// Why it is that role, in words.
    fn reasons(&self, role: Role, works: bool) -> Vec<String> {
        let mut reasons = Vec::new();
        if role == Role::Auto {
            reasons.push(
                if self.open.is_empty() {
                    "nothing answers"
                } else if !self.is_whole {
                    "not everything was looked at"
                } else if works {
                    "nothing that answers was recognised"
                } else {
                    "nothing that answers works"
                }
                .to_owned(),
            );
            return reasons;
        }
        if let (Role::Online | Role::OnlineSubmission | Role::OnlineMx, Some((_, why))) =
            (role, self.online)
        {
            return vec![why.to_owned()];
        }
        reasons.push(
            match (self.public, self.is_address_known) {
                (true, _) => "public address",
                (false, true) => "private address",
                (false, false) => "an address that only the proxy knows",
            }
            .to_owned(),
        );
        match role {
            Role::Mail => {
                let mut named: Vec<&str> = Vec::new();
                for (product, id) in &self.other {
                    if !named.contains(product) {
                        named.push(product);
                        reasons.push(format!("{product} on {}", id.row().port));
                    }
                }
            }
            Role::DomainController => {
                reasons.push("Active Directory answers on 389".to_owned());
            }
            _ => {
                reasons.extend(self.exchange_words());
                if let Some((product, id)) = self.other.first() {
                    reasons.push(format!("{product} on {}", id.row().port));
                }
            }
        }
        let internal: Vec<ServiceId> = INTERNAL
            .into_iter()
            .filter(|id| self.open.contains(id))
            .collect();
        match role {
            Role::Published if self.public && internal.is_empty() => {
                reasons.push("nothing internal open".to_owned());
            }
            Role::Published if !self.public => {
                reasons.push("25 and 587 are not Exchange".to_owned());
            }
            Role::Edge => reasons.push("443 and 587 not open".to_owned()),
            Role::Mailbox if self.directory => {
                reasons.push("Active Directory on 389".to_owned());
            }
            _ => {}
        }
        reasons
    }

    /// `Exchange on 25 and 587 and behind 443`
    fn exchange_words(&self) -> Option<String> {
        let ports: Vec<String> = self
            .exchange
            .iter()
            .filter(|id| matches!(id, Smtp | Submission | Submissions))
            .map(|id| id.row().port.to_string())
            .collect();
        match (ports.is_empty(), self.exchange_web) {
            (true, true) => Some("Exchange behind 443".to_owned()),
            (false, true) => Some(format!("Exchange on {} and behind 443", ports.join(", "))),
            (false, false) => Some(format!("Exchange on {}", ports.join(" and "))),
            (true, false) => self
                .exchange
                .first()
                .map(|id| format!("Exchange on {}", id.row().port)),
        }
    }
}

/// Whether all twelve were looked at, to the end.
fn is_whole(rows: &[Finding]) -> bool {
    SERVICES.iter().all(|service| {
        rows.iter()
            .any(|row| row.check.service.id == service.id && !is_broken_off(&row.observation))
    })
}

fn is_broken_off(seen: &Observation) -> bool {
    seen.failure.as_ref().is_some_and(|failure| {
        matches!(
            failure.cause,
            Cause::Deadline | Cause::Interrupted | Cause::Internal
        )
    })
}

fn web_facts(rows: &[Finding]) -> impl Iterator<Item = &HttpFacts> {
    rows.iter()
        .filter(|row| {
            row.check.service.group == Group::Web || matches!(row.check.service.id, Http | Https)
        })
        .filter_map(|row| match row.observation.peer.as_ref()? {
            PeerFacts::Http(facts) => Some(facts),
            _ => None,
        })
}

/// IMAP's and POP3's greetings.
fn greets_as_exchange(seen: &Observation) -> bool {
    let greeting = match &seen.peer {
        Some(PeerFacts::Imap(facts)) => facts.greeting.as_ref(),
        Some(PeerFacts::Pop3(facts)) => facts.greeting.as_ref(),
        _ => None,
    };
    greeting.is_some_and(|text| text.as_str().contains("Microsoft Exchange"))
}

/// The capability of Active Directory Domain Services (\[MS-ADTS\] 3.1.1.3.4.3).
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

fn is_active_directory(seen: &Observation) -> bool {
    match &seen.peer {
        Some(PeerFacts::Ldap(facts)) => facts
            .attribute("supportedCapabilities")
            .iter()
            .any(|value| value.as_str() == ACTIVE_DIRECTORY),
        _ => false,
    }
}

/// Which of Exchange Online's hosts it is, by the name that was asked for, by its greeting, or by its build.
fn online(rows: &[Finding], context: &Context<'_>) -> Option<(Role, &'static str)> {
    let asked = match context.server_name {
        Host::Name(name) => Some(name.trim_end_matches('.').to_ascii_lowercase()),
        Host::Address(_) => None,
    };
    if let Some(role) = asked.as_deref().and_then(role_of_name) {
        return Some((role, "the name is one of Exchange Online's"));
    }
    let is_build = |facts: &HttpFacts| {
        facts
            .exchange_build
            .as_ref()
            .and_then(|build| BuildNumber::read(build.as_str())?.known())
            .is_some_and(|known| known.product.is_online())
    };
    if web_facts(rows).any(is_build) {
        return Some((Role::Online, "Exchange Online's build behind 443"));
    }
    rows.iter()
        .filter_map(|row| match &row.observation.peer {
            Some(PeerFacts::Smtp(facts)) => facts.greeting.as_ref(),
            _ => None,
        })
        .filter_map(|greeting| greeting.as_str().split_whitespace().nth(1))
        .find_map(|name| role_of_greeting(&name.to_ascii_lowercase()))
        .map(|role| (role, "it greets as Exchange Online"))
}
