//! # cli: the command line, as typed and as meant
//!
//! The clap structs are the one place that knows options; [`read`] makes of them what a person wants, with every name
//! resolved, every list read and every contradiction refused. Nothing behind this room sees a clap type. A
//! [`UsageError`] is one line: what was wrong, and what would be right.
//!
//! [`targets`] knows what a host name is, [`reports`] where reports go, [`values`] the small languages of single options,
//! [`refusal`] what clap itself says.

mod refusal;
mod reports;
mod targets;
mod values;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::catalog::{self, Expectation, Group, ROLES, Role, Service, ServiceId, expectation};
use crate::exit::FailOn;
use crate::judge;
use crate::plan::{
    Addresses, Audit, Check, Depth, Families, Host, Limits, Plan, Reach, Standards, Stores, Target,
    Transcripts, Trust,
};
use crate::report::{Format, Rows};
use crate::simulate::{Ports, Settings, Staged};

/// What was typed and cannot be meant: one line for standard error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// What is wanted.
#[derive(Debug)]
pub enum Meant {
    /// `--help`, `--version`, with their text.
    Help(String),
    /// No command at all: the help, but nothing was done.
    Nothing(String),
    /// `check`
    Check(Box<CheckOrder>),
    /// `list`
    List {
        /// As JSON or as a table.
        json: bool,
        /// When to use colour.
        color: ColorWhen,
    },
    /// `explain`, with its page.
    Explain(judge::Page),
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

/// What `check` is to do.
#[derive(Debug)]
pub struct CheckOrder {
    /// The plan; its CA certificates are still to be read.
    pub plan: Plan,
    /// The files with further roots.
    pub ca_files: Vec<PathBuf>,
    /// Sockets in flight, when they were limited.
    pub jobs: Option<usize>,
    /// How to tell it.
    pub telling: Telling,
}

/// How a run is to be told.
#[derive(Clone, Debug)]
pub struct Telling {
    /// The reports, at most one of them on standard output.
    pub reports: Vec<(Format, Option<PathBuf>)>,
    /// Which rows the table shows.
    pub rows: Rows,
    /// When to use colour.
    pub color: ColorWhen,
    /// Whether conversations are told.
    pub verbose: bool,
    /// Whether a line of progress may be shown.
    pub progress: bool,
    /// What makes the exit code 1.
    pub fail_on: FailOn,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ColorWhen {
    /// On a terminal that can, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Reads what was typed, the program's own name first.
///
/// # Errors
/// What cannot be meant, and what would be right.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Meant, UsageError> {
    let typed: Vec<OsString> = arguments.into_iter().collect();
    match Cli::try_parse_from(&typed) {
        Ok(cli) => cli.meant(),
        Err(error) => refusal::read(&error, &typed),
    }
}

/// A path as it can be shown on one line.
#[must_use]
pub fn shown(path: &Path) -> String {
    values::without_controls(&path.to_string_lossy())
}

/// Tells whether the ports that Outlook and Microsoft Exchange live on can really be used, and why not.
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
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  exchports demo                                see it at work without a server
  exchports check mail.example.com              all there is to see of one host
  exchports check mail.example.com -s 443,587   only these; named is required
  exchports check --role published mail.example.com --json
  exchports explain starttls-not-offered

Exit codes: 0 all as expected, 1 something is not, 2 nothing could be judged,
130 and 143 interrupted.";

const AFTER_CHECK: &str = "\
Examples:
  exchports check mail.example.com
  exchports check --role mailbox --ca-file root.pem ex01.corp.example.com
  exchports check -s 443,web --audit mail.example.com
  exchports check --targets-file hosts.txt --problems --report json=all.json

Exit codes: 0 all as expected, 1 something is not (see --fail-on), 2 nothing
could be judged, 130 and 143 interrupted.";

const AFTER_DEMO: &str = "\
Examples:
  exchports demo --fault certificate-expired@https
  exchports demo --fault starttls-not-offered --json

Exit codes are those of `exchports check`.";

const AFTER_SIMULATE: &str = "\
Examples:
  exchports simulate --base-port 10000 --fault silent@imap
  exchports simulate --role published

It prints the `exchports check` line that fits it: run that in a second
terminal.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at the services of one or more hosts and report.
    #[command(after_help = AFTER_CHECK)]
    Check(Box<CheckArgs>),
    /// Print the catalog: services, ports, protocols, roles.
    List(ListArgs),
    /// Explain a service, a port, a role or a code in plain words.
    Explain(ExplainArgs),
    /// Start the built-in stand-in server and check it.
    #[command(after_help = AFTER_DEMO)]
    Demo(DemoArgs),
    /// Serve the stand-in until stopped, for people who build scripts and alerts.
    #[command(after_help = AFTER_SIMULATE)]
    Simulate(SimulateArgs),
}

#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "as typed: each is a switch of its own"
)]
struct CheckArgs {
    /// Host names, IPv4 or IPv6 addresses; `-` reads one a line from standard input
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,

