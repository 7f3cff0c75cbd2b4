//! Which faults can be seen beside which: a conversation that ends early never comes to what would go wrong later.
//!
//! What counts is what a client sees that does what the port is for: TLS first where TLS has to come first, the protocol
//! in clear where that has to.

use super::faults::Fault;
use super::served::{is_served, port_of};
use super::staged::{FaultError, Staged};
use crate::catalog::{Role, ServiceId};

/// What a connection comes to, in order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Phase {
    Port,
    Accepted,
    /// The first byte: TLS, or the protocol.
    Opening,
    /// Before the greeting.
    Pause,
    Greeting,
    /// What is told in clear.
    Capabilities,
    /// STARTTLS, or what RDP has in its place.
    Upgrade,
    GoAhead,
    Handshake,
    Issuer,
    Dates,
    Names,
    /// What else the certificate has.
    Extensions,
    /// The client's certificate.
    Demand,
    /// What is told in the secure session.
    Answers,
    /// Every page of the web server.
    Site,
    /// One virtual directory.
    Directory,
}

/// Holds that every fault can be seen where somebody asked for it; one that was staged where it usually is must be
/// seen somewhere.
///
/// # Errors
///
/// The first that cannot, and what is in its way.
pub(super) fn check(staged: &[Staged], role: Role) -> Result<(), FaultError> {
    for fault in staged {
        let not_served = |service: ServiceId| (!is_served(role, service)).then_some(());
        if let Some((service, ())) = obstacle(fault, not_served) {
            return Err(FaultError::NotServed {
                fault: fault.fault(),
                role,
                service,
            });
        }
        let hidden = |service| {
            let mut others = staged.iter().map(|other| (other.fault(), other.services()));
            others
                .find(|(other, places)| hides(*other, places, fault.fault(), service))
                .map(|(other, _)| other)
        };
        if let Some((service, by)) = obstacle(fault, hidden) {
            return Err(FaultError::Hidden {
                fault: fault.fault(),
                by,
                service,
            });
        }
    }
    Ok(())
}

/// What keeps a fault from one of the services that were named with it, or from all of those that were not.
fn obstacle<T>(fault: &Staged, on: impl Fn(ServiceId) -> Option<T>) -> Option<(ServiceId, T)> {
    let is_usual = fault.services() == fault.fault().row().by_default;
    let mut services = fault.services().iter().copied();
    if is_usual && services.clone().any(|service| on(service).is_none()) {
        return None;
    }
    services.find_map(|service| on(service).map(|what| (service, what)))
}

/// Whether a fault on these services hides another on one service.
fn hides(by: Fault, places: &[ServiceId], fault: Fault, service: ServiceId) -> bool {
    let port = port_of(service);
    let is_there = places.contains(&service);
    // What ends a connection to 443 ends it for every directory behind that.
    let is_before = service
        .row()
        .behind
        .is_some_and(|front| places.contains(&front));
    if by == fault || !(is_there || is_before) {
        return false;
    }
    let at = if is_there { service } else { port };
    let (first, second) = (shows(by, at), shows(fault, service));
    let is_rival = first == second && !is_shared(first) && (by as usize) < (fault as usize);
    second > last(by, first) || is_rival
}

/// When a fault shows.
fn shows(fault: Fault, service: ServiceId) -> Phase {
    use ServiceId::{Imaps, Ldap, Pop3s, Submission};
    match fault {
        Fault::Refused => Phase::Port,
        Fault::ClosedEarly | Fault::Silent | Fault::NoLiveMember | Fault::ProxyHeaderMissing => {
            Phase::Accepted
        }
        Fault::ClientProxy | Fault::CleartextOnTlsPort | Fault::TlsOnCleartextPort => {
            Phase::Opening
        }
        Fault::NoCertificate if matches!(service, Imaps | Pop3s) => Phase::Opening,
        Fault::GreetingSlow => Phase::Pause,
        Fault::ServiceUnavailable | Fault::GreetingRejected | Fault::ProxyHeaderUnexpected => {
            Phase::Greeting
        }
        Fault::GreetingMasked => Phase::Capabilities,
        Fault::AuthNotOffered if service == Submission => Phase::Capabilities,
        Fault::DirectoryNotReady | Fault::ClockDiffers if service == Ldap => Phase::Capabilities,
        Fault::StarttlsNotOffered
        | Fault::StarttlsOverwritten
        | Fault::StarttlsRejected
        | Fault::NoCertificate
        | Fault::RdpNoTls
        | Fault::RdpNegotiationFailed => Phase::Upgrade,
        Fault::BytesInjected | Fault::RdpNlaRequired => Phase::GoAhead,
        Fault::TlsClosedOnHello
        | Fault::TlsNameNotRecognised
        | Fault::TlsVersionTooOld
        | Fault::TlsLegacySuites
        | Fault::TlsUnverified
        | Fault::TlsNoCommonCipher => Phase::Handshake,
        Fault::CertificateSelfSigned
        | Fault::CertificateUnknownIssuer
        | Fault::TlsInspected
        | Fault::CertificateMissingIntermediate => Phase::Issuer,
        Fault::CertificateExpired
        | Fault::CertificateExpiresSoon
        | Fault::CertificateNotYetValid
        | Fault::CertificateDiffers => Phase::Dates,
        Fault::CertificateUnproven | Fault::ConnectionsLimited => Phase::Extensions,
        Fault::CertificateWrongName => Phase::Names,
        Fault::ClientCertificateRequired | Fault::TlsBroken => Phase::Demand,
        Fault::AuthNotOffered
        | Fault::SignInImpossible
        | Fault::StarttlsInsideTls
        | Fault::DirectoryNotReady
        | Fault::ClockDiffers => Phase::Answers,
        Fault::ProxyAuthentication | Fault::CaptivePortal | Fault::HttpServerError => Phase::Site,
        Fault::WebServerError
        | Fault::WebThrottled
        | Fault::WebAnonymous
        | Fault::WebNotFound
        | Fault::MrsProxyOff
        | Fault::WebRestricted
        | Fault::WebRedirectLoop
        | Fault::ModernAuthenticationHalfOn
        | Fault::ExchangeOnlineThrottles
        | Fault::WebUnhealthy => Phase::Directory,
    }
}

