//! Answers of an Exchange front end, for the tests beside the rules.

use crate::catalog::{ServiceId, WEB};
use crate::facts::{Health, HttpFacts, PeerFacts, Redirect, RedirectKind, Text};
use crate::judge::fixture::{Fixture, open};

/// An answer of an Exchange front end, as it would be.
pub(super) fn facts(status: u16) -> HttpFacts {
    HttpFacts {
        status: Some(status),
        server: Some(Text::from("Microsoft-IIS/10.0")),
        front_end: Some(Text::from("EX01")),
        authentication: vec![Text::from("Negotiate"), Text::from("NTLM")],
        health: Some(Health::Healthy),
        health_server: Some(Text::from("ex01.corp.example.com")),
        ..HttpFacts::default()
    }
}

pub(super) fn answering(service: ServiceId, facts: HttpFacts) -> Fixture {
    open(service).peer(PeerFacts::Http(facts))
}

pub(super) fn redirecting(service: ServiceId, kind: RedirectKind, end: Option<u16>) -> Fixture {
    answering(
        service,
        HttpFacts {
            location: Some(Text::from("/somewhere")),
            redirects: vec![Redirect {
                location: Text::from("/somewhere"),
                kind,
            }],
            final_status: end,
            ..facts(302)
        },
    )
}

pub(super) fn web() -> impl Iterator<Item = ServiceId> {
    WEB.iter().map(|row| row.id)
}
