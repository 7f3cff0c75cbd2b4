//! # cli: the command line, as typed and as meant
//!
//! The clap structs are the one place that knows options; [`Cli::meant`] is their one conversion into what a person
//! wants, with every name resolved, every list read and every contradiction refused. Nothing behind `app` sees a clap
//! type. A [`UsageError`] is one line: what was wrong, and what would be right.
//!
//! [`targets`] knows what a host name is, [`values`] the small languages of single options.

mod targets;
mod values;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::catalog::{self, Expectation, Group, ROLES, Role, Service, ServiceId, expectation};
use crate::exit::FailOn;
use crate::facts::TlsVersion;
use crate::judge;
use crate::plan::{
    Audit, Check, Depth, Families, Host, Limits, Plan, Reach, Standards, Stores, Target,
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
    /// `check`
    Check(Box<CheckOrder>),
    /// `list`
    List {
        /// As JSON or as a table.
        json: bool,
        /// When to use colour.
        color: ColorWhen,
    },
    /// `explain`, with its text.
    Explain(String),
    /// `demo`
    Demo {
        /// What is wrong with the stand-in server.
        faults: Vec<Staged>,
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
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal that can, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Tells whether the ports that Outlook and Microsoft Exchange live on can really be used, and why not.
#[derive(Debug, Parser)]
#[command(
    name = "exchports",
    version,
    max_term_width = 100,
    after_help = AFTER_HELP
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  exchports demo                                 see it at work, without a mail server
  exchports check mail.example.com               the twelve ports of one host
  exchports check mail.example.com -s 443,587    only these; named is required
  exchports check --role published mail.example.com --json
  exchports explain starttls-not-offered

Exit codes: 0 all as expected, 1 something is not, 2 nothing could be judged, 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at the services of one or more hosts and report.
    Check(Box<CheckArgs>),
    /// Print the catalog: services, ports, protocols, roles.
    List(ListArgs),
    /// Explain a service, a port, a role or a code in plain words.
    Explain(ExplainArgs),
    /// Start the built-in stand-in server and check it.
    Demo(DemoArgs),
    /// Serve the stand-in until stopped, for people who build scripts and alerts.
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

    /// Look at these services only: ids, ports or `all`, comma-separated; named is required
    #[arg(short, long, value_name = "LIST", help_heading = "What to look at")]
    service: Vec<String>,

    /// What kind of host the target is (see `exchports list`)
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

    /// A service is on another port (repeatable)
    #[arg(long, value_name = "SERVICE=PORT", help_heading = "What to look at")]
    map: Vec<String>,

    /// Stop after the TCP connect
    #[arg(long, help_heading = "What to look at")]
    tcp_only: bool,

    /// Also ask which old TLS versions are enabled, and whether NLA is required; a few more connections
    #[arg(long, conflicts_with = "tcp_only", help_heading = "What to look at")]
    audit: bool,

    /// Connect to this address; the target stays the name for SNI, Host and the certificate
    #[arg(long, value_name = "ADDRESS", help_heading = "How to get there")]
    address: Option<String>,

    /// Another name for SNI, Host and the certificate
    #[arg(long, value_name = "NAME", help_heading = "How to get there")]
    servername: Option<String>,

    /// Connect from this address
    #[arg(long, value_name = "ADDRESS", help_heading = "How to get there")]
    source: Option<String>,

    /// Use IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with_all = ["ipv6", "all_addresses"], help_heading = "How to get there")]
    ipv4: bool,

    /// Use IPv6 only
    #[arg(
        short = '6',
        long = "ipv6",
        conflicts_with = "all_addresses",
        help_heading = "How to get there"
    )]
    ipv6: bool,

    /// Look at every address of a name, each on rows of its own
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
        value_enum,
        default_value_t,
        value_name = "VERSION",
        help_heading = "What is good enough"
    )]
    min_tls: MinTlsArg,

    /// Warn, and fail, when a certificate has fewer days left [default: warn under 30 days and a third of its lifetime]
    #[arg(long, value_name = "WARN[,FAIL]", help_heading = "What is good enough")]
    cert_days: Option<String>,

    /// Bound of a check: `5s`, `500ms`; a bare number is seconds
    #[arg(
        long,
        value_name = "D",
        default_value = "15s",
        help_heading = "How long, how many"
    )]
    timeout: String,

    /// Bound of a connect
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

    /// How, and into which file instead of standard output: `table`, `json`, `ndjson` (repeatable)
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

    /// No table
    #[arg(short, long, help_heading = "How to tell it")]
    quiet: bool,

    /// When to use colour
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "How to tell it"
    )]
    color: ColorWhen,

    /// No progress line (it goes to standard error, and only to a terminal)
    #[arg(long, help_heading = "How to tell it")]
    no_progress: bool,
}

#[derive(Args, Debug)]
struct ListArgs {
    /// As JSON
    #[arg(long)]
    json: bool,

    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: ColorWhen,
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

