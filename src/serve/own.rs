//! What the exporter tells of itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::net::clock;
use crate::report::{Exposition, Metric, counter, gauge};

const BUILD: Metric = gauge(
    "exchports_build_info",
    "The version of exchports that answers.",
);
const REQUESTS: Metric = counter(
    "exchports_http_requests_total",
    "Requests by the HTTP status of their answers.",
);
const PROBES: Metric = counter(
    "exchports_probes_total",
    "Hosts looked at, by what came of it.",
);
const SHARED: Metric = counter(
    "exchports_probes_shared_total",
    "Scrapes answered by the probe of another that was under way.",
);
const IN_FLIGHT: Metric = gauge(
    "exchports_probes_in_flight",
    "Hosts that are being looked at.",
);
const CONNECTIONS: Metric = gauge(
    "exchports_http_connections",
    "Connections to this exporter that are open.",
);
const DROPPED: Metric = counter(
    "exchports_http_connections_dropped_total",
    "Connections closed because they asked nothing while others wanted to.",
);
const RELOADED: Metric = gauge(
    "exchports_config_last_reload_successful",
    "Whether the files could be used when they were read last: 1 or 0.",
);
const RELOADED_AT: Metric = gauge(
    "exchports_config_last_reload_success_timestamp_seconds",
    "When the files could be used last, as Unix time.",
);

/// The counts.
#[derive(Debug)]
pub(super) struct Own {
    answers: Mutex<BTreeMap<u16, u64>>,
    pub(super) succeeded: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) given_up: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) shared: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) dropped: AtomicU64,
    is_reloaded: AtomicU64,
    reloaded_at: AtomicU64,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
            succeeded: AtomicU64::default(),
            failed: AtomicU64::default(),
            given_up: AtomicU64::default(),
            refused: AtomicU64::default(),
            shared: AtomicU64::default(),
            connections: AtomicU64::default(),
            dropped: AtomicU64::default(),
            is_reloaded: AtomicU64::new(1),
            reloaded_at: AtomicU64::new(now()),
        }
    }
}

/// One more.
pub(super) fn count(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

fn now() -> u64 {
    u64::try_from(clock::now().unix_timestamp()).unwrap_or(0)
}

impl Own {
    pub(super) fn answered(&self, status: u16) {
        *self
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(status)
            .or_default() += 1;
    }

    pub(super) fn reloaded(&self, is_ok: bool) {
        self.is_reloaded.store(u64::from(is_ok), Ordering::Relaxed);
        if is_ok {
            self.reloaded_at.store(now(), Ordering::Relaxed);
        }
    }

    pub(super) fn text(&self, in_flight: usize) -> String {
        let mut metrics = Exposition::default();
        metrics.add(BUILD, &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        for (status, many) in self
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            metrics.add(REQUESTS, &[("code", &status.to_string())], float(*many));
        }
        for (result, many) in [
            ("success", &self.succeeded),
            ("failure", &self.failed),
            ("given-up", &self.given_up),
            ("refused", &self.refused),
        ] {
            metrics.add(PROBES, &[("result", result)], read(many));
        }
        metrics.add(SHARED, &[], read(&self.shared));
        metrics.add(IN_FLIGHT, &[], float(in_flight as u64));
        metrics.add(CONNECTIONS, &[], read(&self.connections));
        metrics.add(DROPPED, &[], read(&self.dropped));
        metrics.add(RELOADED, &[], read(&self.is_reloaded));
        metrics.add(RELOADED_AT, &[], read(&self.reloaded_at));
        metrics.text()
    }
}

fn read(number: &AtomicU64) -> f64 {
    float(number.load(Ordering::Relaxed))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what is counted one by one stays below 2^53"
)]
fn float(number: u64) -> f64 {
    number as f64
}