    /// Also take targets from this file, one a line, `#` begins a comment
    #[arg(long, value_name = "FILE", help_heading = "What to look at")]
    targets_file: Vec<PathBuf>,

    /// Look at these services only: ids, ports, `web` or `all`, comma-separated; named is required
    #[arg(short, long, value_name = "LIST", help_heading = "What to look at")]
    service: Vec<String>,

    /// What kind of host the target is: what has to work there, and what must not be reachable (see `exchports list`)
    #[arg(
        short,
        long,
        value_name = "ROLE",
        default_value = "any",
        help_heading = "What to look at"
    )]
    role: String,

    /// These services have to work, whatever the role says
    #[arg(long, value_name = "LIST", help_heading = "What to look at")]
    require: Vec<String>,

    /// These services may be missing
    #[arg(long, value_name = "LIST", help_heading = "What to look at")]
    optional: Vec<String>,

    /// These services must not be reachable
    #[arg(long, value_name = "LIST", help_heading = "What to look at")]
    forbid: Vec<String>,

    /// A service is on another port (repeatable); `https` takes the web group along
    #[arg(long, value_name = "SERVICE=PORT", help_heading = "What to look at")]
    map: Vec<String>,

    /// Stop after the TCP connect
    #[arg(long, help_heading = "What to look at")]
    tcp_only: bool,

    /// Also ask which old TLS versions are enabled (of the web group in the row of https), and whether NLA is required;
    /// a few more connections
    #[arg(long, conflicts_with = "tcp_only", help_heading = "What to look at")]
    audit: bool,

    /// Connect to this address; the target stays the name for SNI, Host and the certificate
    #[arg(long, value_name = "ADDRESS", help_heading = "How to get there")]
    address: Option<String>,

    /// Another name for SNI, Host and the certificate
    #[arg(long, value_name = "NAME", help_heading = "How to get there")]
    servername: Option<String>,

    /// Connect from this address, and to its family only
    #[arg(long, value_name = "ADDRESS", help_heading = "How to get there")]
    source: Option<String>,

    /// Use IPv4 only
    #[arg(
        short = '4',
        long = "ipv4",
        conflicts_with = "ipv6",
        help_heading = "How to get there"
    )]
    ipv4: bool,

    /// Use IPv6 only
    #[arg(short = '6', long = "ipv6", help_heading = "How to get there")]
    ipv6: bool,

    /// Look at every address of a name, each on rows of its own; with -4 or -6 at every one of that family
    #[arg(long, help_heading = "How to get there")]
    all_addresses: bool,

    /// What we call ourselves in EHLO [default: the address literal of our end]
    #[arg(long, value_name = "NAME", help_heading = "How to get there")]
    ehlo_name: Option<String>,

    /// Trust the roots in this file as well, PEM or DER (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "What is good enough")]
    ca_file: Vec<PathBuf>,

    /// Whose roots to trust: Mozilla's, this machine's, or both
    #[arg(
        long,
        value_enum,
        default_value_t,
        help_heading = "What is good enough"
    )]
    trust: TrustArg,

    /// The lowest version of TLS that is accepted
    #[arg(
        long,
        value_name = "1.2|1.3",
        default_value = "1.2",
        help_heading = "What is good enough"
    )]
    min_tls: String,

    /// Warn, and fail, when a certificate has fewer days left [default: warn under 30 days and a third of its lifetime]
    #[arg(long, value_name = "WARN[,FAIL]", help_heading = "What is good enough")]
    cert_days: Option<String>,

    /// Bound of a check, second looks included: `5s`, `500ms`; a bare number is seconds
    #[arg(
        long,
        value_name = "D",
        default_value = "15s",
        help_heading = "How long, how many"
    )]
    timeout: String,

    /// Bound of a dial, the race of its addresses included
    #[arg(
        long,
        value_name = "D",
        default_value = "3s",
        help_heading = "How long, how many"
    )]
    connect_timeout: String,

    /// Bound of the whole run; what is not done by then is skipped
    #[arg(long, value_name = "D", help_heading = "How long, how many")]
    deadline: Option<String>,

    /// Sockets in flight [default: 256, or half of what this machine allows]
    #[arg(short, long, value_name = "N", help_heading = "How long, how many")]
    jobs: Option<String>,

    /// Sockets in flight to one address
    #[arg(
        long,
        value_name = "N",
        default_value = "24",
        help_heading = "How long, how many"
    )]
    per_address: String,

    #[command(flatten)]
    telling: TellingArgs,
}

