//! Names to addresses, by the system's resolver: it is what Outlook asks, hosts file, split DNS and name policy
//! included. It runs on a thread of its own, since nothing can hurry it, and is waited for no longer than its bound.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, getaddrinfo};
use tokio::time::Instant;

use super::halt::Halt;
use super::os;
use crate::facts::Text;
use crate::observation::{Cause, Failure, Stage};
use crate::plan::{Addresses, Families, Host, Limits, Reach};

/// What a lookup came to.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The addresses in the order in which they are to be tried, or why there are none.
    pub addresses: Result<Vec<IpAddr>, Failure>,
    /// How long it took; `None` for an address literal.
    pub took: Option<Duration>,
}

/// Looks a host up.
pub async fn resolve(
    host: &Host,
    reach: Reach,
    patience: Duration,
    deadline: Option<Instant>,
    halt: &Halt,
) -> Lookup {
    let name = match host {
        Host::Address(address) => {
            return Lookup {
                addresses: Ok(vec![*address]),
                took: None,
            };
        }
        Host::Name(name) => name.clone(),
    };
    let begun = Instant::now();
    let until = begun + patience;
    let (until, late) = match deadline {
        Some(deadline) if deadline < until => (deadline, Cause::Deadline),
        _ => (until, Cause::LookupFailed),
    };
    let mut halt = halt.clone();
    let asked = tokio::task::spawn_blocking(move || ask_system(&name));
    let answer = tokio::select! {
        biased;
        () = halt.said() => Err(failure(Cause::Interrupted, None)),
        answer = asked => match answer {
            Ok(answer) => answer,
            Err(_) => Err(failure(Cause::Internal, None)),
        },
        () = tokio::time::sleep_until(until) => {
            Err(failure(late, Some("the resolver did not answer in time".into())))
        }
    };
    Lookup {
        addresses: answer.and_then(|found| choose(&found, reach)),
        took: Some(begun.elapsed()),
    }
}

fn ask_system(name: &str) -> Result<Vec<IpAddr>, Failure> {
    const STREAM: i32 = 1;
    let hints = AddrInfoHints {
        socktype: STREAM,
        ..AddrInfoHints::default()
    };
    match getaddrinfo(Some(name), None, Some(hints)) {
        Ok(found) => Ok(found
            .filter_map(Result::ok)
            .map(|info| match info.sockaddr {
                // A mapped address is an IPv4 one.
                SocketAddr::V6(v6) => v6.ip().to_canonical(),
                SocketAddr::V4(v4) => IpAddr::V4(*v4.ip()),
            })
            .take(Limits::ADDRESSES * 64)
            .collect()),
        Err(error) => Err(refusal(error)),
    }
}

fn refusal(error: LookupError) -> Failure {
    // Without a file to ask from, the system's resolver says of any name that there is none.
    if os::lacks_files() {
        return failure(Cause::OutOfResources, None);
    }
    let kind = error.kind();
    let code = error.error_num();
    let words: std::io::Error = error.into();
    let cause = match kind {
        LookupErrorKind::NoName => Cause::NameNotFound,
        LookupErrorKind::NoData => Cause::NameWithoutAddress,
        // Windows: WSANO_DATA; the others: EAI_ADDRFAMILY.
        _ if matches!(code, 11004 | -9) => Cause::NameWithoutAddress,
        // Without any network nobody was asked.
        _ if !os::has_way_out() => Cause::NoFamilyHere,
        _ => Cause::LookupFailed,
    };
    failure(cause, Some(words.to_string().as_str().into()))
}

/// Those of the families asked for, without doubles; raced families take turns, the preferred one first (RFC 8305 §4).
fn choose(found: &[IpAddr], reach: Reach) -> Result<Vec<IpAddr>, Failure> {
    let mut wanted: Vec<IpAddr> = Vec::new();
    for address in found {
        let fits = match reach.families {
            Families::V4 => address.is_ipv4(),
            Families::V6 => address.is_ipv6(),
            Families::Both => true,
        };
        if fits && !wanted.contains(address) {
            wanted.push(*address);
        }
    }
    if wanted.is_empty() {
        let detail = match reach.families {
            Families::V4 => "no IPv4 address",
            Families::V6 => "no IPv6 address",
            Families::Both => "no address",
        };
        return Err(failure(Cause::NameWithoutAddress, Some(detail.into())));
    }
    if reach.addresses == Addresses::Raced {
        wanted = take_turns(&wanted);
    }
    wanted.truncate(Limits::ADDRESSES);
    Ok(wanted)
}

fn take_turns(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first_is_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (preferred, other): (Vec<IpAddr>, Vec<IpAddr>) = addresses
        .iter()
        .copied()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut turns = Vec::with_capacity(addresses.len());
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    loop {
        match (preferred.next(), other.next()) {
            (None, None) => return turns,
            (one, two) => turns.extend(one.into_iter().chain(two)),
        }
    }
}

fn failure(cause: Cause, detail: Option<Text>) -> Failure {
    Failure {
        stage: Stage::Resolve,
        cause,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(words: &[&str]) -> Vec<IpAddr> {
        words.iter().filter_map(|word| word.parse().ok()).collect()
    }

    fn reach(families: Families, addresses: Addresses) -> Reach {
        Reach {
            families,
            addresses,
            source: None,
        }
    }

    #[test]
    fn raced_families_take_turns_and_doubles_go() {
        let found = addresses(&["2001:db8::1", "2001:db8::1", "2001:db8::2", "192.0.2.1"]);
        for (families, which, expected) in [
            (
                Families::Both,
                Addresses::Raced,
                &["2001:db8::1", "192.0.2.1", "2001:db8::2"][..],
            ),
            (
                Families::Both,
                Addresses::Every,
                &["2001:db8::1", "2001:db8::2", "192.0.2.1"],
            ),
            (
                Families::V6,
                Addresses::Every,
                &["2001:db8::1", "2001:db8::2"],
            ),
            (Families::V4, Addresses::Every, &["192.0.2.1"]),
            (Families::V4, Addresses::Raced, &["192.0.2.1"]),
        ] {
            let chosen = choose(&found, reach(families, which));
            assert_eq!(chosen, Ok(addresses(expected)), "{families:?} {which:?}");
        }
    }

    #[test]
    fn a_name_without_the_family_asked_for_says_so() {
        let failure = choose(
            &addresses(&["192.0.2.1"]),
            reach(Families::V6, Addresses::Raced),
        );
        assert_eq!(
            failure.map_err(|failure| failure.cause),
            Err(Cause::NameWithoutAddress)
        );
    }

    #[test]
    fn a_name_with_ten_thousand_addresses_is_cut() {
        let found: Vec<IpAddr> = (0..10_000_u32)
            .map(|number| IpAddr::from(number.to_be_bytes()))
            .collect();
        assert_eq!(
            choose(&found, reach(Families::Both, Addresses::Every)).map(|found| found.len()),
            Ok(Limits::ADDRESSES)
        );
    }
}
