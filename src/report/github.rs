//! Annotations of GitHub Actions: workflow commands on standard output, which the runner shows beside the run.
//!
//! The runner shows ten of each kind and drops the others without a word, so the worst come first and the last tells
//! how many more there are. All is told at the end: an annotation cannot be taken back for a worse one.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use crate::event::Event;
use crate::facts::Text;
use crate::finding::{DomainFinding, Finding, Severity, TargetFinding};

use super::digest::{as_target, domain_verdict, problems, verdict};
use super::order::{Order, Told};
use super::reporter::Reporter;

/// How many annotations of one kind the runner shows of a step.
const SHOWN: usize = 10;

/// Writes the commands.
pub(super) struct Annotations {
    out: Box<dyn Write + Send>,
    order: Order,
    errors: Vec<Annotation>,
    warnings: Vec<Annotation>,
    notices: Vec<Annotation>,
}

struct Annotation {
    title: String,
    text: String,
}

impl Annotations {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            order: Order::default(),
            errors: Vec::new(),
            warnings: Vec::new(),
            notices: Vec::new(),
        }
    }

    fn take_domain(&mut self, domain: &DomainFinding) {
        self.take_problems(&as_target(domain), &[]);
        self.notices.push(Annotation {
            title: domain.discovery.domain.clone(),
            text: domain_verdict(domain),
        });
    }

    fn take(&mut self, told: &Told) {
        let Told { finding, rows } = told;
        let host = Text::from(finding.target.as_str());
        self.take_problems(finding, rows);
        self.notices.push(Annotation {
            title: host.to_string(),
            text: verdict(finding, rows),
        });
    }

    fn take_problems(&mut self, finding: &TargetFinding, rows: &[Arc<Finding>]) {
        let host = Text::from(finding.target.as_str());
        for problem in problems(finding, rows) {
            let annotation = Annotation {
                title: format!("{host}: {}", problem.code),
                text: format!("{}\n{}", problem.sentence(), problem.hint),
            };
            match problem.severity {
                Severity::Fail => self.errors.push(annotation),
                Severity::Warn => self.warnings.push(annotation),
                // Why something was skipped.
                Severity::Info => self.notices.push(annotation),
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let mut text = String::new();
        for (kind, annotations) in [
            ("error", &self.errors),
            ("warning", &self.warnings),
            ("notice", &self.notices),
        ] {
            push_kind(kind, annotations, &mut text);
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl Reporter for Annotations {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        if let Event::RunStarted {
            domain: Some(domain),
            ..
        } = event
        {
            self.take_domain(domain);
        }
        for told in self.order.take(event) {
            self.take(&told);
        }
        match event {
            Event::RunFinished(_) => self.write(),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Annotations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Annotations")
            .field("errors", &self.errors.len())
            .finish_non_exhaustive()
    }
}

fn push_kind(kind: &str, annotations: &[Annotation], text: &mut String) {
    if annotations.len() <= SHOWN {
        for annotation in annotations {
            push(kind, annotation, text);
        }
        return;
    }
    let (told, more) = annotations.split_at(SHOWN - 1);
    for annotation in told {
        push(kind, annotation, text);
    }
    let titles: Vec<&str> = more.iter().map(|more| more.title.as_str()).collect();
    let last = Annotation {
        title: format!("{} more", more.len()),
        text: titles.join("\n"),
    };
    push(kind, &last, text);
}

/// `::error title=mail.example.com%3A refused::imap, imaps: the connection was refused`
fn push(kind: &str, Annotation { title, text }: &Annotation, out: &mut String) {
    let line = [
        "::",
        kind,
        " title=",
        &property(title),
        "::",
        &data(text),
        "\n",
    ];
    out.extend(line);
}

/// The data of a command: what would end its line is escaped.
fn data(text: &str) -> Cow<'_, str> {
    escape(text, |c| match c {
        '%' => Some("%25"),
        '\r' => Some("%0D"),
        '\n' => Some("%0A"),
        _ => None,
    })
}

/// The value of a property, which ends at a comma or a colon besides.
fn property(text: &str) -> Cow<'_, str> {
    escape(text, |c| match c {
        '%' => Some("%25"),
        '\r' => Some("%0D"),
        '\n' => Some("%0A"),
        ':' => Some("%3A"),
        ',' => Some("%2C"),
        _ => None,
    })
}

fn escape(text: &str, escaped: impl Fn(char) -> Option<&'static str>) -> Cow<'_, str> {
    if text.chars().all(|c| escaped(c).is_none()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match escaped(c) {
            Some(escape) => out.push_str(escape),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_the_command_or_begins_another() {
        for (text, as_data, as_property) in [
            ("plain", "plain", "plain"),
            ("100%", "100%25", "100%25"),
            ("%0A", "%250A", "%250A"),
            (
                "a\r\n::error::b",
                "a%0D%0A::error::b",
                "a%0D%0A%3A%3Aerror%3A%3Ab",
            ),
            ("a,b:c", "a,b:c", "a%2Cb%3Ac"),
        ] {
            assert_eq!(data(text), as_data);
            assert_eq!(property(text), as_property);
        }
    }

    fn annotations(many: usize) -> Vec<Annotation> {
        let all = (0..many).map(|number| Annotation {
            title: format!("host{number}"),
            text: "broken".to_owned(),
        });
        all.collect()
    }

    #[test]
    fn no_more_of_a_kind_than_are_shown_and_the_last_says_how_many_more() {
        for (many, lines, last) in [
            (0, 0, None),
            (10, 10, Some("::error title=host9::broken")),
            (11, 10, Some("::error title=2 more::host9%0Ahost10")),
            (500, 10, None),
        ] {
            let mut text = String::new();
            push_kind("error", &annotations(many), &mut text);
            assert_eq!(text.lines().count(), lines, "{many}");
            if last.is_some() {
                assert_eq!(text.lines().last(), last);
            }
        }
    }
}
