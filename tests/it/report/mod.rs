//! How a run is told: one run made by hand, with something of everything, in every format and several widths.
//!
//! The goldens stand in `tests/golden`; `UPDATE_GOLDEN=1 cargo test` writes them anew, for a person to look at.

mod runs;

pub(crate) use runs::{nodes, one_row, run, said_everywhere};

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use exchports::catalog::{Role, ServiceId};
use exchports::event::{Event, RunEnd, TargetId};
use exchports::facts::{Nla, PeerFacts, RdpFacts, Text, TlsVersion, VersionAnswer};
use exchports::finding::{Severity, Status};
use exchports::observation::State;
use exchports::report::{
    CertificateList, Color, Format, Names, Progress, Reporter, Rows, Style, Tee, catalog_json,
    catalog_table, reporter, transcript,
};
use proptest::prelude::*;

use runs::{events, fleet, fleet_run, healthy_run, row, target, tls, web_run};

pub(crate) const PLAIN: Style = Style {
    color: Color::Plain,
    width: 80,
    rows: Rows::All,
    certificates: CertificateList::Omitted,
    fails_from: Severity::Fail,
    names: Names::Told,
};

#[test]
fn tables_look_as_they_did() {
    for width in [120, 80, 60, 40, 30] {
        let style = Style { width, ..PLAIN };
        hold_golden(
            &format!("table-{width}.txt"),
            &told(&run(), Format::Table, style),
        );
    }
    let colored = Style {
        color: Color::Colored,
        ..PLAIN
    };
    hold_golden(
        "table-colored.txt",
        &told(&run(), Format::Table, colored).replace('\x1b', "ESC"),
    );
    let problems = Style {
        rows: Rows::Problems,
        ..PLAIN
    };
    for width in [70, 50] {
        let style = Style { width, ..PLAIN };
        hold_golden(
            &format!("table-nodes-{width}.txt"),
            &told(&nodes(), Format::Table, style),
        );
    }
    hold_golden("table-problems.txt", &told(&run(), Format::Table, problems));
    hold_golden(
        "table-healthy.txt",
        &told(&healthy_run(), Format::Table, PLAIN),
    );
    for width in [80, 40] {
        let style = Style { width, ..PLAIN };
        hold_golden(
            &format!("table-web-{width}.txt"),
            &told(&web_run(), Format::Table, style),
        );
    }
    for (name, style) in [("fleet", PLAIN), ("fleet-problems", problems)] {
        hold_golden(
            &format!("table-{name}.txt"),
            &told(&fleet_run(), Format::Table, style),
        );
    }
    let well = told(&events(fleet().split_off(1)), Format::Table, problems);
    assert_eq!(
        well,
        "pass  4 hosts are well\n48 checks: 48 pass; 4 hosts: 4 well; 3.0 s\n"
    );
    hold_golden(
        "table-web-problems.txt",
        &told(&web_run(), Format::Table, problems),
    );
}

/// Two hundred hosts that are well are two hundred lines, or one.
#[test]
fn a_fleet_that_is_well_is_told_in_a_line_a_host_or_in_one() {
    let fleet = |many: usize| -> Vec<Event> {
        let one = fleet().split_off(1).swap_remove(0);
        events(vec![one; many])
    };
    let all = told(&fleet(200), Format::Table, PLAIN);
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 202, "{all}");
    assert!(lines[..200].iter().all(|line| line.starts_with("pass  ")));
    assert_eq!(lines[200], "");
    let problems = Style {
        rows: Rows::Problems,
        ..PLAIN
    };
    assert_eq!(
        told(&fleet(200), Format::Table, problems),
        "pass  200 hosts are well\n2400 checks: 2400 pass; 200 hosts: 200 well; 3.0 s\n"
    );
}

/// Each once, however many services and hosts present it.
#[test]
fn certificates_look_as_they_did() {
    for width in [80, 40] {
        let style = Style {
            width,
            rows: Rows::Problems,
            certificates: CertificateList::Shown,
            ..PLAIN
        };
        hold_golden(
            &format!("table-certificates-{width}.txt"),
            &told(&run(), Format::Table, style),
        );
    }
    let one = Style {
        certificates: CertificateList::Shown,
        ..PLAIN
    };
    hold_golden(
        "table-certificates-one.txt",
        &told(&healthy_run(), Format::Table, one),
    );
}

#[test]
fn documents_look_as_they_did() {
    let mask = |text: String| text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    hold_golden("report.json", &mask(told(&run(), Format::Json, PLAIN)));
    hold_golden("report.ndjson", &mask(told(&run(), Format::Ndjson, PLAIN)));
}

#[test]
fn conversations_look_as_they_did() {
    let page = Page::default();
    let mut reporter = transcript(Box::new(page.clone()));
    tell(&run(), &mut reporter);
    hold_golden("transcript.txt", &page.text());
}

