//! How a run is told to monitoring systems: metrics for Prometheus, local checks for Checkmk, the answer of a plugin. Each
//! is read by a reader that is written by its documentation and knows nothing of how we write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use proptest::prelude::*;

use exchports::event::Event;
use exchports::facts::Text;
use exchports::finding::PluginState;
use exchports::plan::CertDays;
use exchports::report::{Exposition, Format, plugin_answer, scraped};

use crate::report::{PLAIN, hold_golden, nodes, one_row, run, told};

#[test]
fn documents_look_as_they_did() {
    let mask = |text: String| text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    hold_golden(
        "report.prom",
        &mask(told(&run(), Format::Prometheus, PLAIN)),
    );
    hold_golden("report.checkmk.txt", &told(&run(), Format::Checkmk, PLAIN));
    let levels = CertDays::Days {
        warn: 30,
        fail: Some(14),
    };
    for (verbosity, name) in [(0, "nagios"), (2, "nagios-verbose")] {
        let answer = plugin_answer(&run(), PluginState::Critical, levels, verbosity);
        hold_golden(&format!("{name}.txt"), &answer);
    }
}

// -- Prometheus

/// A sample: its name, its labels, its value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Reads the text format by its specification, and refuses what that forbids.
fn samples(text: &str) -> Vec<Sample> {
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "the last line ends"
    );
    let mut samples: Vec<Sample> = Vec::new();
    let mut known: BTreeSet<(String, BTreeMap<String, String>)> = BTreeSet::new();
    let mut groups: Vec<String> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let help = line
            .strip_prefix("# HELP ")
            .unwrap_or_else(|| panic!("{line}"));
        let (name, help) = help.split_once(' ').expect("a text of help");
        assert!(help.ends_with('.') && !help.contains('\r'), "{help}");
        let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE "));
        let kind = kind
            .and_then(|kind| kind.strip_prefix(name))
            .expect("its type");
        assert!([" gauge", " counter"].contains(&kind), "{kind}");
        assert!(!groups.contains(&name.to_owned()), "{name} has two groups");
        groups.push(name.to_owned());
        let mut many = 0;
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (found, labels, value) = sample(line);
            assert_eq!(found, name, "{line}");
            assert!(
                known.insert((found.clone(), labels.clone())),
                "twice: {line}"
            );
            samples.push((found, labels, value));
            many += 1;
        }
        assert!(many > 0, "{name} has no samples");
    }
    samples
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).expect("a name");
    let (name, rest) = line.split_at(end);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    assert!(name.chars().all(is_name), "{line}");
    let mut labels = BTreeMap::new();
    let mut rest = rest;
    if let Some(inside) = rest.strip_prefix('{') {
        let mut characters = inside.char_indices();
        'labels: loop {
            let mut label = String::new();
            for (_, c) in characters.by_ref() {
                match c {
                    '=' => break,
                    _ => label.push(c),
                }
            }
            assert!(label.chars().all(is_name), "{line}");
            // What Prometheus's own documents warn of, and what it gives to targets itself.
            let taken = [
                "service", "env", "region", "zone", "cluster", "stage", "type", "job", "instance",
            ];
            assert!(!taken.contains(&&*label), "{line}");
            assert_eq!(characters.next().map(|(_, c)| c), Some('"'), "{line}");
            let mut value = String::new();
            loop {
                match characters.next().expect("the value ends").1 {
                    '"' => break,
                    '\\' => value.push(match characters.next().expect("an escape").1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        c => panic!("\\{c} is no escape: {line}"),
                    }),
                    c => value.push(c),
                }
            }
            assert!(!value.is_empty(), "{line}");
            assert!(labels.insert(label, value).is_none(), "{line}");
            match characters.next().expect("more labels or their end") {
                (_, ',') => {}
                (at, '}') => {
                    rest = &inside[at + 1..];
                    break 'labels;
                }
                (_, c) => panic!("{c} after a label: {line}"),
            }
        }
    }
    let value = rest.strip_prefix(' ').expect("a blank before the value");
    // A timestamp would stand behind a second blank.
    assert!(!value.contains(' ') && !value.contains('e'), "{line}");
    (name.to_owned(), labels, value.parse().expect("a number"))
}