#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "as typed: each is a switch of its own"
)]
struct TellingArgs {
    /// Short for `--report json`
    #[arg(long, help_heading = "How to tell it")]
    json: bool,

    /// How, and into which file instead of standard output: `table`, `json`, `ndjson` (repeatable) [default: table]
    #[arg(long, value_name = "FORMAT[=FILE]", help_heading = "How to tell it")]
    report: Vec<String>,

    /// What makes the exit code 1
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHAT",
        help_heading = "How to tell it"
    )]
    fail_on: FailOnArg,

    /// Show only rows that did not pass
    #[arg(long, help_heading = "How to tell it")]
    problems: bool,

    /// Tell the conversations, on standard error and in JSON
    #[arg(short, long, help_heading = "How to tell it")]
    verbose: bool,

    /// No table and no progress; the exit code tells
    #[arg(short, long, help_heading = "How to tell it")]
    quiet: bool,

    /// When to use colour; `auto` is on a terminal, unless `NO_COLOR` is set
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "How to tell it"
    )]
    color: ColorArg,

    /// No progress line (it goes to standard error, and only to a terminal)
    #[arg(long, help_heading = "How to tell it")]
    no_progress: bool,
}

#[derive(Args, Debug)]
struct ListArgs {
    /// As JSON
    #[arg(long)]
    json: bool,

    /// When to use colour; `auto` is on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: ColorArg,
}

#[derive(Args, Debug)]
struct ExplainArgs {
    /// A service, a port, a role, or a code from a report
    word: String,
}

#[derive(Args, Debug)]
struct DemoArgs {
    /// What is to be wrong: NAME, or NAME@SERVICE,SERVICE (repeatable; see `exchports simulate --list-faults`)
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,

    /// Also ask what `exchports check --audit` asks
    #[arg(long)]
    audit: bool,

    #[command(flatten)]
    telling: TellingArgs,
}

impl DemoArgs {
    /// The faults; one that nobody would see is refused.
    fn faults(&self) -> Result<Vec<Staged>, UsageError> {
        let faults = values::faults(&self.fault)?;
        let unseen = faults
            .iter()
            .map(Staged::fault)
            .find(|fault| fault.is_for_audit());
        match unseen {
            Some(fault) if !self.audit => Err(UsageError(format!(
                "--fault {fault}: only an audit sees it: add --audit"
            ))),
            _ => Ok(faults),
        }
    }

