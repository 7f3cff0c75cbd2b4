//! The rules over one check: what it means when a service is not as the catalog says.
//!
//! One table a subject, in the order in which a check goes: [`reach`], [`dialogue`], [`starttls`], [`tls`],
//! [`interception`], [`certificate`], [`protocol`], [`web`]. Every [`Code`] has exactly one rule, in one of them or in
//! the tables over a whole target; what is said of it, and how bad it is, stands in its
//! [definition](crate::finding::Definition).

use std::time::Duration;

use time::OffsetDateTime;

use super::product::Product;
use super::{Context, Evidence};
use crate::catalog::{Certificates, Protocol, Security, Service, ServiceId};
use crate::facts::{
    CertificateFacts, HttpFacts, LdapFacts, PeerFacts, RdpFacts, SmtpFacts, Text, TlsFacts,
};
use crate::finding::{Asked, Code, Diagnosis};
use crate::observation::{Cause, Detour, Failure, Observation, Stage, State};
use crate::plan::Check;

mod certificate;
mod dialogue;
pub(in crate::judge) mod interception;
mod protocol;
mod reach;
mod sign_in;
mod starttls;
mod tls;
pub(super) mod web;

pub(super) use certificate::date;
pub(super) use reach::unused_proxy;

/// A rule over one check.
pub(super) type CheckRule = super::Rule<fn(&Case<'_>) -> Option<Evidence>>;

impl CheckRule {
    /// The diagnosis, if the rule holds.
    #[must_use]
    pub fn diagnose(&self, case: &Case<'_>) -> Option<Diagnosis> {
        let asked = Asked {
            unchecked: case.is_certificate_unchecked(),
            ..Asked::of(case.service(), case.check.expect, case.context.role)
        };
        let severity = self.code.severity(&asked);
        let told = (self.holds)(case)?.diagnose(self.code, severity, case.product());
        debug_assert!(self.code.can_be(told.severity, &asked), "{told:?}");
        Some(told)
    }
}

/// All rules over one check, in their order.
pub fn rules() -> impl Iterator<Item = &'static CheckRule> {
    [
        reach::RULES,
        dialogue::RULES,
        starttls::RULES,
        tls::RULES,
        interception::RULES,
        certificate::RULES,
        protocol::RULES,
        sign_in::RULES,
        web::RULES,
    ]
    .into_iter()
    .flatten()
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What was asked.
    pub check: Check,
    /// What was seen.
    pub seen: &'a Observation,
    /// What the verdict depends on besides.
    pub context: &'a Context<'a>,
}