/// The value of the one sample of this name with these labels among its own.
fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let has = |of: &BTreeMap<String, String>| {
        labels
            .iter()
            .all(|(name, value)| of.get(*name).is_some_and(|found| found == value))
    };
    let mut found = samples
        .iter()
        .filter(|(of, found, _)| of == name && has(found));
    let first = found.next()?;
    assert!(found.next().is_none(), "several: {name} {labels:?}");
    Some(first.2)
}

#[test]
fn metrics_are_what_the_format_asks_for() {
    let samples = samples(&told(&run(), Format::Prometheus, PLAIN));
    let targets: BTreeSet<&String> = samples
        .iter()
        .filter_map(|(_, labels, _)| labels.get("target"))
        .collect();
    for target in targets {
        let of = &[("target", target.as_str())];
        assert!(value(&samples, "probe_success", of).is_some(), "{target}");
        assert!(
            value(&samples, "exchports_last_run_timestamp_seconds", of).is_some(),
            "{target}"
        );
    }
    // Every sample says whom it is about, or two files of one collector could not stand side by side.
    assert!(
        samples
            .iter()
            .all(|(_, labels, _)| labels.contains_key("target"))
    );
}

/// What `blackbox_exporter` and `ssl_exporter` lose exactly then.
#[test]
fn the_dates_of_certificates_are_told_when_they_have_ended_and_are_not_trusted() {
    let samples = samples(&told(&run(), Format::Prometheus, PLAIN));
    let mut ended = 0;
    for (name, labels, trusted) in &samples {
        if name != "exchports_certificate_trusted" || *trusted != 0.0 {
            continue;
        }
        let of: Vec<(&str, &str)> = labels
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let date = value(
            &samples,
            "exchports_certificate_not_after_timestamp_seconds",
            &of,
        );
        assert!(date.is_some(), "{labels:?}");
        ended += 1;
    }
    assert!(ended > 0, "the run has a certificate that is not trusted");
}

#[test]
fn a_scrape_has_no_label_of_its_target() {
    let one: Vec<Event> = one_row(&Text::from("220 ready"));
    let mut metrics = Exposition::default();
    scraped(&one, std::time::Duration::from_millis(250), &mut metrics);
    let samples = samples(&metrics.text());
    assert!(
        samples
            .iter()
            .all(|(_, labels, _)| !labels.contains_key("target"))
    );
    assert_eq!(value(&samples, "probe_success", &[]), Some(0.0));
    assert_eq!(value(&samples, "probe_duration_seconds", &[]), Some(0.25));
    assert_eq!(
        value(
            &samples,
            "exchports_check_status",
            &[("check", "smtp"), ("status", "fail")]
        ),
        Some(1.0)
    );
    assert_eq!(
        value(
            &samples,
            "exchports_diagnosis",
            &[("check", "smtp"), ("code", "greeting-rejected")]
        ),
        Some(1.0)
    );
}

// -- Checkmk

/// A line of a local check by Checkmk's documentation.
fn local_check(line: &str) -> (u8, String, Vec<(String, f64)>, String) {
    assert!(line.is_ascii(), "{line}");
    let (state, rest) = line.split_once(' ').expect("a state");
    let state: u8 = state.parse().expect("a number");
    assert!(state <= 3, "{line}");
    let (name, rest) = rest
        .strip_prefix('"')
        .and_then(|rest| rest.split_once("\" "))
        .expect("a name in quotes");
    assert!(
        !name.contains(['`', ';', '|', '$', '!', '<', '>', '&', '\\']),
        "{name}"
    );
    let (metrics, text) = rest.split_once(' ').expect("a text");
    let metrics = metrics
        .split('|')
        .filter(|metrics| *metrics != "-")
        .map(|metric| {
            let (label, values) = metric.split_once('=').expect("a metric");
            let value = values.split(';').next().expect("a value");
            (
                label.to_owned(),
                value.parse().expect("a number without a unit"),
            )
        });
    (state, name.to_owned(), metrics.collect(), text.to_owned())
}

