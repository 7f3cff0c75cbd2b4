//! The named faults: what can be wrong with the stand-in, and where.
//!
//! A fault bears the code that a check of it reports, so that `--fault NAME` and `explain NAME` speak of one thing.

use crate::catalog::{self, Group, Role, ServiceId};
use std::fmt;

/// A defect that the stand-in can be given.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Fault {
    /// Nobody listens on the port.
    Refused,
    /// The connection is accepted and closed at once.
    ClosedEarly,
    /// The connection is accepted, and nothing is ever said.
    Silent,
    /// 465 is Exchange's internal Client Proxy connector: SMTP in clear.
    ClientProxy,
    /// A port that has to begin with TLS speaks its protocol in clear.
    CleartextOnTlsPort,
    /// A port that has to begin in clear begins with TLS.
    TlsOnCleartextPort,
    /// SMTP greets after a pause.
    GreetingSlow,
    /// The service says that it is not available, and closes.
    ServiceUnavailable,
    /// SMTP greets with 554: it wants nothing of this client.
    GreetingRejected,
    /// Something on the way wrote asterisks over the greeting.
    GreetingMasked,
    /// STARTTLS is not among the capabilities.
    StarttlsNotOffered,
    /// Something on the way wrote `XXXXXXXA` over STARTTLS.
    StarttlsOverwritten,
    /// STARTTLS is offered, then rejected.
    StarttlsRejected,
    /// Bytes in clear follow the STARTTLS go-ahead.
    BytesInjected,
    /// The service has no certificate and says so.
    NoCertificate,
    /// The connection ends at the first word of TLS.
    TlsClosedOnHello,
    /// TLS knows no site of the name asked for.
    TlsNameNotRecognised,
    /// TLS 1.0 is all that is spoken.
    TlsVersionTooOld,
    /// TLS 1.2 is spoken with CBC suites only.
    TlsLegacySuites,
    /// TLS has nothing in common with anyone.
    TlsNoCommonCipher,
    /// TLS wants a certificate of the client.
    ClientCertificateRequired,
    /// The certificate has expired.
    CertificateExpired,
    /// The certificate is valid, but not for long.
    CertificateExpiresSoon,
    /// The certificate is not valid yet.
    CertificateNotYetValid,
    /// The certificate is signed by itself, as Exchange's own is.
    CertificateSelfSigned,
    /// The certificate comes from an authority that nobody was told of.
    CertificateUnknownIssuer,
    /// The certificate is made on the way, by a company's inspection.
    TlsInspected,
    /// The certificate is made out to the server's internal name.
    CertificateWrongName,
    /// The certificate is the one before the last renewal.
    CertificateDiffers,
    /// The intermediate certificate is not sent.
    CertificateMissingIntermediate,
    /// Remote desktop speaks its own old encryption only.
    RdpNoTls,
    /// Remote desktop refuses the negotiation.
    RdpNegotiationFailed,
    /// Remote desktop refuses clients without network level authentication.
    RdpNlaRequired,
    /// SMTP offers no way to sign in.
    AuthNotOffered,
    /// The domain controller says that it is not synchronized.
    DirectoryNotReady,
    /// The domain controller's clock is wrong.
    ClockDiffers,
    /// A proxy on the way wants credentials.
    ProxyAuthentication,
    /// The network wants a sign-in first.
    CaptivePortal,
    /// The web server answers 503.
    HttpServerError,
    /// The application pool of a virtual directory is stopped.
    WebServerError,
    /// A virtual directory answers 429.
    WebThrottled,
    /// A virtual directory is not there.
    WebNotFound,
    /// A virtual directory is closed to this network.
    WebRestricted,
    /// A virtual directory redirects to itself.
    WebRedirectLoop,
    /// Managed availability has taken a virtual directory out.
    WebUnhealthy,
}

/// A row of the table of faults.
#[derive(Debug)]
pub struct FaultRow {
    /// The fault.
    pub fault: Fault,
    /// Its name; the code that a check reports.
    pub name: &'static str,
    /// Where it can be staged, in the catalog's order.
    pub services: &'static [ServiceId],
    /// Where it is staged when no service is named with it.
    pub by_default: &'static [ServiceId],
    /// What happens, in one plain sentence.
    pub what: &'static str,
}

