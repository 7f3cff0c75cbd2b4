//! Runs made by hand: healthy ones, troubled ones, a fleet, with something of everything that reports can be told.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use exchports::catalog::{Expectation, Group, Role, SERVICES, ServiceId, WEB, expectation};
use exchports::event::{Event, RunEnd, RunFinished, Summary, TargetId};
use exchports::facts::{
    Anchor, CertificateFacts, ChainLink, Cipher, HttpFacts, ImapFacts, KeyExchange, KeyFacts,
    KeyProof, LdapFacts, LegacyAnswer, LegacyFacts, Nla, PeerFacts, RdpFacts, SignatureStrength,
    SmtpFacts, Text, TlsFacts, TlsVersion, TrustDefect, TrustFacts, VersionAnswer,
};
use exchports::finding::{
    Candidate, Code, Diagnosis, Finding, Severity, Status, TargetDiagnosis, TargetFinding,
};
use exchports::observation::{
    Attempt, Cause, Detour, Failure, Line, Observation, Speaker, Stage, State, Step,
};
use exchports::plan::Check;
use time::OffsetDateTime;

/// Six targets with something of everything, in the order in which a calm run would tell it.
pub(crate) fn run() -> Vec<Event> {
    events(vec![
        troubled(),
        published(),
        unresolved(),
        two_addresses(),
        cut_short(),
        long_names(),
    ])
}

pub(super) fn healthy_run() -> Vec<Event> {
    events(vec![healthy()])
}

/// Five hosts, the first of which has a certificate that ended on 587.
pub(super) fn fleet() -> Vec<Looked> {
    (1..=5)
        .map(|number| {
            let (mut finding, mut rows) = healthy();
            finding.target = format!("ex0{number}.example.com");
            if number == 1 {
                finding.status = Status::Fail;
                let submission = &mut rows[7];
                submission.status = Status::Fail;
                submission.days_left = Some(-3);
                submission.diagnoses = vec![diagnosis(
                    Code::CertificateExpired,
                    Severity::Fail,
                    "the certificate ended 3 days ago, on 2026-11-18",
                    "renew it and assign the new one to SMTP",
                )];
            }
            (finding, rows)
        })
        .collect()
}

pub(super) fn fleet_run() -> Vec<Event> {
    events(fleet())
}

/// Web services: 443 open, 443 closed, its TLS broken at one of two addresses, and a service without 443 itself.
pub(super) fn web_run() -> Vec<Event> {
    events(vec![
        behind_443("asked.example.com", Status::Pass),
        behind_443("not-asked.example.com", Status::Skip),
        at_two_addresses(),
        (
            target("alone.example.com", Role::Any, &["192.0.2.10"]),
            vec![refused(Role::Any, ServiceId::Owa)],
        ),
    ])
}

pub(crate) fn one_row(said: &Text) -> Vec<Event> {
    let mut row = row(Role::Any, ServiceId::Smtp, Status::Fail, State::Open);
    row.observation.peer = Some(smtp(said));
    row.observation.failure = Some(Failure {
        stage: Stage::Greeting,
        cause: Cause::Rejected,
        detail: Some(said.clone()),
    });
    row.failure_code = Some(Code::GreetingRejected);
    row.diagnoses = vec![diagnosis(
        Code::GreetingRejected,
        Severity::Fail,
        &format!("the server said \"{said}\""),
        "ask whoever runs it",
    )];
    events(vec![(
        target("mail.example.com", Role::Any, &["192.0.2.10"]),
        vec![row],
    )])
}

