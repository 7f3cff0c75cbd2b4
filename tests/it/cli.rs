//! The program from outside: what is typed, what comes out, what it ends with.

use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use exchports::catalog::{ROLES, all};
use exchports::finding::Code;
use exchports::plan::Limits;
use exchports::simulate::{self, Settings, Simulation, Staged};

use crate::schema::held;

// -- what cannot be meant

#[test]
fn what_is_no_target_is_told_on_one_line() {
    refused(&[
        (
            words("check"),
            &["no target", "exchports check mail.example.com"],
        ),
        (check("a b"), &["`a b`", "one host name an argument"]),
        (check("a\u{1b}[31m"), &[r"`a\x1B[31m`", "control character"]),
        (check("a\nb"), &[r"`a\x0Ab`", "control character"]),
        (check(""), &["``", "mail.example.com"]),
        (check("a..b"), &["`a..b`", "empty label"]),
        (check(".example.com"), &["empty label"]),
        (
            check("user@example.com"),
            &["`user@example.com`", "mail address", "mail.example.com"],
        ),
        (
            check("mail.example.com:587"),
            &["`mail.example.com`", "--service 587"],
        ),
        (
            check("https://mail.example.com/owa"),
            &["URL", "`mail.example.com`"],
        ),
        (
            check("mail.example.com/owa"),
            &["path", "`mail.example.com`"],
        ),
        (check("1.2.3"), &["`1.2.3`", "IPv4 address"]),
        (check("fe80::1%eth0"), &["zone"]),
        (check("fe80::1"), &["`fe80::1`", "link-local"]),
        (check("224.0.0.1"), &["multicast", "one host's own"]),
        (check("255.255.255.255"), &["broadcast", "one host's own"]),
        (check("0.0.0.0"), &["no host's", "127.0.0.1"]),
        (check("::"), &["no host's", "::1"]),
        (check("10.0.0.0/24"), &["networks", "one by one"]),
        (check("//host"), &["alone, `host`"]),
        (
            check("127.0.0.1,::1"),
            &["give one host an argument, or one a line"],
        ),
        (
            words("check a.example --address ff02::1"),
            &["--address `ff02::1`", "multicast"],
        ),
        (
            words("check --targets-file -"),
            &["--targets-file", "exchports check -"],
        ),
    ]);
}

#[test]
fn unknown_services_ports_and_roles_are_told_on_one_line() {
    refused(&[
        (
            words("check a.example -s gopher"),
            &["`gopher`", "smtp, http", "all"],
        ),
        (
            words("check a.example -s smtp,,imap"),
            &["`smtp,,imap`", "empty item"],
        ),
        (words("check a.example -s 8443"), &["8443", "--map"]),
        (words("check a.example -s 0"), &["port 0", "1 to 65535"]),
        (
            words("check a.example -s 65536"),
            &["port 65536", "1 to 65535"],
        ),
        (
            words("check a.example --require gopher"),
            &["`gopher`", "smtp, http"],
        ),
        (
            words("check a.example --map smtp"),
            &["`smtp`", "SERVICE=PORT"],
        ),
        (
            words("check a.example --map smtp=0"),
            &["`smtp=0`", "1 to 65535"],
        ),
        (
            words("check a.example --map smtp=65536"),
            &["`smtp=65536`", "1 to 65535"],
        ),
        (
            words("check a.example --map smtp=x"),
            &["`smtp=x`", "1 to 65535"],
        ),
        (
            words("check a.example --map gopher=70"),
            &["`gopher`", "powershell, or a port"],
        ),
        (
            words("check a.example --map web=9"),
            &["web", "--map https=8443"],
        ),
        (words("check a.example --map all=9"), &["--map smtp=2525"]),
        (
            words("check a.example -r butler"),
            &["`butler`", "mailbox", "published"],
        ),
        (
            words("demo --fault rdp-nla-required"),
            &["rdp-nla-required", "add --audit"],
        ),
        (words("demo --fault gremlins"), &["`gremlins`", "silent"]),
        (words("demo --fault silent@gopher"), &["`gopher`", "smtp"]),
        (words("simulate --base-port 65000"), &["65000", "62146"]),
        (
            words("simulate --map owa=1234"),
            &["owa=1234", "--map https=1234"],
        ),
        (
            words("simulate --fault silent@imap --fault refused@imap"),
            &["`silent`", "imap", "`refused`"],
        ),
        (
            words("demo --fault silent@imap --fault refused@imap"),
            &["`silent`", "imap", "`refused`"],
        ),
        (
            words("simulate --role edge --fault silent@imap"),
            &["`silent`", "imap", "edge", "only on smtp, rdp"],
        ),
        (words("explain gremlins"), &["`gremlins`", "exchports list"]),
        (
            words("explain filterd"),
            &["`filterd`", "exchports list", "like it: filtered"],
        ),
    ]);
}

