//! The named faults: what can be wrong with the stand-in, and where.
//!
//! A fault bears the code that a check of it reports, so that `--fault NAME` and `explain NAME` speak of one thing.

use crate::catalog::{SERVICES, ServiceId};
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
    /// The service says that it is not available, and closes.
    ServiceUnavailable,
    /// 465 is Exchange's internal Client Proxy connector: SMTP in clear.
    ClientProxy,
    /// A port that has to begin with TLS speaks its protocol in clear.
    CleartextOnTlsPort,
    /// A port that has to begin in clear begins with TLS.
    TlsOnCleartextPort,
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
    /// The certificate is made out to the server's internal name.
    CertificateWrongName,
    /// The web server answers 503.
    HttpServerError,
    /// Remote desktop speaks its own old encryption only.
    RdpNoTls,
}

/// A row of the table of faults.
#[derive(Debug)]
pub struct FaultRow {
    /// The fault.
    pub fault: Fault,
    /// Its name; the code that a check reports.
    pub name: &'static str,
    /// Where it can be staged, and is, when no service is named with it.
    pub services: &'static [ServiceId],
    /// What happens, in one plain sentence.
    pub what: &'static str,
}

/// A fault and the services that have it.
///
/// ```
/// use exchports::{catalog::ServiceId, simulate::Staged};
///
/// let staged = Staged::parse("certificate-expired@smtp,443").unwrap();
/// assert_eq!(staged.services(), [ServiceId::Smtp, ServiceId::Https]);
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
}

