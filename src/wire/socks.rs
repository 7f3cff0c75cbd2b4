//! SOCKS version 5, the client's side: the choice of a method, user and password, CONNECT (RFC 1928, RFC 1929).
//!
//! Start at [`reply`]. After a reply that grants it, what follows on the socket is the destination's.

use std::net::SocketAddr;

use super::{Decoded, Violation};

/// The longest reply, in bytes: that with a name of 255.
pub const MAX_REPLY: usize = 4 + 1 + 255 + 2;

/// The longest name, user and password that can be sent, in bytes.
pub const MAX_TEXT: usize = 255;

/// What the proxy chose of the methods that were offered (RFC 1928 §3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuthMethod {
    /// No sign-in.
    None,
    /// User and password.
    Password,
    /// None of those that were offered.
    NoneAcceptable,
    /// One that was not offered.
    Other(u8),
}

/// What became of the request (RFC 1928 §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SocksReply {
    /// The connection is there.
    Succeeded,
    /// General failure.
    Failure,
    /// The rules do not allow it.
    NotAllowed,
    /// Network unreachable.
    NetworkUnreachable,
    /// Host unreachable: no way there, or no such name.
    HostUnreachable,
    /// The destination refused the connection.
    Refused,
    /// A router on the way gave up: TTL expired. Some proxies say it of a timeout.
    TtlExpired,
    /// It does not know the command.
    CommandUnknown,
    /// It does not know that kind of address.
    AddressTypeUnknown,
    /// A code that the RFC does not have.
    Other(u8),
}

impl SocksReply {
    fn of(code: u8) -> Self {
        match code {
            0 => Self::Succeeded,
            1 => Self::Failure,
            2 => Self::NotAllowed,
            3 => Self::NetworkUnreachable,
            4 => Self::HostUnreachable,
            5 => Self::Refused,
            6 => Self::TtlExpired,
            7 => Self::CommandUnknown,
            8 => Self::AddressTypeUnknown,
            other => Self::Other(other),
        }
    }

    /// Its code and the RFC's words for it: `5, connection refused`.
    #[must_use]
    pub fn words(self) -> String {
        let (code, words) = match self {
            Self::Succeeded => (0, "succeeded"),
            Self::Failure => (1, "general SOCKS server failure"),
            Self::NotAllowed => (2, "connection not allowed by ruleset"),
            Self::NetworkUnreachable => (3, "network unreachable"),
            Self::HostUnreachable => (4, "host unreachable"),
            Self::Refused => (5, "connection refused"),
            Self::TtlExpired => (6, "TTL expired"),
            Self::CommandUnknown => (7, "command not supported"),
            Self::AddressTypeUnknown => (8, "address type not supported"),
            Self::Other(code) => (code, "a code of its own"),
        };
        format!("SOCKS reply {code}, {words}")
    }
}

/// Offers the methods: none, and user and password where there are any.
#[must_use]
pub fn methods(has_password: bool) -> Vec<u8> {
    if has_password {
        vec![VERSION, 2, NO_METHOD, PASSWORD]
    } else {
        vec![VERSION, 1, NO_METHOD]
    }
}

/// The method that the proxy chose.
///
/// # Errors
///
/// Malformed when it is not version 5.
pub fn method(data: &[u8]) -> Decoded<AuthMethod> {
    let Some(chosen) = version(data, VERSION)? else {
        return Ok(None);
    };
    let method = match chosen {
        NO_METHOD => AuthMethod::None,
        PASSWORD => AuthMethod::Password,
        0xff => AuthMethod::NoneAcceptable,
        other => AuthMethod::Other(other),
    };
    Ok(Some((method, 2)))
}

/// User and password (RFC 1929 §2); of each no more than [`MAX_TEXT`] bytes.
#[must_use]
pub fn sign_in(user: &str, password: &str) -> Vec<u8> {
    let mut request = vec![SIGN_IN];
    push_text(&mut request, user);
    push_text(&mut request, password);
    request
}

/// Whether the proxy takes user and password.
///
/// # Errors
///
/// Malformed when it is not version 1 of that negotiation. Some proxies answer with the version of SOCKS, which is taken.
pub fn signed_in(data: &[u8]) -> Decoded<bool> {
    let expected = match data.first() {
        Some(&VERSION) => VERSION,
        _ => SIGN_IN,
    };
    let status = version(data, expected)?;
    Ok(status.map(|status| (status == 0, 2)))
}

/// Asks for a connection to an address.
#[must_use]
pub fn connect(address: SocketAddr) -> Vec<u8> {
    let mut request = vec![VERSION, CONNECT, 0];
    match address {
        SocketAddr::V4(v4) => {
            request.push(IPV4);
            request.extend(v4.ip().octets());
        }
        SocketAddr::V6(v6) => {
            request.push(IPV6);
            request.extend(v6.ip().octets());
        }
    }
    request.extend(address.port().to_be_bytes());
    request
}

