//! Rules on what the host is: which Exchange, Exchange at all, the kind of host that it was judged as, and whether one
//! machine answers or several.

use time::OffsetDateTime;

use super::case::{HostRule, TargetCase, TargetEvidence, http, names, services, smtp, worst_of};
use super::shared::certificate;
use crate::catalog::builds::{AS_OF, Age, BuildNumber, BuildStanding, Day};
use crate::catalog::{Expectation, Protocol, Role};
use crate::facts::{PeerFacts, Text};
use crate::finding::{Code, Finding, Severity, Status};
use crate::judge::check::Case;
use crate::judge::check::recognition;
use crate::judge::check::web::{Meaning, is_http_sys, meaning, same_machine};
use crate::judge::online_names::{role_of_greeting, role_of_name};
use crate::judge::quoting::quote;
use crate::plan::Host;

pub(super) const RULES: &[HostRule] = &[
    HostRule {
        code: Code::NoSubmission,
        holds: |whole| {
            none_of(
                whole,
                0,
                "neither 587 nor 465 works: mail clients cannot send",
            )
        },
    },
    HostRule {
        code: Code::NoMailboxAccess,
        holds: |whole| {
            none_of(
                whole,
                1,
                "none of 993, 143, 995 and 110 works: mail clients cannot read mail",
            )
        },
    },
    HostRule {
        code: Code::NotExchange,
        holds: not_exchange,
    },
    HostRule {
        code: Code::IisStopped,
        holds: iis_stopped,
    },
    HostRule {
        code: Code::RoleDoesNotFit,
        holds: role_does_not_fit,
    },
    HostRule {
        code: Code::ExchangeUnsupported,
        holds: |whole| {
            builds(whole)
                .into_iter()
                .filter_map(|build| {
                    let ended = build.ended(whole.context.now)?;
                    Some(TargetEvidence::new(
                        format!(
                            "{} has not been supported since {ended} (build {})",
                            build.known.name(),
                            build.told
                        ),
                        [],
                    ))
                })
                .collect()
        },
    },
    HostRule {
        code: Code::ExchangeOnlineThrottles,
        holds: |whole| {
            builds(whole)
                .into_iter()
                .filter_map(|build| {
                    let (major, minor, line, revision) = build.version.least_for_online()?;
                    Some(TargetEvidence::new(
                        format!(
                            "build {} is older than {major}.{minor}.{line}.{revision}: Exchange Online throttles and \
                             then refuses mail that it sends through a connector",
                            build.told
                        ),
                        [],
                    ))
                })
                .collect()
        },
    },
    HostRule {
        code: Code::ExchangeBuild,
        holds: |whole| {
            builds(whole)
                .into_iter()
                .filter(|build| build.ended(whole.context.now).is_none())
                .map(|build| {
                    let age = match build.known.age {
                        Age::Behind(1) => format!("; a newer one was known on {}", iso(AS_OF)),
                        Age::Behind(count) => {
                            format!("; {count} newer ones were known on {}", iso(AS_OF))
                        }
                        Age::NewerThanTable => {
                            format!("; newer than what was known on {}", iso(AS_OF))
                        }
                        Age::Newest | Age::Unknown => String::new(),
                    };
                    TargetEvidence::new(
                        format!("{} (build {}){age}", build.known.name(), build.told),
                        [],
                    )
                })
                .collect()
        },
    },
    HostRule {
        code: Code::NamesDiffer,
        holds: names_differ,
    },
];

/// On a mail server of any make: of one group of alternatives nothing works.
fn none_of(whole: &TargetCase<'_>, group: usize, message: &str) -> Vec<TargetEvidence> {
    let group = match whole.context.role {
        Role::Mail => Role::Mail
            .row()
            .one_of
            .get(group)
            .copied()
            .unwrap_or_default(),
        _ => return Vec::new(),
    };
    let rows: Vec<&Finding> = whole
        .ports()
        .filter(|row| group.contains(&row.check.service.id))
        .collect();
    // One that was not looked at, for a reason of ours, may work.
    let is_open_question =
        |row: &&Finding| matches!(row.status, Status::Pass | Status::Warn | Status::Skip);
    if rows.len() < group.len() || rows.iter().any(is_open_question) {
        return Vec::new();
    }
    vec![TargetEvidence::new(message, rows)]
}

