//! `discover` against a name server that says literal bytes, or nothing: each ends in time, and is told as what it is.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use exchports::plan::Limits;

use document::Discovered;

use crate::schema::held;

pub(crate) mod document;
mod domains;
mod partial;
mod rounds;

/// Whatever the name server does.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_resolver_that_says_nothing_ends_with_one_line() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let at = silent.local_addr().expect("its address");
    let output = discover(at, &["example.com"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("nothing could be asked about example.com"),
        "{told}"
    );
    assert!(told.contains("--resolver"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn nobody_at_the_resolvers_port_ends_with_one_line() {
    let gone = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let output = discover(gone.expect("a port"), &["example.com"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1);
}

#[test]
fn garbage_is_no_answer() {
    let at = serve(|_| Some(vec![0xff; 40]));
    let output = discover(at, &["example.com"]);
    assert_eq!(output.status.code(), Some(2));
}

/// It answers everything with "no such record", and knows no signatures: nothing of that is the domain's fault.
#[test]
fn a_resolver_that_keeps_signatures_back_is_told_as_that() {
    let at = serve(|question| Some(answer(question, 0, &[])));
    let found = document(&discover(at, &["example.com", "--json"]));
    assert!(!found.resolver.dnssec);
    let codes: Vec<&str> = found
        .diagnoses
        .iter()
        .map(|told| told.code.as_str())
        .collect();
    assert!(codes.contains(&"resolver-without-signatures"), "{codes:?}");
    assert!(!codes.contains(&"dnssec-bogus"), "{codes:?}");
}

#[test]
fn a_resolver_that_refuses_is_told_by_its_own_word() {
    let at = serve(|question| Some(answer(question, 5, &[])));
    let output = discover(at, &["example.com"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("REFUSED"), "{told}");
}

/// Whatever is asked for is an alias of itself, one label longer: it never comes to an end by itself.
#[test]
fn aliases_without_end_come_to_one() {
    const CIRCLE: &str = "its aliases form a loop";
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let at = serve(move |question| {
        counted.fetch_add(1, Ordering::Relaxed);
        longer(question)
    });
    let output = discover(at, &["example.com"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    let expected =
        format!("exchports: nothing could be asked about example.com: {CIRCLE} (asked: ");
    assert!(told.starts_with(&expected), "{told}");
    assert_eq!(
        (output.stdout.as_slice(), told.lines().count()),
        (&[][..], 1)
    );
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked <= Limits::QUESTIONS, "{asked}");

    // Where it is the domain's doing and not the resolver's, it is told of the domain.
    let at = serve(|question| match asked_name(question).0.as_str() {
        name if name.ends_with("example.com") => longer(question),
        _ => Some(answer(question, 0, &[])),
    });
    let found = document(&discover(at, &["example.com", "--json"]));
    let failed = found.diagnoses.iter();
    let mut failed = failed.filter(|told| told.code == "domain-lookup-failed");
    let told = failed.next().expect("it is told");
    assert!(told.message.ends_with(CIRCLE), "{}", told.message);
    assert!(told.hint.contains("CNAME"), "{}", told.hint);
    let output = discover(at, &["example.com"]);
    let tree = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{tree}");
    assert!(
        tree.contains(&format!("\nMail hosts (MX)\n  fail   {CIRCLE}\n")),
        "{tree}"
    );
    assert!(
        tree.contains(&format!("\n           {CIRCLE}; alias of")),
        "{tree}"
    );
    assert!(output.stderr.is_empty());
}

/// An alias of what is asked for, one label longer.
fn longer(question: &[u8]) -> Option<Vec<u8>> {
    let name = &question[12..question.len().min(12 + 200)];
    let end = name.iter().position(|byte| *byte == 0)? + 1;
    let mut longer = vec![1, b'a'];
    longer.extend(&name[..end]);
    let mut record = vec![0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60];
    record.extend(u16::try_from(longer.len()).ok()?.to_be_bytes());
    record.extend(longer);
    Some(answer(question, 0, &[record]))
}

#[test]
fn what_is_no_domain_is_refused() {
    for (typed, words) in [
        ("192.0.2.1", "is an address"),
        ("https://example.com/", "is a web address"),
        ("localhost", "is a single label"),
        ("exa mple.com", "is not a domain"),
        ("@example.com", "has nothing before its @"),
    ] {
        let output = program(&["discover", typed]);
        assert_eq!(output.status.code(), Some(2), "{typed}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(words), "{typed}: {told}");
        assert_eq!(told.lines().count(), 1, "{typed}: {told}");
    }
    let output = program(&["discover", "example.com", "--resolver", "dns.example"]);
    assert_eq!(output.status.code(), Some(2));
}

/// One mail host that three records name, on loopback, where nobody listens on 25.
#[test]
fn the_hosts_of_a_domain_are_checked_each_once() {
    let (at, questions) = small_domain();
    let at = at.to_string();
    let common = ["check", "--domain", "user@example.com", "--resolver", &at];
    let check = |more: &[&str]| program(&[&common[..], more].concat());
    let output = check(&["--json"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((told.as_ref(), output.status.code()), ("", Some(1)));
    let document = held(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(document["domain"]["domain"], "example.com");
    let targets = document["targets"].as_array().expect("targets");
    assert_eq!(targets.len(), 1, "{targets:#?}");
    assert_eq!(targets[0]["target"], "mail.example.com");
    assert_eq!(targets[0]["addresses"][0], "127.0.0.1");
    // Nobody's address was told to the name server.
    let questions = questions.lock().expect("the questions").clone();
    assert!(!questions.is_empty());
    assert!(
        !questions.iter().any(|(name, _)| name.contains("user")),
        "{questions:?}"
    );

    for (report, words) in [
        (
            "table",
            &[
                "example.com:",
                "Mail hosts (MX)",
                "mail.example.com: 127.0.0.1",
            ][..],
        ),
        (
            "ndjson",
            &[
                "\"event\":\"domain-finished\"",
                "\"event\":\"target-finished\"",
            ],
        ),
        ("junit", &["mail domain example.com", "mail.example.com"]),
        ("github", &["example.com%3A", "mail.example.com"]),
        (
            "markdown",
            &["example.com: mail domain", "mail.example.com"],
        ),
        ("html", &["mail domain", "mail.example.com"]),
        (
            "prometheus",
            &[
                "\nexchports_domain_success{target=\"example.com\"} 1\n",
                "\nexchports_diagnosis{target=\"example.com\",code=\"mx-unreachable\",severity=\"warn\"} 1\n",
                "\nexchports_last_run_timestamp_seconds{target=\"example.com\"} ",
                "\nprobe_success{target=\"mail.example.com\"} 0\n",
            ],
        ),
        (
            "checkmk",
            &[
                "1 \"exchports example.com domain\" time=",
                " 2 to look at: ",
                "Port 25 of mail.example.com is closed [mx-unreachable]\\n-> ",
                "2 \"exchports mail.example.com smtp\" ",
            ],
        ),
    ] {
        let output = check(&["--report", report]);
        assert_eq!(output.status.code(), Some(1), "{report}");
        let out = String::from_utf8_lossy(&output.stdout);
        for word in words {
            assert!(out.contains(word), "{report}: {word}: {out}");
        }
    }
    // A host that was named is not looked at twice.
    let output = check(&["mail.example.com", "--address", "127.0.0.1"]);
    assert_eq!(output.status.code(), Some(2));
    let output = check(&["--json", "mail.example.com"]);
    let document = held(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(document["targets"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_domain_that_cannot_be_asked_ends_its_check_with_one_line() {
    let gone = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let at = gone.expect("a port").to_string();
    for (more, words) in [
        (
            &["--domain", "example.com", "--resolver", &at][..],
            "nothing could be asked about example.com",
        ),
        (&["--domain", "192.0.2.1"], "is an address"),
        // What does not go with it says so, in one line.
        (&["--domain", "example.com", "--redact"], "--redact"),
        (&["--domain", "example.com", "--wait", "1m"], "--wait"),
        (&["--domain", "example.com", "--nodes", "ex01"], "--nodes"),
        (
            &["--domain", "example.com", "--proxy", "socks5h://p:1"],
            "--proxy",
        ),
        (&["--resolver", &at, "mail.example.com"], "--domain"),
        (
            &["user@example.com"],
            "`exchports check --domain example.com`",
        ),
    ] {
        let output = program(&[&["check"][..], more].concat());
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(words), "{told}");
        assert!(output.stdout.is_empty());
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

/// What several records lead to, and the keys that every answer is validated by, are asked for once; but for the few that
/// were under way for an answer that came without them.
#[test]
fn questions_are_not_asked_again_and_again() {
    let (at, questions) = small_domain();
    let found = document(&discover(at, &["example.com", "--json"]));
    assert_eq!(found.mx.len(), 2);
    let questions = questions.lock().expect("the questions").clone();
    let distinct: BTreeSet<_> = questions.iter().collect();
    assert!(
        questions.len() <= distinct.len() + distinct.len() / 4,
        "{questions:#?}"
    );
}

/// What was asked for: names, and kinds of records.
type Questions = Arc<Mutex<Vec<(String, u16)>>>;

/// `example.com` has two MX records and service records that lead to one host, at 127.0.0.1.
fn small_domain() -> (SocketAddr, Questions) {
    let questions = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&questions);
    let at = serve(move |question| {
        kept.lock().ok()?.push(asked_name(question));
        Some(small_answer(question))
    });
    (at, questions)
}

fn small_answer(question: &[u8]) -> Vec<u8> {
    let record = |kind: u8, data: &[u8]| {
        let mut record = vec![0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60];
        record.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        record.extend(data);
        record
    };
    let mail = b"\x04mail\x07example\x03com\x00";
    let records = match (asked_name(question).0.as_str(), asked_name(question).1) {
        ("example.com", 15) => vec![
            record(15, &[&[0, 10][..], mail].concat()),
            record(15, &[&[0, 20][..], mail].concat()),
        ],
        ("_submission._tcp.example.com", 33) => {
            vec![record(33, &[&[0, 0, 0, 0, 0x02, 0x4b][..], mail].concat())]
        }
        ("mail.example.com", 1) => vec![record(1, &[127, 0, 0, 1])],
        _ => Vec::new(),
    };
    answer(question, 0, &records)
}

/// The name and the kind that are asked for.
fn asked_name(question: &[u8]) -> (String, u16) {
    let mut labels = Vec::new();
    let mut at = 12;
    while let Some(&length) = question.get(at)
        && length > 0
    {
        let end = at + 1 + usize::from(length);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).to_ascii_lowercase());
        at = end;
    }
    let kind = question
        .get(at + 1..at + 3)
        .map_or(0, |kind| u16::from_be_bytes([kind[0], kind[1]]));
    (labels.join("."), kind)
}

/// A name server on loopback: a question in, bytes out.
fn serve(say: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let at = socket.local_addr().expect("its address");
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = say(&buffer[..length]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    at
}

/// The head of a question as an answer, with that code and those records; what is additional is left out.
fn answer(question: &[u8], code: u8, records: &[Vec<u8>]) -> Vec<u8> {
    let name = question[12..]
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(0);
    let mut said = question[..12 + name + 5].to_vec();
    said[2] |= 0x80;
    said[3] = 0x80 | code;
    said[6..12].fill(0);
    said[7] = u8::try_from(records.len()).expect("a few");
    for record in records {
        said.extend(record);
    }
    said
}

fn document(output: &Output) -> Discovered {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let told = String::from_utf8_lossy(&output.stderr);
        panic!("{error}: {told}")
    })
}

fn discover(resolver: SocketAddr, arguments: &[&str]) -> Output {
    let resolver = resolver.to_string();
    let mut all = vec!["discover", "--resolver", &resolver];
    all.extend(arguments);
    program(&all)
}

fn program(arguments: &[&str]) -> Output {
    let begun = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_exchports"))
        .args(arguments)
        .output()
        .expect("the program runs");
    assert!(begun.elapsed() < PATIENCE, "{arguments:?}");
    output
}
