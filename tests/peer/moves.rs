//! A peer that is all bytes: what it says and does is read out of whatever was made up, and the clock stands still.
//!
//! Every byte is said, but `0xFF` and the one after it, which together are a move:
//!
//! | after `0xFF` | move |
//! | --- | --- |
//! | `h` | hears something, however long that takes |
//! | `t`, `T` | shakes hands, in TLS 1.2 or 1.3 |
//! | `w`, `W` | waits, 1 s or 7 s |
//! | `d` | what was said last is said a byte a second |
//! | `f` | what was said last is said until nobody takes it, or it is a flood |
//! | `c`, `r` | closes; resets |
//! | `n` | that was all on this connection; the next one follows |
//! | `0xFF` | says that byte |
//!
//! Some are about what is beneath a session, and what is in it only with the keys; their operands are bytes behind the
//! letter, a *place* among them, which is a [`Place`]. In clear there is no beneath.
//!
//! | after `0xFF` | operands | move |
//! | --- | --- | --- |
//! | `H` | | shakes hands in TLS 1.3 after a `HelloRetryRequest` |
//! | `q`, `Q` | | shakes hands in TLS 1.2 or 1.3, and wants a certificate |
//! | `x` | place, offset, bits | flips bits of a byte |
//! | `k`, `z` | place, offset | cuts a flight there; closes there |
//! | `v` | place | leaves a record out |
//! | `2` | place | sends it twice |
//! | `o` | place | sends the one behind it first |
//! | `s` | place, bytes | sends its content in records of so many bytes; of 0, a message each |
//! | `m` | place | sends it and the one behind it in one |
//! | `i` | place | what was said last goes before it, as it is |
//! | `u`, `F` | | what was said last is sent beneath, as it is; without end |
//! | `R` | | what was sent last is sent again |
//! | `e` | type | what was said last is said in a record of that type, with the keys |
//! | `K` | times | new keys |
//! | `C` | | closes without a word |
//!
//! Who has nothing left to do hears everything and says nothing until the other end is closed.

use std::mem::take;
use std::time::Duration;

use rustls::ContentType;
use tokio::time::sleep;

use super::beneath::{Change, Place};
use super::identity::{Handshake, usual};
use super::{Act, Line, Peer, act};

/// More than the largest limit on what comes over one connection.
const FLOOD: usize = 300_000;

/// One thing that a peer does.
#[derive(Clone, Debug)]
enum Move {
    Say(Vec<u8>),
    Drip(Vec<u8>),
    Flood(Vec<u8>),
    Hear,
    Tls(Handshake),
    Wait(Duration),
    Close,
    Reset,
    /// Closes without a word.
    HangUp,
    Change(Place, Change),
    Beneath(Vec<u8>),
    FloodBeneath(Vec<u8>),
    Replay,
    SayAs(ContentType, Vec<u8>),
    UpdateKeys(u8),
}

/// The peers that do what these bytes say, one for each connection.
pub(crate) fn peers(data: &[u8]) -> Vec<Act> {
    let plays = |moves| act(move |peer| play(moves, peer));
    moves(data).into_iter().map(plays).collect()
}

/// What is done, connection after connection.
fn moves(data: &[u8]) -> Vec<Vec<Move>> {
    let mut connections = Vec::new();
    let mut moves = Vec::new();
    let mut said = Vec::new();
    let mut bytes = data.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != 0xff {
            said.push(byte);
            continue;
        }
        let letter = match bytes.next() {
            None | Some(0xff) => {
                said.push(0xff);
                continue;
            }
            Some(letter) => letter,
        };
        let next = one(letter, &mut said, &mut bytes);
        // What no move has taken is said.
        if !said.is_empty() {
            moves.push(Move::Say(take(&mut said)));
        }
        moves.extend(next);
        if letter == b'n' {
            connections.push(take(&mut moves));
        }
    }
    if !said.is_empty() {
        moves.push(Move::Say(said));
    }
    connections.push(moves);
    connections
}

fn one(letter: u8, said: &mut Vec<u8>, bytes: &mut impl Iterator<Item = u8>) -> Option<Move> {
    let mut operand = || bytes.next().unwrap_or_default();
    Some(match letter {
        b'd' => Move::Drip(take(said)),
        b'f' => Move::Flood(take(said)),
        b'h' => Move::Hear,
        b't' => Move::Tls(Handshake::Tls12),
        b'T' => Move::Tls(Handshake::Tls13),
        b'H' => Move::Tls(Handshake::Retried),
        b'q' => Move::Tls(Handshake::Wanting12),
        b'Q' => Move::Tls(Handshake::Wanting13),
        b'w' => Move::Wait(Duration::from_secs(1)),
        b'W' => Move::Wait(Duration::from_secs(7)),
        b'c' => Move::Close,
        b'C' => Move::HangUp,
        b'r' => Move::Reset,
        b'u' => Move::Beneath(take(said)),
        b'F' => Move::FloodBeneath(take(said)),
        b'R' => Move::Replay,
        b'e' => Move::SayAs(ContentType::from(operand()), take(said)),
        b'K' => Move::UpdateKeys(operand()),
        b'x' | b'k' | b'z' | b'v' | b'2' | b'o' | b's' | b'm' | b'i' => {
            let place = Place::new(operand());
            let change = match letter {
                b'x' => Change::Flip {
                    at: operand(),
                    by: operand(),
                },
                b'k' => Change::Cut { at: operand() },
                b'z' => Change::End { at: operand() },
                b'v' => Change::Drop,
                b'2' => Change::Twice,
                b'o' => Change::Swap,
                b's' => Change::Split { size: operand() },
                b'm' => Change::Join,
                _ => Change::Insert(take(said)),
            };
            Move::Change(place, change)
        }
        _ => return None,
    })
}

async fn play(moves: Vec<Move>, mut peer: Peer) {
    for next in moves {
        let line = match next {
            Move::Say(bytes) => peer.say(&bytes).await,
            Move::Drip(bytes) => drip(&mut peer, &bytes).await,
            Move::Flood(bytes) => peer.say(&flood(&bytes)).await,
            Move::Hear => peer.hear_something().await.map(drop).into(),
            // Twice is once too often.
            Move::Tls(_) if peer.is_secure() => Line::Up,
            // It is down as well when the client did not come for this.
            Move::Tls(handshake) => peer.shake_hands(usual(handshake)).await,
            Move::Wait(time) => {
                sleep(time).await;
                Line::Up
            }
            Move::Close => return peer.close().await,
            Move::HangUp => return,
            Move::Reset => return peer.reset(),
            Move::Change(place, change) => {
                peer.change(place, change);
                Line::Up
            }
            Move::Beneath(bytes) => peer.beneath(&bytes).await,
            Move::FloodBeneath(bytes) => peer.beneath(&flood(&bytes)).await,
            Move::Replay => peer.replay().await,
            Move::SayAs(typ, bytes) => peer.say_as(typ, &bytes).await,
            Move::UpdateKeys(times) => peer.update_keys(times).await,
        };
        if line == Line::Down {
            return;
        }
    }
    while let Ok(1..) = peer.hear_something().await {}
}

async fn drip(peer: &mut Peer, bytes: &[u8]) -> Line {
    for byte in bytes {
        if peer.say(&[*byte]).await == Line::Down {
            return Line::Down;
        }
        sleep(Duration::from_secs(1)).await;
    }
    Line::Up
}

/// More of it than anybody takes.
fn flood(bytes: &[u8]) -> Vec<u8> {
    bytes.repeat(FLOOD / bytes.len().max(1) + 1)
}
