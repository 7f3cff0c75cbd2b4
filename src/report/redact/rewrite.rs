//! What is told instead: findings, with placeholders in the places of names.

use std::net::IpAddr;
use std::sync::Arc;

use super::placeholders::Placeholders;
use super::words::{is_host, names_nobody, parts};
use crate::facts::{
    BearerAnswer, CertificateFacts, ChainLink, PeerFacts, Text, TlsFacts, TrustDefect,
};
use crate::finding::{Diagnosis, Finding, TargetFinding};
use crate::observation::Observation;

impl Placeholders {
    pub(super) fn target_finding(&mut self, finding: &TargetFinding) -> TargetFinding {
        let mut finding = finding.clone();
        finding.target = self.place(&finding.target);
        finding.node_of = finding.node_of.as_deref().map(|name| self.place(name));
        for address in &mut finding.addresses {
            *address = self.address(*address);
        }
        if let Some(guess) = &mut finding.guess {
            for reason in &mut guess.reasons {
                *reason = self.text(reason);
            }
        }
        for told in &mut finding.diagnoses {
            self.diagnosis(&mut told.diagnosis);
            for address in &mut told.addresses {
                *address = self.address(*address);
            }
        }
        finding
    }

    pub(super) fn finding(&mut self, finding: &Finding) -> Finding {
        let mut finding = finding.clone();
        for diagnosis in &mut finding.diagnoses {
            self.diagnosis(diagnosis);
        }
        self.observation(&mut finding.observation);
        finding
    }

    fn diagnosis(&mut self, diagnosis: &mut Diagnosis) {
        diagnosis.message = self.text(&diagnosis.message);
        diagnosis.hint = self.text(&diagnosis.hint);
    }

    fn observation(&mut self, seen: &mut Observation) {
        for address in [&mut seen.address, &mut seen.local_address] {
            *address = address.map(|address| self.socket(address));
        }
        for attempt in &mut seen.attempts {
            attempt.address = self.socket(attempt.address);
        }
        if let Some(proxy) = &mut seen.proxy {
            self.say(proxy);
        }
        if let Some(detail) = seen
            .failure
            .as_mut()
            .and_then(|failure| failure.detail.as_mut())
        {
            self.say(detail);
        }
        if let Some(tls) = &mut seen.tls {
            self.tls(tls);
        }
        if let Some(peer) = &mut seen.peer {
            self.peer(peer);
        }
        for line in &mut seen.transcript {
            self.say(&mut line.text);
        }
    }

    fn tls(&mut self, tls: &mut TlsFacts) {
        tls.server_name = tls.server_name.take().map(|name| self.place(&name));
        if let Some(certificate) = &mut tls.certificate {
            self.certificate(Arc::make_mut(certificate));
        }
        for link in Arc::make_mut(&mut tls.chain) {
            let ChainLink {
                subject,
                issuer,
                sha256,
                ..
            } = link;
            self.distinguished(subject);
            self.distinguished(issuer);
            *sha256 = format!("{:064x}", self.number(sha256));
        }
    }

    fn certificate(&mut self, facts: &mut CertificateFacts) {
        self.distinguished(&mut facts.subject);
        self.distinguished(&mut facts.issuer);
        for name in &mut facts.names {
            let place = self.place(name.as_str());
            *name = Text::from(place.as_str());
        }
        facts.sha1 = format!("{:040x}", self.number(&facts.sha1));
        facts.sha256 = format!("{:064x}", self.number(&facts.sha256));
        facts.serial = format!("{:x}", self.number(&facts.serial));
        for url in &mut facts.issuer_urls {
            self.say(url);
        }
        for defect in &mut facts.trust.defects {
            if let TrustDefect::Other(words) | TrustDefect::Unproven(words) = defect {
                self.say(words);
            }
        }
    }

    /// `CN=host-1,O=name-2,C=DE`
    fn distinguished(&mut self, name: &mut Text) {
        let told: Vec<String> = parts(name.as_str())
            .into_iter()
            .map(|(kind, value)| match kind {
                "" => self.one(value),
                "C" => format!("{kind}={value}"),
                _ => format!("{kind}={}", self.one(value)),
            })
            .collect();
        *name = name.rewritten(|_| told.join(","));
    }

    /// A value that is a name from its beginning to its end.
    fn one(&mut self, value: &str) -> String {
        if value.contains('.') && is_host(value) || value.parse::<IpAddr>().is_ok() {
            self.place(value)
        } else {
            self.name(value)
        }
    }

    fn peer(&mut self, peer: &mut PeerFacts) {
        match peer {
            PeerFacts::Smtp(facts) => {
                self.say_all(&mut facts.greeting);
                self.say_all(&mut facts.extensions);
                self.say_all(&mut facts.secure_extensions);
            }
            PeerFacts::Imap(facts) => {
                self.say_all(&mut facts.greeting);
                self.say_all(&mut facts.capabilities);
                self.say_all(&mut facts.secure_capabilities);
            }
            PeerFacts::Pop3(facts) => {
                self.say_all(&mut facts.greeting);
                self.say_all(&mut facts.capabilities);
                self.say_all(&mut facts.secure_capabilities);
            }
            PeerFacts::Ldap(facts) => {
                for (attribute, values) in &mut facts.root_dse {
                    if names_nobody(attribute.as_str()) {
                        self.say_all(values);
                        continue;
                    }
                    for value in values {
                        let place = self.one(value.as_str());
                        *value = Text::from(place.as_str());
                    }
                }
            }
            PeerFacts::Rdp(_) => {}
            PeerFacts::Http(facts) => {
                let texts = [
                    &mut facts.reason,
                    &mut facts.location,
                    &mut facts.server,
                    &mut facts.front_end,
                    &mut facts.health_server,
                ];
                self.say_all(texts.into_iter().flatten());
                self.say_all(&mut facts.authentication);
                for via in &mut facts.via {
                    let place = self.name(via.as_str());
                    *via = Text::from(place.as_str());
                }
                if let Some(BearerAnswer::Offered {
                    trusted_issuers,
                    authorization_uri,
                }) = facts.bearer.as_deref_mut()
                {
                    let texts = trusted_issuers.iter_mut().chain(authorization_uri);
                    self.say_all(texts);
                }
                for redirect in &mut facts.redirects {
                    self.say(&mut redirect.location);
                }
            }
        }
    }
}