#[test]
fn contradictions_are_told_on_one_line() {
    refused(&[
        (words("check a.example -4 -6"), &["--ipv4", "--ipv6"]),
        (
            words("check a.example --source 192.0.2.1 --address ::1"),
            &["--address ::1", "--source 192.0.2.1"],
        ),
        (
            words("check a.example -4 --address ::1"),
            &["--address ::1", "IPv6", "-4"],
        ),
        (words("check -6 192.0.2.1"), &["192.0.2.1", "IPv4", "-6"]),
        (
            words("check a.example -6 --source 192.0.2.1"),
            &["--source 192.0.2.1", "-6"],
        ),
        (
            words("check ::1 --source 192.0.2.1"),
            &["::1", "--source 192.0.2.1"],
        ),
        (
            words("check a.example --require smtp --forbid 25"),
            &["smtp", "required", "forbidden"],
        ),
        (
            words("check a.example --optional smtp --forbid 25"),
            &["smtp", "optional", "forbidden"],
        ),
        (
            words("check a.example --map smtp=25 --map 25=26"),
            &["smtp", "25 and 26"],
        ),
        (
            words("check a.example --json --report table"),
            &["one report", "standard output"],
        ),
        (
            words("check a.example --report json --report ndjson"),
            &["one report"],
        ),
        #[cfg(unix)]
        (
            words("check a.example --report table --report json=/dev/stdout"),
            &["one report"],
        ),
        (
            words("check a.example -q --report table"),
            &["--quiet", "--report table"],
        ),
        (
            words("check a.example --cert-days 7,30"),
            &["`7,30`", "30,7"],
        ),
        (
            words("check a.example --ehlo-name A.example"),
            &["`A.example`", "target's own name"],
        ),
        (
            words("check 192.0.2.1 --servername b.example --ehlo-name b.example"),
            &["own name"],
        ),
    ]);
}

#[test]
fn values_that_cannot_be_meant_are_told_on_one_line() {
    refused(&[
        (
            words("check a.example --cert-days soon"),
            &["`soon`", "30,7"],
        ),
        (
            words("check a.example --timeout soon"),
            &["--timeout", "`soon`", "5s"],
        ),
        (
            words("check a.example --timeout 0"),
            &["--timeout", "1ms to 24h"],
        ),
        (
            words("check a.example --connect-timeout 25h"),
            &["--connect-timeout", "1ms to 24h"],
        ),
        (words("check a.example --deadline x"), &["--deadline", "5s"]),
        (words("check a.example -j 0"), &["--jobs", "1 to 65535"]),
        (
            words("check a.example --per-address no"),
            &["--per-address", "1 to 65535"],
        ),
        (
            words("check a.example --address b.example"),
            &["--address", "192.0.2.10"],
        ),
        (
            words("check a.example --source eth0"),
            &["--source", "192.0.2.10"],
        ),
        (
            words("check a.example --servername b..example"),
            &["`b..example`", "empty label"],
        ),
        (
            words("check a.example --ehlo-name a_b"),
            &["--ehlo-name", "`a_b`"],
        ),
        (
            words("check a.example --ehlo-name [::1]"),
            &["--ehlo-name", "[IPv6:::1]"],
        ),
        (
            words("check a.example --ehlo-name 192.0.2.5"),
            &["--ehlo-name", "[192.0.2.5]"],
        ),
        (
            option("--servername", "a b"),
            &["--servername `a b`", "mail.example.com"],
        ),
        (option("--servername", ""), &["--servername ``", "(empty)"]),
        (
            words("check a.example --min-tls 1.1"),
            &["--min-tls `1.1`", "1.2 and 1.3", "--audit"],
        ),
        (
            words("check a.example --report xml"),
            &["`xml`", "table, json, ndjson"],
        ),
        (words("check a.example --report json="), &["names no file"]),
        (
            words("check a.example --report json=-"),
            &["standard output is what `--report json` means"],
        ),
    ]);
}

