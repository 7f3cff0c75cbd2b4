//! Rules on certificates: all defects at once, each as bad as it is on that service.
//!
//! Where clients check the certificate a defect keeps them away. On 25, on 3389 and on Exchange's Client Proxy
//! connector nobody checks it, and a self-signed one is normal.

use crate::judge::quoting::date;
use time::{Duration, OffsetDateTime};

use super::case::Case;
use super::interception::is_inspected_for_sure;
use super::rule::CheckRule;
use crate::catalog::{Protocol, Role};
use crate::facts::{CertificateFacts, ChainLink, KeyFacts, SignatureStrength, Text, TrustDefect};
use crate::finding::{Code, Severity};
use crate::judge::quoting::{days_until, list, quote};
use crate::judge::rule::Evidence;
use crate::plan::{CertDays, Host};

pub(super) const RULES: &[CheckRule] = &[
    CheckRule {
        code: Code::CertificateExpired,
        holds: expired,
    },
    CheckRule {
        code: Code::CertificateNotYetValid,
        holds: not_yet_valid,
    },
    CheckRule {
        code: Code::CertificateSelfSigned,
        holds: self_signed,
    },
    CheckRule {
        code: Code::CertificateUnknownIssuer,
        holds: unknown_issuer,
    },
    CheckRule {
        code: Code::CertificateMissingIntermediate,
        holds: missing_intermediate,
    },
    CheckRule {
        code: Code::CertificateWrongName,
        holds: wrong_name,
    },
    CheckRule {
        code: Code::CertificateInvalidPurpose,
        holds: |case| {
            let certificate = case.certificate()?;
            has(certificate, |defect| {
                matches!(defect, TrustDefect::InvalidPurpose)
            })
            .then(|| {
                checked(
                    case,
                    "the certificate is not meant for servers (extended key usage)",
                )
            })
        },
    },
    CheckRule {
        code: Code::CertificateWeakKey,
        holds: weak_key,
    },
    CheckRule {
        code: Code::CertificateUntrusted,
        holds: |case| {
            let words: Vec<&Text> = case
                .certificate()?
                .trust
                .defects
                .iter()
                .filter_map(|defect| match defect {
                    TrustDefect::Other(words) => Some(words),
                    _ => None,
                })
                .collect();
            let first = *words.first()?;
            let more = match words.len() {
                1 => String::new(),
                several => format!(", and {} more", several - 1),
            };
            Some(checked(
                case,
                format!("the certificate is not acceptable: {}{more}", quote(first)),
            ))
        },
    },
    CheckRule {
        code: Code::CertificateUnproven,
        holds: |case| {
            let mut defects = case.certificate()?.trust.defects.iter();
            let why = defects.find_map(|defect| match defect {
                TrustDefect::Unproven(words) => Some(words),
                _ => None,
            })?;
            Some(checked(
                case,
                format!("the certificate cannot be checked here: {}", quote(why)),
            ))
        },
    },
    CheckRule {
        code: Code::CertificateExpiresSoon,
        holds: expires_soon,
    },
    CheckRule {
        code: Code::CertificateWeakSignature,
        holds: weak_signature,
    },
];

fn weak_key(case: &Case<'_>) -> Option<Evidence> {
    let short = |key: &KeyFacts| {
        key.bits
            .filter(|bits| *bits < 2048 && matches!(key.algorithm.as_str(), "RSA" | "RSASSA-PSS"))
    };
    let own = short(&case.certificate()?.key)
        .map(|bits| format!("the certificate's RSA key has {bits} bits"));
    let above = intermediates(case)
        .filter_map(|link| Some((link, short(link.key.as_ref()?)?)))
        .map(|(link, bits)| {
            format!(
                "the RSA key of the intermediate {} has {bits} bits",
                quote(&link.subject)
            )
        });
    weak(own, above)
}

