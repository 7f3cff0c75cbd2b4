//! Which columns there are, how wide they are, and which of them make room in a narrow terminal.

use crate::facts::{TlsFacts, TlsVersion};
use crate::finding::{Code, Finding, Severity};
use crate::observation::State;

use super::super::style::{Color, width};
use super::durations::in_words;
use super::lines::{RowLine, RowPlace};

/// How far everything below the heading of a target is indented.
pub(super) const INDENT: usize = 2;

/// The columns of one target's lines.
pub(super) struct Columns {
    shown: Vec<(Column, usize)>,
    addresses: AddressColumn,
    /// Columns left for the codes, to the right of all.
    room: usize,
    /// Whether any code stands there.
    has_codes: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Column {
    Port,
    Service,
    Address,
    Status,
    State,
    Tls,
    Certificate,
    Time,
}

/// Where a row says which address it is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum AddressColumn {
    /// Nowhere: there is one row a service.
    Untold,
    /// In a column, or below where that does not fit.
    Told,
}

/// The columns from left to right.
const ALL: [Column; 8] = [
    Column::Port,
    Column::Service,
    Column::Address,
    Column::Status,
    Column::State,
    Column::Tls,
    Column::Certificate,
    Column::Time,
];

/// Which columns are left out where there is no room for all, in the order in which that is tried.
const LEFT_OUT: [&[Column]; 10] = [
    &[],
    &[Column::Time],
    &[Column::Time, Column::Tls],
    &[Column::Time, Column::Tls, Column::Certificate],
    &[Column::Address],
    &[Column::Address, Column::Time],
    &[Column::Address, Column::Time, Column::Tls],
    &[
        Column::Address,
        Column::Time,
        Column::Tls,
        Column::Certificate,
    ],
    &[
        Column::Address,
        Column::Time,
        Column::Tls,
        Column::Certificate,
        Column::State,
    ],
    &[
        Column::Port,
        Column::Address,
        Column::Time,
        Column::Tls,
        Column::Certificate,
        Column::State,
    ],
];

/// Blanks between columns.
const GAP: usize = 2;

/// What stands where nothing is known.
const NOTHING: &str = "-";

