//! Which role a host is judged as when nobody said it, over observations: role, exit code, and what an admin reads.

use std::net::IpAddr;
use std::time::Duration;

use exchports::catalog::{self, Expectation, Group, Protocol, Role, SERVICES, ServiceId};
use exchports::event::{RunEnd, RunFinished, Summary};
use exchports::exit::{FailOn, decide};
use exchports::facts::{
    Health, HttpFacts, ImapFacts, LdapFacts, PeerFacts, Pop3Facts, SmtpFacts, Text, TlsFacts,
    TlsVersion,
};
use exchports::finding::{Code, Finding, Status, TargetFinding};
use exchports::judge::{Context, Surroundings, judge_by_signs};
use exchports::observation::{Cause, Failure, Observation, Stage, State};
use exchports::plan::{Check, Host, Standards, Target};

use crate::judge::{certificate, now};

use ServiceId::{
    Http, Https, Imap, Imaps, Ldap, Ldaps, Pop3, Pop3s, Rdp, Smtp, Submission, Submissions,
};

const PUBLIC: &str = "8.8.4.4";
const PRIVATE: &str = "10.0.0.4";
const TWELVE: [ServiceId; 12] = [
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

#[test]
fn role_of_published_exchange_behind_a_load_balancer() {
    let host = exchange(PUBLIC, &[Smtp, Http, Https, Submission]);
    let judged = host.judged();
    judged.is(Role::Published, 0);
    judged.says("published Exchange, as it seems: public address, Exchange on 25, 587 and behind 443, nothing internal open; 4 of 4 required pass");
    judged.tells(&[]);
    judged.rows(Status::Absent, &[Pop3, Imap, Submissions, Imaps, Pop3s]);
}

#[test]
fn role_of_443_alone_is_published() {
    for (address, why) in [
        (
            PUBLIC,
            "public address, Exchange behind 443, nothing internal open",
        ),
        (
            PRIVATE,
            "private address, Exchange behind 443, 25 and 587 are not Exchange",
        ),
    ] {
        let judged = exchange(address, &[Https]).judged();
        judged.is(Role::Published, 0);
        judged.says(why);
        // A firewall that passes only 443 is what is wanted.
        judged.tells(&[]);
    }
}

#[test]
fn role_of_a_mailbox_server_from_inside() {
    let judged = exchange(PRIVATE, &[Smtp, Http, Https, Submission, Rdp]).judged();
    judged.is(Role::Mailbox, 0);
    judged.says("an Exchange Mailbox server, as it seems: private address, Exchange on 25, 587 and behind 443; 7 of 7 required pass");
    judged.tells(&[]);
}

#[test]
fn role_of_a_mailbox_server_without_submission_stays_mailbox_and_fails() {
    let judged = exchange(PRIVATE, &[Smtp, Http, Https]).judged();
    judged.is(Role::Mailbox, 1);
    judged.says("Exchange on 25 and behind 443; 6 of 7 required pass");
    judged.rows(Status::Fail, &[Submission]);
}

#[test]
fn role_of_web_and_remote_desktop_inside_is_the_worse_of_two() {
    // A published host has no Remote Desktop: transport may be down.
    let judged = exchange(PRIVATE, &[Https, Rdp]).judged();
    judged.is(Role::Mailbox, 1);
}

#[test]
fn role_of_an_edge_server() {
    let judged = exchange(PUBLIC, &[Smtp]).judged();
    judged.is(Role::Edge, 0);
    judged.says("an Exchange Edge Transport server, as it seems: public address, Exchange on 25, 443 and 587 not open; 1 of 1 required pass");
    // Inside it may as well be a Mailbox server of which little is left: the worse verdict counts, and it says so.
    let judged = exchange(PRIVATE, &[Smtp]).judged();
    judged.is(Role::Mailbox, 1);
    judged.says(
        "it would pass as an Exchange Edge Transport server: if it is that, say `--role edge`",
    );
    assert_eq!(judged.finding.candidates.len(), 2);
}

#[test]
fn role_of_a_linux_mail_server() {
    let open = [Smtp, Http, Https, Submission, Imaps];
    let judged = linux(PUBLIC, &open).judged();
    judged.is(Role::Mail, 0);
    judged.says("a mail server that is not Exchange, as it seems: public address, Postfix on 25, Dovecot on 993; 2 of 2 required pass");
    judged.tells(&[]);
    // Whatever is open.
    let judged = linux(PRIVATE, &TWELVE).judged();
    judged.is(Role::Mail, 0);
    for (open, code) in [
        (&[Smtp, Imaps][..], Code::NoSubmission),
        (&[Smtp, Submission], Code::NoMailboxAccess),
    ] {
        let judged = linux(PUBLIC, open).judged();
        judged.is(Role::Mail, 1);
        judged.tells(&[code]);
    }
}

#[test]
fn role_of_postfix_with_ssh_on_443_is_mail() {
    let mut host = linux(PUBLIC, &[Smtp, Submission, Imaps, Https]);
    host.change(Https, |seen| {
        seen.peer = None;
        seen.tls = None;
        seen.failure = Some(failure(Stage::TlsHandshake, Cause::NotTheProtocol));
    });
    host.web(|seen| *seen = Observation::default());
    let judged = host.judged();
    // What answers and is broken fails under every role.
    judged.is(Role::Mail, 1);
    judged.rows(Status::Fail, &[Https]);
}

#[test]
fn role_of_a_domain_controller() {
    let judged = exchange(PRIVATE, &[Ldap, Ldaps, Rdp]).judged();
    judged.is(Role::DomainController, 0);
    judged.says("an Active Directory domain controller, as it seems: private address, Active Directory answers on 389");
    let judged = exchange(PRIVATE, &[Smtp, Http, Https, Submission, Ldap, Ldaps, Rdp]).judged();
    judged.is(Role::Mailbox, 0);
    judged.says("Active Directory on 389");
    // Another directory is none.
    let mut other = exchange(PRIVATE, &[Ldap]);
    other.change(Ldap, |seen| {
        if let Some(PeerFacts::Ldap(facts)) = &mut seen.peer {
            facts.root_dse = vec![(Text::from("vendorName"), vec![Text::from("OpenLDAP")])];
        }
    });
    other.judged().is(Role::Auto, 0);
}

#[test]
fn role_of_exchange_online_by_its_three_names() {
    for (name, open, role) in [
        (
            "outlook.office365.com",
            &[Http, Https, Imaps, Pop3s][..],
            Role::Online,
        ),
        (
            "smtp.office365.com",
            &[Smtp, Submission],
            Role::OnlineSubmission,
        ),
        (
            "example-com.mail.protection.outlook.com",
            &[Smtp],
            Role::OnlineMx,
        ),
        ("example-com.a-v1.mx.microsoft", &[Smtp], Role::OnlineMx),
    ] {
        let mut host = exchange(PUBLIC, open);
        host.name = name;
        let judged = host.judged();
        judged.is(role, 0);
        judged.says("the name is one of Exchange Online's");
        judged.tells(&[]);
    }
    // By what it says, whatever it is called.
    let mut host = exchange(PUBLIC, &[Http, Https, Imaps, Pop3s]);
    host.web(|seen| {
        if let Some(PeerFacts::Http(facts)) = &mut seen.peer {
            facts.exchange_build = Some(Text::from("15.20.9320.21"));
        }
    });
    host.judged().is(Role::Online, 0);
    let mut host = exchange(PUBLIC, &[Smtp]);
    host.greet(
        Smtp,
        "220 DB5.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready",
    );
    host.judged().is(Role::OnlineMx, 0);
}

#[test]
fn role_of_exchange_2013_is_that_of_its_successors() {
    let mut host = exchange(PRIVATE, &[Smtp, Http, Https, Submission]);
    host.web(|seen| {
        if let Some(PeerFacts::Http(facts)) = &mut seen.peer {
            facts.exchange_build = Some(Text::from("15.0.1497.48"));
        }
    });
    let judged = host.judged();
    judged.is(Role::Mailbox, 0);
    judged.tells(&[Code::ExchangeUnsupported, Code::ExchangeOnlineThrottles]);
}

#[test]
fn role_of_a_public_host_with_everything_open_is_published_and_exposed() {
    let judged = exchange(PUBLIC, &TWELVE).judged();
    judged.is(Role::Published, 1);
    judged.rows(Status::Fail, &[Ldap, Ldaps, Rdp]);
    for row in &judged.rows {
        let is_exposed = row
            .diagnoses
            .iter()
            .any(|it| it.code == Code::ForbiddenOpen);
        assert_eq!(
            is_exposed,
            row.status == Status::Fail,
            "{}",
            row.check.service.name
        );
    }
    // Inside it is nobody's business.
    exchange(PRIVATE, &TWELVE).judged().is(Role::Mailbox, 0);
    // Exposed, whatever the rest looks like.
    let judged = exchange(PUBLIC, &[Rdp]).judged();
    judged.is(Role::Auto, 1);
    judged.rows(Status::Fail, &[Rdp]);
    assert!(
        judged.rows[11].diagnoses[0]
            .message
            .contains("on a public address")
    );
    exchange(PUBLIC, &[Ldap]).judged().is(Role::Auto, 1);
}

#[test]
fn role_of_a_host_that_drops_everything_is_none() {
    let judged = exchange(PUBLIC, &[]).judged();
    judged.is(Role::Auto, 1);
    judged.says("no role was recognised (nothing answers): judged by what answers");
    judged.tells(&[Code::NothingAnswers]);
    let mut host = exchange(PRIVATE, &[]);
    host.closed = (State::Closed, Cause::Refused);
    let judged = host.judged();
    judged.is(Role::Auto, 1);
    judged.tells(&[Code::NothingListens]);
}

#[test]
fn role_of_a_web_server_is_none_and_that_is_told_once() {
    let mut host = exchange(PUBLIC, &[Http, Https]);
    host.change(Https, plain_page);
    host.change(Http, plain_page);
    host.web(|seen| {
        if let Some(PeerFacts::Http(facts)) = &mut seen.peer {
            *facts = HttpFacts {
                status: Some(404),
                ..HttpFacts::default()
            };
        }
    });
    let judged = host.judged();
    judged.is(Role::Auto, 0);
    judged.says("no role was recognised (nothing that answers was recognised)");
    judged.tells(&[Code::NotExchange]);
    assert_eq!(judged.finding.status, Status::Warn);
}

#[test]
fn role_of_587_only() {
    // Exchange speaks there, and half of it is missing.
    let judged = exchange(PRIVATE, &[Submission]).judged();
    judged.is(Role::Mailbox, 1);
    let judged = linux(PUBLIC, &[Submission]).judged();
    judged.is(Role::Mail, 1);
    // Nobody says who it is.
    let mut host = exchange(PUBLIC, &[Submission]);
    host.greet(Submission, "220 mail.example.com ESMTP");
    host.judged().is(Role::Auto, 0);
}

#[test]
fn role_of_25_with_a_masked_greeting_is_not_guessed() {
    let mut host = exchange(PUBLIC, &[Smtp]);
    host.greet(Smtp, "220 ****************************");
    let judged = host.judged();
    judged.is(Role::Auto, 0);
    assert_eq!(judged.rows[0].status, Status::Warn);
}

#[test]
fn role_over_ipv6_goes_by_the_same_signs() {
    let open = [Smtp, Http, Https, Submission];
    exchange("2a01:111:f400::1", &open)
        .judged()
        .is(Role::Published, 0);
    exchange("fd00::4", &open).judged().is(Role::Mailbox, 0);
}

#[test]
fn role_is_not_guessed_where_nothing_works() {
    let mut host = exchange(PUBLIC, &[Smtp, Https, Submission]);
    for id in [Smtp, Https, Submission] {
        host.change(id, |seen| {
            seen.failure = Some(failure(Stage::Greeting, Cause::Silent));
        });
    }
    host.web(|seen| *seen = Observation::default());
    let judged = host.judged();
    judged.is(Role::Auto, 1);
    judged.says("nothing that answers works");
    judged.rows(Status::Fail, &[Smtp, Https, Submission]);
}

#[test]
fn role_changes_nothing_that_was_named() {
    let mut host = exchange(PUBLIC, &[Https, Rdp]);
    host.named = vec![(Rdp, Expectation::Optional), (Imaps, Expectation::Required)];
    let judged = host.judged();
    judged.is(Role::Published, 1);
    judged.rows(Status::Fail, &[Imaps]);
    assert_eq!(judged.row(Rdp).status, Status::Pass);
}

// -- what the tests are made of

struct Staged {
    name: &'static str,
    address: IpAddr,
    rows: Vec<(ServiceId, Observation)>,
    closed: (State, Cause),
    open: Vec<ServiceId>,
    named: Vec<(ServiceId, Expectation)>,
}

struct Judged {
    rows: Vec<Finding>,
    finding: TargetFinding,
}

/// A host on which Exchange, a domain controller and a desktop answer, healthy, where they are open; the rest is dropped.
fn exchange(address: &str, open: &[ServiceId]) -> Staged {
    staged(address, open, |id| {
        peer(
            id,
            "Microsoft ESMTP MAIL Service ready",
            "Microsoft Exchange ",
        )
    })
}

/// The same by Postfix and Dovecot, and a web server.
fn linux(address: &str, open: &[ServiceId]) -> Staged {
    let mut host = staged(address, open, |id| peer(id, "ESMTP Postfix", "Dovecot "));
    for id in [Http, Https] {
        host.change(id, plain_page);
    }
    host.web(|seen| {
        if let Some(PeerFacts::Http(facts)) = &mut seen.peer {
            *facts = HttpFacts {
                status: Some(404),
                ..HttpFacts::default()
            };
        }
    });
    host
}

fn staged(
    address: &str,
    open: &[ServiceId],
    peer: impl Fn(ServiceId) -> Option<PeerFacts>,
) -> Staged {
    let address: IpAddr = address.parse().expect("an address");
    Staged {
        name: "mail.example.com",
        address,
        rows: catalog::all()
            .map(|service| {
                let seen = Observation {
                    state: Some(State::Open),
                    address: Some((address, service.port).into()),
                    tls: (service.id != Http).then(|| TlsFacts {
                        version: Some(TlsVersion::Tls13),
                        certificate: Some(certificate(Vec::new()).into()),
                        ..TlsFacts::default()
                    }),
                    peer: peer(service.id),
                    ..Observation::default()
                };
                (service.id, seen)
            })
            .collect(),
        closed: (State::Filtered, Cause::Filtered),
        open: open.to_vec(),
        named: Vec::new(),
    }
}

impl Staged {
    fn change(&mut self, id: ServiceId, change: impl Fn(&mut Observation)) {
        for (of, seen) in &mut self.rows {
            if *of == id {
                change(seen);
            }
        }
    }

    fn web(&mut self, change: impl Fn(&mut Observation)) {
        for (of, seen) in &mut self.rows {
            if of.row().group == Group::Web {
                change(seen);
            }
        }
    }

    fn greet(&mut self, id: ServiceId, greeting: &str) {
        self.change(id, |seen| {
            if let Some(PeerFacts::Smtp(facts)) = &mut seen.peer {
                facts.greeting = Some(Text::from(greeting));
                facts
                    .extensions
                    .retain(|it| it.as_str() != "X-ANONYMOUSTLS");
            }
        });
    }

    fn judged(&self) -> Judged {
        let rows: Vec<(Check, Observation)> = self
            .rows
            .iter()
            .map(|(id, seen)| {
                let service = id.row();
                let named = self.named.iter().find(|(named, _)| named == id);
                let check = Check {
                    service,
                    port: service.port,
                    expect: named.map_or(Expectation::Optional, |(_, expect)| *expect),
                };
                let door = match service.group {
                    Group::Port => *id,
                    Group::Web => Https,
                };
                let seen = if self.open.contains(&door) {
                    seen.clone()
                } else if service.group == Group::Web {
                    Observation {
                        failure: Some(failure(Stage::Connect, Cause::HttpsNotOpen)),
                        ..Observation::default()
                    }
                } else {
                    Observation {
                        state: Some(self.closed.0),
                        address: seen.address,
                        failure: Some(failure(Stage::Connect, self.closed.1)),
                        ..Observation::default()
                    }
                };
                (check, seen)
            })
            .collect();
        let host = Host::Name(self.name.into());
        let target = Target {
            name: self.name.into(),
            host: host.clone(),
            address: None,
            server_name: host.clone(),
            role: Role::Auto,
            checks: Vec::new(),
            named: self.named.iter().map(|(id, _)| *id).collect(),
            node_of: None,
        };
        let around = Surroundings {
            port_25: Vec::new(),
            addresses: vec![self.address],
            ..Surroundings::default()
        };
        let standards = Standards::default();
        let context = Context {
            standards: &standards,
            role: Role::Auto,
            unused_proxy: None,
            server_name: &host,
            now: now(),
        };
        let (rows, finding) = judge_by_signs(&target, &around, &rows, &context);
        Judged { rows, finding }
    }
}

impl Judged {
    #[track_caller]
    fn is(&self, role: Role, exit: u8) {
        assert_eq!(self.finding.role, role, "{}", self.finding.verdict());
        let mut summary = Summary::default();
        for row in &self.rows {
            summary.add_check(row);
        }
        summary.add_target(&self.finding);
        let finished = RunFinished {
            summary,
            took: Duration::ZERO,
            end: RunEnd::Complete,
        };
        let decided = decide(&finished, FailOn::Fail) as u8;
        assert_eq!(
            decided,
            exit,
            "{}: {:#?}",
            self.finding.verdict(),
            self.failing()
        );
    }

    fn failing(&self) -> Vec<String> {
        let rows = self.rows.iter().filter(|row| row.status == Status::Fail);
        rows.map(|row| format!("{} {:?}", row.check.service.name, row.diagnoses))
            .chain(
                self.finding
                    .diagnoses
                    .iter()
                    .map(|told| format!("{told:?}")),
            )
            .collect()
    }

    #[track_caller]
    fn says(&self, words: &str) {
        let verdict = self.finding.verdict();
        assert!(verdict.contains(words), "{verdict}");
    }

    /// The target's own diagnoses.
    #[track_caller]
    fn tells(&self, codes: &[Code]) {
        let told: Vec<Code> = self
            .finding
            .diagnoses
            .iter()
            .map(|told| told.diagnosis.code)
            .collect();
        assert_eq!(told, codes, "{:#?}", self.finding.diagnoses);
    }

    #[track_caller]
    fn rows(&self, status: Status, services: &[ServiceId]) {
        let found: Vec<ServiceId> = self
            .rows
            .iter()
            .filter(|row| row.status == status && row.check.service.group == Group::Port)
            .map(|row| row.check.service.id)
            .collect();
        assert_eq!(found, services);
    }

    fn row(&self, id: ServiceId) -> &Finding {
        let mut rows = self.rows.iter();
        rows.find(|row| row.check.service.id == id).expect("a row")
    }
}

fn plain_page(seen: &mut Observation) {
    seen.peer = Some(PeerFacts::Http(HttpFacts {
        status: Some(200),
        server: Some(Text::from("nginx")),
        ..HttpFacts::default()
    }));
}

fn peer(id: ServiceId, smtp: &str, mailboxes: &str) -> Option<PeerFacts> {
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| Text::from(*word))
            .collect::<Vec<_>>()
    };
    let service = id.row();
    let exchange = smtp.starts_with("Microsoft");
    Some(match service.protocol {
        Protocol::Smtp => PeerFacts::Smtp(SmtpFacts {
            greeting: Some(Text::from(format!("220 mail.example.com {smtp}").as_str())),
            extensions: words(if exchange {
                &["SIZE 37748736", "STARTTLS", "X-ANONYMOUSTLS"]
            } else {
                &["SIZE 37748736", "STARTTLS"]
            }),
            secure_extensions: words(&["SIZE 37748736", "AUTH NTLM LOGIN"]),
            ..SmtpFacts::default()
        }),
        Protocol::Http => PeerFacts::Http(HttpFacts {
            status: Some(if service.group == Group::Web {
                401
            } else {
                302
            }),
            authentication: words(&["Negotiate", "NTLM"]),
            front_end: Some(Text::from("MAIL01")),
            health: Some(Health::Healthy),
            ..HttpFacts::default()
        }),
        Protocol::Pop3 => PeerFacts::Pop3(Pop3Facts {
            greeting: Some(Text::from(
                format!("+OK {mailboxes}POP3 is ready.").as_str(),
            )),
            capabilities: words(&["TOP", "STLS"]),
            secure_capabilities: words(&["TOP", "USER"]),
        }),
        Protocol::Imap => PeerFacts::Imap(ImapFacts {
            greeting: Some(Text::from(
                format!("* OK {mailboxes}IMAP4 is ready.").as_str(),
            )),
            capabilities: words(&["IMAP4rev1", "LOGINDISABLED", "STARTTLS"]),
            secure_capabilities: words(&["IMAP4rev1", "AUTH=PLAIN"]),
        }),
        Protocol::Ldap => PeerFacts::Ldap(LdapFacts {
            root_dse: vec![
                (
                    Text::from("supportedCapabilities"),
                    words(&["1.2.840.113556.1.4.800"]),
                ),
                (Text::from("isSynchronized"), words(&["TRUE"])),
            ],
            starttls_result: Some(0),
            current_time: Some(now()),
            asked_at: Some(now()),
        }),
        Protocol::Rdp => return None,
    })
}

fn failure(stage: Stage, cause: Cause) -> Failure {
    Failure {
        stage,
        cause,
        detail: None,
    }
}

#[test]
fn role_tests_name_all_twelve() {
    assert_eq!(TWELVE.len(), SERVICES.len());
}
