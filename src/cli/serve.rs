//! `exchports serve`

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::check::CheckOrder;
use super::error::{UsageError, quoted};
use super::targets;
use super::values;
use crate::catalog::ROLES;
use crate::plan::{Host, Plan};
use crate::report::Format;
use crate::serve::Pattern;

pub(super) const AFTER_HELP: &str = "\
Examples:
  exchports serve
  exchports serve --listen 0.0.0.0:25443 --allow-target '*.example.com' --web-config web.yml
  exchports serve --module quick='--role published --service 443,25 --timeout 4s'

A scrape is GET /probe?target=mail.example.com&module=published. The modules are
the roles and those defined by --module; the default is auto. &debug=true shows
the protocol dialogue. /metrics is about the exporter itself. SIGHUP reloads
--web-config and the CA files; SIGTERM stops the exporter.";

/// What stands for the target in a module's options.
const PLACEHOLDER: &str = "target.invalid";

#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    /// Address to listen on (repeatable); port 0 means any free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:25443")]
    listen: Vec<String>,

    /// TLS and basic auth, in the format of Prometheus's exporter-toolkit; reloaded when it changes
    #[arg(long, value_name = "FILE")]
    web_config: Option<PathBuf>,

    /// Hosts that may be checked: a name, in which `*` is any text, or a network (repeatable) [default: all when listening on loopback only, otherwise none]
    #[arg(long, value_name = "PATTERN")]
    allow_target: Vec<String>,

    /// Define a module by options of `exchports check` (repeatable); each role already is a module
    #[arg(long, value_name = "NAME=OPTIONS")]
    module: Vec<String>,

    /// Hosts to check at the same time; a scrape beyond that gets 503
    #[arg(long, value_name = "N", default_value = "100")]
    max_probes: String,

    /// Trust the roots in this file as well, in every module, PEM or DER (repeatable)
    #[arg(long, value_name = "FILE")]
    ca_file: Vec<PathBuf>,

    /// Connections open at once, in all scrapes together [default: 256, or half of what this machine allows]
    #[arg(short, long, value_name = "N")]
    jobs: Option<String>,

    /// Connections open at once to one address
    #[arg(long, value_name = "N", default_value = "24")]
    per_address: String,
}

/// What `serve` is to do.
#[derive(Debug)]
pub struct ServeOrder {
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
    /// The file with TLS and passwords.
    pub web_config: Option<PathBuf>,
    /// Who may be asked about.
    pub patterns: Vec<Pattern>,
    /// How many hosts are looked at at once.
    pub max_probes: usize,
    /// Sockets in flight, when they were limited.
    pub jobs: Option<usize>,
    /// Sockets to one address.
    pub per_address: usize,
    /// The modules; their files are still to be read.
    pub modules: Vec<ModuleOrder>,
}

/// A module as it was meant.
#[derive(Clone, Debug)]
pub struct ModuleOrder {
    /// By what it is asked for.
    pub name: String,
    /// Its options as they were typed.
    pub options: String,
    /// How a host is looked at.
    pub plan: Plan,
    /// The files with further roots.
    pub ca_files: Vec<PathBuf>,
    /// The file with a client certificate and its key.
    pub client_cert: Option<PathBuf>,
}

/// Reads a command line as `exchports check`; `None` where it is another command.
pub(super) type ReadCheck = fn(Vec<OsString>) -> Result<Option<CheckOrder>, UsageError>;

impl ServeArgs {
    pub(super) fn order(self, read_check: ReadCheck) -> Result<ServeOrder, UsageError> {
        let mut modules: Vec<ModuleOrder> = Vec::new();
        for typed in &self.module {
            let one = self.module(typed, read_check)?;
            if modules.iter().any(|other| other.name == one.name) {
                return Err(UsageError(format!("--module {} is given twice", one.name)));
            }
            modules.push(one);
        }
        for role in ROLES.iter().map(|row| row.name) {
            if modules.iter().all(|module| module.name != role) {
                let options = format!("--role {role}");
                modules.push(self.module_of(role, &options, read_check)?);
            }
        }
        let listen = self.listen.iter().map(|typed| address(typed));
        let patterns = self.allow_target.iter().map(|typed| {
            Pattern::read(typed).map_err(|_| {
                UsageError(format!(
                    "--allow-target {} is neither a name nor a network: for example *.example.com or 192.0.2.0/24",
                    quoted(typed)
                ))
            })
        });
        Ok(ServeOrder {
            listen: listen.collect::<Result<_, _>>()?,
            web_config: self.web_config.clone(),
            patterns: patterns.collect::<Result<_, _>>()?,
            max_probes: values::count("--max-probes", &self.max_probes)?,
            jobs: match &self.jobs {
                Some(typed) => Some(values::count("--jobs", typed)?),
                None => None,
            },
            per_address: values::count("--per-address", &self.per_address)?,
            modules,
        })
    }

