//! The whole target.

use std::net::IpAddr;
use std::time::Duration;

use exchports::catalog::{Expectation, Role, SERVICES, ServiceId};
use exchports::finding::{Code, Finding, Status};
use exchports::judge::{Surroundings, judge_target};
use exchports::observation::{Cause, Stage, State};
use exchports::plan::{Host, Standards, Target};

use super::{context, failing, healthy, judge_as};

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
    }
}

#[test]
fn a_target_keeps_what_it_was_given() {
    let addresses: Vec<IpAddr> = vec![[192, 0, 2, 10].into(), [192, 0, 2, 11].into()];
    let host = Host::Name("mail.example.com".into());
    let standards = Standards::default();
    let context = context(&standards, &host, Role::Edge);
    let found = judge_target::<Finding>(
        &target("mail.example.com", Role::Edge),
        Surroundings {
            port_25: Vec::new(),
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

fn target(name: &str, role: Role) -> Target {
    let host = Host::Name(name.into());
    Target {
        name: name.into(),
        host: host.clone(),
        address: None,
        server_name: host,
        role,
        checks: Vec::new(),
        named: Vec::new(),
        node_of: None,
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
