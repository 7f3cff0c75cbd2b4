//! Rules on reach: names, TCP, what must not be reachable, and what kept this machine from looking.

use super::{Case, Evidence, Rule, said};
use crate::catalog::{Expectation, Group, Protocol, ServiceId, expectation};
use crate::finding::{Code, Severity};
use crate::observation::State;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::ForbiddenOpen,
        severity: Severity::Fail,
        title: "reachable, and it must not be",
        meaning: "The port accepted a connection, and on this kind of host it must not be reachable from where the \
                  check was made. Whether the service behind it works makes no difference, and what else was seen of it is \
                  told for information only.",
        hint: "Close the port on the firewall, or limit it to a VPN or to known addresses. If it has to be reachable \
               from here, say so with `--optional`.",
        reference: "Microsoft, Network ports for clients and mail flow in Exchange",
        holds: forbidden_open,
    },
    Rule {
        code: Code::NameNotFound,
        severity: Severity::Fail,
        title: "the name does not exist",
        meaning: "DNS says that there is no such name, so nothing could be connected to.",
        hint: "Check the spelling, then ask internal and public DNS (`nslookup`): an internal name is unknown outside. \
               If it should exist, add the record.",
        reference: "RFC 1035 §4.1.1; RFC 8020",
        holds: |case| {
            let failure = case.failed(Code::NameNotFound)?;
            Some(Evidence::new(format!(
                "the name does not exist in DNS{}",
                said(failure)
            )))
        },
    },
    Rule {
        code: Code::NameWithoutAddress,
        severity: Severity::Fail,
        title: "the name has no address",
        meaning: "The name exists in DNS and has no A or AAAA record of the families that were asked for, so nothing \
                  could be connected to.",
        hint: "Add an A or AAAA record, or check where its CNAME leads. With `-4`, `-6` or `--source` only one family counts.",
        reference: "RFC 2308 §2.2",
        holds: |case| {
            let failure = case.failed(Code::NameWithoutAddress)?;
            Some(Evidence::new(format!(
                "the name has no address of the families asked for{}",
                said(failure)
            )))
        },
    },
    Rule {
        code: Code::NameLookupFailed,
        severity: Severity::Fail,
        title: "the name could not be looked up",
        meaning: "The resolver did not answer, or answered that it could not. Whether the name exists is not known.",
        hint: "Try another resolver (`nslookup NAME SERVER`) and see that port 53 is open for UDP and TCP. A broken \
               DNSSEC signature looks the same.",
        reference: "RFC 1035 §4.1.1",
        holds: |case| {
            let failure = case.failed(Code::NameLookupFailed)?;
            Some(Evidence::new(format!(
                "the lookup of the name failed{}",
                said(failure)
            )))
        },
    },
    Rule {
        code: Code::Refused,
        severity: Severity::Fail,
        title: "the connection was refused",
        meaning: "The host answered at once that nobody listens on this port: the service is stopped, listens on \
                  another port, or a firewall refuses in its place. PortQry calls it NOT LISTENING.",
        hint: "Start the service, or correct the port. Behind a load balancer, see that its pool has a member.",
        reference: "RFC 9293 §3.10.7.1; Microsoft, PortQry",
        holds: |case| {
            case.failed(Code::Refused)?;
            Some(absence(
                case,
                format!("the connection was refused{}", everywhere(case, "at")),
                Some(refused_hint(case)),
            ))
        },
    },
    Rule {
        code: Code::Filtered,
        severity: Severity::Fail,
        title: "no answer",
        meaning: "Nothing came back, not even a refusal. Either a firewall drops the packets, or the service is \
                  stopped on a Windows host, whose firewall answers nothing for a closed port (stealth mode). PortQry \
                  calls it FILTERED.",
        hint: "A firewall drops it, or the service is stopped on a Windows host, whose firewall then answers nothing \
               (stealth mode). Look at the firewall's log and at the service.",
        reference: "Microsoft KB 2586744 (stealth mode); Microsoft, PortQry",
        holds: |case| {
            case.failed(Code::Filtered)?;
            let within = case.waited().map_or_else(
                || " in time".to_owned(),
                |waited| format!(" within {waited}"),
            );
            Some(absence(
                case,
                format!("no answer{within}{}", everywhere(case, "from")),
                filtered_hint(case),
            ))
        },
    },
    Rule {
        code: Code::Unreachable,
        severity: Severity::Fail,
        title: "unreachable",
        meaning: "There is no route to the host, or a router or a filter on the way said no. Linux cannot tell these \
                  apart on IPv4.",
        hint: "Check the address, the route to it (`tracert`) and the VPN. A router or a filter on the way may have \
               said no: ask its owner.",
        reference: "RFC 792; RFC 1812 §5.2.7.1; RFC 4443 §3.1",
        holds: |case| {
            let failure = case.failed(Code::Unreachable)?;
            Some(absence(
                case,
                format!(
                    "no route to the host, or a router or a filter said no{}{}",
                    everywhere(case, "for"),
                    said(failure)
                ),
                None,
            ))
        },
    },
    Rule {
        code: Code::Blocked,
        severity: Severity::Warn,
        title: "this machine does not let the connection out",
        meaning: "The system refused to send: a firewall or an antivirus on the machine that runs the check. It says \
                  nothing about the server.",
        hint: "Allow exchports in this machine's firewall or antivirus (`Get-NetFirewallRule -Direction Outbound`), \
               or check from another machine.",
        reference: "connect(2), EPERM; Winsock, WSAEACCES (10013)",
        holds: |case| ours(case, Code::Blocked, "this machine refused to send"),
    },
    Rule {
        code: Code::NoNetwork,
        severity: Severity::Warn,
        title: "this machine has no way out",
        meaning: "The machine that runs the check has no network: no address and no route beyond itself, neither in IPv4 \
                  nor in IPv6, so nothing was sent and no resolver was asked. It says nothing about the server.",
        hint: "Connect this machine to the network, or bring up its VPN (`ipconfig`, `route print`; `ip address`, `ip \
               route`), then check again.",
        reference: "connect(2), ENETUNREACH; Winsock, WSAENETUNREACH (10051)",
        holds: |case| {
            ours(
                case,
                Code::NoNetwork,
                "this machine has no network: no way out in IPv4 or IPv6",
            )
        },
    },
    Rule {
        code: Code::AddressFamilyMissing,
        severity: Severity::Warn,
        title: "this machine has no way to that address",
        meaning: "The machine that runs the check has no address of the target's family (IPv6 or IPv4), or no route \
                  to it: nothing was sent. It says nothing about the server.",
        hint: "Check from a machine that has that family and a route there (`route print`, `ip route`; a VPN may bring \
               it), or keep to the other family with `-4` or `-6`.",
        reference: "RFC 8305; connect(2), ENETUNREACH and EAFNOSUPPORT",
        holds: |case| {
            ours(
                case,
                Code::AddressFamilyMissing,
                "this machine has no address of that family, or no route to the host",
            )
        },
    },
    Rule {
        code: Code::OutOfResources,
        severity: Severity::Warn,
        title: "this machine ran out of files, ports or memory",
        meaning: "The system had no socket left for the check. It says nothing about the server.",
        hint: "Look at fewer at once (`--jobs`), or raise the limit of open files.",
        reference: "socket(2), EMFILE and ENFILE; connect(2), EADDRNOTAVAIL; Winsock, WSAENOBUFS (10055)",
        holds: |case| {
            ours(
                case,
                Code::OutOfResources,
                "this machine had no socket left",
            )
        },
    },
    Rule {
        code: Code::SourceUnusable,
        severity: Severity::Warn,
        title: "the source address cannot be used",
        meaning: "The address given with `--source` does not belong to the machine that runs the check, belongs to the \
                  other address family than the target's, or leads nowhere near the target, as 127.0.0.1 does.",
        hint: "Give `--source` an address that this machine has and that leads to the target: `ipconfig` or `ip address` \
               lists them.",
        reference: "bind(2), EADDRNOTAVAIL",
        holds: |case| {
            ours(
                case,
                Code::SourceUnusable,
                "the address given with --source cannot be used",
            )
        },
    },
    Rule {
        code: Code::HttpsNotOpen,
        severity: Severity::Info,
        title: "443 is not open",
        meaning: "Exchange's web services all live behind 443. It accepted no connection, so they were not asked.",
        hint: "Get that port working first: the row of `https` says what is wrong there.",
        reference: "Microsoft: Network ports for clients and mail flow in Exchange",
        holds: |case| {
            ours(
                case,
                Code::HttpsNotOpen,
                &format!(
                    "not asked, since port {} accepts no connection",
                    case.check.port
                ),
            )
        },
    },
    Rule {
        code: Code::HttpsUnusable,
        severity: Severity::Info,
        title: "TLS on 443 does not work",
        meaning: "Exchange's web services all live behind 443. It accepted a connection and the TLS handshake failed, it \
                  speaks in clear, or it has only suites that this program lacks, so they were not asked.",
        hint: "Get that port working first: the row of `https` says what is wrong there.",
        reference: "Microsoft: Network ports for clients and mail flow in Exchange",
        holds: |case| {
            ours(
                case,
                Code::HttpsUnusable,
                &format!(
                    "not asked, since no TLS session came about on port {}",
                    case.check.port
                ),
            )
        },
    },
    Rule {
        code: Code::Deadline,
        severity: Severity::Info,
        title: "the run was over first",
        meaning: "The run's deadline (`--deadline`) came before this check was at its end.",
        hint: "Give the run more time with `--deadline`, or look at fewer targets at once.",
        reference: "exchports check --help, --deadline",
        holds: |case| ours(case, Code::Deadline, "the run's deadline came first"),
    },
    Rule {
        code: Code::Interrupted,
        severity: Severity::Info,
        title: "interrupted",
        meaning: "The run was interrupted (Ctrl-C or SIGTERM) before this check was at its end.",
        hint: "Run it again.",
        reference: "exchports check --help",
        holds: |case| ours(case, Code::Interrupted, "the run was interrupted"),
    },
    Rule {
        code: Code::InternalError,
        severity: Severity::Warn,
        title: "a defect of exchports",
        meaning: "exchports itself failed. It says nothing about the server.",
        hint: "Report it with the command line and the output of `-v`, please.",
        reference: "the project's issue tracker",
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
                "the directory answers with HTTP {status}, and must not {place}"
            ))
            .hint(
                "Let the gateway in front answer 404 for this path, or remove the directory. If it has to be reachable \
                 from here, say so with `--optional`.",
            ),
        );
    }
    let evidence = Evidence::new(format!(
        "port {} accepts connections, and must not {place}",
        case.check.port
    ));
    Some(evidence.hint_if(match case.service().id {
        ServiceId::Rdp => Some(
            "Close it on the firewall and put Remote Desktop behind a VPN or an RD Gateway. If it has to be \
             reachable from here, say so with `--optional rdp`.",
        ),
        ServiceId::Ldap | ServiceId::Ldaps => Some(
            "Close it on the firewall: the directory is for servers inside. If it has to be reachable from here, say \
             so with `--optional`.",
        ),
        _ => None,
    }))
}