/// What a peer said, wherever a report tells what peers say.
pub(crate) fn said_everywhere(said: &Text) -> Vec<Event> {
    let mut smtp = match one_row(said).into_iter().find_map(|event| match event {
        Event::CheckFinished { finding, .. } => Some(finding),
        _ => None,
    }) {
        Some(finding) => (*finding).clone(),
        None => unreachable!("one row was told"),
    };
    let line = |speaker| Line {
        connection: 1,
        speaker,
        text: said.clone(),
    };
    smtp.observation.transcript = [Speaker::Event, Speaker::Client, Speaker::Server]
        .map(line)
        .to_vec();
    let mut https = row(Role::Any, ServiceId::Https, Status::Warn, State::Open);
    let mut tls = tls(5);
    if let Some(certificate) = tls.certificate.as_mut().map(Arc::make_mut) {
        certificate.subject = said.clone();
        certificate.issuer = said.clone();
        certificate.names = vec![said.clone(), said.clone()];
    }
    for link in Arc::make_mut(&mut tls.chain) {
        link.subject = said.clone();
        link.issuer = said.clone();
    }
    https.observation.tls = Some(tls);
    https.observation.peer = Some(PeerFacts::Http(HttpFacts {
        status: Some(302),
        reason: Some(said.clone()),
        location: Some(said.clone()),
        server: Some(said.clone()),
        authentication: vec![said.clone()],
        exchange_build: Some(said.clone()),
        front_end: Some(said.clone()),
        via: vec![said.clone()],
        ..HttpFacts::default()
    }));
    https.diagnoses = vec![diagnosis(
        Code::WebRedirectElsewhere,
        Severity::Warn,
        &format!("the answer leads to {said}"),
        "see what answers there",
    )];
    events(vec![(
        target("mail.example.com", Role::Any, &["192.0.2.10"]),
        vec![smtp, https],
    )])
}

pub(super) type Looked = (TargetFinding, Vec<Finding>);

/// A name and two nodes, of which one is wrong.
pub(crate) fn nodes() -> Vec<Event> {
    let place = |name: &str, days: i64| {
        let (mut finding, mut rows) = healthy();
        name.clone_into(&mut finding.target);
        finding.node_of = (name != "mail.example.com").then(|| "mail.example.com".to_owned());
        for row in &mut rows {
            row.diagnoses.clear();
        }
        if let Some(https) = rows
            .iter_mut()
            .find(|row| row.check.service.id == ServiceId::Https)
        {
            https.observation.tls = Some(tls(days));
            https.days_left = Some(days);
        }
        (finding, rows)
    };
    let (mut name, rows) = place("mail.example.com", 240);
    name.status = Status::Warn;
    name.diagnoses = vec![TargetDiagnosis {
        diagnosis: diagnosis(
            Code::NodesDiffer,
            Severity::Warn,
            "ex02 presents a different certificate from ex01: 5a5a5a5a… (expires on 2026-12-09) instead of 5a5a5a5a… \
             (expires on 2027-07-19)",
            "assign one certificate to all of them",
        ),
        services: vec![ServiceId::Https],
        addresses: vec![ip("192.0.2.20")],
    }];
    let (ex02, mut wrong) = place("ex02", 18);
    wrong.retain(|row| row.check.service.id != ServiceId::Imaps);
    wrong.push(refused(Role::Any, ServiceId::Imaps));
    wrong.sort_by_key(|row| row.check.service.id);
    let mut events = events(vec![(name, rows), place("ex01", 240), (ex02, wrong)]);
    // A run tells the name when the last of its nodes is over.
    let is_name = |event: &Event| {
        matches!(
            event,
            Event::TargetFinished {
                target: TargetId(0),
                ..
            }
        )
    };
    let index = events.iter().position(is_name).expect("its end");
    let end = events.remove(index);
    events.insert(events.len() - 1, end);
    events
}

pub(super) fn events(targets: Vec<Looked>) -> Vec<Event> {
    let mut summary = Summary::default();
    let mut events = vec![Event::RunStarted {
        at: day(0),
        targets: Some(targets.len()),
        domain: None,
    }];
    for (target, (mut finding, rows)) in targets.into_iter().enumerate() {
        let target = TargetId(target);
        let worst = rows.iter().map(|row| row.status).max();
        finding.status = finding.status.max(worst.unwrap_or(Status::Pass));
        events.push(Event::TargetStarted {
            target,
            name: finding.target.clone(),
            role: finding.role,
        });
        events.push(Event::TargetResolved {
            target,
            checks: rows.iter().map(|row| row.check.service.id).collect(),
        });
        for (row, finding) in rows.into_iter().enumerate() {
            summary.add_check(&finding);
            events.push(Event::CheckFinished {
                target,
                row,
                finding: Arc::new(finding),
            });
        }
        summary.add_target(&finding);
        events.push(Event::TargetFinished {
            target,
            finding: Arc::new(finding),
        });
    }
    events.push(Event::RunFinished(RunFinished {
        summary,
        took: Duration::from_micros(3_012_345),
        end: RunEnd::Complete,
    }));
    events
}

