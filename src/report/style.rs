//! How wide, how colourful, how much: what a table is told by the program, and what follows from it.

use std::fmt::Write as _;

use anstyle::AnsiColor;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::finding::{Severity, Status};

/// How a table looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Style {
    /// Whether words are coloured.
    pub color: Color,
    /// How many columns a line has.
    pub width: usize,
    /// Which rows are shown.
    pub rows: Rows,
    /// Whether every certificate is told at the end.
    pub certificates: CertificateList,
    /// From which severity on a finding is a failure in a format that knows no warnings.
    pub fails_from: Severity,
    /// Whether a document says that its names are placeholders.
    pub names: Names,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            color: Color::Plain,
            width: 80,
            rows: Rows::All,
            certificates: CertificateList::Omitted,
            fails_from: Severity::Fail,
            names: Names::Told,
        }
    }
}

/// Whether names and addresses are told as they are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Names {
    /// As they are.
    #[default]
    Told,
    /// As placeholders.
    Redacted,
}

/// Whether words are coloured.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Color {
    /// Not a single escape sequence.
    #[default]
    Plain,
    /// ANSI escape sequences; the words say the same without them.
    Colored,
}

/// Which rows are shown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Rows {
    /// All.
    #[default]
    All,
    /// Those that did not pass.
    Problems,
}

/// Whether every certificate is told at the end.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CertificateList {
    /// Only what is wrong with them.
    #[default]
    Omitted,
    /// Each of them, once.
    Shown,
}

impl Color {
    /// The word, coloured by what it says.
    pub(super) fn status(self, status: Status, word: &str) -> String {
        self.paint(
            match status {
                Status::Pass => AnsiColor::Green.on_default(),
                Status::Absent | Status::Skip => anstyle::Style::new().dimmed(),
                Status::Warn => AnsiColor::Yellow.on_default(),
                Status::Fail => AnsiColor::Red.on_default(),
            },
            word,
        )
    }

    /// The word, coloured by what it says.
    pub(super) fn severity(self, severity: Severity, word: &str) -> String {
        match severity {
            Severity::Info => self.dim(word),
            Severity::Warn => self.status(Status::Warn, word),
            Severity::Fail => self.status(Status::Fail, word),
        }
    }

    /// The words, set back.
    pub(super) fn dim(self, words: &str) -> String {
        self.paint(anstyle::Style::new().dimmed(), words)
    }

    /// The words, set forth.
    pub(super) fn bold(self, words: &str) -> String {
        self.paint(anstyle::Style::new().bold(), words)
    }

    fn paint(self, style: anstyle::Style, words: &str) -> String {
        match self {
            Self::Plain => words.to_owned(),
            Self::Colored => format!("{style}{words}{style:#}"),
        }
    }
}

/// Columns that a text takes, as it stands, without escape sequences.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Below this a line is not broken further: a terminal of ten columns gets long lines rather than a column of letters.
const NARROWEST: usize = 16;

/// Breaks a text into lines between words where that is possible, else within them. The first line may have another
/// room than the rest; both in columns.
pub(super) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut room = first.max(NARROWEST);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    let mut break_line = |line: &mut String, used: &mut usize, room: &mut usize| {
        lines.push(std::mem::take(line));
        *used = 0;
        *room = rest.max(NARROWEST);
    };
    for word in text.split_whitespace() {
        let wide = width(word);
        if used > 0 && used + 1 + wide <= room {
            line.push(' ');
            line.push_str(word);
            used += 1 + wide;
            continue;
        }
        if used > 0 {
            break_line(&mut line, &mut used, &mut room);
        }
        for character in word.chars() {
            let wide = character.width().unwrap_or(0);
            if used + wide > room {
                break_line(&mut line, &mut used, &mut room);
            }
            line.push(character);
            used += wide;
        }
    }
    if used > 0 {
        break_line(&mut line, &mut used, &mut room);
    }
    lines
}

/// A text of several lines, and what stands before them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Paragraph<'a> {
    /// How far all of it is indented.
    pub(super) indent: usize,
    /// What stands before the first line, in colour or not.
    pub(super) lead: &'a str,
    /// How many columns that takes.
    pub(super) lead_width: usize,
    /// How much further the other lines are indented.
    pub(super) hang: usize,
}

impl Paragraph<'_> {
    /// A text with nothing before it.
    pub(super) fn at(indent: usize) -> Self {
        Self {
            indent,
            ..Self::default()
        }
    }

    /// Adds the text, each line painted.
    pub(super) fn push(
        &self,
        text: &str,
        columns: usize,
        paint: impl Fn(&str) -> String,
        out: &mut String,
    ) {
        let Self {
            indent,
            lead,
            lead_width,
            hang,
        } = *self;
        let room = |before: usize| columns.saturating_sub(indent + before);
        for (index, line) in wrap(text, room(lead_width), room(hang)).iter().enumerate() {
            let line = paint(line);
            // Writing to a String cannot fail.
            let _ = match index {
                0 => writeln!(out, "{:indent$}{lead}{line}", ""),
                _ => writeln!(out, "{:blank$}{line}", "", blank = indent + hang),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(
            wrap("the quick brown fox jumps over the lazy dog", 20, 20),
            ["the quick brown fox", "jumps over the lazy", "dog"]
        );
        assert_eq!(wrap("  spaces\n and  lines ", 20, 20), ["spaces and lines"]);
        assert_eq!(wrap("", 20, 20), Vec::<String>::new());
    }

    #[test]
    fn a_word_without_end_is_broken() {
        assert_eq!(
            wrap("see aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa now", 20, 20),
            ["see", "aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaa now"]
        );
    }

    #[test]
    fn wide_characters_count_twice() {
        for line in wrap(&"漢".repeat(25), 20, 30) {
            assert!(width(&line) <= 30, "{line}");
        }
    }
}
