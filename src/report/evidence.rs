//! What was seen of one check, as labelled lines that a person can check for himself.

use std::time::Duration;

use crate::facts::{
    Anchor, CertificateFacts, ChainLink, KeyFacts, PeerFacts, Text, TlsFacts, TrustDefect,
    TrustFacts,
};
use crate::finding::Finding;
use crate::observation::{State, Step};

use super::notation::rfc3339;

/// What was seen: a label and what stands behind it, in the order of a conversation.
pub(super) fn evidence(row: &Finding) -> Vec<(&'static str, String)> {
    let seen = &row.observation;
    let mut told = Vec::new();
    let mut add = |label, text: Option<String>| told.extend(text.map(|text| (label, text)));
    add("address", seen.address.map(|address| address.to_string()));
    add("state", seen.state.map(State::as_str).map(str::to_owned));
    add("peer said", greeting(seen.peer.as_ref()));
    add("HTTP status", http_status(seen.peer.as_ref()));
    add("Exchange build", build(seen.peer.as_ref()));
    add("request-id", request_id(seen.peer.as_ref()));
    add("TLS", tls(row));
    let presented = seen.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    if let Some(facts) = presented {
        add("certificate", Some(facts.subject.to_string()));
        for (label, text) in certificate(facts, row.days_left) {
            add(label, Some(text));
        }
    }
    if let Some(failure) = &seen.failure {
        let detail = failure.detail.as_ref().map(Text::as_str);
        let stage = failure.stage.as_str();
        add(
            "ended in",
            Some(detail.map_or_else(
                || stage.to_owned(),
                |detail| format!("{stage}: \"{detail}\""),
            )),
        );
    }
    add("time", time(&seen.steps));
    told
}

/// What a certificate says, its subject aside.
pub(super) fn certificate(
    facts: &CertificateFacts,
    left: Option<i64>,
) -> Vec<(&'static str, String)> {
    let mut told = vec![("issued by", facts.issuer.to_string())];
    told.extend(names(facts).map(|names| ("names", names)));
    let left = left.map_or_else(String::new, |days| format!(", {}", days_left(days)));
    let (from, until) = (rfc3339(facts.not_before), rfc3339(facts.not_after));
    told.push(("valid", format!("{from} to {until}{left}")));
    told.push(("key", format!("{}, {}", key(&facts.key), facts.signature)));
    told.push(("serial", facts.serial.clone()));
    // As `Get-ExchangeCertificate` writes it.
    told.push((
        "thumbprint",
        format!("{} (SHA-1)", facts.sha1.to_ascii_uppercase()),
    ));
    told.push(("SHA-256", facts.sha256.clone()));
    told
}