    /// One of `--module NAME=OPTIONS`.
    fn module(&self, typed: &str, read_check: ReadCheck) -> Result<ModuleOrder, UsageError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        match typed.split_once('=') {
            Some((name, options)) if !name.is_empty() && name.chars().all(is_name) => {
                self.module_of(name, options, read_check)
            }
            _ => Err(UsageError(format!(
                "--module {} is not NAME=OPTIONS: for example quick=\"--role published --timeout 4s\"",
                quoted(typed)
            ))),
        }
    }

    fn module_of(
        &self,
        name: &str,
        options: &str,
        read_check: ReadCheck,
    ) -> Result<ModuleOrder, UsageError> {
        let wrong = |why: &str| UsageError(format!("--module {name}: {why}"));
        let words = words(options).ok_or_else(|| wrong("a quotation mark is not closed"))?;
        let typed = ["exchports", "check"].into_iter().map(OsString::from);
        let typed = typed
            .chain(words.into_iter().map(OsString::from))
            .chain([OsString::from(PLACEHOLDER)]);
        let order = read_check(typed.collect())
            .map_err(|error| wrong(&error.to_string()))?
            .ok_or_else(|| wrong("it takes options of `exchports check`"))?;
        let CheckOrder {
            plan,
            more: _,
            mut ca_files,
            client_cert,
            baseline,
            wait,
            jobs,
            telling,
            domain,
        } = order;
        if plan.targets.iter().any(|target| target.node_of.is_some()) {
            return Err(wrong("a module checks one host: leave --nodes out"));
        }
        if plan.targets.len() != 1 {
            return Err(wrong("the scrape names the target: leave it out"));
        }
        let is_told_otherwise = telling.reports != [(Format::Table, None)] || telling.verbose;
        if domain.is_some() {
            return Err(wrong("a module checks one host: leave --domain out"));
        }
        if is_told_otherwise || baseline.is_some() || wait.is_some() || jobs.is_some() {
            return Err(wrong(
                "a module takes no reports, -v, -q, --wait, --baseline or --jobs",
            ));
        }
        if let Some(proxy) = plan.proxy.as_ref().filter(|one| one.scheme.takes_names()) {
            return Err(wrong(&format!(
                "if {proxy} looks names up, --allow-target cannot judge their addresses: use a socks5:// proxy"
            )));
        }
        ca_files.extend(self.ca_file.iter().cloned());
        Ok(ModuleOrder {
            name: name.to_owned(),
            options: options.to_owned(),
            plan,
            ca_files,
            client_cert,
        })
    }
}

/// A host that a scrape names; what would be right if it cannot be one.
///
/// # Errors
/// When it cannot be a host.
pub fn read_host(typed: &str) -> Result<Host, String> {
    targets::host(typed).map_err(|error| error.to_string())
}

fn address(typed: &str) -> Result<SocketAddr, UsageError> {
    // Without an address it listens on all of them, as `:9115` means elsewhere.
    let read = match typed.strip_prefix(':') {
        Some(port) => format!("[::]:{port}").parse(),
        None => typed.parse(),
    };
    read.map_err(|_| {
        UsageError(format!(
            "--listen {} is not ADDRESS:PORT: for example 127.0.0.1:25443 or [::]:25443",
            quoted(typed)
        ))
    })
}

/// Words as a shell makes them of a line, with quotation marks around those that have blanks; `None` when one is not closed.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut within = None;
    for character in line.chars() {
        match (within, character) {
            (Some(mark), _) if mark == character => within = None,
            (None, '"' | '\'') => {
                within = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (Some(_) | None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    within.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::super::{Command, read};
    use super::*;
    use crate::catalog::Role;
    use std::time::Duration;

    fn order(typed: &[&str]) -> Result<ServeOrder, String> {
        let words = ["exchports", "serve"].iter().chain(typed);
        match read(words.map(OsString::from)) {
            Ok(Command::Serve(order)) => Ok(*order),
            Ok(other) => panic!("{typed:?}: {other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn roles_are_modules_and_options_make_others() {
        let order = order(&[
            "--module",
            "quick=--role published --timeout 4s",
            "--module",
            "auto=--role edge",
            "--ca-file",
            "a.pem",
        ])
        .expect("it is right");
        assert_eq!(
            order.listen,
            ["127.0.0.1:25443".parse().expect("an address")]
        );
        assert_eq!(
            (order.max_probes, order.per_address, order.jobs),
            (100, 24, None)
        );
        assert_eq!(order.modules.len(), ROLES.len() + 1);
        let module = |name| {
            order
                .modules
                .iter()
                .find(|module| module.name == name)
                .expect("a module")
        };
        assert_eq!(module("quick").plan.limits.check, Duration::from_secs(4));
        assert_eq!(module("quick").plan.targets[0].role, Role::Published);
        assert_eq!(module("auto").plan.targets[0].role, Role::Edge);
        assert!(
            order
                .modules
                .iter()
                .all(|module| module.ca_files == [PathBuf::from("a.pem")])
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (typed, said) in [
            (&["--module", "quick"][..], "NAME=OPTIONS"),
            (&["--module", "a=--role nonsense"], "--module a: "),
            (&["--module", "a=mail.example.com"], "leave it out"),
            (&["--module", "a=--json"], "takes no reports"),
            (&["--module", "a=--nodes ex01"], "leave --nodes out"),
            (&["--module", "a=--role 'x"], "not closed"),
            (&["--module", "a=", "--module", "a="], "twice"),
            (&["--listen", "25443"], "ADDRESS:PORT"),
            (&["--allow-target", "a/99"], "neither a name nor a network"),
            (&["--max-probes", "0"], "--max-probes"),
        ] {
            let error = order(typed).expect_err("it is wrong");
            assert!(error.contains(said), "{typed:?}: {error}");
        }
    }

    #[test]
    fn words_are_those_of_a_shell() {
        let of = |line| words(line).map(|words| words.join("|"));
        assert_eq!(
            of("--a  b 'c d' e\"f g\"").as_deref(),
            Some("--a|b|c d|ef g")
        );
        assert_eq!(of("").as_deref(), Some(""));
        assert_eq!(of("'"), None);
    }
}