/// Asks for a connection to a name that the proxy looks up; of it no more than [`MAX_TEXT`] bytes.
#[must_use]
pub fn connect_to_name(name: &str, port: u16) -> Vec<u8> {
    let mut request = vec![VERSION, CONNECT, 0, NAME];
    push_text(&mut request, name);
    request.extend(port.to_be_bytes());
    request
}

/// What became of the request. A refusal is told by its code: some proxies hang up behind it, whatever belongs there.
///
/// # Errors
///
/// Malformed when it is not version 5, or the address in it is of an unknown kind.
pub fn reply(data: &[u8]) -> Decoded<SocksReply> {
    let Some(code) = version(data, VERSION)? else {
        return Ok(None);
    };
    let reply = SocksReply::of(code);
    if reply != SocksReply::Succeeded {
        return Ok(Some((reply, 2)));
    }
    let address = match data.get(3) {
        None => return Ok(None),
        Some(&IPV4) => 4,
        Some(&IPV6) => 16,
        Some(&NAME) => match data.get(4) {
            None => return Ok(None),
            Some(length) => usize::from(*length).saturating_add(1),
        },
        Some(_) => return Err(Violation::malformed("unknown kind of address", 3)),
    };
    let whole = address.saturating_add(4 + 2);
    Ok((data.len() >= whole).then_some((reply, whole)))
}

/// The second byte behind this version; `None` when it is not there yet.
fn version(data: &[u8], expected: u8) -> Result<Option<u8>, Violation> {
    match data.first() {
        Some(found) if *found != expected => Err(Violation::malformed("not SOCKS version 5", 0)),
        _ => Ok(data.get(1).copied()),
    }
}

fn push_text(request: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let bytes = bytes.get(..MAX_TEXT).unwrap_or(bytes);
    // INVARIANT: MAX_TEXT fits into a byte.
    request.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    request.extend(bytes);
}

const VERSION: u8 = 5;
/// The version of the negotiation with user and password.
const SIGN_IN: u8 = 1;
const NO_METHOD: u8 = 0;
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_the_rfcs() {
        assert_eq!(methods(false), [5, 1, 0]);
        assert_eq!(methods(true), [5, 2, 0, 2]);
        assert_eq!(sign_in("me", "pw!"), *b"\x01\x02me\x03pw!");
        let v4 = connect(SocketAddr::from(([192, 0, 2, 25], 587)));
        assert_eq!(v4, [5, 1, 0, 1, 192, 0, 2, 25, 2, 75]);
        let v6 = connect("[2001:db8::1]:25".parse().expect("an address"));
        assert_eq!(v6[..8], [5, 1, 0, 4, 0x20, 1, 0x0d, 0xb8]);
        assert_eq!((v6.len(), &v6[18..]), (22, &[0, 1, 0, 25][..]));
        assert_eq!(
            connect_to_name("mail.example.com", 443),
            *b"\x05\x01\x00\x03\x10mail.example.com\x01\xbb"
        );
        assert_eq!(sign_in(&"u".repeat(300), "").len(), 1 + 1 + 255 + 1);
    }

    #[test]
    fn answers_are_read_whole_and_no_further() {
        assert_eq!(method(b"\x05\x00rest"), Ok(Some((AuthMethod::None, 2))));
        assert_eq!(method(b"\x05\x02"), Ok(Some((AuthMethod::Password, 2))));
        assert_eq!(
            method(b"\x05\xff"),
            Ok(Some((AuthMethod::NoneAcceptable, 2)))
        );
        assert_eq!(method(b"\x05\x01"), Ok(Some((AuthMethod::Other(1), 2))));
        assert_eq!(method(b"\x05"), Ok(None));
        assert!(method(b"HTTP/1.1 400").is_err());
        assert_eq!(signed_in(b"\x01\x00"), Ok(Some((true, 2))));
        assert_eq!(signed_in(b"\x05\x00"), Ok(Some((true, 2))));
        assert_eq!(signed_in(b"\x01\x01"), Ok(Some((false, 2))));
        assert!(signed_in(b"\x00\x00").is_err());
        // The greeting of the server behind it is not taken.
        let granted = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x19220 ready\r\n";
        assert_eq!(reply(granted), Ok(Some((SocksReply::Succeeded, 10))));
        assert_eq!(reply(&granted[..9]), Ok(None));
        let named = b"\x05\x00\x00\x03\x02ab\x00\x19";
        assert_eq!(reply(named), Ok(Some((SocksReply::Succeeded, 9))));
        assert_eq!(reply(&named[..8]), Ok(None));
        let v6 = [&b"\x05\x00\x00\x04"[..], &[0; 18]].concat();
        assert_eq!(reply(&v6), Ok(Some((SocksReply::Succeeded, 22))));
        assert_eq!(reply(b"\x05\x05"), Ok(Some((SocksReply::Refused, 2))));
        assert!(reply(b"\x05\x00\x00\x02").is_err());
        assert!(reply(b"\x04").is_err());
        for code in 1..=u8::MAX {
            let Ok(Some((told, 2))) = reply(&[5, code]) else {
                panic!("{code}");
            };
            assert!(told.words().contains(&code.to_string()), "{told:?}");
        }
    }
}