/// All pass; the certificates of two services are merely worth a word.
pub(super) fn healthy() -> Looked {
    let rows = Role::Any.row().required.iter().map(|&id| {
        let mut row = row(Role::Any, id, Status::Pass, State::Open);
        if id != ServiceId::Http {
            row.observation.tls = Some(tls(240));
            row.days_left = Some(240);
        }
        if matches!(id, ServiceId::Smtp | ServiceId::Rdp) {
            row.diagnoses = vec![self_signed()];
        }
        row
    });
    (
        target("mail.contoso.example", Role::Any, &["192.0.2.20"]),
        rows.collect(),
    )
}

/// A host on which a good deal is wrong.
pub(super) fn troubled() -> Looked {
    let role = Role::Any;
    let rows = role.row().required.iter().map(|&id| match id {
        ServiceId::Smtp => troubled_smtp(),
        ServiceId::Http => {
            let mut row = row(role, id, Status::Pass, State::Open);
            row.observation.peer = Some(PeerFacts::Http(HttpFacts {
                status: Some(403),
                server: Some(Text::from("Microsoft-IIS/10.0")),
                ..HttpFacts::default()
            }));
            row
        }
        ServiceId::Pop3 | ServiceId::Imap | ServiceId::Imaps | ServiceId::Pop3s => {
            refused(role, id)
        }
        ServiceId::Ldap | ServiceId::Ldaps => filtered(role, id),
        ServiceId::Https => troubled_https(),
        ServiceId::Submissions => client_proxy(),
        ServiceId::Submission => hostile_submission(),
        ServiceId::Rdp => {
            let mut row = row(role, id, Status::Pass, State::Open);
            row.observation.tls = Some(tls(100));
            row.days_left = Some(100);
            row.diagnoses = vec![self_signed()];
            row.observation.peer = Some(PeerFacts::Rdp(RdpFacts {
                selected_protocol: Some(2),
                flags: Some(0x1f),
                failure_code: None,
                nla: Some(Nla::Supported),
            }));
            row
        }
        web => row(role, web, Status::Pass, State::Open),
    });
    let mut finding = target("mail.example.com", role, &["192.0.2.10", "2001:db8::10"]);
    finding.status = Status::Fail;
    finding.diagnoses = vec![TargetDiagnosis {
        diagnosis: diagnosis(
            Code::CertificateExpiresSoon,
            Severity::Warn,
            "smtp and https serve different certificates",
            "the renewed certificate was assigned to IIS only: Enable-ExchangeCertificate -Services SMTP",
        ),
        services: vec![ServiceId::Smtp, ServiceId::Rdp],
        addresses: Vec::new(),
    }];
    finding.candidates = vec![Candidate {
        role,
        required: 12,
        passed: 6,
        status: Status::Fail,
    }];
    (finding, rows.collect())
}

pub(super) fn troubled_smtp() -> Finding {
    let mut row = row(Role::Any, ServiceId::Smtp, Status::Pass, State::Open);
    row.observation.tls = Some(tls(240));
    row.days_left = Some(240);
    row.diagnoses = vec![self_signed()];
    row.observation.attempts = vec![
        attempt("[2001:db8::10]:25", None, 250),
        attempt("192.0.2.10:25", Some(State::Open), 12),
    ];
    row.observation.peer = Some(smtp(&Text::from(
        "220 EXCH01.example.com Microsoft ESMTP MAIL Service ready",
    )));
    row.observation.transcript = vec![
        said(1, Speaker::Event, "connected to 192.0.2.10:25"),
        said(
            1,
            Speaker::Server,
            "220 EXCH01.example.com Microsoft ESMTP MAIL Service ready",
        ),
        said(1, Speaker::Client, "EHLO [198.51.100.7]"),
    ];
    row
}

