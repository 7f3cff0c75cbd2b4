//! Transcripts: what a peer says and what it has to hear, word for word.
//!
//! A file begins with what is to come of it, one `key: value` a line up to a blank one: `service`, then what
//! [`told`](super::transcripts) tells of an observation. After that:
//!
//! | line | meaning |
//! | --- | --- |
//! | `# …` | a remark: where the words come from |
//! | `S: …` | the server says this, and CR LF |
//! | `C: …` | the client has said this, and CR LF; not a byte more until the server answers |
//! | `S\| …`, `C\| …` | the same with nothing added; `\r`, `\n`, `\0`, `\\` and `\xNN` are bytes |
//! | `S: x 30 84 …` | bytes; so `C: x …` |
//! | `-- TLS` | a handshake; `-- TLS 1.2` of that version |
//! | `-- ClientHello` | the client has begun a handshake, which is not answered |
//! | `-- wait 3s` | a pause |
//! | `-- close` | the server closes |
//! | `-- reset` | the server resets |
//! | `-- silence` | the server says nothing more and hears nothing more |
//! | `-- whatever` | the server takes what comes until the client closes |
//! | `-- new connection` | the client dials again |
//!
//! Lines of the server that follow each other come as one. Where nothing else is said, a connection ends when the
//! client closes it, without another word.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use exchports::catalog::{SERVICES, ServiceId};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use crate::peer::{Act, Peer, act};

/// A transcript.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) name: String,
    pub(crate) service: ServiceId,
    /// What is to come of it, the service aside.
    pub(crate) told: Vec<String>,
    pub(crate) connections: Vec<Vec<Step>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Say(Vec<u8>),
    Hear(Vec<u8>),
    Tls(&'static SupportedProtocolVersion),
    ClientHello,
    Wait(Duration),
    Close,
    Reset,
    Silence,
    Whatever,
}

/// The transcripts whose names begin so, in their order.
pub(crate) fn scripts(prefix: &str) -> Vec<Script> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap())
        .filter(|name| name.starts_with(prefix))
        .map(script)
        .collect()
}

/// One transcript by its name.
pub(crate) fn script(name: &str) -> Script {
    let text = fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap();
    read(name, &text)
}

/// The peers that play a script, one for each of its connections.
pub(crate) fn peers(script: &Script) -> Vec<Act> {
    let play = |steps: &Vec<Step>| {
        let (name, steps) = (script.name.clone(), steps.clone());
        act(move |peer| play(name, steps, peer))
    };
    script.connections.iter().map(play).collect()
}

/// Plays steps without minding what is heard.
pub(crate) async fn play_along(steps: Vec<Step>, mut peer: Peer) {
    for step in steps {
        match step {
            Step::Say(bytes) => {
                peer.say(&bytes).await;
            }
            Step::Hear(expected) => {
                peer.hear(expected.len()).await;
            }
            Step::Tls(version) => peer.secure(version).await,
            Step::ClientHello => {
                peer.hear(1).await;
            }
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Close => return peer.close().await,
            Step::Reset => return peer.reset(),
            Step::Silence | Step::Whatever => break,
        }
    }
    peer.hear_out().await;
}