#[test]
fn checkmk_gets_a_line_for_each_check() {
    let text = told(&run(), Format::Checkmk, PLAIN);
    let lines: Vec<_> = text.lines().map(local_check).collect();
    let names: BTreeSet<&String> = lines.iter().map(|(_, name, _, _)| name).collect();
    assert_eq!(
        names.len(),
        lines.len(),
        "each service has a name of its own"
    );
    let rows = run()
        .iter()
        .filter(|event| matches!(event, Event::CheckFinished { .. }))
        .count();
    let hosts = run()
        .iter()
        .filter(|event| matches!(event, Event::TargetFinished { .. }))
        .count();
    assert_eq!(lines.len(), rows + hosts);
    assert!((0..=2).all(|state| lines.iter().any(|line| line.0 == state)));
}

// -- the plugin

/// Performance data by the guidelines: `'label'=value[UOM];[warn];[crit];[min];[max]`.
fn performance(line: &str) -> Vec<(String, Option<f64>, String, Vec<String>)> {
    assert!(line.is_ascii(), "{line}");
    let (text, data) = line.split_once(" | ").expect("performance data");
    assert!(!text.contains('|') && !data.contains('|'), "{line}");
    let mut labels = BTreeSet::new();
    let read = data.split(' ').map(|item| {
        let (label, rest) = item.split_once('=').expect("a label");
        assert!(!label.contains(['\'', '"', '=']), "{item}");
        // A round-robin archive keeps 19 characters of it.
        let kept: String = label.chars().take(19).collect();
        assert!(labels.insert(kept), "{label} is not alone");
        let mut parts = rest.split(';');
        let number = parts.next().expect("a value");
        let end = number
            .find(|c: char| !"-0123456789.".contains(c))
            .unwrap_or(number.len());
        let (value, unit) = number.split_at(end);
        assert!(["", "s", "U"].contains(&unit), "{item}");
        let value = (unit != "U").then(|| value.parse().expect("a number"));
        let parts: Vec<String> = parts.map(str::to_owned).collect();
        assert!(parts.len() <= 4, "{item}");
        for range in parts.iter().take(2).filter(|range| !range.is_empty()) {
            let start = range.strip_suffix(':').expect("an alert below");
            assert!(start.parse::<u32>().is_ok(), "{item}");
        }
        (label.to_owned(), value, unit.to_owned(), parts)
    });
    read.collect()
}

#[test]
fn a_plugin_tells_of_nodes_too() {
    let answer = plugin_answer(&nodes(), PluginState::Critical, CertDays::Lifetime, 0);
    let first = answer.lines().next().expect("a line");
    let (text, _) = first.split_once(" | ").expect("performance data");
    assert!(
        text.starts_with("EXCHPORTS CRITICAL - mail.example.com: "),
        "{text}"
    );
    assert!(text.ends_with("; node ex02 fail"), "{text}");
    for line in [
        "WARNING: https: ex02 presents a different certificate from ex01",
        "CRITICAL: node ex02: imaps: the connection was refused",
    ] {
        assert!(answer.contains(&format!("\n{line}")), "{answer}");
    }
}

#[test]
fn a_plugin_answers_as_the_guidelines_have_it() {
    let levels = CertDays::Days {
        warn: 30,
        fail: Some(14),
    };
    let answer = plugin_answer(&run(), PluginState::Critical, levels, 0);
    let first = answer.lines().next().expect("a line");
    assert!(first.starts_with("EXCHPORTS CRITICAL - "), "{first}");
    assert!(first.find('|').expect("performance data") <= 81, "{first}");
    let data = performance(first);
    let days = data
        .iter()
        .find(|item| item.0 == "cert_days")
        .expect("days");
    assert_eq!(days.3, ["30:", "14:"]);
    assert!(
        data.iter()
            .any(|item| item.0 == "smtp_time" && item.2 == "s")
    );
    for line in answer.lines().skip(1) {
        assert!(!line.contains('|') && line.is_ascii(), "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn nothing_from_the_network_breaks_what_monitoring_reads(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let events = one_row(&Text::from_bytes(&bytes));
        samples(&told(&events, Format::Prometheus, PLAIN));
        for line in told(&events, Format::Checkmk, PLAIN).lines() {
            local_check(line);
        }
        let answer = plugin_answer(&events, PluginState::Critical, CertDays::Lifetime, 3);
        performance(answer.lines().next().expect("a line"));
        prop_assert!(answer.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b)), "{}", answer);
    }
}

