//! A document on every path.

use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use exchports::catalog::all;

use super::{closed, ran, report, rows, serve, silent, told, words};

#[test]
fn a_name_that_does_not_exist_is_a_finding() {
    let (document, exit) = report("no-such-host.invalid --json --timeout 6s", &[]);
    if rows(&document)[0]["failure"]["code"] == "no-network" {
        // No network here: nobody could be asked.
        return assert_eq!(exit, Some(2));
    }
    assert_eq!(exit, Some(1));
    let target = &document["targets"][0];
    assert_eq!(target["addresses"], json!([]));
    let rows = rows(&document);
    assert_eq!(rows.len(), all().count());
    for row in rows {
        assert_eq!(row["status"], "fail");
        assert_eq!(row["state"], "unresolved");
        assert_eq!(row["failure"]["stage"], "resolve");
        assert_eq!(row["address"], Value::Null);
        // The cause is told once, at the target.
        assert_eq!(row["diagnoses"], json!([]));
        assert_eq!(row["failure"]["code"], target["diagnoses"][0]["code"]);
    }
}

#[test]
fn a_closed_port_is_refused() {
    let port = closed();
    let (document, exit) = report(&format!("127.0.0.1 -s imap --map imap={port} --json"), &[]);
    assert_eq!(exit, Some(1));
    let row = rows(&document)[0];
    assert_eq!(row["state"], "closed");
    assert_eq!(row["failure"]["code"], "refused");
    assert_eq!(row["address"], format!("127.0.0.1:{port}"));
    // Nobody has to be there, and nobody may be.
    for (option, status) in [("--optional", "absent"), ("--forbid", "pass")] {
        let arguments = format!("127.0.0.1 -s imap {option} imap --map imap={port} --json");
        let (document, exit) = report(&arguments, &[]);
        assert_eq!(rows(&document)[0]["status"], status);
        assert_eq!(exit, Some(0), "{option}");
    }
}

#[test]
fn a_silent_port_costs_its_timeout_and_no_more() {
    let port = silent();
    let begun = Instant::now();
    let arguments = format!("127.0.0.1 -s smtp,https --map smtp={port} --map https={port}");
    let (document, exit) = report(&format!("{arguments} --json --timeout 3s"), &[]);
    assert!(begun.elapsed() < Duration::from_secs(9));
    assert_eq!(exit, Some(1));
    for (row, stage) in rows(&document).iter().zip(["greeting", "tls-handshake"]) {
        assert_eq!(row["state"], "open");
        assert_eq!(row["failure"]["stage"], stage);
        assert_eq!(row["failure"]["code"], "silent");
    }
    // For a look at TCP alone silence is fine.
    let (document, exit) = report(&format!("{arguments} --json --tcp-only"), &[]);
    assert_eq!(exit, Some(0));
    for row in rows(&document) {
        assert_eq!(
            (&row["status"], &row["state"]),
            (&json!("pass"), &json!("open"))
        );
        assert_eq!(row["steps"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn an_audit_that_has_nothing_to_ask_says_so() {
    let port = closed();
    for (services, is_warned) in [
        ("web", true),
        ("owa", true),
        ("443,web", false),
        ("https", false),
    ] {
        for (audit, is_asked) in [(" --audit", true), ("", false)] {
            let line = format!("check 127.0.0.1 -q -s {services} --map https={port}{audit}");
            let (_, err, exit) = told(&ran(&words(&line)));
            assert_eq!(exit, Some(1), "{line}");
            if is_warned && is_asked {
                assert!(
                    err.starts_with("exchports: warning: for the web services --audit"),
                    "{line}: {err}"
                );
                assert!(err.contains("--service 443,web"), "{line}: {err}");
                assert_eq!(err.lines().count(), 1, "{line}: {err}");
            } else {
                assert_eq!(err, "", "{line}");
            }
        }
    }
}

#[test]
fn a_flood_is_cut_off() {
    let port = flood();
    let begun = Instant::now();
    let arguments = format!("127.0.0.1 -s smtp,imap --map smtp={port} --map imap={port}");
    let (document, exit) = report(&format!("{arguments} --json --timeout 5s"), &[]);
    assert!(begun.elapsed() < Duration::from_secs(12));
    assert_eq!(exit, Some(1));
    for row in rows(&document) {
        assert_eq!(row["status"], "fail");
        assert_eq!(row["failure"]["stage"], "greeting", "{row}");
    }
}

/// A port that never stops talking, and says nothing.
fn flood() -> u16 {
    serve(|mut stream, _| {
        thread::spawn(move || while stream.write_all(&[b'a'; 4096]).is_ok() {});
    })
}
