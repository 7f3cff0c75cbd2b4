//! Which targets may begin.

use std::collections::BTreeSet;

use super::setup::Sequence;
use crate::event::TargetId;

/// Which targets may begin.
pub(super) struct Admission {
    sequence: Sequence,
    /// So many at once; in a document, so many beyond the oldest that is not finished.
    window: usize,
    begun: usize,
    finished: usize,
    /// The first that is not finished.
    oldest: usize,
    /// Those after it that are.
    ahead: BTreeSet<usize>,
}

impl Admission {
    pub(super) fn new(sequence: Sequence, window: usize) -> Self {
        Self {
            sequence,
            window: window.max(1),
            begun: 0,
            finished: 0,
            oldest: 0,
            ahead: BTreeSet::new(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        let first = match self.sequence {
            Sequence::Ordered => self.oldest,
            Sequence::Unordered => self.finished,
        };
        self.begun < first.saturating_add(self.window)
    }

    pub(super) fn begin(&mut self) -> TargetId {
        let target = TargetId(self.begun);
        self.begun += 1;
        target
    }

    pub(super) fn finish(&mut self, target: TargetId) {
        self.finished += 1;
        self.ahead.insert(target.0);
        while self.ahead.remove(&self.oldest) {
            self.oldest += 1;
        }
    }
}
