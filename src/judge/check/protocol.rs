//! Rules on protocols: the conversation went to its end, and what was said is worth telling.

use super::recognition::is_active_directory;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::case::Case;
use super::rule::CheckRule;
use super::sign_in;
use crate::catalog::{Protocol, Role, Security};
use crate::facts::{Nla, PeerFacts, Text};
use crate::finding::{Code, Severity};
use crate::judge::quoting::{is_keyword, list, quote, said};
use crate::judge::rule::Evidence;
use crate::observation::Stage;

pub(super) const RULES: &[CheckRule] = &[
    CheckRule {
        code: Code::LdapError,
        holds: |case| {
            let failure = case.failed(Code::LdapError)?;
            let evidence = Evidence::new(format!(
                "the directory refused to show its rootDSE{}",
                said(failure)
            ));
            let is_secure = case.tls().is_some_and(|tls| tls.version.is_some());
            Some(if is_secure {
                evidence.severity(Severity::Warn).hint(
                    "TLS works. If the directory is meant to answer only after a sign-in, no action is needed; \
                     Active Directory shows its rootDSE to everybody.",
                )
            } else {
                evidence
            })
        },
    },
    CheckRule {
        code: Code::RootDseEmpty,
        holds: |case| {
            let was_asked = case
                .seen
                .steps
                .iter()
                .any(|it| it.stage == Stage::Application);
            // Where nothing at all was learned, there are no facts.
            let told_nothing = case.ldap().is_none_or(|facts| facts.root_dse.is_empty());
            let is_directory = case.service().protocol == Protocol::Ldap;
            let holds = is_directory && was_asked && told_nothing && case.seen.failure.is_none();
            holds.then(|| {
                Evidence::new("the directory answered the search for its rootDSE with success but sent nothing")
            })
        },
    },
    CheckRule {
        code: Code::ImapPreauth,
        holds: imap_preauth,
    },
    CheckRule {
        code: Code::GreetingMasked,
        holds: greeting_masked,
    },
    CheckRule {
        code: Code::DirectoryNotReady,
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
    CheckRule {
        code: Code::ClockDiffers,
        holds: clock_differs,
    },
    CheckRule {
        code: Code::AuthNotOffered,
        holds: auth_not_offered,
    },
    CheckRule {
        code: Code::AuthWindowsOnly,
        holds: |case| {
            let mechanisms = sign_in::mechanisms(case)?;
            let is_windows = |mechanism: &&str| {
                ["NTLM", "GSSAPI", "GSS-SPNEGO", "KERBEROS_V4"]
                    .iter()
                    .any(|known| mechanism.eq_ignore_ascii_case(known))
            };
            (!mechanisms.is_empty() && mechanisms.iter().all(is_windows)).then(|| {
                let offered: Vec<Text> = mechanisms.iter().map(|word| Text::from(*word)).collect();
                Evidence::new(format!(
                    "only NTLM or Kerberos is offered for signing in: {}",
                    list(&offered)
                ))
            })
        },
    },
    CheckRule {
        code: Code::SizeLimitLow,
        holds: size_limit_low,
    },
    CheckRule {
        code: Code::NotActiveDirectory,
        holds: not_active_directory,
    },
    CheckRule {
        code: Code::GlobalCatalogNotReady,
        holds: |case| {
            case.ldap()?
                .attribute("isGlobalCatalogReady")
                .iter()
                .any(|value| value.as_str().eq_ignore_ascii_case("FALSE"))
                .then(|| {
                    Evidence::new(
                        "the domain controller is not ready as a global catalog (isGlobalCatalogReady is FALSE)",
                    )
                })
        },
    },
    CheckRule {
        code: Code::RdpNlaRequired,
        holds: |case| {
            (case.rdp()?.nla? == Nla::Required && case.failure().is_none())
                .then(|| Evidence::new("the host requires network level authentication"))
        },
    },
    CheckRule {
        code: Code::RdpNlaNotSupported,
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
    let (theirs, ours) = match case.seen.peer.as_ref()? {
        PeerFacts::Ldap(facts) => facts.current_time.zip(facts.asked_at)?,
        PeerFacts::Smtp(facts) => {
            let greeting = facts.greeting.as_ref()?.as_str();
            let (_, date) = greeting.split_once(" MAIL Service ready at ")?;
            (moment(date)?, facts.greeted_at?)
        }
        _ => return None,
    };
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

/// The date of a greeting (RFC 5322 §3.3): `Tue, 24 Sep 2024 04:21:14 +0000`, whatever follows.
fn moment(text: &str) -> Option<OffsetDateTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, text) = text.split_once(", ")?;
    let mut words = text.split_whitespace();
    let day: u8 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = MONTHS
        .iter()
        .position(|known| known.eq_ignore_ascii_case(month))?;
    let month = Month::try_from(u8::try_from(month).ok()? + 1).ok()?;
    let year: i32 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u8>().ok());
    let time = Time::from_hms(clock.next()??, clock.next()??, clock.next()??).ok()?;
    let (sign, zone) = words.next()?.split_at_checked(1)?;
    let (hours, minutes) = zone.split_at_checked(2)?;
    let (hours, minutes): (i8, i8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let offset = match sign {
        "+" => UtcOffset::from_hms(hours, minutes, 0),
        "-" => UtcOffset::from_hms(hours.checked_neg()?, minutes.checked_neg()?, 0),
        _ => return None,
    };
    let date = Date::from_calendar_date(year, month, day).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_offset(offset.ok()?))
}

