//! One check.

use std::collections::{BTreeSet, HashSet};

use exchports::catalog::{
    Expectation, Group, Protocol, ROLES, Role, SERVICES, Service, ServiceId, all, expectation,
};
use exchports::facts::{HttpFacts, ImapFacts, LdapFacts, PeerFacts, Pop3Facts, SmtpFacts, Text};
use exchports::finding::{Asked, Code, Definition, Severity, Status};
use exchports::judge::{domain_rules, rules, target_rules};
use exchports::observation::{Observation, Stage};

use super::observations::{STAGES, broken_off, causes, every_finding, open_ones};
use super::{failing, healthy, judge_as};

#[test]
fn every_failure_has_a_code_and_a_diagnosis_of_that_code() {
    for finding in every_finding() {
        let Some(failure) = &finding.observation.failure else {
            assert_eq!(finding.failure_code, None);
            continue;
        };
        let code = finding
            .failure_code
            .unwrap_or_else(|| panic!("no code for {failure:?}"));
        if failure.stage == Stage::Resolve {
            // The target tells it, once.
            assert_eq!(finding.diagnoses, []);
            continue;
        }
        assert!(
            finding
                .diagnoses
                .iter()
                .any(|diagnosis| diagnosis.code == code),
            "{code} of {failure:?} is not among {:?}",
            finding.diagnoses
        );
    }
}

#[test]
fn diagnoses_come_worst_first_then_in_the_order_of_the_rules_and_none_twice() {
    let order: Vec<Code> = rules().map(|rule| rule.code).collect();
    let place = |code: Code| order.iter().position(|known| *known == code);
    for finding in every_finding() {
        for pair in finding.diagnoses.windows(2) {
            let [first, second] = pair else { continue };
            assert!(first.severity >= second.severity, "{finding:#?}");
            if first.severity == second.severity {
                assert!(place(first.code) < place(second.code), "{finding:#?}");
            }
        }
    }
}

#[test]
fn the_status_agrees_with_the_diagnoses() {
    for finding in every_finding() {
        let worst = finding
            .diagnoses
            .iter()
            .map(|diagnosis| diagnosis.severity)
            .max();
        let failure = finding.observation.failure.as_ref();
        if failure.is_some_and(|failure| failure.stage == Stage::Resolve) {
            continue;
        }
        let agrees = match finding.status {
            Status::Pass | Status::Absent => worst <= Some(Severity::Info),
            Status::Warn => worst == Some(Severity::Warn),
            Status::Skip => worst <= Some(Severity::Warn),
            Status::Fail => worst == Some(Severity::Fail),
        };
        assert!(agrees, "{finding:#?}");
    }
}

/// Whatever befalls it: who greets as Postfix, Dovecot, nginx or `OpenLDAP` has no use for cmdlets and event IDs.
#[test]
fn no_advice_for_exchange_reaches_who_says_that_it_is_something_else() {
    const WORDS: [&str; 16] = [
        "Exchange",
        "Windows",
        "Active Directory",
        "`Get-",
        "`Set-",
        "`Enable-",
        "`New-",
        "IIS",
        "http.sys",
        "netsh",
        "Schannel",
        "event 1",
        "events ",
        "registry",
        "TermService",
        "certutil",
    ];
    let mut told = HashSet::new();
    for finding in every_finding() {
        let service = finding.check.service;
        let Some(peer) = of_another_make(service.protocol) else {
            continue;
        };
        let expect = finding.check.expect;
        let mut seen = finding.observation;
        // What was seen of HTTP stays, as nginx has it.
        seen.peer = Some(match (seen.peer, peer) {
            (Some(PeerFacts::Http(facts)), PeerFacts::Http(nginx)) => PeerFacts::Http(HttpFacts {
                server: nginx.server,
                front_end: None,
                exchange_build: None,
                exchange_mark: None,
                health_server: None,
                ..facts
            }),
            (_, peer) => peer,
        });
        let judged = judge_as(service, expect, Role::Mail, seen);
        for diagnosis in &judged.diagnoses {
            told.insert(diagnosis.code);
            for word in WORDS {
                assert!(
                    !diagnosis.hint.contains(word),
                    "{} of {}: {}",
                    diagnosis.code,
                    service.name,
                    diagnosis.hint
                );
            }
        }
    }
    assert!(told.len() > 50, "{}: {told:?}", told.len());
}