#[test]
fn the_catalog_looks_as_it_did() {
    for width in [80, 40] {
        let mut text = Vec::new();
        catalog_table(&mut text, Style { width, ..PLAIN }).expect("a buffer takes everything");
        hold_golden(
            &format!("catalog-{width}.txt"),
            &String::from_utf8(text).expect("text"),
        );
    }
    let mut text = Vec::new();
    catalog_json(&mut text).expect("a buffer takes everything");
    hold_golden("catalog.json", &String::from_utf8(text).expect("text"));
}

#[test]
fn an_interrupted_run_and_an_empty_one_are_told_in_valid_documents() {
    for end in [RunEnd::Interrupted, RunEnd::Terminated] {
        let mut events = run();
        let Some(Event::RunFinished(last)) = events.last_mut() else {
            panic!("a run ends with its end")
        };
        last.end = end;
        let document: serde_json::Value =
            serde_json::from_str(&told(&events, Format::Json, PLAIN)).expect("JSON");
        assert_eq!(document["interrupted"], true);
        let word = match end {
            RunEnd::Interrupted => "; interrupted\n",
            _ => "; terminated\n",
        };
        assert!(told(&events, Format::Table, PLAIN).ends_with(word));
    }
    // Nothing but a beginning and an end; and a target that was never finished.
    let all = run();
    let (first, last) = (all[0].clone(), all[all.len() - 1].clone());
    for events in [
        vec![first.clone(), last.clone()],
        vec![first, all[1].clone(), all[2].clone(), last],
    ] {
        let text = told(&events, Format::Json, PLAIN);
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(document["targets"], serde_json::json!([]));
        assert!(text.ends_with("}\n"), "{text}");
    }
}

#[test]
fn a_document_is_written_as_targets_finish() {
    let page = Page::default();
    let mut json = reporter(Format::Json, Box::new(page.clone()), PLAIN);
    let mut sizes = Vec::new();
    for event in run() {
        json.report(&event).expect("a page takes everything");
        if matches!(event, Event::TargetFinished { .. }) {
            sizes.push(page.text().len());
        }
    }
    assert!(
        sizes.len() > 3 && sizes.is_sorted_by(|a, b| a < b),
        "{sizes:?}"
    );
}

#[test]
fn without_colour_there_is_no_escape_and_with_it_the_words_are_the_same() {
    let plain = told(&run(), Format::Table, PLAIN);
    let colored = Style {
        color: Color::Colored,
        ..PLAIN
    };
    let colored = told(&run(), Format::Table, colored);
    assert_ne!(plain, colored);
    assert_eq!(plain, anstream::adapter::strip_str(&colored).to_string());
}

#[test]
fn a_writer_that_is_gone_is_an_error_of_the_reporter() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let run = run();
    for format in Format::ALL {
        let mut reporter = reporter(format, Box::new(Gone), PLAIN);
        let first = run
            .iter()
            .find_map(|event| reporter.report(event).err())
            .expect("nothing can be written");
        assert_eq!(first.kind(), io::ErrorKind::BrokenPipe, "{format:?}");
    }
}

#[test]
fn progress_and_tee_pass_everything_on() {
    let (table, json) = (Page::default(), Page::default());
    let tee = Tee(vec![
        reporter(Format::Table, Box::new(table.clone()), PLAIN),
        reporter(Format::Json, Box::new(json.clone()), PLAIN),
    ]);
    tell(&run(), &mut Progress::around(tee));
    assert_eq!(table.text(), told(&run(), Format::Table, PLAIN));
    assert_eq!(json.text(), told(&run(), Format::Json, PLAIN));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn the_order_in_which_checks_end_does_not_show(order in shuffled()) {
        for format in [Format::Json, Format::Table] {
            prop_assert_eq!(told(&order, format, PLAIN), told(&run(), format, PLAIN));
        }
        for line in told(&order, Format::Ndjson, PLAIN).lines() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{}", line);
        }
    }

    #[test]
    fn nothing_from_the_network_controls_a_terminal_or_breaks_a_line(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        width in 0..130_usize,
    ) {
        let said = Text::from_bytes(&bytes);
        let events = one_row(&said);
        let style = Style { width, ..PLAIN };
        let table = told(&events, Format::Table, style);
        prop_assert!(!table.chars().any(|c| c.is_control() && c != '\n'), "{:?}", table);
        if width >= 40 {
            for line in table.lines() {
                prop_assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{}", line);
            }
        }
        for format in [Format::Json, Format::Ndjson] {
            let text = told(&events, format, PLAIN);
            prop_assert!(text.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b)), "{}", text);
        }
        let document: serde_json::Value =
            serde_json::from_str(&told(&events, Format::Json, PLAIN)).expect("JSON");
        prop_assert_eq!(&document["targets"][0]["checks"][0]["peer"]["greeting"], said.as_str());
    }
}

