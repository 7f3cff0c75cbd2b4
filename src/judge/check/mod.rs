//! The rules over one check: what it means when a service is not as the catalog says.
//!
//! One table a subject, in the order in which a check goes: [`reach`], [`dialogue`], [`starttls`], [`tls`],
//! [`interception`], [`certificate`], [`protocol`], [`web`]. Every [`Code`] has exactly one row, in one of them or in
//! the tables over a whole target.
//!
//! # The failures that are known, and where they are
//!
//! A dash stands for what one run from one place cannot see, and says why.
//!
//! | | seen | code | remark |
//! | --- | --- | --- | --- |
//! | D01 | NXDOMAIN | `name-not-found` |  |
//! | D02 | name without address | `name-without-address` |  |
//! | D03 | SERVFAIL, timeout | `name-lookup-failed` |  |
//! | D04 | private address from public DNS | – | whether an inside address came from inside DNS is not known from one place |
//! | D05 | inside and outside DNS differ | – | takes a look from inside and one from outside |
//! | D06 | name leads to Exchange Online | `role-does-not-fit` |  |
//! | D07 | MX is a filter | `gateway-answers` | the MX itself is for discovery |
//! | D08 | null MX | – | MX records are not asked: for discovery |
//! | D09 | one of several addresses dead | `nothing-answers` | with `--all-addresses`, of single addresses |
//! | D10 | hosts file, search suffix | – | takes DNS asked past this machine's resolver |
//! | T01 | RST | `refused` |  |
//! | T02 | timeout, other ports open | `filtered` | both causes are named |
//! | T03 | all ports time out | `nothing-answers` |  |
//! | T04 | all time out from one network | `nothing-answers` | the hint: another network |
//! | T05 | ICMP unreachable | `unreachable` |  |
//! | T06 | ICMP prohibited | `unreachable` | Linux cannot tell it from T05 on IPv4 |
//! | T07 | only 25 times out | `port-25-blocked` | possibly; certain only with another host's 25 |
//! | T08 | 25 blocked by the own firewall | `port-25-blocked` | the hint: another mail server from here |
//! | T09 | accepted, closed at once | `closed-early` |  |
//! | T10 | slow greeting | `greeting-slow` | silent where the budget ends first |
//! | T11 | no greeting ever | `silent` | and tls-on-cleartext-port, by a second look |
//! | T12 | every port accepts | `everything-open` | with a control port |
//! | T13 | RST after the first words | `reset` |  |
//! | T14 | IPv4 works, IPv6 not | `ipv6-broken` |  |
//! | T15 | IPv6 works, IPv4 not | `ipv4-broken` |  |
//! | T16 | now open, now closed | – | takes several looks over time; by address: nothing-answers |
//! | T17 | slow connection | – | one measurement of one run is no measure of slowness |
//! | T18 | this machine blocks | `blocked` |  |
//! | T19 | no network at all | `no-network` | and address-family-missing for one family |
//! | M01 | `220 ***` | `greeting-masked` |  |
//! | M02 | `XXXXXXXA` | `starttls-overwritten` |  |
//! | M03 | STARTTLS from inside only | `starttls-not-offered` | the hint names it; inside and outside cannot be compared from one place |
//! | M04 | telnet, letter by letter | – | exchports writes whole lines |
//! | M05 | greeting of another product | `gateway-answers` |  |
//! | M06 | inspection authority | `tls-inspected` | the table of authorities bears a confidence |
//! | M07 | private issuer on a Microsoft name | `certificate-unknown-issuer` | a hint of its own for Exchange Online's roles |
//! | M08 | 407 | `proxy-authentication` |  |
//! | M09 | captive portal | `captive-portal` | certain for 511; possibly for a redirect to a portal elsewhere |
//! | M10 | Via, X-Cache | `proxy-on-the-way` |  |
//! | M11 | 443 works alone | `web-only-network` |  |
//! | M12 | HTTP in clear on a TLS port | `cleartext-on-tls-port` |  |
//! | L01 | alert 40 | `tls-no-common-cipher` | after the second look in old TLS |
//! | L02 | alert 70 | `tls-version-too-old` |  |
//! | L03 | CBC or RSA key exchange only | `tls-legacy-suites` |  |
//! | L04 | TLS 1.0, 1.1 | `tls-version-too-old` | and tls-old-versions with `--audit` |
//! | L05 | alert 112 | `tls-name-not-recognised` |  |
//! | L06 | closed at the ClientHello | `tls-closed-on-hello` |  |
//! | L07 | greeting in clear on a TLS port | `cleartext-on-tls-port` | client-proxy on 465 |
//! | L08 | BYE 14, -ERR 13 | `no-certificate` |  |
//! | L09 | no STARTTLS on 25, 587 | `starttls-not-offered` |  |
//! | L10 | 454 TLS rate | `starttls-rejected` | by the server's words |
//! | L11 | 554 security subsystem | `starttls-rejected` | by the server's words |
//! | L12 | no STARTTLS, STLS on 143, 110 | `starttls-not-offered` |  |
//! | L13 | expired | `certificate-expired` | certificate-expires-soon before |
//! | L14 | not yet valid | `certificate-not-yet-valid` |  |
//! | L15 | self-signed | `certificate-self-signed` |  |
//! | L16 | self-signed on 25 | `certificate-self-signed` | info on 25 |
//! | L17 | private authority | `certificate-unknown-issuer` |  |
//! | L18 | wrong name | `certificate-wrong-name` |  |
//! | L19 | missing intermediate | `certificate-missing-intermediate` | only where the missing one is known |
//! | L20 | short key, SHA-1 | `certificate-weak-key`, `certificate-weak-signature` |  |
//! | L21 | certificates differ | `certificate-differs` | by service and by address |
//! | L22 | alerts 42 to 48 | `client-certificate-required`, `tls-alert` | alerts 42 to 46 and 48 as possible |
//! | L23 | closed on the first data | `closed-early` | the hint names client certificates |
//! | L24 | alert 80, handshake hangs | `tls-alert`, `silent` | alert 80; a handshake without an end |
//! | L25 | bytes after the go-ahead | `bytes-injected` |  |
//! | L26 | members differ in TLS | – | takes the members' versions side by side: `--audit --all-addresses` shows them |
//! | S01 | 421 Service not available | `service-unavailable` | by the server's words |
//! | S02 | 421 Service not active | `service-unavailable` | by the server's words |
//! | S03 | 421 maximum number of connections | `service-unavailable` | by the server's words |
//! | S04 | 421 not accepting messages | `service-unavailable` | by the server's words |
//! | S05 | 452 insufficient resources | `service-unavailable` | by the server's words |
//! | S06 | 421 too many errors | `service-unavailable` | by the server's words |
//! | S07 | 451 4.7.500 | `service-unavailable` | by the server's words |
//! | S08 | block lists | `greeting-rejected`, `command-rejected` | by the server's words |
//! | S09 | 554 greeting | `greeting-rejected` |  |
//! | S10 | 530, 451 STARTTLS required | – | comes after MAIL FROM, which is never sent |
//! | S11 | 501 invalid domain name | `command-rejected` | the hint: `--ehlo-name` |
//! | S12 | 550 client host rejected | `greeting-rejected`, `closed-early` | the hint: RemoteIPRanges |
//! | S13 | no AUTH after TLS | `auth-not-offered` |  |
//! | S14 | only NTLM, GSSAPI | `auth-windows-only` |  |
//! | S15 | IIS's relay | `gateway-answers` |  |
//! | S16 | greeting in clear on 465 | `client-proxy` |  |
//! | S17 | gateway on 25 | `gateway-answers` |  |
//! | S18 | 4.7.230, 5.7.230 | – | comes after MAIL FROM, and only to servers |
//! | S19 | date of the greeting | `clock-differs` | by the date of the greeting |
//! | S20 | SIZE | `size-limit-low` | Exchange's default is nothing to tell |
//! | P01 | all off | `pop-imap-off` |  |
//! | P02 | connection limit | `service-unavailable` | by the server's words |
//! | P03 | closed 10 to 13 | `service-unavailable` | by the server's words |
//! | P04 | LOGINDISABLED on 143 | – | as it should be: no word |
//! | P05 | XOAUTH2 only | `modern-authentication` |  |
//! | P06 | 143 greets, 993 not | `no-certificate` |  |
//! | P07 | greeting of another product | `gateway-answers` | of other mail servers only where Exchange is expected |
//! | P08 | client TLS too old | – | exchports speaks TLS 1.2 or better where it listens |
//! | P09 | CAPABILITY hangs | `silent` | possibly |
//! | H01 | 403 on 80 | `http-forbidden` |  |
//! | H02 | page on 80 | `http-without-tls` |  |
//! | H03 | redirect loop | `web-redirect-loop`, `web-redirect-to-cleartext` |  |
//! | H04 | 503 of http.sys | `web-server-error`, `http-server-error` | iis-stopped when it is all of them |
//! | H05 | 500 on one directory | `web-server-error` |  |
//! | H06 | 404 on one directory | `web-not-found` |  |
//! | H07 | 401 | – | as it should be: no word |
//! | H08 | 401 without X-FEServer | `pre-authentication` | possibly |
//! | H09 | 400 Invalid Hostname | `http-rejected` |  |
//! | H10 | healthcheck closed | `web-unhealthy` | possibly |
//! | H11 | healthcheck fine, 500 | `web-server-error` | the hint, where healthcheck.htm is fine |
//! | H12 | healthcheck of another server | `web-health-elsewhere` | and names-differ |
//! | H13 | tenant controls | – | comes after a sign-in |
//! | H14 | HTTP hangs | `silent` | the hint |
//! | H15 | Autodiscover on a web site | `web-anonymous` |  |
//! | H16 | EWS retired | – | comes after a sign-in |
//! | H17 | Basic on Exchange Online | `basic-authentication-online` |  |
//! | H18 | 200 without a sign-in | `web-anonymous` |  |
//! | A01 | StartTLS result 52 | `no-certificate` |  |
//! | A02 | StartTLS result 2 | `starttls-not-offered` | the hint |
//! | A03 | 636 closes at the ClientHello | `tls-closed-on-hello` | the hint |
//! | A04 | 636 open, 389 closed | `refused`, `filtered` | each port by itself |
//! | A05 | not Active Directory | `not-active-directory` |  |
//! | A06 | isSynchronized, isGlobalCatalogReady | `directory-not-ready`, `global-catalog-not-ready` |  |
//! | A07 | AD LDS | `not-active-directory` |  |
//! | A08 | operationsError | `ldap-error` | only the rootDSE is asked |
//! | A09 | strongerAuthRequired | – | comes with a bind, which is never made |
//! | A10 | confidentialityRequired | – | comes with a bind, which is never made |
//! | A11 | clock | `clock-differs` |  |
//! | R01 | refused, timeout | `refused`, `filtered` | the hint |
//! | R02 | failure 5 | `rdp-nla-required` | with `--audit` |
//! | R03 | failure 2 | `rdp-no-tls` |  |
//! | R04 | failure 3 | `no-certificate` |  |
//! | R05 | no negotiation | `rdp-no-tls` |  |
//! | R06 | NLA works | – | as it should be; forbidden-open where it must not be reachable |
//! | R07 | not TPKT | `not-the-protocol` |  |