pub(super) fn troubled_https() -> Finding {
    let mut row = row(Role::Any, ServiceId::Https, Status::Fail, State::Open);
    let mut tls = tls(18);
    if let Some(certificate) = tls.certificate.as_mut().map(Arc::make_mut) {
        certificate.signature = String::from("sha1WithRSAEncryption");
        certificate.signature_strength = SignatureStrength::Weak;
        certificate.name_matches = false;
        certificate.trust = TrustFacts {
            anchor: None,
            defects: vec![
                TrustDefect::Other(Text::from("odd")),
                TrustDefect::UnknownIssuer,
            ],
            path: Vec::new(),
        };
    }
    row.observation.tls = Some(tls);
    row.days_left = Some(18);
    row.diagnoses = vec![
        diagnosis(
            Code::CertificateUnknownIssuer,
            Severity::Fail,
            "the certificate was issued by \"CN=Example CA\", which nobody here trusts",
            "give the CA's certificate with --ca-file, or add it to this machine's store, if it is your own",
        ),
        diagnosis(
            Code::CertificateExpiresSoon,
            Severity::Warn,
            "the certificate ends in 18 days, on 2026-12-10",
            "renew it",
        ),
        diagnosis(
            Code::CertificateWeakSignature,
            Severity::Warn,
            "it is signed with SHA-1",
            "renew it",
        ),
        diagnosis(
            Code::ClientCertificateRequested,
            Severity::Info,
            "it asks for a client certificate",
            "fine",
        ),
    ];
    row.observation.peer = Some(PeerFacts::Http(HttpFacts {
        status: Some(302),
        location: Some(Text::from("https://mail.example.com/owa/")),
        authentication: vec![Text::from("Negotiate"), Text::from("NTLM")],
        exchange_build: Some(Text::from("15.2.1544.9")),
        front_end: Some(Text::from("EXCH01")),
        ..HttpFacts::default()
    }));
    row
}

pub(super) fn client_proxy() -> Finding {
    let mut row = row(Role::Any, ServiceId::Submissions, Status::Fail, State::Open);
    row.observation.detour = Some(Detour::CleartextOnTlsPort);
    row.observation.steps = [
        (Stage::Connect, 12_400, 1),
        (Stage::TlsHandshake, 3_100, 1),
        (Stage::Connect, 11_900, 2),
        (Stage::Greeting, 1_215_003, 2),
    ]
    .map(|(stage, micros, connection)| Step {
        stage,
        took: Duration::from_micros(micros),
        connection,
    })
    .to_vec();
    row.observation.failure = Some(Failure {
        stage: Stage::TlsHandshake,
        cause: Cause::Cleartext,
        detail: Some(Text::from("220 EXCH01.example.com ready")),
    });
    row.failure_code = Some(Code::ClientProxy);
    row.diagnoses = vec![diagnosis(
        Code::ClientProxy,
        Severity::Fail,
        "plaintext SMTP answered where TLS belongs: \"220 EXCH01.example.com ready\"",
        "this is Exchange's internal Client Proxy connector; send mail clients to 587 with STARTTLS, and keep 465 \
         from being published",
    )];
    row.observation.transcript = vec![
        said(1, Speaker::Event, "connected to 192.0.2.10:465"),
        said(1, Speaker::Client, "TLS ClientHello"),
        said(2, Speaker::Event, "connected to 192.0.2.10:465"),
        said(2, Speaker::Server, "220 EXCH01.example.com ready"),
        said(2, Speaker::Client, "QUIT"),
    ];
    row
}

pub(super) fn hostile_submission() -> Finding {
    let mut row = row(Role::Any, ServiceId::Submission, Status::Fail, State::Open);
    let words = Text::from_bytes(
        b"554 \x1b[2J\x1b]0;owned\x07 \xe4rger \xe2\x80\xae\xe6\xbc\xa2\xe5\xad\x97 C:\\> \"quoted\"",
    );
    row.observation.failure = Some(Failure {
        stage: Stage::Greeting,
        cause: Cause::Rejected,
        detail: Some(words.clone()),
    });
    row.failure_code = Some(Code::GreetingRejected);
    row.diagnoses = vec![diagnosis(
        Code::GreetingRejected,
        Severity::Fail,
        &format!("the server refuses this client: \"{words}\""),
        "look at the receive connector's remote IP ranges",
    )];
    row.observation.peer = Some(smtp(&words));
    row.observation.transcript = vec![Line {
        connection: 1,
        speaker: Speaker::Server,
        text: words,
    }];
    row
}

