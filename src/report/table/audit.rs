//! What an audit found out, in a few lines: which versions of TLS are enabled where, and whether a remote desktop host
//! insists on network level authentication. Most of it is as it should be, so that no row tells it.

use std::sync::Arc;

use crate::facts::{Nla, PeerFacts, TlsVersion, VersionAnswer};
use crate::finding::{Code, Finding};

use super::causes::label;

/// The lines; none where nothing was audited. Services that answered alike are on one line.
pub(super) fn audited(rows: &[Arc<Finding>]) -> Vec<String> {
    let mut alike: Vec<(String, Vec<usize>)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let Some(answers) = versions(row) else {
            continue;
        };
        let answers = format!("{answers}{}", code(row, &[Code::TlsOldVersions]));
        match alike.iter_mut().find(|(told, _)| *told == answers) {
            Some((_, rows)) => rows.push(index),
            None => alike.push((answers, vec![index])),
        }
    }
    let mut lines: Vec<String> = alike
        .iter()
        .map(|(answers, chosen)| format!("{}: {answers}", label(rows, chosen)))
        .collect();
    for (index, row) in rows.iter().enumerate() {
        if versions(row).is_some()
            && let Some(PeerFacts::Rdp(facts)) = &row.observation.peer
            && let Some(nla) = facts.nla
        {
            let nla = match nla {
                Nla::Required => "required",
                Nla::Supported => "supported, not required",
                Nla::NotSupported => "not supported",
            };
            lines.push(format!(
                "{}: network level authentication {nla}{}",
                label(rows, &[index]),
                code(row, &[Code::RdpNlaRequired, Code::RdpNlaNotSupported])
            ));
        }
    }
    lines
}

/// ` [rdp-nla-required]`, where the row has one of these.
fn code(row: &Finding, codes: &[Code]) -> String {
    let mut told = row.diagnoses.iter().map(|told| told.code);
    told.find(|code| codes.contains(code))
        .map_or_else(String::new, |code| format!(" [{code}]"))
}

/// `TLS 1.2, 1.3 enabled; 1.0, 1.1 refused`.
fn versions(row: &Finding) -> Option<String> {
    let asked = &row.observation.tls.as_ref()?.versions;
    let numbers = |answer| {
        let numbers: Vec<&str> = asked
            .iter()
            .filter(|(_, told)| *told == answer)
            .map(|(version, _)| number(*version))
            .collect();
        (!numbers.is_empty()).then(|| numbers.join(", "))
    };
    let parts: Vec<String> = [
        (VersionAnswer::Accepted, "enabled"),
        (VersionAnswer::Refused, "refused"),
        (VersionAnswer::Unknown, "unknown"),
    ]
    .into_iter()
    .filter_map(|(answer, word)| Some(format!("{} {word}", numbers(answer)?)))
    .collect();
    (!parts.is_empty()).then(|| format!("TLS {}", parts.join("; ")))
}

fn number(version: TlsVersion) -> &'static str {
    let name = version.name();
    name.strip_prefix("TLS ").unwrap_or(name)
}
