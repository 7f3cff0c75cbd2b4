//! What this machine gives: files for sockets, threads for the event loop.

use std::io;

use crate::plan::Limits;

/// How many sockets at once: as asked for, but never more than the system gives files for.
pub(super) fn sockets(asked: Option<usize>, files: Option<usize>) -> usize {
    /// Files of our own: the standard streams, the event loop, the reports.
    const OURS: usize = 16;
    let room = files.map(|limit| (limit / 2).min(limit.saturating_sub(OURS)).max(1));
    match (asked, room) {
        (Some(asked), Some(room)) => asked.min(room),
        (Some(asked), None) => asked,
        (None, room) => room.unwrap_or(usize::MAX).min(Limits::JOBS),
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
        for (asked, files, at_once) in [
            (None, None, Limits::JOBS),
            (None, Some(131_072), Limits::JOBS),
            (None, Some(256), 128),
            (None, Some(64), 32),
            (None, Some(20), 4),
            (None, Some(3), 1),
            (Some(1000), None, 1000),
            (Some(1000), Some(64), 32),
            (Some(7), Some(64), 7),
        ] {
            assert_eq!(sockets(asked, files), at_once, "{asked:?} {files:?}");
        }
    }
}
