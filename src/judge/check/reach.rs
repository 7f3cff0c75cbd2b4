//! Rules on reach: names, TCP, what must not be reachable, and what kept this machine from looking.

use std::borrow::Cow;

use super::case::Case;
use super::rule::CheckRule;
use crate::catalog::{Expectation, Group, INTERNAL, Protocol, ServiceId, expectation, is_public};
use crate::facts::Text;
use crate::finding::{Code, Severity};
use crate::judge::quoting::said;
use crate::judge::rule::Evidence;
use crate::observation::State;
use crate::plan::Proxy;

pub(super) const RULES: &[CheckRule] = &[
    CheckRule {
        code: Code::ForbiddenOpen,
        holds: forbidden_open,
    },
    CheckRule {
        code: Code::NameNotFound,
        holds: |case| {
            // The system's own words say no more, and quote a function of its library.
            case.failed(Code::NameNotFound)?;
            Some(Evidence::new(match case.told_by_proxy() {
                Some(proxy) => format!("the proxy {proxy} says that the name does not exist"),
                None => "the name does not exist in DNS".to_owned(),
            }))
        },
    },
    CheckRule {
        code: Code::NameWithoutAddress,
        holds: |case| {
            let failure = case.failed(Code::NameWithoutAddress)?;
            Some(Evidence::new(format!(
                "the name has no address of the requested families{}",
                said(failure)
            )))
        },
    },
    CheckRule {
        code: Code::NameLookupFailed,
        holds: |case| {
            let failure = case.failed(Code::NameLookupFailed)?;
            Some(Evidence::new(match case.told_by_proxy() {
                Some(proxy) => format!(
                    "the proxy {proxy} could not look the name up{}",
                    said(failure)
                ),
                None => format!("the name lookup failed{}", said(failure)),
            }))
        },
    },
    CheckRule {
        code: Code::Refused,
        holds: |case| {
            let failure = case.failed(Code::Refused)?;
            let message = match case.told_by_proxy() {
                Some(proxy) => format!(
                    "the proxy {proxy} says that the connection was refused{}",
                    said(failure)
                ),
                None => format!("the connection was refused{}", everywhere(case, "at")),
            };
            Some(absence(case, message, Some(refused_hint(case).into())))
        },
    },
    CheckRule {
        code: Code::Filtered,
        holds: |case| {
            let failure = case.failed(Code::Filtered)?;
            let within = case.waited().map_or_else(
                || " in time".to_owned(),
                |waited| format!(" within {waited}"),
            );
            let message = match case.told_by_proxy() {
                // It said so itself, or it still waits.
                Some(proxy) if failure.detail.is_some() => {
                    format!("the proxy {proxy} got no answer{}", said(failure))
                }
                Some(proxy) => format!("the proxy {proxy} did not get through{within}"),
                None => format!("no answer{within}{}", everywhere(case, "from")),
            };
            let unused = unused_proxy_hint(case).map(Cow::from);
            let hint = unused.or_else(|| filtered_hint(case).map(Cow::from));
            Some(absence(case, message, hint))
        },
    },
    CheckRule {
        code: Code::Unreachable,
        holds: |case| {
            let failure = case.failed(Code::Unreachable)?;
            let message = match case.told_by_proxy() {
                Some(proxy) => {
                    format!(
                        "the proxy {proxy} has no route to the host{}",
                        said(failure)
                    )
                }
                None => format!(
                    "no route to the host, or a router or firewall rejected the connection{}{}",
                    everywhere(case, "for"),
                    said(failure)
                ),
            };
            Some(absence(case, message, None))
        },
    },
    CheckRule {
        code: Code::Blocked,
        holds: |case| ours(case, Code::Blocked, "this machine refused to send"),
    },
    CheckRule {
        code: Code::NoNetwork,
        holds: |case| {
            ours(
                case,
                Code::NoNetwork,
                "this machine has no network, neither IPv4 nor IPv6",
            )
        },
    },
    CheckRule {
        code: Code::AddressFamilyMissing,
        holds: |case| {
            ours(
                case,
                Code::AddressFamilyMissing,
                "this machine has no address of that family, or no route to the host",
            )
        },
    },
    CheckRule {
        code: Code::OutOfResources,
        holds: |case| {
            ours(
                case,
                Code::OutOfResources,
                "this machine had no socket left",
            )
        },
    },
    CheckRule {
        code: Code::SourceUnusable,
        holds: |case| {
            ours(
                case,
                Code::SourceUnusable,
                "the address given with --source cannot be used",
            )
        },
    },
    CheckRule {
        code: Code::ProxyUnreachable,
        holds: |case| of_proxy(case, Code::ProxyUnreachable, "cannot be reached"),
    },
    CheckRule {
        code: Code::ProxyNotUnderstood,
        holds: |case| {
            let told = "does not answer like a proxy of that kind";
            of_proxy(case, Code::ProxyNotUnderstood, told)
        },
    },
    CheckRule {
        code: Code::ProxySignInRequired,
        holds: |case| of_proxy(case, Code::ProxySignInRequired, "requires a sign-in"),
    },
    CheckRule {
        code: Code::ProxySignInRefused,
        holds: |case| {
            let told = "refuses the user or the password";
            of_proxy(case, Code::ProxySignInRefused, told)
        },
    },
    CheckRule {
        code: Code::ProxyForbids,
        holds: |case| of_proxy(case, Code::ProxyForbids, "does not allow the connection"),
    },
    CheckRule {
        code: Code::ProxyCouldNotTell,
        holds: |case| {
            let told = "could not connect, and does not say why";
            of_proxy(case, Code::ProxyCouldNotTell, told)
        },
    },
    CheckRule {
        code: Code::HttpsNotOpen,
        holds: |case| {
            ours(
                case,
                Code::HttpsNotOpen,
                &format!(
                    "skipped: port {} does not accept connections",
                    case.check.port
                ),
            )
        },
    },
    CheckRule {
        code: Code::HttpsUnusable,
        holds: |case| {
            ours(
                case,
                Code::HttpsUnusable,
                &format!("skipped: TLS failed on port {}", case.check.port),
            )
        },
    },
    CheckRule {
        code: Code::Deadline,
        holds: |case| ours(case, Code::Deadline, "the run's deadline passed first"),
    },
    CheckRule {
        code: Code::Interrupted,
        holds: |case| ours(case, Code::Interrupted, "the run was interrupted"),
    },
    CheckRule {
        code: Code::InternalError,
        holds: |case| ours(case, Code::InternalError, "exchports failed"),
    },
];

