//! What is wanted, once everything typed is understood.

use super::check::CheckOrder;
use super::discover::DiscoverOrder;
use super::nagios::NagiosOrder;
use super::output::{ColorWhen, Telling};
use super::serve::ServeOrder;
use crate::judge;
use crate::plan::Audit;
use crate::simulate::{Settings, Staged};

/// What is wanted.
#[derive(Debug)]
pub enum Command {
    /// `--help`, `--version`, with their text.
    Help(String),
    /// `completions`, `man`, `schema`, with their text: made of what this program is, and printed as it is.
    Text(String),
    /// No command at all: the help, but nothing was done.
    Nothing(String),
    /// `check`
    Check(Box<CheckOrder>),
    /// `serve`
    Serve(Box<ServeOrder>),
    /// `nagios`
    Nagios(Box<NagiosOrder>),
    /// `discover`
    Discover(Box<DiscoverOrder>),
    /// `list`
    List {
        /// As JSON or as a table.
        json: bool,
        /// When to use colour.
        color: ColorWhen,
    },
    /// `explain`, with its page.
    Explain(judge::Explanation),
    /// `demo`
    Demo {
        /// What is wrong with the stand-in server.
        faults: Vec<Staged>,
        /// Whether more is asked.
        audit: Audit,
        /// How to tell it.
        telling: Telling,
    },
    /// `simulate`
    Simulate(Settings),
    /// `simulate --list-faults`
    ListFaults,
}
