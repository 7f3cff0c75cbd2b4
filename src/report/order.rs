//! Holds back what came too early: documents follow the order of targets as given, checks end when they end.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use crate::event::{Event, TargetId};
use crate::finding::{Finding, TargetFinding};

/// A target that is over, its rows in the order of documents.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) finding: Arc<TargetFinding>,
    pub(super) rows: Vec<Arc<Finding>>,
}

/// The targets that are not told yet.
#[derive(Debug, Default)]
pub(super) struct Order {
    waiting: BTreeMap<TargetId, Waiting>,
    next: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    rows: BTreeMap<usize, Arc<Finding>>,
    finding: Option<Arc<TargetFinding>>,
}

impl Order {
    /// Takes an event in, and gives out the targets whose turn it is now. When the run is over, gives out all that are
    /// left and finished, gaps or not.
    pub(super) fn take(&mut self, event: &Event) -> Vec<Told> {
        match event {
            Event::RunStarted { .. }
            | Event::TargetStarted { .. }
            | Event::TargetResolved { .. }
            | Event::CheckSeen { .. } => Vec::new(),
            Event::CheckFinished {
                target,
                row,
                finding,
            } => {
                let waiting = self.waiting.entry(*target).or_default();
                waiting.rows.insert(*row, Arc::clone(finding));
                Vec::new()
            }
            Event::TargetFinished { target, finding } => {
                self.waiting.entry(*target).or_default().finding = Some(Arc::clone(finding));
                self.take_ready()
            }
            Event::RunFinished(_) => mem::take(&mut self.waiting)
                .into_values()
                .filter_map(Waiting::told)
                .collect(),
        }
    }

    fn take_ready(&mut self) -> Vec<Told> {
        let mut ready = Vec::new();
        while let Some(waiting) = self.waiting.remove(&TargetId(self.next)) {
            if waiting.finding.is_none() {
                self.waiting.insert(TargetId(self.next), waiting);
                break;
            }
            ready.extend(waiting.told());
            self.next += 1;
        }
        ready
    }
}

impl Waiting {
    fn told(self) -> Option<Told> {
        let rows = self.rows.into_values().collect();
        self.finding.map(|finding| Told { finding, rows })
    }
}
