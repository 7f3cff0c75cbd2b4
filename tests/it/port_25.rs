//! Port 25 of another host, over sockets: addresses of loopback that answer nobody, that accept and that refuse.

use std::net::{SocketAddr, TcpListener};

use serde_json::Value;

use super::cli::{ran, told, words};
use super::dial::Filtered;

/// Two addresses with the same port: one that answers nobody, and one that is still free.
fn two_addresses() -> (Filtered, SocketAddr) {
    let silent = Filtered::at("127.0.0.1:0".parse().expect("an address"));
    let other = SocketAddr::from(([127, 0, 0, 2], silent.address.port()));
    (silent, other)
}

/// The codes of the target, and its messages.
fn checked(silent: &Filtered, control: &str) -> Vec<(String, String)> {
    let typed = format!(
        "check 127.0.0.1 -s smtp --map smtp={} --connect-timeout 1 --control {control} --json",
        silent.address.port()
    );
    let (out, err, exit) = told(&ran(&words(&typed)));
    assert_eq!((err.as_str(), exit), ("", Some(1)));
    let document: Value = serde_json::from_str(&out).expect("a document");
    let of_target = document["targets"][0]["diagnoses"].as_array();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    of_target
        .expect("a list")
        .iter()
        .map(|one| (text(&one["code"]), text(&one["message"])))
        .collect()
}

#[test]
fn where_the_control_does_not_answer_either_it_is_blocked_here() {
    let (silent, other) = two_addresses();
    let _other = Filtered::at(other);
    let found = checked(&silent, "127.0.0.2");
    let port = other.port();
    assert_eq!(
        found,
        [(
            "port-25-blocked-here".to_owned(),
            format!(
                "port {port} is blocked in this network: neither this host nor 127.0.0.2 answers on it"
            )
        )]
    );
}

#[test]
fn where_the_control_answers_it_is_blocked_there() {
    let (silent, other) = two_addresses();
    // Nobody listens: a refusal is an answer as well.
    let refused = checked(&silent, "127.0.0.2");
    let listener = TcpListener::bind(other).expect("a port");
    let accepted = checked(&silent, "127.0.0.2");
    for found in [refused, accepted] {
        let codes: Vec<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
        assert_eq!(codes, ["port-25-blocked-there"]);
    }
    // It was dialled, and not a word was said.
    let (mut client, _) = listener.accept().expect("a client");
    let mut heard = Vec::new();
    std::io::Read::read_to_end(&mut client, &mut heard).expect("it hangs up");
    assert_eq!(heard, b"");
}

#[test]
fn a_control_that_leads_nowhere_says_so() {
    let (silent, _) = two_addresses();
    let found = checked(&silent, "no-such-host.invalid");
    let (code, message) = found.first().expect("it is told");
    assert_eq!(code, "control-unusable");
    assert!(
        message.ends_with("no-such-host.invalid has no address"),
        "{message}"
    );
}

/// Nobody is dialled for comparison where 25 answers.
#[test]
fn a_control_is_left_alone_where_25_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let other = TcpListener::bind(("127.0.0.2", port)).expect("a port");
    other.set_nonblocking(true).expect("a mode");
    let typed =
        format!("check 127.0.0.1 -s smtp --map smtp={port} --tcp-only --control 127.0.0.2 --json");
    let (_, err, exit) = told(&ran(&words(&typed)));
    assert_eq!((err.as_str(), exit), ("", Some(0)));
    let error = other.accept().expect_err("nobody came");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}