/// A fault and the services that have it: ports of their own, and virtual directories behind 443.
///
/// ```
/// use exchports::{catalog::ServiceId, simulate::Staged};
///
/// let staged = Staged::parse("certificate-expired@smtp,443").unwrap();
/// assert_eq!(staged.services(), [ServiceId::Smtp, ServiceId::Https]);
/// let staged = Staged::parse("web-server-error@owa").unwrap();
/// assert_eq!(staged.services(), [ServiceId::Owa]);
/// assert!(Staged::parse("certificate-expird").is_err());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Staged {
    fault: Fault,
    services: Vec<ServiceId>,
}

/// Why a fault cannot be staged as asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FaultError {
    /// No fault has that name.
    #[error("unknown fault `{name}`: {}", would_be_right(name))]
    UnknownFault {
        /// What was asked for.
        name: String,
    },
    /// No service has that name or port.
    #[error(
        "unknown service `{service}` for fault `{fault}`: it can be staged on {}",
        list(fault.row().services)
    )]
    UnknownService {
        /// The fault it was named with.
        fault: Fault,
        /// What was asked for.
        service: String,
    },
    /// The service exists, but cannot have this fault.
    #[error(
        "fault `{fault}` cannot be staged on {service}: only on {}",
        list(fault.row().services)
    )]
    ElsewhereOnly {
        /// The fault.
        fault: Fault,
        /// The service that cannot have it.
        service: ServiceId,
    },
    /// The role has nobody listening there.
    #[error(
        "fault `{fault}` cannot be staged on {service}, which the role {} does not serve: {}",
        role.as_str(),
        elsewhere(*fault, *role)
    )]
    NotServed {
        /// The fault.
        fault: Fault,
        /// The role.
        role: Role,
        /// The first service that is not served.
        service: ServiceId,
    },
    /// Another fault leaves no room for it.
    #[error(
        "fault `{fault}` cannot be seen on {service}, where `{by}` comes before it: leave one of them out, or stage one \
         elsewhere, as in NAME@SERVICE"
    )]
    NoRoom {
        /// The fault that nobody would see.
        fault: Fault,
        /// The fault that is seen.
        by: Fault,
        /// Where.
        service: ServiceId,
    },
}

use ServiceId::{
    Activesync, Autodiscover, Ecp, Ews, Http, Https, Imap, Imaps, Ldap, Ldaps, Mapi, Oab,
    OutlookAnywhere, Owa, Pop3, Pop3s, Powershell, Rdp, Smtp, Submission, Submissions,
};

const ALL: &[ServiceId] = &[
    Smtp,
    Http,
    Pop3,
    Imap,
    Ldap,
    Https,
    Submissions,
    Submission,
    Ldaps,
    Imaps,
    Pop3s,
    Rdp,
];
const SMTP: &[ServiceId] = &[Smtp, Submissions, Submission];
const MAIL: &[ServiceId] = &[Smtp, Pop3, Imap, Submissions, Submission, Imaps, Pop3s];
const WITH_CERTIFICATE: &[ServiceId] = &[
    Smtp,
    Pop3,
    Imap,
    Ldap,
    Https,
    Submissions,
    Submission,
    Ldaps,
    Imaps,
    Pop3s,
    Rdp,
];
/// Remote desktop is left out: its certificate is its own on every machine, and Windows asks for none in return.
const SHARED_CERTIFICATE: &[ServiceId] = &[
    Smtp,
    Pop3,
    Imap,
    Ldap,
    Https,
    Submissions,
    Submission,
    Ldaps,
    Imaps,
    Pop3s,
];
const IMPLICIT_TLS: &[ServiceId] = &[Https, Submissions, Ldaps, Imaps, Pop3s];
const STARTTLS: &[ServiceId] = &[Smtp, Pop3, Imap, Ldap, Submission];
const WEB: &[ServiceId] = &[
    Owa,
    Ecp,
    Ews,
    Mapi,
    Activesync,
    Autodiscover,
    OutlookAnywhere,
    Oab,
    Powershell,
];

