//! Rules on who stands in between: devices and programs that inspect TLS, and products that answer in Exchange's place.
//!
//! Two tables of names. What was seen in captures of the product is told as it is; what is only reported of it is told
//! as possible.

use super::case::Case;
use super::recognition::{ProductKind, greeting, product_of};
use super::rule::CheckRule;
use crate::catalog::Role;
use crate::facts::{Anchor, Text, TrustDefect};
use crate::finding::{Code, Severity};
use crate::judge::quoting::quote;
use crate::judge::rule::Evidence;

/// How well it is known that the name is that product's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Confidence {
    /// Seen in captures.
    Seen,
    /// Reported, or to be expected of the product.
    Reported,
}

/// An authority that inspection devices and programs sign with.
struct InspectionAuthority {
    /// What its certificates have in their names, in lower case.
    mark: &'static str,
    /// The product.
    product: &'static str,
    confidence: Confidence,
}

const fn authority(
    mark: &'static str,
    product: &'static str,
    confidence: Confidence,
) -> InspectionAuthority {
    InspectionAuthority {
        mark,
        product,
        confidence,
    }
}

/// Public authorities are not meant: a chain that leads to one of Mozilla's roots is none of these.
const AUTHORITIES: &[InspectionAuthority] = &[
    authority("zscaler", "Zscaler", Confidence::Seen),
    authority("netskope", "Netskope", Confidence::Reported),
    authority("goskope.com", "Netskope", Confidence::Reported),
    authority("fortinet", "Fortinet FortiGate", Confidence::Reported),
    authority("fortigate", "Fortinet FortiGate", Confidence::Reported),
    authority(
        "palo alto networks",
        "Palo Alto Networks",
        Confidence::Reported,
    ),
    authority(
        "blue coat",
        "Symantec (Blue Coat) ProxySG",
        Confidence::Reported,
    ),
    authority(
        "proxysg",
        "Symantec (Blue Coat) ProxySG",
        Confidence::Reported,
    ),
    authority("forcepoint", "Forcepoint", Confidence::Reported),
    authority("websense", "Forcepoint (Websense)", Confidence::Reported),
    authority("sophos", "Sophos", Confidence::Reported),
    authority("cisco umbrella", "Cisco Umbrella", Confidence::Reported),
    authority("check point", "Check Point", Confidence::Reported),
    authority("barracuda", "Barracuda", Confidence::Reported),
    authority("mcafee", "McAfee Web Gateway", Confidence::Reported),
    authority("trellix", "Trellix", Confidence::Reported),
    authority("skyhigh", "Skyhigh Web Gateway", Confidence::Reported),
    authority("trend micro", "Trend Micro", Confidence::Reported),
    authority("watchguard", "WatchGuard", Confidence::Reported),
    authority("sonicwall", "SonicWall", Confidence::Reported),
    authority("kaspersky", "Kaspersky", Confidence::Reported),
    authority("eset ssl filter", "ESET", Confidence::Reported),
    authority("avast! web/mail shield", "avast!", Confidence::Reported),
    authority("avast web/mail shield", "avast!", Confidence::Reported),
    authority("avg web/mail shield", "AVG", Confidence::Reported),
    authority("bitdefender", "Bitdefender", Confidence::Reported),
];

pub(super) const RULES: &[CheckRule] = &[
    CheckRule {
        code: Code::TlsInspected,
        holds: inspected,
    },
    CheckRule {
        code: Code::GatewayAnswers,
        holds: gateway,
    },
];

/// Whether an inspection authority signed it that is known to be one.
pub(super) fn is_inspected_for_sure(case: &Case<'_>) -> bool {
    authority_of(case).is_some_and(|(found, _)| found.confidence == Confidence::Seen)
}

fn inspected(case: &Case<'_>) -> Option<Evidence> {
    let (found, name) = authority_of(case)?;
    let is_trusted = case.certificate()?.trust.anchor.is_some();
    let possibly = match found.confidence {
        Confidence::Seen => "",
        Confidence::Reported => "possibly ",
    };
    let evidence = Evidence::new(format!(
        "TLS is {possibly}inspected on the way, by {}: the issuer is {}",
        found.product,
        quote(name)
    ));
    let severity = match found.confidence {
        _ if case.is_certificate_unchecked() => Severity::Info,
        Confidence::Seen if !is_trusted => Severity::Fail,
        Confidence::Seen | Confidence::Reported => Severity::Warn,
    };
    Some(evidence.severity(severity))
}

/// The inspection authority in the chain, and the name by which it is known.
fn authority_of<'a>(case: &Case<'a>) -> Option<(&'static InspectionAuthority, &'a Text)> {
    let certificate = case.certificate()?;
    // The devices' own pages have certificates signed by themselves, and some of the companies are public authorities.
    let is_own =
        certificate.self_signed || certificate.trust.defects.contains(&TrustDefect::SelfSigned);
    if is_own || certificate.trust.anchor == Some(Anchor::Public) {
        return None;
    }
    let chain = case.tls().map_or(&[][..], |tls| &tls.chain);
    std::iter::once(&certificate.issuer)
        .chain(chain.iter().map(|link| &link.issuer))
        .find_map(|name| {
            let lower = name.as_str().to_ascii_lowercase();
            let found = AUTHORITIES
                .iter()
                .find(|authority| lower.contains(authority.mark))?;
            Some((found, name))
        })
}

