//! TLS as a hostile server does it: what the library writes passes through a script before it is sent, and what belongs
//! nowhere is sent in between, in clear or with the keys of the session.

use std::io::{self, Read as _, Write as _};
use std::mem::take;
use std::sync::Arc;

use rustls::crypto::cipher::{MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::{
    ConnectionTrafficSecrets, ContentType, ProtocolVersion, ServerConfig, ServerConnection,
    SupportedCipherSuite,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::dial::TheirEnd;

/// Where a script changes what is written: the flight, counted from the next one, and the record of it, counted round
/// and round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    flight: u8,
    record: u8,
}

impl Place {
    /// The high half is the flight, the low one the record.
    pub(super) fn new(byte: u8) -> Self {
        Self {
            flight: byte >> 4,
            record: byte & 0x0f,
        }
    }
}

/// What is done to a record before it is sent, in the order in which it was asked for: one that was split is many for
/// what follows. Offsets from 128 on are counted from its end.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// One byte is another.
    Flip { at: u8, by: u8 },
    /// Nothing of the flight comes from there on.
    Cut { at: u8 },
    /// Nothing at all comes from there on: the server has gone.
    End { at: u8 },
    /// It is not sent.
    Drop,
    /// It goes twice.
    Twice,
    /// The one behind it goes first.
    Swap,
    /// Its content comes in records of so many bytes; of none, each message of a handshake in one of its own.
    Split { size: u8 },
    /// Its content and that of the one behind it come in one record.
    Join,
    /// This goes before it.
    Insert(Vec<u8>),
}

/// What was changed, and where.
pub(super) type Changes = Vec<(Place, Change)>;

/// The server's end of a session.
pub(super) struct Session {
    stream: TheirEnd,
    machine: Machine,
    changes: Changes,
    /// What was written last, as it was sent.
    last: Vec<u8>,
    /// What came with the end of the handshake, or with what was read before.
    unread: Vec<u8>,
    /// The client has said that it says no more (RFC 8446 §6.1).
    has_left: bool,
}

enum Machine {
    /// As the library does it.
    Polite(Box<ServerConnection>),
    /// With its keys, and without its manners.
    Bare(Box<dyn MessageEncrypter>, u64),
    /// The library did not hand its keys over.
    Broken,
}

impl Session {
    /// Shakes hands; nothing when it does not come to its end.
    pub(super) async fn begin(
        stream: TheirEnd,
        config: Arc<ServerConfig>,
        changes: Changes,
    ) -> Option<Self> {
        let server = ServerConnection::new(config).expect("a configuration that holds");
        let mut session = Self {
            stream,
            machine: Machine::Polite(Box::new(server)),
            changes,
            last: Vec::new(),
            unread: Vec::new(),
            has_left: false,
        };
        let mut unread = Vec::new();
        while session.is_handshaking() {
            if session.listen(&mut unread).await.ok()? == 0 {
                return None;
            }
        }
        session.unread = unread;
        Some(session)
    }

    fn is_handshaking(&self) -> bool {
        match &self.machine {
            Machine::Polite(server) => server.is_handshaking(),
            Machine::Bare(..) | Machine::Broken => false,
        }
    }

    /// Changes what is written from now on.
    pub(super) fn change(&mut self, place: Place, change: Change) {
        self.changes.push((place, change));
    }

    /// Says it in the session.
    pub(super) async fn say(&mut self, mut words: &[u8]) -> io::Result<()> {
        while !words.is_empty() {
            let taken = match &mut self.machine {
                Machine::Polite(server) => server.writer().write(words)?,
                Machine::Bare(..) | Machine::Broken => {
                    let taken = words.len().min(16 * 1024);
                    self.say_as(ContentType::ApplicationData, &words[..taken])
                        .await?;
                    taken
                }
            };
            words = &words[taken..];
            self.flush().await?;
        }
        Ok(())
    }