/// All faults, in the order in which a connection meets them. Of two that cannot be seen together on one service only
/// one is staged there ([`FaultError::NoRoom`]); where a fault is staged by default, the upper one shows.
pub static FAULTS: &[FaultRow] = &[
    FaultRow {
        fault: Fault::Refused,
        name: "refused",
        services: ALL,
        by_default: ALL,
        what: "nobody listens on the port: the connection is refused",
    },
    FaultRow {
        fault: Fault::ClosedEarly,
        name: "closed-early",
        services: ALL,
        by_default: ALL,
        what: "the connection is accepted and closed before a word is said",
    },
    FaultRow {
        fault: Fault::Silent,
        name: "silent",
        services: ALL,
        by_default: ALL,
        what: "the connection is accepted, then nothing is ever said",
    },
    FaultRow {
        fault: Fault::ClientProxy,
        name: "client-proxy",
        services: &[Submissions],
        by_default: &[Submissions],
        what: "465 is Exchange's internal Client Proxy connector, which greets in clear instead of starting TLS",
    },
    FaultRow {
        fault: Fault::CleartextOnTlsPort,
        name: "cleartext-on-tls-port",
        services: IMPLICIT_TLS,
        by_default: IMPLICIT_TLS,
        what: "the port speaks its protocol in clear where TLS has to come first",
    },
    FaultRow {
        fault: Fault::TlsOnCleartextPort,
        name: "tls-on-cleartext-port",
        services: STARTTLS,
        by_default: STARTTLS,
        what: "the port waits for a TLS handshake where a conversation in clear has to come first",
    },
    FaultRow {
        fault: Fault::GreetingSlow,
        name: "greeting-slow",
        services: SMTP,
        by_default: SMTP,
        what: "SMTP greets after six seconds, as a tarpit or a slow name lookup makes it",
    },
    FaultRow {
        fault: Fault::ServiceUnavailable,
        name: "service-unavailable",
        services: MAIL,
        by_default: MAIL,
        what: "the service greets with 421 (IMAP: BYE, POP3: -ERR) and closes, as a server in maintenance does",
    },
    FaultRow {
        fault: Fault::GreetingRejected,
        name: "greeting-rejected",
        services: SMTP,
        by_default: SMTP,
        what: "SMTP greets with 554 and closes: the gateway does not want this client",
    },
    FaultRow {
        fault: Fault::GreetingMasked,
        name: "greeting-masked",
        services: &[Smtp, Submission],
        by_default: &[Smtp, Submission],
        what: "asterisks stand where the greeting was, as Cisco's inspection leaves it; everything else is as always",
    },
    FaultRow {
        fault: Fault::StarttlsNotOffered,
        name: "starttls-not-offered",
        services: STARTTLS,
        by_default: STARTTLS,
        what: "STARTTLS is missing from the capabilities and answered as an unknown command",
    },
    FaultRow {
        fault: Fault::StarttlsOverwritten,
        name: "starttls-overwritten",
        services: &[Smtp, Submission],
        by_default: &[Smtp, Submission],
        what: "XXXXXXXA stands where STARTTLS was, as Cisco's ESMTP inspection leaves it",
    },
    FaultRow {
        fault: Fault::StarttlsRejected,
        name: "starttls-rejected",
        services: STARTTLS,
        by_default: STARTTLS,
        what: "STARTTLS is offered and then rejected (SMTP 454, IMAP BAD, POP3 -ERR, LDAP operationsError)",
    },
    FaultRow {
        fault: Fault::BytesInjected,
        name: "bytes-injected",
        services: STARTTLS,
        by_default: STARTTLS,
        what: "bytes in clear follow the STARTTLS go-ahead in the same packet, as injected by someone on the way",
    },
    FaultRow {
        fault: Fault::NoCertificate,
        name: "no-certificate",
        services: &[Ldap, Imaps, Pop3s, Rdp],
        by_default: &[Ldap, Imaps, Pop3s, Rdp],
        what: "the service has no certificate and says so, each in its own way",
    },
    FaultRow {
        fault: Fault::TlsClosedOnHello,
        name: "tls-closed-on-hello",
        services: WITH_CERTIFICATE,
        by_default: WITH_CERTIFICATE,
        what: "the connection is closed at the ClientHello without an alert, as Windows does when no certificate is bound",
    },
    FaultRow {
        fault: Fault::TlsNameNotRecognised,
        name: "tls-name-not-recognised",
        services: WITH_CERTIFICATE,
        by_default: WITH_CERTIFICATE,
        what: "TLS ends with alert 112: there is no site of the name that the client asks for",
    },
    FaultRow {
        fault: Fault::TlsVersionTooOld,
        name: "tls-version-too-old",
        services: WITH_CERTIFICATE,
        by_default: WITH_CERTIFICATE,
        what: "TLS 1.0 is all that is spoken: newer clients get alert 70, old ones the certificate",
    },
    FaultRow {
        fault: Fault::TlsLegacySuites,
        name: "tls-legacy-suites",
        services: WITH_CERTIFICATE,
        by_default: WITH_CERTIFICATE,
        what: "TLS 1.2 is spoken with CBC suites only: clients without them get alert 40, others the certificate",
    },
    FaultRow {
        fault: Fault::TlsNoCommonCipher,
        name: "tls-no-common-cipher",
        services: WITH_CERTIFICATE,
        by_default: WITH_CERTIFICATE,
        what: "TLS ends with alert 40 for everyone: no cipher suite in common",
    },
    FaultRow {
        fault: Fault::ClientCertificateRequired,
        name: "client-certificate-required",
        services: SHARED_CERTIFICATE,
        by_default: SHARED_CERTIFICATE,
        what: "TLS wants a certificate of the client and ends without one",
    },
    FaultRow {
        fault: Fault::CertificateExpired,
        name: "certificate-expired",
        services: WITH_CERTIFICATE,
        by_default: WITH_CERTIFICATE,
        what: "the certificate expired three days ago",
    },
    FaultRow {
        fault: Fault::CertificateExpiresSoon,
        name: "certificate-expires-soon",
        services: WITH_CERTIFICATE,
        by_default: WITH_CERTIFICATE,
        what: "the certificate expires in ten days",
    },
    FaultRow {
        fault: Fault::CertificateNotYetValid,
        name: "certificate-not-yet-valid",
        services: WITH_CERTIFICATE,
        by_default: WITH_CERTIFICATE,
        what: "the certificate becomes valid in a week",
    },
    FaultRow {
        fault: Fault::CertificateSelfSigned,
        name: "certificate-self-signed",
        services: WITH_CERTIFICATE,
        by_default: WITH_CERTIFICATE,
        what: "the certificate is signed by itself, as the one that Exchange Setup makes",
    },
    FaultRow {
        fault: Fault::CertificateUnknownIssuer,
        name: "certificate-unknown-issuer",
        services: WITH_CERTIFICATE,
        by_default: WITH_CERTIFICATE,
        what: "the certificate comes from an authority that is not in the CA file",
    },
    FaultRow {
        fault: Fault::TlsInspected,
        name: "tls-inspected",
        services: SHARED_CERTIFICATE,
        by_default: SHARED_CERTIFICATE,
        what: "the certificate comes from Zscaler's authority, which is not in the CA file: inspection on the way",
    },
    FaultRow {
        fault: Fault::CertificateWrongName,
        name: "certificate-wrong-name",
        services: WITH_CERTIFICATE,
        by_default: WITH_CERTIFICATE,
        what: "the certificate is made out to the server's internal name only",
    },
    FaultRow {
        fault: Fault::CertificateDiffers,
        name: "certificate-differs",
        services: SHARED_CERTIFICATE,
        by_default: SMTP,
        what: "the service still has the certificate from before the last renewal, other services have the new one",
    },
    FaultRow {
        fault: Fault::CertificateMissingIntermediate,
        name: "certificate-missing-intermediate",
        services: SHARED_CERTIFICATE,
        by_default: SMTP,
        what: "the service does not send the intermediate certificate, other services do",
    },
    FaultRow {
        fault: Fault::RdpNoTls,
        name: "rdp-no-tls",
        services: &[Rdp],
        by_default: &[Rdp],
        what: "remote desktop allows its own old encryption only, not TLS",
    },
    FaultRow {
        fault: Fault::RdpNegotiationFailed,
        name: "rdp-negotiation-failed",
        services: &[Rdp],
        by_default: &[Rdp],
        what: "remote desktop refuses the negotiation with failure 6 (SSL_WITH_USER_AUTH_REQUIRED)",
    },
    FaultRow {
        fault: Fault::RdpNlaRequired,
        name: "rdp-nla-required",
        services: &[Rdp],
        by_default: &[Rdp],
        what: "remote desktop refuses clients that offer TLS alone with failure 5: network level authentication is required",
    },
    FaultRow {
        fault: Fault::AuthNotOffered,
        name: "auth-not-offered",
        services: &[Submissions, Submission],
        by_default: &[Submissions, Submission],
        what: "AUTH is missing from the capabilities, so nobody can sign in to send mail",
    },
    FaultRow {
        fault: Fault::DirectoryNotReady,
        name: "directory-not-ready",
        services: &[Ldap, Ldaps],
        by_default: &[Ldap, Ldaps],
        what: "the domain controller says that it is not synchronized (isSynchronized is FALSE)",
    },
    FaultRow {
        fault: Fault::ClockDiffers,
        name: "clock-differs",
        services: &[Ldap, Ldaps],
        by_default: &[Ldap, Ldaps],
        what: "the domain controller's clock is twenty minutes behind (currentTime)",
    },
    FaultRow {
        fault: Fault::ProxyAuthentication,
        name: "proxy-authentication",
        services: &[Http, Https],
        by_default: &[Http, Https],
        what: "a web proxy on the way answers 407 to everything: it wants credentials first",
    },
    FaultRow {
        fault: Fault::CaptivePortal,
        name: "captive-portal",
        services: &[Http, Https],
        by_default: &[Http, Https],
        what: "every page redirects to a sign-in page on another host, as guest networks do",
    },
    FaultRow {
        fault: Fault::HttpServerError,
        name: "http-server-error",
        services: &[Http, Https],
        by_default: &[Http, Https],
        what: "http.sys answers 503 because the application pool is stopped",
    },
    FaultRow {
        fault: Fault::WebServerError,
        name: "web-server-error",
        services: WEB,
        by_default: &[Owa],
        what: "http.sys answers 503 for the directory, because its application pool is stopped",
    },
    FaultRow {
        fault: Fault::WebThrottled,
        name: "web-throttled",
        services: WEB,
        by_default: &[Ews],
        what: "the directory answers 429: too many requests",
    },
    FaultRow {
        fault: Fault::WebNotFound,
        name: "web-not-found",
        services: WEB,
        by_default: &[Ecp, OutlookAnywhere],
        what: "the directory answers 404: it was removed, or is not published",
    },
    FaultRow {
        fault: Fault::WebRestricted,
        name: "web-restricted",
        services: WEB,
        by_default: &[Ecp],
        what: "the directory answers 403: it is closed to this network",
    },
    FaultRow {
        fault: Fault::WebRedirectLoop,
        name: "web-redirect-loop",
        services: WEB,
        by_default: &[Owa],
        what: "the directory redirects to itself, as a redirect does that was inherited from the site",
    },
    FaultRow {
        fault: Fault::WebUnhealthy,
        name: "web-unhealthy",
        services: WEB,
        by_default: &[Mapi],
        what: "healthcheck.htm is closed without an answer: managed availability has taken the directory out",
    },
];