#[test]
fn files_that_cannot_be_used_are_told_on_one_line_and_none_is_left() {
    let folder = folder();
    let missing = folder.path().join("no-folder").join("report.json");
    let missing = format!("json={}", missing.display());
    let in_place = format!("json={}", folder.path().display());
    let same = format!("json={}", folder.path().join("same").display());
    let same_table = format!("table={}", folder.path().join(".").join("same").display());
    let lost = path(&folder, "lost", None);
    let empty = path(&folder, "empty", Some("# nobody\n\n"));
    let bad_line = path(&folder, "bad-line", Some("mail.example.com\n\nhost:587\n"));
    let text = path(&folder, "text", Some("not a certificate\n"));
    let key = path(
        &folder,
        "key",
        Some("-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n"),
    );
    let broken = path(
        &folder,
        "broken",
        Some("-----BEGIN CERTIFICATE-----\nMC4CAQ==\n-----END CERTIFICATE-----\n"),
    );
    let a_folder = folder.path().display().to_string();
    let endless = path(&folder, "endless", Some("a.example\n"));
    fs::File::options()
        .write(true)
        .open(&endless)
        .and_then(|file| file.set_len(Limits::FILE_BYTES + 1))
        .expect("it can be long");
    let reports = |to: &str| ["check", "a.example", "--report", to].map(str::to_owned);
    refused(&[
        (
            reports(&missing).to_vec(),
            &["no-folder", "no folder", "make it first"],
        ),
        (reports(&in_place).to_vec(), &["it is a folder"]),
        (
            [&reports(&same)[..], &["--report".to_owned(), same_table]].concat(),
            &["its own"],
        ),
        (file("--targets-file", &lost), &["lost", "cannot be read"]),
        (
            file("--targets-file", &empty),
            &["empty has no target in it", "one host a line"],
        ),
        (
            file("--targets-file", &bad_line),
            &["bad-line, line 3: `host:587`"],
        ),
        (file("--ca-file", &lost), &["lost", "PEM or DER"]),
        (file("--ca-file", &a_folder), &["--ca-file", "PEM or DER"]),
        (file("--ca-file", &text), &["text", "PEM or DER"]),
        (file("--ca-file", &key), &["key", "no certificate"]),
        (file("--ca-file", &broken), &["broken", "certificate 1"]),
        (
            file("--targets-file", &endless),
            &["endless", "over 16 MiB"],
        ),
        (file("--ca-file", &endless), &["endless", "over 16 MiB"]),
    ]);
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(
        left,
        ["bad-line", "broken", "empty", "endless", "key", "text"]
    );
}

/// Each of these is refused, with these words among others.
fn refused(cases: &[(Vec<String>, &[&str])]) {
    for (arguments, said) in cases {
        let line = refusal(arguments);
        for word in *said {
            assert!(line.contains(word), "{arguments:?}: {line}");
        }
    }
}

#[test]
fn an_option_that_nobody_knows_is_told_on_one_line_as_well() {
    for (typed, said) in [
        ("chek", &["'chek'", "'check'", "see exchports --help"][..]),
        (
            "check --forbidd rdp a",
            &["'--forbidd'", "'--forbid'", "see exchports check --help"],
        ),
        (
            "check a --timeout",
            &["--timeout", "see exchports check --help"],
        ),
        ("check a --fail-on x", &["'x'", "fail, warn, never"]),
        ("check a --role any --role any", &["--role"]),
        ("explain", &["<WORD>", "see exchports explain --help"]),
        (
            "demo mail.example.com",
            &["'mail.example.com'", "see exchports demo --help"],
        ),
    ] {
        let line = refusal(&words(typed));
        for word in said {
            assert!(line.contains(word), "{typed}: {line}");
        }
    }
}