async fn play(name: String, steps: Vec<Step>, mut peer: Peer) {
    for step in steps {
        match step {
            Step::Say(bytes) => {
                peer.say(&bytes).await;
            }
            Step::Hear(expected) => {
                let heard = peer.hear(expected.len()).await;
                assert_eq!(
                    heard.escape_ascii().to_string(),
                    expected.escape_ascii().to_string(),
                    "{name}: heard, expected"
                );
            }
            Step::Tls(version) => peer.secure(version).await,
            Step::ClientHello => peer.hear_client_hello().await,
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Close => return peer.close().await,
            Step::Reset => return peer.reset(),
            Step::Silence => break,
            Step::Whatever => {
                peer.hear_out().await;
            }
        }
    }
    let heard = peer.hear_out().await;
    assert_eq!(
        heard.escape_ascii().to_string(),
        "",
        "{name}: heard after the end"
    );
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

fn read(name: &str, text: &str) -> Script {
    let text = text.replace("\r\n", "\n");
    let (head, body) = text
        .split_once("\n\n")
        .expect("a blank line after the head");
    let mut service = None;
    let mut told = Vec::new();
    for line in head.lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix("service: ") {
            Some(id) => service = SERVICES.iter().find(|service| service.name == id),
            None => told.push(line.to_owned()),
        }
    }
    let mut connections = vec![Vec::new()];
    for line in body
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if line == "-- new connection" {
            connections.push(Vec::new());
            continue;
        }
        let steps = connections.last_mut().expect("the first is there");
        let step = step(line).unwrap_or_else(|| panic!("{name}: what is {line:?}?"));
        match (steps.last_mut(), step) {
            (Some(Step::Say(before)), Step::Say(more))
            | (Some(Step::Hear(before)), Step::Hear(more)) => before.extend(more),
            (_, step) => steps.push(step),
        }
    }
    Script {
        name: name.to_owned(),
        service: service.unwrap_or_else(|| panic!("{name}: no service")).id,
        told,
        connections,
    }
}

fn step(line: &str) -> Option<Step> {
    let (mark, rest) = line.split_at_checked(2)?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    Some(match mark {
        "S:" => Step::Say(said(rest)?),
        "S|" => Step::Say(unescaped(rest)?),
        "C:" => Step::Hear(said(rest)?),
        "C|" => Step::Hear(unescaped(rest)?),
        "--" => match rest.split_once(' ').unwrap_or((rest, "")) {
            ("TLS", "") => Step::Tls(&TLS13),
            ("TLS", "1.2") => Step::Tls(&TLS12),
            ("ClientHello", "") => Step::ClientHello,
            ("wait", time) => Step::Wait(humantime::parse_duration(time).ok()?),
            ("close", "") => Step::Close,
            ("reset", "") => Step::Reset,
            ("silence", "") => Step::Silence,
            ("whatever", "") => Step::Whatever,
            _ => return None,
        },
        _ => return None,
    })
}

fn said(text: &str) -> Option<Vec<u8>> {
    if let Some(numbers) = text.strip_prefix("x ") {
        return numbers
            .split_ascii_whitespace()
            .map(|number| u8::from_str_radix(number, 16).ok())
            .collect();
    }
    let text = text.replace("{version}", env!("CARGO_PKG_VERSION"));
    Some([text.as_bytes(), b"\r\n"].concat())
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        bytes.push(match characters.next()? {
            'r' => b'\r',
            'n' => b'\n',
            '0' => 0,
            '\\' => b'\\',
            'x' => {
                let (high, low) = (characters.next()?, characters.next()?);
                u8::from_str_radix(&format!("{high}{low}"), 16).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}

#[test]
fn the_notation_says_what_it_means() {
    let script = read(
        "example",
        "# who said it\nservice: imap\nexpect: pass\nsteps: connect\n\nS: * OK\nS| a\\x00\\r\\n\nC: x 30 84\n\
         -- TLS\n-- wait 3s\n-- new connection\n# nothing\n-- TLS 1.2\n-- close\n",
    );
    assert_eq!(script.service, ServiceId::Imap);
    assert_eq!(script.told, ["expect: pass", "steps: connect"]);
    assert_eq!(
        script.connections,
        [
            vec![
                Step::Say(b"* OK\r\na\0\r\n".to_vec()),
                Step::Hear(b"\x30\x84".to_vec()),
                Step::Tls(&TLS13),
                Step::Wait(Duration::from_secs(3)),
            ],
            vec![Step::Tls(&TLS12), Step::Close],
        ]
    );
    for line in [
        "S x",
        "-- TLS 1.1",
        "S| \\q",
        "-- wait long",
        "C: x 3g",
        "?",
    ] {
        assert_eq!(step(line), None, "{line}");
    }
}
