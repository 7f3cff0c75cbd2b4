//! Resolvers that answer as no resolver should.
//!
//! The system's own resolver asks them, as it does for everybody: this test runs itself again in namespaces of Linux, where
//! a server of names of its own stands on port 53. Where the system gives none, it says so and passes.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use exchports::plan::Limits;

use crate::cli::{ran, rows, told, words};
use crate::schema::held;

/// What a run takes at the most: a lookup its third of a check, and a busy machine its time.
const TIME: Duration = Duration::from_secs(Limits::CHECK.as_secs() / 3 + 3);

#[test]
fn hostile_names_get_their_answer_in_time() {
    const STAGED: &str = "EXCHPORTS_NAMES_ARE_STAGED";
    const SELF: &str = "hostile::names::hostile_names_get_their_answer_in_time";
    if std::env::var_os(STAGED).is_some() {
        serve();
        return try_out();
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "resolv.conf",
        "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    );
    write("nsswitch.conf", "hosts: files dns\n");
    let hosts = addresses(10_000).map(|address| format!("{address} hosts.test\n"));
    write("hosts", &hosts.collect::<String>());
    // A way out, which leads nowhere: without any nobody is asked.
    let script = "ip link set lo up && ip route add default dev lo || exit 77\n\
                  for file in resolv.conf nsswitch.conf hosts; do\n\
                  mount --bind \"$FOLDER/$file\" \"/etc/$file\" || exit 77\n\
                  done\n\
                  exec \"$0\" --exact \"$1\" --nocapture";
    let staged = Command::new("unshare")
        .args(["-rnm", "--", "timeout", "100", "bash", "-c", script])
        .args([std::env::current_exe().unwrap().as_os_str(), SELF.as_ref()])
        .env("FOLDER", folder.path())
        .env(STAGED, "1")
        .output();
    let why = match staged {
        Ok(output) if output.status.success() => {
            print!("{}", String::from_utf8_lossy(&output.stdout));
            return;
        }
        Ok(output) => {
            let (out, err) = (output.stdout.as_slice(), output.stderr.as_slice());
            let err = String::from_utf8_lossy(err).into_owned();
            let is_refused = output.status.code() == Some(77) || err.starts_with("unshare: ");
            assert!(is_refused, "{}\n{err}", String::from_utf8_lossy(out));
            err
        }
        Err(error) => error.to_string(),
    };
    let _ = writeln!(std::io::stderr(), "SKIPPED {SELF}: {}", why.trim());
}

/// The names, and what may come of each: what a resolver makes of a broken answer is its own affair, but it is no pass, no
/// wait and no more addresses than are taken.
const NAMES: [(&str, &[&str]); 13] = [
    // The system's resolver puts them in order first, one by one: there may be no time for that.
    ("hosts.test", &["refused", "name-lookup-failed"]),
    ("many.test", &["refused"]),
    // Answered when both families are asked for, and not before: a lookup takes one round trip.
    ("both.test", &["refused"]),
    (
        "controls.test",
        &[
            "refused",
            "name-not-found",
            "name-lookup-failed",
            "name-without-address",
        ],
    ),
    ("loop.test", NONE),
    ("itself.test", NONE),
    ("truncated.test", NONE),
    ("cut.test", NONE),
    ("long.test", NONE),
    ("pointer.test", NONE),
    ("other.test", NONE),
    ("garbage.test", NONE),
    ("silent.test", NONE),
];

const NONE: &[&str] = &[
    "name-not-found",
    "name-lookup-failed",
    "name-without-address",
];

fn try_out() {
    for (name, right) in NAMES {
        for more in ["", "--all-addresses"] {
            let typed = format!("check {name} -s smtp --map smtp=9 --json {more}");
            let begun = Instant::now();
            let (out, err, exit) = told(&ran(&words(&typed)));
            let took = begun.elapsed();
            assert_eq!((err.as_str(), exit), ("", Some(1)), "{typed}: {out}");
            let document = held(&out);
            let addresses = document["targets"][0]["addresses"]
                .as_array()
                .unwrap()
                .len();
            let found = rows(&document);
            println!(
                "{name} {more}: {addresses} addresses, {took:?}, {}",
                found[0]["failure"]
            );
            for row in &found {
                assert_eq!(row["status"], "fail", "{typed}: {out}");
                let code = row["failure"]["code"].as_str().unwrap();
                assert!(right.contains(&code), "{typed}: {out}");
                let is_found = code == "refused";
                assert_eq!(
                    row["failure"]["stage"],
                    if is_found { "connect" } else { "resolve" }
                );
            }
            if matches!(name, "hosts.test" | "many.test")
                && found[0]["failure"]["code"] == "refused"
            {
                assert_eq!(addresses, Limits::ADDRESSES, "{typed}");
            }
            assert!(found.len() <= Limits::ADDRESSES, "{typed}");
            assert!(took < TIME, "{typed}: {took:?}");
            // And for people.
            let (out, ..) = told(&ran(&words(&typed.replace("--json", ""))));
            let is_clean = |character: char| character == '\n' || !character.is_control();
            assert!(out.chars().all(is_clean), "{out:?}");
        }
    }
}

/// Addresses of this machine, all different.
fn addresses(count: u16) -> impl Iterator<Item = Ipv4Addr> {
    (0..count).map(|number| {
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(127, 1, high, low)
    })
}

/// Serves names over UDP and TCP until the process ends.
fn serve() {
    let here = (Ipv4Addr::LOCALHOST, 53);
    let socket = UdpSocket::bind(here).unwrap();
    let listener = TcpListener::bind(here).unwrap();
    thread::spawn(move || {
        let mut question = [0; 512];
        let mut held = None;
        while let Ok((count, asker)) = socket.recv_from(&mut question) {
            let Some(answer) = answer(&question[..count], Over::Udp) else {
                continue;
            };
            if question[12..].starts_with(b"\x04both\x04test\0") {
                let Some((other, first)) = held.replace((answer.clone(), asker)) else {
                    continue;
                };
                held = None;
                let _ = socket.send_to(&other, first);
            }
            let _ = socket.send_to(&answer, asker);
        }
    });
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Both families are asked for over one connection.
            thread::spawn(move || {
                let mut length = [0; 2];
                while stream.read_exact(&mut length).is_ok() {
                    let mut question = vec![0; u16::from_be_bytes(length).into()];
                    if stream.read_exact(&mut question).is_err() {
                        return;
                    }
                    let answer = answer(&question, Over::Tcp).unwrap_or_default();
                    let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
                    let _ = stream.write_all(&[&length[..], &answer].concat());
                }
            });
        }
    });
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Over {
    Udp,
    Tcp,
}

