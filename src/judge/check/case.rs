//! What a rule over one check looks at.

use std::time::Duration;

use crate::catalog::{Certificates, Protocol, Security, Service, ServiceId};
use crate::facts::{
    CertificateFacts, HttpFacts, LdapFacts, PeerFacts, RdpFacts, SmtpFacts, Text, TlsFacts,
};
use crate::finding::Code;
use crate::judge::context::Context;
use crate::judge::quoting::{in_words, is_keyword};
use crate::observation::{Cause, Detour, Failure, Observation, Stage, State};
use crate::plan::Check;

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
            Cause::Alert(alert) => code_of_alert(alert),
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
        self.tls()?.certificate.as_deref()
    }

    /// Whether the port accepted a connection.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.seen.state == Some(State::Open)
    }

    /// The proxy, where it is the proxy's word how the check ended.
    pub(in crate::judge) fn told_by_proxy(&self) -> Option<&'a Text> {
        self.failure()
            .filter(|failure| failure.stage == Stage::Proxy)?;
        self.seen.proxy.as_ref()
    }

    /// The failure, if its code is this one.
    pub(in crate::judge) fn failed(&self, code: Code) -> Option<&'a Failure> {
        if self.failure_code() == Some(code) {
            self.failure()
        } else {
            None
        }
    }

    pub(in crate::judge) fn service(&self) -> &'static Service {
        self.check.service
    }

    pub(in crate::judge) fn tls(&self) -> Option<&'a TlsFacts> {
        self.seen.tls.as_ref()
    }

    pub(in crate::judge) fn smtp(&self) -> Option<&'a SmtpFacts> {
        match self.seen.peer.as_ref()? {
            PeerFacts::Smtp(facts) => Some(facts),
            _ => None,
        }
    }

    pub(in crate::judge) fn ldap(&self) -> Option<&'a LdapFacts> {
        match self.seen.peer.as_ref()? {
            PeerFacts::Ldap(facts) => Some(facts),
            _ => None,
        }
    }

    pub(in crate::judge) fn rdp(&self) -> Option<&'a RdpFacts> {
        match self.seen.peer.as_ref()? {
            PeerFacts::Rdp(facts) => Some(facts),
            _ => None,
        }
    }

    pub(in crate::judge) fn http(&self) -> Option<&'a HttpFacts> {
        match self.seen.peer.as_ref()? {
            PeerFacts::Http(facts) => Some(facts),
            _ => None,
        }
    }

    /// Whether this is Exchange's internal Client Proxy connector, which speaks plaintext SMTP on 465.
    pub(in crate::judge) fn is_client_proxy(&self) -> bool {
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
    pub(in crate::judge) fn is_certificate_unchecked(&self) -> bool {
        self.service().certificates == Certificates::SelfSignedIsNormal || self.is_client_proxy()
    }

    /// How long the stage that failed took, or the last one, in words: `3 s`.
    pub(in crate::judge) fn waited(&self) -> Option<String> {
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
    pub(in crate::judge) fn waited_again(&self) -> Option<String> {
        const NOTED: Duration = Duration::from_millis(500);
        let steps = &self.seen.steps;
        let stage = self.failure()?.stage;
        let failed = steps.iter().rposition(|step| step.stage == stage)?;
        let last = steps.last()?;
        let is_later = last.connection > steps.get(failed)?.connection;
        (is_later && last.took >= NOTED).then(|| in_words(last.took))
    }
}

/// What the client had just done when a stage began, to be put after "nothing came …".
pub(super) fn after(case: &Case<'_>, stage: Stage) -> &'static str {
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

/// The code for an alert that the server sent.
fn code_of_alert(alert: u8) -> Code {
    match alert {
        // handshake_failure, insufficient_security
        40 | 71 => Code::TlsNoCommonCipher,
        70 => Code::TlsVersionTooOld,
        112 => Code::TlsNameNotRecognised,
        116 => Code::ClientCertificateRequired,
        _ => Code::TlsAlert,
    }
}
