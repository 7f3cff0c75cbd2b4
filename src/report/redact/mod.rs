//! A run without the names of those whom it is about.
//!
//! Host names, addresses and names in certificates, and what else would give them away (fingerprints, serial numbers,
//! names of servers in greetings, headers and directories), become placeholders: the same name the same one in every
//! report of a run, and in the next run of the same targets as well. So that they are numbered alike whatever ended
//! first, targets are passed on in the order in which they were given, each when all before it are over.
//!
//! [`learn`] says what there is to hide, [`placeholders`] what stands for it, [`rewrite`] where.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::catalog::Role;
use crate::event::{Event, TargetId};

use super::order::{Order, Told};
use super::reporter::Reporter;
use placeholders::Placeholders;

mod learn;
mod placeholders;
mod rewrite;
mod words;

/// Passes everything on to that reporter, without names.
#[must_use]
pub fn redacted(within: Box<dyn Reporter + Send>) -> Box<dyn Reporter + Send> {
    Box::new(Redacted {
        within,
        order: Order::default(),
        names: Placeholders::default(),
        target: 0,
        roles: HashMap::new(),
    })
}

struct Redacted {
    within: Box<dyn Reporter + Send>,
    order: Order,
    names: Placeholders,
    target: usize,
    /// The roles asked for, of targets that are under way.
    roles: HashMap<TargetId, Role>,
}

impl Redacted {
    fn pass_on(&mut self, told: Told) -> io::Result<()> {
        let Told { finding, rows } = told;
        let target = TargetId(self.target);
        self.target += 1;
        self.names.learn(&finding, &rows);
        let role = self.roles.remove(&target).unwrap_or(finding.role);
        let finding = self.names.target_finding(&finding);
        let started = Event::TargetStarted {
            target,
            name: finding.target.clone(),
            role,
        };
        let mut told = self.within.report(&started);
        let checks = rows.iter().map(|row| row.check.service.id).collect();
        told = told.and(
            self.within
                .report(&Event::TargetResolved { target, checks }),
        );
        for (row, finding) in rows.iter().enumerate() {
            let finding = Arc::new(self.names.finding(finding));
            told = told.and(self.within.report(&Event::CheckFinished {
                target,
                row,
                finding,
            }));
        }
        let finding = Arc::new(finding);
        told.and(
            self.within
                .report(&Event::TargetFinished { target, finding }),
        )
    }
}

impl Reporter for Redacted {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        if let Event::TargetStarted { target, role, name } = event {
            self.roles.insert(*target, *role);
            // A target is told what its nodes are, which come after it.
            self.names.learn_name(name);
        }
        for told in self.order.take(event) {
            self.pass_on(told)?;
        }
        match event {
            Event::RunStarted { .. } | Event::RunFinished(_) => self.within.report(event),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redacted")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}
