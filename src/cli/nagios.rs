//! `exchports nagios`, and the same by the name `check_exchports`.
//!
//! The letters are those that the monitoring plugins' guidelines reserve: -H, -p, -w, -c, -t, -v, -V.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};

use super::check::{CheckArgs, CheckOrder};
use super::error::{UsageError, quoted};
use super::limits::LimitsArgs;
use super::output::OutputArgs;
use super::possible::{self, Words};
use super::route::RouteArgs;
use super::selection::SelectionArgs;
use super::standards::{StandardsArgs, TrustArg};
use super::values;
use crate::plan::{CertDays, Transcripts};

pub(super) const AFTER_HELP: &str = "\
Examples:
  exchports nagios -H mail.example.com -r published
  exchports nagios -H mail.example.com -s submission,imaps -w 30: -c 14: -t 20
  check_exchports -H ex01.corp.example.com -r mailbox --ca-file root.pem

Under the name check_exchports (a copy or a link) the program is this command only.

Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; help and version exit with 3.";

/// The name by which the program is a plugin.
pub(super) const PLUGIN: &str = "check_exchports";

#[derive(Args, Debug)]
pub(super) struct NagiosArgs {
    /// The host to check: a name or an address
    #[arg(short = 'H', long, value_name = "HOST")]
    hostname: String,

    /// Services to check, by port; takes the same words as `--service`
    #[arg(short, long, value_name = "LIST", value_parser = Words(possible::services), hide_possible_values = true)]
    port: Vec<String>,

    /// WARNING when a certificate has fewer days left: `30`, or the range `30:` [default: less than 30 days and less than a third of its lifetime]
    #[arg(short, long, value_name = "DAYS")]
    warning: Option<String>,

    /// CRITICAL when a certificate has fewer days left: `14`, or the range `14:`
    #[arg(short, long, value_name = "DAYS")]
    critical: Option<String>,

    /// Seconds after which the plugin answers, whatever the host does
    #[arg(short, long, value_name = "SECONDS", default_value = "10")]
    timeout: String,

    /// Also show what to do; given twice, every check; three times, the protocol dialogue
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,

    /// Trust the roots in this file as well, PEM or DER (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Pass criteria")]
    ca_file: Vec<PathBuf>,

    /// Whose roots to trust: Mozilla's, this machine's, or both
    #[arg(long, value_enum, default_value_t, help_heading = "Pass criteria")]
    trust: TrustArg,

    /// The lowest version of TLS that is accepted
    #[arg(long, value_name = "1.2|1.3", value_parser = Words(possible::lowest_versions), hide_possible_values = true, default_value = "1.2", help_heading = "Pass criteria")]
    min_tls: String,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    route: RouteArgs,
}

/// What a plugin is to do.
#[derive(Debug)]
pub struct NagiosOrder {
    /// The run.
    pub check: CheckOrder,
    /// How often `-v` was said.
    pub verbosity: u8,
}

/// Whether the program was called as a plugin, by its name or by the command.
#[must_use]
pub fn is_plugin(typed: &[OsString]) -> bool {
    is_called_so(typed) || typed.get(1).is_some_and(|word| word == "nagios")
}

/// Whether the program bears the plugin's name; Windows adds `.exe` to it and knows no case.
pub(super) fn is_called_so(typed: &[OsString]) -> bool {
    let stem = typed.first().map(Path::new).and_then(Path::file_stem);
    stem.is_some_and(|stem| stem.to_string_lossy().eq_ignore_ascii_case(PLUGIN))
}

impl NagiosArgs {
    pub(super) fn order(self) -> Result<NagiosOrder, UsageError> {
        if self.hostname == "-" {
            return Err(UsageError(
                "-H takes one host, and reads none from standard input".to_owned(),
            ));
        }
        let patience = values::duration("--timeout", &self.timeout)?;
        let cert_days = cert_days(self.warning.as_deref(), self.critical.as_deref())?;
        let mut selection = self.selection;
        selection.service.extend(self.port);
        let check = CheckArgs {
            targets: vec![self.hostname],
            baseline: None,
            domain: None,
            resolver: None,
            trust_anchor: None,
            targets_file: Vec::new(),
            selection,
            route: self.route,
            standards: StandardsArgs {
                ca_file: self.ca_file,
                trust: self.trust,
                min_tls: self.min_tls,
                cert_days: None,
            },
            limits: LimitsArgs::within(&self.timeout),
            output: OutputArgs::silent(),
        };
        let mut check = check.order()?;
        // The answer has to be out before whoever waits for it gives up.
        check.plan.limits.run = Some(patience.mul_f64(0.95));
        if let Some(days) = cert_days {
            check.plan.standards.cert_days = days;
        }
        if self.verbose > 2 {
            check.plan.transcripts = Transcripts::Kept;
        }
        Ok(NagiosOrder {
            check,
            verbosity: self.verbose,
        })
    }
}