/// What was sent after the certificate, a line each, and where the chain leads.
pub(super) fn chain(tls: &TlsFacts) -> Vec<(&'static str, String)> {
    let mut told: Vec<(&'static str, String)> = tls
        .chain
        .iter()
        .skip(1)
        .map(|l| ("chain", link(l)))
        .collect();
    if told.is_empty() {
        told.push(("chain", "nothing but the certificate was sent".to_owned()));
    }
    if let Some(certificate) = &tls.certificate {
        told.push(("trust", trust(&certificate.trust)));
    }
    told
}

/// `CN=Example Intermediate; until 2031-01-01T00:00:00Z; RSA 4096 bits; SHA-256 …`.
fn link(link: &ChainLink) -> String {
    let mut told = vec![link.subject.to_string()];
    told.extend(
        link.not_after
            .map(|until| format!("until {}", rfc3339(until))),
    );
    told.extend(link.key.as_ref().map(key));
    told.push(format!("SHA-256 {}", link.sha256));
    told.join("; ")
}

fn key(key: &KeyFacts) -> String {
    let bits = key
        .bits
        .map_or_else(String::new, |bits| format!(" {bits} bits"));
    format!("{}{bits}", key.algorithm)
}

/// Where a chain leads, dates aside.
fn trust(trust: &TrustFacts) -> String {
    let defects: Vec<&str> = trust.defects.iter().map(defect).collect();
    if !defects.is_empty() {
        return format!("not trusted: {}", defects.join(", "));
    }
    match trust.anchor {
        Some(Anchor::Public) => "chains to a public root",
        Some(Anchor::System) => "chains to a root in this machine's store",
        Some(Anchor::CaFile) => "chains to a root of --ca-file",
        None => "not known",
    }
    .to_owned()
}

fn defect(defect: &TrustDefect) -> &str {
    match defect {
        TrustDefect::UnknownIssuer => "does not chain to a trusted root",
        TrustDefect::SelfSigned => "self-signed",
        TrustDefect::MissingIntermediate => "an intermediate certificate was not sent",
        TrustDefect::InvalidPurpose => "not meant for servers",
        TrustDefect::Unproven(words) | TrustDefect::Other(words) => words.as_str(),
    }
}

/// Under which id the server's logs have the request.
fn request_id(peer: Option<&PeerFacts>) -> Option<String> {
    match peer? {
        PeerFacts::Http(facts) => facts
            .request_id
            .as_ref()
            .map(|id| format!(r"{id}: grep it in Logging\HttpProxy on the server")),
        _ => None,
    }
}

/// What the peer said first.
fn greeting(peer: Option<&PeerFacts>) -> Option<String> {
    let said = match peer? {
        PeerFacts::Smtp(facts) => facts.greeting.as_ref(),
        PeerFacts::Imap(facts) => facts.greeting.as_ref(),
        PeerFacts::Pop3(facts) => facts.greeting.as_ref(),
        PeerFacts::Http(facts) => facts.server.as_ref(),
        PeerFacts::Ldap(_) | PeerFacts::Rdp(_) => None,
    };
    said.map(ToString::to_string)
}

fn http_status(peer: Option<&PeerFacts>) -> Option<String> {
    let Some(PeerFacts::Http(facts)) = peer else {
        return None;
    };
    let status = facts.status?;
    Some(match &facts.location {
        Some(location) => format!("{status}, to {location}"),
        None => status.to_string(),
    })
}

fn build(peer: Option<&PeerFacts>) -> Option<String> {
    match peer {
        Some(PeerFacts::Http(facts)) => facts.exchange_build.as_ref().map(ToString::to_string),
        _ => None,
    }
}

fn tls(row: &Finding) -> Option<String> {
    let facts = row.observation.tls.as_ref()?;
    let version = facts.version?.name();
    Some(match &facts.cipher_suite {
        Some(suite) => format!("{version}, {suite}"),
        None => version.to_owned(),
    })
}

fn names(facts: &CertificateFacts) -> Option<String> {
    /// A certificate of a hosting company has hundreds.
    const MANY: usize = 20;
    let mut names: Vec<String> = facts.names.iter().take(MANY).map(Text::to_string).collect();
    let more = facts.names.len().saturating_sub(MANY) + facts.more_names;
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    (!names.is_empty()).then(|| names.join(", "))
}

/// `18 days left`, `ended 3 days ago`.
pub(super) fn days_left(days: i64) -> String {
    let unit = if days.abs() == 1 { "day" } else { "days" };
    if days < 0 {
        format!("ended {} {unit} ago", days.abs())
    } else {
        format!("{days} {unit} left")
    }
}

/// `connect 12 ms, greeting 51 ms`, those of the second connection by its number.
fn time(steps: &[Step]) -> Option<String> {
    let told = steps.iter().map(|step| {
        let stage = step.stage.as_str();
        let took = in_words(step.took);
        if step.connection > 1 {
            format!("[{}] {stage} {took}", step.connection)
        } else {
            format!("{stage} {took}")
        }
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// How long the whole conversation took.
pub(super) fn took(row: &Finding) -> Duration {
    row.observation.steps.iter().map(|step| step.took).sum()
}

/// `3.1 ms`, `312 ms`, `3.0 s`.
pub(super) fn in_words(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    if ms >= 999.5 {
        format!("{:.1} s", duration.as_secs_f64())
    } else if ms < 9.95 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.0} ms")
    }
}
