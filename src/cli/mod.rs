//! # cli: the command line, as typed and as meant
//!
//! The clap structs are the one place that knows options; [`read`] makes of them what a person wants, with every name
//! resolved, every list read and every contradiction refused. Nothing behind this module sees a clap type. A
//! [`UsageError`] is one line: what was wrong, and what would be right.
//!
//! There is a file for each command; those of `check` that make a theme of their own are in `selection` (which services),
//! `route` (how to get there), `standards` (what is good enough), `limits` and `output`. `targets` knows what a host name
//! is, `reports` where reports go, `values` how single options are read, `possible` which words they take, `refusal` what
//! clap itself says. Start reading at [`read`], then `check.rs`.

mod check;
mod command;
mod completions;
mod demo;
mod discover;
mod error;
mod explain;
mod limits;
mod lines;
mod list;
mod man;
mod nagios;
mod output;
mod possible;
mod proxy;
mod refusal;
mod reports;
mod route;
mod schema;
mod selection;
mod serve;
mod simulate;
mod standards;
mod streamed;
mod target_list;
mod targets;
mod values;

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use check::{CheckOrder, warnings};
pub use command::Command;
pub use demo::demo_plan;
pub use discover::{DiscoverOrder, DomainOrder};
pub use error::{UsageError, shown};
pub use nagios::{NagiosOrder, is_plugin};
pub use output::{ColorWhen, Telling};
pub use serve::{ModuleOrder, ServeOrder, read_host};
pub use streamed::MoreTargets;

/// Reads what was typed, the program's own name first.
///
/// # Errors
/// What cannot be meant, and what would be right.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let typed: Vec<OsString> = arguments.into_iter().collect();
    let mut known = Cli::command().next_line_help(is_narrow());
    let parsed = known
        .try_get_matches_from_mut(&typed)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => cli.command.command(),
        Err(error) => refusal::read(&error, &typed, &Cli::command()),
    }
}

/// Reads what a plugin was called with, the program's own name first.
///
/// # Errors
/// What cannot be meant, and what would be right.
pub fn read_plugin(typed: &[OsString]) -> Result<Command, UsageError> {
    if !nagios::is_called_so(typed) {
        return read(typed.iter().cloned());
    }
    let known = Cli::command();
    let nagios = known.find_subcommand("nagios").cloned().unwrap_or(known);
    let mut nagios = nagios
        .name(nagios::PLUGIN)
        .bin_name(nagios::PLUGIN)
        .display_name(nagios::PLUGIN);
    let words =
        std::iter::once(OsString::from(nagios::PLUGIN)).chain(typed.iter().skip(1).cloned());
    let read = nagios
        .try_get_matches_from_mut(words)
        .and_then(|matches| nagios::NagiosArgs::from_arg_matches(&matches));
    match read {
        Ok(args) => Ok(Command::Nagios(Box::new(args.order()?))),
        Err(error) => refusal::read_plugin(&error, nagios::PLUGIN),
    }
}

/// A command line of `exchports check`; `None` where it is another command's.
fn read_check(typed: Vec<OsString>) -> Result<Option<CheckOrder>, UsageError> {
    Ok(match read(typed)? {
        Command::Check(order) => Some(*order),
        _ => None,
    })
}

/// Whether what an option means has to stand below it: clap goes by the longest of them.
fn is_narrow() -> bool {
    const BESIDE: u16 = 60;
    terminal_size::terminal_size_of(std::io::stdout())
        .is_some_and(|(terminal_size::Width(columns), _)| columns < BESIDE)
}

/// Checks whether the ports that Outlook and Microsoft Exchange need can really be used, and says why not.
#[derive(Debug, Parser)]
#[command(
    name = "exchports",
    bin_name = "exchports",
    version,
    max_term_width = 100,
    after_help = AFTER_HELP
)]
struct Cli {
    #[command(subcommand)]
    command: CommandArgs,
}

const AFTER_HELP: &str = "\
Examples:
  exchports demo                                try it without a server
  exchports check mail.example.com              everything about one host
  exchports check mail.example.com -s 443,587   only these, which must pass
  exchports check --role published mail.example.com --json
  exchports discover example.com                where a domain's mail lives
  exchports explain starttls-not-offered

Exit codes: 0 all as expected, 1 something is not, 2 nothing could be judged,
130 and 143 interrupted. `exchports nagios` has those of monitoring plugins.";

#[derive(Debug, Subcommand)]
enum CommandArgs {
    /// Check the services of one or more hosts and report.
    #[command(after_help = check::AFTER_HELP)]
    Check(Box<check::CheckArgs>),
    /// Find out where a domain's mail lives: mail hosts, Autodiscover, DANE, MTA-STS.
    #[command(after_help = discover::AFTER_HELP)]
    Discover(discover::DiscoverArgs),
    /// Print the catalog: services, ports, protocols, roles.
    List(list::ListArgs),
    /// Explain a service, a port, a role or a code in plain words.
    Explain(explain::ExplainArgs),
    /// Start the built-in stand-in server and check it.
    #[command(after_help = demo::AFTER_HELP)]
    Demo(demo::DemoArgs),
    /// Run the stand-in server until stopped, to test scripts and alerts.
    #[command(after_help = simulate::AFTER_HELP)]
    Simulate(simulate::SimulateArgs),
    /// Run a Prometheus exporter that checks the hosts named in scrapes.
    #[command(after_help = serve::AFTER_HELP)]
    Serve(Box<serve::ServeArgs>),
    /// Act as a Nagios plugin: its exit codes, one line of output, performance data.
    #[command(version, after_help = nagios::AFTER_HELP)]
    Nagios(Box<nagios::NagiosArgs>),
    /// Print a completion script for a shell.
    #[command(after_help = completions::AFTER_HELP)]
    Completions(completions::CompletionsArgs),
    /// Print the manual page of the program, or of one of its commands.
    #[command(after_help = man::AFTER_HELP)]
    Man(man::ManArgs),
    /// Print the JSON Schema of the reports.
    Schema(schema::SchemaArgs),
}

impl CommandArgs {
    fn command(self) -> Result<Command, UsageError> {
        match self {
            Self::Check(args) => Ok(Command::Check(Box::new(args.order()?))),
            Self::Discover(args) => Ok(Command::Discover(Box::new(args.order()?))),
            Self::List(args) => Ok(args.command()),
            Self::Explain(args) => args.command(),
            Self::Demo(args) => args.command(),
            Self::Simulate(args) => args.command(),
            Self::Serve(args) => Ok(Command::Serve(Box::new(args.order(read_check)?))),
            Self::Nagios(args) => Ok(Command::Nagios(Box::new(args.order()?))),
            Self::Completions(args) => args.command(Cli::command()),
            Self::Man(args) => args.command(Cli::command()),
            Self::Schema(args) => args.command(),
        }
    }
}
