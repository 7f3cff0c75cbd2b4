//! A block for a ticket, in GitHub's flavour of Markdown, which GitLab and others read as well: the verdict, the rows,
//! what is wrong and what to do, and folded below it what was seen and said.
//!
//! All is told at the end, since the verdict comes first. What a peer said can be no markup here: it is escaped in the
//! text, and fenced in the conversations.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::Arc;

use crate::event::{Event, RunEnd, RunFinished};
use crate::facts::Text;
use crate::finding::{DomainFinding, Finding, Severity, Status};
use crate::observation::State;

use super::digest::{Problem, as_target, counts, domain_verdict, marked, problems, verdict};
use super::evidence::{days_left, evidence, in_words, took};
use super::notation::rfc3339;
use super::order::{Order, Told};
use super::reporter::Reporter;
use super::transcript;

/// Writes the block.
pub(super) struct Markdown {
    out: Box<dyn Write + Send>,
    order: Order,
    started: String,
    targets: Vec<(StepSummary, String)>,
    room: usize,
}

/// A line of the table of all hosts.
struct StepSummary {
    host: String,
    status: Status,
    counts: String,
}

impl Markdown {
    /// Writes at most `room` bytes: whole hosts, and a note of how many had no room.
    pub(super) fn new(out: Box<dyn Write + Send>, room: usize) -> Self {
        Self {
            out,
            order: Order::default(),
            started: String::new(),
            targets: Vec::new(),
            room,
        }
    }

    fn write(&mut self, end: &RunFinished) -> io::Result<()> {
        let mut text = String::new();
        if self.targets.len() > 1 {
            push_overview(&self.targets, &mut text);
        }
        let foot = self.foot(end);
        let mut left_out = 0;
        for (_, block) in &self.targets {
            if text.len() + block.len() + foot.len() + NOTE > self.room {
                left_out += 1;
            } else {
                text.push_str(block);
            }
        }
        if left_out > 0 {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{left_out} more {} left out: there was no room.\n",
                if left_out == 1 {
                    "host was"
                } else {
                    "hosts were"
                }
            );
        }
        text.push_str(&foot);
        // Nothing but the overview can still be too long, and a reader refuses what is.
        truncate(&mut text, self.room);
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn foot(&self, end: &RunFinished) -> String {
        let how = match end.end {
            RunEnd::Complete => "",
            RunEnd::Interrupted => ", interrupted",
            RunEnd::Terminated => ", terminated",
        };
        let rounds = match end.summary.rounds {
            0 => String::new(),
            1 => ", after 1 round".to_owned(),
            many => format!(", after {many} rounds"),
        };
        format!(
            "*exchports {}, {}, {}{rounds}{how}*\n",
            env!("CARGO_PKG_VERSION"),
            self.started,
            in_words(end.took)
        )
    }
}

/// Room for the note that something was left out.
const NOTE: usize = 80;

impl Reporter for Markdown {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        if let Event::RunStarted { at, domain, .. } = event {
            self.started = rfc3339(*at);
            if let Some(domain) = domain {
                let summary = StepSummary {
                    host: domain.discovery.domain.clone(),
                    status: domain.status,
                    counts: "mail domain".to_owned(),
                };
                self.targets.push((summary, domain_block(domain)));
            }
        }
        for told in self.order.take(event) {
            let summary = StepSummary {
                host: Text::from(told.finding.target.as_str()).to_string(),
                status: told.finding.status,
                counts: counts(&told.rows),
            };
            self.targets.push((summary, block(&told)));
        }
        match event {
            Event::RunFinished(end) => self.write(end),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Markdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Markdown")
            .field("targets", &self.targets.len())
            .finish_non_exhaustive()
    }
}

fn push_overview(targets: &[(StepSummary, String)], text: &mut String) {
    text.push_str("| | host | checks |\n| --- | --- | --- |\n");
    for (summary, _) in targets {
        let StepSummary {
            host,
            status,
            counts,
        } = summary;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {} | {} | {counts} |", word(*status), inline(host));
    }
    text.push('\n');
}

/// Everything about one host.
fn block(told: &Told) -> String {
    let Told { finding, rows } = told;
    let host = Text::from(finding.target.as_str());
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "### {} {}: {}\n",
        sign(finding.status),
        inline(host.as_str()),
        verdict(finding, rows)
    );
    push_rows(rows, &mut text);
    let wrong = problems(finding, rows);
    if !wrong.is_empty() {
        text.push_str("**What is wrong, and what to do**\n\n");
        for problem in &wrong {
            push_problem(problem, &mut text);
        }
        text.push('\n');
    }
    for row in rows {
        if matches!(row.status, Status::Warn | Status::Fail) {
            push_evidence(row, &mut text);
        }
    }
    text
}

/// What is the matter with a mail domain.
fn domain_block(domain: &DomainFinding) -> String {
    let finding = as_target(domain);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "### {} {}: mail domain, {}\n",
        sign(domain.status),
        inline(&domain.discovery.domain),
        domain_verdict(domain)
    );
    for problem in &problems(&finding, &[]) {
        push_problem(problem, &mut text);
    }
    text.push('\n');
    text
}

