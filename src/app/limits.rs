//! What this machine gives: files for sockets, threads for the event loop.

use std::io;

use crate::plan::{Depth, Limits};

/// Limits with as many sockets at once as were asked for, or as fit the work, but never more than the system gives files
/// for. A number that was asked for is meant: no socket waits for its peer beyond it.
pub(super) fn with_sockets(
    limits: Limits,
    depth: Depth,
    asked: Option<usize>,
    files: Option<usize>,
) -> Limits {
    /// Files of our own: the standard streams, the event loop, the reports.
    const OURS: usize = 16;
    let room = files.map_or(usize::MAX, |limit| {
        (limit / 2).min(limit.saturating_sub(OURS)).max(1)
    });
    let (jobs, patient) = match (asked, depth) {
        (Some(asked), _) => (asked, 0),
        (None, Depth::TcpOnly) => (Limits::DIALS, 0),
        (None, Depth::Full) => (Limits::JOBS, Limits::PATIENT),
    };
    let jobs = jobs.min(room);
    Limits {
        jobs,
        patient: patient.min(room - jobs),
        ..limits
    }
}

#[cfg(unix)]
pub(super) fn file_limit() -> Option<usize> {
    // What is asked for here suffices for the largest --jobs.
    let raised = rlimit::increase_nofile_limit(131_072).ok()?;
    usize::try_from(raised).ok()
}

#[cfg(not(unix))]
pub(super) fn file_limit() -> Option<usize> {
    None
}

/// One thread is enough for the conversations of a few hosts; lookups have threads of their own.
pub(super) fn runtime(targets: usize) -> Result<tokio::runtime::Runtime, io::Error> {
    if targets > 16 {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    }
    .enable_all()
    .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_never_more_than_there_are_files_for() {
        for (asked, depth, files, at_once) in [
            (None, Depth::Full, None, (256, 2048)),
            (None, Depth::Full, Some(131_072), (256, 2048)),
            (None, Depth::Full, Some(1024), (256, 256)),
            (None, Depth::Full, Some(256), (128, 0)),
            (None, Depth::Full, Some(64), (32, 0)),
            (None, Depth::Full, Some(20), (4, 0)),
            (None, Depth::Full, Some(3), (1, 0)),
            (None, Depth::TcpOnly, None, (4096, 0)),
            (None, Depth::TcpOnly, Some(1024), (512, 0)),
            (Some(1000), Depth::Full, None, (1000, 0)),
            (Some(1000), Depth::TcpOnly, None, (1000, 0)),
            (Some(1000), Depth::Full, Some(64), (32, 0)),
            (Some(7), Depth::Full, Some(64), (7, 0)),
        ] {
            let limits = with_sockets(Limits::default(), depth, asked, files);
            let found = (limits.jobs, limits.patient);
            assert_eq!(found, at_once, "{asked:?} {depth:?} {files:?}");
        }
    }
}
