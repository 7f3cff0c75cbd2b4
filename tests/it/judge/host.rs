//! Rules over a whole target, from outside: what all its rows together mean, and that a healthy host raises nothing.

use std::net::IpAddr;
use std::time::Duration;

use exchports::catalog::{Role, ServiceId};
use exchports::facts::{
    CertificateFacts, HttpFacts, PeerFacts, SmtpFacts, Text, TrustDefect, TrustFacts,
};
use exchports::finding::{Code, Finding, Severity, Status};
use exchports::judge::{Control, Elsewhere, calls_for_control, target_rules};
use exchports::observation::{Attempt, Cause, Observation, State};

use super::now;
use super::staged_host::{
    ADDRESSES, StagedHost, certificate, codes, days, healthy, ip, old, only, serve, unopened,
};

use ServiceId::{
    Autodiscover, Ews, Http, Https, Imap, Imaps, Ldap, Mapi, Owa, Pop3, Pop3s, Rdp, Smtp,
    Submission,
};

#[test]
fn a_healthy_exchange_raises_nothing_in_any_role() {
    for role in [Role::Any, Role::Mailbox, Role::Published, Role::Edge] {
        let host = StagedHost::of(role);
        let finding = host.judged();
        assert_eq!(codes(&finding), [], "{role:?}: {finding:#?}");
    }
}

#[test]
fn a_host_on_which_nothing_listens_is_told_once() {
    let mut host = StagedHost::of(Role::Mailbox);
    host.each(|seen| *seen = unopened(State::Closed, Cause::Refused));
    let finding = host.judged();
    assert_eq!(codes(&finding), [(Code::NothingListens, Severity::Fail)]);
    assert!(Code::NothingListens.covers(Code::Refused));
    // One that gives no answer is another pattern.
    host.see(Submission, &unopened(State::Filtered, Cause::Filtered));
    assert_eq!(codes(&host.judged()), []);
}

#[test]
fn nothing_answers_is_told_once_and_only_where_somebody_should() {
    let mut host = StagedHost::of(Role::Mailbox);
    host.each(|seen| *seen = unopened(State::Filtered, Cause::Filtered));
    let finding = host.judged();
    let told = only(&finding, Code::NothingAnswers);
    assert_eq!(told.diagnosis.severity, Severity::Fail);
    assert!(told.services.contains(&Smtp) && told.services.contains(&Https));
    assert_eq!(codes(&finding), [(Code::NothingAnswers, Severity::Fail)]);

    // One that refuses is a host that is there.
    host.see(Submission, &unopened(State::Closed, Cause::Refused));
    assert_eq!(codes(&host.judged()), []);

    // Only one row is no pattern, and a forbidden port that does not answer is as it should be.
    let mut forbidden = StagedHost::with(Role::Published, &[Ldap, Rdp]);
    forbidden.each(|seen| *seen = unopened(State::Filtered, Cause::Filtered));
    assert_eq!(codes(&forbidden.judged()), []);
    let mut one = StagedHost::with(Role::Edge, &[Smtp]);
    one.each(|seen| *seen = unopened(State::Filtered, Cause::Filtered));
    assert_eq!(codes(&one.judged()), []);
}

#[test]
fn port_25_alone() {
    let mut host = StagedHost::with(Role::Mailbox, &[Smtp, Https, Submission]);
    host.see(Smtp, &unopened(State::Filtered, Cause::Filtered));
    let finding = host.judged();
    let told = only(&finding, Code::Port25Blocked);
    assert_eq!(told.services, [Smtp]);
    assert_eq!(
        told.diagnosis.message,
        "25 alone gets no answer, while https and submission answer"
    );
    assert!(told.diagnosis.hint.contains("Possibly"));
    // Others that do not answer either make it another pattern, and a refusal is no filter.
    host.see(Submission, &unopened(State::Filtered, Cause::Filtered));
    assert_eq!(codes(&host.judged()), []);
    host.see(Submission, &healthy(Submission.row()));
    host.see(Smtp, &unopened(State::Closed, Cause::Refused));
    assert_eq!(codes(&host.judged()), []);
}