/// An organisation as the internet sees it: what is not there may be missing, remote desktop must be.
pub(super) fn published() -> Looked {
    let role = Role::Published;
    let ids = [
        (ServiceId::Http, Status::Absent),
        (ServiceId::Pop3, Status::Absent),
        (ServiceId::Ldap, Status::Pass),
        (ServiceId::Https, Status::Pass),
        (ServiceId::Submission, Status::Skip),
        (ServiceId::Rdp, Status::Fail),
    ];
    let rows = ids.map(|(id, status)| {
        let mut row = match status {
            Status::Absent => refused(role, id),
            Status::Pass if id == ServiceId::Ldap => filtered(role, id),
            _ => row(role, id, status, State::Open),
        };
        row.status = status;
        match status {
            Status::Absent => row.diagnoses[0].severity = Severity::Info,
            Status::Skip => {
                row.observation.state = None;
                row.observation.address = None;
                row.observation.steps.clear();
                row.observation.failure = Some(Failure {
                    stage: Stage::Connect,
                    cause: Cause::Deadline,
                    detail: None,
                });
                row.failure_code = Some(Code::Deadline);
                row.diagnoses = vec![diagnosis(
                    Code::Deadline,
                    Severity::Info,
                    "the run's deadline passed first",
                    "give it more time with --deadline",
                )];
            }
            Status::Fail => {
                row.diagnoses = vec![diagnosis(
                    Code::ForbiddenOpen,
                    Severity::Fail,
                    "remote desktop can be reached and must not be",
                    "close 3389 in the firewall and reach the server through a VPN",
                )];
            }
            _ if id == ServiceId::Ldap => row.diagnoses[0].severity = Severity::Info,
            _ => {
                row.observation.tls = Some(tls(77));
                row.days_left = Some(77);
            }
        }
        row
    });
    (target("192.0.2.30", role, &["192.0.2.30"]), rows.to_vec())
}

/// 443 and all that lives behind it: asked, not asked, or failed with it.
pub(super) fn behind_443(name: &str, status: Status) -> Looked {
    let role = Role::Mailbox;
    let ids = SERVICES.iter().chain(&WEB).map(|service| service.id);
    let ids = ids.filter(|id| *id == ServiceId::Https || id.row().group == Group::Web);
    let hello = diagnosis(
        Code::TlsClosedOnHello,
        Severity::Fail,
        "the server closed the connection at the ClientHello",
        "mostly no certificate is bound",
    );
    let rows = ids.map(|id| match (id, status) {
        (ServiceId::Https, Status::Skip) => refused(role, id),
        (ServiceId::Ews, Status::Pass) => {
            let mut row = row(role, id, Status::Fail, State::Open);
            row.diagnoses = vec![diagnosis(
                Code::WebNotFound,
                Severity::Fail,
                "HTTP 404: there is no such directory",
                "see whether the directory exists",
            )];
            row
        }
        (_, Status::Skip) => {
            let mut row = row(role, id, status, State::Closed);
            row.observation.state = None;
            row.observation.steps.clear();
            row.diagnoses = vec![diagnosis(
                Code::HttpsNotOpen,
                Severity::Info,
                "skipped: port 443 does not accept connections",
                "look at 443",
            )];
            row
        }
        (_, Status::Fail) => {
            let mut row = row(role, id, status, State::Open);
            if id != ServiceId::Https {
                row.observation.steps.clear();
            }
            row.diagnoses = vec![hello.clone()];
            row
        }
        _ => row(role, id, status, State::Open),
    });
    (target(name, role, &["192.0.2.10"]), rows.collect())
}

/// Two addresses, the TLS of one of them broken.
pub(super) fn at_two_addresses() -> Looked {
    let addresses = ["192.0.2.40", "192.0.2.41"];
    let each = addresses.map(|address| {
        let status = match address {
            "192.0.2.40" => Status::Pass,
            _ => Status::Fail,
        };
        let (_, mut rows) = behind_443("", status);
        for row in &mut rows {
            row.observation.address = Some(SocketAddr::new(ip(address), 443));
        }
        rows
    });
    let [one, other] = each;
    let rows = one
        .into_iter()
        .zip(other)
        .flat_map(|(one, other)| [one, other]);
    let target = target("two.example.com", Role::Mailbox, &addresses);
    (target, rows.collect())
}