fn gateway(case: &Case<'_>) -> Option<Evidence> {
    let greeting = greeting(case)?;
    let (product, kind) = product_of(greeting, case.service().protocol)?;
    let expects_exchange = matches!(
        case.context.role,
        Role::Mailbox | Role::Published | Role::Edge
    );
    if kind == ProductKind::OtherServer && !expects_exchange {
        return None;
    }
    let who = match kind {
        ProductKind::OtherServer | ProductKind::Relay => {
            format!("the greeting is from {product}, not from Exchange")
        }
        ProductKind::MailShield | ProductKind::Gateway => {
            format!("the greeting is possibly from {product}, not from Exchange")
        }
    };
    let evidence = Evidence::new(format!("{who}: {}", quote(greeting)));
    Some(match kind {
        ProductKind::MailShield => evidence.hint(
            "Possibly a mail shield on this machine answers in the server's place. Switch it off for the check, or check \
             from another machine.",
        ),
        ProductKind::Relay => evidence.hint(
            "No action is needed where this relay is meant to answer. Exchange has its own: check which of the two \
             listens on this port (`Get-NetTCPConnection -LocalPort 25`).",
        ),
        ProductKind::OtherServer => evidence.hint(
            "Check what the name points to: another mail server answers where Exchange is expected, unless it is \
             meant to stand in front.",
        ),
        ProductKind::Gateway => evidence,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{Fixture, open, untrusted};
    use super::*;
    use crate::catalog::ServiceId;
    use crate::facts::{CertificateFacts, TrustFacts};

    fn issued_by(issuer: &str, anchor: Option<Anchor>) -> Fixture {
        let trust = match anchor {
            Some(_) => TrustFacts {
                anchor,
                ..TrustFacts::default()
            },
            None => untrusted(TrustDefect::UnknownIssuer).trust,
        };
        open(ServiceId::Https).certificate(CertificateFacts {
            issuer: Text::from(issuer),
            trust,
            ..super::super::super::fixture::good()
        })
    }

    #[test]
    fn a_known_inspection_authority_is_the_cause_and_a_likely_one_a_hint() {
        let zscaler = "CN=Zscaler Intermediate Root CA (zscalerthree.net),O=Zscaler Inc.";
        let unknown = issued_by(zscaler, None);
        assert_eq!(unknown.told(), [(Code::TlsInspected, Severity::Fail)]);
        let trusted = issued_by(zscaler, Some(Anchor::System));
        assert_eq!(trusted.told(), [(Code::TlsInspected, Severity::Warn)]);
        let likely = issued_by("CN=FGT60F,O=Fortinet", None);
        assert_eq!(
            likely.told(),
            [
                (Code::CertificateUnknownIssuer, Severity::Fail),
                (Code::TlsInspected, Severity::Warn)
            ]
        );
        assert!(likely.words(Code::TlsInspected).0.contains("possibly"));
        // The same companies issue public certificates.
        assert_eq!(
            issued_by("CN=Trend Micro CA", Some(Anchor::Public)).told(),
            []
        );
        assert_eq!(issued_by("CN=Example CA", Some(Anchor::CaFile)).told(), []);
    }

    #[test]
    fn a_device_with_its_own_certificate_inspects_nothing() {
        let staged = open(ServiceId::Smtp).certificate(CertificateFacts {
            subject: Text::from("CN=FortiMail,O=Fortinet"),
            issuer: Text::from("CN=FortiMail,O=Fortinet"),
            self_signed: true,
            ..untrusted(TrustDefect::SelfSigned)
        });
        assert_eq!(
            staged.told(),
            [(Code::CertificateSelfSigned, Severity::Info)]
        );
    }

    #[test]
    fn products_are_known_by_the_words_of_their_greetings() {
        for (greeting, product) in [
            ("220 localhost avast! SMTP proxy ready.", Some("avast!")),
            ("554-mx1.example.com ESMTP IronPort", Some("IronPort")),
            (
                "220 mx.example.com ESMTP (Barracuda 5.1)",
                Some("Barracuda"),
            ),
            (
                "220 mx0a-00001.pphosted.com ESMTP mfa-m1",
                Some("Proofpoint"),
            ),
            (
                "220 relay Microsoft ESMTP MAIL Service, Version: 10.0.20348.1 ready at  Tue",
                Some("IIS"),
            ),
            // A company's name in a host's name is no product.
            ("220 mail.kaspersky.com ESMTP ready", None),
            ("220 mail.example.com reset ESMTP", None),
            (
                "220 mail.example.com Microsoft ESMTP MAIL Service ready at Tue",
                None,
            ),
            ("220 mail.example.com ESMTP Postfix", None),
        ] {
            let staged = open(ServiceId::Smtp).smtp(greeting, &[]);
            match product {
                Some(product) => {
                    assert_eq!(staged.told(), [(Code::GatewayAnswers, Severity::Info)]);
                    let (message, _) = staged.words(Code::GatewayAnswers);
                    assert!(message.contains(product), "{message}");
                }
                None => assert_eq!(staged.told(), [], "{greeting}"),
            }
        }
        let postfix = open(ServiceId::Smtp).smtp("220 mail.example.com ESMTP Postfix", &[]);
        assert_eq!(
            postfix.role(Role::Mailbox).told(),
            [(Code::GatewayAnswers, Severity::Info)]
        );
    }
}
