//! RDP: the X.224 connection request and its answer, with the choice of security protocols ([MS-RDPBCGR] 2.2.1.1 and
//! 2.2.1.2; TPKT is RFC 1006 §6).
//!
//! Start at [`confirm`]. After it TLS follows on the socket itself, without TPKT.

use std::fmt;

use super::{Decoded, Violation};

/// The longest packet taken, in bytes: its four of TPKT, the length byte of X.224 and the 254 that this can count.
pub const MAX_PACKET: usize = 4 + 1 + 254;

/// The longest user name sent in a cookie, in bytes.
pub const MAX_COOKIE: usize = 128;

/// Security protocols as RDP numbers them: bits when asked for, one value when selected ([MS-RDPBCGR] 2.2.1.1.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Protocols(pub u32);

/// The server's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Confirm {
    /// It chose.
    Selected {
        /// One of the protocols asked for, if the server keeps to the rules.
        protocol: Protocols,
        /// What else it can do; Windows sends 0x07, 0x0f, 0x1f.
        flags: u8,
    },
    /// It wants other protocols than those asked for.
    Refused {
        /// 1 to 6; [`failure_name`] has their names.
        code: u32,
    },
    /// It knows nothing of the choice: a server of old, which speaks RDP's own security only.
    NoNegotiation,
}

/// What a client asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionRequest {
    /// The line `Cookie: mstshash=NAME` or a routing token, without its ending.
    pub cookie: Option<Vec<u8>>,
    /// The protocols the client can do; `None` from a client of old.
    pub requested: Option<Protocols>,
}

/// Asks for a connection.
///
/// Some listeners answer only when a `cookie` names a user; what is not printable ASCII is left out of it, and what is
/// over [`MAX_COOKIE`] bytes.
#[must_use]
pub fn connection_request(requested: Protocols, cookie: Option<&str>) -> Vec<u8> {
    let mut variable = Vec::new();
    if let Some(name) = cookie {
        variable.extend(b"Cookie: mstshash=");
        variable.extend(name.bytes().filter(u8::is_ascii_graphic).take(MAX_COOKIE));
        variable.extend(b"\r\n");
    }
    variable.extend([NEGOTIATION_REQUEST, 0, 8, 0]);
    variable.extend(requested.0.to_le_bytes());
    // INVARIANT: MAX_COOKIE keeps the variable part under 254 - 6 bytes
    let indicator = u8::try_from(variable.len().saturating_add(FIXED)).unwrap_or(u8::MAX);
    let length = u16::from(indicator).saturating_add(5);
    let mut packet = vec![3, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([indicator, CONNECTION_REQUEST, 0, 0, 0, 0, 0]);
    packet.extend(variable);
    packet
}

/// The answer to a [`connection_request`].
///
/// # Errors
///
/// Malformed when it is not TPKT version 3 with an X.224 connection confirm that is empty or holds one answer of
/// 8 bytes; told as soon as version and length are there. Too long over [`MAX_PACKET`]: no confirm can be.
pub fn confirm(data: &[u8]) -> Decoded<Confirm> {
    let Some((packet, used)) = packet(data)? else {
        return Ok(None);
    };
    let variable = packet.expect(CONNECTION_CONFIRM)?;
    let confirm = match variable {
        [] => Confirm::NoNegotiation,
        [kind, flags, 8, 0, a, b, c, d, ..] => {
            let number = u32::from_le_bytes([*a, *b, *c, *d]);
            match *kind {
                NEGOTIATION_RESPONSE => Confirm::Selected {
                    protocol: Protocols(number),
                    flags: *flags,
                },
                NEGOTIATION_FAILURE => Confirm::Refused { code: number },
                _ => {
                    return Err(Violation::malformed(
                        "unknown kind of negotiation",
                        VARIABLE,
                    ));
                }
            }
        }
        _ => return Err(Violation::malformed("no negotiation of 8 bytes", VARIABLE)),
    };
    Ok(Some((confirm, used)))
}

/// What a client asks for, as a server reads it.
///
/// # Errors
///
/// As [`confirm`], for an X.224 connection request; what follows cookie and protocols is passed over.
pub fn request(data: &[u8]) -> Decoded<ConnectionRequest> {
    let Some((packet, used)) = packet(data)? else {
        return Ok(None);
    };
    let mut variable = packet.expect(CONNECTION_REQUEST)?;
    let mut cookie = None;
    if variable.starts_with(b"Cookie: ") {
        let end = variable
            .windows(2)
            .position(|pair| pair == b"\r\n")
            .ok_or(Violation::malformed("cookie without an end", VARIABLE))?;
        cookie = variable.get(..end).map(<[u8]>::to_vec);
        variable = variable.get(end.saturating_add(2)..).unwrap_or_default();
    }
    let requested = match variable {
        [] => None,
        [NEGOTIATION_REQUEST, _, 8, 0, a, b, c, d, ..] => {
            Some(Protocols(u32::from_le_bytes([*a, *b, *c, *d])))
        }
        _ => return Err(Violation::malformed("no negotiation of 8 bytes", VARIABLE)),
    };
    Ok(Some((ConnectionRequest { cookie, requested }, used)))
}

/// Why a server refused, in the words of [MS-RDPBCGR] 2.2.1.2.2; `"unknown"` for other codes.
#[must_use]
pub fn failure_name(code: u32) -> &'static str {
    match code {
        1 => "SSL_REQUIRED_BY_SERVER",
        2 => "SSL_NOT_ALLOWED_BY_SERVER",
        3 => "SSL_CERT_NOT_ON_SERVER",
        4 => "INCONSISTENT_FLAGS",
        5 => "HYBRID_REQUIRED_BY_SERVER",
        6 => "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
        _ => "unknown",
    }
}