impl FaultRow {
    /// Where it can be staged, and where it is when nobody says, in few words.
    #[must_use]
    pub fn places(&self) -> String {
        let left_out: Vec<ServiceId> = ALL
            .iter()
            .copied()
            .filter(|service| !self.services.contains(service))
            .collect();
        let places = match (self.services, left_out.as_slice()) {
            (WEB, _) => "the web group".to_owned(),
            (_, []) => "all twelve".to_owned(),
            (_, few) if few.len() <= 2 => format!("all twelve but {}", list(few)),
            (some, _) => list(some),
        };
        if self.by_default == self.services {
            places
        } else {
            format!("{places}; {} by default", list(self.by_default))
        }
    }
}

impl Fault {
    /// Whether only an audit sees it: it is the answer to a question that no client asks.
    #[must_use]
    pub fn is_for_audit(self) -> bool {
        self == Self::RdpNlaRequired
    }

    /// The row of this fault.
    #[must_use]
    pub fn row(self) -> &'static FaultRow {
        // INVARIANT: the rows stand in the order of the enum (tested below).
        &FAULTS[self as usize]
    }

    /// The fault's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// The fault of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        FAULTS
            .iter()
            .find(|row| row.name.eq_ignore_ascii_case(name))
            .map(|row| row.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Staged {
    /// A fault as it is typed: `NAME`, or `NAME@SERVICE,SERVICE` with services by id, alias or port, and `web` for all
    /// that live behind 443. A port means the service that listens there.
    ///
    /// # Errors
    ///
    /// When there is no such fault or service, or when the service cannot have the fault; each says what would be
    /// right.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let (name, services) = match text.split_once('@') {
            Some((name, services)) => (name.trim(), Some(services)),
            None => (text.trim(), None),
        };
        let fault = Fault::from_name(name).ok_or_else(|| FaultError::UnknownFault {
            name: name.escape_debug().to_string(),
        })?;
        let Some(services) = services else {
            return Ok(Self::by_default(fault));
        };
        let mut named = Vec::new();
        for word in services.split(',').map(str::trim) {
            if word.eq_ignore_ascii_case("web") {
                named.extend_from_slice(WEB);
            } else {
                named.push(service_of(word).ok_or_else(|| FaultError::UnknownService {
                    fault,
                    service: word.escape_debug().to_string(),
                })?);
            }
        }
        Self::on(fault, named)
    }

    /// A fault where it is staged when nobody says where.
    #[must_use]
    pub fn by_default(fault: Fault) -> Self {
        Self {
            fault,
            services: fault.row().by_default.to_vec(),
        }
    }

    /// A fault on some services.
    ///
    /// # Errors
    ///
    /// When one of them cannot have it.
    pub fn on(fault: Fault, services: Vec<ServiceId>) -> Result<Self, FaultError> {
        match services
            .iter()
            .find(|service| !fault.row().services.contains(service))
        {
            Some(&service) => Err(FaultError::ElsewhereOnly { fault, service }),
            None => Ok(Self { fault, services }),
        }
    }

    /// The fault.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// Where it is staged.
    #[must_use]
    pub fn services(&self) -> &[ServiceId] {
        &self.services
    }
}