    /// Says it in a record of that type, which has the keys of the session and is none that the library would write.
    /// From now on nobody understands what the client says.
    pub(super) async fn say_as(&mut self, typ: ContentType, words: &[u8]) -> io::Result<()> {
        self.machine = match std::mem::replace(&mut self.machine, Machine::Broken) {
            Machine::Polite(server) => bare(*server).unwrap_or(Machine::Broken),
            other => other,
        };
        let Machine::Bare(encrypter, number) = &mut self.machine else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let message = OutboundPlainMessage {
            typ,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(words),
        };
        let record = encrypter
            .encrypt(message, *number)
            .map_err(io::Error::other)?;
        *number += 1;
        self.send(record.encode()).await
    }

    /// Sends it as it is, beneath the session.
    pub(super) async fn beneath(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends once more what was written last.
    pub(super) async fn replay(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.last).await
    }

    /// New keys, so many times (RFC 8446 §4.6.3); TLS 1.2 has none.
    pub(super) async fn update_keys(&mut self, times: u8) -> io::Result<()> {
        for _ in 0..times {
            let Machine::Polite(server) = &mut self.machine else {
                return Ok(());
            };
            if server.refresh_traffic_keys().is_err() {
                return Ok(());
            }
            self.flush().await?;
        }
        Ok(())
    }

    /// Hears something; how many bytes it took, 0 at the end.
    pub(super) async fn hear(&mut self, said: &mut Vec<u8>) -> io::Result<usize> {
        said.append(&mut self.unread);
        let mut count = said.len();
        while said.is_empty() {
            count = self.listen(said).await?;
            // Without the library nobody knows what it means.
            if count == 0 || !matches!(self.machine, Machine::Polite(_)) {
                break;
            }
        }
        Ok(count)
    }

    /// Reads what the client says; 0 once it says no more.
    pub(super) async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut said = take(&mut self.unread);
        while said.is_empty() && !self.has_left {
            if self.listen(&mut said).await? == 0 {
                break;
            }
        }
        let count = said.len().min(into.len());
        into[..count].copy_from_slice(&said[..count]);
        self.unread = said.split_off(count);
        Ok(count)
    }

    /// Reads once, and answers where the library wants to; how many bytes it were, 0 at the end.
    async fn listen(&mut self, said: &mut Vec<u8>) -> io::Result<usize> {
        let mut chunk = [0; 4096];
        let count = self.stream.read(&mut chunk).await?;
        let mut rest = &chunk[..count];
        let mut understood = Ok(());
        while !rest.is_empty() && understood.is_ok() {
            let Machine::Polite(server) = &mut self.machine else {
                break;
            };
            server.read_tls(&mut rest)?;
            understood = match server.process_new_packets() {
                Ok(state) => {
                    self.has_left = state.peer_has_closed();
                    Ok(())
                }
                Err(error) => Err(io::Error::other(error)),
            };
            match server.reader().read_to_end(said) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
        self.flush().await?;
        understood.map(|()| count)
    }

    /// Ends it with a word, as RFC 8446 §6.1 has it.
    pub(super) async fn close(&mut self) {
        if let Machine::Polite(server) = &mut self.machine {
            server.send_close_notify();
        }
        let _ = self.flush().await;
    }

    async fn flush(&mut self) -> io::Result<()> {
        let mut records = Vec::new();
        if let Machine::Polite(server) = &mut self.machine {
            while server.wants_write() {
                server.write_tls(&mut records)?;
            }
        }
        self.send(records).await
    }

    async fn send(&mut self, records: Vec<u8>) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let ends = self.changes.iter().any(|(place, change)| {
            let is_now = place.flight == 0;
            is_now && matches!(change, Change::End { .. })
        });
        self.last = changed(records, &mut self.changes);
        self.stream.write_all(&self.last).await?;
        if ends {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}

/// Takes the keys out of the library's hands.
fn bare(server: ServerConnection) -> Option<Machine> {
    let suite = server.negotiated_cipher_suite()?;
    let (number, secrets) = server.dangerous_extract_secrets().ok()?.tx;
    let (ConnectionTrafficSecrets::Aes128Gcm { key, iv }
    | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
    | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv }) = secrets
    else {
        return None;
    };
    let encrypter = match suite {
        SupportedCipherSuite::Tls13(suite) => suite.aead_alg.encrypter(key, iv),
        SupportedCipherSuite::Tls12(suite) => {
            let nonce = iv.as_ref();
            // The first part is a secret, the other is sent (RFC 5288 §3); with RFC 7905 §2 nothing is.
            let sent = suite.aead_alg.key_block_shape().explicit_nonce_len;
            let (secret, explicit) = nonce.split_at(nonce.len() - sent);
            suite.aead_alg.encrypter(key, secret, explicit)
        }
    };
    Some(Machine::Bare(encrypter, number))
}

