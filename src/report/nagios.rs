//! The answer of a monitoring plugin: one line with its performance data, then a line for each problem.
//!
//! By the guidelines of the monitoring plugins: <https://www.monitoring-plugins.org/doc/guidelines.html>

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::ServiceId;
use crate::event::Event;
use crate::facts::Text;
use crate::finding::{Finding, PluginState, Severity, Status};
use crate::plan::CertDays;

use super::digest::{Problem, problems};
use super::evidence::{days_left, took};
use super::metrics;
use super::order::{Order, Told};
use super::plugin::{plain, seconds, state};
use super::transcript;

/// The answer about the one target of a run; `levels` are the days that certificates are warned about, `verbosity` is how
/// often `-v` was said: what to do, what is well, the conversations.
#[must_use]
pub fn plugin_answer(
    events: &[Event],
    state: PluginState,
    levels: CertDays,
    verbosity: u8,
) -> String {
    let mut order = Order::default();
    let all: Vec<Told> = events.iter().flat_map(|event| order.take(event)).collect();
    let Some((told, nodes)) = all.split_first() else {
        return format!("EXCHPORTS {} - it was interrupted\n", state.as_str());
    };
    let is_node = |told: &&Told| told.finding.node_of.is_some();
    let nodes: Vec<&Told> = nodes.iter().filter(is_node).collect();
    let problems = problems(&told.finding, &told.rows);
    let mut text = format!("EXCHPORTS {} - ", state.as_str());
    text.push_str(&headline(told, &problems, text.len()));
    for node in &nodes {
        let status = node.finding.status;
        if matches!(status, Status::Warn | Status::Fail | Status::Skip) {
            let name = plain(Text::from(node.finding.target.as_str()).as_str());
            // Writing to a String cannot fail.
            let _ = write!(text, "; node {name} {}", status.as_str());
        }
    }
    text.push_str(" | ");
    text.push_str(&performance(told, levels));
    text.push('\n');
    push_problems(&problems, "", verbosity, &mut text);
    for node in nodes {
        let name = plain(Text::from(node.finding.target.as_str()).as_str());
        let problems = self::problems(&node.finding, &node.rows);
        push_problems(&problems, &format!("node {name}: "), verbosity, &mut text);
    }
    if verbosity > 1 {
        for row in &told.rows {
            let _ = writeln!(text, "{}", row_line(row));
        }
    }
    if verbosity > 2 {
        let lines = told.rows.iter().flat_map(|row| {
            let lines = row.observation.transcript.iter();
            lines.map(|line| format!("{} {}", row.check.service.name, transcript::line(line)))
        });
        for line in lines {
            let _ = writeln!(text, "{}", plain(&line));
        }
    }
    text
}

