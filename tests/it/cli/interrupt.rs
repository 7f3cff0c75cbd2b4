//! Runs that are interrupted.

use std::io::Read as _;
#[cfg(unix)]
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::Value;

use super::{ended, folder, lines, path, rows, sent, spawned, waiting_run, words};
use crate::schema::held;

#[test]
fn an_interrupted_run_tells_what_is_done() {
    // Windows asks nobody to end; what closes a console or the machine cannot be sent.
    let signals = [("INT", 130), ("TERM", 143)];
    for (signal, exit) in &signals[..if cfg!(unix) { 2 } else { 1 }] {
        let folder = folder();
        let file = folder.path().join("report.json");
        let mut child = waiting_run(&format!("--report ndjson --report json={}", file.display()));
        let mut lines = lines(&mut child);
        let finished = loop {
            let line = lines.next().expect("a line");
            let line: Value = serde_json::from_str(&line).expect("JSON");
            if line["event"] == "check-finished" {
                break line;
            }
        };
        assert_eq!(finished["service"], "imap");
        if !sent(&mut child, signal) {
            return;
        }
        let rest: Vec<String> = lines.collect();
        assert_eq!(ended(child), Some(*exit), "{signal}");
        let last: Value = serde_json::from_str(rest.last().expect("lines")).expect("JSON");
        assert_eq!(last["event"], "run-finished");
        assert_eq!(last["interrupted"], true);

        let document = held(&fs::read_to_string(&file).expect("a report"));
        assert_eq!(document["interrupted"], true);
        let rows = rows(&document);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["service"], "smtp");
        assert_eq!(rows[0]["status"], "skip");
        assert_eq!(rows[0]["failure"]["code"], "interrupted");
        assert_eq!(rows[1]["failure"]["code"], "refused");
    }
}

#[test]
fn an_interrupted_document_on_standard_output_is_whole() {
    let mut child = waiting_run("--json");
    let mut out = child.stdout.take().expect("a pipe");
    // The head is written at once.
    let mut text = vec![0];
    out.read_exact(&mut text).expect("the head");
    if !sent(&mut child, "INT") {
        return;
    }
    out.read_to_end(&mut text).expect("the rest");
    assert_eq!(ended(child), Some(130));
    let document = held(&String::from_utf8(text).expect("UTF-8"));
    assert_eq!(document["interrupted"], true);
    assert_eq!(rows(&document).len(), 2);
}

/// Signals come in pairs, and the second must not cut off what the first has begun to close.
#[cfg(unix)]
#[test]
fn a_second_signal_at_once_leaves_the_document_whole() {
    // Of two that are there at once, either may be the first.
    for (signals, exits) in [
        ("INT INT", &[130][..]),
        ("TERM TERM", &[143]),
        ("INT TERM", &[130, 143]),
    ] {
        let mut child = waiting_run("--json");
        let mut out = child.stdout.take().expect("a pipe");
        let mut text = vec![0];
        out.read_exact(&mut text).expect("the head");
        let kill: Vec<_> = signals
            .split(' ')
            .map(|signal| format!("kill -{signal} {}", child.id()))
            .collect();
        let sent = Command::new("sh").args(["-c", &kill.join("; ")]).status();
        sent.expect("a shell");
        // Nothing is read before the second has come, so that a run that heeds it at once is cut short.
        thread::sleep(Duration::from_millis(200));
        out.read_to_end(&mut text).expect("the rest");
        let exit = ended(child).expect("it was not killed");
        assert!(exits.contains(&exit), "{signals}: {exit}");
        let document = held(&String::from_utf8(text).expect("UTF-8"));
        assert_eq!(document["interrupted"], true, "{signals}");
        assert_eq!(rows(&document).len(), 2, "{signals}");
    }
}

#[test]
fn a_second_interrupt_ends_a_run_whose_reader_takes_nothing() {
    let folder = folder();
    let many: Vec<String> = (0..300)
        .map(|number| format!("host-{number}.example\n"))
        .collect();
    let list = path(&folder, "list", Some(&many.concat()));
    let file = folder.path().join("report.json");
    let typed = format!(
        "check --targets-file {list} --address 127.0.0.1 --json --report table={}",
        file.display()
    );
    let mut child = spawned(&words(&typed));
    // Far more than a pipe holds, and nobody reads it.
    thread::sleep(Duration::from_millis(1500));
    assert!(child.try_wait().expect("a child").is_none(), "it ended");
    let begun = Instant::now();
    if !sent(&mut child, "INT") {
        return;
    }
    thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().expect("a child").is_none(), "it ended");
    // The first has a second; who insists has no more to wait.
    assert!(sent(&mut child, "INT"), "it was before");
    assert_eq!(ended(child), Some(130));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    // To send one takes seconds on Windows.
    assert!(cfg!(windows) || begun.elapsed() < Duration::from_secs(6));
    let left: Vec<_> = fs::read_dir(folder.path()).expect("the folder").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
