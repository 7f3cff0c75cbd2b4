//! The table: per target a heading, a row a service, what is wrong and what to do, the verdict; at the end the counts.
//!
//! A row names the codes of what is wrong with it; below all rows each of them is explained once, worst first, with all
//! services that it is about. What is merely worth knowing is told only where nothing else explains a row that did not
//! pass. Of several targets, one that is well is a single line.
//!
//! Start reading at [`page`], which is one target, and [`summary`], which is all of them.

use std::fmt;
use std::io::{self, Write};

use crate::event::{Event, RunFinished};
use crate::facts::Text;
use crate::finding::{Severity, Status};

use super::domain::push_domain;
use super::order::{Order, Told};
use super::reporter::Reporter;
use super::style::{CertificateList, Rows, Style};

use audit::audited;
use certificates::Presented;
use columns::INDENT;
use nodes::side_by_side;
use page::{TargetPage, of_all};
use summary::{HostCounts, push_summary};
use wording::{SEVERITY, push_worded};

mod audit;
mod causes;
mod certificates;
mod columns;
mod durations;
mod lines;
mod nodes;
mod page;
mod summary;
mod wording;

/// Writes the table.
pub(super) struct Table {
    out: Box<dyn Write + Send>,
    style: Style,
    order: Order,
    hosts: HostCounts,
    presented: Presented,
    last: Last,
}

/// What was written last.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Last {
    #[default]
    Nothing,
    /// One line for a host that is well.
    Line,
    /// A whole page.
    Page,
}

impl Table {
    pub(super) fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self {
            out,
            style,
            order: Order::default(),
            hosts: HostCounts::default(),
            presented: Presented::default(),
            last: Last::default(),
        }
    }

    fn push_target(&mut self, told: &Told, text: &mut String) {
        let several = self.hosts.planned > 1;
        let page = TargetPage::new(told, self.style);
        self.hosts.add(&page);
        if self.style.certificates == CertificateList::Shown {
            self.presented.add(page.target, page.rows);
        }
        let is_short = page.is_well() && (several || self.style.rows == Rows::Problems);
        if is_short && several && self.style.rows == Rows::Problems {
            self.hosts.uncounted += 1;
        } else if is_short && (self.style.rows == Rows::Problems || audited(page.rows).is_empty()) {
            if self.last == Last::Page {
                text.push('\n');
            }
            page.push_short(text);
            self.last = Last::Line;
        } else {
            if self.last != Last::Nothing {
                text.push('\n');
            }
            page.push(several, text);
            self.last = Last::Page;
        }
    }

    /// A name and its nodes in one page, where that fits.
    fn push_nodes(&mut self, group: &[Told], text: &mut String) -> bool {
        let pages: Vec<TargetPage<'_>> = group
            .iter()
            .map(|told| TargetPage::new(told, self.style))
            .collect();
        let [name, ..] = pages.as_slice() else {
            return false;
        };
        if self.style.rows == Rows::Problems {
            return false;
        }
        let Some(table) = side_by_side(group, self.style) else {
            return false;
        };
        if self.last != Last::Nothing {
            text.push('\n');
        }
        name.push_heading(text);
        text.push_str(&table);
        text.push('\n');
        let matters = of_all(&pages);
        for matter in &matters {
            name.push_matter(matter, text);
        }
        if !matters.is_empty() {
            text.push('\n');
        }
        let Style { color, width, .. } = self.style;
        let bold = |line: &str| color.bold(line);
        for page in &pages {
            let label = Text::from(page.target.target.as_str());
            let verdict = format!("{}: {}", label.as_str(), page.target.verdict());
            let status = page.target.status;
            push_worded(status, &verdict, INDENT, (color, width), bold, text);
            self.hosts.add(page);
            if self.style.certificates == CertificateList::Shown {
                self.presented.add(page.target, page.rows);
            }
        }
        // The verdicts stand above.
        self.hosts.overview.clear();
        self.hosts.problems = matters
            .iter()
            .filter(|matter| matter.diagnosis.severity > Severity::Info)
            .count();
        self.last = Last::Page;
        true
    }

    fn push_end(&self, end: &RunFinished, text: &mut String) {
        let hosts = &self.hosts;
        let Style { color, width, .. } = self.style;
        if hosts.planned < 2 {
            let indent = match self.last {
                Last::Nothing => 0,
                Last::Line => SEVERITY,
                Last::Page => INDENT + SEVERITY,
            };
            return push_summary(end, hosts, indent, self.style, text);
        }
        if self.last != Last::Nothing {
            text.push('\n');
        }
        for (status, line) in &hosts.overview {
            push_worded(*status, line, 0, (color, width), str::to_owned, text);
        }
        if let Some(worst) = hosts.worst_unlisted {
            let line = format!("and {} more hosts, told above", hosts.unlisted);
            push_worded(worst, &line, 0, (color, width), str::to_owned, text);
        }
        if hosts.uncounted > 0 {
            let line = match hosts.uncounted {
                1 => "1 host is well".to_owned(),
                many => format!("{many} hosts are well"),
            };
            push_worded(Status::Pass, &line, 0, (color, width), str::to_owned, text);
        }
        push_summary(end, hosts, 0, self.style, text);
    }
}

impl Reporter for Table {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        let mut text = String::new();
        if let Event::RunStarted {
            targets, domain, ..
        } = event
        {
            // Of a list that has not told its end there are several.
            self.hosts.planned = targets.unwrap_or(usize::MAX);
            if let Some(domain) = domain {
                push_domain(domain, self.style, &mut text);
                self.last = Last::Page;
            }
        }
        let told = self.order.take(event);
        // A name is told last, so that it comes with its nodes.
        let has_nodes = told.iter().any(|told| told.finding.node_of.is_some());
        if !(has_nodes && self.push_nodes(&told, &mut text)) {
            for told in &told {
                self.push_target(told, &mut text);
            }
        }
        if let Event::RunFinished(end) = event {
            self.push_end(end, &mut text);
            self.presented
                .push(self.hosts.planned > 1, self.style, &mut text);
        }
        if text.is_empty() {
            return Ok(());
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}