fn forbidden_open(case: &Case<'_>) -> Option<Evidence> {
    if case.check.expect != Expectation::Forbidden || !case.is_open() || case.is_directory_absent()
    {
        return None;
    }
    let place = forbidding_place(case);
    if let Some(status) = case.http().and_then(|facts| facts.status)
        && case.service().group == Group::Web
    {
        return Some(
            Evidence::new(format!(
                "the directory answers with HTTP {status} but must not {place}"
            ))
            .own_hint(format!(
                "Let the gateway in front answer 404 for this path, or remove the directory. If it has to be reachable \
                 from here, say so with `--optional {}`.",
                case.service().name
            )),
        );
    }
    let evidence = Evidence::new(format!(
        "port {} accepts connections but must not {place}",
        case.check.port
    ));
    Some(match case.service().id {
        ServiceId::Rdp => evidence.hint(
            "Close it on the firewall and put Remote Desktop behind a VPN or an RD Gateway. If it has to be reachable \
             from here, say so with `--optional rdp`.",
        ),
        ServiceId::Ldap | ServiceId::Ldaps => evidence.hint(
            "Close it on the firewall: the directory is for internal servers only. If it has to be reachable from \
             here, say so with `--optional ldap,ldaps`.",
        ),
        _ => evidence.own_hint(format!(
            "Close the port on the firewall, or limit it to a VPN or to known addresses. If it has to be reachable from \
             here, say so with `--optional {}`.",
            case.service().name
        )),
    })
}

/// Where it must not be reachable: on that kind of host, or here, where an option says so.
fn forbidding_place(case: &Case<'_>) -> String {
    let role = case.context.role;
    if expectation(role, case.service().id) != Some(Expectation::Forbidden) {
        let is_public = case.seen.address.is_some_and(|at| is_public(at.ip()));
        return if is_public && INTERNAL.contains(&case.service().id) {
            "on a public address".to_owned()
        } else {
            "here".to_owned()
        };
    }
    let name = role.row().name;
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("on {article} {name} host")
}

