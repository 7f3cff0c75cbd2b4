//! A name and the nodes behind it: the name is told last of them, since what differs is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::setup::RunSetup;
use crate::event::{Event, TargetId};
use crate::finding::{Finding, Severity, Status, TargetFinding};
use crate::judge::{Place, compare_nodes};
use crate::plan::Target;

/// What is known of a name and its nodes so far.
pub(super) struct Nodes {
    /// The target of that name.
    name: TargetId,
    /// It, as far as its standards and its name are concerned.
    whole: Target,
    /// All of them that are under way or to come, the name among them.
    open: Vec<TargetId>,
    seen: BTreeMap<TargetId, Seen>,
}

#[derive(Default)]
struct Seen {
    rows: BTreeMap<usize, Arc<Finding>>,
    finding: Option<Arc<TargetFinding>>,
}

impl Nodes {
    /// `None` where no target is a node.
    pub(super) fn of(targets: &[Target]) -> Option<Self> {
        let name = targets
            .iter()
            .find_map(|target| target.node_of.as_deref())?;
        let is_name = |target: &Target| target.node_of.is_none() && target.name == name;
        let index = targets.iter().position(is_name)?;
        let is_of_it = |target: &Target| target.node_of.as_deref() == Some(name);
        let open = targets.iter().enumerate();
        Some(Self {
            name: TargetId(index),
            whole: targets.get(index)?.clone(),
            open: open
                .filter(|(at, target)| *at == index || is_of_it(target))
                .map(|(at, _)| TargetId(at))
                .collect(),
            seen: BTreeMap::new(),
        })
    }

    /// What of it is to be told now: everything but the end of the name, which comes with that of the last of them.
    pub(super) fn pass(&mut self, event: Event, shared: &RunSetup) -> Vec<Event> {
        match &event {
            Event::CheckFinished {
                target,
                row,
                finding,
            } => {
                let seen = self.seen.entry(*target).or_default();
                seen.rows.insert(*row, Arc::clone(finding));
                vec![event]
            }
            Event::TargetFinished { target, finding } => {
                let target = *target;
                self.seen.entry(target).or_default().finding = Some(Arc::clone(finding));
                let before = self.open.len();
                self.open.retain(|open| *open != target);
                let mut told = Vec::new();
                if target != self.name {
                    told.push(event);
                }
                if self.open.is_empty() && before > 0 {
                    told.extend(self.compared(shared));
                }
                told
            }
            _ => vec![event],
        }
    }

    /// The end of the name, with what differs.
    fn compared(&mut self, shared: &RunSetup) -> Option<Event> {
        let name = self.seen.remove(&self.name)?;
        let mut finding = TargetFinding::clone(name.finding.as_deref()?);
        let nodes: Vec<(&TargetFinding, &Seen)> = self
            .seen
            .values()
            .filter_map(|seen| Some((seen.finding.as_deref()?, seen)))
            .collect();
        let nodes: Vec<Place<'_>> = nodes
            .iter()
            .map(|(finding, seen)| seen.place(&finding.target))
            .collect();
        let mut context = shared.context(&self.whole);
        context.role = finding.role;
        let told = compare_nodes(&name.place(&finding.target), &nodes, &context);
        let worst = told.iter().map(|told| told.diagnosis.severity).max();
        finding.diagnoses.extend(told);
        finding
            .diagnoses
            .sort_by_key(|told| std::cmp::Reverse(told.diagnosis.severity));
        finding.status = finding.status.max(match worst {
            Some(Severity::Fail) => Status::Fail,
            Some(Severity::Warn) => Status::Warn,
            Some(Severity::Info) | None => Status::Pass,
        });
        if let Some(judged) = finding.candidates.first_mut() {
            judged.status = finding.status;
        }
        Some(Event::TargetFinished {
            target: self.name,
            finding: Arc::new(finding),
        })
    }
}

impl Seen {
    fn place<'a>(&'a self, label: &'a str) -> Place<'a> {
        Place {
            label,
            rows: self.rows.values().map(|row| &**row).collect(),
        }
    }
}