/// Whether anything that was said is Exchange's own.
pub(super) fn is_exchange(whole: &TargetCase<'_>) -> bool {
    whole.rows().any(|finding| {
        let case = Case {
            check: finding.check,
            seen: &finding.observation,
            context: whole.context,
        };
        let greets = |greeting: Option<&Text>| {
            greeting.is_some_and(|text| text.as_str().contains("Microsoft Exchange"))
        };
        match &finding.observation.peer {
            Some(PeerFacts::Smtp(_)) => case.is_exchange_smtp(),
            Some(PeerFacts::Http(facts)) => recognition::is_exchange(facts),
            Some(PeerFacts::Imap(facts)) => greets(facts.greeting.as_ref()),
            Some(PeerFacts::Pop3(facts)) => greets(facts.greeting.as_ref()),
            Some(PeerFacts::Ldap(_) | PeerFacts::Rdp(_)) | None => false,
        }
    })
}

fn not_exchange(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    let rows: Vec<&Finding> = whole.web().map(|(row, _)| row).collect();
    let is_nowhere = whole.web().all(|(row, facts)| {
        facts
            .status
            .and_then(|status| meaning(row.check.service.id, status))
            == Some(Meaning::Absent)
    });
    if services(rows.iter().copied()).len() < 2 || !is_nowhere || is_exchange(whole) {
        return Vec::new();
    }
    let severity = match whole.context.role {
        // Who asks without a role asks whether this is Exchange.
        Role::Auto => Severity::Warn,
        // It is as it was judged.
        Role::Mail | Role::DomainController => return Vec::new(),
        _ => worst_of(Code::NotExchange, rows.iter().copied()),
    };
    let port = rows.first().map_or(443, |row| row.check.port);
    let message = format!("port {port} answers, but none of Exchange's directories is there");
    vec![TargetEvidence::new(message, rows).severity(severity)]
}

fn iis_stopped(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    // What must not be reachable is not to be started.
    let wanted = |row: &Finding| row.check.expect != Expectation::Forbidden;
    let web = || whole.web().filter(|(row, _)| wanted(row));
    let rows: Vec<&Finding> = web().map(|(row, _)| row).collect();
    let is_out = web().all(|(_, facts)| facts.status == Some(503));
    if services(rows.iter().copied()).len() < 2 || !is_out {
        return Vec::new();
    }
    let by_http_sys = web().all(|(_, facts)| is_http_sys(facts));
    // `/` on 80 and 443 is answered by the same site.
    let roots = whole
        .ports()
        .filter(|row| http(row).is_some_and(|facts| facts.status == Some(503)));
    let count = rows.len();
    let told = TargetEvidence::new(
        if by_http_sys {
            format!(
                "all {count} web services answer 503, and the answers come from Windows itself (http.sys)"
            )
        } else {
            format!("all {count} web services answer 503")
        },
        rows.iter().copied().chain(roots),
    );
    vec![if by_http_sys {
        told.hint(
            "The Default Web Site or all application pools are stopped: start them in IIS Manager. Events 5002 and \
             5009 (WAS) in the System log say why they stopped.",
        )
    } else {
        told
    }]
}

fn role_does_not_fit(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    let judged = whole.context.role;
    if matches!(judged, Role::Any | Role::Auto | Role::Mail) {
        return Vec::new();
    }
    let asked = match whole.context.server_name {
        Host::Name(name) => Some(name.trim_end_matches('.').to_ascii_lowercase()),
        Host::Address(_) => None,
    };
    if let Some((fits, name)) = asked.and_then(|name| Some((role_of_name(&name)?, name))) {
        if fits == judged {
            return Vec::new();
        }
        return vec![TargetEvidence::new(
            format!(
                "\"{name}\" is a host of Exchange Online: {} fits, not {}",
                fits.row().name,
                judged.row().name
            ),
            [],
        )];
    }
    if is_online(judged) {
        return own_server_judged_as_online(whole);
    }
    // Mail for an organisation of its own often goes in and out through Exchange Online: only a hint.
    whole
        .rows()
        .find_map(|row| {
            let greeting = smtp(row)?.greeting.as_ref()?;
            let name = greeting.as_str().split_whitespace().nth(1)?;
            let fits = role_of_greeting(&name.to_ascii_lowercase())?;
            Some(
                TargetEvidence::new(
                    format!(
                        "{} greets as {}, a host of Exchange Online: {} fits, not {}",
                        row.check.service.name,
                        quote(&Text::from(name)),
                        fits.row().name,
                        judged.row().name
                    ),
                    [row],
                )
                .severity(Severity::Info),
            )
        })
        .into_iter()
        .collect()
}

