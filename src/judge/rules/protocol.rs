//! Rules on protocols: the conversation went to its end, and what was said is worth telling.

use super::{Case, Evidence, Rule, quote, said};
use crate::facts::Nla;
use crate::finding::{Code, Severity};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::LdapError,
        severity: Severity::Fail,
        title: "the directory refused to tell its rootDSE",
        meaning: "Every directory tells everyone what it is, without signing in (its rootDSE). This one refused.",
        hint: "See what really answers there: Active Directory never refuses that. On another directory look at its \
               access rules for anonymous clients.",
        reference: "RFC 4512 §5.1; [MS-ADTS] 3.1.1.3.2, 5.1.3",
        holds: |case| {
            let failure = case.failed(Code::LdapError)?;
            Some(Evidence::new(format!(
                "the directory refused to tell its rootDSE{}",
                said(failure)
            )))
        },
    },
    Rule {
        code: Code::GreetingMasked,
        severity: Severity::Warn,
        title: "the greeting is masked on the way",
        meaning: "The server's greeting consists of asterisks: an inspection device on the way masks it, as Cisco's \
                  ESMTP inspection does. Such devices also take STARTTLS and other commands away.",
        hint: "Switch off SMTP inspection for this server on the firewall (Cisco: `no inspect esmtp`). Exchange hybrid \
               allows no device that changes SMTP on the way.",
        reference: "Cisco ASA, ESMTP inspection (mask-banner); Microsoft, Transport routing in hybrid deployments",
        holds: greeting_masked,
    },
    Rule {
        code: Code::DirectoryNotReady,
        severity: Severity::Warn,
        title: "the domain controller is not synchronized",
        meaning: "The domain controller says of itself that it has not finished its first synchronization. Until \
                  then its answers may be old.",
        hint: "Wait after a promotion or a restore; else repair replication (`repadmin /showrepl`, `dcdiag`).",
        reference: "[MS-ADTS] 3.1.1.3.2.10",
        holds: |case| {
            case.ldap()?
                .attribute("isSynchronized")
                .iter()
                .any(|value| value.as_str().eq_ignore_ascii_case("FALSE"))
                .then(|| {
                    Evidence::new(
                        "the domain controller says that it is not synchronized (isSynchronized is FALSE)",
                    )
                })
        },
    },
    Rule {
        code: Code::ClockDiffers,
        severity: Severity::Warn,
        title: "the server's clock and this machine's differ",
        meaning: "The clocks differ by more than five minutes. Kerberos does not allow more, so sign-ins fail.",
        hint: "See which of the two is wrong (`w32tm /query /status`, `w32tm /stripchart /computer:NAME`) and repair \
               its time source.",
        reference: "RFC 4120 §1.6; [MS-ADTS] 3.1.1.3.2; Microsoft, Maximum tolerance for computer clock \
                    synchronization",
        holds: clock_differs,
    },
    Rule {
        code: Code::RdpNlaNotSupported,
        severity: Severity::Info,
        title: "no network level authentication",
        meaning: "The host chose TLS without CredSSP, so it shows its logon screen to everyone who connects. Windows \
                  can do better since 2008.",
        hint: "On Windows demand network level authentication (SystemPropertiesRemote). xrdp and some others cannot do \
               it.",
        reference: "[MS-RDPBCGR] 2.2.1.2.1, 5.4.5.2",
        holds: |case| {
            (case.rdp()?.nla? == Nla::NotSupported && case.failed(Code::RdpNoTls).is_none()).then(
                || {
                    Evidence::new(
                        "the host chose TLS without CredSSP: no network level authentication",
                    )
                },
            )
        },
    },
];

/// `220 ****…`, maybe with some of its `2`, `0` and spaces left.
fn greeting_masked(case: &Case<'_>) -> Option<Evidence> {
    let greeting = case.smtp()?.greeting.as_ref()?;
    let text = greeting.as_str().strip_prefix("220")?;
    let asterisks = text.matches('*').count();
    let others = text
        .chars()
        .filter(|character| !matches!(character, '*' | '2' | '0' | ' ' | '-'))
        .count();
    (asterisks >= 4 && others == 0).then(|| {
        Evidence::new(format!(
            "the greeting is masked on the way: {}",
            quote(greeting)
        ))
    })
}

