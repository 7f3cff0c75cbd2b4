//! Where reports go: the format of each, its file, and whether two of them would be one.

use std::path::{Path, PathBuf};

use super::error::{UsageError, quoted};
use crate::report::Format;

/// The reports of `--report FORMAT[=FILE]`; no file is standard output.
pub(super) fn read(typed: &[String]) -> Result<Vec<(Format, Option<PathBuf>)>, UsageError> {
    let mut reports: Vec<(Format, Option<PathBuf>)> = Vec::new();
    for report in typed {
        let (name, file) = match report.split_once('=') {
            Some((name, file)) => (name, Some(file)),
            None => (report.as_str(), None),
        };
        let Some(format) = Format::from_name(name) else {
            let known: Vec<_> = Format::ALL.iter().map(|format| format.as_str()).collect();
            return Err(UsageError(format!(
                "unknown report {}: one of {}",
                quoted(name),
                known.join(", ")
            )));
        };
        match file {
            Some("") => {
                return Err(UsageError(format!(
                    "--report {name}= names no file: leave the `=` out for standard output"
                )));
            }
            Some("-") => {
                return Err(UsageError(format!(
                    "--report {name}=- names no file: standard output is what `--report {name}` means"
                )));
            }
            _ => {}
        }
        let file = file.map(PathBuf::from).filter(|file| !is_stdout(file));
        let is_same = |(_, other): &(Format, Option<PathBuf>)| match (other, &file) {
            (Some(other), Some(file)) => is_one_file(other, file),
            _ => false,
        };
        if reports.iter().any(is_same) {
            return Err(UsageError(format!(
                "--report {} writes to a file that another report writes to: give each its own",
                quoted(report)
            )));
        }
        reports.push((format, file));
    }
    Ok(reports)
}

/// Whether it is another name for standard output. What that leads to may be a file, which must not be replaced behind
/// the shell's back.
fn is_stdout(path: &Path) -> bool {
    const NAMES: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
    cfg!(unix) && NAMES.iter().any(|name| path == Path::new(name))
}

/// Whether two paths lead to one file, which neither has to exist. Two hard links of a file are not one: a report that
/// is whole takes the place of its own name.
fn is_one_file(one: &Path, other: &Path) -> bool {
    let (one, other) = (meant(one), meant(other));
    if cfg!(windows) {
        // Names differ there by more than the case of their letters.
        one.to_string_lossy().to_lowercase() == other.to_string_lossy().to_lowercase()
    } else {
        one == other
    }
}

/// The file itself, links followed; where there is none yet, its name in the folder itself.
fn meant(path: &Path) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(typed: &str) -> Option<Vec<(Format, Option<PathBuf>)>> {
        read(&[typed.to_owned()]).ok()
    }

    #[test]
    fn reports_name_a_format_and_perhaps_a_file() {
        assert_eq!(one("json"), Some(vec![(Format::Json, None)]));
        assert_eq!(
            one("ndjson=a=b.json"),
            Some(vec![(Format::Ndjson, Some("a=b.json".into()))])
        );
        for typed in ["xml", "json=", "json=-"] {
            assert_eq!(one(typed), None, "{typed}");
        }
        #[cfg(unix)]
        assert_eq!(one("json=/dev/stdout"), one("json"));
    }

    #[test]
    fn two_paths_to_one_file_are_one_whatever_they_look_like() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("within")).expect("a folder");
        std::fs::write(path("there"), "").expect("a file");
        for (one, other, is_one) in [
            ("new", "new", true),
            ("new", "./new", true),
            ("new", "within/../new", true),
            ("there", "within/../there", true),
            ("new", "within/new", false),
            ("new", "other", false),
        ] {
            assert_eq!(
                is_one_file(&path(one), &path(other)),
                is_one,
                "{one} {other}"
            );
        }
        // Relative to where the program stands.
        assert!(is_one_file(Path::new("new"), Path::new("./new")));
        assert!(!is_one_file(Path::new("new"), &path("new")));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(path("there"), path("link")).expect("a link");
            std::os::unix::fs::symlink(path("within"), path("short")).expect("a link");
            assert!(is_one_file(&path("link"), &path("there")));
            assert!(is_one_file(&path("short/new"), &path("within/new")));
        }
    }
}
