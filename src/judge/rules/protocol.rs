//! Rules on protocols: the conversation went to its end, and what was said is worth telling.

use super::{Case, Evidence, Rule, quote, said};
use crate::catalog::ServiceId;
use crate::facts::{HttpFacts, Nla};
use crate::finding::{Code, Severity};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::HttpServerError,
        severity: Severity::Fail,
        title: "the web server answers with an error of its own",
        meaning: "The connection works and the web server answers with a status of 500 or above: IIS, an application \
                  pool or the back end behind it does not work.",
        hint: "Look at the application pools in IIS Manager and at the certificate of the back end on 444 \
               (`netsh http show sslcert`, event 15021). Then at the logs of IIS.",
        reference: "RFC 9110 §15.6",
        holds: http_server_error,
    },
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
        code: Code::HttpForbidden,
        severity: Severity::Info,
        title: "403 on port 80",
        meaning: "The web server answers plain HTTP with 403. So does Exchange by default: it demands TLS, and there \
                  is no redirect unless somebody made one.",
        hint: "Nothing to do. If people without https:// should get to Outlook on the web, set up a redirect to HTTPS.",
        reference: "Microsoft, Configure http to https redirection for Outlook on the web; RFC 9110 §15.5.4",
        holds: |case| {
            if case.service().id != ServiceId::Http || case.http()?.status != Some(403) {
                return None;
            }
            Some(Evidence::new(
                "HTTP 403: plain HTTP is refused, as Exchange does by default",
            ))
        },
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

fn http_server_error(case: &Case<'_>) -> Option<Evidence> {
    let facts = case.http()?;
    let status = facts.status.filter(|status| *status >= 500)?;
    let reason = facts
        .reason
        .as_ref()
        .filter(|reason| !reason.is_empty())
        .map_or_else(String::new, |reason| format!(" {}", quote(reason)));
    let by = facts
        .server
        .as_ref()
        .filter(|server| !server.is_empty())
        .map_or_else(String::new, |server| format!(", by {}", quote(server)));
    let hint = match (status, is_http_sys(facts)) {
        (503, true) => Some(
            "http.sys answers because the site or its application pool is stopped: start it in IIS Manager. Events \
             5002 and 5009 (WAS) in the System log tell why it stopped.",
        ),
        (502 | 504, _) => Some(
            "A proxy or load balancer in front gets no answer from the server behind it: look at its pool and at the \
             server itself.",
        ),
        (511, _) => Some(
            "This network wants a sign-in first (captive portal). Sign in with a browser and check again.",
        ),
        _ => None,
    };
    Some(Evidence::new(format!("HTTP {status}{reason}{by}")).hint_if(hint))
}

/// Whether Windows' own HTTP driver answered because nobody else did.
fn is_http_sys(facts: &HttpFacts) -> bool {
    facts.server.as_ref().is_some_and(|server| {
        server
            .as_str()
            .to_ascii_lowercase()
            .starts_with("microsoft-httpapi")
    })
}

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
    use crate::facts::{LdapFacts, PeerFacts, RdpFacts, Text};
    use crate::finding::Status;

    #[test]
    fn what_a_web_server_answers() {
        let answering = |service, status| {
            open(service).peer(PeerFacts::Http(HttpFacts {
                status: Some(status),
                ..HttpFacts::default()
            }))
        };
        for status in [200, 301, 302, 401, 403, 404, 440, 499] {
            assert_eq!(answering(ServiceId::Https, status).told(), [], "{status}");
        }
        for status in [500, 502, 503, 504, 511, 599] {
            for service in [ServiceId::Http, ServiceId::Https] {
                let staged = answering(service, status);
                assert_eq!(staged.told(), [(Code::HttpServerError, Severity::Fail)]);
                assert_eq!(staged.status(), Status::Fail);
            }
        }
        let forbidden = answering(ServiceId::Http, 403);
        assert_eq!(forbidden.told(), [(Code::HttpForbidden, Severity::Info)]);
        assert_eq!(forbidden.status(), Status::Pass);
        assert_eq!(answering(ServiceId::Http, 302).told(), []);
    }

    #[test]
    fn a_stopped_application_pool_is_known_by_who_answers() {
        let staged = open(ServiceId::Https).peer(PeerFacts::Http(HttpFacts {
            status: Some(503),
            reason: Some(Text::from("Service Unavailable")),
            server: Some(Text::from("Microsoft-HTTPAPI/2.0")),
            ..HttpFacts::default()
        }));
        let (message, hint) = staged.words(Code::HttpServerError);
        assert_eq!(
            message,
            "HTTP 503 \"Service Unavailable\", by \"Microsoft-HTTPAPI/2.0\""
        );
        assert!(hint.contains("5002 and 5009"), "{hint}");
    }

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