pub(super) fn unresolved() -> Looked {
    let name = diagnosis(
        Code::NameNotFound,
        Severity::Fail,
        "nosuch.example does not exist in DNS",
        "check the spelling, and which DNS server this machine asks",
    );
    let rows = Role::Any.row().required.iter().map(|&id| {
        let mut row = row(Role::Any, id, Status::Fail, State::Unresolved);
        row.observation.address = None;
        row.observation.local_address = None;
        row.observation.steps.clear();
        row.observation.failure = Some(Failure {
            stage: Stage::Resolve,
            cause: Cause::NameNotFound,
            detail: None,
        });
        row.failure_code = Some(Code::NameNotFound);
        row.diagnoses = Vec::new();
        row
    });
    let mut finding = target("nosuch.example", Role::Any, &[]);
    finding.status = Status::Fail;
    finding.diagnoses = vec![TargetDiagnosis {
        diagnosis: name,
        services: Role::Any.row().required.to_vec(),
        addresses: Vec::new(),
    }];
    (finding, rows.collect())
}

/// Every address on a row of its own; nothing comes through on IPv6.
pub(super) fn two_addresses() -> Looked {
    let role = Role::Mailbox;
    let addresses = ["192.0.2.40", "2001:db8:85a3:8d3:1319:8a2e:370:7348"];
    let mut rows = Vec::new();
    for id in [
        ServiceId::Smtp,
        ServiceId::Https,
        ServiceId::Submission,
        ServiceId::Imaps,
    ] {
        for (index, address) in addresses.into_iter().enumerate() {
            let mut row = match (index, id) {
                (0, ServiceId::Imaps) => refused(role, id),
                (0, _) => row(role, id, Status::Pass, State::Open),
                _ => filtered(role, id),
            };
            row.observation.address = Some(SocketAddr::new(ip(address), id.row().port));
            if row.status == Status::Pass {
                row.observation.tls = Some(tls(240));
                row.days_left = Some(240);
            }
            rows.push(row);
        }
    }
    let mut finding = target("dual.example.net", role, &addresses);
    finding.status = Status::Fail;
    (finding, rows)
}

/// Interrupted before anything could be looked at.
pub(super) fn cut_short() -> Looked {
    let rows = Role::Edge
        .row()
        .required
        .iter()
        .chain(Role::Edge.row().optional);
    let rows = rows.map(|&id| {
        let mut row = row(Role::Edge, id, Status::Skip, State::Open);
        row.observation = Observation {
            failure: Some(Failure {
                stage: Stage::Connect,
                cause: Cause::Interrupted,
                detail: None,
            }),
            ..Observation::default()
        };
        row.failure_code = Some(Code::Interrupted);
        row.diagnoses = vec![diagnosis(
            Code::Interrupted,
            Severity::Info,
            "the run was interrupted",
            "run it again",
        )];
        row
    });
    let mut finding = target("edge.example.com", Role::Edge, &[]);
    finding.resolve = None;
    finding.status = Status::Skip;
    (finding, rows.collect())
}

