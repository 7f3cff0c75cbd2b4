//! How long, and how many at once.

use std::time::Duration;

use clap::Args;

use super::error::UsageError;
use super::values;
use crate::plan::Limits;

#[derive(Args, Debug)]
pub(super) struct LimitsArgs {
    /// Time limit for a check, second looks included: `5s`, `500ms`; a bare number is seconds. An answer may take its share
    /// (a greeting 8 of 15 s, others 5), and never less than 2s or all of a shorter bound
    #[arg(
        long,
        value_name = "D",
        default_value = "15s",
        help_heading = "How long, how many"
    )]
    timeout: String,

    /// Time limit for connecting, across all addresses
    #[arg(
        long,
        value_name = "D",
        default_value = "3s",
        help_heading = "How long, how many"
    )]
    connect_timeout: String,

    /// Time limit for the whole run; what is not done by then is skipped
    #[arg(long, value_name = "D", help_heading = "How long, how many")]
    deadline: Option<String>,

    /// Look again, with growing pauses, at what has not passed, until all is well or this long is over
    #[arg(long, value_name = "D", help_heading = "How long, how many")]
    wait: Option<String>,

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
}

impl LimitsArgs {
    /// A run that has this long for everything, as if it had been typed.
    pub(super) fn within(seconds: &str) -> Self {
        Self {
            timeout: seconds.to_owned(),
            connect_timeout: "3s".to_owned(),
            deadline: None,
            wait: None,
            jobs: None,
            per_address: Limits::PER_ADDRESS.to_string(),
        }
    }

    pub(super) fn limits(&self) -> Result<Limits, UsageError> {
        Ok(Limits {
            run: match &self.deadline {
                Some(typed) => Some(values::duration("--deadline", typed)?),
                None => None,
            },
            per_address: values::count("--per-address", &self.per_address)?,
            ..Limits::for_check(
                values::duration("--timeout", &self.timeout)?,
                values::duration("--connect-timeout", &self.connect_timeout)?,
            )
        })
    }

    /// How long to wait until all is well, where it is to be waited for.
    pub(super) fn wait(&self) -> Result<Option<Duration>, UsageError> {
        match &self.wait {
            Some(typed) => values::duration("--wait", typed).map(Some),
            None => Ok(None),
        }
    }

    /// Sockets in flight, when they were limited.
    pub(super) fn jobs(&self) -> Result<Option<usize>, UsageError> {
        match &self.jobs {
            Some(typed) => values::count("--jobs", typed).map(Some),
            None => Ok(None),
        }
    }
}
