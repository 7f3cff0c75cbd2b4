//! Where the parts of a discovery are put as they come.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::discovery::{CutShort, Discovery, MailHost, Method, Part, Visit};
use crate::facts::Outcome;
use crate::net::Interruption;

/// What is known so far, and who is told of it.
pub(super) struct Board<'a> {
    found: Mutex<Discovery>,
    tell: &'a (dyn Fn(&Discovery) + Sync),
}

impl<'a> Board<'a> {
    pub(super) fn new(found: Discovery, tell: &'a (dyn Fn(&Discovery) + Sync)) -> Self {
        Self {
            found: Mutex::new(found),
            tell,
        }
    }

    /// A part has come.
    pub(super) fn post(&self, part: Part, put: impl FnOnce(&mut Discovery)) {
        let mut found = self.found();
        put(&mut found);
        found.outstanding.remove(&part);
        (self.tell)(&found);
    }

    /// Everything that will ever be known; and what ended the run, where something is missing because of that.
    pub(super) fn into_whole(self, end: Option<Interruption>) -> Discovery {
        let mut found = self
            .found
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if is_missing_something(&found) {
            found.cut_short = match end {
                Some(Interruption::Interrupted) => Some(CutShort::Interrupt),
                _ => Some(CutShort::Deadline),
            };
        }
        found
    }

    fn found(&self) -> MutexGuard<'_, Discovery> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_missing_something(found: &Discovery) -> bool {
    let questions = [
        found.resolver.outcome,
        found.mx.outcome,
        found.nonsense.outcome,
        found.mta_sts.record.answer.outcome,
        found.tls_rpt.answer.outcome,
        found.caa.outcome,
    ];
    let services = found.srv.iter().map(|srv| srv.answer.outcome);
    questions
        .into_iter()
        .chain(services)
        .any(|outcome| outcome == Outcome::Unasked)
        || found.hosts.iter().any(MailHost::is_cut_short)
        || found.autodiscover.iter().any(Method::is_cut_short)
        || found
            .mta_sts
            .visit
            .as_ref()
            .is_some_and(Visit::is_cut_short)
}