/// What is long, wide, or strange in shape: names of a directory that mean to break a reader, an ended certificate.
pub(super) fn long_names() -> Looked {
    let role = Role::DomainController;
    let mut ldap = row(role, ServiceId::Ldap, Status::Fail, State::Open);
    let mut tls = tls(-3);
    tls.version = Some(TlsVersion::Tls12);
    if let Some(certificate) = tls.certificate.as_mut().map(Arc::make_mut) {
        certificate.key = KeyFacts {
            algorithm: "1.2.3.4".to_owned(),
            bits: None,
        };
    }
    Arc::make_mut(&mut tls.chain)[0].not_after = None;
    ldap.observation.tls = Some(tls);
    ldap.days_left = Some(-3);
    ldap.diagnoses = vec![diagnosis(
        Code::CertificateExpired,
        Severity::Fail,
        "the certificate ended 3 days ago, on 2026-11-18",
        "renew it; the domain controller takes the new one without a restart",
    )];
    ldap.observation.peer = Some(PeerFacts::Ldap(LdapFacts {
        root_dse: vec![
            (
                Text::from("dnsHostName"),
                vec![Text::from("dc1.example.com")],
            ),
            (Text::from(""), vec![Text::from("nameless")]),
            (Text::from("DNSHOSTNAME"), vec![Text::from("again")]),
            (Text::from("empty"), Vec::new()),
        ],
        starttls_result: Some(0),
        ..LdapFacts::default()
    }));
    let mut ldaps = row(role, ServiceId::Ldaps, Status::Warn, State::Open);
    ldaps.check.port = 10_636;
    // A handshake that did not get far.
    ldaps.observation.tls = Some(TlsFacts {
        legacy: Some(LegacyFacts {
            answer: LegacyAnswer::Agreed,
            version: Some(TlsVersion::Tls12),
            cipher_suite: Some("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384".to_owned()),
            key_exchange: Some(KeyExchange::Ecdhe),
            cipher: Some(Cipher::Cbc),
            group: Some("secp384r1".to_owned()),
            prime_bits: None,
            alert: None,
            client_certificate: None,
            proof: Some(KeyProof::Shown),
        }),
        versions: vec![
            (TlsVersion::Tls10, VersionAnswer::Refused),
            (TlsVersion::Tls12, VersionAnswer::Accepted),
            (TlsVersion::Tls13, VersionAnswer::Unknown),
        ],
        ..TlsFacts::default()
    });
    ldaps.diagnoses = vec![diagnosis(
        Code::TlsNoCommonCipher,
        Severity::Warn,
        "server and client have no cipher suite in common",
        "a server of that age has only suites that are no longer offered; Outlook on Windows may still get through",
    )];
    ldaps.observation.peer = Some(PeerFacts::Imap(ImapFacts {
        greeting: Some(Text::from(
            "* OK The Microsoft Exchange IMAP4 service is ready.",
        )),
        capabilities: vec![Text::from("IMAP4rev1")],
        secure_capabilities: Vec::new(),
    }));
    let name = "a-rather-long-name-for-a-domain-controller.in-the-headquarters.corp.example.com";
    let mut finding = target(name, role, &["192.0.2.50", "192.0.2.51", "2001:db8::50"]);
    finding.status = Status::Fail;
    finding.diagnoses = vec![TargetDiagnosis {
        diagnosis: diagnosis(
            Code::ClockDiffers,
            Severity::Warn,
            "its clock is 7 minutes ahead of this machine's",
            "Kerberos allows for 5",
        ),
        services: vec![ServiceId::Ldap],
        addresses: vec![ip("192.0.2.50")],
    }];
    (finding, vec![ldap, ldaps])
}

// -- the parts

pub(super) fn target(name: &str, role: Role, addresses: &[&str]) -> TargetFinding {
    TargetFinding {
        target: name.to_owned(),
        node_of: None,
        role,
        addresses: addresses.iter().map(|address| ip(address)).collect(),
        resolve: (!addresses.contains(&name)).then_some(Duration::from_micros(3_100)),
        status: Status::Pass,
        diagnoses: Vec::new(),
        unrequired: Vec::new(),
        guess: None,
        candidates: Vec::new(),
    }
}

pub(super) fn row(role: Role, id: ServiceId, status: Status, state: State) -> Finding {
    let service = id.row();
    Finding {
        check: Check {
            service,
            port: service.port,
            expect: expectation(role, id).unwrap_or(Expectation::Optional),
        },
        observation: Observation {
            address: Some(SocketAddr::new(ip("192.0.2.10"), service.port)),
            local_address: Some(SocketAddr::new(ip("198.51.100.7"), 50_312)),
            state: Some(state),
            steps: vec![Step {
                stage: Stage::Connect,
                took: Duration::from_micros(u64::from(service.port) * 20 + 100),
                connection: 1,
            }],
            ..Observation::default()
        },
        status,
        failure_code: None,
        days_left: None,
        diagnoses: Vec::new(),
    }
}

pub(super) fn refused(role: Role, id: ServiceId) -> Finding {
    let mut row = row(role, id, Status::Fail, State::Closed);
    row.observation.failure = Some(Failure {
        stage: Stage::Connect,
        cause: Cause::Refused,
        detail: None,
    });
    row.failure_code = Some(Code::Refused);
    row.diagnoses = vec![diagnosis(
        Code::Refused,
        Severity::Fail,
        "the connection was refused: nothing listens there",
        "start the service; Exchange's POP3 and IMAP4 services are off by default: Set-Service MSExchangeIMAP4 \
         -StartupType Automatic",
    )];
    row
}