/// The days of -w and -c.
fn cert_days(
    warning: Option<&str>,
    critical: Option<&str>,
) -> Result<Option<CertDays>, UsageError> {
    /// What is warned about where only -c was given.
    const USUAL: u32 = 30;
    let warn = warning.map(|typed| least("-w", typed)).transpose()?;
    let fail = critical.map(|typed| least("-c", typed)).transpose()?;
    let warn = match (warn, fail) {
        (None, None) => return Ok(None),
        (Some(warn), _) => warn,
        (None, Some(fail)) => fail.max(USUAL),
    };
    if let Some(fail) = fail.filter(|fail| *fail > warn) {
        return Err(UsageError(format!(
            "-c {fail}: is CRITICAL before -w {warn}: is WARNING: give -c the fewer days"
        )));
    }
    Ok(Some(CertDays::Days { warn, fail }))
}

/// The days under which there is an alert: the guidelines' range `30:`, its inverse `@0:29`, or `30`, which by the guidelines
/// would be an alert over 30, and which other plugins of certificates take as it is meant.
fn least(option: &str, typed: &str) -> Result<u32, UsageError> {
    let number = |word: &str| word.parse::<u32>().ok();
    let days = match typed.strip_prefix('@') {
        Some(inside) => {
            let end = inside
                .strip_prefix("0:")
                .or_else(|| inside.strip_prefix("~:"));
            number(end.unwrap_or(inside)).and_then(|last| last.checked_add(1))
        }
        None => number(typed.strip_suffix(':').unwrap_or(typed)),
    };
    days.ok_or_else(|| {
        UsageError(format!(
            "{option} {} is not a number of days: give the fewest that a certificate may have left, as in {option} 30:",
            quoted(typed)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Command, read_plugin};
    use super::*;
    use crate::plan::Host;
    use std::time::Duration;

    fn order(typed: &str) -> Result<NagiosOrder, String> {
        let words: Vec<OsString> = typed.split(' ').map(OsString::from).collect();
        assert!(is_plugin(&words), "{typed}");
        match read_plugin(&words) {
            Ok(Command::Nagios(order)) => Ok(*order),
            Ok(other) => panic!("{typed}: {other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn it_is_a_plugin_by_name_or_by_command() {
        for (typed, is) in [
            (&["check_exchports"][..], true),
            (&["/usr/lib/nagios/plugins/check_exchports", "-V"], true),
            (&["Check_Exchports.EXE"], true),
            (&["exchports", "nagios"], true),
            (&["exchports", "check", "nagios"], false),
            (&["exchports"], false),
            (&[], false),
        ] {
            let typed: Vec<OsString> = typed.iter().map(OsString::from).collect();
            assert_eq!(is_plugin(&typed), is, "{typed:?}");
        }
    }

    #[test]
    fn ranges_are_the_fewest_days() {
        for (typed, days) in [
            ("30", Some(30)),
            ("30:", Some(30)),
            ("0:", Some(0)),
            ("@29", Some(30)),
            ("@0:29", Some(30)),
            ("@~:29", Some(30)),
            ("10:20", None),
            ("~:10", None),
            ("-5:", None),
            ("30,14", None),
            ("", None),
            ("@4294967295", None),
        ] {
            assert_eq!(least("-w", typed).ok(), days, "{typed}");
        }
    }

    #[test]
    fn what_is_said_is_meant() {
        let NagiosOrder { check, verbosity } =
            order("check_exchports -H mail.example.com -p 587 -s imaps -w 30: -c 14 -t 20 -vv")
                .expect("it is right");
        let target = &check.plan.targets[0];
        assert_eq!(target.host, Host::Name("mail.example.com".to_owned()));
        let services: Vec<&str> = target
            .checks
            .iter()
            .map(|check| check.service.name)
            .collect();
        assert_eq!(services, ["submission", "imaps"]);
        assert_eq!(
            check.plan.standards.cert_days,
            CertDays::Days {
                warn: 30,
                fail: Some(14)
            }
        );
        assert_eq!(check.plan.limits.run, Some(Duration::from_secs(19)));
        assert_eq!(check.plan.limits.check, Duration::from_secs(20));
        assert_eq!(verbosity, 2);
        assert!(check.telling.reports.is_empty());
        let order = order("exchports nagios -H a -c 40").expect("it is right");
        assert_eq!(
            order.check.plan.standards.cert_days,
            CertDays::Days {
                warn: 40,
                fail: Some(40)
            }
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (typed, words) in [
            ("check_exchports", "--hostname"),
            ("check_exchports -H -", "-H takes one host"),
            (
                "check_exchports -H a -w 10: -c 20:",
                "give -c the fewer days",
            ),
            ("check_exchports -H a -w soon", "-w 30:"),
            ("check_exchports -H a b", "check_exchports --help"),
            ("check_exchports -H a -t never", "--timeout"),
            ("exchports nagios -H a --json", "exchports nagios --help"),
        ] {
            let error = order(typed).expect_err(typed);
            assert!(error.contains(words), "{typed}: {error}");
        }
    }
}
