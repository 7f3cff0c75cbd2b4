//! Which rows become which lines, and in what order.

use std::net::IpAddr;
use std::sync::Arc;

use crate::catalog::{Group, ServiceId};
use crate::finding::{Finding, Status};

use super::super::style::Rows;

/// A line of the table: a row, or several web services of which one thing is to be said.
pub(super) struct RowLine<'a> {
    /// The row, or the first of them.
    pub(super) row: &'a Finding,
    /// The rows by their index.
    pub(super) rows: Vec<usize>,
    /// Where the line stands.
    pub(super) place: RowPlace,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RowPlace {
    /// Among the others, with its port.
    Port,
    /// Under the row of 443 at the same address.
    Behind443,
}

/// As many web services are named one by one, even when there is nothing to tell of them that is not told of all.
pub(super) const FEW: usize = 3;

/// The rows as the table tells them: what lives behind 443 under the row of 443 at the same address and port, where that is
/// shown; on one line, where 443 was in such a state that none of it was asked.
pub(super) fn lines(rows: &[Arc<Finding>], shown: Rows) -> Vec<RowLine<'_>> {
    let front = |row: &Finding| {
        rows.iter().rposition(|other| {
            other.check.service.id == ServiceId::Https
                && other.check.port == row.check.port
                && is_shown(other, shown)
                && (address(row).is_none() || address(other) == address(row))
        })
    };
    let mut ordered: Vec<(usize, usize, RowLine<'_>)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let (before, place) = match front(row) {
            Some(front) if is_web(row) => (front, RowPlace::Behind443),
            _ => (index, RowPlace::Port),
        };
        ordered.push((
            before,
            index,
            RowLine {
                row,
                rows: vec![index],
                place,
            },
        ));
    }
    ordered
        .sort_by_key(|(before, index, line)| (*before, line.place == RowPlace::Behind443, *index));
    let mut lines: Vec<RowLine<'_>> = Vec::new();
    for alike in ordered.chunk_by(|(one, _, a), (other, _, b)| {
        one == other && a.place == RowPlace::Behind443 && a.place == b.place
    }) {
        let group: Vec<usize> = alike.iter().map(|(_, index, _)| *index).collect();
        if let [(_, _, first), ..] = alike
            && group.len() > FEW
            && group
                .iter()
                .all(|index| is_told_by(first.row, &rows[*index]))
        {
            lines.push(RowLine {
                row: first.row,
                rows: group,
                place: first.place,
            });
        } else {
            lines.extend(alike.iter().map(|(_, index, line)| RowLine {
                row: line.row,
                rows: vec![*index],
                place: line.place,
            }));
        }
    }
    lines
}

/// Whether the row is among those that are shown.
pub(super) fn is_shown(row: &Finding, shown: Rows) -> bool {
    match shown {
        Rows::All => true,
        Rows::Problems => matches!(row.status, Status::Warn | Status::Fail | Status::Skip),
    }
}

/// Whether what is said of the one web service says all of the other: neither was asked anything, or neither is there.
fn is_told_by(one: &Finding, other: &Finding) -> bool {
    let (seen, also) = (&one.observation, &other.observation);
    if (one.status, other.status) == (Status::Absent, Status::Absent) {
        return seen.state == also.state;
    }
    seen.steps.is_empty()
        && also.steps.is_empty()
        && (one.status, seen.state, one.days_left) == (other.status, also.state, other.days_left)
        && one.diagnoses == other.diagnoses
}

/// Whether a row is about a virtual directory.
pub(super) fn is_web(row: &Finding) -> bool {
    row.check.service.group == Group::Web
}

fn address(row: &Finding) -> Option<IpAddr> {
    row.observation.address.map(|address| address.ip())
}
