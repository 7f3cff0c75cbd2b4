//! A domain that is told while it is looked at, and one whose look ends before its time.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::document::Discovered;
use super::{PATIENCE, asked_name, discover, document, program, serve, small_answer};
use crate::cli::{ended, sent};
use crate::schema::held;

/// The name that nobody answers for until it is let go.
const HELD: &str = "_mta-sts.example.com";

/// What stands before MTA-STS in the tree.
const BEFORE: &str = "  _submission: mail.example.com:587";

#[test]
fn what_is_known_is_told_while_the_rest_is_asked_for() {
    let slow = slow_domain();
    let at = slow.at;
    let mut child = spawned(at, &[]);
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let before = read_until(&mut out, BEFORE);
    assert!(before.starts_with("example.com  asked of 127.0.0.1"));
    assert!(before.contains("mail.example.com 127.0.0.1"), "{before}");
    assert!(before.contains("4 SRV _autodiscover._tcp"), "{before}");
    assert!(!before.contains("MTA-STS"), "{before}");
    slow.is_let_go.store(true, Ordering::Relaxed);
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("the rest");
    assert_eq!(ended(child), Some(0));
    assert!(rest.contains("\nMTA-STS\n  none\n"), "{rest}");
    // What came in pieces is what comes at once.
    let tree = [before, rest].concat();
    let at_once = String::from_utf8(discover(at, &["example.com"]).stdout).expect("a tree");
    assert_eq!(without_times(&tree), without_times(&at_once));
}

#[test]
fn a_deadline_leaves_what_was_learned() {
    let slow = slow_domain();
    let at = slow.at;
    let output = discover(at, &["example.com", "--deadline", "2s", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found = document(&output);
    assert_cut(&found, "deadline", "Missing: MTA-STS");
    assert_eq!(found.mx.len(), 2);

    let output = discover(at, &["example.com", "--deadline", "2s"]);
    assert_eq!(output.status.code(), Some(1));
    let tree = String::from_utf8(output.stdout).expect("a tree");
    assert!(tree.contains(BEFORE), "{tree}");
    assert!(
        tree.contains("\nMTA-STS\n  the run ended before that\n"),
        "{tree}"
    );
    assert!(tree.contains("[discovery-unfinished]"), "{tree}");
    assert!(tree.contains("exchports check --role"), "{tree}");
}

#[test]
fn a_deadline_before_the_first_answer_is_one_line() {
    let at = serve(|_| None);
    let output = discover(at, &["example.com", "--deadline", "300ms"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("nothing could be asked about example.com"),
        "{told}"
    );
    assert!(told.contains("--deadline"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn an_interrupt_leaves_what_was_learned() {
    let slow = slow_domain();
    let at = slow.at;
    let mut child = spawned(at, &[]);
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let before = read_until(&mut out, BEFORE);
    if !sent(&mut child, "INT") {
        return;
    }
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("the rest");
    assert_eq!(ended(child), Some(130), "{before}{rest}");
    assert!(rest.contains("The run was interrupted"), "{rest}");
    assert!(rest.contains("Missing: MTA-STS"), "{rest}");
    assert!(
        rest.lines()
            .last()
            .is_some_and(|line| line.starts_with("fail example.com: "))
    );
}

/// Nothing is written of a document before its end, so that nothing tells when it is time.
#[test]
fn an_interrupted_document_is_whole() {
    let slow = slow_domain();
    let at = slow.at;
    let mut child = spawned(at, &["--json"]);
    is_asked(&slow);
    if !sent(&mut child, "INT") {
        return;
    }
    let mut text = String::new();
    let mut out = child.stdout.take().expect("a pipe");
    out.read_to_string(&mut text).expect("a document");
    assert_eq!(ended(child), Some(130), "{text}");
    let found: Discovered = serde_json::from_str(&text).expect("a document");
    assert_cut(&found, "interrupt", "");
}

/// The hosts that were found have their rows all the same; what was not done in time is skipped.
#[test]
fn a_check_whose_deadline_ends_while_it_looks_is_a_report() {
    let slow = slow_domain();
    let at = slow.at;
    let at = at.to_string();
    let common = ["check", "--domain", "example.com", "--resolver", &at];
    let output = program(&[&common[..], &["--deadline", "2s", "--json"]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), told.as_ref()), (Some(1), ""));
    let document = held(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(document["domain"]["cut_short"], "deadline");
    let targets = document["targets"].as_array().expect("targets");
    assert_eq!(targets[0]["target"], "mail.example.com");
    let rows = targets[0]["checks"].as_array().expect("rows");
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|row| row["status"] == "skip"), "{rows:#?}");
}

#[test]
fn an_interrupted_check_of_a_domain_is_a_report() {
    let slow = slow_domain();
    let at = slow.at;
    let at = at.to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_exchports"))
        .args([
            "check",
            "--domain",
            "example.com",
            "--resolver",
            &at,
            "--json",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    is_asked(&slow);
    if !sent(&mut child, "INT") {
        return;
    }
    let mut text = String::new();
    let mut out = child.stdout.take().expect("a pipe");
    out.read_to_string(&mut text).expect("a document");
    assert_eq!(ended(child), Some(130), "{text}");
    let document = held(&text);
    assert_eq!(document["interrupted"], true);
    assert_eq!(document["domain"]["cut_short"], "interrupt");
}

fn assert_cut(found: &Discovered, end: &str, missing: &str) {
    assert_eq!(found.cut_short.0.as_deref(), Some(end));
    let told = found.diagnoses.iter();
    let mut told = told.filter(|told| told.code == "discovery-unfinished");
    let message = &told.next().expect("it is told").message;
    assert!(message.contains(missing), "{message}");
}

/// The small domain, whose MTA-STS is not answered for until it is let go.
struct SlowDomain {
    at: SocketAddr,
    is_let_go: Arc<AtomicBool>,
    is_asked: Arc<AtomicBool>,
}

fn slow_domain() -> SlowDomain {
    let is_let_go = Arc::new(AtomicBool::new(false));
    let is_asked = Arc::new(AtomicBool::new(false));
    let (let_go, asked) = (Arc::clone(&is_let_go), Arc::clone(&is_asked));
    let at = serve(move |question| {
        if asked_name(question).0 == HELD && !let_go.load(Ordering::Relaxed) {
            asked.store(true, Ordering::Relaxed);
            return None;
        }
        Some(small_answer(question))
    });
    SlowDomain {
        at,
        is_let_go,
        is_asked,
    }
}

/// Waits until the program asks, and so heeds signals.
fn is_asked(domain: &SlowDomain) {
    let begun = Instant::now();
    while !domain.is_asked.load(Ordering::Relaxed) {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(10));
    }
}

fn spawned(resolver: SocketAddr, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_exchports"))
        .args([
            "discover",
            "example.com",
            "--resolver",
            &resolver.to_string(),
        ])
        .args(more)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs")
}

fn read_until(out: &mut BufReader<ChildStdout>, end: &str) -> String {
    let mut text = String::new();
    while !text.lines().any(|line| line == end) {
        let length = out.read_line(&mut text).expect("a line");
        assert!(length > 0, "{text}");
    }
    text
}

fn without_times(tree: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in tree.split_whitespace() {
        if word.starts_with("ms") || word.contains("ms)") {
            words.pop();
        } else {
            words.push(word);
        }
    }
    words.join(" ")
}
