//! The tool's own troubles: no files, no ports, no disk, no network, no resolver. Each gets a clear line and an honest exit
//! code, and none of them is told as the peer's.
//!
//! Namespaces of Linux stage them. Where the system gives none, the test says so and passes. What stands elsewhere: signals,
//! readers that go away, `/dev/full`, a store of roots that hangs (`cli`), stores that are missing or broken (`tls`). The
//! wall clock enters the judgement as an argument (`judge`), and every duration comes from a clock that does not jump;
//! resolvers that answer with control characters, without end or in circles are hostile peers (`hostile::names`).

use std::io::{self, Write as _};
use std::process::{Command, Output};

use serde_json::Value;

use crate::cli::{Stand, rows, told};
use crate::schema::held;

/// Of 64 files most are taken, and the run does not know: it goes on with the few there are.
#[test]
fn without_files_fewer_sockets_are_open_at_once_and_no_check_fails() {
    let stand = Stand::with(&[]);
    for taken in [40, 48, 51] {
        let mut arguments = stand.simulation.check_arguments();
        arguments.push("--json".to_owned());
        let Some(output) = bash(
            &format!(
                "ulimit -n 64; for ((i = 3; i < {taken}; i++)); do eval \"exec $i</dev/null\"; done"
            ),
            &[],
            &arguments,
        ) else {
            return;
        };
        let (out, err, exit) = told(&output);
        assert_eq!((err.as_str(), exit), ("", Some(0)), "{taken}: {out}");
        assert_eq!(held(&out)["summary"]["skip"], 0, "{taken}: {out}");
    }
}

/// Not even one file is left: nothing is judged, and the word is this machine's.
#[test]
fn without_any_file_nothing_is_judged() {
    nothing_is_judged_without_files("127.0.0.1");
}

/// A lookup takes files as well; a name is not called unknown because nobody could be asked.
#[test]
fn without_any_file_no_name_is_blamed() {
    nothing_is_judged_without_files("localhost");
}

fn nothing_is_judged_without_files(target: &str) {
    let taken = "ulimit -n 64; for ((i = 3; i < 58; i++)); do eval \"exec $i</dev/null\"; done";
    let mut least = None;
    for more in 0..6 {
        let setup = format!(
            "{taken}; for ((i = 58; i < 58 + {more}; i++)); do eval \"exec $i</dev/null\"; done"
        );
        let Some(output) = bash(&setup, &[], &words(&format!("{target} -s smtp --json"))) else {
            return;
        };
        let (out, err, exit) = told(&output);
        if out.is_empty() {
            // Not even an event loop, or a library: one line and 2, or the loader's own word.
            assert_ne!(exit, Some(0), "{err}");
            assert!(!err.is_empty());
            continue;
        }
        let document = held(&out);
        let code = rows(&document)[0]["failure"]["code"].clone();
        match code.as_str() {
            Some("refused") => assert_eq!(exit, Some(1)),
            Some("out-of-resources") => {
                assert_eq!(exit, Some(2), "{out}");
                assert_eq!(rows(&document)[0]["status"], "skip");
                least = Some(more);
            }
            _ => panic!("{out}"),
        }
    }
    assert!(least.is_some(), "it was never short of exactly one file");
}

/// One port to come from, for ten connections to one endpoint.
#[test]
fn without_ports_the_word_is_this_machines() {
    let setup = "ip link set lo up || exit 77\n\
                 \"$0\" simulate >\"$FOLDER/line\" 2>/dev/null & server=$!\n\
                 trap 'kill $server' EXIT\n\
                 until [[ -s $FOLDER/line ]]; do sleep 0.05; done\n\
                 echo 33000 33000 >/proc/sys/net/ipv4/ip_local_port_range || exit 77\n\
                 \"$0\" $(cut -d' ' -f2- \"$FOLDER/line\") --json -s web --timeout 3s\n\
                 exit $?";
    let Some(output) = unshared("-rn", setup, &[]) else {
        return;
    };
    let (out, err, exit) = told(&output);
    let document = held(&out);
    let codes: Vec<&Value> = rows(&document)
        .iter()
        .map(|row| &row["failure"]["code"])
        .filter(|code| !code.is_null())
        .collect();
    assert!(!codes.is_empty(), "there were ports enough: {out}");
    for code in codes {
        assert_eq!(code, "out-of-resources", "{out}");
    }
    for row in rows(&document) {
        assert_ne!(row["status"], "fail", "{row}");
    }
    // What was required was not looked at.
    assert_eq!((err.as_str(), exit), ("", Some(1)), "{out}");
}