#[test]
fn help_is_an_answer_and_no_command_is_not() {
    for typed in [
        "--help",
        "-h",
        "help",
        "check --help",
        "simulate -h",
        "--version",
    ] {
        let (out, err, exit) = told(&ran(&words(typed)));
        assert_eq!((err.as_str(), exit), ("", Some(0)), "{typed}");
        assert!(!out.is_empty() && !out.contains('\u{1b}'), "{typed}");
        assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
    }
    let (out, err, exit) = told(&ran(&[]));
    assert_eq!((out.as_str(), exit), ("", Some(2)));
    assert!(err.contains("Usage: exchports <COMMAND>"), "{err}");
    for option in [
        "--source",
        "--min-tls",
        "--per-address",
        "--report",
        "--no-progress",
    ] {
        let (out, ..) = told(&ran(&words("check --help")));
        assert!(out.contains(option), "{option}");
    }
}

// -- documents on every path

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
                    err.starts_with("exchports: warning: --audit"),
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

// -- exit codes

#[test]
fn what_makes_the_exit_code_1_can_be_chosen() {
    let soon = Stand::with(&["certificate-expires-soon"]);
    let expired = Stand::with(&["certificate-expired@imaps"]);
    for (stand, fail_on, exit) in [
        (&soon, "fail", 0),
        (&soon, "warn", 1),
        (&soon, "never", 0),
        (&expired, "fail", 1),
        (&expired, "warn", 1),
        (&expired, "never", 0),
    ] {
        let (out, err, code) = told(&stand.check(&format!("-q --fail-on {fail_on}")));
        assert_eq!((out.as_str(), err.as_str()), ("", ""), "{fail_on}");
        assert_eq!(code, Some(exit), "{fail_on}");
    }
}

#[test]
fn what_was_not_looked_at_is_no_success() {
    let port = silent();
    let arguments = format!("127.0.0.1 -s smtp --map smtp={port} --json --deadline 300ms");
    let (document, exit) = report(&arguments, &[]);
    assert_eq!(rows(&document)[0]["status"], "skip");
    assert_eq!(rows(&document)[0]["failure"]["code"], "deadline");
    assert_eq!(exit, Some(1));
    // Not even `never` makes it one; and who has asked to hear nothing hears that.
    let (_, exit) = report(&format!("{arguments} --fail-on never"), &[]);
    assert_eq!(exit, Some(2));
    let quiet = format!("check 127.0.0.1 -s smtp --map smtp={port} --deadline 300ms -q");
    let (out, err, exit) = told(&ran(&words(&format!("{quiet} --fail-on never"))));
    assert_eq!((out.as_str(), exit), ("", Some(2)));
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("nothing could be judged: smtp: "), "{err}");
    assert!(err.contains("[deadline]"), "{err}");
    let (out, err, exit) = told(&ran(&words(&quiet)));
    assert_eq!((out.as_str(), err.as_str(), exit), ("", "", Some(1)));
    // With hardly any time at all there is still a row for each.
    let (document, exit) = report(
        &format!("127.0.0.1 no-such-host.invalid --map smtp={port} --json --deadline 1ms"),
        &[],
    );
    assert_eq!(rows(&document).len(), 2 * all().count());
    assert_eq!(exit, Some(1));
}

#[test]
fn what_cannot_leave_this_machine_was_not_judged() {
    let (document, exit) = report("127.0.0.1 --source 192.0.2.1 --json", &[]);
    assert_eq!(exit, Some(2));
    assert_eq!(document["summary"]["skip"], all().count());
    assert_eq!(rows(&document)[0]["failure"]["code"], "source-unusable");
    let (out, err, exit) = told(&ran(&words("check 127.0.0.1 --source 192.0.2.1 -q")));
    assert_eq!((out.as_str(), exit), ("", Some(2)));
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("[source-unusable]"), "{err}");
    // One that leads nowhere is no router's fault.
    let line = "192.0.2.1 --source 127.0.0.1 -s smtp --json";
    let (document, exit) = report(line, &[]);
    assert_eq!(exit, Some(2));
    let row = rows(&document)[0];
    assert_eq!(
        (&row["status"], &row["state"]),
        (&json!("skip"), &json!("blocked"))
    );
    if row["failure"]["code"] != "address-family-missing" {
        assert_eq!(row["failure"]["code"], "source-unusable");
    }
    // A source that is this machine's is used, and chooses the family.
    let stand = Stand::with(&[]);
    let (document, exit) = stand.report("--json --source 127.0.0.1 -s imaps");
    assert_eq!(exit, Some(0));
    let local = rows(&document)[0]["local_address"].as_str();
    assert!(local.is_some_and(|local| local.starts_with("127.0.0.1:")));
}