/// A port where nobody is: bad where it is required, good where it is forbidden, and bad wherever the first
/// connection of the check was accepted.
fn absence(case: &Case<'_>, message: String, hint: Option<Cow<'static, str>>) -> Evidence {
    let evidence = Evidence::new(message);
    if case.is_open() {
        return evidence.severity(Severity::Fail).hint(
            "The first connection of this check was accepted, but a later one was not. Look for a limit on connections \
             (a receive connector allows 20 from one address) or an intrusion prevention system.",
        );
    }
    match case.check.expect {
        Expectation::Required | Expectation::Optional => match hint {
            Some(Cow::Borrowed(hint)) => evidence.hint(hint),
            Some(Cow::Owned(hint)) => evidence.own_hint(hint),
            None => evidence,
        },
        Expectation::Forbidden => {
            evidence.hint("No action is needed: it must not be reachable, and it is not.")
        }
    }
}

fn refused_hint(case: &Case<'_>) -> &'static str {
    match case.service().id {
        ServiceId::Pop3 | ServiceId::Pop3s => {
            "POP3 is off by default in Exchange, and that is fine if nobody uses it. Otherwise start the \
             services MSExchangePop3 and MSExchangePop3BE and set them to automatic."
        }
        ServiceId::Imap | ServiceId::Imaps => {
            "IMAP4 is off by default in Exchange, and that is fine if nobody uses it. Otherwise start the \
             services MSExchangeImap4 and MSExchangeImap4BE and set them to automatic."
        }
        ServiceId::Smtp | ServiceId::Submission => {
            "Start MSExchangeFrontEndTransport, and make sure that a receive connector has this port (`Get-ReceiveConnector | \
             Format-Table Name,Bindings`)."
        }
        ServiceId::Submissions => {
            "Exchange offers no submission with implicit TLS: mail clients use 587 with STARTTLS. If a server other \
             than Exchange should answer on 465, start it."
        }
        ServiceId::Http
        | ServiceId::Https
        | ServiceId::Owa
        | ServiceId::Ecp
        | ServiceId::Ews
        | ServiceId::Mapi
        | ServiceId::Activesync
        | ServiceId::Autodiscover
        | ServiceId::OutlookAnywhere
        | ServiceId::Oab
        | ServiceId::Powershell
        | ServiceId::Mrsproxy => {
            "Make sure that IIS is running (`Get-Service W3SVC`) and has a binding on this port (`Get-WebBinding`). \
             Behind a load balancer, make sure that its pool has a healthy member."
        }
        ServiceId::Ldap => {
            "Domain controllers serve the directory, mail servers do not: check a domain controller's name. There, \
             make sure that Active Directory Domain Services (NTDS) is running."
        }
        ServiceId::Ldaps => {
            "Domain controllers serve the directory, mail servers do not: check a domain controller's name. There, \
             make sure that the service NTDS is running; 636 also needs a certificate."
        }
        ServiceId::Rdp => {
            "Make sure that Remote Desktop is allowed (fDenyTSConnections is 0) and that the service TermService is \
             running. The registry value PortNumber shows its port."
        }
    }
}

fn filtered_hint(case: &Case<'_>) -> Option<&'static str> {
    match (case.service().id, case.service().protocol) {
        (ServiceId::Smtp, _) => Some(
            "A firewall drops the packets, or the service is stopped and Windows therefore does not answer (stealth \
             mode). Many providers and clouds block outbound 25: ask yours, or try from elsewhere.",
        ),
        (_, Protocol::Pop3) => Some(
            "A firewall drops the packets, or the service is stopped and Windows therefore does not answer (stealth \
             mode). POP3 (MSExchangePop3 and MSExchangePop3BE) is off by default, which is fine if nobody uses it.",
        ),
        (_, Protocol::Imap) => Some(
            "A firewall drops the packets, or the service is stopped and Windows therefore does not answer (stealth \
             mode). IMAP4 (MSExchangeImap4 and MSExchangeImap4BE) is off by default, which is fine if nobody uses \
             it.",
        ),
        (_, Protocol::Ldap) => Some(
            "A firewall drops the packets, or nothing listens there and Windows therefore does not answer (stealth \
             mode). Mail servers do not serve the directory: check a domain controller's name.",
        ),
        (ServiceId::Submissions, _) => Some(
            "A firewall drops the packets, or nothing listens there and Windows therefore does not answer (stealth \
             mode). Exchange offers no submission with implicit TLS: mail clients use 587.",
        ),
        _ => None,
    }
}

/// Where 443 does not answer and the environment names a proxy, that may be the way which everybody else takes.
fn unused_proxy_hint(case: &Case<'_>) -> Option<String> {
    let is_web = matches!(case.service().id, ServiceId::Https | ServiceId::Http)
        || case.service().group == Group::Web;
    let proxy = case.context.unused_proxy.filter(|_| is_web)?;
    Some(unused_proxy(proxy))
}

/// What to do where nothing answers and the environment names a proxy.
pub(in crate::judge) fn unused_proxy(proxy: &Proxy) -> String {
    format!(
        "This machine's environment names a proxy, {proxy}, which browsers and Outlook may go through: check through \
         it with `--proxy env`."
    )
}

/// What the proxy kept from being looked at; it says nothing about the server.
fn of_proxy(case: &Case<'_>, code: Code, told: &str) -> Option<Evidence> {
    let failure = case.failed(code)?;
    let proxy = case.seen.proxy.as_ref().map_or("", Text::as_str);
    let gap = if proxy.is_empty() { "" } else { " " };
    Some(Evidence::new(format!(
        "the proxy{gap}{proxy} {told}{}",
        said(failure)
    )))
}

/// What kept this machine from looking; it says nothing about the server.
fn ours(case: &Case<'_>, code: Code, message: &str) -> Option<Evidence> {
    let failure = case.failed(code)?;
    Some(Evidence::new(format!("{message}{}", said(failure))))
}

/// Where several addresses were tried: how many showed this, or which, and what the others showed. `at` is the word that
/// leads to an address: `at 192.0.2.1`, `from 192.0.2.1`.
fn everywhere(case: &Case<'_>, at: &str) -> String {
    let attempts = &case.seen.attempts;
    let of = |state| -> Vec<String> {
        attempts
            .iter()
            .filter(|attempt| attempt.state == state)
            .map(|attempt| attempt.address.ip().to_string())
            .collect()
    };
    let here = of(case.seen.state);
    if here.is_empty() {
        return String::new();
    }
    let mut words = if here.len() > 1 && here.len() == attempts.len() {
        return format!(" {at} any of {} addresses", here.len());
    } else {
        format!(" {at} {}", few(&here))
    };
    for (state, showed) in [
        (State::Closed, "refused"),
        (State::Filtered, "gave no answer"),
        (State::Unreachable, "cannot be reached"),
        (State::Blocked, "could not be tried from this machine"),
    ] {
        let others = of(Some(state));
        if case.seen.state != Some(state) && !others.is_empty() {
            words = format!("{words}; {} {showed}", few(&others));
        }
    }
    words
}

/// `192.0.2.1, 192.0.2.2 and 3 more`
fn few(addresses: &[String]) -> String {
    match addresses {
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{Fixture, open};
    use crate::catalog::{Expectation, Role, SERVICES, ServiceId};
    use crate::finding::{Code, Severity, Status};
    use crate::observation::{Attempt, Cause, Stage, State};
    use crate::plan::{Host, Proxy, ProxyScheme};

    fn through_proxy(cause: Cause, state: Option<State>) -> Fixture {
        let mut staged = open(ServiceId::Https).failing(Stage::Proxy, cause);
        staged.seen.state = state;
        staged.seen.proxy = Some("http://gw:3128".into());
        staged
    }

    #[test]
    fn what_a_proxy_says_of_the_port_is_the_ports_and_what_it_says_of_itself_is_not() {
        for (cause, state, words, code, status, told) in [
            (
                Cause::Refused,
                Some(State::Closed),
                "SOCKS reply 5, connection refused",
                Code::Refused,
                Status::Fail,
                "the proxy http://gw:3128 says that the connection was refused: \"SOCKS reply 5, connection refused\"",
            ),
            (
                Cause::Filtered,
                Some(State::Filtered),
                "",
                Code::Filtered,
                Status::Fail,
                "the proxy http://gw:3128 did not get through within 3 s",
            ),
            (
                Cause::NameNotFound,
                Some(State::Unresolved),
                "",
                Code::NameNotFound,
                Status::Fail,
                "the proxy http://gw:3128 says that the name does not exist",
            ),
            (
                Cause::ProxyForbids,
                None,
                "HTTP 403 Forbidden",
                Code::ProxyForbids,
                Status::Skip,
                "the proxy http://gw:3128 does not allow the connection: \"HTTP 403 Forbidden\"",
            ),
            (
                Cause::ProxyCouldNotTell,
                None,
                "HTTP 502 Bad Gateway",
                Code::ProxyCouldNotTell,
                Status::Skip,
                "the proxy http://gw:3128 could not connect, and does not say why: \"HTTP 502 Bad Gateway\"",
            ),
        ] {
            let staged = through_proxy(cause, state).saying(words);
            let mut staged = staged;
            if words.is_empty()
                && let Some(failure) = &mut staged.seen.failure
            {
                failure.detail = None;
            }
            let found = staged.judged();
            let first = found.diagnoses.first().expect("it is told");
            assert_eq!((first.code, found.status), (code, status), "{cause:?}");
            assert_eq!(first.message, told);
        }
    }

    #[test]
    fn where_443_is_filtered_the_hint_names_a_proxy_that_is_not_used() {
        let proxy = Proxy {
            scheme: ProxyScheme::Http,
            host: Host::Name("gw.example.com".to_owned()),
            port: 3128,
            credentials: None,
            except: Vec::new(),
        };
        for (id, cause, is_named) in [
            (ServiceId::Https, Cause::Filtered, true),
            (ServiceId::Https, Cause::Refused, false),
            (ServiceId::Imaps, Cause::Filtered, false),
        ] {
            let mut staged = open(id).failing(Stage::Connect, cause);
            staged.unused_proxy = Some(proxy.clone());
            let found = staged.judged();
            let hint = &found.diagnoses.first().expect("it is told").hint;
            let named = hint.contains("names a proxy, http://gw.example.com:3128, which");
            assert_eq!(named, is_named, "{id:?}: {hint}");
        }
    }

    #[test]
    fn an_absent_service_is_as_bad_as_it_is_wanted() {
        for (cause, code) in [
            (Cause::Refused, Code::Refused),
            (Cause::Filtered, Code::Filtered),
            (Cause::Unreachable, Code::Unreachable),
        ] {
            for (expect, severity) in [
                (Expectation::Required, Severity::Fail),
                (Expectation::Optional, Severity::Info),
                (Expectation::Forbidden, Severity::Info),
            ] {
                let staged = open(ServiceId::Pop3)
                    .failing(Stage::Connect, cause)
                    .expect(expect);
                assert_eq!(staged.told(), [(code, severity)], "{expect:?}");
            }
        }
    }

    #[test]
    fn a_forbidden_port_that_is_open_is_told_first() {
        let staged = open(ServiceId::Rdp)
            .expect(Expectation::Forbidden)
            .role(Role::Published)
            .failing(Stage::Starttls, Cause::Silent);
        assert_eq!(
            staged.told(),
            [
                (Code::ForbiddenOpen, Severity::Fail),
                (Code::Silent, Severity::Info)
            ]
        );
        assert_eq!(staged.judged().failure_code, Some(Code::Silent));
        let (_, hint) = staged.words(Code::Silent);
        assert!(hint.starts_with("Do not repair it"), "{hint}");
        let (message, hint) = staged.words(Code::ForbiddenOpen);
        assert_eq!(
            message,
            "port 3389 accepts connections but must not on a published host"
        );
        assert!(hint.contains("VPN"), "{hint}");
        for role in [Role::Any, Role::Edge] {
            let by_option = staged.clone().role(role);
            assert_eq!(
                by_option.words(Code::ForbiddenOpen).0,
                "port 3389 accepts connections but must not here"
            );
        }
    }

    #[test]
    fn the_hint_of_filtered_names_both_causes() {
        for service in &SERVICES {
            let (_, hint) = open(service.id)
                .failing(Stage::Connect, Cause::Filtered)
                .words(Code::Filtered);
            assert!(hint.contains("firewall drops the packets"), "{hint}");
            assert!(hint.contains("Windows"), "{hint}");
            assert!(hint.contains("stealth mode"), "{hint}");
        }
        let (_, hint) = open(ServiceId::Smtp)
            .failing(Stage::Connect, Cause::Filtered)
            .words(Code::Filtered);
        assert!(
            hint.contains("providers and clouds block outbound 25"),
            "{hint}"
        );
    }

    #[test]
    fn mail_access_that_is_off_by_default_says_so() {
        for (service, front_end) in [
            (ServiceId::Pop3, "MSExchangePop3 "),
            (ServiceId::Pop3s, "MSExchangePop3BE"),
            (ServiceId::Imap, "MSExchangeImap4 "),
            (ServiceId::Imaps, "MSExchangeImap4BE"),
        ] {
            let (_, hint) = open(service)
                .failing(Stage::Connect, Cause::Refused)
                .words(Code::Refused);
            assert!(hint.contains("off by default"), "{hint}");
            assert!(hint.contains("fine if nobody uses it"), "{hint}");
            assert!(hint.contains(front_end), "{hint}");
        }
    }

    #[test]
    fn the_wait_and_the_number_of_addresses_are_told() {
        let mut staged = open(ServiceId::Https).failing(Stage::Connect, Cause::Filtered);
        assert_eq!(staged.words(Code::Filtered).0, "no answer within 3 s");
        let attempt = Attempt {
            address: ([192, 0, 2, 1], 443).into(),
            state: Some(State::Filtered),
            took: std::time::Duration::from_secs(3),
        };
        staged.seen.attempts = vec![attempt; 2];
        assert_eq!(
            staged.words(Code::Filtered).0,
            "no answer within 3 s from any of 2 addresses"
        );
        staged.seen.steps.clear();
        staged.seen.attempts.clear();
        assert_eq!(staged.words(Code::Filtered).0, "no answer in time");
    }

    #[test]
    fn only_addresses_that_showed_the_same_are_counted() {
        let attempt = |address: [u8; 4], state| Attempt {
            address: (address, 25).into(),
            state: Some(state),
            took: std::time::Duration::from_millis(1),
        };
        let mut staged = open(ServiceId::Smtp).failing(Stage::Connect, Cause::Refused);
        staged.seen.attempts = vec![
            attempt([192, 0, 2, 1], State::Closed),
            attempt([192, 0, 2, 2], State::Blocked),
        ];
        assert_eq!(
            staged.words(Code::Refused).0,
            "the connection was refused at 192.0.2.1; 192.0.2.2 could not be tried from this machine"
        );
        staged.seen.attempts = vec![
            attempt([192, 0, 2, 1], State::Closed),
            attempt([192, 0, 2, 2], State::Closed),
            attempt([192, 0, 2, 3], State::Closed),
            attempt([192, 0, 2, 4], State::Filtered),
        ];
        assert_eq!(
            staged.words(Code::Refused).0,
            "the connection was refused at 192.0.2.1, 192.0.2.2 and 1 more; 192.0.2.4 gave no answer"
        );
        staged.seen.attempts.truncate(3);
        assert_eq!(
            staged.words(Code::Refused).0,
            "the connection was refused at any of 3 addresses"
        );
    }

    #[test]
    fn what_was_not_asked_names_the_port_that_it_waits_for() {
        let mut staged = open(ServiceId::Owa).failing(Stage::Connect, Cause::HttpsNotOpen);
        staged.check.port = 9;
        assert_eq!(
            staged.words(Code::HttpsNotOpen).0,
            "skipped: port 9 does not accept connections"
        );
        let mut staged = open(ServiceId::Owa).failing(Stage::Connect, Cause::HttpsUnusable);
        staged.check.port = 8443;
        assert_eq!(
            staged.words(Code::HttpsUnusable).0,
            "skipped: TLS failed on port 8443"
        );
    }

    #[test]
    fn what_is_ours_is_never_a_failure_of_the_server() {
        for (cause, code, severity) in [
            (Cause::BlockedHere, Code::Blocked, Severity::Warn),
            (
                Cause::NoFamilyHere,
                Code::AddressFamilyMissing,
                Severity::Warn,
            ),
            (Cause::NoNetwork, Code::NoNetwork, Severity::Warn),
            (Cause::OutOfResources, Code::OutOfResources, Severity::Warn),
            (Cause::SourceUnusable, Code::SourceUnusable, Severity::Warn),
            (Cause::Deadline, Code::Deadline, Severity::Info),
            (Cause::Interrupted, Code::Interrupted, Severity::Info),
            (Cause::Internal, Code::InternalError, Severity::Warn),
        ] {
            assert!(cause.is_ours());
            let staged = open(ServiceId::Smtp).failing(Stage::Connect, cause);
            assert_eq!(staged.told(), [(code, severity)]);
        }
    }
}