fn push_rows(rows: &[Arc<Finding>], text: &mut String) {
    text.push_str("| port | service | status | state | TLS | certificate | time |\n");
    text.push_str("| ---: | --- | --- | --- | --- | --- | ---: |\n");
    let has_several = rows
        .windows(2)
        .any(|pair| pair[0].check.service.id == pair[1].check.service.id);
    for row in rows {
        let seen = &row.observation;
        let name = row.check.service.name;
        let name = match seen.address {
            Some(address) if has_several => format!("{name} on {}", address.ip()),
            _ => name.to_owned(),
        };
        let version = seen.tls.as_ref().and_then(|tls| tls.version);
        let cells = [
            row.check.port.to_string(),
            inline(&name).into_owned(),
            word(row.status),
            seen.state.map_or("", State::as_str).to_owned(),
            version.map_or_else(String::new, |version| version.name().to_owned()),
            row.days_left.map_or_else(String::new, days_left),
            if seen.steps.is_empty() {
                String::new()
            } else {
                in_words(took(row))
            },
        ];
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push('\n');
}

fn push_problem(problem: &Problem<'_>, text: &mut String) {
    let bad = match problem.severity {
        Severity::Fail => "**fail**",
        Severity::Warn => "**warn**",
        Severity::Info => "info",
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "- {bad} {} (`{}`)  \n  → {}",
        inline(&problem.sentence()),
        problem.code,
        typed(problem.hint)
    );
}

/// A text in which what is to be typed is code.
fn typed(text: &str) -> String {
    marked(text)
        .map(|(is_code, part)| {
            if is_code {
                format!("`{part}`")
            } else {
                inline(part).into_owned()
            }
        })
        .collect()
}

/// What was seen and said, folded.
fn push_evidence(row: &Finding, text: &mut String) {
    let mut inside = String::new();
    for (label, seen) in evidence(row) {
        // Writing to a String cannot fail.
        let _ = writeln!(inside, "{label}: {seen}");
    }
    if !row.observation.transcript.is_empty() {
        inside.push('\n');
    }
    for line in &row.observation.transcript {
        let _ = writeln!(inside, "{}", transcript::line(line));
    }
    if inside.is_empty() {
        return;
    }
    let fence = fence(&inside);
    let _ = writeln!(
        text,
        "<details><summary>{} ({}): what was seen</summary>\n\n{fence}text\n{inside}{fence}\n\n</details>\n",
        row.check.service.name, row.check.port
    );
}

/// Backticks, one more than there are in a row anywhere in the text, and three at least.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn word(status: Status) -> String {
    match status {
        Status::Warn | Status::Fail => format!("{} **{}**", sign(status), status.as_str()),
        Status::Pass | Status::Absent | Status::Skip => {
            format!("{} {}", sign(status), status.as_str())
        }
    }
}

/// The status as a shape, which is seen from afar; the word stands beside it.
fn sign(status: Status) -> &'static str {
    match status {
        Status::Pass => "✅",
        Status::Warn => "⚠️",
        Status::Fail => "❌",
        Status::Absent | Status::Skip => "➖",
    }
}

/// Text that is nothing but text in a paragraph, a list or a cell of a table: no markup, no HTML, no link, and nobody's
/// name or number that a tracker would make a link of.
fn inline(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| {
        c.is_alphanumeric() || matches!(c, ' ' | ',' | ';' | '\'' | '"' | '?' | '/' | '%')
    };
    if text.chars().all(is_plain) && !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 32);
    for (at, c) in text.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\r' | '\t' => out.push(' '),
            // A comment ends what would be a mention, a reference or a link, and is not seen.
            '@' => out.push_str("@<!-- -->"),
            '#' => out.push_str("\\#<!-- -->"),
            ':' if text[at..].starts_with("://") => out.push_str(":<!-- -->"),
            '.' if is_after_www(text, at) => out.push_str("<!-- -->."),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '+' | '-' | '!' | '|'
            | '~' | '$' | '=' | '^' => {
                // Within a word these are nothing but themselves, and a name is easier to read so.
                if !matches!(c, '-' | '=' | '+' | '(' | ')' | '!') || is_first(text, at) {
                    out.push('\\');
                }
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether a mark at this place could begin a list, a heading's underline or a picture.
fn is_first(text: &str, at: usize) -> bool {
    text[..at].chars().all(|c| !c.is_alphanumeric()) || text[at..].starts_with("![")
}

fn is_after_www(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[..at];
    before.len() >= 3 && before[before.len() - 3..].eq_ignore_ascii_case(b"www")
}

fn truncate(text: &mut String, room: usize) {
    if text.len() > room {
        let end = (0..=room).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        for (text, shown) in [
            ("plain, \"quoted\"", "plain, \"quoted\""),
            ("a|b", "a\\|b"),
            ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
            (
                "`code` *b* _i_ ~~s~~",
                "\\`code\\` \\*b\\* \\_i\\_ \\~\\~s\\~\\~",
            ),
            ("[link](x)", "\\[link\\](x)"),
            ("@everyone #1", "@<!-- -->everyone \\#<!-- -->1"),
            (
                "see https://evil.example",
                "see https:<!-- -->//evil.example",
            ),
            ("www.evil.example", "www<!-- -->.evil.example"),
            ("- item", "\\- item"),
            ("mail-1.example.com", "mail-1.example.com"),
            ("a\\x0Ab", "a\\\\x0Ab"),
            ("a\nb", "a b"),
            ("--- ===", "\\-\\-\\- \\=\\=\\="),
        ] {
            assert_eq!(inline(text), shown, "{text:?}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_any_in_it() {
        for (text, expected) in [
            ("", "```"),
            ("`a`", "```"),
            ("```", "````"),
            ("a ````` b", "``````"),
        ] {
            assert_eq!(fence(text), expected, "{text}");
        }
    }

    #[test]
    fn what_has_no_room_is_cut_between_two_characters() {
        let mut text = "aä".to_owned();
        truncate(&mut text, 2);
        assert_eq!(text, "a");
    }
}