#[test]
fn port_25_of_another_host_tells_whether_it_is_blocked_here_or_there() {
    let elsewhere = |host: &str, state| Elsewhere {
        host: host.to_owned(),
        addresses: vec![IpAddr::from([198, 51, 100, 25])],
        state,
    };
    let here = "25 is blocked in this network: neither this host nor";
    let there = "25 is not blocked in this network:";
    let unknown = "whether port 25 is blocked here or there is not known:";
    for (seen, code, severity, told) in [
        (
            vec![elsewhere("mx2", Some(State::Filtered))],
            Code::Port25BlockedHere,
            Severity::Fail,
            format!("port {here} mx2 answers on it"),
        ),
        (
            vec![elsewhere("mx2", Some(State::Open))],
            Code::Port25BlockedThere,
            Severity::Fail,
            format!("port {there} mx2 answers on it, but this host does not"),
        ),
        // A refusal is an answer that came back.
        (
            vec![
                elsewhere("mx2", Some(State::Filtered)),
                elsewhere("mx3", Some(State::Closed)),
            ],
            Code::Port25BlockedThere,
            Severity::Fail,
            format!("port {there} mx3 answers on it, but this host does not"),
        ),
        (
            vec![
                elsewhere("mx2", Some(State::Filtered)),
                elsewhere("mx3", Some(State::Unresolved)),
                elsewhere("mx4", Some(State::Filtered)),
            ],
            Code::Port25BlockedHere,
            Severity::Fail,
            format!("port {here} mx2 nor mx4 answers on it"),
        ),
        (
            vec![
                elsewhere("mx2", Some(State::Unresolved)),
                elsewhere("mx3", Some(State::Unreachable)),
                Elsewhere {
                    addresses: Vec::new(),
                    ..elsewhere("mx4", None)
                },
            ],
            Code::ControlUnusable,
            Severity::Info,
            format!(
                "{unknown} mx2 has no address, mx3 is unreachable, mx4 is at this host's address"
            ),
        ),
    ] {
        let mut host = StagedHost::with(Role::Mailbox, &[Smtp, Https, Submission]);
        host.see(Smtp, &unopened(State::Filtered, Cause::Filtered));
        host.port_25 = seen;
        let finding = host.judged();
        let diagnosis = &finding
            .diagnoses
            .iter()
            .find(|told| told.diagnosis.code == code)
            .unwrap_or_else(|| panic!("no {code}: {:?}", finding.diagnoses));
        assert_eq!(diagnosis.services, [Smtp]);
        assert_eq!(diagnosis.diagnosis.message, told);
        assert_eq!(diagnosis.diagnosis.severity, severity);
        // What is known is no longer told as a possibility.
        let is_possible = codes(&finding)
            .iter()
            .any(|(code, _)| *code == Code::Port25Blocked);
        assert_eq!(is_possible, code == Code::ControlUnusable);
    }
}

#[test]
fn port_25_of_another_host_says_nothing_where_25_answers_or_the_host_is_dead() {
    let open = Elsewhere {
        host: "mx2".to_owned(),
        addresses: Vec::new(),
        state: Some(State::Open),
    };
    let mut host = StagedHost::with(Role::Mailbox, &[Smtp, Https, Submission]);
    host.port_25 = vec![open.clone()];
    assert_eq!(codes(&host.judged()), []);
    host.see(Smtp, &unopened(State::Closed, Cause::Refused));
    assert_eq!(codes(&host.judged()), []);
    for id in [Smtp, Https, Submission] {
        host.see(id, &unopened(State::Filtered, Cause::Filtered));
    }
    only(&host.judged(), Code::NothingAnswers);
    // On a host that need not take mail nobody misses it.
    let mut host = StagedHost::with(Role::Published, &[Smtp, Https]);
    host.see(Smtp, &unopened(State::Filtered, Cause::Filtered));
    host.port_25 = vec![open];
    assert_eq!(codes(&host.judged()), []);
}