/// A service by id, alias or port; the port that web services share is 443's own.
fn service_of(word: &str) -> Option<ServiceId> {
    let port = word.parse::<u16>().ok();
    catalog::all()
        .find(|row| {
            row.name.eq_ignore_ascii_case(word)
                || row
                    .aliases
                    .iter()
                    .any(|alias| alias.eq_ignore_ascii_case(word))
                || (row.group == Group::Port && port == Some(row.port))
        })
        .map(|row| row.id)
}

/// Where a fault can be staged in a role.
fn elsewhere(fault: Fault, role: Role) -> String {
    let mut services = fault.row().services.to_vec();
    services.retain(|service| super::is_served(role, *service));
    if services.is_empty() {
        "nor any other service that can have it".to_owned()
    } else {
        format!("only on {}", list(&services))
    }
}

fn list(services: &[ServiceId]) -> String {
    let names: Vec<&str> = services.iter().map(|service| service.row().name).collect();
    names.join(", ")
}

/// The nearest name, or all of them when none is near.
fn would_be_right(name: &str) -> String {
    let nearest = FAULTS
        .iter()
        .map(|row| (distance(name, row.name), row.name))
        .min();
    match nearest {
        Some((edits, nearest)) if edits <= nearest.len() / 3 => {
            format!("did you mean `{nearest}`?")
        }
        _ => {
            let names: Vec<&str> = FAULTS.iter().map(|row| row.name).collect();
            format!("there are {}", names.join(", "))
        }
    }
}