// -- interrupted

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
    let many = "127.0.0.1\n".repeat(300);
    let list = path(&folder, "list", Some(&many));
    let file = folder.path().join("report.json");
    let typed = format!(
        "check --targets-file {list} --json --report table={}",
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

// -- where reports go

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
    assert!(out.contains("21 checks: 21 pass"), "{out}");
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

// -- targets

#[test]
fn documents_follow_the_targets_and_lines_follow_completion() {
    let port = silent();
    let folder = folder();
    let file = folder.path().join("report.json");
    let list = path(
        &folder,
        "list",
        Some("\u{feff}# two\r\nno-such-host.invalid # gone\r\n\r\nlocalhost\r\n"),
    );
    let typed = format!(
        "check 127.0.0.1 --targets-file {list} -s smtp --map smtp={port} --timeout 3s -4 \
         --report ndjson --report json={}",
        file.display()
    );
    let (out, _, exit) = told(&ran(&words(&typed)));
    assert_eq!(exit, Some(1));
    let finished: Vec<String> = out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter(|line| line["event"] == "target-finished")
        .map(|line| line["target"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(finished.len(), 3);
    assert_ne!(finished[0], "127.0.0.1", "it is the slow one");
    let document = held(&fs::read_to_string(&file).expect("a report"));
    assert_eq!(
        names(&document),
        ["127.0.0.1", "no-such-host.invalid", "localhost"]
    );
}

#[test]
fn targets_come_from_standard_input_as_well() {
    let port = closed();
    for bounds in [
        "",
        "--jobs 1",
        "--per-address 1",
        "--jobs 2 --per-address 1",
    ] {
        let arguments =
            format!("- ::1 -s imap,pop3 --map imap={port} --map pop3={port} {bounds} --json");
        let input = "# hosts\n127.0.0.1\n[::1]  # in brackets\nlocalhost.\n127.0.0.1";
        let (document, exit) = report(&arguments, input.as_bytes());
        assert_eq!(exit, Some(1));
        assert_eq!(
            names(&document),
            ["127.0.0.1", "[::1]", "localhost.", "127.0.0.1", "::1"],
            "{bounds}"
        );
        assert_eq!(rows(&document).len(), 10, "{bounds}");
    }
    let (_, err, exit) = told(&ran_with(&words("check -"), b"# nobody\n"));
    assert_eq!(exit, Some(2));
    assert!(err.contains("standard input has no target in it"), "{err}");
    let (_, err, exit) = told(&ran_with(&words("check -"), b"a.example\nb c\n"));
    assert_eq!(exit, Some(2));
    assert!(err.contains("standard input, line 2: `b c`"), "{err}");
    let (_, err, exit) = told(&ran_with(&words("check -"), b"a\xe4.example\n"));
    assert_eq!(exit, Some(2));
    assert!(err.contains("UTF-8"), "{err}");
}

#[test]
fn one_socket_at_a_time_is_enough_for_everything() {
    let stand = Stand::with(&[]);
    for bounds in ["--jobs 1", "--per-address 1"] {
        let (document, exit) = stand.report(&format!("{bounds} --json"));
        assert_eq!(exit, Some(0), "{bounds}");
        assert_eq!(document["summary"]["pass"], all().count(), "{bounds}");
    }
}

#[cfg(unix)]
#[test]
fn few_files_are_enough_for_twelve_ports() {
    let stand = Stand::with(&[]);
    for limit in [40, 20] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")]);
        command.arg(env!("CARGO_BIN_EXE_exchports")).arg("check");
        command
            .args(stand.simulation.check_arguments())
            .arg("--json");
        let output = command.output().expect("a shell");
        let (out, err, exit) = told(&output);
        assert_eq!((err.as_str(), exit), ("", Some(0)), "{limit}: {out}");
        assert_eq!(held(&out)["summary"]["pass"], all().count());
    }
}

/// A certificate that leads to no root makes the check ask this machine's store; one that never comes costs no more
/// than a reply that never comes.
#[cfg(unix)]
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
    assert_eq!(trust(1)["defects"], json!(["self-signed", "other"]));
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
#[cfg(target_os = "linux")]
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
            "exchports: --trust system leaves nobody to trust: this machine's own store of roots is empty \
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
#[cfg(target_os = "linux")]
#[test]
fn a_store_of_roots_that_is_half_broken_is_used() {
    const DAMAGED: &str = "-----BEGIN CERTIFICATE-----\nMIIB!!!\n-----END CERTIFICATE-----\n";
    let stand = Stand::with(&[]);
    let folder = folder();
    let good = fs::read_to_string(stand.simulation.ca_file()).expect("a CA file");
    let stranger = include_str!("../fixtures/certificates/rsa-root.pem");
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

#[test]
fn every_address_has_rows_of_its_own() {
    let addresses: HashSet<IpAddr> = ("localhost", 0)
        .to_socket_addrs()
        .expect("localhost has addresses")
        .map(|address| address.ip())
        .collect();
    let (document, _) = report("localhost -s smtp,imap --all-addresses --json", &[]);
    let rows = rows(&document);
    assert_eq!(rows.len(), 2 * addresses.len());
    let keys: HashSet<_> = rows
        .iter()
        .map(|row| (row["service"].to_string(), row["address"].to_string()))
        .collect();
    assert_eq!(keys.len(), rows.len());
    assert!(rows.is_sorted_by_key(|row| row["port"].as_u64()));
    let one_family = "localhost -s smtp --json";
    for more in [
        "-4",
        "-4 --all-addresses",
        "--source 127.0.0.1 --all-addresses",
    ] {
        let (document, _) = report(&format!("{one_family} {more}"), &[]);
        let addresses = &document["targets"][0]["addresses"];
        assert_eq!(addresses, &json!(["127.0.0.1"]), "{more}");
    }
}

#[test]
fn web_services_that_are_not_asked_have_the_address_of_443_as_their_key() {
    let port = closed();
    let (document, exit) = report(
        &format!("localhost -s 443,web --map https={port} --all-addresses --json"),
        &[],
    );
    assert_eq!(exit, Some(1));
    let mut keys = HashSet::new();
    for row in rows(&document) {
        assert!(row["address"].is_string(), "{row}");
        assert!(keys.insert((&row["service"], &row["address"])), "{row}");
        if row["service"] != "https" {
            assert_eq!(row["failure"]["code"], "https-not-open");
            let message = row["diagnoses"][0]["message"].as_str().expect("words");
            assert!(
                message.contains(&format!("since port {port} accepts")),
                "{row}"
            );
        }
    }
}

#[test]
fn a_web_service_on_a_port_of_its_own_stands_by_itself() {
    let (https, owa) = (closed(), closed());
    let typed = format!("check 127.0.0.1 -s https,owa --map https={https} --map owa={owa}");
    let (out, _, exit) = told(&ran(&words(&typed)));
    assert_eq!(exit, Some(1));
    for (port, service) in [(https, "https"), (owa, "owa")] {
        let is_its_line = |line: &str| {
            let mut words = line.split_whitespace();
            words.next() == Some(port.to_string().as_str()) && words.next() == Some(service)
        };
        assert!(https == owa || out.lines().any(is_its_line), "{out}");
    }
}

#[test]
fn the_name_can_be_another_than_what_is_connected_to() {
    let stand = Stand::with(&[]);
    let port = stand.port("https");
    let ca = stand.simulation.ca_file().display();
    let check = format!("check -s https --map https={port} --ca-file {ca} --json");
    for (more, name_matches, exit) in [
        ("mail.example.test --address 127.0.0.1", true, 0),
        ("mail.example.test. --address 127.0.0.1", true, 0),
        ("MAIL.EXAMPLE.TEST --address 127.0.0.1", true, 0),
        ("127.0.0.1 --servername mail.example.test", true, 0),
        ("other.example --address 127.0.0.1", false, 1),
        (
            "mail.example.test --address 127.0.0.1 --servername other.example",
            false,
            1,
        ),
    ] {
        let (out, err, code) = told(&ran(&words(&format!("{check} {more}"))));
        assert_eq!((err.as_str(), code), ("", Some(exit)), "{more}");
        let document = held(&out);
        let row = rows(&document)[0];
        assert_eq!(
            row["tls"]["certificate"]["name_matches"], name_matches,
            "{more}"
        );
        assert_eq!(row["tls"]["certificate"]["trust"]["anchor"], "ca-file");
    }
}

// -- how it is told

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
        problems.contains("21 checks: 20 pass, 1 fail"),
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

// -- the program

/// Nothing here takes ten seconds; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

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

pub(crate) fn words(typed: &str) -> Vec<String> {
    typed.split_whitespace().map(str::to_owned).collect()
}

fn check(target: &str) -> Vec<String> {
    vec!["check".to_owned(), target.to_owned()]
}

fn option(option: &str, value: &str) -> Vec<String> {
    ["check", "a.example", option, value]
        .map(str::to_owned)
        .to_vec()
}

fn file(option: &str, path: &str) -> Vec<String> {
    let mut arguments = vec!["check".to_owned(), option.to_owned(), path.to_owned()];
    if option != "--targets-file" {
        arguments.push("a.example".to_owned());
    }
    arguments
}

fn program(arguments: &[String]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_exchports"));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    command.args(arguments).timeout(PATIENCE);
    command
}

pub(crate) fn ran(arguments: &[String]) -> Output {
    ran_with(arguments, &[])
}

fn ran_with(arguments: &[String], input: &[u8]) -> Output {
    let mut command = program(arguments);
    command.write_stdin(input).output().expect("it runs")
}

/// Standard output, standard error, exit code.
pub(crate) fn told(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes UTF-8");
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    )
}

/// The one line of a run that was refused.
fn refusal(arguments: &[String]) -> String {
    let (out, err, exit) = told(&ran(arguments));
    assert_eq!((out.as_str(), exit), ("", Some(2)), "{arguments:?}: {err}");
    let line = err.strip_suffix('\n').expect("a line");
    assert!(line.starts_with("exchports: "), "{line}");
    assert!(!line.chars().any(char::is_control), "{line:?}");
    line.to_owned()
}

/// The document of a check and what it ended with.
fn report(arguments: &str, input: &[u8]) -> (Value, Option<i32>) {
    let (out, err, exit) = told(&ran_with(&words(&format!("check {arguments}")), input));
    assert_eq!(err, "", "{arguments}");
    (held(&out), exit)
}

pub(crate) fn rows(document: &Value) -> Vec<&Value> {
    let targets = document["targets"].as_array().expect("targets");
    let rows = targets.iter().map(|target| target["checks"].as_array());
    rows.flat_map(|rows| rows.expect("rows")).collect()
}

fn names(document: &Value) -> Vec<&str> {
    let targets = document["targets"].as_array().expect("targets");
    let names = targets.iter().map(|target| target["target"].as_str());
    names.map(|name| name.expect("a name")).collect()
}

fn spawned(arguments: &[String]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exchports"));
    alone(&mut command);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs")
}

/// Lets a process be interrupted without the tests.
pub(crate) fn alone(command: &mut Command) {
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt as _;
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
        command.creation_flags(CREATE_NEW_PROCESS_GROUP);
    }
    // A signal goes to one process anyway.
    #[cfg(not(windows))]
    let _ = command;
}

/// A run that finds one port closed and waits for another that is silent.
fn waiting_run(more: &str) -> Child {
    let (silent, closed) = (silent(), closed());
    let typed = format!(
        "check 127.0.0.1 -s smtp,imap --map smtp={silent} --map imap={closed} --timeout 60s {more}"
    );
    spawned(&words(&typed))
}

/// What it writes, line by line.
fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    use std::io::BufRead as _;
    let out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    out.lines().map(|line| line.expect("UTF-8"))
}

