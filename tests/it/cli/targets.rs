//! Targets, their addresses, and how many at once.

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, ToSocketAddrs as _};
#[cfg(unix)]
use std::process::Command;

use serde_json::{Value, json};

use exchports::catalog::all;

use super::{Stand, closed, folder, names, path, ran, ran_with, report, rows, silent, told, words};
use crate::schema::held;

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
            ["127.0.0.1", "[::1]", "localhost."],
            "{bounds}"
        );
        assert_eq!(rows(&document).len(), 6, "{bounds}");
    }
    let (_, err, exit) = told(&ran_with(&words("check -"), b"# nobody\n"));
    assert_eq!(exit, Some(2));
    assert!(err.contains("standard input has no target in it"), "{err}");
    let (_, err, exit) = told(&ran_with(&words("check -"), b"a.example\nb c\n"));
    assert_eq!(exit, Some(2));
    assert!(
        err.contains("standard input, line 2: `c` is not a role"),
        "{err}"
    );
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
                message.contains(&format!("port {port} does not accept")),
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
    let ca = stand.simulation.ca_file().expect("a CA file").display();
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