#[test]
fn a_network_that_lets_only_the_web_out() {
    let mut host = StagedHost::of(Role::Mailbox);
    host.each_port(|id, seen| {
        if !matches!(id, Http | Https) {
            *seen = unopened(State::Filtered, Cause::Filtered);
        }
    });
    let finding = host.judged();
    let told = only(&finding, Code::WebOnlyNetwork);
    assert_eq!(told.diagnosis.severity, Severity::Fail);
    assert!(!told.services.contains(&Https));
    assert_eq!(codes(&finding), [(Code::WebOnlyNetwork, Severity::Fail)]);
    // Published, nothing of that is required: a firewall that does its work.
    let mut host = StagedHost::of(Role::Published);
    host.each_port(|id, seen| {
        if !matches!(id, Http | Https) {
            *seen = unopened(State::Filtered, Cause::Filtered);
        }
    });
    assert_eq!(host.judged().status, Status::Pass);
    assert_eq!(codes(&host.judged()), []);
}

#[test]
fn pop_and_imap_are_off_by_default() {
    let mut host = StagedHost::of(Role::Mailbox);
    for id in [Pop3, Imap, Imaps, Pop3s] {
        host.see(id, &unopened(State::Closed, Cause::Refused));
    }
    // Where nobody misses them, their rows say enough.
    let finding = host.judged();
    assert_eq!(codes(&finding), []);
    assert_eq!(finding.status, Status::Pass);
    // As required they are missing, and still told once, with the reason.
    let mut required = StagedHost::of(Role::Any);
    for id in [Pop3, Imap, Imaps, Pop3s] {
        required.see(id, &unopened(State::Closed, Cause::Refused));
    }
    assert_eq!(
        codes(&required.judged()),
        [(Code::PopImapOff, Severity::Fail)]
    );
    // One that runs, or a host that is not Exchange, is another story.
    host.see(Imaps, &healthy(Imaps.row()));
    assert_eq!(codes(&host.judged()), []);
    let mut other = StagedHost::with(Role::Any, &[Pop3, Imap, Imaps, Pop3s]);
    other.each(|seen| *seen = unopened(State::Closed, Cause::Refused));
    assert_eq!(
        codes(&other.judged()),
        [(Code::NothingListens, Severity::Fail)]
    );
}

#[test]
fn a_certificate_that_was_not_renewed_everywhere() {
    let mut host = StagedHost::of(Role::Mailbox);
    host.change(Smtp, |seen| serve(seen, old()));
    let finding = host.judged();
    let told = only(&finding, Code::CertificateDiffers);
    assert_eq!(told.services, [Smtp]);
    assert_eq!(told.diagnosis.severity, Severity::Warn);
    let message = &told.diagnosis.message;
    assert!(
        message.starts_with("the certificate expires on 2027-01-17, and the newer one of "),
        "{message}"
    );
    assert!(message.contains("https"), "{message}");
    assert!(
        message.ends_with(", which expires on 2027-08-10, is not assigned here"),
        "{message}"
    );
    assert!(
        told.diagnosis.hint.contains("-Services SMTP`"),
        "{}",
        told.diagnosis.hint
    );
    // 443 stands for what is behind it.
    let mut web = StagedHost::of(Role::Mailbox);
    web.each(|seen| {
        if matches!(seen.peer, Some(PeerFacts::Http(_))) && seen.tls.is_some() {
            serve(seen, old());
        }
    });
    let finding = web.judged();
    let told = only(&finding, Code::CertificateDiffers);
    assert_eq!(told.services, [Https]);
    assert!(
        told.diagnosis.hint.contains("-Services IIS`"),
        "{}",
        told.diagnosis.hint
    );
    // What setup made, what a directory or a desktop has, other names, and two kinds of key of one day are no renewal.
    for other in [
        CertificateFacts {
            self_signed: true,
            ..old()
        },
        CertificateFacts {
            names: vec![Text::from("relay.example.com")],
            ..old()
        },
        CertificateFacts {
            not_before: now() - days(100),
            ..old()
        },
    ] {
        let mut host = StagedHost::of(Role::Mailbox);
        host.change(Smtp, |seen| serve(seen, other.clone()));
        assert_eq!(codes(&host.judged()), []);
    }
    let mut desktop = StagedHost::of(Role::Mailbox);
    desktop.change(Rdp, |seen| serve(seen, old()));
    assert_eq!(codes(&desktop.judged()), []);
}