/// Kerberos' tolerance.
const CLOCK_TOLERANCE: time::Duration = time::Duration::minutes(5);

fn clock_differs(case: &Case<'_>) -> Option<Evidence> {
    let facts = case.ldap()?;
    let (theirs, ours) = facts.current_time.zip(facts.asked_at)?;
    let ahead = theirs - ours;
    if ahead.abs() <= CLOCK_TOLERANCE {
        return None;
    }
    Some(Evidence::new(format!(
        "the server's clock is {} {}",
        span(ahead.abs()),
        if ahead.is_positive() {
            "ahead"
        } else {
            "behind"
        }
    )))
}

fn span(duration: time::Duration) -> String {
    let minutes = duration.whole_minutes();
    match minutes {
        ..120 => format!("{minutes} minutes"),
        120..2880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::staged::{Staged, now, open};
    use super::*;
    use crate::catalog::ServiceId;
    use crate::facts::{LdapFacts, PeerFacts, RdpFacts, Text};
    use crate::finding::Status;

    #[test]
    fn a_masked_greeting_is_told_and_no_other() {
        for (greeting, masked) in [
            ("220 **************************************", true),
            ("220 *****2****200***0****", true),
            (
                "220 mail.example.com Microsoft ESMTP MAIL Service ready",
                false,
            ),
            ("220 *** mail.example.com ***", false),
            ("220", false),
            ("554 ****************", false),
        ] {
            let told = open(ServiceId::Smtp).smtp(greeting, &["STARTTLS"]).told();
            let expected: &[(Code, Severity)] = if masked {
                &[(Code::GreetingMasked, Severity::Warn)]
            } else {
                &[]
            };
            assert_eq!(told, expected, "{greeting}");
        }
    }

    #[test]
    fn a_directory_that_is_not_ready() {
        let saying = |value: &str| {
            ldap(LdapFacts {
                root_dse: vec![(Text::from("isSynchronized"), vec![Text::from(value)])],
                ..LdapFacts::default()
            })
        };
        assert_eq!(
            saying("FALSE").told(),
            [(Code::DirectoryNotReady, Severity::Warn)]
        );
        assert_eq!(saying("TRUE").told(), []);
        assert_eq!(ldap(LdapFacts::default()).told(), []);
    }

    #[test]
    fn clocks_may_differ_by_what_kerberos_allows() {
        for (seconds, words) in [
            (0, None),
            (300, None),
            (-300, None),
            (301, Some("the server's clock is 5 minutes ahead")),
            (-3600, Some("the server's clock is 60 minutes behind")),
            (-7200, Some("the server's clock is 2 hours behind")),
            (864_000, Some("the server's clock is 10 days ahead")),
        ] {
            let staged = ldap(LdapFacts {
                current_time: Some(now() + time::Duration::seconds(seconds)),
                asked_at: Some(now()),
                ..LdapFacts::default()
            });
            match words {
                Some(words) => {
                    assert_eq!(staged.told(), [(Code::ClockDiffers, Severity::Warn)]);
                    assert_eq!(staged.words(Code::ClockDiffers).0, words);
                }
                None => assert_eq!(staged.told(), [], "{seconds}"),
            }
        }
    }

    #[test]
    fn a_desktop_without_nla_passes() {
        let showing = |nla| {
            open(ServiceId::Rdp).peer(PeerFacts::Rdp(RdpFacts {
                selected_protocol: Some(1),
                nla: Some(nla),
                ..RdpFacts::default()
            }))
        };
        let without = showing(Nla::NotSupported);
        assert_eq!(without.told(), [(Code::RdpNlaNotSupported, Severity::Info)]);
        assert_eq!(without.status(), Status::Pass);
        assert_eq!(showing(Nla::Supported).told(), []);
        assert_eq!(showing(Nla::Required).told(), []);
    }

    fn ldap(facts: LdapFacts) -> Staged {
        open(ServiceId::Ldap).peer(PeerFacts::Ldap(facts))
    }
}
