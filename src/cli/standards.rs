//! What is good enough: whose certificates, which TLS, how many days left.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::error::UsageError;
use super::possible::{self, Words};
use super::values;
use crate::plan::{Standards, Stores, Trust};

#[derive(Args, Debug)]
pub(super) struct StandardsArgs {
    /// Trust the roots in this file as well, PEM or DER (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Pass criteria")]
    pub(super) ca_file: Vec<PathBuf>,

    /// Whose roots to trust: Mozilla's, this machine's, or both
    #[arg(long, value_enum, default_value_t, help_heading = "Pass criteria")]
    pub(super) trust: TrustArg,

    /// The lowest version of TLS that is accepted
    #[arg(
        long,
        value_name = "1.2|1.3", value_parser = Words(possible::lowest_versions), hide_possible_values = true,
        default_value = "1.2",
        help_heading = "Pass criteria"
    )]
    pub(super) min_tls: String,

    /// Warn (and fail) when a certificate has fewer days left [default: warn when less than 30 days and less than a third of its lifetime are left]
    #[arg(long, value_name = "WARN[,FAIL]", help_heading = "Pass criteria")]
    pub(super) cert_days: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum TrustArg {
    #[default]
    Both,
    Public,
    System,
}

impl TrustArg {
    pub(super) fn stores(self) -> Stores {
        match self {
            Self::Both => Stores::Both,
            Self::Public => Stores::Public,
            Self::System => Stores::System,
        }
    }
}

impl StandardsArgs {
    /// The files of `--ca-file` are still to be read.
    pub(super) fn trust(&self) -> Trust {
        Trust {
            stores: self.trust.stores(),
            ca_certificates: Vec::new(),
        }
    }

    pub(super) fn standards(&self) -> Result<Standards, UsageError> {
        Ok(Standards {
            min_tls: values::min_tls(&self.min_tls)?,
            cert_days: match &self.cert_days {
                Some(typed) => values::cert_days(typed)?,
                None => Standards::default().cert_days,
            },
        })
    }
}