impl<'a> Case<'a> {
    /// The code of the failure, where there is one.
    #[must_use]
    pub fn failure_code(&self) -> Option<Code> {
        let failure = self.failure()?;
        Some(match failure.cause {
            Cause::NameNotFound => Code::NameNotFound,
            Cause::NameWithoutAddress => Code::NameWithoutAddress,
            Cause::LookupFailed => Code::NameLookupFailed,

            Cause::Refused => Code::Refused,
            Cause::Filtered => Code::Filtered,
            Cause::Unreachable => Code::Unreachable,
            Cause::BlockedHere => Code::Blocked,
            Cause::NoFamilyHere => Code::AddressFamilyMissing,
            Cause::NoNetwork => Code::NoNetwork,
            Cause::OutOfResources => Code::OutOfResources,
            Cause::SourceUnusable => Code::SourceUnusable,

            Cause::ProxyUnreachable => Code::ProxyUnreachable,
            Cause::ProxyNotUnderstood => Code::ProxyNotUnderstood,
            Cause::ProxySignInRequired => Code::ProxySignInRequired,
            Cause::ProxySignInRefused => Code::ProxySignInRefused,
            Cause::ProxyForbids => Code::ProxyForbids,
            Cause::ProxyCouldNotTell => Code::ProxyCouldNotTell,

            Cause::Silent => Code::Silent,
            Cause::Stalled => Code::Stalled,
            Cause::Closed => Code::ClosedEarly,
            Cause::Reset => Code::Reset,
            Cause::Flood => Code::Flood,
            Cause::NotTheProtocol => Code::NotTheProtocol,
            Cause::TlsBroken => Code::TlsBroken,
            Cause::Unasked => Code::ProxyHeaderUnexpected,
            Cause::HeaderAwaited => Code::ProxyHeaderMissing,
            Cause::ServiceUnavailable => Code::ServiceUnavailable,
            Cause::Rejected => Code::GreetingRejected,
            // The only command of the application stage that a directory can refuse is the search for its rootDSE.
            Cause::CommandRejected
                if self.service().protocol == Protocol::Ldap
                    && failure.stage == Stage::Application =>
            {
                Code::LdapError
            }
            Cause::CommandRejected => Code::CommandRejected,

            // A second look in clear, where TLS belongs: that it offers no STARTTLS either is no second matter.
            Cause::StarttlsNotOffered if self.seen.detour == Some(Detour::CleartextOnTlsPort) => {
                if self.is_client_proxy() {
                    Code::ClientProxy
                } else {
                    Code::CleartextOnTlsPort
                }
            }
            Cause::StarttlsNotOffered => Code::StarttlsNotOffered,
            Cause::StarttlsOverwritten => Code::StarttlsOverwritten,
            Cause::StarttlsRejected => Code::StarttlsRejected,
            Cause::BytesInjected => Code::BytesInjected,
            Cause::NoCertificate => Code::NoCertificate,
            Cause::NoTls => Code::RdpNoTls,
            Cause::NegotiationFailed => Code::RdpNegotiationFailed,

            Cause::Cleartext if self.is_client_proxy() => Code::ClientProxy,
            Cause::Cleartext if self.service().security == Security::ImplicitTls => {
                Code::CleartextOnTlsPort
            }
            // Cleartext after the go-ahead of STARTTLS: the port is right and the handshake is not.
            Cause::Cleartext | Cause::HandshakeFailed => Code::TlsHandshakeFailed,
            Cause::Tls => Code::TlsOnCleartextPort,
            Cause::Alert(alert) => tls::code_of_alert(alert),
            Cause::ClosedOnHello => Code::TlsClosedOnHello,
            Cause::VersionTooOld => Code::TlsVersionTooOld,
            Cause::LegacySuitesOnly => Code::TlsLegacySuites,
            Cause::BeyondThisClient => Code::TlsUnverified,
            Cause::ClientCertificateRequired => Code::ClientCertificateRequired,
            Cause::ClientCertificateRefused => Code::ClientCertificateRefused,

            Cause::HttpsNotOpen => Code::HttpsNotOpen,
            Cause::HttpsUnusable => Code::HttpsUnusable,
            Cause::Deadline => Code::Deadline,
            Cause::Interrupted => Code::Interrupted,
            Cause::Internal => Code::InternalError,
        })
    }

    /// Whose software it is, as far as advice depends on it.
    pub(super) fn product(&self) -> Product {
        Product::of(self.says(), self.context.role)
    }

    /// Whose software it is by its own words; `None` where they do not tell.
    pub(super) fn says(&self) -> Option<Product> {
        let peer = self.seen.peer.as_ref();
        let is_ours = match peer {
            Some(PeerFacts::Http(facts)) => web::is_exchange(facts),
            Some(PeerFacts::Ldap(_)) => protocol::is_active_directory(self),
            Some(PeerFacts::Imap(_) | PeerFacts::Pop3(_)) => interception::greeting(self)
                .is_some_and(|greeting| greeting.as_str().contains("Microsoft Exchange")),
            Some(PeerFacts::Smtp(_)) | None => self.is_exchange_smtp(),
            // The role decides: xrdp says nothing of itself.
            Some(PeerFacts::Rdp(_)) => return None,
        };
        let is_other = match peer {
            Some(PeerFacts::Http(facts)) => web::is_other_server(facts),
            Some(PeerFacts::Ldap(facts)) => !facts.root_dse.is_empty(),
            _ => interception::is_other_product(self),
        };
        if is_ours {
            Some(Product::Exchange)
        } else {
            is_other.then_some(Product::Other)
        }
    }