fn own_server_judged_as_online(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    builds(whole)
        .into_iter()
        .filter(|build| !build.known.product.is_online())
        .map(|build| {
            TargetEvidence::new(
                format!(
                    "build {} is {}, an on-premises server, but it was judged as {}",
                    build.told,
                    build.known.product.name,
                    whole.context.role.row().name
                ),
                [],
            )
            .hint(
                "Check it with `--role published` or `--role mailbox`. If it should be Exchange Online, check what \
                 DNS returns.",
            )
        })
        .take(1)
        .collect()
}

fn is_online(role: Role) -> bool {
    matches!(role, Role::Online | Role::OnlineSubmission | Role::OnlineMx)
}

/// A build that the host told, and what is known of it.
struct Build<'a> {
    /// In the server's own words.
    told: &'a Text,
    version: BuildNumber,
    known: BuildStanding,
}

impl Build<'_> {
    /// The day on which support ended, if that is over.
    fn ended(&self, now: OffsetDateTime) -> Option<String> {
        let ended = self.known.product.ended?;
        let today = now.date();
        let is_over = (today.year(), u8::from(today.month()), today.day()) >= ended;
        is_over.then(|| iso(ended))
    }
}

fn iso((year, month, day): Day) -> String {
    format!("{year}-{month:02}-{day:02}")
}

/// The builds that were told, each line once; the longest wording of each, which has the revision.
fn builds<'a>(whole: &TargetCase<'a>) -> Vec<Build<'a>> {
    let mut builds: Vec<Build<'a>> = Vec::new();
    for row in whole.rows() {
        let Some(told) = http(row).and_then(|facts| facts.exchange_build.as_ref()) else {
            continue;
        };
        let Some(version) = BuildNumber::read(told.as_str()) else {
            continue;
        };
        let Some(known) = version.known() else {
            continue;
        };
        let build = Build {
            told,
            version,
            known,
        };
        match builds
            .iter_mut()
            .find(|build| build.version.line == version.line)
        {
            Some(same) if same.told.as_str().len() < told.as_str().len() => *same = build,
            Some(_) => {}
            None => builds.push(build),
        }
    }
    builds
}

/// Machines by the names that they give themselves. A greeting may bear the published name: that is no machine's.
fn names_differ(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    let mut machines: Vec<(&Text, Vec<&Finding>)> = Vec::new();
    let mut note = |name, row| match machines
        .iter_mut()
        .find(|(known, _)| same_machine(known, name))
    {
        Some((_, rows)) => rows.push(row),
        None => machines.push((name, vec![row])),
    };
    for row in whole.rows() {
        if let Some(name) = http(row).and_then(|facts| facts.front_end.as_ref()) {
            note(name, row);
        }
    }
    let greetings: Vec<(Text, &Finding)> = whole
        .rows()
        .filter(|row| row.check.service.protocol == Protocol::Smtp)
        .filter_map(|row| Some((machine_in_greeting(row, whole)?, row)))
        .collect();
    for (name, row) in &greetings {
        note(name, row);
    }
    if machines.len() < 2 {
        return Vec::new();
    }
    let listed: Vec<String> = machines
        .iter()
        .take(MACHINES)
        .map(|(name, rows)| {
            format!(
                "{} by {}",
                names(&services(rows.iter().copied())),
                quote(name)
            )
        })
        .collect();
    vec![TargetEvidence::new(
        format!("different machines answer: {}", listed.join("; ")),
        [],
    )]
}

/// Machines that are told at the most.
const MACHINES: usize = 4;

/// The full name in Exchange's greeting, where it is not the published one: neither the target's nor one of the
/// certificates'.
fn machine_in_greeting(row: &Finding, whole: &TargetCase<'_>) -> Option<Text> {
    let greeting = smtp(row)?.greeting.as_ref()?;
    let mut words = greeting.as_str().split_whitespace();
    let name = words.nth(1).filter(|name| name.contains('.'))?;
    if !greeting.as_str().contains("Microsoft ESMTP") {
        return None;
    }
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let parent = name.split_once('.').map(|(_, parent)| parent)?;
    let is_asked = matches!(whole.context.server_name, Host::Name(asked) if asked.trim_end_matches('.') == name);
    let is_published = whole
        .rows()
        .filter_map(certificate)
        .filter(|found| !found.self_signed)
        .flat_map(|found| &found.names)
        .any(|published| {
            let published = published.as_str().to_ascii_lowercase();
            published == name || published.strip_prefix("*.") == Some(parent)
        });
    (!is_asked && !is_published).then(|| Text::from(name.as_str()))
}
