//! Where reports go.

use std::fs;
use std::io::{Read as _, Write as _};
#[cfg(unix)]
use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;

use exchports::catalog::all;

use super::{
    Stand, closed, ended, folder, lines, program, refusal, spawned, told, waiting_run, words,
};
#[cfg(unix)]
use super::{ran, send};
use crate::schema::held;

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let port = closed();
    let many = "127.0.0.1\n".repeat(100);
    for (format, exit) in [("table", 1), ("json", 1), ("ndjson", 1)] {
        let typed = format!("check - -s imap --map imap={port} --report {format}");
        let mut child = spawned(&words(&typed));
        drop(child.stdout.take());
        let mut input = child.stdin.take().expect("a pipe");
        input
            .write_all(many.as_bytes())
            .expect("it reads its targets");
        drop(input);
        let mut err = String::new();
        let mut pipe = child.stderr.take().expect("a pipe");
        pipe.read_to_string(&mut err).expect("what it says");
        assert_eq!((err.as_str(), ended(child)), ("", Some(exit)), "{format}");
    }
    for typed in ["list", "explain smtp", "check --help"] {
        let mut child = spawned(&words(typed));
        drop(child.stdout.take());
        assert_eq!(ended(child), Some(0), "{typed}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_is_told_on_one_line() {
    let port = closed();
    let folder = folder();
    let file = folder.path().join("report.json");
    let check = format!("check 127.0.0.1 -s imap --map imap={port}");
    let beside = format!("{check} --report json={} --report table", file.display());
    let special = format!("{check} --report json=/dev/full");
    for (typed, full) in [
        (format!("{check} --json"), "standard output"),
        (check.clone(), "standard output"),
        (beside, "standard output"),
        (special, "/dev/full"),
        ("list".to_owned(), "standard output"),
        ("--help".to_owned(), "standard output"),
    ] {
        let out = fs::OpenOptions::new().write(true).open("/dev/full");
        let mut command = Command::new(env!("CARGO_BIN_EXE_exchports"));
        command
            .args(words(&typed))
            .stdout(out.expect("a full device"));
        let output = command.output().expect("it runs");
        let err = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(err.lines().count(), 1, "{typed}: {err}");
        assert!(err.contains(full) && err.contains("No space left"), "{err}");
        assert_eq!(output.status.code(), Some(2), "{typed}");
    }
    // The report beside it is whole.
    held(&fs::read_to_string(&file).expect("a report"));
}

#[test]
fn a_file_gets_its_report_and_standard_output_another() {
    let stand = Stand::with(&[]);
    let folder = folder();
    let file = folder.path().join("report.json");
    fs::write(&file, "old").expect("a file");
    #[cfg(unix)]
    let mode = {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).expect("permissions");
        || fs::metadata(&file).expect("a file").permissions().mode() & 0o777
    };
    let lines = folder.path().join("lines");
    let typed = format!(
        "--report json={} --report table --report ndjson={}",
        file.display(),
        lines.display()
    );
    let (out, err, exit) = told(&stand.check(&typed));
    assert_eq!((err.as_str(), exit), ("", Some(0)));
    assert!(out.contains("22 checks: 22 pass"), "{out}");
    let document = held(&fs::read_to_string(&file).expect("a report"));
    assert_eq!(document["summary"]["pass"], all().count());
    #[cfg(unix)]
    assert_eq!(mode(), 0o664);

    let lines = fs::read_to_string(&lines).expect("a report");
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    assert_eq!(events.len(), 1 + all().count() + 1 + 1);
    assert_eq!(events[0]["event"], "run-started");
    let (rows, ends) = events[1..].split_at(all().count());
    assert!(rows.iter().all(|line| line["event"] == "check-finished"));
    assert_eq!(ends[0]["event"], "target-finished");
    assert_eq!(ends[1]["event"], "run-finished");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 2);
}

/// What is open already is written to where it stands: whoever opened it keeps what they wrote, and the file.
#[cfg(unix)]
#[test]
fn a_report_to_a_descriptor_is_added_to_what_is_open() {
    use std::os::unix::fs::MetadataExt as _;
    let port = closed();
    let folder = folder();
    for (name, stream) in [("/dev/stdout", 1), ("/dev/fd/1", 1), ("/dev/stderr", 2)] {
        let file = folder.path().join("out");
        fs::write(&file, "before\n").expect("a file");
        let number = fs::metadata(&file).expect("a file").ino();
        let open = || {
            let open = fs::OpenOptions::new().append(true).open(&file);
            Stdio::from(open.expect("a file"))
        };
        let typed = format!("check 127.0.0.1 -s imap --map imap={port} --report json={name}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_exchports"));
        command.args(words(&typed));
        match stream {
            1 => command.stdout(open()),
            _ => command.stderr(open()),
        };
        assert_eq!(command.output().expect("it runs").status.code(), Some(1));
        let text = fs::read_to_string(&file).expect("a file");
        held(text.strip_prefix("before\n").expect("what was there"));
        assert_eq!(fs::metadata(&file).expect("a file").ino(), number, "{name}");
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
    }
}

#[cfg(unix)]
#[test]
fn a_report_to_a_pipe_goes_through_it() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let port = closed();
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).expect("a report")
    });
    let typed = format!(
        "check 127.0.0.1 -q -s imap --map imap={port} --report json={}",
        pipe.display()
    );
    assert_eq!(ran(&words(&typed)).status.code(), Some(1));
    held(&reader.join().expect("a reader"));
}

