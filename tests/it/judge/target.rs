//! The whole target, and the role that fits it.

use std::net::IpAddr;
use std::time::Duration;

use exchports::catalog::{Expectation, Role, SERVICES, ServiceId};
use exchports::facts::{PeerFacts, Text, TlsFacts, TlsVersion, TrustDefect};
use exchports::finding::{Code, Finding, LooksLike, Status};
use exchports::judge::{Surroundings, judge_target};
use exchports::observation::{Cause, Observation, Stage, State};
use exchports::plan::{Host, Standards, Target};

use super::{certificate, context, failing, healthy, judge_as};

#[test]
fn a_target_is_as_bad_as_its_worst_check() {
    use Status::{Absent, Fail, Pass, Skip, Warn};
    for (statuses, worst) in [
        (&[Pass, Pass][..], Pass),
        (&[Pass, Absent], Pass),
        (&[Absent], Pass),
        (&[Pass, Skip], Skip),
        (&[Skip, Skip], Skip),
        (&[Skip, Warn, Pass], Warn),
        (&[Warn, Fail, Skip], Fail),
        (&[], Skip),
    ] {
        let findings: Vec<Finding> = statuses.iter().map(|status| of_status(*status)).collect();
        let target = judged_target(Role::Mailbox, "mail.example.com", &findings);
        assert_eq!(target.status, worst, "{statuses:?}");
        assert!(target.diagnoses.is_empty());
    }
}

#[test]
fn a_name_without_address_is_told_once_with_all_services() {
    use Status::{Fail, Skip};
    for (cause, code, status) in [
        (Cause::NameNotFound, Code::NameNotFound, Fail),
        (Cause::NameWithoutAddress, Code::NameWithoutAddress, Fail),
        (Cause::LookupFailed, Code::NameLookupFailed, Fail),
        (Cause::NoNetwork, Code::NoNetwork, Skip),
        (Cause::OutOfResources, Code::OutOfResources, Skip),
        (Cause::Deadline, Code::Deadline, Skip),
        (Cause::Interrupted, Code::Interrupted, Skip),
    ] {
        let findings: Vec<Finding> = SERVICES
            .iter()
            .map(|service| {
                let mut seen = failing(Stage::Resolve, cause, None);
                seen.state = (status == Fail).then_some(State::Unresolved);
                judge_as(service, Expectation::Required, Role::Any, seen)
            })
            .collect();
        for finding in &findings {
            assert_eq!(finding.status, status);
            assert_eq!(finding.failure_code, Some(code));
            assert_eq!(finding.diagnoses, []);
        }
        let target = judged_target(Role::Any, "mail.example.com", &findings);
        let is_warning = matches!(cause, Cause::NoNetwork | Cause::OutOfResources);
        assert_eq!(
            target.status,
            if is_warning { Status::Warn } else { status }
        );
        let [told] = target.diagnoses.as_slice() else {
            panic!("{:?}", target.diagnoses);
        };
        assert_eq!(told.diagnosis.code, code);
        assert_eq!(told.services.len(), SERVICES.len());
        assert_eq!(target.looks_like, None);
    }
}

#[test]
fn a_target_keeps_what_it_was_given() {
    let addresses: Vec<IpAddr> = vec![[192, 0, 2, 10].into(), [192, 0, 2, 11].into()];
    let host = Host::Name("mail.example.com".into());
    let standards = Standards::default();
    let context = context(&standards, &host, Role::Edge);
    let found = judge_target(
        &target("mail.example.com", Role::Edge),
        Surroundings {
            addresses: addresses.clone(),
            resolve: Some(Duration::from_millis(3)),
            control: None,
        },
        &[],
        &context,
    );
    assert_eq!(found.target, "mail.example.com");
    assert_eq!(found.role, Role::Edge);
    assert_eq!(found.addresses, addresses);
    assert_eq!(found.resolve, Some(Duration::from_millis(3)));
}

