//! How bad something is: one diagnosis, and all together.

/// The verdict in one word.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Status {
    /// As expected.
    Pass,
    /// Not there, and that is allowed.
    Absent,
    /// Not looked at, or not to the end, for a reason that is not the peer's.
    Skip,
    /// It works, with a defect.
    Warn,
    /// Not as expected.
    Fail,
}

impl Status {
    /// The word that JSON and the table use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Absent => "absent",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// How bad a diagnosis is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It works, but not for long or not for everyone.
    Warn,
    /// It does not work.
    Fail,
}

impl Severity {
    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// The state of a service as Nagios and its kin have it, by the number that a plugin ends with.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum PluginState {
    /// All is well.
    Ok = 0,
    /// It works, with a defect.
    Warning = 1,
    /// It does not work.
    Critical = 2,
    /// Nothing could be judged, and that is this program's or this machine's fault.
    Unknown = 3,
}

impl PluginState {
    /// The word that stands in an answer.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl From<PluginState> for std::process::ExitCode {
    fn from(state: PluginState) -> Self {
        Self::from(state as u8)
    }
}
