//! `discover` against a name server that says literal bytes, or nothing: each ends in time, and is told as what it is.

use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use document::Discovered;

mod document;
mod domains;

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
        told.contains("nothing could be asked of example.com"),
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
    let at = serve(|question| {
        let name = &question[12..question.len().min(12 + 200)];
        let end = name.iter().position(|byte| *byte == 0)? + 1;
        let mut longer = vec![1, b'a'];
        longer.extend(&name[..end]);
        let mut record = vec![0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60];
        record.extend(u16::try_from(longer.len()).ok()?.to_be_bytes());
        record.extend(longer);
        Some(answer(question, 0, &[record]))
    });
    // Which bound comes first, that on questions or that on time, is the machine's.
    let output = discover(at, &["example.com"]);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{output:?}");
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