impl Protocols {
    /// RDP's own security, no TLS.
    pub const RDP: Self = Self(0);
    /// TLS.
    pub const TLS: Self = Self(1);
    /// `CredSSP` inside TLS: Network Level Authentication.
    pub const HYBRID: Self = Self(2);
    /// RDSTLS: TLS with credentials of a broker.
    pub const RDSTLS: Self = Self(4);
    /// `CredSSP` with the early authorisation result.
    pub const HYBRID_EX: Self = Self(8);
    /// Entra ID inside TLS.
    pub const RDSAAD: Self = Self(0x10);
    /// What the prober asks for: whatever begins with TLS and every Windows knows.
    pub const ASKED: Self = Self(0x0b);

    /// The name of one selected protocol; `None` when it is no single one that is known.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::RDP => "RDP",
            Self::TLS => "TLS",
            Self::HYBRID => "HYBRID",
            Self::RDSTLS => "RDSTLS",
            Self::HYBRID_EX => "HYBRID_EX",
            Self::RDSAAD => "RDSAAD",
            _ => return None,
        })
    }

    /// Whether all bits of the other are in this.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Display for Protocols {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => out.write_str(name),
            None => write!(out, "{:#x}", self.0),
        }
    }
}

const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;
const NEGOTIATION_REQUEST: u8 = 1;
const NEGOTIATION_RESPONSE: u8 = 2;
const NEGOTIATION_FAILURE: u8 = 3;
/// Bytes that X.224's length indicator counts before the variable part.
const FIXED: usize = 6;
/// Where the variable part begins in the packet.
const VARIABLE: usize = 11;

/// An X.224 packet: its code and variable part.
struct Packet<'a> {
    code: u8,
    variable: &'a [u8],
}

impl<'a> Packet<'a> {
    fn expect(&self, code: u8) -> Result<&'a [u8], Violation> {
        // the low half of the code is credit, which class 0 does not use
        if self.code & 0xf0 == code {
            Ok(self.variable)
        } else {
            Err(Violation::malformed(
                "another packet of X.224 than expected",
                5,
            ))
        }
    }
}

