//! RDP as Windows negotiates it on 3389 (\[MS-RDPBCGR\] 2.2.1.1 and 2.2.1.2), up to the TLS handshake.

use super::conversation::{Conversation, Received};
use super::extent::Extent;
use super::faults::Fault;
use super::port::Port;
use std::io;

/// A connection request with the longest cookie is far shorter.
const LONGEST_REQUEST: usize = 512;

const PROTOCOL_SSL: u8 = 1;
const PROTOCOL_HYBRID: u8 = 2;
const PROTOCOL_HYBRID_EX: u8 = 8;

/// The protocols with network level authentication.
const HYBRIDS: u32 = 2 | 8;

const SSL_REQUIRED_BY_SERVER: u8 = 1;
const SSL_NOT_ALLOWED_BY_SERVER: u8 = 2;
const SSL_CERT_NOT_ON_SERVER: u8 = 3;
const HYBRID_REQUIRED_BY_SERVER: u8 = 5;
const SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER: u8 = 6;

/// The confirm of a server that knows no negotiation.
const PLAIN_CONFIRM: [u8; 11] = [3, 0, 0, 0x0b, 6, 0xd0, 0, 0, 0x12, 0x34, 0];

pub(super) async fn serve(port: &Port, mut peer: Conversation) -> io::Result<()> {
    let Received::Request(request) = peer.receive(LONGEST_REQUEST, packet).await else {
        return peer.close().await;
    };
    let Some(requested) = requested_protocols(&request) else {
        peer.say(PLAIN_CONFIRM).await?;
        return peer.close().await;
    };
    let refused = if port.has(Fault::NoCertificate) {
        Some(SSL_CERT_NOT_ON_SERVER)
    } else if port.has(Fault::RdpNoTls) {
        Some(SSL_NOT_ALLOWED_BY_SERVER)
    } else if port.has(Fault::RdpNegotiationFailed) {
        Some(SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER)
    } else if port.has(Fault::RdpNlaRequired) && requested & HYBRIDS == 0 {
        Some(HYBRID_REQUIRED_BY_SERVER)
    } else {
        None
    };
    let selected = [PROTOCOL_HYBRID_EX, PROTOCOL_HYBRID, PROTOCOL_SSL]
        .into_iter()
        .find(|protocol| requested & u32::from(*protocol) != 0);
    match (refused, selected) {
        (None, Some(protocol)) => {
            peer.say(confirm(protocol)).await?;
            // What a client says in the secure session is CredSSP or the desktop: both end here.
            peer.upgrade(&port.tls).await?.ignore().await
        }
        (refused, _) => {
            peer.say(failure(refused.unwrap_or(SSL_REQUIRED_BY_SERVER)))
                .await?;
            peer.close().await
        }
    }
}

/// Type 2, flags as current Windows sets them (extended client data, graphics pipeline, restricted admin, remote guard).
fn confirm(protocol: u8) -> [u8; 19] {
    [
        3, 0, 0, 0x13, 0x0e, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0x1f, 8, 0, protocol, 0, 0, 0,
    ]
}

/// Type 3.
fn failure(code: u8) -> [u8; 19] {
    [
        3, 0, 0, 0x13, 0x0e, 0xd0, 0, 0, 0x12, 0x34, 0, 3, 0, 8, 0, code, 0, 0, 0,
    ]
}

/// A TPKT (RFC 1006 §6) that holds an X.224 Connection Request.
fn packet(bytes: &[u8]) -> Extent {
    match bytes {
        [3, _, high, low, ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            match bytes.get(5) {
                _ if length < 11 => Extent::Foreign,
                Some(code) if code & 0xf0 != 0xe0 => Extent::Foreign,
                _ if bytes.len() < length => Extent::Unfinished,
                _ => Extent::Whole(length),
            }
        }
        [] | [3] | [3, _] | [3, _, _] => Extent::Unfinished,
        _ => Extent::Foreign,
    }
}

/// The protocols asked for, from the negotiation request that ends the packet; `None` when there is none.
fn requested_protocols(request: &[u8]) -> Option<u32> {
    let body = request.get(11..)?;
    match *body.last_chunk::<8>()? {
        [1, _, 8, 0, a, b, c, d] => Some(u32::from_le_bytes([a, b, c, d])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: [u8; 19] = [
        3, 0, 0, 0x13, 0x0e, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0x0b, 0, 0, 0,
    ];

    #[test]
    fn a_packet_is_found_at_every_cut() {
        for cut in 0..ASK.len() {
            assert_eq!(packet(&ASK[..cut]), Extent::Unfinished, "{cut}");
        }
        assert_eq!(packet(&ASK), Extent::Whole(19));
        assert_eq!(packet(b"\x16\x03\x01"), Extent::Foreign);
        assert_eq!(packet(b"\x03\x00\x00\x03"), Extent::Foreign);
        assert_eq!(packet(b"\x03\x00\x00\x13\x0e\xd0"), Extent::Foreign);
    }

    #[test]
    fn protocols_are_read_with_and_without_a_cookie() {
        assert_eq!(requested_protocols(&ASK), Some(0x0b));
        let mut cookie = ASK[..11].to_vec();
        cookie.extend(b"Cookie: mstshash=exchports\r\n\x01\x00\x08\x00\x03\x00\x00\x00");
        assert_eq!(requested_protocols(&cookie), Some(3));
        assert_eq!(requested_protocols(&ASK[..11]), None);
    }
}