#[test]
fn without_a_network_nothing_is_judged() {
    for target in ["192.0.2.1", "2001:db8::1", "mail.example.com"] {
        let arguments = words(&format!("{target} -s smtp,imap --json"));
        let Some(output) = unshared("-rn", "", &arguments) else {
            return;
        };
        let (out, err, exit) = told(&output);
        assert_eq!((err.as_str(), exit), ("", Some(2)), "{target}: {out}");
        let document = held(&out);
        for row in rows(&document) {
            assert_eq!(row["status"], "skip", "{row}");
            assert_eq!(row["failure"]["code"], "no-network", "{row}");
        }
        // For people it is one line, told once.
        let output = unshared("-rn", "", &words(&format!("{target} -s smtp,imap"))).expect("again");
        let (out, ..) = told(&output);
        assert_eq!(out.matches("neither IPv4 nor IPv6").count(), 1, "{out}");
        assert!(!out.contains("`-4`"), "{out}");
        // So it is where nothing is printed.
        let quiet = words(&format!("{target} -s smtp,imap -q"));
        let (out, err, exit) = told(&unshared("-rn", "", &quiet).expect("again"));
        assert_eq!((out.as_str(), exit), ("", Some(2)), "{target}");
        assert!(err.ends_with("[no-network]\n"), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

/// A machine that has a network, and nobody to ask: a name is not found wanting, its lookup failed.
#[test]
fn without_a_resolver_the_lookup_failed() {
    let setup = "printf 'nameserver 127.254.254.254\\noptions timeout:1 attempts:1\\n' >\"$FOLDER/resolv\"\n\
                 mount --bind \"$FOLDER/resolv\" /etc/resolv.conf || exit 77";
    let Some(output) = unshared("-rm", setup, &words("mail.example.com -s smtp --json")) else {
        return;
    };
    if told(&output).0.contains("no-network") {
        return say_not_staged("this machine has no network at all");
    }
    let (out, err, exit) = told(&output);
    assert_eq!((err.as_str(), exit), ("", Some(1)), "{out}");
    let document = held(&out);
    let row = rows(&document)[0];
    assert_eq!(row["failure"]["stage"], "resolve");
    assert_eq!(row["failure"]["code"], "name-lookup-failed");
}

/// A host with both families, on a machine that has one: the other is not held against it.
#[test]
fn without_ipv6_the_other_family_is_used() {
    let setup = "ip link set lo up || exit 77\n\
                 echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6\n\
                 printf '::1 both.test\\n127.0.0.1 both.test\\n' >\"$FOLDER/hosts\"\n\
                 mount --bind \"$FOLDER/hosts\" /etc/hosts || exit 77";
    for (more, exit, code) in [
        ("", 1, "refused"),
        ("-6", 2, "address-family-missing"),
        ("-4", 1, "refused"),
    ] {
        let arguments = words(&format!("both.test -s smtp --json {more}"));
        let Some(output) = unshared("-rnm", setup, &arguments) else {
            return;
        };
        let (out, err, ended) = told(&output);
        assert_eq!((err.as_str(), ended), ("", Some(exit)), "{more}: {out}");
        let document = held(&out);
        assert_eq!(rows(&document)[0]["failure"]["code"], code, "{more}: {out}");
    }
}

/// A disk that is full before the report is: the old one stays as it was, and nothing else does.
#[test]
fn on_a_full_disk_the_old_report_stays() {
    let setup = "mkdir \"$FOLDER/disk\" && mount -t tmpfs -o size=16k disk \"$FOLDER/disk\" || exit 77\n\
                 echo old >\"$FOLDER/disk/report.json\"\n\
                 \"$0\" demo -q --report json=\"$FOLDER/disk/report.json\"\n\
                 exit=$?\n\
                 ls -A \"$FOLDER/disk\"; cat \"$FOLDER/disk/report.json\"\n\
                 exit $exit";
    let Some(output) = unshared("-rm", setup, &[]) else {
        return;
    };
    let (out, err, exit) = told(&output);
    assert_eq!(
        (out.as_str(), exit),
        ("report.json\nold\n", Some(2)),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("the report cannot be written to"), "{err}");
    assert!(err.contains("No space left"), "{err}");
}

fn words(typed: &str) -> Vec<String> {
    crate::cli::words(typed)
}

/// Runs a check in namespaces of its own, after a setup that exits with 77 where it is not allowed. `None`, aloud, where
/// the system has or gives none.
fn unshared(namespaces: &str, setup: &str, arguments: &[String]) -> Option<Output> {
    let unshare = ["unshare", namespaces, "--"];
    let can = Command::new("unshare").args([namespaces, "true"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        say_not_staged(&format!("`unshare {namespaces}` is not allowed here"));
        return None;
    }
    bash(setup, &unshare, arguments)
}

/// Runs a check in a shell, after a setup.
fn bash(setup: &str, within: &[&str], arguments: &[String]) -> Option<Output> {
    let folder = tempfile::tempdir().expect("a folder");
    let bounded = ["timeout", "60", "bash", "-c"];
    let mut words = within.iter().copied().chain(bounded);
    let mut command = Command::new(words.next().expect("a word"));
    command
        .args(words)
        .arg(format!("{setup}\nexec \"$0\" check \"$@\""))
        .arg(env!("CARGO_BIN_EXE_exchports"))
        .args(arguments)
        .env("FOLDER", folder.path());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            say_not_staged(&format!("no bash here: {error}"));
            return None;
        }
    };
    if output.status.code() == Some(77) {
        say_not_staged(String::from_utf8_lossy(&output.stderr).trim());
        return None;
    }
    Some(output)
}

fn say_not_staged(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(io::stderr(), "SKIPPED {test}: {why}");
}