    /// Where and why the dialogue ended early.
    #[must_use]
    pub fn failure(&self) -> Option<&'a Failure> {
        self.seen.failure.as_ref()
    }

    /// Whether the lookup failed, so that there was nothing to connect to: that is the whole target's.
    pub(in crate::judge) fn is_without_address(&self) -> bool {
        self.failure()
            .is_some_and(|failure| failure.stage == Stage::Resolve)
    }

    /// The certificate that the server showed.
    #[must_use]
    pub fn certificate(&self) -> Option<&'a CertificateFacts> {
        self.tls()?.certificate.as_ref()
    }

    /// Whether the port accepted a connection.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.seen.state == Some(State::Open)
    }

    /// The proxy, where it is the proxy's word how the check ended.
    fn told_by_proxy(&self) -> Option<&'a Text> {
        self.failure()
            .filter(|failure| failure.stage == Stage::Proxy)?;
        self.seen.proxy.as_ref()
    }

    /// The failure, if its code is this one.
    fn failed(&self, code: Code) -> Option<&'a Failure> {
        if self.failure_code() == Some(code) {
            self.failure()
        } else {
            None
        }
    }

    fn service(&self) -> &'static Service {
        self.check.service
    }

    fn tls(&self) -> Option<&'a TlsFacts> {
        self.seen.tls.as_ref()
    }

    fn smtp(&self) -> Option<&'a SmtpFacts> {
        match self.seen.peer.as_ref()? {
            PeerFacts::Smtp(facts) => Some(facts),
            _ => None,
        }
    }

    fn ldap(&self) -> Option<&'a LdapFacts> {
        match self.seen.peer.as_ref()? {
            PeerFacts::Ldap(facts) => Some(facts),
            _ => None,
        }
    }

    fn rdp(&self) -> Option<&'a RdpFacts> {
        match self.seen.peer.as_ref()? {
            PeerFacts::Rdp(facts) => Some(facts),
            _ => None,
        }
    }

    fn http(&self) -> Option<&'a HttpFacts> {
        match self.seen.peer.as_ref()? {
            PeerFacts::Http(facts) => Some(facts),
            _ => None,
        }
    }

    /// Whether this is Exchange's internal Client Proxy connector, which speaks plaintext SMTP on 465.
    fn is_client_proxy(&self) -> bool {
        let in_clear = self.seen.detour == Some(Detour::CleartextOnTlsPort)
            || self
                .failure()
                .is_some_and(|failure| failure.cause == Cause::Cleartext);
        self.service().id == ServiceId::Submissions && in_clear && self.is_exchange_smtp()
    }

    /// Whether what speaks SMTP there is Exchange's.
    pub(in crate::judge) fn is_exchange_smtp(&self) -> bool {
        // Windows' own relay (IIS) tells its version there, Exchange does not.
        let greets_so = |text: &Text| {
            let text = text.as_str().to_ascii_lowercase();
            text.contains("microsoft esmtp") && !text.contains("mail service, version")
        };
        let by_facts = self.smtp().is_some_and(|facts| {
            facts.greeting.as_ref().is_some_and(greets_so)
                || facts
                    .extensions
                    .iter()
                    .chain(&facts.secure_extensions)
                    .any(|extension| is_keyword(extension, "X-ANONYMOUSTLS"))
        });
        let by_detail = self.service().protocol == Protocol::Smtp
            && self
                .failure()
                .and_then(|failure| failure.detail.as_ref())
                .is_some_and(greets_so);
        by_facts || by_detail
    }

    /// Whether nobody checks the certificate here, so that a self-signed one is normal.
    fn is_certificate_unchecked(&self) -> bool {
        self.service().certificates == Certificates::SelfSignedIsNormal || self.is_client_proxy()
    }

    /// How long the stage that failed took, or the last one, in words: `3 s`.
    fn waited(&self) -> Option<String> {
        let steps = &self.seen.steps;
        // A second look goes on after a failure.
        let failed = self.failure().and_then(|failure| {
            let mut of_stage = steps.iter().filter(|step| step.stage == failure.stage);
            of_stage.next_back()
        });
        let took = failed.or_else(|| steps.last())?.took;
        (took >= Duration::from_millis(1)).then(|| in_words(took))
    }

    /// How long a second look waited in vain, after the stage that failed.
    fn waited_again(&self) -> Option<String> {
        const NOTED: Duration = Duration::from_millis(500);
        let steps = &self.seen.steps;
        let stage = self.failure()?.stage;
        let failed = steps.iter().rposition(|step| step.stage == stage)?;
        let last = steps.last()?;
        let is_later = last.connection > steps.get(failed)?.connection;
        (is_later && last.took >= NOTED).then(|| in_words(last.took))
    }
}

