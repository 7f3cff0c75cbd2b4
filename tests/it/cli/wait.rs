//! `--wait`: until all is well, or time is up.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use super::{Stand, closed, ended, lines, ran, refusal, silent, spawned, told, words};
use crate::schema::held;

#[test]
fn it_is_well_within_a_second_of_the_server() {
    const LATE: Duration = Duration::from_secs(3);
    let port = closed();
    let typed = format!("check 127.0.0.1 -s imap --map imap={port} --tcp-only --wait 30s --json");
    let begun = Instant::now();
    let mut child = spawned(&words(&typed));
    let server = thread::spawn(move || {
        thread::sleep(LATE);
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        listener.accept().map(drop)
    });
    let out: String = lines(&mut child).map(|line| line + "\n").collect();
    assert_eq!(ended(child), Some(0), "{out}");
    let took = begun.elapsed();
    // A second of its own, and what a loaded machine takes.
    assert!(
        took >= LATE && took < LATE + Duration::from_secs(3),
        "{took:?}"
    );
    let document = held(&out);
    assert!(document["summary"]["rounds"].as_u64() > Some(2), "{out}");
    assert_eq!(
        document["targets"][0]["checks"].as_array().map(Vec::len),
        Some(1)
    );
    server.join().expect("a thread").expect("a connection");
}

#[test]
fn what_never_comes_is_told_when_time_is_up() {
    let typed = format!(
        "check 127.0.0.1 -s imap --map imap={} --wait 2s --json",
        closed()
    );
    let begun = Instant::now();
    let (out, err, exit) = told(&ran(&words(&typed)));
    assert_eq!((err.as_str(), exit), ("", Some(1)), "{out}");
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert_eq!(held(&out)["targets"][0]["checks"][0]["state"], "closed");
}

#[test]
fn what_has_passed_is_not_asked_again() {
    let stand = Stand::with(&["refused@pop3"]);
    let (out, err, exit) = told(&stand.check("-s imaps,pop3 --wait 1s -v --json"));
    assert_eq!(exit, Some(1), "{out}");
    let document = held(&out);
    let rounds = document["summary"]["rounds"].as_u64().expect("rounds");
    assert!(rounds > 1, "{out}");
    // The conversation is told once, as that of the one time.
    assert_eq!(err.matches("imaps").count(), 1, "{err}");
    let (junit, _, exit) = told(&stand.check("-s pop3 --wait 1s --report junit"));
    assert_eq!(exit, Some(1), "{junit}");
    assert!(
        junit.contains("<property name=\"rounds\" value=\""),
        "{junit}"
    );
    // Without waiting there is nothing to tell of it.
    let (junit, ..) = told(&stand.check("-s pop3 --report junit"));
    assert!(!junit.contains("rounds"), "{junit}");
}

#[test]
fn nothing_to_wait_for_is_refused() {
    let typed = words("check a.example -r edge -s imap --optional imap --wait 5s");
    assert!(refusal(&typed).contains("--wait"));
    assert!(refusal(&words("check a.example --wait soon")).contains("--wait"));
}

#[test]
fn it_waits_no_longer_than_the_deadline() {
    let typed = format!(
        "check 127.0.0.1 -s imap --map imap={} --wait 20s --deadline 1s --json",
        silent()
    );
    let begun = Instant::now();
    let (out, _, exit) = told(&ran(&words(&typed)));
    assert_eq!(exit, Some(1), "{out}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}