    fn audit(&self) -> Audit {
        if self.audit { Audit::Yes } else { Audit::No }
    }
}

#[derive(Args, Debug)]
struct SimulateArgs {
    /// What kind of host to play: what is forbidden there does not listen
    #[arg(short, long, value_name = "ROLE", default_value = "any")]
    role: String,

    /// What is to be wrong: NAME, or NAME@SERVICE,SERVICE (repeatable)
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,

    /// List the faults and stop
    #[arg(long)]
    list_faults: bool,

    /// Listen on this number plus the usual port: 10000 gives 10025, 10443, … [default: any free ports]
    #[arg(long, value_name = "N")]
    base_port: Option<String>,

    /// A service on a port of its own (repeatable)
    #[arg(long, value_name = "SERVICE=PORT")]
    map: Vec<String>,

    /// Listen on this address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    listen: String,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum TrustArg {
    #[default]
    Both,
    Public,
    System,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ColorArg {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FailOnArg {
    #[default]
    Fail,
    Warn,
    Never,
}

impl ColorArg {
    fn meant(self) -> ColorWhen {
        match self {
            Self::Auto => ColorWhen::Auto,
            Self::Always => ColorWhen::Always,
            Self::Never => ColorWhen::Never,
        }
    }
}

impl Cli {
    fn meant(self) -> Result<Meant, UsageError> {
        match self.command {
            Command::Check(args) => Ok(Meant::Check(Box::new(args.meant()?))),
            Command::List(args) => Ok(Meant::List {
                json: args.json,
                color: args.color.meant(),
            }),
            Command::Explain(args) => explain(&args.word),
            Command::Demo(args) => Ok(Meant::Demo {
                faults: args.faults()?,
                audit: args.audit(),
                telling: args.telling.meant()?,
            }),
            Command::Simulate(args) if args.list_faults => Ok(Meant::ListFaults),
            Command::Simulate(args) => args.meant(),
        }
    }
}

fn explain(word: &str) -> Result<Meant, UsageError> {
    judge::explain(word).map(Meant::Explain).ok_or_else(|| {
        let near = judge::near(word);
        let like = if near.is_empty() {
            String::new()
        } else {
            format!("; like it: {}", near.join(", "))
        };
        UsageError(format!(
            "nothing is known as {}: give a service or port of `exchports list`, a role, or a code from a report{like}",
            values::quoted(word)
        ))
    })
}

impl CheckArgs {
    fn meant(self) -> Result<CheckOrder, UsageError> {
        let named = targets::read(&self.targets, &self.targets_file)?;
        let role = values::role(&self.role)?;
        let checks = self.checks(role)?;
        let reach = self.reach()?;
        let address = match &self.address {
            Some(typed) => Some(values::host_address("--address", typed)?),
            None => None,
        };
        if let Some(address) = address {
            reach_fits("--address", address, reach)?;
        }
        let server_name = match &self.servername {
            Some(typed) => Some(targets::named("--servername", typed)?),
            None => None,
        };
        let mut targets = Vec::with_capacity(named.len());
        for (name, host) in named {
            if let (None, Host::Address(literal)) = (address, &host) {
                reach_fits("the target", *literal, reach)?;
            }
            targets.push(Target {
                server_name: targets::without_final_dot(server_name.as_ref().unwrap_or(&host)),
                name,
                host,
                address,
                role,
                checks: checks.clone(),
            });
        }
        let ehlo_name = self.ehlo_name(&targets)?;
        let jobs = match &self.jobs {
            Some(typed) => Some(values::count("--jobs", typed)?),
            None => None,
        };
        let telling = self.telling.meant()?;
        let plan = Plan {
            targets,
            reach,
            trust: Trust {
                stores: match self.trust {
                    TrustArg::Both => Stores::Both,
                    TrustArg::Public => Stores::Public,
                    TrustArg::System => Stores::System,
                },
                ca_certificates: Vec::new(),
            },
            standards: Standards {
                min_tls: values::min_tls(&self.min_tls)?,
                cert_days: match &self.cert_days {
                    Some(typed) => values::cert_days(typed)?,
                    None => Standards::default().cert_days,
                },
            },
            depth: if self.tcp_only {
                Depth::TcpOnly
            } else {
                Depth::Full
            },
            audit: if self.audit { Audit::Yes } else { Audit::No },
            ehlo_name,
            transcripts: if telling.verbose {
                Transcripts::Kept
            } else {
                Transcripts::Dropped
            },
            limits: Limits {
                run: match &self.deadline {
                    Some(typed) => Some(values::duration("--deadline", typed)?),
                    None => None,
                },
                per_address: values::count("--per-address", &self.per_address)?,
                ..Limits::for_check(
                    values::duration("--timeout", &self.timeout)?,
                    values::duration("--connect-timeout", &self.connect_timeout)?,
                )
            },
        };
        Ok(CheckOrder {
            plan,
            ca_files: self.ca_file,
            jobs,
            telling,
        })
    }

    /// The services to look at, in the catalog's order: the role's, or those named; then single changes.
    fn checks(&self, role: Role) -> Result<Vec<Check>, UsageError> {
        let named = values::services("--service", &self.service)?;
        let changes = [
            (
                Expectation::Required,
                values::services("--require", &self.require)?,
            ),
            (
                Expectation::Optional,
                values::services("--optional", &self.optional)?,
            ),
            (
                Expectation::Forbidden,
                values::services("--forbid", &self.forbid)?,
            ),
        ];
        let ports = values::port_map(&self.map)?;
        let mut checks = Vec::new();
        for service in catalog::all() {
            let mut named_in = changes
                .iter()
                .filter(|(_, services)| services.contains(&service.id));
            let change = named_in.next().map(|(expect, _)| *expect);
            if let (Some(one), Some((other, _))) = (change, named_in.next()) {
                return Err(UsageError(format!(
                    "{} cannot be both {} and {}: name it once in --require, --optional or --forbid",
                    service.name,
                    one.as_str(),
                    other.as_str()
                )));
            }
            let by_default = if self.service.is_empty() {
                expectation(role, service.id)
            } else {
                named.contains(&service.id).then_some(Expectation::Required)
            };
            // A directory cannot be told from 443 by a TCP connect.
            let is_out_of_reach = self.tcp_only && service.group == Group::Web;
            let is_named = change.is_some() || named.contains(&service.id);
            if is_out_of_reach && is_named && !is_all(&self.service) {
                return Err(UsageError(format!(
                    "{} cannot be looked at with --tcp-only, which ends before HTTP: ask for https, or leave --tcp-only out",
                    service.name
                )));
            }
            if let Some(expect) = change.or(by_default).filter(|_| !is_out_of_reach) {
                checks.push(Check {
                    service,
                    port: port_of(service, &ports),
                    expect,
                });
            }
        }
        Ok(checks)
    }

    fn reach(&self) -> Result<Reach, UsageError> {
        let families = match (self.ipv4, self.ipv6) {
            (true, _) => Families::V4,
            (_, true) => Families::V6,
            _ => Families::Both,
        };
        let source = match &self.source {
            Some(typed) => Some(values::address("--source", typed)?),
            None => None,
        };
        if let Some(source) = source {
            family_fits("--source", source, families)?;
        }
        // From an address of one family nothing can be reached in the other.
        let families = match (families, source) {
            (Families::Both, Some(IpAddr::V4(_))) => Families::V4,
            (Families::Both, Some(IpAddr::V6(_))) => Families::V6,
            _ => families,
        };
        Ok(Reach {
            families,
            addresses: if self.all_addresses {
                Addresses::Every
            } else {
                Addresses::Raced
            },
            source,
        })
    }

    fn ehlo_name(&self, targets: &[Target]) -> Result<Option<String>, UsageError> {
        let Some(typed) = &self.ehlo_name else {
            return Ok(None);
        };
        let name = values::ehlo_name(typed)?;
        let is_name = |host: &Host| {
            let host = targets::without_final_dot(host);
            host.to_string().eq_ignore_ascii_case(&name)
        };
        let is_target = |target: &Target| is_name(&target.server_name) || is_name(&target.host);
        if targets.iter().any(is_target) {
            return Err(UsageError(format!(
                "--ehlo-name {} is the target's own name, which servers refuse: give this machine's name",
                values::quoted(typed)
            )));
        }
        Ok(Some(name))
    }
}

fn reach_fits(what: &str, address: IpAddr, reach: Reach) -> Result<(), UsageError> {
    match reach.source {
        Some(source) if source.is_ipv4() != address.is_ipv4() => Err(UsageError(format!(
            "{what} {address} cannot be reached from --source {source}: give a source that is {} address too",
            family(address)
        ))),
        _ => family_fits(what, address, reach.families),
    }
}

fn family_fits(what: &str, address: IpAddr, families: Families) -> Result<(), UsageError> {
    let option = match (families, address) {
        (Families::V4, IpAddr::V6(_)) => "-4",
        (Families::V6, IpAddr::V4(_)) => "-6",
        _ => return Ok(()),
    };
    Err(UsageError(format!(
        "{what} {address} is {} address, which {option} excludes: leave {option} out",
        family(address)
    )))
}

/// Whether everything was asked for in one word, and not this or that.
fn is_all(typed: &[String]) -> bool {
    typed.iter().any(|word| word.eq_ignore_ascii_case("all"))
}

/// Where a service is: where it was mapped to; the web group moves with 443.
fn port_of(service: &Service, ports: &[(ServiceId, u16)]) -> u16 {
    let mapped = |id| ports.iter().find(|(mapped, _)| *mapped == id);
    let moved = match service.group {
        Group::Port => None,
        Group::Web => mapped(ServiceId::Https),
    };
    mapped(service.id)
        .or(moved)
        .map_or(service.port, |(_, port)| *port)
}

fn family(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "an IPv4",
        IpAddr::V6(_) => "an IPv6",
    }
}

impl TellingArgs {
    fn meant(&self) -> Result<Telling, UsageError> {
        let mut reports = reports::read(&self.report)?;
        if self.json {
            reports.push((Format::Json, None));
        }
        let on_stdout = reports.iter().filter(|(_, file)| file.is_none()).count();
        if on_stdout > 1 {
            return Err(UsageError(
                "only one report can go to standard output: give the others a file, as in --report json=report.json"
                    .to_owned(),
            ));
        }
        if self.quiet && reports.contains(&(Format::Table, None)) {
            return Err(UsageError(
                "--quiet means no table, and --report table asks for one: leave one of them out"
                    .to_owned(),
            ));
        }
        if reports.is_empty() && !self.quiet {
            reports.push((Format::Table, None));
        }
        Ok(Telling {
            reports,
            rows: if self.problems {
                Rows::Problems
            } else {
                Rows::All
            },
            color: self.color.meant(),
            verbose: self.verbose,
            progress: !self.no_progress && !self.quiet && !self.verbose,
            fail_on: match self.fail_on {
                FailOnArg::Fail => FailOn::Fail,
                FailOnArg::Warn => FailOn::Warn,
                FailOnArg::Never => FailOn::Never,
            },
        })
    }
}

impl SimulateArgs {
    fn meant(&self) -> Result<Meant, UsageError> {
        let port_map = values::port_map(&self.map)?;
        let is_behind = |(service, _): &&(ServiceId, u16)| service.row().group == Group::Web;
        if let Some((service, port)) = port_map.iter().find(is_behind) {
            return Err(UsageError(format!(
                "--map {service}={port}: the web services share the port of https, so map that, as in --map https={port}"
            )));
        }
        Ok(Meant::Simulate(Settings {
            role: values::role(&self.role)?,
            faults: values::faults(&self.fault)?,
            address: values::address("--listen", &self.listen)?,
            ports: match &self.base_port {
                Some(typed) => Ports::Base(values::port("--base-port", typed)?),
                None => Ports::Ephemeral,
            },
            port_map,
        }))
    }
}

/// The plan of a check of a stand-in server: every service required, on its ports.
#[must_use]
pub fn demo_plan(
    name: &str,
    address: IpAddr,
    ports: &[(ServiceId, u16)],
    audit: Audit,
    transcripts: Transcripts,
) -> Plan {
    let host = Host::Name(name.to_owned());
    let checks = catalog::all()
        .map(|service| Check {
            service,
            port: port_of(service, ports),
            expect: Expectation::Required,
        })
        .collect();
    Plan {
        targets: vec![Target {
            name: name.to_owned(),
            server_name: host.clone(),
            host,
            address: Some(address),
            role: Role::Any,
            checks,
        }],
        reach: Reach::default(),
        trust: Trust::default(),
        standards: Standards::default(),
        depth: Depth::Full,
        audit,
        ehlo_name: None,
        transcripts,
        limits: Limits::default(),
    }
}

/// What can be done as it was asked for, and will disappoint.
#[must_use]
pub fn warnings(plan: &Plan) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if cfg!(windows) && plan.limits.connect < WINDOWS_CONNECT {
        warnings.push(
            "on Windows a refused connection takes two seconds to be told: with a connect timeout under 2.5s it looks filtered",
        );
    }
    let has = |is: fn(&Service) -> bool| {
        let mut checks = plan.targets.iter().flat_map(|target| &target.checks);
        checks.any(|check| is(check.service))
    };
    let is_behind = |service: &Service| service.group == Group::Web;
    if plan.audit == Audit::Yes && has(is_behind) && !has(|service| service.id == ServiceId::Https)
    {
        warnings.push(
            "--audit asks nothing of the web services, which all share 443: their TLS is audited in the row of https, so name that too, as in --service 443,web",
        );
    }
    warnings
}

