//! Rules on what changed since an earlier run (`--baseline`): each change once, with the services that share it.

use std::collections::BTreeSet;

use super::case::{HostRule, TargetCase, TargetEvidence, http};
use crate::baseline::{Before, Capabilities, Presented};
use crate::facts::{CertificateFacts, PeerFacts, Text, TlsVersion};
use crate::finding::{Code, Finding, Severity};
use crate::judge::quoting::date;
use crate::observation::State;

pub(super) const RULES: &[HostRule] = &[
    HostRule {
        code: Code::ChangedState,
        holds: state,
    },
    HostRule {
        code: Code::ChangedCertificate,
        holds: certificate,
    },
    HostRule {
        code: Code::ChangedTls,
        holds: tls,
    },
    HostRule {
        code: Code::ChangedCapabilities,
        holds: capabilities,
    },
    HostRule {
        code: Code::ChangedBuild,
        holds: build,
    },
];

/// What is told of a change, and how bad it is.
type Change = (String, Severity);

fn state(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    changes(whole, |before, row| {
        let now = row.observation.state.map(State::as_str)?;
        let was = before.state.as_deref().filter(|was| *was != now)?;
        let lost = was == State::Open.as_str();
        let severity = if lost { Severity::Warn } else { Severity::Info };
        Some((format!("{was} before, {now} now"), severity))
    })
}

fn certificate(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    changes(whole, |before, row| {
        let tls = row.observation.tls.as_ref()?;
        let now = tls.certificate.as_ref()?;
        let was = before.certificate.as_ref()?;
        (was.sha256 != now.sha256).then(|| replaced(was, now))
    })
}

/// A renewal keeps its issuer and its names, and ends later.
fn replaced(was: &Presented, now: &CertificateFacts) -> Change {
    let until = date(now.not_after);
    let was_until = was.not_after.get(..10).unwrap_or(&was.not_after);
    let names: BTreeSet<&str> = now.names.iter().map(Text::as_str).collect();
    let lost: Vec<&str> = was
        .names
        .iter()
        .map(String::as_str)
        .filter(|name| !names.contains(name))
        .collect();
    let mut told = vec![format!(
        "a different certificate: valid until {was_until} (SHA-256 {}) before, until {until} (SHA-256 {}) now",
        start(&was.sha256),
        start(&now.sha256)
    )];
    let mut is_renewal = until.as_str() >= was_until;
    if was.issuer != now.issuer.as_str() {
        told.push(format!(
            "issued by \"{}\" before, by \"{}\" now",
            Text::from(was.issuer.as_str()),
            now.issuer
        ));
        is_renewal = false;
    }
    if was.subject != now.subject.as_str() {
        told.push(format!(
            "subject \"{}\" before, \"{}\" now",
            Text::from(was.subject.as_str()),
            now.subject
        ));
    }
    if !lost.is_empty() {
        told.push(format!("no longer covers {}", list(&lost)));
        is_renewal = false;
    }
    let severity = if is_renewal {
        Severity::Info
    } else {
        Severity::Warn
    };
    (told.join("; "), severity)
}

fn tls(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    changes(whole, |before, row| {
        let tls = row.observation.tls.as_ref()?;
        let now = tls.version?;
        let (was, was_suite) = before.tls.as_ref()?;
        if was != now.as_str() {
            // `TLSv1.2` stands before `TLSv1.3`.
            let severity = if now.as_str() < was.as_str() {
                Severity::Warn
            } else {
                Severity::Info
            };
            return Some((
                format!(
                    "{} before, {} now",
                    TlsVersion::from_word(was).map_or_else(
                        || Text::from(was.as_str()).to_string(),
                        |was| was.name().to_owned()
                    ),
                    now.name()
                ),
                severity,
            ));
        }
        let (was, now) = (was_suite.as_deref()?, tls.cipher_suite.as_deref()?);
        (was != now).then(|| {
            (
                format!("{} before, {now} now", Text::from(was)),
                Severity::Info,
            )
        })
    })
}

