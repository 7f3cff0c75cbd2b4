//! A name server that is so far away: it answers from a recording, each question by itself, after a pause.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::Trouble;

/// Where it listens, and the key of its root zone.
pub(crate) struct FarNames {
    pub(crate) address: SocketAddr,
    pub(crate) anchor: String,
}

/// Name and type as in a question, by what was said of it.
type Answers = HashMap<(String, u16), Vec<u8>>;

impl FarNames {
    /// It ends with the process.
    pub(crate) fn start(recording: &Path, pause: Duration) -> Result<Self, Trouble> {
        let (mut anchor, mut answers) = (String::new(), Answers::new());
        for line in fs::read_to_string(recording)?.lines() {
            if let Some(key) = line.strip_prefix("anchor ") {
                key.clone_into(&mut anchor);
            }
            if let ["answer", name, kind, hex] = line.split(' ').collect::<Vec<_>>()[..] {
                let name = name.trim_end_matches('.').to_owned();
                answers.insert((name, kind.parse()?), unhex(hex)?);
            }
        }
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0")?);
        let address = socket.local_addr()?;
        let answers = Arc::new(answers);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let question = buffer[..length].to_vec();
                let (socket, answers) = (Arc::clone(&socket), Arc::clone(&answers));
                thread::spawn(move || {
                    thread::sleep(pause);
                    let answer = asked(&question).and_then(|asked| answers.get(&asked));
                    if let Some(answer) = answer {
                        let answer = [&question[..2], &answer[2..]].concat();
                        let _ = socket.send_to(&answer, from);
                    }
                });
            }
        });
        Ok(Self { address, anchor })
    }
}

fn unhex(hex: &str) -> Result<Vec<u8>, Trouble> {
    let two = |at| Ok(u8::from_str_radix(hex.get(at..at + 2).ok_or("odd")?, 16)?);
    (0..hex.len()).step_by(2).map(two).collect()
}

fn asked(question: &[u8]) -> Option<(String, u16)> {
    let mut labels: Vec<String> = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = question.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
    let kind = question.get(at..at + 2)?;
    Some((labels.join("."), u16::from_be_bytes([kind[0], kind[1]])))
}