#[test]
fn what_a_file_held_stays_when_the_run_is_killed() {
    let folder = folder();
    let file = folder.path().join("report.json");
    fs::write(&file, "old").expect("a file");
    let mut child = waiting_run(&format!("--report ndjson --report json={}", file.display()));
    lines(&mut child).next().expect("it has begun");
    child.kill().expect("it can be killed");
    child.wait().expect("it ended");
    assert_eq!(fs::read_to_string(&file).expect("a file"), "old");
}

#[test]
fn a_file_that_must_not_be_written_is_not_replaced() {
    let folder = folder();
    let file = folder.path().join("report.json");
    fs::write(&file, "old").expect("a file");
    let writable = fs::metadata(&file).expect("a file").permissions();
    let mut permissions = writable.clone();
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions).expect("permissions");
    // The superuser may write everything.
    if fs::OpenOptions::new().append(true).open(&file).is_err() {
        let typed = format!("check 127.0.0.1 --report json={}", file.display());
        let line = refusal(&words(&typed));
        assert!(line.contains("report.json"), "{line}");
        assert_eq!(fs::read_to_string(&file).expect("a file"), "old");
    }
    // Windows removes none that is read-only.
    fs::set_permissions(&file, writable).expect("permissions");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
}

/// Who has a report open in a spreadsheet finds it there afterwards, and is told; before the run where that is possible.
#[cfg(windows)]
#[test]
fn a_file_that_another_program_holds_is_not_replaced() {
    use std::os::windows::fs::OpenOptionsExt as _;
    const FILE_SHARE_READ: u32 = 1;
    let folder = folder();
    let file = folder.path().join("report.json");
    fs::write(&file, "old").expect("a file");
    let open = || {
        let mut how = fs::OpenOptions::new();
        how.read(true).share_mode(FILE_SHARE_READ);
        how.open(&file).expect("it is there")
    };
    let report = format!("--report json={}", file.display());

    let taken = open();
    let line = refusal(&words(&format!("check 127.0.0.1 {report}")));
    assert!(line.contains("report.json"), "{line}");
    drop(taken);

    let mut child = waiting_run(&format!("--deadline 3s --report ndjson {report}"));
    let mut lines = lines(&mut child);
    lines.next().expect("it has begun");
    let taken = open();
    assert!(lines.count() > 0);
    let mut err = String::new();
    let mut pipe = child.stderr.take().expect("a pipe");
    pipe.read_to_string(&mut err).expect("what it says");
    assert_eq!(ended(child), Some(2), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    let begins = "exchports: the report cannot be written to ";
    assert!(
        err.starts_with(begins) && err.contains("report.json"),
        "{err}"
    );
    drop(taken);

    assert_eq!(fs::read_to_string(&file).expect("a file"), "old");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
}

#[test]
fn a_device_takes_a_report_and_stays_what_it_is() {
    let port = closed();
    let folder = folder();
    let device = if cfg!(windows) { "NUL" } else { "/dev/null" };
    let typed = format!("check 127.0.0.1 -s imap --map imap={port} -q --report json={device}");
    let mut command = program(&words(&typed));
    let (out, err, exit) = told(
        &command
            .current_dir(folder.path())
            .output()
            .expect("it runs"),
    );
    assert_eq!((out.as_str(), err.as_str(), exit), ("", "", Some(1)));
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[cfg(unix)]
#[test]
fn a_link_stays_one_and_a_new_file_is_for_everyone() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = folder();
    let port = closed();
    let check = format!("check 127.0.0.1 -s imap --map imap={port}");
    // A link stays one, and a new file is for everyone whom the umask leaves.
    let link = folder.path().join("link.json");
    symlink(folder.path().join("target.json"), &link).expect("a link");
    fs::write(folder.path().join("target.json"), "").expect("a file");
    let fresh = folder.path().join("fresh.json");
    let typed = format!(
        "{check} --report json={} --report json={}",
        link.display(),
        fresh.display()
    );
    assert_eq!(ran(&words(&typed)).status.code(), Some(1));
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    held(&fs::read_to_string(&link).expect("a report"));
    let other = folder.path().join("other");
    fs::write(&other, "").expect("a file");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode();
    assert_eq!(mode(&fresh), mode(&other));
}

/// While a report is written it stands beside its place, under a name that nobody can lay a trap at; and where the old
/// report was its owner's alone, so is this.
#[cfg(unix)]
#[test]
fn a_report_that_is_being_written_has_a_name_that_nobody_can_guess() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.json");
        fs::write(&path, "old").expect("a file");
        let mine = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&path, mine).expect("permissions");
        let mut child = waiting_run(&format!("--report ndjson --report json={}", path.display()));
        // The report has been opened before the run begins.
        lines(&mut child).next().expect("a line");
        let entries = fs::read_dir(folder.path()).expect("a folder");
        let aside: Vec<_> = entries
            .map(|entry| entry.expect("an entry"))
            .filter(|entry| entry.path() != path)
            .collect();
        let [aside] = aside.as_slice() else {
            panic!("{aside:?}");
        };
        let mode = aside.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{aside:?}");
        let name = aside.file_name().into_string().expect("a name");
        let secret = name.strip_prefix(".exchports-").expect("its own prefix");
        assert!(secret.len() >= 6, "{name}");
        assert!(!name.contains(&child.id().to_string()), "{name}");
        seen.push(name);
        send(&mut child, "TERM");
        assert_eq!(ended(child), Some(143));
        let text = fs::read_to_string(&path).expect("a report");
        held(&text);
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_ne!(seen[0], seen[1]);
}