/// The packet at the front, its two lengths checked against each other.
fn packet(data: &[u8]) -> Decoded<Packet<'_>> {
    if data.first().is_some_and(|&version| version != 3) {
        return Err(Violation::malformed("not TPKT version 3", 0));
    }
    let (Some(&high), Some(&low)) = (data.get(2), data.get(3)) else {
        return Ok(None);
    };
    let used = usize::from(u16::from_be_bytes([high, low]));
    if used < VARIABLE {
        return Err(Violation::malformed(
            "TPKT shorter than a connection packet",
            2,
        ));
    }
    if used > MAX_PACKET {
        return Err(Violation::too_long(
            "TPKT longer than a connection packet",
            2,
        ));
    }
    let Some(all) = data.get(4..used) else {
        return Ok(None);
    };
    let (Some((&indicator, counted)), Some(&code)) = (all.split_first(), all.get(1)) else {
        return Err(Violation::malformed(
            "TPKT shorter than a connection packet",
            2,
        ));
    };
    let variable = counted
        .get(..usize::from(indicator))
        .and_then(|counted| counted.get(FIXED..))
        .ok_or(Violation::malformed(
            "length of X.224 does not fit into TPKT",
            4,
        ))?;
    Ok(Some((Packet { code, variable }, used)))
}

#[cfg(test)]
mod tests {
    use super::super::ViolationKind;
    use super::*;

    /// The confirm of Windows: source reference 0x1234.
    fn windows(kind: u8, flags: u8, number: u8) -> Vec<u8> {
        let mut packet = b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00".to_vec();
        packet.extend([kind, flags, 8, 0, number, 0, 0, 0]);
        packet
    }

    #[test]
    fn requests_byte_by_byte() {
        for (requested, number) in [
            (Protocols::ASKED, 0x0b),
            (Protocols(3), 3),
            (Protocols::TLS, 1),
            (Protocols::RDP, 0),
        ] {
            assert_eq!(
                connection_request(requested, None),
                [
                    &b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00"[..],
                    &[number, 0, 0, 0]
                ]
                .concat()
            );
        }
        let named = connection_request(Protocols::ASKED, Some("exchports"));
        assert_eq!(
            named,
            b"\x03\x00\x00\x2f\x2a\xe0\x00\x00\x00\x00\x00Cookie: mstshash=exchports\r\n\
              \x01\x00\x08\x00\x0b\x00\x00\x00"
        );
        assert_eq!(named.len(), 47);
    }

    #[test]
    fn requests_read_back() {
        for (name, cookie) in [
            (None, None),
            (Some("a\r\nb"), Some("Cookie: mstshash=ab".to_owned())),
            (Some(""), Some("Cookie: mstshash=".to_owned())),
        ] {
            let data = connection_request(Protocols::ASKED, name);
            let expected = ConnectionRequest {
                cookie: cookie.map(String::into_bytes),
                requested: Some(Protocols::ASKED),
            };
            assert_eq!(request(&data), Ok(Some((expected, data.len()))));
        }
        let long = connection_request(Protocols::TLS, Some(&"x".repeat(1000)));
        assert_eq!(long.len(), 19 + 17 + MAX_COOKIE + 2);
        assert!(matches!(request(&long), Ok(Some(_))));
        let old = b"\x03\x00\x00\x0b\x06\xe0\x00\x00\x00\x00\x00";
        let expected = ConnectionRequest {
            cookie: None,
            requested: None,
        };
        assert_eq!(request(old), Ok(Some((expected, 11))));
        assert!(request(b"\x03\x00\x00\x14\x0f\xe0\x00\x00\x00\x00\x00Cookie: x").is_err());
    }