pub(super) fn filtered(role: Role, id: ServiceId) -> Finding {
    let mut row = row(role, id, Status::Fail, State::Filtered);
    row.observation.steps[0].took = Duration::from_secs(3);
    row.observation.failure = Some(Failure {
        stage: Stage::Connect,
        cause: Cause::Filtered,
        detail: None,
    });
    row.failure_code = Some(Code::Filtered);
    row.diagnoses = vec![diagnosis(
        Code::Filtered,
        Severity::Fail,
        &format!("nothing answered on {} within 3 s", row.check.port),
        "a firewall drops the packets, or the service on a Windows host is stopped",
    )];
    row
}

pub(super) fn diagnosis(code: Code, severity: Severity, message: &str, hint: &str) -> Diagnosis {
    Diagnosis {
        code,
        severity,
        message: message.to_owned(),
        hint: hint.to_owned(),
    }
}

pub(super) fn self_signed() -> Diagnosis {
    diagnosis(
        Code::CertificateSelfSigned,
        Severity::Info,
        "the certificate is signed by itself, which is normal here",
        "nothing needs to be done",
    )
}

pub(super) fn smtp(greeting: &Text) -> PeerFacts {
    PeerFacts::Smtp(SmtpFacts {
        greeting: Some(greeting.clone()),
        extensions: vec![Text::from("SIZE 37748736"), Text::from("STARTTLS")],
        secure_extensions: vec![Text::from("AUTH LOGIN")],
        ..SmtpFacts::default()
    })
}

pub(super) fn tls(days: i64) -> TlsFacts {
    TlsFacts {
        version: Some(TlsVersion::Tls13),
        cipher_suite: Some("TLS_AES_256_GCM_SHA384".to_owned()),
        group: Some("X25519".to_owned()),
        alpn: None,
        server_name: Some("mail.example.com".to_owned()),
        certificate: Some(Arc::new(CertificateFacts {
            subject: Text::from("CN=mail.example.com"),
            issuer: Text::from("CN=Example CA"),
            names: vec![
                Text::from("mail.example.com"),
                Text::from("b\u{fc}ro.example.com"),
            ],
            not_before: day(-300),
            not_after: day(days),
            serial: "0a1b".to_owned(),
            sha1: "5a".repeat(20),
            sha256: "5e".repeat(32),
            key: KeyFacts {
                algorithm: "RSA".to_owned(),
                bits: Some(2048),
            },
            signature: "sha256WithRSAEncryption".to_owned(),
            signature_strength: SignatureStrength::Good,
            self_signed: false,
            name_matches: true,
            trust: TrustFacts {
                anchor: Some(Anchor::Public),
                defects: Vec::new(),
                path: vec![0],
            },
            issuer_urls: Vec::new(),
            more_names: 0,
        })),
        chain: Arc::new([
            ChainLink {
                subject: Text::from("CN=mail.example.com"),
                issuer: Text::from("CN=Example CA"),
                sha256: "5e".repeat(32),
                not_before: Some(day(-300)),
                not_after: Some(day(days)),
                key: None,
                signature: None,
            },
            ChainLink {
                subject: Text::from("CN=Example CA"),
                issuer: Text::from("CN=Example Root"),
                sha256: "ca".repeat(32),
                not_before: Some(day(-2000)),
                not_after: Some(day(2000)),
                key: Some(KeyFacts {
                    algorithm: "RSA".to_owned(),
                    bits: Some(4096),
                }),
                signature: None,
            },
        ]),
        fingerprints: Arc::default(),
        client_certificate: None,
        legacy: None,
        versions: Vec::new(),
    }
}

pub(super) fn attempt(address: &str, state: Option<State>, ms: u64) -> Attempt {
    Attempt {
        address: address.parse().expect("an address and a port"),
        state,
        took: Duration::from_millis(ms),
    }
}

pub(super) fn said(connection: u8, speaker: Speaker, text: &str) -> Line {
    Line {
        connection,
        speaker,
        text: Text::from(text),
    }
}

/// So many days after 2026-11-21T20:00:00Z, the day of the run.
pub(super) fn day(days: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_795_291_200 + days * 86_400).expect("a date")
}

pub(super) fn ip(address: &str) -> IpAddr {
    address.parse().expect("an address")
}