// -- the program

fn exchports(typed: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_exchports"));
    program
        .args(typed.split_whitespace())
        .output()
        .expect("it runs")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

/// A port on which nobody listens.
fn closed() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[cfg(unix)]
#[test]
fn a_file_for_the_collector_can_be_read_by_it_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("exchports.prom");
    let report = format!("--report prometheus={}", file.display());
    let program = env!("CARGO_BIN_EXE_exchports");
    let line = format!(
        "umask 077; {program} check -q -s smtp --map smtp={} {report} 127.0.0.1",
        closed()
    );
    let output = Command::new("sh")
        .args(["-c", &line])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let mode = file.metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    let text = std::fs::read_to_string(&file).expect("a file");
    let samples = samples(&text);
    assert_eq!(
        value(&samples, "probe_success", &[("target", "127.0.0.1")]),
        Some(0.0)
    );
    let others = std::fs::read_dir(folder.path())
        .expect("the folder")
        .count();
    assert_eq!(others, 1, "nothing else is left there");
}

#[test]
fn a_plugin_ends_with_the_codes_of_its_world() {
    for (typed, code, first) in [
        (
            format!("nagios -H 127.0.0.1 -s smtp --map smtp={}", closed()),
            2,
            "EXCHPORTS CRITICAL - 127.0.0.1: 1 fail of 1: smtp refused",
        ),
        (
            "nagios -H name.invalid -s smtp -t 5".to_owned(),
            2,
            "EXCHPORTS CRITICAL - name.invalid: 1 fail of 1: ",
        ),
        (
            "nagios".to_owned(),
            3,
            "EXCHPORTS UNKNOWN - the following required arguments",
        ),
        (
            "nagios -H a --ca-file nowhere.pem".to_owned(),
            3,
            "EXCHPORTS UNKNOWN - --ca-file nowhere.pem",
        ),
        ("nagios --help".to_owned(), 3, "Act as a Nagios plugin"),
        ("nagios --version".to_owned(), 3, "exchports"),
    ] {
        let output = exchports(&typed);
        assert_eq!(output.status.code(), Some(code), "{typed}: {output:?}");
        assert!(stdout(&output).starts_with(first), "{typed}: {output:?}");
    }
}

#[test]
fn a_plugin_answers_in_time_about_a_host_that_says_nothing() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let began = std::time::Instant::now();
    let output = exchports(&format!(
        "nagios -H 127.0.0.1 -s smtp --map smtp={port} -t 1"
    ));
    assert!(
        began.elapsed() < std::time::Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        stdout(&output).starts_with("EXCHPORTS CRITICAL - "),
        "{output:?}"
    );
    performance(stdout(&output).lines().next().expect("a line"));
}

#[test]
fn by_the_name_of_a_plugin_the_program_is_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = if cfg!(windows) {
        "check_exchports.exe"
    } else {
        "check_exchports"
    };
    let plugin = folder.path().join(name);
    std::fs::copy(Path::new(env!("CARGO_BIN_EXE_exchports")), &plugin).expect("a copy");
    let run = |typed: &[&str]| Command::new(&plugin).args(typed).output().expect("it runs");
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stdout(&output).contains("Usage: check_exchports"),
        "{output:?}"
    );
    let output = run(&["-V"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stdout(&output).starts_with("check_exchports "),
        "{output:?}"
    );
    let output = run(&["nonsense"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stdout(&output).starts_with("EXCHPORTS UNKNOWN - "),
        "{output:?}"
    );
    let map = format!("smtp={}", closed());
    let output = run(&["-H", "127.0.0.1", "-p", "25", "--map", &map]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