/// One that has expired, or is about to, is that matter, and the renewal that it missed is told with it.
#[test]
fn a_certificate_that_was_due_and_not_renewed_everywhere() {
    for (left, code, said) in [
        (-3, Code::CertificateExpired, "the certificate expired on "),
        (
            5,
            Code::CertificateExpiresSoon,
            "the certificate expires on ",
        ),
    ] {
        let mut host = StagedHost::of(Role::Mailbox);
        host.change(Imaps, |seen| {
            let certificate = CertificateFacts {
                not_after: now() + days(left),
                ..old()
            };
            serve(seen, certificate);
        });
        let finding = host.judged();
        let told = only(&finding, code);
        assert_eq!(told.services, [Imaps]);
        let message = &told.diagnosis.message;
        assert!(message.starts_with(said), "{message}");
        assert!(message.ends_with(" is not assigned here"), "{message}");
        let hint = &told.diagnosis.hint;
        assert!(hint.contains("-Services POP,IMAP"), "{hint}");
    }
}

#[test]
fn a_certificate_that_differs_by_address() {
    let mut host = StagedHost::with(Role::Mailbox, &[Smtp, Https, Submission]).at_each(&ADDRESSES);
    host.each_at(ADDRESSES[1], |seen| {
        if seen.tls.is_some() {
            serve(seen, old());
        }
    });
    let finding = host.judged();
    let told = only(&finding, Code::CertificateDiffers);
    assert_eq!(told.addresses, [ip(ADDRESSES[1])]);
    assert_eq!(told.services, [Smtp, Https, Submission]);
    assert!(
        told.diagnosis
            .message
            .contains("at 192.0.2.11 expires on 2027-01-17")
    );
}

#[test]
fn one_family_of_addresses_that_does_not_work() {
    let [v4, v6] = ["192.0.2.10", "2001:db8::10"];
    for (bad, code) in [(v6, Code::Ipv6Broken), (v4, Code::Ipv4Broken)] {
        // Each address on a row of its own.
        let mut host =
            StagedHost::with(Role::Mailbox, &[Smtp, Https, Submission]).at_each(&[v4, v6]);
        host.each_at(bad, |seen| {
            *seen = Observation {
                address: seen.address,
                ..unopened(State::Filtered, Cause::Filtered)
            };
        });
        let finding = host.judged();
        let told = only(&finding, code);
        assert_eq!(told.addresses, [ip(bad)]);
        assert_eq!(told.diagnosis.severity, Severity::Fail);
        assert_eq!(codes(&finding), [(code, Severity::Fail)]);
    }
    // A refusal is told as such.
    let mut refused =
        StagedHost::with(Role::Mailbox, &[Smtp, Https, Submission]).at_each(&[v4, v6]);
    refused.each_at(v6, |seen| {
        *seen = Observation {
            address: seen.address,
            ..unopened(State::Closed, Cause::Refused)
        };
    });
    let finding = refused.judged();
    assert_eq!(codes(&finding), [(Code::Ipv6Broken, Severity::Fail)]);
    let told = only(&finding, Code::Ipv6Broken);
    assert_eq!(
        told.diagnosis.message,
        "it works over IPv4, but over IPv6 (2001:db8::10) it is refused"
    );
    assert!(told.diagnosis.hint.contains("listen on IPv6"));
    // The loser of a race.
    let mut raced = StagedHost::with(Role::Mailbox, &[Https]);
    let attempt = |address: &str, state| Attempt {
        address: (ip(address), 443).into(),
        state,
        took: Duration::from_millis(12),
    };
    raced.change(Https, |seen| {
        seen.attempts = vec![
            attempt(v6, Some(State::Closed)),
            attempt(v4, Some(State::Open)),
        ];
    });
    assert_eq!(codes(&raced.judged()), [(Code::Ipv6Broken, Severity::Warn)]);
    // Given up is not failed; no route may be this machine's own; the loopback owes nobody both families.
    for lost in [
        attempt(v6, None),
        attempt(v6, Some(State::Unreachable)),
        attempt("::1", Some(State::Closed)),
    ] {
        raced.change(Https, |seen| {
            seen.attempts = vec![lost, attempt(v4, Some(State::Open))];
        });
        assert_eq!(codes(&raced.judged()), [], "{lost:?}");
    }
}