impl Columns {
    /// The columns that have something to tell and fit.
    pub(super) fn fitting(lines: &[&RowLine<'_>], codes: &[String], room: usize) -> Self {
        let several = lines.iter().enumerate().any(|(index, line)| {
            let before = lines.iter().take(index);
            before
                .map(|line| line.row.check.service.id)
                .any(|id| id == line.row.check.service.id)
        });
        let addresses = if several {
            AddressColumn::Told
        } else {
            AddressColumn::Untold
        };
        let telling: Vec<(Column, usize)> = ALL
            .into_iter()
            .filter(|column| *column != Column::Address || several)
            .filter(|column| lines.iter().any(|line| column.cell(line) != NOTHING))
            .map(|column| {
                let cells = lines.iter().map(|line| width(&column.cell(line)));
                (column, cells.max().unwrap_or(0).max(width(column.title())))
            })
            .collect();
        let mut shown = Vec::new();
        for left_out in LEFT_OUT {
            shown.clone_from(&telling);
            shown.retain(|(column, _)| !left_out.contains(column));
            let taken: usize = shown.iter().map(|(_, wide)| wide + GAP).sum();
            if INDENT + taken <= room + GAP {
                break;
            }
        }
        let taken: usize = shown.iter().map(|(_, wide)| wide + GAP).sum();
        let room = room.saturating_sub(INDENT + taken);
        let has_codes = codes
            .iter()
            .any(|codes| !codes.is_empty() && width(codes) <= room);
        Self {
            shown,
            addresses,
            room,
            has_codes,
        }
    }

    /// The line of titles.
    pub(super) fn heading(&self) -> String {
        let codes = if self.has_codes { "CODES" } else { "" };
        self.line(|column| column.title().to_owned(), |_, cell| cell, codes)
    }

    /// The line, laid out.
    pub(super) fn row(&self, line: &RowLine<'_>, codes: &str, color: Color) -> String {
        self.line(
            |column| column.cell(line),
            |column, cell| match column {
                Column::Status => {
                    let status = line.row.status;
                    let word = status.as_str();
                    cell.replacen(word, &color.status(status, word), 1)
                }
                _ => cell,
            },
            if width(codes) <= self.room { codes } else { "" },
        )
    }

    /// How far what is told below a row is indented: to where the service stands.
    pub(super) fn depth(&self) -> usize {
        match self.shown.first() {
            Some((Column::Port, wide)) => INDENT + wide + GAP,
            _ => INDENT + GAP,
        }
    }

    /// The codes of a row that have no room in its line.
    pub(super) fn codes_below<'a>(&self, codes: &'a str) -> Option<&'a str> {
        (width(codes) > self.room).then_some(codes)
    }

    /// The address of the row, where it is to be told and no column does.
    pub(super) fn address_below(&self, row: &Finding) -> Option<String> {
        let in_column = self.shown.iter().any(|(c, _)| *c == Column::Address);
        if in_column || self.addresses == AddressColumn::Untold {
            return None;
        }
        row.observation
            .address
            .map(|address| address.ip().to_string())
    }

    fn line(
        &self,
        cell: impl Fn(Column) -> String,
        paint: impl Fn(Column, String) -> String,
        codes: &str,
    ) -> String {
        let mut line = " ".repeat(INDENT);
        for (index, (column, wide)) in self.shown.iter().enumerate() {
            let cell = cell(*column);
            let blank = " ".repeat(wide.saturating_sub(width(&cell)));
            let cell = match column.side() {
                Side::Left => format!("{cell}{blank}"),
                Side::Right => format!("{blank}{cell}"),
            };
            if index > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            line.push_str(&paint(*column, cell));
        }
        line.push_str(&" ".repeat(GAP));
        line.push_str(codes);
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// To which side a column is flush.
#[derive(Clone, Copy, Debug)]
enum Side {
    Left,
    Right,
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Port => "PORT",
            Self::Service => "SERVICE",
            Self::Address => "ADDRESS",
            Self::Status => "STATUS",
            Self::State => "STATE",
            Self::Tls => "TLS",
            Self::Certificate => "CERT",
            Self::Time => "TIME",
        }
    }

    fn side(self) -> Side {
        match self {
            Self::Port | Self::Certificate | Self::Time => Side::Right,
            Self::Service | Self::Address | Self::Status | Self::State | Self::Tls => Side::Left,
        }
    }

    fn cell(self, line: &RowLine<'_>) -> String {
        let name = line.row.check.service.name;
        let known = match (self, line.place) {
            // What lives behind 443 stands under it, indented.
            (Self::Port, RowPlace::Behind443) => Some(String::new()),
            (Self::Service, RowPlace::Behind443) => Some(match line.rows.len() {
                1 => format!("  {name}"),
                several => format!("  {several} web services"),
            }),
            // One row's time is not that of all.
            (Self::Time, _) if line.rows.len() > 1 => None,
            (column, _) => column.known(line.row),
        };
        known.unwrap_or_else(|| NOTHING.to_owned())
    }

    fn known(self, row: &Finding) -> Option<String> {
        let seen = &row.observation;
        match self {
            Self::Port => Some(row.check.port.to_string()),
            Self::Service => Some(row.check.service.name.to_owned()),
            Self::Address => seen.address.map(|address| address.ip().to_string()),
            Self::Status => Some(row.status.as_str().to_owned()),
            Self::State => seen.state.map(State::as_str).map(str::to_owned),
            // What a second connection showed did not work as the port is meant to.
            Self::Tls if seen.detour.is_some() => None,
            Self::Tls => seen.tls.as_ref().and_then(version),
            Self::Certificate => defect(row)
                .map(str::to_owned)
                .or_else(|| row.days_left.map(|days| format!("{days} d"))),
            Self::Time if seen.steps.is_empty() => None,
            Self::Time => Some(in_words(seen.steps.iter().map(|step| step.took).sum())),
        }
    }
}

/// What is wrong with the certificate, in a word, the worst first.
pub(super) fn defect(row: &Finding) -> Option<&'static str> {
    let has = |code: Code| {
        let mut wrong = row.diagnoses.iter();
        wrong.any(|told| told.code == code && told.severity > Severity::Info)
    };
    let is_over = row.days_left.is_some_and(|days| days < 0);
    let words: [(&[Code], &str); 5] = [
        (&[Code::CertificateExpired], "expired"),
        (&[Code::CertificateNotYetValid], "not yet"),
        (&[Code::CertificateWrongName], "wrong name"),
        (
            &[
                Code::CertificateSelfSigned,
                Code::CertificateUnknownIssuer,
                Code::CertificateMissingIntermediate,
                Code::CertificateInvalidPurpose,
                Code::CertificateUntrusted,
            ],
            "untrusted",
        ),
        (&[Code::CertificateUnproven], "unproven"),
    ];
    if is_over {
        return Some("expired");
    }
    let (_, word) = words
        .iter()
        .find(|(codes, _)| codes.iter().any(|code| has(*code)))?;
    Some(word)
}

/// The version agreed on; in brackets the one that the server would have spoken, where none was.
fn version(tls: &TlsFacts) -> Option<String> {
    let legacy = tls.legacy.as_ref().and_then(|legacy| legacy.version);
    let agreed = tls.version.map(short);
    agreed.or(legacy.map(|version| format!("({})", short(version))))
}

/// `1.3`, `SSL 3.0`: the column's title says the rest.
pub(super) fn short(version: TlsVersion) -> String {
    version.name().trim_start_matches("TLS ").to_owned()
}
