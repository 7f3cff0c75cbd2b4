//! A server that takes its time, and a check that does not have much.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use super::{Stand, ran, rows, serve, told, words};
use crate::schema::held;

/// How long the server takes before it says its first word.
const DELAY: Duration = Duration::from_millis(600);

#[test]
fn a_second_is_enough_for_a_server_that_answers_within_one() {
    let stand = Stand::with(&[]);
    let services = ["smtp", "imap", "ldap", "https", "submission", "imaps"];
    let mut arguments = vec!["check".to_owned()];
    arguments.extend(stand.simulation.check_arguments());
    for service in services {
        let port = stand.port(service);
        let slow = serve(move |client, _| {
            thread::spawn(move || relay(&client, port));
        });
        for argument in &mut arguments {
            *argument =
                argument.replace(&format!("{service}={port}"), &format!("{service}={slow}"));
        }
    }
    let named = format!("--timeout 1s --json -s {}", services.join(","));
    arguments.extend(words(&named));
    let (out, err, exit) = told(&ran(&arguments));
    assert_eq!((err.as_str(), exit), ("", Some(0)), "{out}");
    for row in rows(&held(&out)) {
        assert_eq!(row["status"], "pass", "{row}");
        let steps = row["steps"].as_array().expect("steps").iter();
        let took: f64 = steps.filter_map(|step| step["took_ms"].as_f64()).sum();
        assert!((600.0..1000.0).contains(&took), "{row}");
    }
}

/// Passes everything on, once the delay is over.
fn relay(client: &TcpStream, port: u16) {
    thread::sleep(DELAY);
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the stand-in");
    thread::scope(|scope| {
        scope.spawn(|| pass_on(client, &server));
        pass_on(&server, client);
    });
}

fn pass_on(mut from: &TcpStream, mut to: &TcpStream) {
    // Whoever hangs up ends it.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