fn weak_signature(case: &Case<'_>) -> Option<Evidence> {
    let certificate = case.certificate()?;
    let own = (certificate.signature_strength == SignatureStrength::Weak)
        .then(|| format!("the certificate is signed with {}", certificate.signature));
    let above = intermediates(case)
        // Nobody asks how a root is signed: it is trusted for itself.
        .filter(|link| link.subject != link.issuer)
        .filter_map(|link| Some((link, link.signature.as_ref()?)))
        .filter(|(_, (_, strength))| *strength == SignatureStrength::Weak)
        .map(|(link, (name, _))| {
            format!(
                "the intermediate {} is signed with {name}",
                quote(&link.subject)
            )
        });
    let evidence = weak(own, above)?;
    Some(if case.is_certificate_unchecked() {
        evidence.hint("No action is needed: the signature is not checked here.")
    } else {
        evidence
    })
}

/// What is weak, the server's own first. What an authority's own certificate lacks, another one of the server's does not
/// give.
fn weak(own: Option<String>, above: impl Iterator<Item = String>) -> Option<Evidence> {
    let is_own = own.is_some();
    let told: Vec<String> = own.into_iter().chain(above).take(MENTIONED).collect();
    if told.is_empty() {
        return None;
    }
    Some(Evidence::new(told.join("; ")).hint_if((!is_own).then_some(
        "The authority has to renew this intermediate, with SHA-256 and an RSA key of 2048 bits or more. Then have the \
         certificate issued under the new one and install both.",
    )))
}

fn expired(case: &Case<'_>) -> Option<Evidence> {
    let now = case.context.now;
    let ended: Vec<String> = dated(case)
        .iter()
        .filter(|dated| dated.not_after < now)
        .map(|dated| {
            let ago = match days_until(now, dated.not_after) {
                0 => "less than a day ago".to_owned(),
                1 => "a day ago".to_owned(),
                days => format!("{days} days ago"),
            };
            format!("{} expired on {}, {ago}", dated.who, date(dated.not_after))
        })
        .collect();
    dates(&ended, Some(renew_hint(case)))
}

fn not_yet_valid(case: &Case<'_>) -> Option<Evidence> {
    let now = case.context.now;
    let ahead: Vec<String> = dated(case)
        .iter()
        .filter(|dated| dated.not_before > now)
        .map(|dated| {
            format!(
                "{} is valid only from {}",
                dated.who,
                date(dated.not_before)
            )
        })
        .collect();
    dates(&ahead, None)
}

fn expires_soon(case: &Case<'_>) -> Option<Evidence> {
    let now = case.context.now;
    let mut worst = Severity::Info;
    let soon: Vec<String> = dated(case)
        .iter()
        .filter(|dated| dated.not_after >= now)
        .filter_map(|dated| {
            let severity = nearness(dated, case.context.standards.cert_days, now)?;
            worst = worst.max(severity);
            let left = match days_until(dated.not_after, now) {
                0 => "in less than a day".to_owned(),
                1 => "in a day".to_owned(),
                days => format!("in {days} days"),
            };
            Some(format!(
                "{} expires on {}, {left}",
                dated.who,
                date(dated.not_after)
            ))
        })
        .collect();
    if soon.is_empty() {
        return None;
    }
    if case.is_certificate_unchecked() {
        worst = worst.min(Severity::Warn);
    }
    Some(
        Evidence::new(soon.join("; "))
            .severity(worst)
            .hint(renew_hint(case)),
    )
}

/// How bad it is that so little time is left; `None` when enough is.
fn nearness(dated: &Dated, days: CertDays, now: OffsetDateTime) -> Option<Severity> {
    let left = dated.not_after - now;
    match days {
        CertDays::Lifetime => {
            let lifetime = dated.not_after - dated.not_before;
            (left < Duration::days(30) && left < lifetime / 3).then_some(Severity::Warn)
        }
        CertDays::Days { warn, fail } => {
            let under = |bound: u32| left < Duration::days(i64::from(bound));
            if fail.is_some_and(under) {
                Some(Severity::Fail)
            } else {
                under(warn).then_some(Severity::Warn)
            }
        }
    }
}

