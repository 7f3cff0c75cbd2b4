//! Web services behind 443 wait for the check of it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use super::rows::broken;
use crate::catalog::{Group, ServiceId};
use crate::observation::{Cause, Failure, Observation, Stage, State};
use crate::plan::Check;

/// What the check of 443 saw, for the web services behind it, which wait for it: a port that does not open, or does not
/// shake hands, is not asked nine times more. One for each set of endpoints.
type Front = watch::Sender<Option<Arc<Observation>>>;

pub(super) struct Fronts(Vec<(Vec<SocketAddr>, Arc<Front>)>);

/// Where a check stands with regard to 443.
pub(super) enum Place {
    /// It is the check of 443 itself.
    Front(Arc<Front>),
    /// It is behind it.
    Behind(watch::Receiver<Option<Arc<Observation>>>),
    /// It has nothing to do with it, or 443 is not looked at.
    Elsewhere,
}

impl Fronts {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// INVARIANT: 443 stands before the web group in the catalog, so its place is asked for first.
    pub(super) fn place(&mut self, check: &Check, addresses: &[SocketAddr]) -> Place {
        if check.service.id == ServiceId::Https {
            let front = Arc::new(watch::Sender::new(None));
            self.0.push((addresses.to_vec(), Arc::clone(&front)));
            return Place::Front(front);
        }
        let front = self.0.iter().find(|(known, _)| known == addresses);
        match front {
            Some((_, front)) if check.service.group == Group::Web => {
                Place::Behind(front.subscribe())
            }
            _ => Place::Elsewhere,
        }
    }
}

impl Place {
    pub(super) fn tell(&self, observation: &Observation) {
        if let Self::Front(front) = self {
            front.send_replace(Some(Arc::new(observation.clone())));
        }
    }

    /// Where the service is to be asked: at the address that answered on 443, where that was looked at, so that both
    /// rows tell of one machine. Else what 443 showed that makes a check of its own needless.
    pub(super) async fn way(
        &self,
        addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Box<Observation>> {
        let Self::Behind(front) = self else {
            return Ok(addresses);
        };
        let mut front = front.clone();
        let told = front.wait_for(Option::is_some).await;
        let Some(seen) = told.as_deref().ok().and_then(Option::as_deref) else {
            // It broke before it could tell: that is not 443's fault.
            return Err(Box::new(broken()));
        };
        if seen.state != Some(State::Open) {
            return Err(Box::new(not_asked(seen, Cause::HttpsNotOpen)));
        }
        let is_secure = seen.tls.as_ref().is_some_and(|tls| tls.version.is_some());
        if !is_secure || seen.detour.is_some() {
            return Err(Box::new(not_asked(seen, Cause::HttpsUnusable)));
        }
        Ok(seen.address.map_or(addresses, |answered| vec![answered]))
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
        ..Observation::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{TlsFacts, TlsVersion};
    use crate::run::fixture::{check, failing, open};
    use crate::run::rows::{at_its_place, only};

    /// What a web service tells that stands behind this; `None` when it is asked itself.
    async fn behind(front: Observation) -> Option<Option<Cause>> {
        let addresses = [SocketAddr::from(([192, 0, 2, 25], 443))];
        let mut fronts = Fronts::new();
        let https = fronts.place(&check(ServiceId::Https), &addresses);
        let owa = fronts.place(&check(ServiceId::Owa), &addresses);
        https.tell(&front);
        let seen = owa.way(addresses.to_vec()).await.err()?;
        Some(seen.failure.map(|failure| failure.cause))
    }

    #[tokio::test]
    async fn what_is_not_asked_keeps_its_address() {
        let [v4, v6] = ["192.0.2.25:443", "[2001:db8::25]:443"]
            .map(|address| address.parse::<SocketAddr>().expect("an address"));
        let mut fronts = Fronts::new();
        for address in [v4, v6] {
            let https = fronts.place(&check(ServiceId::Https), &[address]);
            https.tell(&Observation {
                address: Some(address),
                state: Some(State::Closed),
                ..failing(Stage::Connect, Cause::Refused)
            });
            let owa = fronts.place(&check(ServiceId::Owa), &[address]);
            let seen = owa.way(vec![address]).await.expect_err("it is not asked");
            assert_eq!((seen.address, seen.state), (Some(address), None));
        }
        // One that was not dialled is about its endpoint, where it has one of its own.
        assert_eq!(at_its_place(broken(), only(&[v4])).address, Some(v4));
        assert_eq!(at_its_place(broken(), only(&[v4, v6])).address, None);
        let answered = Observation {
            address: Some(v6),
            ..open()
        };
        assert_eq!(at_its_place(answered, only(&[v4])).address, Some(v6));
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
        let both = vec![first, second];
        for (answered, asked) in [(Some(second), vec![second]), (None, both.clone())] {
            let mut fronts = Fronts::new();
            let https = fronts.place(&check(ServiceId::Https), &both);
            let owa = fronts.place(&check(ServiceId::Owa), &both);
            let imaps = fronts.place(&check(ServiceId::Imaps), &both);
            https.tell(&Observation {
                address: answered,
                ..secure(open())
            });
            assert_eq!(owa.way(both.clone()).await.ok(), Some(asked));
            assert_eq!(imaps.way(both.clone()).await.ok(), Some(both.clone()));
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
        let mut fronts = Fronts::new();
        let https = fronts.place(&check(ServiceId::Https), &[]);
        let owa = fronts.place(&check(ServiceId::Owa), &[]);
        drop(fronts);
        drop(https);
        let seen = owa.way(Vec::new()).await.err();
        let failure = seen.and_then(|seen| seen.failure);
        let cause = failure.map(|failure| failure.cause);
        assert_eq!(cause, Some(Cause::Internal));
    }

    #[test]
    fn a_web_service_on_another_port_stands_behind_nothing() {
        let mut fronts = Fronts::new();
        let address = |port| SocketAddr::from(([192, 0, 2, 25], port));
        let _https = fronts.place(&check(ServiceId::Https), &[address(443)]);
        let elsewhere = fronts.place(&check(ServiceId::Owa), &[address(8443)]);
        assert!(matches!(elsewhere, Place::Elsewhere));
        let other = fronts.place(&check(ServiceId::Imaps), &[address(443)]);
        assert!(matches!(other, Place::Elsewhere));
    }
}