/// A flight as it is sent; changes of this one are done with, others wait.
fn changed(flight: Vec<u8>, changes: &mut Changes) -> Vec<u8> {
    if changes.is_empty() {
        return flight;
    }
    let mut records = split(&flight);
    for (mut place, change) in take(changes) {
        if place.flight > 0 {
            place.flight -= 1;
            changes.push((place, change));
        } else if !records.is_empty() {
            let at = usize::from(place.record) % records.len();
            apply(&change, &mut records, at);
        }
    }
    records.concat()
}

fn apply(change: &Change, records: &mut Vec<Vec<u8>>, at: usize) {
    match change {
        Change::Flip { at: byte, by } => {
            let byte = offset(*byte, records[at].len());
            if let Some(byte) = records[at].get_mut(byte) {
                *byte ^= by;
            }
        }
        Change::Cut { at: byte } | Change::End { at: byte } => {
            let byte = offset(*byte, records[at].len());
            records[at].truncate(byte);
            records.truncate(at + 1);
        }
        Change::Drop => drop(records.remove(at)),
        Change::Twice => records.insert(at, records[at].clone()),
        Change::Swap if at + 1 < records.len() => records.swap(at, at + 1),
        Change::Split { size } => {
            let parts = fragments(&records[at], usize::from(*size));
            records.splice(at..=at, parts);
        }
        Change::Join if at + 1 < records.len() => {
            let next = records.remove(at + 1);
            let body = [content(&records[at]), content(&next)].concat();
            records[at] = record(&records[at], &body);
        }
        // There is none behind it.
        Change::Swap | Change::Join => {}
        Change::Insert(bytes) => records.insert(at, bytes.clone()),
    }
}

fn offset(byte: u8, length: usize) -> usize {
    if byte < 128 {
        usize::from(byte)
    } else {
        length.saturating_sub(256 - usize::from(byte))
    }
}

/// The records of a flight, heads and bodies (RFC 8446 §5.1).
fn split(mut flight: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while let [_, _, _, high, low, ..] = *flight {
        let length = 5 + usize::from(u16::from_be_bytes([high, low]));
        let (record, rest) = flight.split_at(length.min(flight.len()));
        records.push(record.to_vec());
        flight = rest;
    }
    records
}

fn content(record: &[u8]) -> &[u8] {
    record.get(5..).unwrap_or_default()
}

/// A record like that one, and what it has in it.
fn record(like: &[u8], body: &[u8]) -> Vec<u8> {
    let mut record = like.get(..3).unwrap_or(&[22, 3, 3]).to_vec();
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    record.extend(length.to_be_bytes());
    record.extend(body);
    record
}

fn fragments(whole: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut rest = content(whole);
    while !rest.is_empty() {
        let length = match (size, rest) {
            // RFC 8446 §4: a type, and a length in three bytes.
            (0, [_, high, middle, low, ..]) => {
                4 + u32::from_be_bytes([0, *high, *middle, *low]) as usize
            }
            (0, _) => rest.len(),
            (size, _) => size,
        };
        let (part, after) = rest.split_at(length.min(rest.len()));
        parts.push(record(whole, part));
        rest = after;
    }
    parts
}