#[test]
fn one_address_of_several_that_is_dead() {
    let mut host = StagedHost::with(Role::Mailbox, &[Smtp, Https, Submission]).at_each(&ADDRESSES);
    host.each_at(ADDRESSES[1], |seen| {
        *seen = Observation {
            address: seen.address,
            ..unopened(State::Filtered, Cause::Filtered)
        };
    });
    let finding = host.judged();
    let told = only(&finding, Code::NothingAnswers);
    assert_eq!(told.addresses, [ip(ADDRESSES[1])]);
    assert!(told.diagnosis.hint.contains("DNS"));
    assert_eq!(codes(&finding), [(Code::NothingAnswers, Severity::Fail)]);
}

#[test]
fn one_address_of_several_that_refuses() {
    // On this machine itself too, where a family of its own is no broken one.
    for (dead, alive) in [(ADDRESSES[1], ADDRESSES[0]), ("::1", "127.0.0.1")] {
        let mut host = StagedHost::with(Role::Mailbox, &[Smtp, Https, Submission, Owa])
            .at_each(&[dead, alive]);
        host.each_at(dead, |seen| {
            *seen = Observation {
                address: seen.address,
                ..unopened(State::Closed, Cause::Refused)
            };
        });
        let finding = host.judged();
        assert_eq!(codes(&finding), [(Code::NothingListens, Severity::Fail)]);
        let told = only(&finding, Code::NothingListens);
        assert_eq!(told.addresses, [ip(dead)]);
        assert_eq!(told.services, [Smtp, Https, Submission, Owa]);
        assert_eq!(
            told.diagnosis.message,
            format!("nothing listens on {dead}, while {alive} answers")
        );
        // One that listens there is another matter: the addresses differ.
        host.change(Smtp, |seen| seen.state = Some(State::Open));
        let mut told = codes(&host.judged());
        told.dedup();
        assert_eq!(told, [(Code::NodesDiffer, Severity::Warn)]);
    }
}

#[test]
fn everything_open_takes_a_port_where_nobody_is() {
    let mut host = StagedHost::of(Role::Any);
    assert!(calls_for_control(&host.findings()));
    for (state, told) in [
        (
            Some(State::Open),
            vec![(Code::EverythingOpen, Severity::Fail)],
        ),
        (Some(State::Closed), vec![]),
        (Some(State::Filtered), vec![]),
        (None, vec![]),
    ] {
        host.control = Some(Control { port: 4, state });
        assert_eq!(codes(&host.judged()), told);
    }
    host.control = None;
    assert_eq!(codes(&host.judged()), []);
    host.see(Rdp, &unopened(State::Closed, Cause::Refused));
    assert!(!calls_for_control(&host.findings()));
    assert!(!calls_for_control::<Finding>(&[]));
    let three = StagedHost::with(Role::Mailbox, &[Smtp, Https, Submission]);
    assert!(!calls_for_control(&three.findings()));
}

#[test]
fn what_the_rows_share_is_told_once_in_general_words() {
    let mut host = StagedHost::of(Role::Mailbox);
    let expired = CertificateFacts {
        not_after: now() - days(3),
        ..certificate()
    };
    host.each(|seen| {
        if seen.tls.is_some() {
            serve(seen, expired.clone());
        }
    });
    let finding = host.judged();
    let told = only(&finding, Code::CertificateExpired);
    assert_eq!(told.diagnosis.severity, Severity::Fail);
    assert!(told.services.contains(&Https) && told.services.contains(&Imaps));
    assert_eq!(
        codes(&finding),
        [(Code::CertificateExpired, Severity::Fail)]
    );
    // One row alone keeps it to itself.
    let mut one = StagedHost::with(Role::Mailbox, &[Smtp, Https]);
    one.change(Https, |seen| serve(seen, expired.clone()));
    let finding = one.judged();
    assert_eq!(codes(&finding), []);
    assert_eq!(finding.status, Status::Fail);
}

