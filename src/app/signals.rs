//! Ctrl-C, and whatever else asks the program to end.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::event::RunEnd;
use crate::exit::Exit;
use crate::net::Halter;

/// How long the first signal has until a second one may cut it short. Signals come in pairs: a key held down, a
/// terminal and a service manager that both send one. To close a document that is read takes milliseconds; only one
/// that nobody reads is still open after this.
const GRACE: Duration = Duration::from_secs(1);

/// The first signal ends every wait, so that what is done can be told; a second ends the process where that has not come
/// to its end by [`GRACE`], and takes the files with it that were begun.
pub(super) fn heed(
    mut signals: Signals,
    halter: Halter,
    end: Arc<OnceLock<RunEnd>>,
    begun: Vec<PathBuf>,
) {
    tokio::spawn(async move {
        let first = signals.next().await;
        // It runs from here on.
        let grace = tokio::time::sleep(GRACE);
        // Nobody else sets it.
        let _ = end.set(first);
        halter.halt();
        signals.next().await;
        grace.await;
        for path in begun {
            let _ = fs::remove_file(path);
        }
        #[expect(clippy::exit, reason = "a second Ctrl-C is for a program that hangs")]
        std::process::exit(match first {
            RunEnd::Terminated => Exit::Terminated as i32,
            _ => Exit::Interrupted as i32,
        });
    });
}

#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // Without a terminal nothing hangs up, but nohup has asked not to be told.
        let on_terminal =
            io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal();
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: on_terminal
                .then(|| signal(SignalKind::hangup()))
                .transpose()?,
        })
    }

    /// Those that end a service, to which a hangup says something else.
    pub(super) fn of_a_service() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: None,
        })
    }

    async fn next(&mut self) -> RunEnd {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => RunEnd::Interrupted,
            _ = self.terminate.recv() => RunEnd::Terminated,
            _ = hangup => RunEnd::Terminated,
        }
    }
}

/// That a service is to read its files again: SIGHUP.
#[cfg(unix)]
pub(super) struct Reloads(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Reloads {
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Waits for the next.
    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Windows has no word for it: the service is started again.
#[cfg(windows)]
pub(super) struct Reloads;

#[cfg(windows)]
impl Reloads {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[cfg(windows)]
pub(super) struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    pause: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
        Ok(Self {
            interrupt: ctrl_c()?,
            pause: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// Those that end a service.
    pub(super) fn of_a_service() -> io::Result<Self> {
        Self::listen()
    }

    async fn next(&mut self) -> RunEnd {
        tokio::select! {
            _ = self.interrupt.recv() => RunEnd::Interrupted,
            _ = self.pause.recv() => RunEnd::Interrupted,
            _ = self.close.recv() => RunEnd::Terminated,
            _ = self.shutdown.recv() => RunEnd::Terminated,
        }
    }
}