use ServiceId::{
    Http, Https, Imap, Imaps, Ldap, Ldaps, Pop3, Pop3s, Rdp, Smtp, Submission, Submissions,
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
const IMPLICIT_TLS: &[ServiceId] = &[Https, Submissions, Ldaps, Imaps, Pop3s];
const STARTTLS: &[ServiceId] = &[Smtp, Pop3, Imap, Ldap, Submission];

/// All faults, in the order in which a connection meets them: of two faults that exclude each other on one service,
/// the upper one shows.
pub static FAULTS: &[FaultRow] = &[
    FaultRow {
        fault: Fault::Refused,
        name: "refused",
        services: ALL,
        what: "nobody listens on the port: the connection is refused",
    },
    FaultRow {
        fault: Fault::ClosedEarly,
        name: "closed-early",
        services: ALL,
        what: "the connection is accepted and closed before a word is said",
    },
    FaultRow {
        fault: Fault::Silent,
        name: "silent",
        services: ALL,
        what: "the connection is accepted, then nothing is ever said",
    },
    FaultRow {
        fault: Fault::ServiceUnavailable,
        name: "service-unavailable",
        services: MAIL,
        what: "the service greets with 421 (IMAP: BYE, POP3: -ERR) and closes, as a server in maintenance does",
    },
    FaultRow {
        fault: Fault::ClientProxy,
        name: "client-proxy",
        services: &[Submissions],
        what: "465 is Exchange's internal Client Proxy connector, which greets in clear instead of starting TLS",
    },
    FaultRow {
        fault: Fault::CleartextOnTlsPort,
        name: "cleartext-on-tls-port",
        services: IMPLICIT_TLS,
        what: "the port speaks its protocol in clear where TLS has to come first",
    },
    FaultRow {
        fault: Fault::TlsOnCleartextPort,
        name: "tls-on-cleartext-port",
        services: STARTTLS,
        what: "the port waits for a TLS handshake where a conversation in clear has to come first",
    },
    FaultRow {
        fault: Fault::StarttlsNotOffered,
        name: "starttls-not-offered",
        services: STARTTLS,
        what: "STARTTLS is missing from the capabilities and answered as an unknown command",
    },
    FaultRow {
        fault: Fault::StarttlsOverwritten,
        name: "starttls-overwritten",
        services: &[Smtp, Submission],
        what: "XXXXXXXA stands where STARTTLS was, as Cisco's ESMTP inspection leaves it",
    },
    FaultRow {
        fault: Fault::StarttlsRejected,
        name: "starttls-rejected",
        services: &[Smtp, Pop3, Imap, Submission],
        what: "STARTTLS is offered and then rejected (SMTP 454, IMAP BAD, POP3 -ERR)",
    },
    FaultRow {
        fault: Fault::BytesInjected,
        name: "bytes-injected",
        services: STARTTLS,
        what: "bytes in clear follow the STARTTLS go-ahead in the same packet, as injected by someone on the way",
    },
    FaultRow {
        fault: Fault::NoCertificate,
        name: "no-certificate",
        services: &[Ldap, Imaps, Pop3s, Rdp],
        what: "the service has no certificate and says so, each in its own way",
    },
    FaultRow {
        fault: Fault::CertificateExpired,
        name: "certificate-expired",
        services: WITH_CERTIFICATE,
        what: "the certificate expired three days ago",
    },
    FaultRow {
        fault: Fault::CertificateExpiresSoon,
        name: "certificate-expires-soon",
        services: WITH_CERTIFICATE,
        what: "the certificate expires in ten days",
    },
    FaultRow {
        fault: Fault::CertificateNotYetValid,
        name: "certificate-not-yet-valid",
        services: WITH_CERTIFICATE,
        what: "the certificate becomes valid in a week",
    },
    FaultRow {
        fault: Fault::CertificateSelfSigned,
        name: "certificate-self-signed",
        services: WITH_CERTIFICATE,
        what: "the certificate is signed by itself, as the one that Exchange Setup makes",
    },
    FaultRow {
        fault: Fault::CertificateUnknownIssuer,
        name: "certificate-unknown-issuer",
        services: WITH_CERTIFICATE,
        what: "the certificate comes from an authority that is not in the CA file",
    },
    FaultRow {
        fault: Fault::CertificateWrongName,
        name: "certificate-wrong-name",
        services: WITH_CERTIFICATE,
        what: "the certificate is made out to the server's internal name only",
    },
    FaultRow {
        fault: Fault::HttpServerError,
        name: "http-server-error",
        services: &[Http, Https],
        what: "http.sys answers 503 because the application pool is stopped",
    },
    FaultRow {
        fault: Fault::RdpNoTls,
        name: "rdp-no-tls",
        services: &[Rdp],
        what: "remote desktop allows its own old encryption only, not TLS",
    },
];

impl Fault {
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
    /// A fault as it is typed: `NAME`, or `NAME@SERVICE,SERVICE` with services by id, alias or port.
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
            return Ok(Self::everywhere(fault));
        };
        let services: Vec<ServiceId> = services
            .split(',')
            .map(|word| {
                service_of(word.trim()).ok_or_else(|| FaultError::UnknownService {
                    fault,
                    service: word.trim().escape_debug().to_string(),
                })
            })
            .collect::<Result<_, _>>()?;
        Self::on(fault, services)
    }

    /// A fault on every service that can have it.
    #[must_use]
    pub fn everywhere(fault: Fault) -> Self {
        Self {
            fault,
            services: fault.row().services.to_vec(),
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

/// A service by id, alias or port.
fn service_of(word: &str) -> Option<ServiceId> {
    let port = word.parse::<u16>().ok();
    SERVICES
        .iter()
        .find(|row| {
            row.name.eq_ignore_ascii_case(word)
                || row
                    .aliases
                    .iter()
                    .any(|alias| alias.eq_ignore_ascii_case(word))
                || port == Some(row.port)
        })
        .map(|row| row.id)
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
            assert!(!row.services.is_empty(), "{}", row.name);
            assert!(row.services.is_sorted(), "{}", row.name);
        }
    }

    #[test]
    fn a_name_alone_means_everywhere() {
        let staged = Staged::parse(" Certificate-Expired ").expect("a fault");
        assert_eq!(staged, Staged::everywhere(Fault::CertificateExpired));
        assert_eq!(staged.services().len(), 11);
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
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("silent", "silent"), 0);
        assert_eq!(distance("", "silent"), 6);
        assert_eq!(distance("slient", "silent"), 2);
        assert_eq!(distance("refuse", "refused"), 1);
    }
}
