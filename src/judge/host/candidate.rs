//! How well a role fits: what it asks for, and how much of that works.

use crate::catalog::{Expectation, Role, ServiceId};
use crate::finding::{Candidate, Finding, Status};

/// What the roles that a target was judged as ask of it, and how much of that works.
pub(super) fn candidate(role: Role, rows: &[&Finding], status: Status) -> Candidate {
    let is_asked = |row: &&&Finding| row.check.expect == Expectation::Required;
    // Of a group that was looked at in part, nothing can be said.
    let is_seen = |id: &ServiceId| rows.iter().any(|row| row.check.service.id == *id);
    let groups = role.row().one_of.iter();
    let groups: Vec<_> = groups.filter(|group| group.iter().all(is_seen)).collect();
    let is_met = |group: &&&&[ServiceId]| {
        rows.iter()
            .any(|row| group.contains(&row.check.service.id) && is_good(row.status))
    };
    Candidate {
        role,
        required: rows.iter().filter(is_asked).count() + groups.len(),
        passed: rows
            .iter()
            .filter(is_asked)
            .filter(|row| is_good(row.status))
            .count()
            + groups.iter().filter(is_met).count(),
        status,
    }
}

/// It works, perhaps with a defect.
pub(in crate::judge) fn is_good(status: Status) -> bool {
    matches!(status, Status::Pass | Status::Warn)
}
