//! TLS as a server does it by hand: what it would write passes through the test before it is sent.

use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use crate::probe::peer::{Line, Peer};

/// A handshake, and the session after it.
pub(super) struct Handshake(ServerConnection);

impl Handshake {
    pub(super) fn begin(config: ServerConfig) -> Self {
        Self(ServerConnection::new(Arc::new(config)).unwrap())
    }

    /// Shakes hands; what is written passes through `change`. Whether it came to its end.
    pub(super) async fn shake(
        &mut self,
        peer: &mut Peer,
        mut change: impl FnMut(Vec<u8>) -> Vec<u8>,
    ) -> bool {
        while self.0.is_handshaking() {
            let Some(record) = record(peer).await else {
                return false;
            };
            self.0.read_tls(&mut record.as_slice()).unwrap();
            if self.0.process_new_packets().is_err() {
                return false;
            }
            if peer.say(&change(self.written())).await == Line::Down {
                return false;
            }
        }
        true
    }

    /// Says it in the secure session.
    pub(super) async fn say(&mut self, peer: &mut Peer, bytes: &[u8]) -> Line {
        use std::io::Write as _;
        self.0.writer().write_all(bytes).unwrap();
        let records = self.written();
        peer.say(&records).await
    }

    /// New keys, which are news to the client (RFC 8446 §4.6.3).
    pub(super) async fn update_keys(&mut self, peer: &mut Peer) -> Line {
        self.0.refresh_traffic_keys().unwrap();
        let records = self.written();
        peer.say(&records).await
    }

    fn written(&mut self) -> Vec<u8> {
        let mut records = Vec::new();
        while self.0.wants_write() {
            self.0.write_tls(&mut records).unwrap();
        }
        records
    }
}

/// The next record of the client, head and all.
async fn record(peer: &mut Peer) -> Option<Vec<u8>> {
    let mut record = Vec::new();
    let mut length = 5;
    while record.len() < length {
        let mut byte = [0];
        if peer.read(&mut byte).await == 0 {
            return None;
        }
        record.extend(byte);
        if let [_, _, _, high, low] = *record {
            length += usize::from(u16::from_be_bytes([high, low]));
        }
    }
    Some(record)
}