use std::borrow::Cow;
use std::time::Duration;

use time::OffsetDateTime;

use super::Context;
use crate::catalog::{Certificates, Protocol, Security, Service, ServiceId};
use crate::facts::{
    CertificateFacts, HttpFacts, LdapFacts, PeerFacts, RdpFacts, SmtpFacts, Text, TlsFacts,
};
use crate::finding::{Code, Diagnosis, Severity};
use crate::observation::{Cause, Detour, Failure, Observation, Stage, State};
use crate::plan::Check;

mod certificate;
mod dialogue;
mod interception;
mod protocol;
mod reach;
mod starttls;
mod tls;
pub(super) mod web;

pub(super) use certificate::date;

/// A row of the rules: when a code holds, how bad that is, and what to say.
#[derive(Debug)]
pub struct Rule {
    /// What it is called.
    pub code: Code,
    /// How bad it is, where the evidence does not say otherwise.
    pub severity: Severity,
    /// What is the matter, in a few words, without a full stop.
    pub title: &'static str,
    /// What it means, in one to three sentences.
    pub meaning: &'static str,
    /// What to do next, where the evidence does not say otherwise: one or two sentences.
    pub hint: &'static str,
    /// Where that comes from.
    pub reference: &'static str,
    /// Whether it holds, and by what evidence.
    pub holds: fn(&Case<'_>) -> Option<Evidence>,
}

impl Rule {
    /// The diagnosis, if the rule holds.
    #[must_use]
    pub fn diagnose(&self, case: &Case<'_>) -> Option<Diagnosis> {
        let evidence = (self.holds)(case)?;
        Some(Diagnosis {
            code: self.code,
            severity: evidence.severity.unwrap_or(self.severity),
            message: evidence.message,
            hint: evidence
                .hint
                .unwrap_or(Cow::Borrowed(self.hint))
                .into_owned(),
        })
    }
}

/// All rules over one check, in their order.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [
        reach::RULES,
        dialogue::RULES,
        starttls::RULES,
        tls::RULES,
        interception::RULES,
        certificate::RULES,
        protocol::RULES,
        web::RULES,
    ]
    .into_iter()
    .flatten()
}