fn capabilities(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    changes(whole, |before, row| {
        // A conversation that ended early did not hear everything.
        if row.observation.failure.is_some() {
            return None;
        }
        let (was, was_secure) = before.capabilities.as_ref()?;
        let (now, now_secure) = told_now(row)?;
        let mut parts = Vec::new();
        let mut has_lost = false;
        for (was, now, place) in [
            (was, &now, ""),
            (was_secure, &now_secure, " in the secure session"),
        ] {
            let (was, now) = (words(was), words(now));
            let lost: Vec<&str> = was.difference(&now).copied().collect();
            let new: Vec<&str> = now.difference(&was).copied().collect();
            if !lost.is_empty() {
                parts.push(format!("no longer offered{place}: {}", list(&lost)));
                has_lost = true;
            }
            if !new.is_empty() {
                parts.push(format!("new{place}: {}", list(&new)));
            }
        }
        let severity = if has_lost {
            Severity::Warn
        } else {
            Severity::Info
        };
        (!parts.is_empty()).then(|| (parts.join("; "), severity))
    })
}

fn build(whole: &TargetCase<'_>) -> Vec<TargetEvidence> {
    changes(whole, |before, row| {
        let now = http(row)?.exchange_build.as_ref()?.as_str();
        let was = before.build.as_deref().filter(|was| *was != now)?;
        let number = |build: &str| -> Vec<u32> {
            build
                .split('.')
                .map(|part| part.parse().unwrap_or(0))
                .collect()
        };
        let severity = if number(now) < number(was) {
            Severity::Warn
        } else {
            Severity::Info
        };
        Some((
            format!("build {} before, {now} now", Text::from(was)),
            severity,
        ))
    })
}

/// The changes of the rows, those that are told alike together.
fn changes(
    whole: &TargetCase<'_>,
    of_a_row: impl Fn(&Before, &Finding) -> Option<Change>,
) -> Vec<TargetEvidence> {
    let mut found: Vec<(Change, Vec<&Finding>)> = Vec::new();
    let mut at = "";
    for row in whole.rows() {
        let Some(before) = &row.observation.before else {
            continue;
        };
        let Some(change) = of_a_row(before, row) else {
            continue;
        };
        at = &before.at;
        match found.iter_mut().find(|(known, _)| *known == change) {
            Some((_, rows)) => rows.push(row),
            None => found.push((change, vec![row])),
        }
    }
    let day = at.get(..10).unwrap_or(at);
    found
        .into_iter()
        .map(|((told, severity), rows)| {
            let message = format!("since {}: {told}", Text::from(day));
            TargetEvidence::new(message, rows).severity(severity)
        })
        .collect()
}

fn told_now(row: &Finding) -> Option<Capabilities> {
    let words = |texts: &[Text]| texts.iter().map(Text::to_string).collect::<Vec<_>>();
    let (clear, secure) = match row.observation.peer.as_ref()? {
        PeerFacts::Smtp(facts) => (&facts.extensions, &facts.secure_extensions),
        PeerFacts::Imap(facts) => (&facts.capabilities, &facts.secure_capabilities),
        PeerFacts::Pop3(facts) => (&facts.capabilities, &facts.secure_capabilities),
        PeerFacts::Ldap(_) | PeerFacts::Rdp(_) | PeerFacts::Http(_) => return None,
    };
    Some((words(clear), words(secure)))
}

/// The first line of an SMTP server's answer greets whoever asked, by his address: it is no capability.
fn words(lines: &[String]) -> BTreeSet<&str> {
    let lines = lines.iter().map(String::as_str);
    lines.filter(|line| !line.contains(" Hello ")).collect()
}

/// `a, b, c and 4 more`
fn list(words: &[&str]) -> String {
    const FEW: usize = 8;
    let shown: Vec<String> = words
        .iter()
        .take(FEW)
        .map(|word| Text::from(*word).to_string())
        .collect();
    match words.len().saturating_sub(FEW) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn start(fingerprint: &str) -> String {
    let start = fingerprint.get(..8).unwrap_or(fingerprint);
    format!("{}…", Text::from(start))
}
