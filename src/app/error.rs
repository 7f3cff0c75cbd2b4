//! What keeps the tool from doing what was asked.

use std::io;
use std::path::PathBuf;

use crate::cli::{self, UsageError};
use crate::facts::Text;
use crate::serve::ServeError;
use crate::simulate::SimulateError;

/// The tool's own trouble: nothing could be judged, or what was found could not be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was typed cannot be meant.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A CA file that cannot be used.
    #[error(
        "--ca-file {} cannot be used: {reason}; it takes certificates as PEM or DER",
        cli::shown(path)
    )]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A client certificate that cannot be used.
    #[error("--client-cert {} cannot be used: {reason}", cli::shown(path))]
    ClientCertificate {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A document that cannot be compared with.
    #[error("--baseline {} cannot be compared with: {reason}", cli::shown(path))]
    Baseline {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// `--trust system`, and there is nothing in it.
    #[error("with --trust system there is no root to trust: {0}")]
    NoRoots(Text),
    /// A report that cannot be written.
    #[error("the report cannot be written to {to}: {source}")]
    Report {
        /// Where to.
        to: String,
        /// The system's words.
        source: io::Error,
    },
    /// The stand-in server cannot be started.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The exporter cannot be started.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// No event loop, no signals.
    #[error("the event loop cannot be started: {0}")]
    System(#[from] io::Error),
    /// A defect of ours, told by the panic before it.
    #[error("exchports itself failed: do not rely on what it reported")]
    Defect,
}
