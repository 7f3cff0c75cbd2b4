//! What this system's error codes say of a connection attempt.
//!
//! The codes differ: Linux and macOS have `EACCES` and `EPERM`, Windows has 10013; Linux cannot tell a router's "no
//! route" from a filter's on IPv4. Where a code is ambiguous, a UDP socket is connected to the same address, which
//! sends nothing: if that fails as well, it is this machine that has no way there.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};

use crate::facts::Text;
use crate::observation::{Cause, State};

/// State, cause and the system's own words for a dial that failed.
pub(super) fn classify(
    error: &io::Error,
    address: SocketAddr,
    source: Option<IpAddr>,
) -> (State, Cause, Text) {
    let words = Text::from(error.to_string().as_str());
    let (state, cause) = match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {
            (State::Closed, Cause::Refused)
        }
        ErrorKind::TimedOut => (State::Filtered, Cause::Filtered),
        ErrorKind::PermissionDenied if is_filters_word(error, address) => {
            (State::Unreachable, Cause::Unreachable)
        }
        ErrorKind::PermissionDenied => (State::Blocked, Cause::BlockedHere),
        ErrorKind::NetworkUnreachable
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable
        | ErrorKind::InvalidInput
            if !has_way_to(address, source) =>
        {
            // Where there is a way from elsewhere on this machine, it is the source that leads nowhere.
            let is_sources = source.is_some() && has_way_to(address, None);
            let cause = if is_sources {
                Cause::SourceUnusable
            } else {
                no_way(address)
            };
            (State::Blocked, cause)
        }
        // The local stack's word, never a router's: nothing was sent.
        ErrorKind::InvalidInput if source.is_some() => (State::Blocked, Cause::SourceUnusable),
        ErrorKind::InvalidInput | ErrorKind::Unsupported => (State::Blocked, no_way(address)),
        ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse | ErrorKind::OutOfMemory => {
            (State::Blocked, Cause::OutOfResources)
        }
        _ => match error.raw_os_error() {
            Some(code) if NO_FAMILY.contains(&code) => (State::Blocked, no_way(address)),
            _ if is_out_of_resources(error) => (State::Blocked, Cause::OutOfResources),
            _ => (State::Unreachable, Cause::Unreachable),
        },
    };
    (state, cause, words)
}

/// What binding to the address of `--source` failed with.
pub(super) fn classify_bind(error: &io::Error) -> (State, Cause, Text) {
    let words = Text::from(error.to_string().as_str());
    let cause = if is_out_of_resources(error) {
        Cause::OutOfResources
    } else {
        Cause::SourceUnusable
    };
    (State::Blocked, cause, words)
}

/// Whether this machine has no files, buffers or memory left.
pub(super) fn is_out_of_resources(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|code| NO_RESOURCES.contains(&code))
}

/// On IPv6, `EACCES` is a router's "administratively prohibited" (RFC 4443 §3.1); else it is this machine's.
fn is_filters_word(error: &io::Error, address: SocketAddr) -> bool {
    const EACCES: i32 = 13;
    cfg!(unix) && address.is_ipv6() && error.raw_os_error() == Some(EACCES)
}

/// Whether this machine has no file left for one socket more.
pub(super) fn lacks_files() -> bool {
    UdpSocket::bind((IpAddr::from([0; 4]), 0)).is_err_and(|error| is_out_of_resources(&error))
}

/// Why there is no way to an address: this machine has no network, or it lacks that family or route. To itself it needs
/// none.
fn no_way(address: SocketAddr) -> Cause {
    if address.ip().is_loopback() || has_way_out() {
        Cause::NoFamilyHere
    } else {
        Cause::NoNetwork
    }
}

/// Whether this machine has a way to anywhere beyond itself, in either family. Asked for are addresses that nobody has
/// (RFC 5737, RFC 3849); nothing is sent.
pub(super) fn has_way_out() -> bool {
    let nobodys = [
        IpAddr::from([192, 0, 2, 1]),
        IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
    ];
    nobodys
        .iter()
        .any(|address| has_way_to(SocketAddr::new(*address, 53), None))
}

