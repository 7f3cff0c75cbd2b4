//! # report: how a run is told
//!
//! Takes [events](crate::event) and lays them out: a table for people, documents for scripts, the conversations for
//! those who want to see for themselves. It decides nothing: status, wording, hints and the exit code are there before.
//! It never prints by itself either: every reporter is given its writer, and an error of that writer (a reader that
//! went away, a full disk) goes back to the caller.
//!
//! Start reading at [`Reporter`], then `table.rs`; `contract.rs` holds the shapes that scripts rely on.

use std::io::Write;

pub use domain::{DomainTree, check_line, domain_awaited};
pub use domain_document::domain_json;
pub use exposition::{Exposition, Kind, Labels, Metric, counter, gauge};
pub use listing::{catalog_json, catalog_table, glossary};
pub use nagios::plugin_answer;
pub use progress::{Activity, Progress};
pub use prometheus::scraped;
pub use redact::redacted;
pub use reporter::{Reporter, Tee};
pub use style::{CertificateList, Color, Names, Rows, Style};
pub use transcript::transcript;

mod checkmk;
mod contract;
mod digest;
mod document;
mod domain;
mod domain_document;
mod evidence;
mod exposition;
mod github;
mod html;
mod junit;
mod listing;
mod markdown;
mod metrics;
mod nagios;
mod ndjson;
mod notation;
mod order;
mod plugin;
mod progress;
mod prometheus;
mod redact;
mod reporter;
mod style;
mod table;
mod transcript;

/// How a run can be told.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document, in the order of targets and catalog.
    Json,
    /// One JSON object a line, as it happens.
    Ndjson,
    /// `JUnit`'s XML.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
    /// A block for a ticket.
    Markdown,
    /// A page that needs nothing else.
    Html,
    /// Metrics for Prometheus's textfile collectors.
    Prometheus,
    /// Local checks of Checkmk's agent.
    Checkmk,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 9] = [
        Self::Table,
        Self::Json,
        Self::Ndjson,
        Self::Junit,
        Self::Github,
        Self::Markdown,
        Self::Html,
        Self::Prometheus,
        Self::Checkmk,
    ];

    /// The format as it is typed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Prometheus => "prometheus",
            Self::Checkmk => "checkmk",
        }
    }

    /// Whether it keeps the order of targets, and so keeps back what is ahead of it.
    #[must_use]
    pub fn is_ordered(self) -> bool {
        match self {
            Self::Table
            | Self::Json
            | Self::Junit
            | Self::Github
            | Self::Markdown
            | Self::Html
            | Self::Prometheus
            | Self::Checkmk => true,
            Self::Ndjson => false,
        }
    }

    /// Whether conversations are told in it without being asked for.
    #[must_use]
    pub fn has_conversations(self) -> bool {
        matches!(self, Self::Markdown | Self::Html)
    }

    /// The format of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str().eq_ignore_ascii_case(name))
    }
}

/// A reporter that writes this format; colour, width and rows of `style` are for the table, documents look the same
/// everywhere.
#[must_use]
pub fn reporter(
    format: Format,
    out: Box<dyn Write + Send>,
    style: Style,
) -> Box<dyn Reporter + Send> {
    match format {
        Format::Table => Box::new(table::Table::new(out, style)),
        Format::Json => Box::new(document::Document::new(out, style.names)),
        Format::Ndjson => Box::new(ndjson::Ndjson::new(out, style.names)),
        Format::Junit => Box::new(junit::Junit::new(out, style.fails_from)),
        Format::Github => Box::new(github::Annotations::new(out)),
        Format::Markdown => Box::new(markdown::Markdown::new(out, usize::MAX)),
        Format::Html => Box::new(html::Html::new(out, style.names)),
        Format::Prometheus => Box::new(prometheus::Prometheus::new(out)),
        Format::Checkmk => Box::new(checkmk::Checkmk::new(out)),
    }
}

/// The summary of a step of GitHub Actions: the block for a ticket, in so many bytes at the most.
#[must_use]
pub fn step_summary(out: Box<dyn Write + Send>, room: usize) -> Box<dyn Reporter + Send> {
    Box::new(markdown::Markdown::new(out, room))
}

/// Passes everything on but the conversations, which are kept for another report.
#[must_use]
pub fn without_conversations(within: Box<dyn Reporter + Send>) -> Box<dyn Reporter + Send> {
    Box::new(transcript::Withheld(within))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_found_by_their_names() {
        for format in Format::ALL {
            assert_eq!(Format::from_name(format.as_str()), Some(format));
        }
        assert_eq!(Format::from_name("JSON"), Some(Format::Json));
        assert_eq!(Format::from_name("xml"), None);
    }
}