/// What a format makes of these events.
/// What was asked for with `--audit` is answered, also where no row has anything to complain of.
#[test]
fn an_audit_is_answered() {
    let audited = |id, enabled: &[TlsVersion]| {
        let mut row = row(Role::Any, id, Status::Pass, State::Open);
        let mut tls = tls(240);
        tls.versions = [TlsVersion::Tls11, TlsVersion::Tls12]
            .map(|version| {
                let answer = if enabled.contains(&version) {
                    VersionAnswer::Accepted
                } else {
                    VersionAnswer::Refused
                };
                (version, answer)
            })
            .to_vec();
        row.observation.tls = Some(tls);
        row
    };
    let page = |nla| {
        let mut rdp = audited(ServiceId::Rdp, &[TlsVersion::Tls12]);
        rdp.observation.peer = Some(PeerFacts::Rdp(RdpFacts {
            nla: Some(nla),
            ..RdpFacts::default()
        }));
        let rows = vec![
            audited(ServiceId::Smtp, &[TlsVersion::Tls11, TlsVersion::Tls12]),
            row(Role::Any, ServiceId::Http, Status::Pass, State::Open),
            audited(ServiceId::Https, &[TlsVersion::Tls12]),
            rdp,
        ];
        let looked = (target("mail.example.com", Role::Any, &["192.0.2.10"]), rows);
        told(&events(vec![looked]), Format::Table, PLAIN)
    };
    for (nla, word) in [
        (Nla::Required, "required"),
        (Nla::Supported, "supported, not required"),
        (Nla::NotSupported, "not supported"),
    ] {
        let page = page(nla);
        for line in [
            "  audit smtp: TLS 1.1, 1.2 enabled\n",
            "  audit https, rdp: TLS 1.2 enabled; 1.1 refused\n",
            &format!("  audit rdp: network level authentication {word}\n"),
        ] {
            assert!(page.contains(line), "{page}");
        }
    }
}

pub(crate) fn told(events: &[Event], format: Format, style: Style) -> String {
    let page = Page::default();
    tell(events, &mut reporter(format, Box::new(page.clone()), style));
    page.text()
}

fn tell(events: &[Event], reporter: &mut impl Reporter) {
    for event in events {
        reporter.report(event).expect("a page takes everything");
    }
}

/// A writer that can be read.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("nobody panics on a page").clone();
        String::from_utf8(bytes).expect("reports are UTF-8")
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("nobody panics on a page")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn hold_golden(name: &str, text: &str) {
    hold(&Path::new("tests/golden").join(name), "UPDATE_GOLDEN", text);
}

/// Compares a text with the file that was committed; writes it instead when that variable is set.
pub(crate) fn hold(file: &Path, variable: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os(variable).is_some() {
        std::fs::write(&path, text).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    // A checkout on Windows may have turned the line ends.
    let committed = committed.replace("\r\n", "\n");
    assert!(
        committed == text,
        "{} is not what is told now; look at it and set {variable}=1 to accept:\n{text}",
        file.display()
    );
}

/// The same run as [`run`], its checks and targets ending in any order that a run can have.
fn shuffled() -> impl Strategy<Value = Vec<Event>> {
    let all = run();
    let middle = all[1..all.len() - 1].to_vec();
    Just(middle).prop_shuffle().prop_map(move |mut middle| {
        // A target's end comes after the last of its checks, its resolution before the first.
        let place = |event: &Event| match event {
            Event::TargetStarted { .. } => 0,
            Event::TargetResolved { .. } => 1,
            Event::CheckFinished { .. } => 2,
            _ => 3,
        };
        for target in 0..6 {
            let places: Vec<usize> = (0..middle.len())
                .filter(|&i| target_of(&middle[i]) == Some(TargetId(target)))
                .collect();
            let mut own: Vec<Event> = places.iter().map(|&i| middle[i].clone()).collect();
            own.sort_by_key(place);
            for (&i, event) in places.iter().zip(own) {
                middle[i] = event;
            }
        }
        let (first, last) = (all[0].clone(), all[all.len() - 1].clone());
        std::iter::once(first).chain(middle).chain([last]).collect()
    })
}

fn target_of(event: &Event) -> Option<TargetId> {
    match event {
        Event::TargetStarted { target, .. }
        | Event::TargetResolved { target, .. }
        | Event::CheckSeen { target, .. }
        | Event::CheckFinished { target, .. }
        | Event::TargetFinished { target, .. } => Some(*target),
        Event::RunStarted { .. } | Event::RunFinished(_) => None,
    }
}