/// Whether this machine has a route to the address, and an address of its own to send from. Without one nothing was sent
/// and nobody asked: that is not the host's being unreachable.
fn has_way_to(address: SocketAddr, source: Option<IpAddr>) -> bool {
    let from = source.unwrap_or_else(|| match address {
        SocketAddr::V4(_) => IpAddr::from([0; 4]),
        SocketAddr::V6(_) => IpAddr::from([0; 16]),
    });
    match UdpSocket::bind((from, 0)) {
        Ok(socket) => socket.connect(address).is_ok(),
        // Without a file or a port to ask with, nothing is known of the way.
        Err(error) => is_out_of_resources(&error) || error.kind() == ErrorKind::AddrInUse,
    }
}

/// Address family not supported: Linux, macOS, Windows.
const NO_FAMILY: [i32; 3] = [97, 47, 10047];

/// No files, buffers or memory left: EMFILE and ENFILE, ENOBUFS (Linux, macOS), ENOMEM; the same on Windows.
const NO_RESOURCES: [i32; 8] = [24, 23, 105, 55, 12, 10024, 10055, 8];

#[cfg(test)]
mod tests {
    use super::*;

    const V4: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 25);
    #[cfg(unix)]
    const V6: SocketAddr = SocketAddr::new(IpAddr::V6(std::net::Ipv6Addr::LOCALHOST), 25);

    #[test]
    fn kinds_are_the_same_on_every_system() {
        for (kind, state) in [
            (ErrorKind::ConnectionRefused, State::Closed),
            (ErrorKind::TimedOut, State::Filtered),
            (ErrorKind::HostUnreachable, State::Unreachable),
            (ErrorKind::PermissionDenied, State::Blocked),
        ] {
            assert_eq!(classify(&kind.into(), V4, None).0, state, "{kind:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn eacces_is_a_filter_on_ipv6_and_this_machine_on_ipv4() {
        let eacces = io::Error::from_raw_os_error(13);
        let eperm = io::Error::from_raw_os_error(1);
        assert_eq!(classify(&eacces, V6, None).0, State::Unreachable);
        assert_eq!(classify(&eacces, V4, None).0, State::Blocked);
        assert_eq!(classify(&eperm, V6, None).0, State::Blocked);
        assert_eq!(classify(&eperm, V4, None).0, State::Blocked);
    }

    #[cfg(windows)]
    #[test]
    fn windows_codes_are_known() {
        for (code, state, cause) in [
            (10061, State::Closed, Cause::Refused),
            (10060, State::Filtered, Cause::Filtered),
            (10013, State::Blocked, Cause::BlockedHere),
            (10065, State::Unreachable, Cause::Unreachable),
            (10047, State::Blocked, Cause::NoFamilyHere),
            (10055, State::Blocked, Cause::OutOfResources),
        ] {
            let (found, why, _) = classify(&io::Error::from_raw_os_error(code), V4, None);
            assert_eq!((found, why), (state, cause), "{code}");
        }
    }

    /// A source that leads nowhere, as 127.0.0.1 to another host, is the local stack's to refuse, on every system.
    #[test]
    fn an_invalid_argument_is_never_a_routers_word() {
        let invalid = io::Error::from(ErrorKind::InvalidInput);
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 25));
        let (state, cause, _) = classify(&invalid, V4, Some(V4.ip()));
        assert_eq!((state, cause), (State::Blocked, Cause::SourceUnusable));
        let (state, cause, _) = classify(&invalid, elsewhere, Some(V4.ip()));
        // Without any network there is no way from anywhere.
        let expected = if has_way_to(elsewhere, None) {
            Cause::SourceUnusable
        } else {
            no_way(elsewhere)
        };
        assert_eq!((state, cause), (State::Blocked, expected));
        let (state, cause, _) = classify(&invalid, elsewhere, None);
        assert_eq!((state, cause), (State::Blocked, no_way(elsewhere)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_codes_are_known() {
        for (code, state, cause) in [
            (111, State::Closed, Cause::Refused),
            (110, State::Filtered, Cause::Filtered),
            (113, State::Unreachable, Cause::Unreachable),
            (97, State::Blocked, Cause::NoFamilyHere),
            (24, State::Blocked, Cause::OutOfResources),
            (99, State::Blocked, Cause::OutOfResources),
        ] {
            let (found, why, _) = classify(&io::Error::from_raw_os_error(code), V4, None);
            assert_eq!((found, why), (state, cause), "{code}");
        }
    }
}
