//! How long, and how many at once.

use std::time::Duration;

use clap::Args;

use super::error::UsageError;
use super::values;
use crate::plan::Limits;

#[derive(Args, Debug)]
pub(super) struct LimitsArgs {
    /// Time limit for a check, including second looks: `5s`, `500ms`; a bare number is seconds. Each answer gets a
    /// share of it (of 15s, a greeting gets 8s and any other answer 5s), but at least 2s, or all of a shorter limit
    #[arg(long, value_name = "D", default_value = "15s", help_heading = "Limits")]
    timeout: String,

    /// Time limit for connecting, across all addresses
    #[arg(long, value_name = "D", default_value = "3s", help_heading = "Limits")]
    connect_timeout: String,

    /// Time limit for the whole run; what is not finished by then is skipped
    #[arg(long, value_name = "D", help_heading = "Limits")]
    deadline: Option<String>,

    /// Keep checking what has not passed, with growing pauses, until everything passes or this time is up
    #[arg(long, value_name = "D", help_heading = "Limits")]
    wait: Option<String>,

    /// Connections open at once, in all [default: 256, and 2048 more that only wait for an answer; with --tcp-only 4096;
    /// never more than half of what this machine allows]
    #[arg(short, long, value_name = "N", help_heading = "Limits")]
    jobs: Option<String>,

    /// Connections open at once to one address
    #[arg(long, value_name = "N", default_value = "24", help_heading = "Limits")]
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
