//! Files that reports are written to. One is written aside and takes its name only when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::cli;

pub(super) fn open_file(path: &Path) -> io::Result<(Box<dyn Write + Send>, Option<Aside>)> {
    let is_special = match path.metadata() {
        Ok(found) => !found.is_file() && !found.is_dir(),
        // Windows opens its devices and pipes, NUL among them, but says nothing of them.
        Err(_) => path.try_exists().unwrap_or(false),
    };
    if is_special || is_descriptor(path) {
        // A device or a pipe cannot be replaced, and what is open already gets its report at its end.
        let out = OpenOptions::new()
            .write(true)
            .append(cfg!(unix))
            .open(path)?;
        return Ok((Box::new(out), None));
    }
    let (aside, out) = Aside::open(path)?;
    Ok((Box::new(out), Some(aside)))
}

/// Whether a path is a name for something that was opened before, as `/dev/stderr` and `/dev/fd/3` are: it may lead to a
/// file, but nobody who opened that asked for another in its place.
fn is_descriptor(path: &Path) -> bool {
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    cfg!(unix)
        && folder.is_some_and(|folder| {
            ["/dev", "/dev/fd"].map(Path::new).contains(&&*folder) || folder.starts_with("/proc")
        })
}

/// A file that is written under another name in the same folder until it is whole.
pub(super) struct Aside {
    file: NamedTempFile,
    path: PathBuf,
}

impl Aside {
    pub(super) fn open(path: &Path) -> io::Result<(Self, File)> {
        if path.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is a folder; name a file in it",
            ));
        }
        // A link stays a link: what it points to is replaced.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("there is no folder {}; create it first", cli::shown(folder)),
            ));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".exchports-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // What a new file has, after the umask; else it would be its owner's alone.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder).map_err(without_path)?;
        if let Ok(old) = path.metadata() {
            // A file that must not be written is not replaced either.
            drop(OpenOptions::new().append(true).open(&path)?);
            file.as_file().set_permissions(old.permissions())?;
        }
        let handle = file.as_file().try_clone()?;
        Ok((Self { file, path }, handle))
    }

    /// Where it is written for the time being.
    pub(super) fn path_so_far(&self) -> PathBuf {
        self.file.path().to_path_buf()
    }

    /// Lets the collector read it that runs as another user, whatever the umask; what was there before keeps its rights.
    pub(super) fn let_others_read(&self) {
        #[cfg(unix)]
        if !self.path.exists() {
            use std::os::unix::fs::PermissionsExt as _;
            // Where that cannot be, it is as any other report.
            let _ = self
                .file
                .as_file()
                .set_permissions(fs::Permissions::from_mode(0o644));
        }
    }

    pub(super) fn take_name(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file
            .persist(&self.path)
            .map(drop)
            .map_err(|error| error.error)
    }
}

/// The system's own error, without the name that the file had for the time being.
fn without_path(error: io::Error) -> io::Error {
    let source = error.get_ref().and_then(|within| within.source());
    let code = source
        .and_then(|source| source.downcast_ref())
        .and_then(io::Error::raw_os_error);
    code.map_or(error, io::Error::from_raw_os_error)
}

/// Opens it to be added to, and tells how much room there is: GitHub refuses all of what is over a mebibyte.
pub(super) fn open_step_summary(path: &Path) -> io::Result<(File, usize)> {
    const LARGEST: u64 = 1024 * 1024;
    let out = OpenOptions::new().append(true).create(true).open(path)?;
    let room = LARGEST.saturating_sub(out.metadata()?.len());
    Ok((out, usize::try_from(room).unwrap_or(0)))
}