/// The last that a connection with a fault comes to.
fn last(fault: Fault, shows: Phase) -> Phase {
    match (fault, shows) {
        // Their certificate is seen, and nothing behind it.
        (Fault::TlsVersionTooOld | Fault::TlsLegacySuites | Fault::TlsUnverified, _) => {
            Phase::Names
        }
        (
            _,
            Phase::Port
            | Phase::Accepted
            | Phase::Opening
            | Phase::Greeting
            | Phase::Upgrade
            | Phase::Handshake
            | Phase::Demand
            | Phase::Site,
        ) => shows,
        _ => Phase::Directory,
    }
}

/// Whether several faults can be seen at once there.
fn is_shared(moment: Phase) -> bool {
    matches!(moment, Phase::Capabilities | Phase::Answers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::FAULTS;

    fn checked(role: Role, typed: &[&str]) -> Result<(), String> {
        let staged: Vec<Staged> = typed
            .iter()
            .map(|text| Staged::parse(text).expect("a fault"))
            .collect();
        check(&staged, role).map_err(|error| error.to_string())
    }

    #[test]
    fn faults_that_can_be_seen_together_are_staged() {
        for typed in [
            &[
                "certificate-expired",
                "certificate-wrong-name",
                "certificate-self-signed",
            ][..],
            &["tls-version-too-old@imaps", "certificate-expired@imaps"],
            &["greeting-slow", "greeting-rejected"],
            &[
                "directory-not-ready@389",
                "clock-differs@389",
                "starttls-not-offered@389",
            ],
            &["bytes-injected@smtp", "certificate-expired@smtp"],
            &["greeting-masked@smtp", "starttls-overwritten@smtp"],
            &["web-not-found@owa", "web-throttled@ews"],
            &["certificate-expired@https", "web-not-found@owa"],
            &["silent@imap", "silent@smtp"],
            // Elsewhere it is seen.
            &["silent@imap", "certificate-expired"],
            &["silent@imap", "refused@smtp", "certificate-wrong-name"],
        ] {
            assert_eq!(checked(Role::Any, typed), Ok(()));
        }
        for row in FAULTS {
            assert_eq!(checked(Role::Any, &[row.name]), Ok(()));
        }
    }

    #[test]
    fn of_two_that_cannot_be_seen_together_both_are_named() {
        for (typed, by, fault) in [
            (["refused@imap", "silent@imap"], "refused", "silent"),
            (["silent@imap", "refused@imap"], "refused", "silent"),
            (["silent", "closed-early"], "closed-early", "silent"),
            (
                ["silent", "certificate-expired@imap"],
                "silent",
                "certificate-expired",
            ),
            (
                ["certificate-expired@imap", "certificate-not-yet-valid@imap"],
                "certificate-expired",
                "certificate-not-yet-valid",
            ),
            (
                [
                    "certificate-self-signed@smtp",
                    "certificate-missing-intermediate@smtp",
                ],
                "certificate-self-signed",
                "certificate-missing-intermediate",
            ),
            (
                ["bytes-injected@ldap", "no-certificate@ldap"],
                "no-certificate",
                "bytes-injected",
            ),
            (
                ["tls-version-too-old@imaps", "tls-no-common-cipher@imaps"],
                "tls-version-too-old",
                "tls-no-common-cipher",
            ),
            (
                [
                    "tls-legacy-suites@https",
                    "client-certificate-required@https",
                ],
                "tls-legacy-suites",
                "client-certificate-required",
            ),
            (
                ["rdp-no-tls", "rdp-nla-required"],
                "rdp-no-tls",
                "rdp-nla-required",
            ),
            (
                ["starttls-not-offered@imap", "certificate-expired@imap"],
                "starttls-not-offered",
                "certificate-expired",
            ),
            (
                ["web-server-error@owa", "web-not-found@owa"],
                "web-server-error",
                "web-not-found",
            ),
            (
                ["refused@https", "web-not-found@owa"],
                "refused",
                "web-not-found",
            ),
            (
                ["captive-portal@https", "web-not-found@owa"],
                "captive-portal",
                "web-not-found",
            ),
        ] {
            let said = checked(Role::Any, &typed).expect_err("no room");
            let start = format!("fault `{fault}` cannot be seen on ");
            assert!(said.starts_with(&start), "{typed:?}: {said}");
            assert!(
                said.contains(&format!("where `{by}` ")),
                "{typed:?}: {said}"
            );
        }
    }

    #[test]
    fn a_fault_where_its_role_serves_nothing_is_refused() {
        let said = checked(Role::Edge, &["silent@imap"]).expect_err("not served");
        assert_eq!(
            said,
            "fault `silent` cannot be staged on imap, which the role edge does not serve: only on smtp, rdp"
        );
        let said = checked(Role::Edge, &["web-not-found"]).expect_err("not served");
        assert!(
            said.ends_with("does not serve: nor any other service that can have it"),
            "{said}"
        );
        assert_eq!(checked(Role::Edge, &["certificate-expired"]), Ok(()));
        assert!(checked(Role::Published, &["web-not-found@powershell", "rdp-no-tls"]).is_err());
    }
}