/// Why a rule holds.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What was seen.
    pub message: String,
    /// How bad it is here, where that differs from the rule's own word.
    pub severity: Option<Severity>,
    /// What to do next, where that differs from the rule's own words.
    pub hint: Option<Cow<'static, str>>,
}

impl Evidence {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            severity: None,
            hint: None,
        }
    }

    fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(Cow::Borrowed(hint));
        self
    }

    /// Another hint, where there is one.
    fn hint_if(mut self, hint: Option<&'static str>) -> Self {
        if let Some(hint) = hint {
            self.hint = Some(Cow::Borrowed(hint));
        }
        self
    }
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

            Cause::Silent => Code::Silent,
            Cause::Stalled => Code::Stalled,
            Cause::Closed => Code::ClosedEarly,
            Cause::Reset => Code::Reset,
            Cause::Flood => Code::Flood,
            Cause::NotTheProtocol => Code::NotTheProtocol,
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
            Cause::ClientCertificateRequired => Code::ClientCertificateRequired,

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
        self.tls()?.certificate.as_ref()
    }

    /// Whether the port accepted a connection.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.seen.state == Some(State::Open)
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
        (Stage::Connect | Stage::Greeting, _) => "after the connection was accepted",
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

#[cfg(test)]
mod tests {
    use crate::finding::Code;

    /// The table of known failures above names codes that exist, and every failure once.
    #[test]
    fn the_table_of_known_failures_holds() {
        let rows: Vec<Vec<&str>> = include_str!("mod.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! | "))
            .map(|row| row.split('|').map(str::trim).collect())
            .skip_while(|row: &Vec<&str>| row.first() != Some(&"D01"))
            .collect();
        assert_eq!(rows.len(), 132);
        for row in &rows {
            let [id, seen, codes, remark, ..] = row.as_slice() else {
                panic!("{row:?}");
            };
            assert!(!seen.is_empty(), "{id}");
            let same = rows.iter().filter(|other| other.first() == Some(id));
            assert_eq!(same.count(), 1, "{id}");
            if *codes == "–" {
                assert!(!remark.is_empty(), "{id} is left out without a reason");
                continue;
            }
            for code in codes.split(", ") {
                let word = code.trim_matches('`');
                assert!(Code::from_word(word).is_some(), "{id}: {word}");
            }
        }
    }
}