/// What it ended with; it has little time for that.
pub(crate) fn ended(mut child: Child) -> Option<i32> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.code();
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("it can be killed");
    panic!("it did not end");
}

/// Ends a process as a terminal does, for a test that is about that; where it cannot be done, it says so aloud.
fn sent(child: &mut Child, signal: &str) -> bool {
    let is_sent = send(child, signal);
    if !is_sent {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let why = "no PowerShell here to send a Ctrl-Break with";
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
    }
    is_sent
}

/// Ends a process as a terminal does. Where that cannot be done it is killed, and this is `false`.
#[cfg(unix)]
pub(crate) fn send(child: &mut Child, signal: &str) -> bool {
    let kill = format!("kill -{signal} {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status();
    assert!(sent.expect("a shell").success(), "{kill}");
    true
}

/// Ends a process as a terminal does. Where that cannot be done it is killed, and this is `false`.
///
/// To one group of processes Windows sends Ctrl-Break, but not Ctrl-C (Microsoft, `GenerateConsoleCtrlEvent`). Nothing
/// here may call that; PowerShell may. Wine has only the name of a PowerShell.
#[cfg(windows)]
pub(crate) fn send(child: &mut Child, _: &str) -> bool {
    let script = format!(
        "Add-Type -Namespace Win -Name Console -MemberDefinition '[DllImport(\"kernel32.dll\")] \
         public static extern bool GenerateConsoleCtrlEvent(uint kind, uint group);'; \
         if ([Win.Console]::GenerateConsoleCtrlEvent(1, {})) {{ 'sent' }}",
        child.id()
    );
    let told = Command::new("powershell")
        .args(["-NoProfile", "-NonInteractive", "-Command", &script])
        .stdin(Stdio::null())
        .output();
    let is_sent = told.is_ok_and(|told| told.stdout.starts_with(b"sent"));
    if !is_sent {
        child.kill().expect("it can be killed");
    }
    is_sent
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A file in the folder, made when it has a text.
fn path(folder: &TempDir, name: &str, text: Option<&str>) -> String {
    let path = folder.path().join(name);
    if let Some(text) = text {
        fs::write(&path, text).expect("a file");
    }
    path.display().to_string()
}

// -- peers

/// The stand-in server in this process.
pub(crate) struct Stand {
    pub(crate) simulation: Simulation,
    _runtime: tokio::runtime::Runtime,
}

impl Stand {
    pub(crate) fn with(faults: &[&str]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("an event loop");
        let faults = faults
            .iter()
            .map(|fault| Staged::parse(fault).expect("a fault"));
        let settings = Settings {
            faults: faults.collect(),
            ..Settings::default()
        };
        let simulation = runtime
            .block_on(simulate::start(settings))
            .expect("free ports");
        Self {
            simulation,
            _runtime: runtime,
        }
    }

    pub(crate) fn check(&self, more: &str) -> Output {
        let mut arguments = vec!["check".to_owned()];
        arguments.extend(self.simulation.check_arguments());
        arguments.extend(words(more));
        ran(&arguments)
    }

    pub(crate) fn report(&self, more: &str) -> (Value, Option<i32>) {
        let (out, err, exit) = told(&self.check(more));
        assert_eq!(err, "", "{more}");
        (held(&out), exit)
    }

    fn port(&self, service: &str) -> u16 {
        let mut endpoints = self.simulation.endpoints().iter();
        let found = endpoints.find(|(id, _)| id.row().name == service);
        found.expect("a service").1.port()
    }
}

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port")
}

/// A port that nobody listens on.
fn closed() -> u16 {
    listener().local_addr().expect("an address").port()
}

/// A port that accepts and never says a word.
fn silent() -> u16 {
    serve(|stream, kept| kept.push(stream))
}

/// A port that never stops talking, and says nothing.
fn flood() -> u16 {
    serve(|mut stream, _| {
        thread::spawn(move || while stream.write_all(&[b'a'; 4096]).is_ok() {});
    })
}

fn serve(mut meet: impl FnMut(TcpStream, &mut Vec<TcpStream>) + Send + 'static) -> u16 {
    let listener = listener();
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming().flatten() {
            meet(stream, &mut kept);
        }
    });
    port
}
