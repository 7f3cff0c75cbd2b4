//! Which targets may begin.

use std::collections::{BTreeSet, VecDeque};

use super::setup::Sequence;
use crate::event::TargetId;
use crate::plan::Limits;

/// Which targets may begin. Checks take sockets as they get them; a target begins when few of those that have begun wait
/// for one ([`few_queued`](crate::net::SocketLimits::few_queued)), and here are the bounds that hold besides.
pub(super) struct Admission {
    /// So many are under way at once: each has a socket, or had one.
    under_way: usize,
    /// So many are looked up at once.
    looked_up: usize,
    /// In a document, so many checks of targets begin from the oldest that is not finished on.
    ahead: Option<usize>,
    /// How many each of these targets has, and all of them.
    checks: VecDeque<usize>,
    kept: usize,
    begun: usize,
    resolved: usize,
    finished: usize,
    /// The first that is not finished.
    oldest: usize,
    /// Those after it that are.
    done: BTreeSet<usize>,
}

impl Admission {
    pub(super) fn new(sequence: Sequence, limits: &Limits) -> Self {
        Self {
            under_way: limits.jobs.saturating_add(limits.patient).max(1),
            looked_up: limits.jobs.clamp(1, Limits::JOBS),
            ahead: match sequence {
                Sequence::Ordered => Some(limits.ahead.max(1)),
                Sequence::Unordered => None,
            },
            checks: VecDeque::new(),
            kept: 0,
            begun: 0,
            resolved: 0,
            finished: 0,
            oldest: 0,
            done: BTreeSet::new(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.begun - self.finished < self.under_way
            && self.begun - self.resolved < self.looked_up
            && self.ahead.is_none_or(|ahead| self.kept < ahead)
    }

    pub(super) fn begin(&mut self, checks: usize) -> TargetId {
        let target = TargetId(self.begun);
        self.begun += 1;
        if self.ahead.is_some() {
            let checks = checks.max(1);
            self.checks.push_back(checks);
            self.kept += checks;
        }
        target
    }

    /// The addresses of one more are known.
    pub(super) fn resolve(&mut self) {
        self.resolved += 1;
    }

    pub(super) fn finish(&mut self, target: TargetId) {
        self.finished += 1;
        if self.ahead.is_none() {
            return;
        }
        self.done.insert(target.0);
        while self.done.remove(&self.oldest) {
            self.oldest += 1;
            self.kept -= self.checks.pop_front().unwrap_or_default();
        }
    }
}