const A: u16 = 1;
const CNAME: u16 = 5;

/// What is answered to a question (RFC 1035 §4.1); `None` is silence.
fn answer(question: &[u8], over: Over) -> Option<Vec<u8>> {
    let (id, asked) = (question.get(..2)?, question.get(12..)?);
    let end = asked.iter().position(|byte| *byte == 0)? + 5;
    let asked = asked.get(..end)?;
    let is_for_v4 = asked[end - 4..end - 2] == A.to_be_bytes();
    let name = String::from_utf8_lossy(asked.get(1..1 + usize::from(asked[0]))?).into_owned();
    let address = record(b"\xc0\x0c", A, &[127, 1, 0, 1]);
    let mut flags = [0x81, 0x80];
    let mut records = Vec::new();
    match name.as_str() {
        "many" | "truncated" if over == Over::Udp => flags[0] |= 2,
        // No message holds ten thousand.
        "many" if is_for_v4 => {
            let all = addresses(4000).map(|address| record(b"\xc0\x0c", A, &address.octets()));
            records.extend(all);
        }
        "controls" => {
            let alias = b"\x0b\x1b[2J\x1b]0;x\x07\n\r\0\x04test\0";
            records.push(record(b"\xc0\x0c", CNAME, alias));
            records.push(record(alias, A, &[127, 1, 0, 1]));
        }
        "loop" => {
            let alias = b"\x04pool\x04test\0";
            records.push(record(b"\xc0\x0c", CNAME, alias));
            records.push(record(alias, CNAME, b"\x04loop\x04test\0"));
        }
        "itself" => records.push(record(b"\xc0\x0c", CNAME, b"\xc0\x0c")),
        "truncated" => return Some(vec![0; 5]),
        "cut" => records.push(address[..7].to_vec()),
        "long" => {
            let mut long = address.clone();
            long[10..12].copy_from_slice(b"\xff\xff");
            records.push(long);
        }
        "both" if is_for_v4 => records.push(address),
        // A name that points to itself
        "pointer" => records.push(record(
            &[0xc0, 12 + u8::try_from(end).ok()?],
            A,
            &[127, 1, 0, 1],
        )),
        "other" => records.push(record(b"\x05other\x04name\0", A, &[127, 1, 0, 1])),
        "garbage" => return Some([id, &[0xff; 300]].concat()),
        "silent" => return None,
        _ => {}
    }
    let count = u16::try_from(records.len()).ok()?.to_be_bytes();
    let head = [id, &flags, &[0, 1], &count, &[0; 4], asked].concat();
    Some([head, records.concat()].concat())
}

/// A record that may be kept for a minute.
fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    [
        name,
        &kind.to_be_bytes(),
        &[0, 1, 0, 0, 0, 60],
        &length.to_be_bytes(),
        data,
    ]
    .concat()
}
