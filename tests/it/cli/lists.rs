//! Lists of targets that are long, or slow, or without end.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::Value;

use exchports::plan::Limits;

use super::{
    PATIENCE, ended, folder, lines, names, path, ran, refused, sent, spawned, told, words,
};
use crate::schema::held;

/// A port that takes whoever comes, and lets go.
fn accepting() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    thread::spawn(move || listener.incoming().for_each(drop));
    port
}

/// Looks at one port of whatever it is told of.
fn typed(port: u16, more: &str) -> Vec<String> {
    words(&format!(
        "check - --address 127.0.0.1 -s smtp --map smtp={port} --tcp-only {more}"
    ))
}

/// A list of so many hosts, each twice.
fn list(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let name = format!("host-{number}.example");
        writeln!(text, "{name}\n{name} # again").expect("memory");
    }
    text
}

fn finished(lines: &mut impl Iterator<Item = String>) -> String {
    for line in lines {
        let line: Value = serde_json::from_str(&line).expect("JSON");
        if line["event"] == "target-finished" {
            return line["target"].as_str().expect("a name").to_owned();
        }
    }
    panic!("no further target");
}

fn write(child: &mut Child, text: &str) {
    let input = child.stdin.as_mut().expect("a pipe");
    input.write_all(text.as_bytes()).expect("it reads");
}

#[test]
fn a_pipe_is_read_as_it_comes() {
    let mut child = spawned(&typed(accepting(), "--report ndjson"));
    write(&mut child, "# hosts\na.example\nb.exa");
    let mut lines = lines(&mut child);
    assert_eq!(finished(&mut lines), "a.example");
    write(&mut child, "mple\na.example\n");
    assert_eq!(finished(&mut lines), "b.example");
    write(&mut child, "c.example");
    drop(child.stdin.take());
    assert_eq!(finished(&mut lines), "c.example");
    let last: Value = serde_json::from_str(&lines.last().expect("an end")).expect("JSON");
    assert_eq!(last["summary"]["targets"], 3);
    assert_eq!(ended(child), Some(0));
}

#[test]
fn a_line_that_is_no_host_ends_a_pipe_and_loses_nothing() {
    let folder = folder();
    let file = folder.path().join("report.json");
    let more = format!("--report ndjson --report json={}", file.display());
    let mut child = spawned(&typed(accepting(), &more));
    write(&mut child, "a.example\n");
    let mut lines = lines(&mut child);
    assert_eq!(finished(&mut lines), "a.example");
    write(&mut child, "b.example\nhost:25\nc.example\n");
    assert_eq!(finished(&mut lines), "b.example");
    assert!(lines.last().expect("an end").contains("run-finished"));
    let mut err = String::new();
    let mut from = child.stderr.take().expect("a pipe");
    from.read_to_string(&mut err).expect("UTF-8");
    assert!(
        err.starts_with("exchports: standard input, line 3: `host:25` has a port"),
        "{err}"
    );
    assert_eq!(ended(child), Some(2));
    let document = held(&fs::read_to_string(&file).expect("a report"));
    assert_eq!(names(&document), ["a.example", "b.example"]);
}

#[test]
fn an_interrupt_ends_a_pipe_without_end() {
    let mut child = spawned(&typed(accepting(), "--report ndjson"));
    write(&mut child, "a.example\n");
    let mut lines = lines(&mut child);
    assert_eq!(finished(&mut lines), "a.example");
    if !sent(&mut child, "INT") {
        return;
    }
    let last: Value = serde_json::from_str(&lines.last().expect("an end")).expect("JSON");
    assert_eq!(
        (&last["interrupted"], &last["summary"]["targets"]),
        (&true.into(), &1.into())
    );
    assert_eq!(ended(child), Some(130));
}

#[test]
fn a_deadline_ends_a_pipe_without_end() {
    let mut child = spawned(&typed(accepting(), "--report ndjson --deadline 1s"));
    write(&mut child, "a.example\n");
    let mut lines = lines(&mut child);
    assert_eq!(finished(&mut lines), "a.example");
    assert!(lines.last().expect("an end").contains("run-finished"));
    assert_eq!(ended(child), Some(0));
}

#[test]
fn a_long_file_is_told_in_its_order_each_host_once() {
    let count = Limits::LISTED + 500;
    let folder = folder();
    let file = path(&folder, "hosts", Some(&list(count)));
    let mut arguments = typed(accepting(), "--json --targets-file");
    arguments.push(file);
    arguments.retain(|word| word != "-");
    let (out, err, exit) = told(&ran(&arguments));
    assert_eq!((err.as_str(), exit), ("", Some(0)));
    let document = held(&out);
    let expected: Vec<String> = (0..count)
        .map(|number| format!("host-{number}.example"))
        .collect();
    assert_eq!(names(&document), expected);
}

#[test]
fn all_of_a_long_file_is_looked_at_before_anything_begins() {
    let folder = folder();
    let mut text = list(Limits::LISTED + 500);
    text.push_str("host:25\n");
    let long = path(&folder, "long", Some(&text));
    let line = format!("long, line {}: `host:25`", 2 * (Limits::LISTED + 500) + 1);
    refused(&[(
        words(&format!("check --targets-file {long}")),
        &[line.as_str()],
    )]);
}

/// Whoever takes nothing pauses the run: nothing more is read and looked at than there is room for, and nothing is lost.
#[test]
fn a_reader_that_takes_nothing_pauses_the_run() {
    const COUNT: usize = 3000;
    let mut child = spawned(&typed(accepting(), "--report ndjson"));
    let mut input = child.stdin.take().expect("a pipe");
    let written = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&written);
    let writer = thread::spawn(move || {
        // Long lines: what is read ahead counts by bytes.
        let padding = "-".repeat(1000);
        for number in 0..COUNT {
            let line = format!("host-{number}.example # {padding}\n");
            input.write_all(line.as_bytes()).expect("it reads");
            told.store(number + 1, Ordering::Relaxed);
        }
    });
    let begun = Instant::now();
    let mut before = usize::MAX;
    while before != written.load(Ordering::Relaxed) && begun.elapsed() < PATIENCE {
        before = written.load(Ordering::Relaxed);
        thread::sleep(Duration::from_secs(1));
    }
    assert!(
        (1..COUNT / 2).contains(&before),
        "{before} lines were taken"
    );
    let ends = lines(&mut child).filter(|line| line.contains("\"target-finished\""));
    assert_eq!(ends.count(), COUNT);
    writer.join().expect("all is written");
    assert_eq!(ended(child), Some(0));
}