/// Something with dates that have to hold.
struct Dated {
    who: String,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

/// The server's own certificate and those on the way to the root.
fn dated(case: &Case<'_>) -> Vec<Dated> {
    let Some(certificate) = case.certificate() else {
        return Vec::new();
    };
    let mut all = vec![Dated {
        who: "the certificate".to_owned(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
    }];
    for link in intermediates(case) {
        if let Some((not_before, not_after)) = link.not_before.zip(link.not_after)
            && all.len() < MENTIONED
        {
            all.push(Dated {
                who: format!("the intermediate {}", quote(&link.subject)),
                not_before,
                not_after,
            });
        }
    }
    all
}

/// The certificates on the way to the root, without the server's own.
fn intermediates<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a ChainLink> {
    let both = case.tls().zip(case.certificate());
    both.into_iter().flat_map(|(tls, certificate)| {
        let path = certificate.trust.path.iter();
        path.filter_map(|index| tls.chain.get(*index))
            .filter(|link| link.sha256 != certificate.sha256)
    })
}

/// Certificates of one chain that are told at the most.
const MENTIONED: usize = 3;

fn dates(told: &[String], hint: Option<&'static str>) -> Option<Evidence> {
    if told.is_empty() {
        return None;
    }
    Some(Evidence::new(told.join("; ")).hint_if(hint))
}

fn self_signed(case: &Case<'_>) -> Option<Evidence> {
    let certificate = case.certificate()?;
    if !is_self_signed(certificate) {
        return None;
    }
    let subject = quote(&certificate.subject);
    let by_exchange = is_exchange_default(certificate);
    let message = if by_exchange {
        format!(
            "the certificate {subject} is self-signed; it looks like the one that Exchange makes at setup"
        )
    } else {
        format!("the certificate {subject} is self-signed")
    };
    Some(checked(case, message).hint_if(unless_unchecked(
        case,
        match case.service().protocol {
            Protocol::Http | Protocol::Smtp | Protocol::Imap | Protocol::Pop3 if by_exchange => {
                Some(install_hint(case))
            }
            _ => replace_hint(case),
        },
    )))
}

fn unknown_issuer(case: &Case<'_>) -> Option<Evidence> {
    let certificate = case.certificate()?;
    let unknown = has(certificate, |defect| {
        matches!(defect, TrustDefect::UnknownIssuer)
    });
    // The same break in the chain is told once, by its closest name.
    if !unknown
        || is_self_signed(certificate)
        || misses_intermediate(certificate)
        || is_inspected_for_sure(case)
    {
        return None;
    }
    let evidence = checked(
        case,
        format!(
            "the certificate does not chain to a trusted root: its issuer is {}",
            quote(&certificate.issuer)
        ),
    );
    let is_microsofts = matches!(
        case.context.role,
        Role::Online | Role::OnlineSubmission | Role::OnlineMx
    );
    Some(evidence.hint_if(unless_unchecked(
        case,
        is_microsofts.then_some(
            "Exchange Online uses certificates of public authorities only: possibly a device on the way inspects TLS, \
             or DNS points elsewhere. Compare the issuer from another network.",
        ),
    )))
}

fn missing_intermediate(case: &Case<'_>) -> Option<Evidence> {
    let certificate = case.certificate()?;
    let is_told = misses_intermediate(certificate) && !is_inspected_for_sure(case);
    is_told.then(|| {
        checked(
            case,
            match certificate.issuer_urls.first() {
                Some(url) => format!(
                    "the server does not send its issuer's certificate {}, which is at {}",
                    quote(&certificate.issuer),
                    quote(url)
                ),
                None => format!(
                    "the server does not send its issuer's certificate {}",
                    quote(&certificate.issuer)
                ),
            },
        )
    })
}

fn wrong_name(case: &Case<'_>) -> Option<Evidence> {
    let certificate = case.certificate()?;
    if certificate.name_matches {
        return None;
    }
    let asked = quote(&Text::from(case.context.server_name.to_string().as_str()));
    let is_a_dns_name = match case.context.server_name {
        Host::Address(ip) => {
            let ip = ip.to_string();
            certificate.names.iter().any(|name| name.as_str() == ip)
        }
        Host::Name(_) => false,
    };
    let message = match certificate.names.as_slice() {
        [] => format!(
            "the certificate has no subject alternative name, and clients ignore the common name of its subject {}",
            quote(&certificate.subject)
        ),
        _ if is_a_dns_name => format!(
            "the certificate has {asked} as a DNS name, not as an IP address, so clients do not accept it"
        ),
        names => {
            let (told, rest) = names.split_at(names.len().min(NAMES));
            let names = match rest.len() + certificate.more_names {
                0 => list(told),
                more => format!("{} and {more} more", list(told)),
            };
            format!("the certificate is issued for {names} and does not cover {asked}")
        }
    };
    let hint = match (case.context.server_name, case.service().protocol) {
        _ if is_a_dns_name => {
            "Check by a name that the certificate has (`--servername NAME`), or have it issued again with the address \
             as an IP address."
        }
        (Host::Address(_), _) => {
            "Check by name, not by address: certificates are issued for names. `--servername NAME` gives the name \
             that clients use."
        }
        (_, Protocol::Ldap) => {
            "Check by the domain controller's full name, for which its certificate is issued, or have one issued \
             with this name."
        }
        _ => {
            "Check by a name that clients use (`--servername`), or have a certificate issued with this one; \
             mail.DOMAIN and autodiscover.DOMAIN belong on it."
        }
    };
    Some(checked(case, message).hint_if(unless_unchecked(case, Some(hint))))
}

/// Names of a certificate that are told.
const NAMES: usize = 4;

/// A defect that keeps clients away where they check, and that is worth knowing where they do not.
fn checked(case: &Case<'_>, message: impl Into<String>) -> Evidence {
    let evidence = Evidence::new(message);
    if !case.is_certificate_unchecked() {
        return evidence;
    }
    evidence.hint(match case.service().protocol {
            Protocol::Rdp => {
                "No action is needed: Windows makes this certificate itself, and Remote Desktop asks users once \
                 whether they trust it. A certificate from your own authority can be assigned by group policy."
            }
            _ if case.is_client_proxy() => {
                "No action is needed: only other Exchange servers talk to this connector."
            }
            _ => {
                "No action is needed: mail servers encrypt without checking. Only a partner that demands a valid \
                 certificate (MTA-STS, DANE, TlsAuthLevel) needs another."
            }
        })
}

/// A hint for those whose clients check.
fn unless_unchecked(case: &Case<'_>, hint: Option<&'static str>) -> Option<&'static str> {
    if case.is_certificate_unchecked() {
        None
    } else {
        hint
    }
}

fn renew_hint(case: &Case<'_>) -> &'static str {
    match case.service().protocol {
        Protocol::Http => {
            "Renew it and assign the new one to IIS (`Enable-ExchangeCertificate -Services IIS`), and to every load \
             balancer in front."
        }
        Protocol::Smtp => {
            "Renew it and assign the new one to SMTP (`Enable-ExchangeCertificate -Services SMTP`), then restart \
             MSExchangeFrontEndTransport if it still serves the old one."
        }
        Protocol::Imap | Protocol::Pop3 => {
            "Renew it, assign the new one (`Enable-ExchangeCertificate -Services POP,IMAP`) and restart the POP3 and \
             IMAP4 services, which keep the old one until then."
        }
        Protocol::Ldap => {
            "Renew the domain controller's certificate; if it enrols automatically, `certutil -pulse` on the domain \
             controller starts that."
        }
        Protocol::Rdp => {
            "Delete the old one from the store Remote Desktop and restart TermService: Windows makes a new one. \
             Where an authority issued it, renew it there."
        }
    }
}

fn install_hint(case: &Case<'_>) -> &'static str {
    match case.service().protocol {
        Protocol::Http => {
            "Exchange's own certificate from setup is still bound. Install one from an authority and run \
             `Enable-ExchangeCertificate -Services IIS`."
        }
        Protocol::Smtp => {
            "Exchange's own certificate from setup is still in use. Install one from an authority and run \
             `Enable-ExchangeCertificate -Services SMTP`."
        }
        _ => {
            "Exchange's own certificate from setup is still in use. Install one from an authority, run \
             `Enable-ExchangeCertificate -Services POP,IMAP` and restart both services."
        }
    }
}

fn replace_hint(case: &Case<'_>) -> Option<&'static str> {
    match case.service().protocol {
        Protocol::Ldap => Some(
            "Enrol a certificate from your own authority on the domain controller, for Server Authentication and \
             with its full name.",
        ),
        Protocol::Rdp => None,
        Protocol::Http => Some(
            "Install a certificate from an authority and bind it (`Enable-ExchangeCertificate -Services IIS`). If it \
             is meant to be self-signed, trust it with `--ca-file`.",
        ),
        _ => Some(
            "Install a certificate from an authority and assign it with `Enable-ExchangeCertificate`. If it is meant \
             to be self-signed, trust it with `--ca-file`.",
        ),
    }
}

fn has(certificate: &CertificateFacts, is: fn(&TrustDefect) -> bool) -> bool {
    certificate.trust.defects.iter().any(is)
}

fn is_self_signed(certificate: &CertificateFacts) -> bool {
    has(certificate, |defect| {
        matches!(defect, TrustDefect::SelfSigned)
    }) || (certificate.self_signed
        && has(certificate, |defect| {
            matches!(defect, TrustDefect::UnknownIssuer)
        }))
}

fn misses_intermediate(certificate: &CertificateFacts) -> bool {
    has(certificate, |defect| {
        matches!(defect, TrustDefect::MissingIntermediate)
    })
}

/// Whether it looks like the certificate that Exchange's setup makes: `CN=<NetBIOS name>`, made out to that and to
/// the full name.
fn is_exchange_default(certificate: &CertificateFacts) -> bool {
    let Some(name) = certificate.subject.as_str().strip_prefix("CN=") else {
        return false;
    };
    if name.is_empty() || name.contains(['.', ',', '=']) || name.chars().count() > 15 {
        return false;
    }
    let is_name = |text: &Text| text.as_str().eq_ignore_ascii_case(name);
    let is_full_name = |text: &Text| {
        text.as_str()
            .split_once('.')
            .is_some_and(|(host, domain)| host.eq_ignore_ascii_case(name) && !domain.is_empty())
    };
    certificate.subject == certificate.issuer
        && certificate.names.len() == 2
        && certificate.names.iter().any(is_name)
        && certificate.names.iter().any(is_full_name)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{days, exchange_default, good, now, open, untrusted};
    use super::*;
    use crate::catalog::ServiceId;
    use crate::facts::{ChainLink, TrustFacts};
    use crate::finding::Severity::{Fail, Info, Warn};
    use crate::plan::CertDays;

    const CHECKED: [ServiceId; 9] = [
        ServiceId::Pop3,
        ServiceId::Imap,
        ServiceId::Ldap,
        ServiceId::Https,
        ServiceId::Submissions,
        ServiceId::Submission,
        ServiceId::Ldaps,
        ServiceId::Imaps,
        ServiceId::Pop3s,
    ];
    const UNCHECKED: [ServiceId; 2] = [ServiceId::Smtp, ServiceId::Rdp];

    #[test]
    fn an_address_that_stands_there_as_a_dns_name_is_told_so() {
        let mut staged = open(ServiceId::Https).certificate(CertificateFacts {
            names: vec![Text::from("192.0.2.10")],
            name_matches: false,
            ..good()
        });
        staged.name = Host::Address("192.0.2.10".parse().expect("an address"));
        let (message, hint) = staged.words(Code::CertificateWrongName);
        assert!(
            message.contains("as a DNS name, not as an IP address"),
            "{message}"
        );
        assert!(hint.contains("as an IP address"), "{hint}");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of twelve certificates")]
    fn every_cell_of_the_defect_table() {
        let table: [(&str, CertificateFacts, Code, Severity, Severity); 12] = [
            (
                "self-signed",
                CertificateFacts {
                    self_signed: true,
                    ..untrusted(TrustDefect::SelfSigned)
                },
                Code::CertificateSelfSigned,
                Fail,
                Info,
            ),
            (
                "unknown issuer",
                untrusted(TrustDefect::UnknownIssuer),
                Code::CertificateUnknownIssuer,
                Fail,
                Info,
            ),
            (
                "missing intermediate",
                untrusted(TrustDefect::MissingIntermediate),
                Code::CertificateMissingIntermediate,
                Fail,
                Info,
            ),
            (
                "purpose",
                untrusted(TrustDefect::InvalidPurpose),
                Code::CertificateInvalidPurpose,
                Fail,
                Info,
            ),
            (
                "other",
                untrusted(TrustDefect::Other(Text::from("BadDer"))),
                Code::CertificateUntrusted,
                Fail,
                Info,
            ),
            (
                "wrong name",
                CertificateFacts {
                    name_matches: false,
                    ..good()
                },
                Code::CertificateWrongName,
                Fail,
                Info,
            ),
            (
                "expired",
                CertificateFacts {
                    not_after: now() - days(3),
                    ..good()
                },
                Code::CertificateExpired,
                Fail,
                Warn,
            ),
            (
                "not yet valid",
                CertificateFacts {
                    not_before: now() + days(3),
                    ..good()
                },
                Code::CertificateNotYetValid,
                Fail,
                Warn,
            ),
            (
                "ends soon",
                CertificateFacts {
                    not_after: now() + days(20),
                    ..good()
                },
                Code::CertificateExpiresSoon,
                Warn,
                Warn,
            ),
            (
                "weak key",
                CertificateFacts {
                    key: KeyFacts {
                        algorithm: "RSA".into(),
                        bits: Some(1024),
                    },
                    ..good()
                },
                Code::CertificateWeakKey,
                Fail,
                Warn,
            ),
            (
                "weak signature",
                CertificateFacts {
                    signature: "sha1WithRSAEncryption".into(),
                    signature_strength: SignatureStrength::Weak,
                    ..good()
                },
                Code::CertificateWeakSignature,
                Warn,
                Info,
            ),
            (
                "self-signed, by another name",
                CertificateFacts {
                    self_signed: true,
                    ..untrusted(TrustDefect::UnknownIssuer)
                },
                Code::CertificateSelfSigned,
                Fail,
                Info,
            ),
        ];
        for (what, certificate, code, checked, unchecked) in table {
            for service in CHECKED {
                let told = open(service).certificate(certificate.clone()).told();
                assert_eq!(told, [(code, checked)], "{what} on {service}");
            }
            for service in UNCHECKED {
                let told = open(service).certificate(certificate.clone()).told();
                assert_eq!(told, [(code, unchecked)], "{what} on {service}");
            }
        }
        for service in CHECKED.into_iter().chain(UNCHECKED) {
            assert_eq!(open(service).certificate(good()).told(), []);
        }
    }

    #[test]
    fn a_self_signed_certificate_that_is_trusted_is_fine() {
        let certificate = CertificateFacts {
            self_signed: true,
            ..good()
        };
        assert_eq!(open(ServiceId::Https).certificate(certificate).told(), []);
    }

    #[test]
    fn several_defects_are_all_told() {
        let certificate = CertificateFacts {
            not_after: now() - days(1),
            name_matches: false,
            signature_strength: SignatureStrength::Weak,
            trust: TrustFacts {
                defects: vec![TrustDefect::UnknownIssuer, TrustDefect::InvalidPurpose],
                ..TrustFacts::default()
            },
            ..good()
        };
        assert_eq!(
            open(ServiceId::Https).certificate(certificate).told(),
            [
                (Code::CertificateExpired, Fail),
                (Code::CertificateUnknownIssuer, Fail),
                (Code::CertificateWrongName, Fail),
                (Code::CertificateInvalidPurpose, Fail),
                (Code::CertificateWeakSignature, Warn),
            ]
        );
    }

    #[test]
    fn one_break_in_the_chain_is_told_once() {
        let mut certificate = untrusted(TrustDefect::UnknownIssuer);
        certificate
            .trust
            .defects
            .push(TrustDefect::MissingIntermediate);
        assert_eq!(
            open(ServiceId::Https).certificate(certificate).told(),
            [(Code::CertificateMissingIntermediate, Fail)]
        );
        let mut certificate = untrusted(TrustDefect::UnknownIssuer);
        certificate.trust.defects.push(TrustDefect::SelfSigned);
        assert_eq!(
            open(ServiceId::Https).certificate(certificate).told(),
            [(Code::CertificateSelfSigned, Fail)]
        );
    }

    #[test]
    fn the_end_is_near_by_lifetime() {
        for (lifetime, left, soon) in [
            (365, 30, false),
            (365, 29, true),
            (90, 29, true),
            (90, 30, false),
            // A third of a short life counts, not the month.
            (47, 16, false),
            (47, 15, true),
            (6, 2, false),
            (6, 1, true),
        ] {
            let staged = open(ServiceId::Https).certificate(CertificateFacts {
                not_before: now() + days(left - lifetime),
                not_after: now() + days(left),
                ..good()
            });
            let expected: &[(Code, Severity)] = if soon {
                &[(Code::CertificateExpiresSoon, Warn)]
            } else {
                &[]
            };
            assert_eq!(staged.told(), expected, "{left} of {lifetime}");
            assert_eq!(staged.judged().days_left, Some(left));
        }
    }

    #[test]
    fn the_end_is_near_by_days() {
        let bounds = CertDays::Days {
            warn: 60,
            fail: Some(14),
        };
        for (left, checked, unchecked) in [
            (60, None, None),
            (59, Some(Warn), Some(Warn)),
            (14, Some(Warn), Some(Warn)),
            (13, Some(Fail), Some(Warn)),
            (0, Some(Fail), Some(Warn)),
        ] {
            let certificate = CertificateFacts {
                not_after: now() + days(left),
                ..good()
            };
            for (service, severity) in [(ServiceId::Imaps, checked), (ServiceId::Smtp, unchecked)] {
                let told = open(service)
                    .cert_days(bounds)
                    .certificate(certificate.clone())
                    .told();
                let expected: Vec<_> = severity
                    .map(|severity| (Code::CertificateExpiresSoon, severity))
                    .into_iter()
                    .collect();
                assert_eq!(told, expected, "{left} on {service}");
            }
        }
    }

    #[test]
    fn days_are_rounded_down_and_the_last_second_counts() {
        let with_end = |end: OffsetDateTime| {
            open(ServiceId::Https).certificate(CertificateFacts {
                not_after: end,
                ..good()
            })
        };
        let second = Duration::seconds(1);
        for (end, left) in [
            (now() + days(18) + second, 18),
            (now() + days(18) - second, 17),
            (now(), 0),
            (now() - second, -1),
            (now() - days(1), -1),
            (now() - days(1) - second, -2),
        ] {
            assert_eq!(with_end(end).judged().days_left, Some(left));
        }
        assert_eq!(
            with_end(now()).told(),
            [(Code::CertificateExpiresSoon, Warn)]
        );
        assert_eq!(
            with_end(now() - second).told(),
            [(Code::CertificateExpired, Fail)]
        );
        let (message, _) = with_end(now() - second).words(Code::CertificateExpired);
        assert!(message.ends_with("less than a day ago"), "{message}");
    }

    #[test]
    fn a_chain_is_as_weak_as_its_weakest_intermediate() {
        let link = |subject: &str, issuer: &str, bits, strength| ChainLink {
            subject: Text::from(subject),
            issuer: Text::from(issuer),
            sha256: "bb".repeat(32),
            not_before: None,
            not_after: None,
            key: Some(KeyFacts {
                algorithm: "RSA".into(),
                bits: Some(bits),
            }),
            signature: Some(("sha1WithRSAEncryption".into(), strength)),
        };
        let strong = SignatureStrength::Good;
        let weak = SignatureStrength::Weak;
        let leaf = ChainLink {
            sha256: good().sha256,
            ..link("CN=mail.example.com", "CN=Issuing CA", 1024, weak)
        };
        let staged = |service, above: ChainLink, path: Vec<usize>| {
            let mut certificate = good();
            certificate.trust.path = path;
            open(service)
                .certificate(certificate)
                .chain(vec![leaf.clone(), above])
        };
        let old = || link("CN=Issuing CA", "CN=Root", 1024, weak);
        let https = staged(ServiceId::Https, old(), vec![0, 1]);
        assert_eq!(
            https.told(),
            [
                (Code::CertificateWeakKey, Fail),
                (Code::CertificateWeakSignature, Warn)
            ]
        );
        let (message, hint) = https.words(Code::CertificateWeakSignature);
        assert_eq!(
            message,
            "the intermediate \"CN=Issuing CA\" is signed with sha1WithRSAEncryption"
        );
        assert!(hint.starts_with("The authority has to renew"), "{hint}");
        let (message, hint) = https.words(Code::CertificateWeakKey);
        assert_eq!(
            message,
            "the RSA key of the intermediate \"CN=Issuing CA\" has 1024 bits"
        );
        assert!(hint.starts_with("The authority has to renew"), "{hint}");
        assert_eq!(
            staged(ServiceId::Smtp, old(), vec![0, 1]).told(),
            [
                (Code::CertificateWeakKey, Warn),
                (Code::CertificateWeakSignature, Info)
            ]
        );
        // What is not on the way, what is strong, and how a root signed itself are of no account.
        for (above, path) in [
            (old(), vec![0]),
            (link("CN=Issuing CA", "CN=Root", 2048, strong), vec![0, 1]),
            (link("CN=Root", "CN=Root", 2048, weak), vec![0, 1]),
        ] {
            assert_eq!(staged(ServiceId::Https, above, path).told(), []);
        }
    }

    #[test]
    fn an_intermediate_has_dates_as_well() {
        let link = |ends: i64| ChainLink {
            subject: Text::from("CN=Example Issuing CA"),
            issuer: Text::from("CN=Example Root"),
            sha256: "bb".repeat(32),
            not_before: Some(now() - days(3000)),
            not_after: Some(now() + days(ends)),
            key: None,
            signature: None,
        };
        let leaf = ChainLink {
            sha256: good().sha256,
            ..link(-5)
        };
        let on_path = |ends: i64, path: Vec<usize>| {
            let mut certificate = good();
            certificate.trust.path = path;
            open(ServiceId::Https)
                .certificate(certificate)
                .chain(vec![leaf.clone(), link(ends)])
        };
        let ended = on_path(-5, vec![0, 1]);
        assert_eq!(ended.told(), [(Code::CertificateExpired, Fail)]);
        let (message, _) = ended.words(Code::CertificateExpired);
        assert!(
            message.starts_with("the intermediate \"CN=Example Issuing CA\" expired on "),
            "{message}"
        );
        assert!(message.ends_with("5 days ago"), "{message}");
        assert_eq!(
            on_path(7, vec![0, 1]).told(),
            [(Code::CertificateExpiresSoon, Warn)]
        );
        // What is sent and not on the way to the root is of no account, nor is an index beyond the chain.
        assert_eq!(on_path(-5, vec![0]).told(), []);
        assert_eq!(on_path(-5, vec![0, 9]).told(), []);
        assert_eq!(on_path(400, vec![0, 1]).told(), []);
    }

    #[test]
    fn exchanges_own_certificate_is_recognised() {
        let staged = open(ServiceId::Https).certificate(exchange_default());
        assert_eq!(
            staged.told(),
            [
                (Code::CertificateSelfSigned, Fail),
                (Code::CertificateWrongName, Fail)
            ]
        );
        let (message, hint) = staged.words(Code::CertificateSelfSigned);
        assert!(
            message.contains("that Exchange makes at setup"),
            "{message}"
        );
        assert!(hint.contains("-Services IIS"), "{hint}");
        let other = CertificateFacts {
            subject: Text::from("CN=mail.example.com"),
            issuer: Text::from("CN=mail.example.com"),
            ..exchange_default()
        };
        assert!(!is_exchange_default(&other));
    }

    #[test]
    fn a_wrong_name_tells_a_few_of_the_right_ones() {
        let made_out_to = |names: &[&str]| {
            let staged = open(ServiceId::Https).certificate(CertificateFacts {
                names: names.iter().map(|name| Text::from(*name)).collect(),
                name_matches: false,
                ..good()
            });
            staged.words(Code::CertificateWrongName).0
        };
        assert_eq!(
            made_out_to(&["a.example", "b.example"]),
            "the certificate is issued for a.example, b.example and does not cover \"mail.example.com\""
        );
        assert_eq!(
            made_out_to(&["a", "b", "c", "d", "e", "f"]),
            "the certificate is issued for a, b, c, d and 2 more and does not cover \"mail.example.com\""
        );
        assert_eq!(
            made_out_to(&[]),
            "the certificate has no subject alternative name, and clients ignore the common name of its subject \
             \"CN=mail.example.com\""
        );
    }

    #[test]
    fn only_rsa_keys_are_measured_against_2048_bits() {
        for (algorithm, bits, weak) in [
            ("RSA", Some(2047), true),
            ("RSA", Some(2048), false),
            ("RSA", None, false),
            ("EC", Some(256), false),
            ("Ed25519", Some(256), false),
        ] {
            let mut certificate = good();
            certificate.key.algorithm = algorithm.into();
            certificate.key.bits = bits;
            let told = open(ServiceId::Https).certificate(certificate).told();
            assert_eq!(!told.is_empty(), weak, "{algorithm} {bits:?}");
        }
    }
}