/// Levenshtein's distance in bytes; both words are short.
fn distance(typed: &str, name: &str) -> usize {
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, a) in typed.bytes().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (b, above) in name.bytes().zip(row.iter_mut().skip(1)) {
            let best = (diagonal + usize::from(a != b))
                .min(left + 1)
                .min(*above + 1);
            diagonal = std::mem::replace(above, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enum() {
        for (index, row) in FAULTS.iter().enumerate() {
            assert_eq!(row.fault as usize, index, "{}", row.name);
            assert!(!row.by_default.is_empty(), "{}", row.name);
            for services in [row.services, row.by_default] {
                assert!(services.is_sorted(), "{}", row.name);
            }
            for service in row.by_default {
                assert!(row.services.contains(service), "{}: {service}", row.name);
            }
        }
    }

    #[test]
    fn places_are_told_in_few_words() {
        for (fault, places) in [
            (Fault::Refused, "all twelve"),
            (Fault::CertificateExpired, "all twelve but http"),
            (
                Fault::CertificateDiffers,
                "all twelve but http, rdp; smtp, submissions, submission by default",
            ),
            (Fault::AuthNotOffered, "submissions, submission"),
            (Fault::WebServerError, "the web group; owa by default"),
        ] {
            assert_eq!(fault.row().places(), places);
        }
    }

    #[test]
    fn web_is_the_catalog_s_web_group() {
        assert!(
            catalog::WEB
                .iter()
                .map(|row| row.id)
                .eq(WEB.iter().copied())
        );
    }

    #[test]
    fn a_name_alone_means_where_it_is_usual() {
        let staged = Staged::parse(" Certificate-Expired ").expect("a fault");
        assert_eq!(staged, Staged::by_default(Fault::CertificateExpired));
        assert_eq!(staged.services().len(), 11);
        let staged = Staged::parse("web-not-found").expect("a fault");
        assert_eq!(staged.services(), [Ecp, OutlookAnywhere]);
    }

    #[test]
    fn web_services_are_taken_by_id_alias_and_group() {
        let staged = Staged::parse("web-unhealthy@eas,OWA").expect("a fault");
        assert_eq!(staged.services(), [Activesync, Owa]);
        let staged = Staged::parse("web-unhealthy@Web").expect("a fault");
        assert_eq!(staged.services(), WEB);
    }

    #[test]
    fn services_are_taken_by_id_alias_and_port() {
        let staged = Staged::parse("silent@smtps, 3389,imap4").expect("a fault");
        assert_eq!(staged.services(), [Submissions, Rdp, Imap]);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        let said = |text| Staged::parse(text).expect_err("no fault").to_string();
        assert_eq!(
            said("certificate-expird"),
            "unknown fault `certificate-expird`: did you mean `certificate-expired`?"
        );
        assert!(said("").starts_with("unknown fault ``: there are refused, closed-early, silent,"));
        assert!(
            said("gremlins\u{1b}[2J@smtp").starts_with("unknown fault `gremlins\\u{1b}[2J`: there")
        );
        assert_eq!(
            said("rdp-no-tls@desk"),
            "unknown service `desk` for fault `rdp-no-tls`: it can be staged on rdp"
        );
        assert_eq!(
            said("starttls-overwritten@imap"),
            "fault `starttls-overwritten` cannot be staged on imap: only on smtp, submission"
        );
        assert!(said("silent@").starts_with("unknown service `` for fault `silent`"));
        assert!(
            said("refused@web").starts_with("fault `refused` cannot be staged on owa: only on")
        );
        assert!(
            said("web-server-error@443").starts_with(
                "fault `web-server-error` cannot be staged on https: only on owa, ecp,"
            )
        );
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("silent", "silent"), 0);
        assert_eq!(distance("", "silent"), 6);
        assert_eq!(distance("slient", "silent"), 2);
        assert_eq!(distance("refuse", "refused"), 1);
    }
}