#[test]
fn inspection_is_told_once() {
    let mut host = StagedHost::of(Role::Mailbox);
    host.each(|seen| {
        if seen.tls.is_some() {
            serve(
                seen,
                CertificateFacts {
                    issuer: Text::from("CN=Zscaler Root CA,O=Zscaler Inc."),
                    trust: TrustFacts {
                        defects: vec![TrustDefect::UnknownIssuer],
                        ..TrustFacts::default()
                    },
                    ..certificate()
                },
            );
        }
    });
    let finding = host.judged();
    assert_eq!(codes(&finding), [(Code::TlsInspected, Severity::Fail)]);
    assert!(only(&finding, Code::TlsInspected).services.len() > 3);
}

#[test]
fn the_whole_site_is_stopped_or_one_pool() {
    let stopped = HttpFacts {
        status: Some(503),
        server: Some(Text::from("Microsoft-HTTPAPI/2.0")),
        ..HttpFacts::default()
    };
    let mut host = StagedHost::of(Role::Mailbox);
    host.each_web(|_, facts| *facts = stopped.clone());
    let finding = host.judged();
    let told = only(&finding, Code::IisStopped);
    assert!(told.diagnosis.message.contains("http.sys"));
    assert!(told.diagnosis.hint.contains("5002 and 5009"));
    assert_eq!(told.services.len(), exchports::catalog::WEB.len());
    let mut one = StagedHost::of(Role::Mailbox);
    one.each_web(|id, facts| {
        if id == Owa {
            *facts = stopped.clone();
        }
    });
    assert_eq!(codes(&one.judged()), []);
    assert_eq!(one.judged().status, Status::Fail);
}

#[test]
fn a_web_server_that_is_not_exchange() {
    let mut host = StagedHost::with(Role::Published, &[Https, Owa, Ews, Mapi, Autodiscover]);
    host.each_web(|_, facts| {
        *facts = HttpFacts {
            status: Some(404),
            server: Some(Text::from("nginx/1.26")),
            ..HttpFacts::default()
        };
    });
    host.change(Https, |seen| {
        seen.peer = Some(PeerFacts::Http(HttpFacts {
            status: Some(200),
            ..HttpFacts::default()
        }));
    });
    assert_eq!(codes(&host.judged()), [(Code::NotExchange, Severity::Fail)]);
    // Nobody asked for more than 443: worth knowing, no more.
    host.role = Role::Online;
    let finding = host.judged();
    assert_eq!(codes(&finding), [(Code::NotExchange, Severity::Info)]);
    assert_eq!(finding.status, Status::Pass);
}

#[test]
fn which_exchange_it_is() {
    for (build, expected, words) in [
        (
            "15.2.2562.53",
            &[Code::ExchangeBuild][..],
            "Exchange Server SE RTM, at least September 2026 SU v2 (build 15.2.2562.53)",
        ),
        (
            "15.2.2562.46",
            &[Code::ExchangeBuild],
            "at least August 2026 SU (build 15.2.2562.46); 2 newer ones were known on 2026-11-26",
        ),
        (
            "15.2.2562.99",
            &[Code::ExchangeBuild],
            "newer than what was known on 2026-11-26",
        ),
        (
            "15.2.1748.53",
            &[Code::ExchangeUnsupported],
            "Exchange Server 2019 CU15, at least September 2026 SU v2 has not been supported since 2025-10-14",
        ),
        (
            "15.2.1748.37",
            &[Code::ExchangeUnsupported, Code::ExchangeOnlineThrottles],
            "Exchange Server 2019 CU15, at least September 2025 HU has not been supported since 2025-10-14",
        ),
        (
            "15.0.1497.48",
            &[Code::ExchangeUnsupported, Code::ExchangeOnlineThrottles],
            "Exchange Server 2013 CU23 has not been supported since 2023-04-11",
        ),
    ] {
        let mut host = StagedHost::of(Role::Mailbox);
        host.each_web(|id, facts| match id {
            Owa => facts.exchange_build = Some(Text::from(build)),
            // The logon page's folder has three numbers of four.
            Mapi => facts.exchange_build = build.rsplit_once('.').map(|(three, _)| three.into()),
            _ => {}
        });
        let finding = host.judged();
        let severity = match expected {
            [Code::ExchangeBuild] => Severity::Info,
            _ => Severity::Warn,
        };
        let expected: Vec<_> = expected.iter().map(|code| (*code, severity)).collect();
        assert_eq!(codes(&finding), expected, "{build}");
        for (code, _) in &expected {
            let message = &only(&finding, *code).diagnosis.message;
            assert!(message.contains(build), "{message}");
        }
        let first = &finding.diagnoses[0].diagnosis.message;
        assert!(first.contains(words), "{first}");
    }
    let mut online = StagedHost::with(Role::Online, &[Https, Owa]);
    online.each_web(|_, facts| facts.exchange_build = Some(Text::from("15.2.2562.46")));
    let finding = online.judged();
    only(&finding, Code::RoleDoesNotFit);
}

