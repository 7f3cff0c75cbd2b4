//! One check by the real probe against peers of a test's own making.

use std::time::Duration;

use exchports::catalog::{ServiceId, service};
use exchports::net::{Bounds, Halt};
use exchports::observation::Observation;
use exchports::plan::{Audit, Depth, Host, Limits, Transcripts};
use exchports::probe::{Ask, probe};
use tokio::time::Instant;

use super::manners;
use crate::peer::{Act, HOST, Heard, PeerDial, Pipe};

/// One check against peers of a test's own making.
pub(crate) struct Trial {
    pub(crate) service: ServiceId,
    pub(crate) host: Host,
    pub(crate) pipe: Pipe,
    pub(crate) limits: Limits,
    pub(crate) deadline: Option<Duration>,
    pub(crate) halt: Halt,
    pub(crate) depth: Depth,
    pub(crate) transcripts: Transcripts,
    /// One for each connection, in turn; further ones are refused.
    pub(crate) peers: Vec<Act>,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) observation: Observation,
    /// Until the observation was there; goodbye included, where conversations are kept.
    pub(crate) took: Duration,
    /// Until the last connection was closed.
    pub(crate) closed: Duration,
    pub(crate) connections: Vec<Heard>,
}

impl Trial {
    pub(crate) fn of(service: ServiceId, peers: Vec<Act>) -> Self {
        Self {
            service,
            host: Host::Name(HOST.to_owned()),
            pipe: Pipe::WIDE,
            limits: Limits::default(),
            deadline: None,
            halt: Halt::never(),
            depth: Depth::Full,
            transcripts: Transcripts::Kept,
            peers,
        }
    }

    /// Probes. A peer that met something else than it expects panics here.
    pub(crate) async fn run(self) -> Outcome {
        let service = service(self.service);
        let began = Instant::now();
        let bounds = Bounds {
            limits: self.limits,
            until: began + self.limits.check,
            deadline: self.deadline.map(|deadline| began + deadline),
            halt: self.halt,
        };
        let dial = PeerDial::new(self.host.clone(), self.peers, self.pipe, bounds);
        let ask = Ask {
            service,
            port: service.port,
            host: self.host,
            ehlo_name: None,
            depth: self.depth,
            audit: Audit::No,
            transcripts: self.transcripts,
        };
        let observation = probe(&dial, &ask).await;
        let took = began.elapsed();
        dial.closed().await;
        let closed = began.elapsed();
        let connections = dial.heard().await;
        for connection in &connections {
            manners::assert_polite(service.protocol, &connection.said);
        }
        Outcome {
            observation,
            took,
            closed,
            connections,
        }
    }
}
