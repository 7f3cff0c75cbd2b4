//! Metrics for the textfile collectors of `node_exporter` and `windows_exporter`, and those of a scrape.
//!
//! A file is written when the run is over, since samples of a metric have to stand together. It has no timestamps of
//! samples: the collector refuses them, and `exchports_last_run_timestamp_seconds` tells how old it is.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use time::OffsetDateTime;

use crate::event::Event;
use crate::facts::Text;

use super::exposition::Exposition;
use super::metrics::{self, Measured};
use super::order::Order;
use super::reporter::Reporter;

/// Writes the file.
pub(super) struct Prometheus {
    out: Box<dyn Write + Send>,
    order: Order,
    at: OffsetDateTime,
    metrics: Exposition,
}

impl Prometheus {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            order: Order::default(),
            at: OffsetDateTime::UNIX_EPOCH,
            metrics: Exposition::default(),
        }
    }
}

impl Reporter for Prometheus {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        if let Event::RunStarted { at, domain, .. } = event {
            self.at = *at;
            if let Some(domain) = domain {
                metrics::add_domain(domain, &mut self.metrics);
                let label = Text::from(domain.discovery.domain.as_str());
                metrics::add_run(label.as_str(), self.at, &mut self.metrics);
            }
        }
        for told in self.order.take(event) {
            let label = Text::from(told.finding.target.as_str());
            let measured = Measured {
                target: &told.finding,
                rows: &told.rows,
                took: metrics::took(&told.finding, &told.rows),
                label: label.as_str(),
            };
            measured.add_to(&mut self.metrics);
            metrics::add_run(label.as_str(), self.at, &mut self.metrics);
        }
        if let Event::RunFinished(_) = event {
            self.out.write_all(self.metrics.text().as_bytes())?;
            self.out.flush()?;
        }
        Ok(())
    }
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Adds what a scrape tells of the one target that it asked for.
pub fn scraped(events: &[Event], took: Duration, metrics: &mut Exposition) {
    let mut order = Order::default();
    for told in events.iter().flat_map(|event| order.take(event)) {
        let measured = Measured {
            target: &told.finding,
            rows: &told.rows,
            took,
            label: "",
        };
        measured.add_to(metrics);
    }
}