/// What the connect timeout of a run on Windows should be at the least: the system answers "refused" only after two
/// seconds there.
const WINDOWS_CONNECT: Duration = Duration::from_millis(2500);

/// The names of all roles, for messages.
fn role_names() -> String {
    let names: Vec<_> = ROLES.iter().map(|row| row.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::TlsVersion;
    use crate::plan::CertDays;

    fn order(typed: &str) -> CheckOrder {
        let words = ["exchports", "check"].into_iter().chain(typed.split(' '));
        match read(words.map(OsString::from)) {
            Ok(Meant::Check(order)) => *order,
            other => panic!("{typed}: {other:?}"),
        }
    }

    /// `smtp+` is required, `smtp?` optional, `smtp-` forbidden; a port where it is not the catalog's.
    fn checks(typed: &str) -> String {
        let order = order(typed);
        let told = order.plan.targets[0].checks.iter().map(|check| {
            let mark = match check.expect {
                Expectation::Required => '+',
                Expectation::Optional => '?',
                Expectation::Forbidden => '-',
            };
            if check.port == check.service.port {
                format!("{}{mark}", check.service.name)
            } else {
                format!("{}{mark}{}", check.service.name, check.port)
            }
        });
        told.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_named_is_required_and_single_changes_have_the_last_word() {
        for (typed, expected) in [
            ("a -s 443,smtp", "smtp+ https+"),
            ("a -s smtps -s imap4,smtps", "imap+ submissions+"),
            ("a -r edge", "smtp+ rdp?"),
            (
                "a -r edge --forbid rdp --require imaps",
                "smtp+ imaps+ rdp-",
            ),
            ("a -r edge --optional 25", "smtp? rdp?"),
            (
                "a -r edge -s imap --optional imap --forbid http",
                "http- imap?",
            ),
            (
                "a -r domain-controller --map ldap=1389 --map imap=1143",
                "ldap+1389 ldaps? rdp?",
            ),
        ] {
            assert_eq!(checks(typed), expected, "{typed}");
        }
        assert_eq!(
            order("a").plan.targets[0].checks.len(),
            catalog::all().count()
        );
        assert_eq!(
            order("a -s all").plan.targets[0].checks.len(),
            catalog::all().count()
        );
    }

    #[test]
    fn what_is_not_said_is_as_documented() {
        let CheckOrder {
            plan,
            ca_files,
            jobs,
            telling,
        } = order("mail.example.com");
        assert_eq!(plan.limits.check, Duration::from_secs(15));
        assert_eq!(plan.limits.connect, Duration::from_secs(3));
        assert_eq!(plan.limits.run, None);
        assert_eq!((plan.limits.per_address, jobs), (24, None));
        assert_eq!(plan.reach.families, Families::Both);
        assert_eq!(plan.reach.addresses, Addresses::Raced);
        assert_eq!(plan.trust.stores, Stores::Both);
        assert_eq!(plan.standards.min_tls, TlsVersion::Tls12);
        assert_eq!(plan.standards.cert_days, CertDays::Lifetime);
        assert_eq!((plan.depth, plan.ehlo_name), (Depth::Full, None));
        assert_eq!(plan.targets[0].role, Role::Any);
        assert_eq!(telling.reports, [(Format::Table, None)]);
        assert_eq!(telling.fail_on, FailOn::Fail);
        assert!(telling.progress && !telling.verbose && ca_files.is_empty());
    }

    #[test]
    fn what_is_said_is_meant() {
        let CheckOrder { plan, telling, .. } = order(
            "MAIL.example.com. --timeout 4 --connect-timeout 9s --deadline 1m -j 7 --per-address 3 --min-tls 1.3 \
             --cert-days 20,5 --trust system --tcp-only --servername Web.example.com -q -v --fail-on never",
        );
        assert_eq!(plan.limits.check, Duration::from_secs(4));
        // A connect is part of a check.
        assert_eq!(plan.limits.connect, Duration::from_secs(4));
        assert_eq!(plan.limits.run, Some(Duration::from_secs(60)));
        assert_eq!(plan.limits.per_address, 3);
        assert_eq!(plan.standards.min_tls, TlsVersion::Tls13);
        assert_eq!(
            plan.standards.cert_days,
            CertDays::Days {
                warn: 20,
                fail: Some(5)
            }
        );
        assert_eq!(
            (plan.trust.stores, plan.depth),
            (Stores::System, Depth::TcpOnly)
        );
        let target = &plan.targets[0];
        assert_eq!(target.name, "MAIL.example.com.");
        assert_eq!(target.host, Host::Name("mail.example.com.".to_owned()));
        assert_eq!(target.server_name, Host::Name("web.example.com".to_owned()));
        assert_eq!(plan.transcripts, Transcripts::Kept);
        assert_eq!(
            (telling.reports, telling.fail_on),
            (Vec::new(), FailOn::Never)
        );
        assert_eq!(
            order("a --source 192.0.2.1").plan.reach.families,
            Families::V4
        );
        assert_eq!(order("a --source ::1").plan.reach.families, Families::V6);
        for (typed, families) in [
            ("a --all-addresses", Families::Both),
            ("a --all-addresses -4", Families::V4),
            ("a -6 --all-addresses", Families::V6),
            ("a --all-addresses --source 192.0.2.1", Families::V4),
        ] {
            let reach = order(typed).plan.reach;
            assert_eq!(
                (reach.families, reach.addresses),
                (families, Addresses::Every),
                "{typed}"
            );
        }
    }
}
