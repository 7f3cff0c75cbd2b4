//! Web services behind 443 wait for the check of it.

use std::sync::Arc;

use tokio::sync::watch;

use super::rows::{PlannedRow, broken};
use crate::catalog::ServiceId;
use crate::observation::{Cause, Failure, Observation, Stage, State};
use crate::plan::{Check, Endpoint};

/// What a check saw, for those behind it.
type FrontSeen = Option<Arc<Observation>>;

/// The checks of a target that others wait for: a port that does not open, or does not shake hands, is not asked nine
/// times more. One for each service in front, and each set of endpoints.
pub(super) struct Dependencies(Vec<(ServiceId, Vec<Endpoint>, Arc<watch::Sender<FrontSeen>>)>);

/// What a check has to do with another one.
pub(super) enum Dependency {
    /// Others wait for it.
    InFront(Arc<watch::Sender<FrontSeen>>),
    /// It waits for another.
    Behind(watch::Receiver<FrontSeen>),
    /// Nothing; or what it is behind is not looked at.
    Independent,
}

impl Dependencies {
    pub(super) fn of(rows: &[PlannedRow]) -> Self {
        let is_in_front = |id| {
            rows.iter()
                .any(|(check, _)| check.service.behind == Some(id))
        };
        let in_front = rows
            .iter()
            .filter(|(check, _)| is_in_front(check.service.id));
        let all = in_front.map(|(check, endpoints)| {
            let sender = Arc::new(watch::Sender::new(None));
            (check.service.id, endpoints.clone(), sender)
        });
        Self(all.collect())
    }

    pub(super) fn dependency(&self, check: &Check, endpoints: &[Endpoint]) -> Dependency {
        let front = check.service.behind.unwrap_or(check.service.id);
        let is_it =
            |(id, known, _): &&(ServiceId, Vec<Endpoint>, _)| *id == front && known == endpoints;
        match self.0.iter().find(is_it) {
            Some((_, _, sender)) if check.service.behind.is_some() => {
                Dependency::Behind(sender.subscribe())
            }
            Some((_, _, sender)) => Dependency::InFront(Arc::clone(sender)),
            None => Dependency::Independent,
        }
    }
}

impl Dependency {
    pub(super) fn tell(&self, observation: &Observation) {
        if let Self::InFront(sender) = self {
            sender.send_replace(Some(Arc::new(observation.clone())));
        }
    }

    /// Where the service is to be asked: at the address that answered in front, where that was looked at, so that both
    /// rows tell of one machine. Else what was seen there that makes a check of its own needless.
    pub(super) async fn endpoints(
        &self,
        endpoints: Vec<Endpoint>,
    ) -> Result<Vec<Endpoint>, Box<Observation>> {
        let Self::Behind(front) = self else {
            return Ok(endpoints);
        };
        let mut front = front.clone();
        let told = front.wait_for(Option::is_some).await;
        let Some(seen) = told.as_deref().ok().and_then(Option::as_deref) else {
            // It broke before it could tell: that is not the fault of what is in front.
            return Err(Box::new(broken()));
        };
        if seen.state != Some(State::Open) {
            return Err(Box::new(not_asked(seen, Cause::HttpsNotOpen)));
        }
        let is_secure = seen.tls.as_ref().is_some_and(|tls| tls.version.is_some());
        if !is_secure || seen.detour.is_some() {
            return Err(Box::new(not_asked(seen, Cause::HttpsUnusable)));
        }
        Ok(seen
            .address
            .map_or(endpoints, |answered| vec![answered.into()]))
    }
}