#[test]
fn a_host_of_exchange_online_is_known_by_its_name() {
    let mut host = StagedHost::with(Role::Mailbox, &[Https]);
    host.name = "outlook.office365.com";
    let finding = host.judged();
    let told = only(&finding, Code::RoleDoesNotFit);
    assert_eq!(told.diagnosis.severity, Severity::Warn);
    assert!(told.diagnosis.message.contains("online fits, not mailbox"));
    for role in [Role::Online, Role::Any] {
        host.role = role;
        assert_eq!(codes(&host.judged()), [], "{role:?}");
    }
    let mut migrated = StagedHost::with(Role::Edge, &[Smtp]);
    migrated.change(Smtp, |seen| {
        seen.peer = Some(PeerFacts::Smtp(SmtpFacts {
            greeting: Some(Text::from(
                "220 DB5PEPF00014B9A.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Tue",
            )),
            ..SmtpFacts::default()
        }));
    });
    assert_eq!(
        codes(&migrated.judged()),
        [(Code::RoleDoesNotFit, Severity::Info)]
    );
}

#[test]
fn machines_that_name_themselves_differently() {
    let mut host = StagedHost::of(Role::Mailbox);
    host.each_web(|id, facts| {
        if id == Ews {
            facts.front_end = Some(Text::from("MAIL02"));
        }
    });
    let finding = host.judged();
    assert_eq!(codes(&finding), [(Code::NamesDiffer, Severity::Info)]);
    assert!(
        only(&finding, Code::NamesDiffer)
            .diagnosis
            .message
            .contains("ews by \"MAIL02\"")
    );
    // A greeting with the published name is no machine's; one with a name of its own is.
    for (greets, told) in [
        ("mail.example.com", vec![]),
        ("mail01.corp.example.com", vec![]),
        (
            "mail02.corp.example.com",
            vec![(Code::NamesDiffer, Severity::Info)],
        ),
    ] {
        let mut host = StagedHost::of(Role::Mailbox);
        host.change(Smtp, |seen| {
            if let Some(PeerFacts::Smtp(facts)) = &mut seen.peer {
                facts.greeting = Some(Text::from(
                    format!("220 {greets} Microsoft ESMTP MAIL Service ready at Tue").as_str(),
                ));
            }
        });
        assert_eq!(codes(&host.judged()), told, "{greets}");
    }
}

#[test]
fn every_code_of_a_target_covers_itself() {
    for rule in target_rules() {
        let is_own = rule.code.covers(rule.code);
        let covers_a_row = Code::all().any(|code| rule.code.covers(code));
        assert!(is_own || covers_a_row, "{}", rule.code);
    }
    assert!(Code::NothingAnswers.covers(Code::Filtered));
    assert!(!Code::NothingAnswers.covers(Code::Refused));
    assert!(!Code::CertificateExpired.covers(Code::CertificateDiffers));
}

#[test]
fn nothing_panics_on_odd_rows() {
    // Rows of every service in every state, without any facts, in all roles.
    for state in [
        None,
        Some(State::Open),
        Some(State::Closed),
        Some(State::Filtered),
        Some(State::Unreachable),
        Some(State::Blocked),
        Some(State::Unresolved),
    ] {
        for role in [Role::Any, Role::Mailbox, Role::Published, Role::Online] {
            let mut host = StagedHost::of(role);
            host.each(|seen| {
                *seen = Observation {
                    state,
                    ..Observation::default()
                };
            });
            let finding = host.judged();
            for told in &finding.diagnoses {
                assert!(!told.diagnosis.message.is_empty());
            }
        }
    }
}