#[test]
fn a_host_looks_like_the_role_that_fits_what_is_open() {
    use ServiceId::{Http, Https, Imaps, Ldap, Ldaps, Pop3s, Rdp, Smtp, Submission, Submissions};
    for (name, open, looks_like) in [
        ("mail.example.com", &[][..], None),
        (
            "mail.example.com",
            &[Smtp, Https, Submission],
            Some((Role::Mailbox, 3, 3)),
        ),
        (
            "mail.example.com",
            &[Smtp, Http, Https, Submissions, Submission, Rdp],
            Some((Role::Mailbox, 3, 3)),
        ),
        // One that is down does not make it another kind of host.
        (
            "mail.example.com",
            &[Smtp, Http, Https, Rdp],
            Some((Role::Mailbox, 2, 3)),
        ),
        ("mail.example.com", &[Https], Some((Role::Published, 1, 1))),
        (
            "mail.example.com",
            &[Https, Imaps, Pop3s],
            Some((Role::Published, 1, 1)),
        ),
        (
            "mail.example.com",
            &[Http, Https, Smtp],
            Some((Role::Published, 1, 1)),
        ),
        ("mail.example.com", &[Smtp], Some((Role::Edge, 1, 1))),
        ("mail.example.com", &[Smtp, Rdp], Some((Role::Edge, 1, 1))),
        (
            "dc01.example.com",
            &[Ldap, Ldaps, Rdp],
            Some((Role::DomainController, 1, 1)),
        ),
        (
            "dc01.example.com",
            &[Ldap],
            Some((Role::DomainController, 1, 1)),
        ),
        (
            "outlook.office365.com",
            &[Https, Imaps, Pop3s],
            Some((Role::Online, 1, 1)),
        ),
        (
            "smtp.office365.com",
            &[Smtp, Submission],
            Some((Role::OnlineSubmission, 1, 1)),
        ),
        (
            "example-com.mail.protection.outlook.com",
            &[Smtp],
            Some((Role::OnlineMx, 1, 1)),
        ),
        (
            "example-com.a-v1.mx.microsoft",
            &[Smtp],
            Some((Role::OnlineMx, 1, 1)),
        ),
        // Nothing, or too little, of what a role requires.
        ("jump.example.com", &[Rdp], None),
        ("relay.example.com", &[Submission], None),
    ] {
        let target = judged_target(Role::Any, name, &host_with(open));
        let expected = looks_like.map(|(role, passed, required)| LooksLike {
            role,
            passed,
            required,
        });
        assert_eq!(target.looks_like, expected, "{name}, {open:?}");
        let other = judged_target(Role::Mailbox, name, &host_with(open));
        assert_eq!(other.looks_like, None);
    }
}

