//! The named faults: what can be wrong with the stand-in, and where.
//!
//! A fault bears the code that a check of it reports, so that `--fault NAME` and `explain NAME` speak of one thing.

use crate::catalog::ServiceId;
use std::fmt;

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

use ServiceId::{
    Activesync, Autodiscover, Ecp, Ews, Http, Https, Imap, Imaps, Ldap, Ldaps, Mapi, Mrsproxy, Oab,
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
pub(super) const WEB: &[ServiceId] = &[
    Owa,
    Ecp,
    Ews,
    Mapi,
    Activesync,
    Autodiscover,
    OutlookAnywhere,
    Oab,
    Powershell,
    Mrsproxy,
];

/// Those of [`WEB`] that are a virtual directory of their own.
const DIRECTORIES: &[ServiceId] = &[
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

/// The enum and its rows, in one order, from one list.
macro_rules! faults {
    ($($fault:ident = $name:literal on $services:expr $(, by default $usual:expr)? => $what:literal,)*) => {
        /// A defect that the stand-in can be given.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum Fault {
            $(#[doc = concat!("`", $name, "`")] $fault,)*
        }

        /// All faults, in the order in which a connection meets them. Of two that cannot be seen together on one
        /// service only one is staged there ([`FaultError::Hidden`](super::FaultError::Hidden)); where a fault is staged by default, the upper one
        /// shows.
        pub static FAULTS: &[FaultRow] = &[$(FaultRow {
            fault: Fault::$fault,
            name: $name,
            services: $services,
            by_default: faults!(@usual $services $(, $usual)?),
            what: $what,
        }),*];
    };
    (@usual $services:expr) => { $services };
    (@usual $services:expr, $usual:expr) => { $usual };
}

faults! {
    Refused = "refused" on ALL => "nothing listens on the port: the connection is refused",
    ClosedEarly = "closed-early" on ALL => "the connection is accepted and closed before anything is sent",
    Silent = "silent" on ALL => "the connection is accepted, then nothing is ever sent",
    NoLiveMember = "no-live-member" on ALL =>
        "every connection is accepted and closed, as by a load balancer without a live member",
    ProxyHeaderMissing = "proxy-header-missing" on ALL =>
        "the port waits for a PROXY header: silent without one, and closed if anything else is sent",
    ConnectionsLimited = "connections-limited" on MAIL, by default &[Imaps] =>
        "a connection is turned away as one too many; the next within ten seconds is accepted",
    ClientProxy = "client-proxy" on &[Submissions] =>
        "465 is Exchange's internal Client Proxy connector, which greets in clear instead of starting TLS",
    CleartextOnTlsPort = "cleartext-on-tls-port" on IMPLICIT_TLS =>
        "the port speaks its protocol in clear where TLS has to come first",
    TlsOnCleartextPort = "tls-on-cleartext-port" on STARTTLS =>
        "the port waits for a TLS handshake where a conversation in clear has to come first",
    GreetingSlow = "greeting-slow" on SMTP =>
        "SMTP greets after six seconds, as with a tarpit or a slow name lookup",
    ServiceUnavailable = "service-unavailable" on MAIL =>
        "the service greets with 421 (IMAP: BYE, POP3: -ERR) and closes, as a server in maintenance does",
    GreetingRejected = "greeting-rejected" on SMTP =>
        "SMTP greets with 554 and closes: the gateway does not accept this client",
    ProxyHeaderUnexpected = "proxy-header-unexpected" on &[Smtp, Pop3, Imap, Submission] =>
        "an error follows the greeting, as if a load balancer had sent a PROXY header",
    GreetingMasked = "greeting-masked" on &[Smtp, Submission] =>
        "asterisks replace the greeting, as with Cisco's inspection; everything else is normal",
    StarttlsNotOffered = "starttls-not-offered" on STARTTLS =>
        "STARTTLS is missing from the capabilities and answered as an unknown command",
    StarttlsOverwritten = "starttls-overwritten" on &[Smtp, Submission] =>
        "XXXXXXXA replaces STARTTLS, as with Cisco's ESMTP inspection",
    StarttlsRejected = "starttls-rejected" on STARTTLS =>
        "STARTTLS is offered and then rejected (SMTP 454, IMAP BAD, POP3 -ERR, LDAP operationsError)",
    BytesInjected = "bytes-injected" on STARTTLS =>
        "bytes in clear follow the STARTTLS go-ahead in the same packet, as if somebody on the way had injected them",
    NoCertificate = "no-certificate" on &[Ldap, Imaps, Pop3s, Rdp] =>
        "the service has no certificate and says so, each in its own way",
    TlsClosedOnHello = "tls-closed-on-hello" on WITH_CERTIFICATE =>
        "the connection is closed at the ClientHello without an alert, as Windows does when no certificate is bound",
    TlsNameNotRecognised = "tls-name-not-recognised" on WITH_CERTIFICATE =>
        "TLS ends with alert 112: there is no site for the name that the client asks for",
    TlsVersionTooOld = "tls-version-too-old" on WITH_CERTIFICATE =>
        "only TLS 1.0 is spoken: newer clients get alert 70, old ones the certificate",
    TlsLegacySuites = "tls-legacy-suites" on WITH_CERTIFICATE =>
        "TLS 1.2 is spoken, but only with CBC suites: clients without them get alert 40, others the certificate",
    TlsNoCommonCipher = "tls-no-common-cipher" on WITH_CERTIFICATE =>
        "TLS ends with alert 40 for everyone: no cipher suite in common",
    TlsUnverified = "tls-unverified" on WITH_CERTIFICATE =>
        "TLS 1.2 is spoken, but only with the group x448, which this client does not support: it gets alert 40",
    ClientCertificateRequired = "client-certificate-required" on SHARED_CERTIFICATE =>
        "TLS requires a client certificate and ends without one",
    CertificateExpired = "certificate-expired" on WITH_CERTIFICATE => "the certificate expired three days ago",
    CertificateExpiresSoon = "certificate-expires-soon" on WITH_CERTIFICATE => "the certificate expires in ten days",
    CertificateNotYetValid = "certificate-not-yet-valid" on WITH_CERTIFICATE =>
        "the certificate becomes valid in a week",
    CertificateSelfSigned = "certificate-self-signed" on WITH_CERTIFICATE =>
        "the certificate is self-signed, like the one that Exchange Setup makes",
    CertificateUnknownIssuer = "certificate-unknown-issuer" on WITH_CERTIFICATE =>
        "the certificate comes from an authority that is not in the CA file",
    TlsInspected = "tls-inspected" on SHARED_CERTIFICATE =>
        "the certificate comes from Zscaler's authority, which is not in the CA file: inspection on the way",
    CertificateUnproven = "certificate-unproven" on SHARED_CERTIFICATE =>
        "the certificate is marked as an authority's own (CA:TRUE), which some clients accept and some do not",
    CertificateWrongName = "certificate-wrong-name" on WITH_CERTIFICATE =>
        "the certificate is issued for the server's internal name only",
    CertificateDiffers = "certificate-differs" on SHARED_CERTIFICATE, by default SMTP =>
        "the service still has the certificate from before the last renewal, other services have the new one",
    CertificateMissingIntermediate = "certificate-missing-intermediate" on SHARED_CERTIFICATE, by default SMTP =>
        "the service does not send the intermediate certificate, other services do",
    TlsBroken = "tls-broken" on SHARED_CERTIFICATE =>
        "TLS works, but then cleartext comes within the session, as from a proxy that gives up",
    RdpNoTls = "rdp-no-tls" on &[Rdp] => "remote desktop allows only its own old encryption, not TLS",
    RdpNegotiationFailed = "rdp-negotiation-failed" on &[Rdp] =>
        "remote desktop refuses the negotiation with failure 6 (SSL_WITH_USER_AUTH_REQUIRED)",
    RdpNlaRequired = "rdp-nla-required" on &[Rdp] =>
        "remote desktop refuses clients that offer TLS alone with failure 5: network level authentication is required",
    AuthNotOffered = "auth-not-offered" on &[Submissions, Submission] =>
        "AUTH is missing from the capabilities, so nobody can sign in to send mail",
    SignInImpossible = "sign-in-impossible" on &[Pop3, Imap, Imaps, Pop3s] =>
        "the secure session offers STARTTLS again and no way to sign in, as behind a load balancer that terminates \
         TLS",
    StarttlsInsideTls = "starttls-inside-tls" on MAIL =>
        "the secure session offers STARTTLS again: the server does not know about the TLS in front of it",
    DirectoryNotReady = "directory-not-ready" on &[Ldap, Ldaps] =>
        "the domain controller says that it is not synchronized (isSynchronized is FALSE)",
    ClockDiffers = "clock-differs" on &[Ldap, Ldaps] =>
        "the domain controller's clock is twenty minutes behind (currentTime)",
    ProxyAuthentication = "proxy-authentication" on &[Http, Https] =>
        "a web proxy on the way answers 407 to everything: it requires credentials first",
    CaptivePortal = "captive-portal" on &[Http, Https] =>
        "every page redirects to a sign-in page on another host, as guest networks do",
    HttpServerError = "http-server-error" on &[Http, Https] =>
        "http.sys answers 503 because the application pool is stopped",
    WebServerError = "web-server-error" on WEB, by default &[Owa] =>
        "http.sys answers 503 for the directory, because its application pool is stopped",
    WebThrottled = "web-throttled" on WEB, by default &[Ews] => "the directory answers 429: too many requests",
    WebAnonymous = "web-anonymous" on WEB, by default &[Owa, Ews] =>
        "the directory answers 200 with a page that is not Exchange's, as from a web server that accepts every path",
    WebNotFound = "web-not-found" on DIRECTORIES, by default &[Ecp, OutlookAnywhere] =>
        "the directory answers 404: it was removed, or is not published",
    MrsProxyOff = "mrs-proxy-off" on &[Mrsproxy] =>
        "EWS answers 404 for mrsproxy.svc: the MRS proxy is off, as it is by default",
    WebRestricted = "web-restricted" on DIRECTORIES, by default &[Ecp] =>
        "the directory answers 403: it is closed to this network",
    WebRedirectLoop = "web-redirect-loop" on DIRECTORIES, by default &[Owa] =>
        "the directory redirects to itself, as if it had inherited a redirect from the site",
    ModernAuthenticationHalfOn = "modern-authentication-half-on"
        on &[Ews, Mapi, Activesync, Autodiscover, Oab], by default &[Oab] =>
        "the directory offers no Bearer, others do: modern authentication is half on",
    ExchangeOnlineThrottles = "exchange-online-throttles" on &[Owa, Ecp] =>
        "the build is Exchange 2019 CU15 with the September 2025 HU, from which Exchange Online accepts less and \
         less mail",
    WebUnhealthy = "web-unhealthy" on DIRECTORIES, by default &[Mapi] =>
        "healthcheck.htm is closed without an answer: managed availability has taken the directory out",
}

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
        matches!(
            self,
            Self::RdpNlaRequired | Self::ModernAuthenticationHalfOn
        )
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

pub(super) fn list(services: &[ServiceId]) -> String {
    let names: Vec<&str> = services.iter().map(|service| service.row().name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

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
}