/// Where it must not be reachable: on that kind of host, or here, where an option says so.
fn forbidding_place(case: &Case<'_>) -> String {
    let role = case.context.role;
    if expectation(role, case.service().id) != Some(Expectation::Forbidden) {
        return "here".to_owned();
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
fn absence(case: &Case<'_>, message: String, hint: Option<&'static str>) -> Evidence {
    let evidence = Evidence::new(message);
    if case.is_open() {
        return evidence.severity(Severity::Fail).hint(
            "The first connection of this check was accepted and a later one was not. Look for a limit on connections \
             (a receive connector allows 20 from one address) or an intrusion prevention system.",
        );
    }
    match case.check.expect {
        Expectation::Required => evidence.severity(Severity::Fail).hint_if(hint),
        Expectation::Optional => evidence.severity(Severity::Info).hint_if(hint),
        Expectation::Forbidden => evidence
            .severity(Severity::Info)
            .hint("Nothing to do: it must not be reachable, and it is not."),
    }
}

fn refused_hint(case: &Case<'_>) -> &'static str {
    match case.service().id {
        ServiceId::Pop3 | ServiceId::Pop3s => {
            "POP3 is off by default in Exchange, and nothing is wrong if it is not wanted. Otherwise start the \
             services MSExchangePop3 and MSExchangePop3BE and set them to automatic."
        }
        ServiceId::Imap | ServiceId::Imaps => {
            "IMAP4 is off by default in Exchange, and nothing is wrong if it is not wanted. Otherwise start the \
             services MSExchangeImap4 and MSExchangeImap4BE and set them to automatic."
        }
        ServiceId::Smtp | ServiceId::Submission => {
            "See that the service MSExchangeFrontEndTransport runs and that a receive connector has this port \
             (`Get-ReceiveConnector | Format-Table Name,Bindings`)."
        }
        ServiceId::Submissions => {
            "Exchange offers no submission with implicit TLS: mail programs use 587 with STARTTLS. If a server other \
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
        | ServiceId::Powershell => {
            "See that IIS runs (`Get-Service W3SVC`) and has a binding on this port (`Get-WebBinding`). Behind a load \
             balancer, see that its pool has a member."
        }
        ServiceId::Ldap => {
            "Domain controllers serve the directory, mail servers do not: check a domain controller's name. There, \
             see that Active Directory Domain Services (NTDS) runs."
        }
        ServiceId::Ldaps => {
            "Domain controllers serve the directory, mail servers do not: check a domain controller's name. There, \
             see that the service NTDS runs; 636 needs a certificate besides."
        }
        ServiceId::Rdp => {
            "See that Remote Desktop is allowed (fDenyTSConnections is 0) and that the service TermService runs. The \
             registry value PortNumber tells its port."
        }
    }
}

fn filtered_hint(case: &Case<'_>) -> Option<&'static str> {
    match (case.service().id, case.service().protocol) {
        (ServiceId::Smtp, _) => Some(
            "A firewall drops it, or the service is stopped on Windows, whose firewall then answers nothing (stealth \
             mode). Many providers and clouds block 25 outbound: ask yours, or try from elsewhere.",
        ),
        (_, Protocol::Pop3) => Some(
            "A firewall drops it, or the service is stopped on Windows, which then answers nothing (stealth mode). \
             POP3 is off by default: MSExchangePop3 and MSExchangePop3BE, and nothing is wrong if not wanted.",
        ),
        (_, Protocol::Imap) => Some(
            "A firewall drops it, or the service is stopped on Windows, which then answers nothing (stealth mode). \
             IMAP4 is off by default: MSExchangeImap4 and MSExchangeImap4BE, and nothing is wrong if not wanted.",
        ),
        (_, Protocol::Ldap) => Some(
            "A firewall drops it, or nobody listens on a Windows host, which then answers nothing (stealth mode). \
             Mail servers do not serve the directory: check a domain controller's name.",
        ),
        (ServiceId::Submissions, _) => Some(
            "A firewall drops it, or nobody listens on a Windows host, which then answers nothing (stealth mode). \
             Exchange offers no submission with implicit TLS: mail programs use 587.",
        ),
        _ => None,
    }
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
    use super::super::super::staged::open;
    use crate::catalog::{Expectation, Role, SERVICES, ServiceId};
    use crate::finding::{Code, Severity};
    use crate::observation::{Attempt, Cause, Stage, State};

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
        assert!(hint.starts_with("Nothing to repair"), "{hint}");
        let (message, hint) = staged.words(Code::ForbiddenOpen);
        assert_eq!(
            message,
            "port 3389 accepts connections, and must not on a published host"
        );
        assert!(hint.contains("VPN"), "{hint}");
        for role in [Role::Any, Role::Edge] {
            let by_option = staged.clone().role(role);
            assert_eq!(
                by_option.words(Code::ForbiddenOpen).0,
                "port 3389 accepts connections, and must not here"
            );
        }
    }

    #[test]
    fn the_hint_of_filtered_names_both_causes() {
        for service in &SERVICES {
            let (_, hint) = open(service.id)
                .failing(Stage::Connect, Cause::Filtered)
                .words(Code::Filtered);
            assert!(hint.contains("firewall drops it"), "{hint}");
            assert!(hint.contains("Windows"), "{hint}");
            assert!(hint.contains("stealth mode"), "{hint}");
        }
        let (_, hint) = open(ServiceId::Smtp)
            .failing(Stage::Connect, Cause::Filtered)
            .words(Code::Filtered);
        assert!(hint.contains("providers and clouds block 25"), "{hint}");
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
            assert!(hint.contains("nothing is wrong"), "{hint}");
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
            "not asked, since port 9 accepts no connection"
        );
        let mut staged = open(ServiceId::Owa).failing(Stage::Connect, Cause::HttpsUnusable);
        staged.check.port = 8443;
        assert_eq!(
            staged.words(Code::HttpsUnusable).0,
            "not asked, since no TLS session came about on port 8443"
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
