//! Web services behind 443 wait until it has shaken hands; where it does not, for what the check of it saw.

use std::sync::Arc;

use std::net::SocketAddr;

use tokio::sync::watch;

use super::rows::{PlannedRow, broken};
use crate::catalog::ServiceId;
use crate::net::OnSecure;
use crate::observation::{Cause, Failure, Observation, Stage, State};
use crate::plan::{Check, Endpoint};

/// What is known of a check, for those behind it.
#[derive(Debug)]
pub(super) enum FrontSeen {
    /// Nothing yet.
    Nothing,
    /// It shook hands at this endpoint. What else it sees is nobody's concern behind it.
    Secure(Option<SocketAddr>),
    /// It is over.
    All(Arc<Observation>),
}

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
            let sender = Arc::new(watch::Sender::new(FrontSeen::Nothing));
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
            say(sender, || FrontSeen::All(Arc::new(observation.clone())));
        }
    }

    /// What is done when the check in front has shaken hands.
    pub(super) fn on_secure(&self) -> Option<OnSecure> {
        let Self::InFront(sender) = self else {
            return None;
        };
        let sender = Arc::clone(sender);
        Some(OnSecure::new(move |address| {
            say(&sender, || FrontSeen::Secure(address));
        }))
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
        let told = front
            .wait_for(|seen| !matches!(seen, FrontSeen::Nothing))
            .await;
        let there = |answered: Option<SocketAddr>| {
            answered.map_or(endpoints, |answered| vec![answered.into()])
        };
        let seen = match told.as_deref() {
            Ok(FrontSeen::All(seen)) => seen,
            Ok(FrontSeen::Secure(answered)) => return Ok(there(*answered)),
            // It broke before it could tell: that is not the fault of what is in front.
            Ok(FrontSeen::Nothing) | Err(_) => return Err(Box::new(broken())),
        };
        if seen.state != Some(State::Open) {
            return Err(Box::new(not_asked(seen, Cause::HttpsNotOpen)));
        }
        let is_secure = seen.tls.as_ref().is_some_and(|tls| tls.version.is_some());
        if !is_secure || seen.detour.is_some() {
            return Err(Box::new(not_asked(seen, Cause::HttpsUnusable)));
        }
        Ok(there(seen.address))
    }
}

/// What is known first is enough.
fn say(sender: &watch::Sender<FrontSeen>, word: impl FnOnce() -> FrontSeen) {
    sender.send_if_modified(|seen| {
        let is_first = matches!(seen, FrontSeen::Nothing);
        if is_first {
            *seen = word();
        }
        is_first
    });
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

    /// Its answer to a request, a goodbye and an audit are nobody's concern.
    #[tokio::test]
    async fn web_services_wait_for_no_more_than_the_handshake_of_443() {
        let [first, second] =
            [[192, 0, 2, 25], [192, 0, 2, 26]].map(|ip| SocketAddr::from((ip, 443)));
        let both: Vec<Endpoint> = vec![first.into(), second.into()];
        let [https, owa] = dependencies([ServiceId::Https, ServiceId::Owa], &both);
        assert!(owa.on_secure().is_none());
        let on_secure = https.on_secure().expect("others wait for it");
        let waiting = owa.endpoints(both.clone());
        tokio::pin!(waiting);
        let soon = std::time::Duration::from_millis(10);
        assert!(tokio::time::timeout(soon, &mut waiting).await.is_err());
        on_secure.say(Some(second));
        assert_eq!(waiting.await.ok(), Some(vec![second.into()]));
        // What comes later changes nothing.
        https.tell(&failing(Stage::Application, Cause::Reset));
        assert_eq!(owa.endpoints(both).await.ok(), Some(vec![second.into()]));
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