fn auth_not_offered(case: &Case<'_>) -> Option<Evidence> {
    if !sign_in::mechanisms(case)?.is_empty() {
        return None;
    }
    let offered = &case.smtp()?.secure_extensions;
    let evidence = Evidence::new(format!("no AUTH in the secure session: {}", list(offered)));
    Some(evidence.hint_if(match case.context.role {
        _ if sign_in::is_unaware(case) => Some(sign_in::UNAWARE),
        Role::OnlineSubmission => Some(
            "Exchange Online lets tenants disable SMTP AUTH (`Get-TransportConfig | Format-List \
             SmtpClientAuthenticationDisabled`). Otherwise check whether a device on the way removes AUTH.",
        ),
        _ => None,
    }))
}

/// Ten megabytes; Postfix's own default is a little more.
const SMALL: u64 = 10_000_000;

fn size_limit_low(case: &Case<'_>) -> Option<Evidence> {
    let facts = case.smtp()?;
    let limit: u64 = facts
        .secure_extensions
        .iter()
        .chain(&facts.extensions)
        .filter(|extension| is_keyword(extension, "SIZE"))
        .find_map(|extension| extension.as_str().split(' ').nth(1)?.parse().ok())?;
    // 0 is no limit.
    (1..SMALL).contains(&limit).then(|| {
        Evidence::new(format!(
            "messages over {} KB are not accepted",
            limit / 1024
        ))
    })
}

/// The greeting of an IMAP server that signs everybody in (RFC 3501 §7.1.4).
pub(super) fn preauth<'a>(case: &Case<'a>) -> Option<&'a Text> {
    let Some(PeerFacts::Imap(facts)) = &case.seen.peer else {
        return None;
    };
    let greeting = facts.greeting.as_ref()?;
    greeting
        .as_str()
        .starts_with("* PREAUTH")
        .then_some(greeting)
}

fn imap_preauth(case: &Case<'_>) -> Option<Evidence> {
    let greeting = preauth(case)?;
    let told = format!("the greeting signs everybody in: {}", quote(greeting));
    Some(if case.service().security == Security::Starttls {
        Evidence::new(format!("{told}; STARTTLS is not allowed after it"))
    } else {
        Evidence::new(told).hint(
            "Find out whose mail the server exposes without a password, and switch that off; if the greeting is a \
             proxy's, have it greet with OK.",
        )
    })
}

fn not_active_directory(case: &Case<'_>) -> Option<Evidence> {
    let facts = case.ldap()?;
    let is_lds = facts
        .attribute("supportedCapabilities")
        .iter()
        .any(|capability| capability.as_str() == AD_LDS);
    let has_marks = is_active_directory(case);
    if facts.root_dse.is_empty() || (has_marks && !is_lds) {
        return None;
    }
    let vendor = facts
        .attribute("vendorName")
        .first()
        .map_or_else(String::new, |vendor| format!(": {}", quote(vendor)));
    Some(Evidence::new(if is_lds {
        "the directory is AD LDS, not Active Directory".to_owned()
    } else {
        format!("the directory is not Active Directory{vendor}")
    }))
}

