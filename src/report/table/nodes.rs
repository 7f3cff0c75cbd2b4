//! A name and its nodes side by side: a column each, a row a service, then what they are.

use std::sync::Arc;

use crate::catalog::{Group, ServiceId};
use crate::facts::{CertificateFacts, Health, HttpFacts, PeerFacts, Text};
use crate::finding::{Finding, Status};
use crate::observation::State;

use super::super::order::Told;
use super::super::style::{Color, Style, width};
use super::columns::INDENT;
use super::columns::{defect, short};

/// Blanks between columns.
const GAP: usize = 2;

/// What stands where nothing is known.
const NOTHING: &str = "-";

/// What stands at the end of a line whose cells are not alike.
const DIFFER: &str = "<>";

/// A line of the table.
struct NodesLine {
    title: String,
    cells: Vec<Cell>,
}

struct Cell {
    status: Option<Status>,
    text: String,
    /// By what it is compared with the others; `None` where there is nothing to compare.
    mark: Option<String>,
}

/// What makes room, in the order in which that is tried.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Room {
    All,
    WithoutSignIn,
    WithoutPorts,
    /// The name stands in the heading already.
    WithoutName,
}

/// The columns side by side; `None` where they do not fit, or where a service has several rows in one of them.
pub(super) fn side_by_side(group: &[Told], style: Style) -> Option<String> {
    [
        Room::All,
        Room::WithoutSignIn,
        Room::WithoutPorts,
        Room::WithoutName,
    ]
    .into_iter()
    .find_map(|room| fitted(group, room, style))
}

fn fitted(group: &[Told], room: Room, style: Style) -> Option<String> {
    let lines = lines(group, room)?;
    let labels: Vec<String> = group
        .iter()
        .map(|told| match told.finding.node_of {
            None if room == Room::WithoutName => "the name".to_owned(),
            _ => Text::from(told.finding.target.as_str()).as_str().to_owned(),
        })
        .collect();
    let title = lines.iter().map(|line| width(&line.title)).max()?;
    let wide: Vec<usize> = labels
        .iter()
        .enumerate()
        .map(|(index, label)| {
            let cells = lines.iter().filter_map(|line| line.cells.get(index));
            let cells = cells.map(|cell| width(&cell.text)).max().unwrap_or(0);
            cells.max(width(label))
        })
        .collect();
    let taken: usize = wide.iter().map(|wide| wide + GAP).sum();
    if INDENT + title + taken + GAP + DIFFER.len() > style.width {
        return None;
    }
    let mut text = String::new();
    let heading = NodesLine {
        title: String::new(),
        cells: labels
            .into_iter()
            .map(|text| Cell {
                status: None,
                text,
                mark: None,
            })
            .collect(),
    };
    for line in std::iter::once(&heading).chain(&lines) {
        push(line, (title, &wide), style.color, &mut text);
    }
    Some(text)
}

fn push(line: &NodesLine, (title, wide): (usize, &[usize]), color: Color, text: &mut String) {
    let blank = |count: usize| " ".repeat(count);
    let mut told = format!(
        "{}{}{}",
        blank(INDENT),
        line.title,
        blank(title.saturating_sub(width(&line.title)))
    );
    for (cell, wide) in line.cells.iter().zip(wide) {
        let shown = match cell.status {
            Some(status) => {
                let word = status.as_str();
                cell.text.replacen(word, &color.status(status, word), 1)
            }
            None => cell.text.clone(),
        };
        told.push_str(&blank(GAP));
        told.push_str(&shown);
        told.push_str(&blank(wide.saturating_sub(width(&cell.text))));
    }
    if differ(line) {
        told.push_str(&blank(GAP));
        told.push_str(&color.status(Status::Warn, DIFFER));
    }
    text.push_str(told.trim_end());
    text.push('\n');
}

fn differ(line: &NodesLine) -> bool {
    let mut marks = line.cells.iter().filter_map(|cell| cell.mark.as_deref());
    let first = marks.next();
    marks.any(|mark| Some(mark) != first)
}

