//! One port more, where every port accepted.

use std::net::SocketAddr;
use std::sync::Arc;

use time::OffsetDateTime;

use super::check::{DialTerms, ask, one_check};
use super::setup::RunSetup;
use crate::finding::Finding;
use crate::judge::{self, Control};
use crate::observation::{Cause, State};
use crate::plan::{Audit, Depth, Endpoint, Target};
use crate::probe::Ask;

/// A second round, when every port accepted and it is doubtful that all of them meant it: one port more, on which nobody
/// should be.
pub(super) async fn control(
    shared: &RunSetup,
    target: &Target,
    findings: &[Arc<Finding>],
    way: DialTerms,
) -> Option<Control> {
    if !judge::calls_for_control(findings) || !is_doubtful(shared.plan.depth, findings) {
        return None;
    }
    let open = findings
        .iter()
        .find(|finding| finding.observation.state == Some(State::Open))?;
    let port = unused_port(shared.now, target);
    let endpoint = match (open.observation.address, shared.name_for_proxy(target)) {
        (Some(address), _) => SocketAddr::new(address.ip(), port).into(),
        (None, Some(name)) => Endpoint::Name(name, port),
        (None, None) => return None,
    };
    let ask = Ask {
        depth: Depth::TcpOnly,
        audit: Audit::No,
        ..ask(&shared.plan, target, open.check)
    };
    let seen = one_check(shared, vec![endpoint], ask, way).await;
    Some(Control {
        port,
        state: seen.state,
    })
}

/// Whether open ports may be somebody else's who answers for all. Where each of them spoke its protocol there is nothing
/// to find out, and a firewall would make it cost a timeout; of those that were only connected to nobody knows.
fn is_doubtful(depth: Depth, findings: &[Arc<Finding>]) -> bool {
    let is_mute = |finding: &Arc<Finding>| {
        finding.observation.failure.as_ref().is_some_and(|failure| {
            matches!(
                failure.cause,
                Cause::Silent | Cause::Closed | Cause::Reset | Cause::ClosedOnHello
            )
        })
    };
    depth == Depth::TcpOnly || findings.iter().any(is_mute)
}

/// A high port that nobody was asked for; another one each time.
fn unused_port(now: OffsetDateTime, target: &Target) -> u16 {
    const FIRST: u16 = 49_152;
    // The remainder is under 16,000.
    let start = FIRST + u16::try_from(now.microsecond() % 16_000).unwrap_or(0);
    (start..=u16::MAX)
        .find(|port| target.checks.iter().all(|check| check.port != *port))
        .unwrap_or(FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Role, ServiceId};
    use crate::judge::Context;
    use crate::observation::Stage;
    use crate::plan::{Host, Standards};
    use crate::run::fixture::{check, failing, open};

    #[test]
    fn open_ports_are_doubted_where_one_is_mute_or_none_was_talked_to() {
        let standards = Standards::default();
        let server_name = Host::Name("mail.example.com".to_owned());
        let context = Context {
            standards: &standards,
            role: Role::Any,
            unused_proxy: None,
            server_name: &server_name,
            now: OffsetDateTime::UNIX_EPOCH,
        };
        let found = |seen| Arc::new(judge::judge(check(ServiceId::Https), seen, &context));
        let talks = [found(open()), found(failing(Stage::Starttls, Cause::NoTls))];
        let mute = [
            found(open()),
            found(failing(Stage::Greeting, Cause::Silent)),
        ];
        assert!(!is_doubtful(Depth::Full, &talks));
        assert!(is_doubtful(Depth::Full, &mute));
        assert!(is_doubtful(Depth::TcpOnly, &talks));
    }
}
