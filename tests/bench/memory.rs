//! How much memory a process had at its peak.

use std::process::Command;

use super::Trouble;

/// The most bytes of memory that a process had resident, shared pages included, in so many runs; `None` where the
/// system does not tell.
///
/// The kernel keeps the peak itself (`VmHWM` in `/proc/PID/status`), so reading it often and last shortly before the
/// end loses next to nothing.
#[cfg(target_os = "linux")]
pub(crate) fn peak(command: &mut Command, runs: usize) -> Result<Option<u64>, Trouble> {
    use std::process::Stdio;
    use std::time::Duration;
    use std::{fs, thread};

    const OFTEN: Duration = Duration::from_micros(200);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut peak = None;
    for _ in 0..runs {
        let mut child = command.spawn()?;
        let status = format!("/proc/{}/status", child.id());
        let end = loop {
            // A process that has ended, and is not waited for yet, has no memory any more.
            peak = peak.max(
                fs::read_to_string(&status)
                    .ok()
                    .as_deref()
                    .and_then(high_water),
            );
            if let Some(end) = child.try_wait()? {
                break end;
            }
            thread::sleep(OFTEN);
        };
        if !end.success() {
            return Err(format!("{end} after {command:?}").into());
        }
    }
    if peak.is_none() {
        return Err("/proc tells no VmHWM".into());
    }
    Ok(peak)
}

#[cfg(target_os = "linux")]
fn high_water(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(not(target_os = "linux"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "where it can be told, it can fail"
)]
pub(crate) fn peak(_: &mut Command, _: usize) -> Result<Option<u64>, Trouble> {
    Ok(None)
}