/// Services in the order of the catalog, then what is said of the whole.
fn lines(group: &[Told], room: Room) -> Option<Vec<NodesLine>> {
    let mut services: Vec<_> = group
        .iter()
        .flat_map(|told| &told.rows)
        .map(|row| (row.check.service.id, row.check))
        .collect();
    // What lives behind 443 stands below it.
    services.sort_by_key(|(id, check)| {
        let front = check.service.behind;
        (front.unwrap_or(*id), front.is_some(), *id)
    });
    services.dedup_by_key(|(id, _)| *id);
    let mut lines = Vec::new();
    for (id, check) in services {
        let mut cells = Vec::with_capacity(group.len());
        for told in group {
            let mut rows = told.rows.iter().filter(|row| row.check.service.id == id);
            let row = rows.next();
            if rows.next().is_some() {
                return None;
            }
            cells.push(of_row(row));
        }
        let port = match check.service.group {
            Group::Port => check.port.to_string(),
            Group::Web => String::new(),
        };
        let title = titled(&port, check.service.name, room);
        lines.push(NodesLine { title, cells });
    }
    for (name, fact) in FACTS {
        let cells: Vec<Cell> = group
            .iter()
            .map(|told| {
                let known = fact(&told.rows);
                Cell {
                    status: None,
                    text: known.clone().unwrap_or_else(|| NOTHING.to_owned()),
                    mark: known,
                }
            })
            .collect();
        let is_left_out = name == SIGN_IN && room >= Room::WithoutSignIn;
        if cells.iter().any(|cell| cell.mark.is_some()) && !is_left_out {
            let title = titled("", name, room);
            lines.push(NodesLine { title, cells });
        }
    }
    lines.push(NodesLine {
        title: titled("", "as a whole", room),
        cells: group
            .iter()
            .map(|told| Cell {
                status: Some(told.finding.status),
                text: told.finding.status.as_str().to_owned(),
                mark: None,
            })
            .collect(),
    });
    Some(lines)
}

/// What is said of the whole of it, where it is known.
type Fact = fn(&[Arc<Finding>]) -> Option<String>;

const FACTS: [(&str, Fact); 6] = [
    ("certificate", |rows| {
        let found = shown_certificate(rows)?;
        found.sha1.get(..8).map(|digits| format!("{digits}…"))
    }),
    ("expires", |rows| {
        Some(shown_certificate(rows)?.not_after.date().to_string())
    }),
    ("TLS", |rows| {
        let mut versions: Vec<_> = rows
            .iter()
            .filter_map(|row| row.observation.tls.as_ref()?.version)
            .collect();
        versions.sort_unstable();
        versions.dedup();
        let words: Vec<String> = versions.into_iter().map(short).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }),
    ("build", |rows| {
        let told = rows
            .iter()
            .filter_map(|row| http(row)?.exchange_build.as_ref());
        told.max_by_key(|told| told.as_str().len())
            .map(|told| told.as_str().to_owned())
    }),
    ("healthy", |rows| {
        let all: Vec<Health> = rows.iter().filter_map(|row| http(row)?.health).collect();
        let well = all.iter().filter(|it| **it == Health::Healthy).count();
        (!all.is_empty()).then(|| format!("{well} of {}", all.len()))
    }),
    (SIGN_IN, |rows| {
        let mut schemes: Vec<&str> = rows
            .iter()
            .filter_map(|row| http(row))
            .flat_map(|facts| &facts.authentication)
            .map(Text::as_str)
            .collect();
        schemes.sort_unstable();
        schemes.dedup();
        (!schemes.is_empty()).then(|| schemes.join(" "))
    }),
];

const SIGN_IN: &str = "sign-in";

fn titled(port: &str, name: &str, room: Room) -> String {
    if room >= Room::WithoutPorts {
        name.to_owned()
    } else {
        format!("{port:>5}  {name}")
    }
}

/// `pass 64 d`, `fail expired`, `fail closed`, `absent`.
fn of_row(row: Option<&Arc<Finding>>) -> Cell {
    let Some(row) = row else {
        return Cell {
            status: None,
            text: NOTHING.to_owned(),
            mark: None,
        };
    };
    let word = row.status.as_str();
    let more = match row.observation.state {
        _ if row.status == Status::Absent => None,
        Some(State::Open) if row.check.service.group == Group::Port => defect(row)
            .map(str::to_owned)
            .or_else(|| row.days_left.map(|days| format!("{days} d"))),
        Some(State::Open) => http(row)
            .and_then(|facts| facts.status)
            .map(|status| status.to_string()),
        Some(state) => Some(state.as_str().to_owned()),
        None => None,
    };
    Cell {
        status: Some(row.status),
        text: more
            .as_ref()
            .map_or_else(|| word.to_owned(), |more| format!("{word} {more}")),
        // What one role needs, another does not: that is no difference of theirs.
        mark: (row.status != Status::Absent).then(|| format!("{word} {more:?}")),
    }
}

/// The certificate of 443, or the first there is.
fn shown_certificate(rows: &[Arc<Finding>]) -> Option<&CertificateFacts> {
    let is_https = |row: &&Arc<Finding>| row.check.service.id == ServiceId::Https;
    let https = rows.iter().filter(is_https).find_map(certificate);
    https.or_else(|| rows.iter().find_map(certificate))
}

fn certificate(row: &Arc<Finding>) -> Option<&CertificateFacts> {
    row.observation.tls.as_ref()?.certificate.as_deref()
}

fn http(row: &Finding) -> Option<&HttpFacts> {
    match row.observation.peer.as_ref()? {
        PeerFacts::Http(facts) => Some(facts),
        _ => None,
    }
}