    #[test]
    fn what_windows_selects() {
        for flags in [0x07, 0x0f, 0x1f] {
            for (number, name) in [
                (0, "RDP"),
                (1, "TLS"),
                (2, "HYBRID"),
                (4, "RDSTLS"),
                (8, "HYBRID_EX"),
                (0x10, "RDSAAD"),
                (3, "0x3"),
            ] {
                let data = windows(2, flags, number);
                let protocol = Protocols(u32::from(number));
                let expected = Confirm::Selected { protocol, flags };
                assert_eq!(confirm(&data), Ok(Some((expected, 19))));
                assert_eq!(protocol.to_string(), name);
                for end in 0..data.len() {
                    assert_eq!(confirm(&data[..end]), Ok(None), "{end}");
                }
            }
        }
    }

    #[test]
    fn what_windows_refuses() {
        for (code, name) in [
            (1, "SSL_REQUIRED_BY_SERVER"),
            (2, "SSL_NOT_ALLOWED_BY_SERVER"),
            (3, "SSL_CERT_NOT_ON_SERVER"),
            (4, "INCONSISTENT_FLAGS"),
            (5, "HYBRID_REQUIRED_BY_SERVER"),
            (6, "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER"),
            (7, "unknown"),
        ] {
            let expected = Confirm::Refused {
                code: u32::from(code),
            };
            assert_eq!(confirm(&windows(3, 0, code)), Ok(Some((expected, 19))));
            assert_eq!(failure_name(u32::from(code)), name);
        }
    }

    #[test]
    fn other_servers() {
        let old = b"\x03\x00\x00\x0b\x06\xd0\x00\x00\x12\x34\x00";
        assert_eq!(confirm(old), Ok(Some((Confirm::NoNegotiation, 11))));
        let xrdp =
            b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x00\x00\x00\x02\x00\x08\x00\x01\x00\x00\x00\x16";
        let tls = Confirm::Selected {
            protocol: Protocols::TLS,
            flags: 0,
        };
        assert_eq!(confirm(xrdp), Ok(Some((tls, 19))));
    }

    #[test]
    fn what_is_no_confirm() {
        for (data, kind) in [
            (&b"220"[..], ViolationKind::Malformed),
            (b"\x16\x03\x01", ViolationKind::Malformed),
            (b"\x02", ViolationKind::Malformed),
            (b"\x03\x00\x00\x03", ViolationKind::Malformed),
            (b"\x03\x00\x00\x00", ViolationKind::Malformed),
            (b"\x03\x00\x00\x0a", ViolationKind::Malformed),
            (b"\x03\x00\xff\xff", ViolationKind::TooLong),
            (b"\x03\x00\x01\x04", ViolationKind::TooLong),
            // a disconnect request
            (
                b"\x03\x00\x00\x0b\x06\x80\x00\x00\x12\x34\x00",
                ViolationKind::Malformed,
            ),
            // lengths that do not fit together
            (
                b"\x03\x00\x00\x0b\x07\xd0\x00\x00\x12\x34\x00",
                ViolationKind::Malformed,
            ),
            (
                b"\x03\x00\x00\x0b\x05\xd0\x00\x00\x12\x34\x00",
                ViolationKind::Malformed,
            ),
            (
                b"\x03\x00\x00\x0b\xff\xd0\x00\x00\x12\x34\x00",
                ViolationKind::Malformed,
            ),
            // an answer cut short, of another length, of another kind
            (
                b"\x03\x00\x00\x0f\x0a\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00",
                ViolationKind::Malformed,
            ),
            (
                b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x09\x00\x01\x00\x00\x00",
                ViolationKind::Malformed,
            ),
            (
                b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x04\x00\x08\x00\x01\x00\x00\x00",
                ViolationKind::Malformed,
            ),
        ] {
            let violation = confirm(data).expect_err("no confirm");
            assert_eq!(violation.kind, kind, "{}", data.escape_ascii());
        }
        for data in [&b""[..], b"\x03", b"\x03\x00", b"\x03\x00\x01\x03"] {
            assert_eq!(confirm(data), Ok(None));
        }
    }
}