/// Whole days from now until then, rounded down; negative once it is over.
pub(super) fn days_until(then: OffsetDateTime, now: OffsetDateTime) -> i64 {
    const DAY: i128 = 86_400_000_000_000;
    let days = (then - now).whole_nanoseconds().div_euclid(DAY);
    i64::try_from(days).unwrap_or(if days < 0 { i64::MIN } else { i64::MAX })
}

/// What the client had just done when a stage began, to be put after "nothing came …".
fn after(case: &Case<'_>, stage: Stage) -> &'static str {
    match (stage, case.service().protocol) {
        (Stage::Resolve, _) => "during the lookup",
        (Stage::Connect | Stage::Proxy | Stage::Greeting, _) => "after connecting",
        (Stage::Capabilities, Protocol::Smtp) => "after EHLO",
        (Stage::Capabilities, Protocol::Imap) => "after CAPABILITY",
        (Stage::Capabilities, Protocol::Pop3) => "after CAPA",
        (Stage::Capabilities, _) => "after the first request",
        (Stage::Starttls, Protocol::Pop3) => "after STLS",
        (Stage::Starttls, Protocol::Ldap) => "after the StartTLS request",
        (Stage::Starttls, Protocol::Rdp) => "after the X.224 connection request",
        (Stage::Starttls, _) => "after STARTTLS",
        (Stage::TlsHandshake, _) => "during the TLS handshake",
        (Stage::SecureCapabilities, Protocol::Smtp) => "after the TLS handshake and EHLO",
        (Stage::SecureCapabilities, Protocol::Imap) => "after the TLS handshake and CAPABILITY",
        (Stage::SecureCapabilities, Protocol::Pop3) => "after the TLS handshake and CAPA",
        (Stage::SecureCapabilities, _) => "after the TLS handshake",
        (Stage::Application, Protocol::Http) => "after the HTTP request",
        (Stage::Application, Protocol::Ldap) => "after the search for the rootDSE",
        (Stage::Application, _) => "after the request",
    }
}

/// The peer's words to be put behind a message: `: "421 4.3.2 …"`, or nothing where there are none.
fn said(failure: &Failure) -> String {
    failure
        .detail
        .as_ref()
        .filter(|detail| !detail.is_empty())
        .map_or_else(String::new, |detail| format!(": {}", quote(detail)))
}

/// The peer's words in quotation marks, shortened.
pub(super) fn quote(text: &Text) -> String {
    format!("\"{}\"", shorten(text.as_str()))
}

/// Several of the peer's words, shortened: `SIZE 37748736, PIPELINING, …`.
fn list(words: &[Text]) -> String {
    let mut out = String::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        // Nothing beyond the cut is shown.
        if out.len() > QUOTE_CHARACTERS * 4 {
            break;
        }
        out.push_str(word.as_str());
    }
    shorten(&out)
}

/// Characters of a quotation.
const QUOTE_CHARACTERS: usize = 120;

fn shorten(text: &str) -> String {
    if text.chars().count() <= QUOTE_CHARACTERS {
        return text.to_owned();
    }
    let kept: String = text.chars().take(QUOTE_CHARACTERS - 1).collect();
    // An escape (`\x1B`) is kept whole or not at all.
    let whole = match kept.rfind('\\') {
        Some(at) if kept.len() - at < 4 => &kept[..at],
        _ => &kept,
    };
    format!("{}…", whole.trim_end())
}

/// Whether a capability's keyword is this one, whatever its parameters.
fn is_keyword(capability: &Text, keyword: &str) -> bool {
    capability
        .as_str()
        .split([' ', '='])
        .next()
        .is_some_and(|found| found.eq_ignore_ascii_case(keyword))
}

/// Whether the peer's words contain these, whatever their case.
fn says(failure: &Failure, words: &str) -> bool {
    failure.detail.as_ref().is_some_and(|detail| {
        detail
            .as_str()
            .to_ascii_lowercase()
            .contains(&words.to_ascii_lowercase())
    })
}

/// A duration as people say it; rounded, so that rows with the same cause say the same.
fn in_words(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        // Timers fire late: 3.004 s were 3 s; what the end of a check cuts short is a little less: 6.987 s were 7 s.
        format!("{:.0} s", duration.as_secs_f64())
    }
}