#[test]
fn looks_need_the_whole_picture_and_a_difference() {
    let all: Vec<ServiceId> = SERVICES.iter().map(|service| service.id).collect();
    let twelve = host_with(&all);
    assert!(twelve.iter().all(|finding| finding.status == Status::Pass));
    let target = judged_target(Role::Any, "mail.example.com", &twelve);
    assert_eq!((target.status, target.looks_like), (Status::Pass, None));

    let open = [ServiceId::Smtp, ServiceId::Https, ServiceId::Submission];
    let mut some = host_with(&open);
    some.retain(|finding| finding.check.service.id != ServiceId::Rdp);
    assert_eq!(
        judged_target(Role::Any, "mail.example.com", &some).looks_like,
        None
    );

    // What was required by name stays required, whatever the role: the demo asks for everything.
    let mut named = host_with(&open);
    let owa = ServiceId::Owa.row();
    named.push(judge_as(
        owa,
        Expectation::Required,
        Role::Any,
        healthy(owa),
    ));
    assert_eq!(
        judged_target(Role::Any, "mail.example.com", &named).looks_like,
        None
    );
    let optional = judge_as(owa, Expectation::Optional, Role::Any, healthy(owa));
    named.pop();
    named.push(optional);
    assert!(
        judged_target(Role::Any, "mail.example.com", &named)
            .looks_like
            .is_some()
    );

    // As that role it has to be better off.
    let mut no_better = host_with(&open);
    for finding in &mut no_better {
        let check = finding.check;
        if finding.status == Status::Fail {
            let seen = finding.observation.clone();
            *finding = judge_as(check.service, Expectation::Optional, Role::Any, seen);
        }
    }
    assert!(
        no_better
            .iter()
            .all(|finding| finding.status != Status::Fail)
    );
    assert_eq!(
        judged_target(Role::Any, "mail.example.com", &no_better).looks_like,
        None
    );

    let mut interrupted = host_with(&open);
    for finding in &mut interrupted {
        if finding.check.service.id == ServiceId::Imap {
            *finding = judge_as(
                finding.check.service,
                Expectation::Required,
                Role::Any,
                Observation {
                    state: None,
                    ..failing(Stage::Connect, Cause::Interrupted, None)
                },
            );
        }
    }
    assert_eq!(
        judged_target(Role::Any, "mail.example.com", &interrupted).looks_like,
        None
    );
}

#[test]
fn a_broken_required_service_is_counted_as_such() {
    let mut findings = host_with(&[ServiceId::Https]);
    for finding in &mut findings {
        if finding.check.service.id == ServiceId::Https {
            let mut seen = finding.observation.clone();
            seen.tls = Some(TlsFacts {
                version: Some(TlsVersion::Tls13),
                certificate: Some(certificate(vec![TrustDefect::UnknownIssuer])),
                ..TlsFacts::default()
            });
            *finding = judge_as(
                finding.check.service,
                Expectation::Required,
                Role::Any,
                seen,
            );
        }
    }
    assert_eq!(
        judged_target(Role::Any, "mail.example.com", &findings).looks_like,
        Some(LooksLike {
            role: Role::Published,
            passed: 0,
            required: 1
        })
    );
}

#[test]
fn a_directory_that_is_not_active_directory_is_no_domain_controller() {
    let mut findings = host_with(&[ServiceId::Ldap]);
    for finding in &mut findings {
        if let Some(PeerFacts::Ldap(facts)) = &mut finding.observation.peer {
            facts.root_dse = vec![(Text::from("vendorName"), vec![Text::from("OpenLDAP")])];
        }
    }
    assert_eq!(
        judged_target(Role::Any, "ldap.example.com", &findings).looks_like,
        None
    );
}

fn target(name: &str, role: Role) -> Target {
    let host = Host::Name(name.into());
    Target {
        name: name.into(),
        host: host.clone(),
        address: None,
        server_name: host,
        role,
        checks: Vec::new(),
    }
}

fn judged_target(
    role: Role,
    name: &str,
    findings: &[Finding],
) -> exchports::finding::TargetFinding {
    let standards = Standards::default();
    let host = Host::Name(name.into());
    judge_target(
        &target(name, role),
        Surroundings::default(),
        findings,
        &context(&standards, &host, role),
    )
}

/// All twelve rows of a host, judged as `any`: these are healthy, the others refuse.
fn host_with(open: &[ServiceId]) -> Vec<Finding> {
    SERVICES
        .iter()
        .map(|service| {
            let seen = if open.contains(&service.id) {
                healthy(service)
            } else {
                let mut seen = failing(Stage::Connect, Cause::Refused, None);
                seen.state = Some(State::Closed);
                seen
            };
            judge_as(service, Expectation::Required, Role::Any, seen)
        })
        .collect()
}

/// A row of that status, whatever the reason.
fn of_status(status: Status) -> Finding {
    let service = ServiceId::Imaps.row();
    let mut finding = judge_as(
        service,
        Expectation::Required,
        Role::Mailbox,
        healthy(service),
    );
    finding.status = status;
    finding
}