/// The capability of Active Directory Lightweight Directory Services (\[MS-ADTS\] 3.1.1.3.4.3).
const AD_LDS: &str = "1.2.840.113556.1.4.1851";

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
    use super::super::super::fixture::{Fixture, now, open};
    use std::time::Duration;

    use super::*;
    use crate::catalog::{Expectation, ServiceId};
    use crate::facts::{ImapFacts, LdapFacts, RdpFacts, SmtpFacts};
    use crate::finding::Status;
    use crate::observation::{Cause, Step};

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
        let required = showing(Nla::Required);
        assert_eq!(required.told(), [(Code::RdpNlaRequired, Severity::Info)]);
        assert_eq!(required.status(), Status::Pass);
    }

    #[test]
    fn a_greeting_tells_the_servers_clock() {
        let greeting = |date: &str| {
            open(ServiceId::Smtp).peer(PeerFacts::Smtp(SmtpFacts {
                greeting: Some(Text::from(
                    format!("220 mail.example.com Microsoft ESMTP MAIL Service ready at {date}")
                        .as_str(),
                )),
                greeted_at: OffsetDateTime::from_unix_timestamp(1_727_151_674).ok(),
                ..SmtpFacts::default()
            }))
        };
        for (date, words) in [
            ("Tue, 24 Sep 2024 04:21:14 +0000", None),
            ("Tue, 24 Sep 2024 06:21:14 +0200", None),
            ("Mon, 23 Sep 2024 20:51:14 -0730 [08DD84B323498C1A]", None),
            (
                "Tue, 24 Sep 2024 04:51:14 +0000",
                Some("the server's clock is 30 minutes ahead"),
            ),
            (
                "Tue, 24 Sep 2024 04:21:14 +0300",
                Some("the server's clock is 3 hours behind"),
            ),
            ("noon", None),
            ("Tue, 99 Sep 2024 04:21:14 +0000", None),
            ("Tue, 24 Sep 2024 04:21 +0000", None),
            ("Tue, 24 Sep 2024 04:21:14 \u{fc}0000", None),
            ("Tue, 24 Sep 2024 04:21:14 --1280", None),
        ] {
            let staged = greeting(date);
            match words {
                Some(words) => assert_eq!(staged.words(Code::ClockDiffers).0, words),
                None => assert_eq!(staged.told(), [], "{date}"),
            }
        }
    }

    #[test]
    fn submission_has_to_offer_a_way_to_sign_in() {
        let offering = |service, extensions: &[&str]| {
            open(service).peer(PeerFacts::Smtp(SmtpFacts {
                secure_extensions: extensions.iter().map(|word| Text::from(*word)).collect(),
                ..SmtpFacts::default()
            }))
        };
        for (service, extensions, told) in [
            (ServiceId::Submission, &["SIZE 0", "AUTH LOGIN"][..], None),
            (ServiceId::Submission, &["AUTH=PLAIN"], None),
            (
                ServiceId::Submission,
                &["AUTH GSSAPI NTLM"],
                Some((Code::AuthWindowsOnly, Severity::Info)),
            ),
            (
                ServiceId::Submission,
                &["SIZE 37748736", "DSN"],
                Some((Code::AuthNotOffered, Severity::Fail)),
            ),
            (
                ServiceId::Submissions,
                &["AUTH"],
                Some((Code::AuthNotOffered, Severity::Fail)),
            ),
            (
                ServiceId::Submission,
                &["AUTH XOAUTH2"],
                Some((Code::ModernAuthentication, Severity::Info)),
            ),
            (ServiceId::Submission, &[], None),
            (ServiceId::Smtp, &["DSN"], None),
            (
                ServiceId::Smtp,
                &["SIZE 1048576"],
                Some((Code::SizeLimitLow, Severity::Info)),
            ),
        ] {
            let expected: Vec<_> = told.into_iter().collect();
            assert_eq!(
                offering(service, extensions).told(),
                expected,
                "{extensions:?}"
            );
        }
        for (staged, severity) in [
            (Role::Edge, Expectation::Required, Severity::Warn),
            (Role::Any, Expectation::Optional, Severity::Warn),
            (Role::Mailbox, Expectation::Required, Severity::Fail),
        ]
        .map(|(role, expect, severity)| {
            let staged = offering(ServiceId::Submission, &["DSN"]);
            (staged.role(role).expect(expect), severity)
        }) {
            assert_eq!(staged.told(), [(Code::AuthNotOffered, severity)]);
        }
        let online = offering(ServiceId::Submission, &["DSN"]).role(Role::OnlineSubmission);
        assert!(
            online
                .words(Code::AuthNotOffered)
                .1
                .contains("SmtpClientAuthenticationDisabled")
        );
    }

    #[test]
    fn directories_that_are_not_active_directory() {
        let having = |attributes: &[(&str, &str)]| {
            ldap(LdapFacts {
                root_dse: attributes
                    .iter()
                    .map(|(name, value)| (Text::from(*name), vec![Text::from(*value)]))
                    .collect(),
                ..LdapFacts::default()
            })
        };
        let open_ldap = having(&[("namingContexts", "dc=example"), ("vendorName", "OpenLDAP")]);
        assert_eq!(
            open_ldap.told(),
            [(Code::NotActiveDirectory, Severity::Info)]
        );
        let as_controller = open_ldap.role(Role::DomainController);
        assert_eq!(
            as_controller.told(),
            [(Code::NotActiveDirectory, Severity::Warn)]
        );
        let lds = having(&[("supportedCapabilities", AD_LDS)]);
        assert!(lds.words(Code::NotActiveDirectory).0.contains("AD LDS"));
        let controller = having(&[
            ("supportedCapabilities", "1.2.840.113556.1.4.800"),
            ("isGlobalCatalogReady", "FALSE"),
        ]);
        assert_eq!(
            controller.told(),
            [(Code::GlobalCatalogNotReady, Severity::Info)]
        );
    }

    #[test]
    fn a_root_dse_that_is_asked_for_and_empty_is_told() {
        let asked = |service, facts| {
            let mut staged = open(service).peer(PeerFacts::Ldap(facts));
            staged.seen.steps.push(Step {
                stage: Stage::Application,
                took: Duration::from_millis(1),
                connection: 1,
            });
            staged
        };
        for service in [ServiceId::Ldap, ServiceId::Ldaps] {
            let empty = asked(service, LdapFacts::default());
            assert_eq!(empty.told(), [(Code::RootDseEmpty, Severity::Warn)]);
            let mut nothing = empty;
            nothing.seen.peer = None;
            assert_eq!(nothing.told(), [(Code::RootDseEmpty, Severity::Warn)]);
            let told = LdapFacts {
                root_dse: vec![(
                    "supportedCapabilities".into(),
                    vec!["1.2.840.113556.1.4.800".into()],
                )],
                ..LdapFacts::default()
            };
            assert_eq!(asked(service, told).told(), []);
            let failed = asked(service, LdapFacts::default())
                .failing(Stage::Application, Cause::CommandRejected);
            assert_eq!(failed.told(), [(Code::LdapError, Severity::Fail)]);
        }
        assert_eq!(ldap(LdapFacts::default()).told(), []);
    }

    #[test]
    fn everybody_signed_in_is_worst_before_starttls() {
        let greeted = |service, greeting: &str| {
            let facts = ImapFacts {
                greeting: Some(greeting.into()),
                ..ImapFacts::default()
            };
            open(service).peer(PeerFacts::Imap(facts)).told()
        };
        for (service, severity) in [
            (ServiceId::Imap, Severity::Fail),
            (ServiceId::Imaps, Severity::Warn),
        ] {
            assert_eq!(
                greeted(service, "* PREAUTH IMAP4rev1 ready"),
                [(Code::ImapPreauth, severity)]
            );
            assert_eq!(greeted(service, "* OK PREAUTH is a word"), []);
        }
    }

    fn ldap(facts: LdapFacts) -> Fixture {
        open(ServiceId::Ldap).peer(PeerFacts::Ldap(facts))
    }
}