/// How other products introduce themselves; remote desktops do not.
fn of_another_make(protocol: Protocol) -> Option<PeerFacts> {
    Some(match protocol {
        Protocol::Smtp => PeerFacts::Smtp(SmtpFacts {
            greeting: Some(Text::from(
                "220 mail.example.com ESMTP Postfix (Debian/GNU)",
            )),
            ..SmtpFacts::default()
        }),
        Protocol::Imap => PeerFacts::Imap(ImapFacts {
            greeting: Some(Text::from(
                "* OK [CAPABILITY IMAP4rev1] Dovecot (Debian) ready.",
            )),
            ..ImapFacts::default()
        }),
        Protocol::Pop3 => PeerFacts::Pop3(Pop3Facts {
            greeting: Some(Text::from("+OK Dovecot (Debian) ready.")),
            ..Pop3Facts::default()
        }),
        Protocol::Http => PeerFacts::Http(HttpFacts {
            server: Some(Text::from("nginx/1.22.1")),
            ..HttpFacts::default()
        }),
        Protocol::Ldap => PeerFacts::Ldap(LdapFacts {
            root_dse: vec![(
                Text::from("structuralObjectClass"),
                vec![Text::from("OpenLDAProotDSE")],
            )],
            ..LdapFacts::default()
        }),
        Protocol::Rdp => return None,
    })
}

#[test]
fn only_what_was_not_attempted_is_skipped() {
    for finding in every_finding() {
        let ours = finding
            .observation
            .failure
            .as_ref()
            .is_some_and(|failure| failure.cause.is_ours());
        if finding.status == Status::Skip {
            assert!(ours, "{finding:#?}");
        }
    }
}

#[test]
fn messages_and_hints_are_fit_to_print() {
    let mut unfit = BTreeSet::new();
    for finding in every_finding() {
        for diagnosis in &finding.diagnoses {
            for (text, is_fit) in [
                (&diagnosis.message, message_is_fit(&diagnosis.message)),
                (&diagnosis.hint, hint_is_fit(&diagnosis.hint)),
            ] {
                if !is_fit || !is_harmless(text) {
                    unfit.insert(format!("{}: {text:?}", diagnosis.code));
                }
            }
        }
    }
    assert!(unfit.is_empty(), "{unfit:#?}");
}

/// One sentence: no full stop, a bounded length, a lower-case start unless it begins with a name.
fn message_is_fit(message: &str) -> bool {
    let names = [
        "HTTP ",
        "TLS ",
        "STARTTLS ",
        "STLS ",
        "StartTLS ",
        "Exchange",
    ];
    !message.ends_with('.')
        && message.chars().count() <= 600
        && (message.starts_with(|first: char| first.is_lowercase() || first.is_ascii_digit())
            || names.iter().any(|name| message.starts_with(name)))
}

/// One or two whole sentences, each short enough to be read at a glance.
fn hint_is_fit(hint: &str) -> bool {
    let sentences: Vec<&str> = hint.split_inclusive(". ").collect();
    hint.ends_with('.')
        && sentences.len() <= 2
        && sentences
            .iter()
            .all(|sentence| sentence.trim_end().chars().count() <= 160)
}

/// Nothing that a terminal would obey, and no gap where a line of the source was broken.
fn is_harmless(text: &str) -> bool {
    !text.chars().any(char::is_control) && !text.contains('\u{202e}') && !text.contains("  ")
}

#[test]
fn the_hints_for_exchanges_own_words_are_fit_to_print() {
    let words = [
        "421 4.3.2 Service not available",
        "421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel",
        "421 4.3.2 System not accepting network messages",
        "421 4.7.0 Too many errors on this connection, closing transmission channel",
        "451 4.7.500 Server busy",
        "452 4.3.1 Insufficient system resources",
        "454 4.7.0 Cannot accept TLS as maximum TLS rate exceeded for server",
        "501 5.5.4 Invalid domain name",
        "550 5.7.1 Client host rejected",
        "550 5.7.1 Service unavailable; Client host blocked using Spamhaus",
        "554 5.7.3 Unable to initialize security subsystem",
        "* BYE Connection is closed. 10",
        "* BYE Connection is closed. 14",
        "-ERR BYE Connection refused",
        "-ERR Connection is closed. 13",
        "220 mail01.example.com Microsoft ESMTP MAIL Service ready",
    ];
    let mut unfit = BTreeSet::new();
    for service in &SERVICES {
        for stage in [Stage::Greeting, Stage::Starttls, Stage::TlsHandshake] {
            for cause in causes() {
                for word in words {
                    let seen = failing(stage, cause, Some(word));
                    let finding = judge_as(service, Expectation::Required, Role::Any, seen);
                    for diagnosis in finding.diagnoses {
                        if !hint_is_fit(&diagnosis.hint) || !is_harmless(&diagnosis.hint) {
                            unfit.insert(format!("{}: {:?}", diagnosis.code, diagnosis.hint));
                        }
                    }
                }
            }
        }
    }
    assert!(unfit.is_empty(), "{unfit:#?}");
}