    #[command(flatten)]
    telling: TellingArgs,
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
enum MinTlsArg {
    #[default]
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FailOnArg {
    #[default]
    Fail,
    Warn,
    Never,
}

impl Cli {
    /// What was typed, as it is meant.
    ///
    /// # Errors
    /// What cannot be meant, and what would be right.
    pub fn meant(self) -> Result<Meant, UsageError> {
        match self.command {
            Command::Check(args) => Ok(Meant::Check(Box::new(args.meant()?))),
            Command::List(args) => Ok(Meant::List {
                json: args.json,
                color: args.color,
            }),
            Command::Explain(args) => explain(&args.word),
            Command::Demo(args) => Ok(Meant::Demo {
                faults: values::faults(&args.fault)?,
                telling: args.telling.meant()?,
            }),
            Command::Simulate(args) if args.list_faults => Ok(Meant::ListFaults),
            Command::Simulate(args) => args.meant(),
        }
    }
}

fn explain(word: &str) -> Result<Meant, UsageError> {
    judge::explain(word).map(Meant::Explain).ok_or_else(|| {
        UsageError(format!(
            "nothing is known as {}: give a service or port of `exchports list`, a role, or a code from a report",
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
            Some(typed) => Some(values::address("--address", typed)?),
            None => None,
        };
        if let Some(address) = address {
            fits_family("--address", address, reach.families)?;
        }
        let server_name = match &self.servername {
            Some(typed) => Some(targets::host(typed)?),
            None => None,
        };
        let mut targets = Vec::with_capacity(named.len());
        for (name, host) in named {
            if let (None, Host::Address(literal)) = (address, &host) {
                fits_family(&values::quoted(&name), *literal, reach.families)?;
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
                min_tls: match self.min_tls {
                    MinTlsArg::Tls12 => TlsVersion::Tls12,
                    MinTlsArg::Tls13 => TlsVersion::Tls13,
                },
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
            let mut changed = changes
                .iter()
                .filter(|(_, services)| services.contains(&service.id));
            let change = changed.next().map(|(expect, _)| *expect);
            if let (Some(one), Some((other, _))) = (change, changed.next()) {
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
            if let Some(expect) = change.or(by_default) {
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
        let families = match (self.ipv4, self.ipv6, self.all_addresses) {
            (true, _, _) => Families::V4,
            (_, true, _) => Families::V6,
            (_, _, true) => Families::All,
            _ => Families::Raced,
        };
        let source = match &self.source {
            Some(typed) => Some(values::address("--source", typed)?),
            None => None,
        };
        if let Some(source) = source {
            fits_family("--source", source, families)?;
        }
        Ok(Reach { families, source })
    }

    fn ehlo_name(&self, targets: &[Target]) -> Result<Option<String>, UsageError> {
        let Some(typed) = &self.ehlo_name else {
            return Ok(None);
        };
        let name = values::ehlo_name(typed)?;
        let is_target =
            |target: &Target| target.server_name.to_string().eq_ignore_ascii_case(&name);
        if targets.iter().any(is_target) {
            return Err(UsageError(format!(
                "--ehlo-name {} is the target's own name, which servers refuse: give this machine's name",
                values::quoted(typed)
            )));
        }
        Ok(Some(name))
    }
}

fn fits_family(what: &str, address: IpAddr, families: Families) -> Result<(), UsageError> {
    let (option, family) = match (families, address) {
        (Families::V4, IpAddr::V6(_)) => ("-4", "an IPv6"),
        (Families::V6, IpAddr::V4(_)) => ("-6", "an IPv4"),
        _ => return Ok(()),
    };
    Err(UsageError(format!(
        "{what} is {family} address ({address}), which {option} excludes: leave {option} out"
    )))
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

impl TellingArgs {
    fn meant(&self) -> Result<Telling, UsageError> {
        let mut reports = values::reports(&self.report)?;
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
            color: self.color,
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
        Ok(Meant::Simulate(Settings {
            role: values::role(&self.role)?,
            faults: values::faults(&self.fault)?,
            address: values::address("--listen", &self.listen)?,
            ports: match &self.base_port {
                Some(typed) => Ports::Base(values::port("--base-port", typed)?),
                None => Ports::Ephemeral,
            },
            port_map: values::port_map(&self.map)?,
        }))
    }
}

/// The plan of a check of a stand-in server: every service required, on its ports.
#[must_use]
pub fn demo_plan(
    name: &str,
    address: IpAddr,
    ports: &[(ServiceId, u16)],
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
        audit: Audit::No,
        ehlo_name: None,
        transcripts,
        limits: Limits::default(),
    }
}

/// What the connect timeout of a run on Windows should be at the least: the system answers "refused" only after two
/// seconds there.
pub const WINDOWS_CONNECT: Duration = Duration::from_millis(2500);

/// The names of all roles, for messages.
fn role_names() -> String {
    let names: Vec<_> = ROLES.iter().map(|row| row.name).collect();
    names.join(", ")
}