/// A line for each problem, and what to do about it where that was asked for.
fn push_problems(problems: &[Problem<'_>], whose: &str, verbosity: u8, text: &mut String) {
    for problem in problems {
        let word = match problem.severity {
            Severity::Fail => "CRITICAL",
            Severity::Warn => "WARNING",
            Severity::Info => "note",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{word}: {whose}{} [{}]",
            plain(&problem.sentence()),
            problem.code
        );
        if verbosity > 0 {
            let _ = writeln!(text, "  -> {}", plain(problem.hint));
        }
    }
}

/// How many checks are how, and of what is wrong as much as fits: `1 fail of 12: submission certificate-expired`.
fn headline(told: &Told, problems: &[Problem<'_>], begun: usize) -> String {
    /// What fits into a text message and onto a status page.
    const ROOM: usize = 80;
    /// What may have to stand behind it.
    const MORE: &str = "; 99 more";
    let rows = &told.rows;
    let of = |status| rows.iter().filter(|row| row.status == status).count();
    let counts: Vec<String> = [Status::Fail, Status::Warn]
        .into_iter()
        .map(|status| (of(status), status.as_str()))
        .chain([(
            rows.iter().filter(|row| is_missed(row)).count(),
            "not looked at",
        )])
        .filter(|(many, _)| *many > 0)
        .map(|(many, word)| format!("{many} {word}"))
        .collect();
    let host = plain(Text::from(told.finding.target.as_str()).as_str());
    let mut text = if counts.is_empty() {
        format!("{host}: {} of {} pass", of(Status::Pass), rows.len())
    } else {
        format!("{host}: {} of {}", counts.join(", "), rows.len())
    };
    if problems.is_empty() {
        if let Some(days) = least_days(rows) {
            let _ = write!(text, ", certificate {}", days_left(days));
        }
        return text;
    }
    let room = ROOM.saturating_sub(begun);
    for (place, problem) in problems.iter().enumerate() {
        let between = if place == 0 { ": " } else { "; " };
        let whom = problem.seen.first().map_or("", |(whom, _)| whom.as_str());
        let mut next = format!("{between}{} {}", plain(whom), problem.code);
        if whom.is_empty() || text.len() + next.len() + MORE.len() > room {
            next = format!("{between}{}", problem.code);
        }
        let left = problems.len() - place;
        if place > 0 && text.len() + next.len() + MORE.len() > room {
            let _ = write!(text, "; {left} more");
            break;
        }
        text.push_str(&next);
    }
    text
}

/// Whether it was required and not looked at.
fn is_missed(row: &Finding) -> bool {
    row.status == Status::Skip && state(row) != PluginState::Ok
}

fn least_days(rows: &[Arc<Finding>]) -> Option<i64> {
    rows.iter().filter_map(|row| row.days_left).min()
}

/// `'label'=value[UOM];[warn];[crit];[min];[max]`, the host first, then each check.
fn performance(told: &Told, levels: CertDays) -> String {
    let rows = &told.rows;
    let all = rows.len();
    let whole = metrics::took(&told.finding, rows);
    let mut data = vec![format!("time={}s;;;0", seconds(whole))];
    let days = |label: &str, row: &Finding| {
        let left = row.days_left?;
        Some(format!("{label}={left}{}", thresholds(levels, row)))
    };
    let first = rows.iter().filter(|row| row.days_left.is_some());
    let first = first.min_by_key(|row| row.days_left);
    data.extend(first.and_then(|row| days("cert_days", row)));
    for status in [
        Status::Pass,
        Status::Warn,
        Status::Fail,
        Status::Absent,
        Status::Skip,
    ] {
        let many = rows.iter().filter(|row| row.status == status).count();
        data.push(format!("{}={many};;;0;{all}", status.as_str()));
    }
    for row in rows {
        let label = label(row, rows);
        let took = took(row);
        data.push(if took > Duration::ZERO {
            format!("{label}_time={}s;;;0", seconds(took))
        } else {
            format!("{label}_time=U")
        });
        data.extend(days(&format!("{label}_days"), row));
    }
    data.join(" ")
}

/// The ranges outside of which a certificate is warned about: fewer days than that. On 25 and 3389, where nobody has to
/// trust it, that is never critical.
fn thresholds(levels: CertDays, row: &Finding) -> String {
    match levels {
        CertDays::Lifetime => String::new(),
        CertDays::Days { warn, fail } => {
            let is_lenient = matches!(row.check.service.id, ServiceId::Smtp | ServiceId::Rdp);
            let fail = fail.filter(|_| !is_lenient);
            let fail = fail.map_or_else(String::new, |fail| format!(";{fail}:"));
            format!(";{warn}:{fail}")
        }
    }
}

/// The service; where it has several rows, with the address of each.
fn label(row: &Finding, rows: &[Arc<Finding>]) -> String {
    let name = row.check.service.name;
    let is_same = |other: &&Arc<Finding>| other.check.service.id == row.check.service.id;
    match row.observation.address {
        Some(address) if rows.iter().filter(is_same).count() > 1 => {
            format!("{name}_{}", address.ip())
        }
        _ => name.to_owned(),
    }
}

/// `OK: submission (587) pass, open, 0.071 s`
fn row_line(row: &Finding) -> String {
    let mut words = vec![row.status.as_str().to_owned()];
    words.extend(row.observation.state.map(|state| state.as_str().to_owned()));
    words.push(format!("{} s", seconds(took(row))));
    words.extend(
        row.days_left
            .map(|days| format!("certificate {}", days_left(days))),
    );
    format!(
        "{}: {} ({}) {}",
        state(row).as_str(),
        row.check.service.name,
        row.check.port,
        words.join(", ")
    )
}