#[test]
fn the_same_observation_gives_the_same_finding() {
    for once in every_finding().step_by(7) {
        let [first, second] = [(); 2].map(|()| {
            let seen = once.observation.clone();
            judge_as(once.check.service, once.check.expect, Role::Any, seen)
        });
        assert_eq!(first.status, second.status);
        assert_eq!(first.failure_code, second.failure_code);
        assert_eq!(first.days_left, second.days_left);
        assert_eq!(first.diagnoses, second.diagnoses);
    }
}

#[test]
fn every_code_has_a_rule_and_words() {
    for code in Code::all() {
        // Of a check, of a host, of a domain: one matter can be told of more than one of them.
        let counts = [
            rules().filter(|rule| rule.code == code).count(),
            target_rules().filter(|rule| rule.code == code).count(),
            domain_rules().filter(|rule| rule.code == code).count(),
        ];
        assert!(counts.iter().all(|count| *count <= 1), "{code}: {counts:?}");
        assert!(counts.contains(&1), "{code} has no rule");
        let Definition {
            title,
            meaning,
            hint,
            references,
            ..
        } = code.definition();
        for text in [title, meaning, hint, references] {
            assert!(!text.is_empty() && !text.contains("  "), "{code}: {text:?}");
        }
        assert!(title.chars().count() <= 70, "{title}");
        assert!(!title.ends_with('.'), "{title}");
        assert!(meaning.ends_with('.'), "{meaning}");
        assert!(hint_is_fit(hint), "{code}: {hint}");
    }
}

/// What `explain` says of how bad a code is comes from its definition, and so has to be what findings say. In debug
/// builds every diagnosis is held against it, wherever it is made.
#[test]
fn a_finding_is_as_bad_as_its_code_s_definition_says() {
    for finding in every_finding() {
        let check = finding.check;
        let is_forbidden_open = finding
            .diagnoses
            .iter()
            .any(|told| told.code == Code::ForbiddenOpen);
        if is_forbidden_open {
            continue;
        }
        for told in &finding.diagnoses {
            let as_role = |role| Asked::of(check.service, check.expect, role);
            let unchecked = Asked {
                unchecked: true,
                ..as_role(Role::Any)
            };
            let can_be = |asked| told.code.can_be(told.severity, &asked);
            // The Client Proxy connector's certificate is checked by nobody.
            let is_proxy = check.service.id == ServiceId::Submissions && can_be(unchecked);
            let is_so = ROLES.iter().any(|row| can_be(as_role(row.role))) || is_proxy;
            assert!(is_so, "{} {told:?}", check.service.name);
        }
    }
}

#[test]
fn every_rule_holds_somewhere() {
    let mut held = HashSet::new();
    for finding in every_finding() {
        held.extend(finding.diagnoses.iter().map(|diagnosis| diagnosis.code));
    }
    for rule in rules() {
        assert!(held.contains(&rule.code), "{}", rule.code);
    }
}

/// Words that only Exchange and Windows have.
const EXCHANGE_ONLY: [&str; 16] = [
    "Exchange",
    "Windows",
    "IIS",
    "Schannel",
    "MSExchange",
    "`Get-",
    "`Set-",
    "`Enable-",
    "netsh",
    "http.sys",
    "healthcheck",
    "event 1",
    "events 1",
    "registry",
    "connector",
    "TermService",
];

/// Words of an Exchange server of one's own.
const ON_PREMISES: [&str; 9] = [
    "-ExchangeCertificate",
    "-ReceiveConnector",
    "-ServerComponentState",
    "IIS",
    "Schannel",
    "MSExchange",
    "netsh",
    "http.sys",
    "connector",
];

