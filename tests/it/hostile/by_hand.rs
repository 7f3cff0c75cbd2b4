//! TLS as a server does it by hand: what it would write passes through the test before it is sent.

use std::sync::{Arc, Mutex};

use rustls::crypto::cipher::{AeadKey, Iv, MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::crypto::tls13::OkmBlock;
use rustls::{
    ConnectionTrafficSecrets, ContentType, KeyLog, ProtocolVersion, ServerConfig, ServerConnection,
    SupportedCipherSuite,
};

use crate::peer::{Line, Peer};

/// A handshake, and the session after it.
pub(super) struct Handshake(ServerConnection, Arc<Secrets>);

impl Handshake {
    pub(super) fn begin(mut config: ServerConfig) -> Self {
        let secrets = Arc::new(Secrets::default());
        config.key_log = Arc::clone(&secrets) as Arc<dyn KeyLog>;
        config.enable_secret_extraction = true;
        Self(ServerConnection::new(Arc::new(config)).unwrap(), secrets)
    }

    /// What the server of TLS 1.3 has sealed its handshake with.
    pub(super) fn handshake_seal(&self) -> Seal {
        self.seal_of("SERVER_HANDSHAKE_TRAFFIC_SECRET")
    }

    /// What it seals with behind its first flight of TLS 1.3.
    pub(super) fn flight_seal(&self) -> Seal {
        self.seal_of("SERVER_TRAFFIC_SECRET_0")
    }

    /// What the server seals with after its last flight; nothing may have been sealed with it yet.
    pub(super) fn seal(self) -> Seal {
        if self.0.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
            return self.flight_seal();
        }
        let Some(SupportedCipherSuite::Tls12(suite)) = self.0.negotiated_cipher_suite() else {
            panic!("no suite of TLS 1.2");
        };
        let (sequence, secrets) = self.0.dangerous_extract_secrets().unwrap().tx;
        let ConnectionTrafficSecrets::Aes256Gcm { key, iv } = secrets else {
            panic!("another suite was agreed on");
        };
        // RFC 5288 §3: four bytes of it are agreed on, eight are sent.
        let (agreed, sent) = iv.as_ref().split_at(4);
        Seal {
            encrypter: suite.aead_alg.encrypter(key, agreed, sent),
            sequence,
        }
    }

    fn seal_of(&self, label: &str) -> Seal {
        let Some(SupportedCipherSuite::Tls13(suite)) = self.0.negotiated_cipher_suite() else {
            panic!("no suite of TLS 1.3");
        };
        let secrets = self.1.0.lock().unwrap();
        let (_, secret) = secrets.iter().find(|(name, _)| name == label).unwrap();
        let expander = suite.hkdf_provider.expander_for_okm(&OkmBlock::new(secret));
        let (mut key, mut iv) = ([0; 32], [0; 12]);
        // RFC 8446 §7.3
        expander
            .expand_slice(&[b"\0\x20\x09tls13 key\0"], &mut key)
            .unwrap();
        expander
            .expand_slice(&[b"\0\x0c\x08tls13 iv\0"], &mut iv)
            .unwrap();
        assert_eq!(suite.aead_alg.key_len(), key.len(), "another suite");
        Seal {
            encrypter: suite.aead_alg.encrypter(AeadKey::from(key), Iv::new(iv)),
            sequence: 0,
        }
    }

    /// Shakes hands; what is written passes through `change`. Whether it came to its end.
    pub(super) async fn shake(
        &mut self,
        peer: &mut Peer,
        mut change: impl FnMut(Vec<u8>) -> Vec<u8>,
    ) -> bool {
        while self.is_shaking() {
            let Some(bytes) = self.hear(peer).await else {
                return false;
            };
            if peer.say(&change(bytes)).await == Line::Down {
                return false;
            }
        }
        true
    }

    pub(super) fn is_shaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// Hears the next record, and returns what it would answer; `None` where the client is no partner.
    pub(super) async fn hear(&mut self, peer: &mut Peer) -> Option<Vec<u8>> {
        let record = hear(peer).await?;
        self.0.read_tls(&mut record.as_slice()).unwrap();
        self.0.process_new_packets().ok()?;
        Some(self.written())
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

/// Makes records that no library would send.
pub(super) struct Seal {
    encrypter: Box<dyn MessageEncrypter>,
    sequence: u64,
}

impl Seal {
    pub(super) fn record(&mut self, kind: ContentType, content: &[u8]) -> Vec<u8> {
        let message = OutboundPlainMessage {
            typ: kind,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(content),
        };
        let sealed = self.encrypter.encrypt(message, self.sequence).unwrap();
        self.sequence += 1;
        sealed.encode()
    }
}

/// The secrets of a connection, by the names that key logs give them.
#[derive(Debug, Default)]
struct Secrets(Mutex<Vec<(String, Vec<u8>)>>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        let mut secrets = self.0.lock().unwrap();
        secrets.push((label.to_owned(), secret.to_vec()));
    }
}

/// The next record of the client, head and all.
pub(super) async fn hear(peer: &mut Peer) -> Option<Vec<u8>> {
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