/// A web service behind a 443 that is of no use; where this machine or the run was the reason, that is told again.
fn not_asked(front: &Observation, cause: Cause) -> Observation {
    let ours = front
        .failure
        .clone()
        .filter(|failure| failure.cause.is_ours());
    Observation {
        failure: ours.or(Some(Failure {
            stage: Stage::Connect,
            cause,
            detail: None,
        })),
        // It would have been asked there.
        address: front.address,
        proxy: front.proxy.clone(),
        ..Observation::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{TlsFacts, TlsVersion};
    use crate::run::fixture::{check, failing, open};
    use crate::run::rows::{at_its_place, only};
    use std::net::SocketAddr;

    /// What the checks of these services, all of the same endpoints, have to do with one another.
    fn dependencies<const N: usize>(
        ids: [ServiceId; N],
        endpoints: &[Endpoint],
    ) -> [Dependency; N] {
        let rows = ids.map(|id| (check(id), endpoints.to_vec()));
        let all = Dependencies::of(&rows);
        ids.map(|id| all.dependency(&check(id), endpoints))
    }

    /// What a web service tells that stands behind this; `None` when it is asked itself.
    async fn behind(front: Observation) -> Option<Option<Cause>> {
        let endpoints = [SocketAddr::from(([192, 0, 2, 25], 443)).into()];
        // Whichever comes first.
        let [owa, https] = dependencies([ServiceId::Owa, ServiceId::Https], &endpoints);
        https.tell(&front);
        let seen = owa.endpoints(endpoints.to_vec()).await.err()?;
        Some(seen.failure.map(|failure| failure.cause))
    }

    #[tokio::test]
    async fn what_is_not_asked_keeps_its_address() {
        let [v4, v6] = ["192.0.2.25:443", "[2001:db8::25]:443"]
            .map(|address| address.parse::<SocketAddr>().expect("an address"));
        for address in [v4, v6] {
            let endpoints = vec![address.into()];
            let [https, owa] = dependencies([ServiceId::Https, ServiceId::Owa], &endpoints);
            https.tell(&Observation {
                address: Some(address),
                state: Some(State::Closed),
                ..failing(Stage::Connect, Cause::Refused)
            });
            let seen = owa.endpoints(endpoints).await.expect_err("it is not asked");
            assert_eq!((seen.address, seen.state), (Some(address), None));
        }
        // One that was not dialled is about its endpoint, where it has one of its own.
        assert_eq!(at_its_place(broken(), only(&[v4.into()])).address, Some(v4));
        assert_eq!(
            at_its_place(broken(), only(&[v4.into(), v6.into()])).address,
            None
        );
        let answered = Observation {
            address: Some(v6),
            ..open()
        };
        assert_eq!(at_its_place(answered, only(&[v4.into()])).address, Some(v6));
    }

    fn secure(observation: Observation) -> Observation {
        Observation {
            tls: Some(TlsFacts {
                version: Some(TlsVersion::Tls13),
                ..TlsFacts::default()
            }),
            ..observation
        }
    }

    #[tokio::test]
    async fn web_services_are_asked_where_443_answered() {
        let [first, second] =
            [[192, 0, 2, 25], [192, 0, 2, 26]].map(|ip| SocketAddr::from((ip, 443)));
        let both: Vec<Endpoint> = vec![first.into(), second.into()];
        for (answered, asked) in [(Some(second), vec![second.into()]), (None, both.clone())] {
            let [https, owa, imaps] =
                dependencies([ServiceId::Https, ServiceId::Owa, ServiceId::Imaps], &both);
            https.tell(&Observation {
                address: answered,
                ..secure(open())
            });
            assert_eq!(owa.endpoints(both.clone()).await.ok(), Some(asked));
            assert_eq!(imaps.endpoints(both.clone()).await.ok(), Some(both.clone()));
        }
    }

    #[tokio::test]
    async fn what_443_showed_is_told_behind_it_or_asked_again() {
        use Cause::{Alert, Deadline, HttpsNotOpen, HttpsUnusable, LegacySuitesOnly, Silent};
        let closed = Observation {
            state: Some(State::Closed),
            ..failing(Stage::Connect, Cause::Refused)
        };
        let late = Observation {
            state: None,
            ..failing(Stage::Connect, Deadline)
        };
        for (front, told) in [
            (secure(open()), None),
            (secure(failing(Stage::Application, Silent)), None),
            (
                failing(Stage::TlsHandshake, Alert(40)),
                Some(Some(HttpsUnusable)),
            ),
            (
                failing(Stage::TlsHandshake, LegacySuitesOnly),
                Some(Some(HttpsUnusable)),
            ),
            (failing(Stage::TlsHandshake, Deadline), Some(Some(Deadline))),
            (closed, Some(Some(HttpsNotOpen))),
            (late, Some(Some(Deadline))),
        ] {
            assert_eq!(behind(front.clone()).await, told, "{front:?}");
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_check_of_443_that_broke() {
        let [https, owa] = dependencies([ServiceId::Https, ServiceId::Owa], &[]);
        drop(https);
        let seen = owa.endpoints(Vec::new()).await.err();
        let failure = seen.and_then(|seen| seen.failure);
        let cause = failure.map(|failure| failure.cause);
        assert_eq!(cause, Some(Cause::Internal));
    }

    #[test]
    fn a_web_service_on_another_port_stands_behind_nothing() {
        let endpoint = |port| vec![Endpoint::from(SocketAddr::from(([192, 0, 2, 25], port)))];
        let rows = [
            (check(ServiceId::Https), endpoint(443)),
            (check(ServiceId::Owa), endpoint(8443)),
            (check(ServiceId::Imaps), endpoint(443)),
        ];
        let all = Dependencies::of(&rows);
        let [https, owa, imaps] = rows.map(|(check, endpoints)| all.dependency(&check, &endpoints));
        assert!(matches!(https, Dependency::InFront(_)));
        assert!(matches!(owa, Dependency::Independent));
        assert!(matches!(imaps, Dependency::Independent));
    }
}