/// What other products say of themselves.
const OTHERS: [[&str; 4]; 6] = [
    [
        "220 mail.example.com ESMTP Postfix",
        "* OK Dovecot ready.",
        "nginx/1.22.1",
        "OpenLDAProotDSE",
    ],
    [
        "220 mail.example.com ESMTP Exim 4.96",
        "* OK [CAPABILITY IMAP4rev1] Courier-IMAP ready.",
        "Caddy",
        "389 Project",
    ],
    [
        "220 mail.example.com ESMTP Sendmail 8.17",
        "* OK Perdition ready",
        "Apache/2.4.57",
        "OpenLDAProotDSE",
    ],
    [
        "220 mail.example.com ESMTP OpenSMTPD",
        "* OK Cyrus IMAP ready",
        "lighttpd/1.4.69",
        "389 Project",
    ],
    [
        "220 mail.example.com ESMTP Haraka ready",
        "* OK Dovecot ready.",
        "HAProxy",
        "OpenLDAProotDSE",
    ],
    [
        "220 mail.example.com ESMTP hMailServer",
        "* OK Stalwart IMAP4rev2",
        "h2o/2.2.6",
        "389 Project",
    ],
];

/// The same, from another product that says so.
fn from_another_product(mut seen: Observation, others: &[&str; 4]) -> Observation {
    let [smtp, imap, web, directory] = *others;
    let pop3 = imap.replacen("* OK", "+OK", 1);
    match &mut seen.peer {
        Some(PeerFacts::Smtp(facts)) => {
            facts.greeting = Some(smtp.into());
            facts
                .extensions
                .retain(|word| !word.as_str().contains("X-ANONYMOUSTLS"));
            facts
                .secure_extensions
                .retain(|word| !word.as_str().contains("X-ANONYMOUSTLS"));
        }
        Some(PeerFacts::Imap(facts)) => facts.greeting = Some(imap.into()),
        Some(PeerFacts::Pop3(facts)) => facts.greeting = Some(pop3.as_str().into()),
        Some(PeerFacts::Http(facts)) => {
            facts.server = Some(web.into());
            (facts.front_end, facts.exchange_build, facts.health_server) = (None, None, None);
            facts.exchange_mark = None;
        }
        Some(PeerFacts::Ldap(facts)) => {
            facts.root_dse = vec![("structuralObjectClass".into(), vec![directory.into()])];
        }
        Some(PeerFacts::Rdp(_)) | None => {}
    }
    let mut failure = seen.failure.as_mut();
    if let Some(detail) = failure.as_mut().and_then(|failure| failure.detail.as_mut())
        && detail.as_str().to_ascii_lowercase().contains("microsoft")
    {
        *detail = "421 mail.example.com Service not available".into();
    }
    seen
}

#[test]
fn no_word_of_exchange_reaches_another_product() {
    let seen_on = |service: &'static Service| {
        let broken = STAGES.into_iter().flat_map(move |stage| {
            causes()
                .into_iter()
                .flat_map(move |cause| broken_off(service, stage, cause))
        });
        open_ones(service).into_iter().chain(broken)
    };
    let mut others = OTHERS.iter().cycle();
    // What is behind 443 breaks off alike.
    let services =
        all().filter(|service| service.group == Group::Port || service.id == ServiceId::Owa);
    for service in services {
        for seen in seen_on(service) {
            let here = |role, seen| judge_as(service, Expectation::Required, role, seen);
            let others = others.next().expect("it goes round");
            let other = || from_another_product(seen.clone(), others);
            let by_role = here(Role::Mail, other());
            // Of a desktop nobody knows whose it is.
            let by_words = (seen.peer.is_some() && service.protocol != Protocol::Rdp)
                .then(|| here(Role::Mailbox, other()));
            for finding in by_words.iter().chain([&by_role]) {
                for told in &finding.diagnoses {
                    let found = EXCHANGE_ONLY.iter().find(|word| told.hint.contains(**word));
                    assert_eq!(found, None, "{}: {told:?}", service.name);
                }
            }
            for told in &here(Role::Online, seen).diagnoses {
                let found = ON_PREMISES.iter().find(|word| told.hint.contains(**word));
                assert_eq!(found, None, "{}: {told:?}", service.name);
            }
        }
    }
}

#[test]
fn a_healthy_host_passes_as_every_role_that_knows_its_services() {
    for row in &ROLES {
        for service in all() {
            let Some(expect) = expectation(row.role, service.id) else {
                continue;
            };
            let finding = judge_as(service, expect, row.role, healthy(service));
            if expect == Expectation::Forbidden {
                assert_eq!(finding.status, Status::Fail);
                let first = finding.diagnoses.first().map(|diagnosis| diagnosis.code);
                assert_eq!(first, Some(Code::ForbiddenOpen));
            } else {
                assert_eq!(finding.status, Status::Pass, "{finding:#?}");
                assert_eq!(finding.diagnoses, [], "{finding:#?}");
            }
        }
    }
}
