//! This machine's store of roots.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Stand, folder, program, rows, told, words};
use crate::schema::held;

/// A certificate that leads to no root makes the check ask this machine's store; one that never comes costs no more
/// than a reply that never comes.
#[test]
fn a_store_of_roots_that_hangs_ends_with_the_check() {
    let stand = Stand::with(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("store.pem");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let begun = Instant::now();
    let mut command = program(&words("check --json --timeout 3s -s rdp,https"));
    command
        .args(stand.simulation.check_arguments())
        .env("SSL_CERT_FILE", &pipe)
        .env("SSL_CERT_DIR", "");
    let (out, err, exit) = told(&command.output().expect("it runs"));
    assert_eq!((err.as_str(), exit), ("", Some(0)), "{out}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let document = held(&out);
    let trust = |row: usize| rows(&document)[row]["tls"]["certificate"]["trust"].clone();
    assert_eq!(trust(0)["anchor"], "ca-file");
    assert_eq!(trust(1)["defects"], json!(["self-signed", "unproven"]));
}

/// What is said of this machine's store of roots, and whether the stand-in is trusted by it.
fn judged_by_store(stand: &Stand, trust: &str, store: &[(&str, &Path)]) -> (String, Option<i32>) {
    let port = stand.port("https");
    let mut command = program(&words(&format!(
        "check mail.example.test --address 127.0.0.1 -s https --map https={port} --json --trust {trust}"
    )));
    command
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR");
    for (name, path) in store {
        command.env(name, path);
    }
    let (out, err, exit) = told(&command.output().expect("it runs"));
    assert_eq!(out.is_empty(), exit == Some(2), "{out}{err}");
    assert!(err.lines().count() <= 1, "{err}");
    (err, exit)
}

/// Nobody is there to trust: that is this machine's trouble, and no certificate's.
#[test]
fn a_store_of_roots_that_is_empty_judges_nothing() {
    let stand = Stand::with(&[]);
    let folder = folder();
    let missing = folder.path().join("missing.pem");
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "nothing in it").expect("a file");
    for (path, words) in [(&missing, "No such file"), (&empty, "")] {
        let store = [("SSL_CERT_FILE", path.as_path())];
        let (err, exit) = judged_by_store(&stand, "system", &store);
        assert_eq!(exit, Some(2), "{err}");
        let line = format!(
            "exchports: with --trust system there is no root to trust: this machine's own store of roots is empty \
             (SSL_CERT_FILE={}",
            path.display()
        );
        assert!(err.starts_with(&line) && err.contains(words), "{err}");
        // Mozilla's roots are left; who issued this certificate could have stood in the store.
        let (err, exit) = judged_by_store(&stand, "both", &store);
        assert_eq!(exit, Some(1), "{err}");
        assert!(
            err.starts_with("exchports: warning: this machine's own store of roots is empty ("),
            "{err}"
        );
        assert_eq!(
            judged_by_store(&stand, "public", &store),
            (String::new(), Some(1))
        );
    }
    // What needs no certificate is not kept from being looked at.
    let port = stand.port("https");
    let mut command = program(&words(&format!(
        "check 127.0.0.1 -s https --map https={port} --trust system --tcp-only --json"
    )));
    command
        .env("SSL_CERT_FILE", &missing)
        .env("SSL_CERT_DIR", "");
    let (out, err, exit) = told(&command.output().expect("it runs"));
    assert_eq!((err.as_str(), exit), ("", Some(0)), "{out}");
}

/// Used as far as it goes; what was left out is told only where an issuer was looked for in vain.
#[test]
fn a_store_of_roots_that_is_half_broken_is_used() {
    const DAMAGED: &str = "-----BEGIN CERTIFICATE-----\nMIIB!!!\n-----END CERTIFICATE-----\n";
    let stand = Stand::with(&[]);
    let folder = folder();
    let good =
        fs::read_to_string(stand.simulation.ca_file().expect("a CA file")).expect("a CA file");
    let stranger = include_str!("../../fixtures/certificates/rsa-root.pem");
    let file = folder.path().join("store.pem");
    for (text, is_enough) in [
        (format!("{good}{DAMAGED}"), true),
        (format!("{DAMAGED}{good}"), true),
        (format!("{stranger}{DAMAGED}"), false),
        (format!("{DAMAGED}{stranger}"), false),
    ] {
        fs::write(&file, text).expect("a file");
        for trust in ["system", "both"] {
            let (err, exit) = judged_by_store(&stand, trust, &[("SSL_CERT_FILE", &file)]);
            if is_enough {
                assert_eq!((err.as_str(), exit), ("", Some(0)));
            } else {
                assert_eq!(exit, Some(1));
                let line = "exchports: warning: a part of this machine's own store of roots was left out (";
                assert!(err.starts_with(line) && err.contains("PEM"), "{err}");
            }
        }
    }
    // A folder with the good one, and with one that leads round in a circle: root may read everything else.
    let store = folder.path().join("store");
    fs::create_dir(&store).expect("a folder");
    std::os::unix::fs::symlink("circle.pem", store.join("circle.pem")).expect("a link");
    fs::write(store.join("stranger.pem"), stranger).expect("a file");
    let (err, exit) = judged_by_store(&stand, "system", &[("SSL_CERT_DIR", &store)]);
    assert_eq!(exit, Some(1));
    assert!(
        err.contains("was left out (") && err.contains("circle.pem"),
        "{err}"
    );
    fs::write(store.join("good.pem"), good).expect("a file");
    let told = judged_by_store(&stand, "system", &[("SSL_CERT_DIR", &store)]);
    assert_eq!(told, (String::new(), Some(0)));
}
