//! How it is told: conversations, colour, pages.

use serde_json::{Value, json};

use exchports::catalog::{ROLES, all};
use exchports::finding::Code;

use super::{Stand, closed, program, ran, rows, told, words};
use crate::schema::held;

#[test]
fn conversations_go_to_standard_error_and_into_documents() {
    let stand = Stand::with(&[]);
    let (out, err, exit) = told(&stand.check("-v --json -s smtp --ehlo-name admin-pc.example"));
    assert_eq!(exit, Some(0));
    let document = held(&out);
    let transcript = rows(&document)[0]["transcript"].as_array();
    let transcript = transcript.expect("it was kept");
    assert!(
        transcript.contains(&json!("C: EHLO admin-pc.example")),
        "{transcript:?}"
    );
    assert!(
        err.contains("C: EHLO admin-pc.example") && err.contains("S: 220 "),
        "{err}"
    );
    assert!(!err.contains('\u{1b}'));
    let (out, err, _) = told(&stand.check("--json -s smtp"));
    assert_eq!(err, "");
    assert!(rows(&held(&out))[0].get("transcript").is_none());
}

#[test]
fn problems_alone_can_be_shown() {
    let stand = Stand::with(&["certificate-expired@imaps"]);
    let (all, ..) = told(&stand.check(""));
    let (problems, _, exit) = told(&stand.check("--problems"));
    assert_eq!(exit, Some(1));
    assert!(
        all.contains("  pop3s ") && !problems.contains("  pop3s "),
        "{problems}"
    );
    assert!(problems.contains("  imaps ") && problems.contains("certificate-expired"));
    assert!(
        problems.contains("22 checks: 21 pass, 1 fail"),
        "{problems}"
    );
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let port = closed();
    let typed = format!("check 127.0.0.1 -s imap --map imap={port}");
    let colored = |more: &str, variables: &[(&str, &str)]| {
        let mut command = program(&words(&format!("{typed} {more}")));
        command.envs(variables.iter().copied());
        let output = command.output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).contains('\u{1b}')
    };
    assert!(!colored("", &[]));
    assert!(colored("--color always", &[]));
    assert!(colored("--color always", &[("NO_COLOR", "1")]));
    assert!(colored("", &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored("", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colored("--color never", &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn everything_that_has_a_name_is_explained() {
    let mut words: Vec<String> = Code::all().map(|code| code.as_str().to_owned()).collect();
    for row in all() {
        words.extend([row.name.to_owned(), row.port.to_string()]);
        words.extend(row.aliases.iter().copied().map(str::to_owned));
    }
    words.extend(ROLES.iter().map(|row| row.name.to_owned()));
    for word in words {
        let (out, err, exit) = told(&ran(&["explain".to_owned(), word.clone()]));
        assert_eq!((err.as_str(), exit), ("", Some(0)), "{word}");
        assert!(out.lines().count() > 2, "{word}: {out}");
        // An address is never broken.
        let is_fit = |line: &str| line.contains("https://") || line.chars().count() <= 80;
        assert!(out.lines().all(is_fit), "{out}");
    }
}

#[test]
fn explain_takes_what_people_paste() {
    for (pasted, said) in [
        ("[filtered]", "filtered (fail)"),
        ("ETIMEDOUT", "filtered (fail)"),
        ("10061", "refused (fail)"),
        ("450 4.7.230", "Exchange Online slows down mail"),
        ("421 4.3.2 Service not active", "Get-ServerComponentState"),
        ("handshake_failure", "tls-no-common-cipher"),
        ("bad_certificate", "TLS alert 42"),
        ("BAD CERTIFICATE", "TLS alert 42"),
    ] {
        let quoted = ["explain".to_owned(), pasted.to_owned()];
        let as_it_stands = words(&format!("explain {pasted}"));
        for typed in [&quoted[..], &as_it_stands] {
            let (out, err, exit) = told(&ran(typed));
            assert_eq!((err.as_str(), exit), ("", Some(0)), "{pasted}");
            assert!(out.contains(said), "{pasted}: {out}");
        }
    }
}

#[test]
fn explain_lists_every_word_that_it_takes() {
    let (out, _, exit) = told(&ran(&words("explain --list")));
    assert_eq!(exit, Some(0));
    let out = on_one_line(&out);
    for word in exchports::judge::words() {
        assert!(out.contains(word), "{word} is not in the list");
    }
}

#[test]
fn explain_all_and_list_name_the_same_services() {
    let (explained, ..) = told(&ran(&words("explain all")));
    let explained = on_one_line(&explained);
    let (listed, ..) = told(&ran(&words("list")));
    for service in all() {
        assert!(explained.contains(&format!("{}: {}", service.name, service.title)));
        assert!(listed.contains(service.name), "{}", service.name);
    }
}

#[test]
fn the_catalog_is_listed_for_people_and_for_scripts() {
    let (out, err, exit) = told(&ran(&words("list")));
    assert_eq!((err.as_str(), exit), ("", Some(0)));
    for service in all() {
        assert!(out.contains(service.name), "{}", service.name);
    }
    let (out, _, exit) = told(&ran(&words("list --json")));
    assert_eq!(exit, Some(0));
    let catalog: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        catalog["services"].as_array().map(Vec::len),
        Some(all().count())
    );
    assert_eq!(catalog["roles"].as_array().map(Vec::len), Some(ROLES.len()));
}

/// Without the breaks that come of the width.
fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
