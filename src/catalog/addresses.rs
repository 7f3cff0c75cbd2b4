//! Which addresses the internet routes: IANA's special-purpose registries, which RFC 6890 set up.
//!
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>, as of November 2026. A row is a network and whether
//! its addresses are globally reachable; the longest prefix decides.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const V4: [([u8; 4], u32, bool); 17] = [
    ([0, 0, 0, 0], 8, false),
    ([10, 0, 0, 0], 8, false),
    ([100, 64, 0, 0], 10, false),
    ([127, 0, 0, 0], 8, false),
    ([169, 254, 0, 0], 16, false),
    ([172, 16, 0, 0], 12, false),
    ([192, 0, 0, 0], 24, false),
    ([192, 0, 0, 9], 32, true),
    ([192, 0, 0, 10], 32, true),
    ([192, 0, 2, 0], 24, false),
    ([192, 168, 0, 0], 16, false),
    ([198, 18, 0, 0], 15, false),
    ([198, 51, 100, 0], 24, false),
    ([203, 0, 113, 0], 24, false),
    // No hosts: multicast has a registry of its own.
    ([224, 0, 0, 0], 4, false),
    ([240, 0, 0, 0], 4, false),
    ([255, 255, 255, 255], 32, false),
];

const V6: [([u16; 8], u32, bool); 22] = [
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, false),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, false),
    ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, true),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, false),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, false),
    ([0x100, 0, 0, 1, 0, 0, 0, 0], 64, false),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, false),
    ([0x2001, 1, 0, 0, 0, 0, 0, 1], 128, true),
    ([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, true),
    ([0x2001, 1, 0, 0, 0, 0, 0, 3], 128, true),
    ([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, true),
    ([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, true),
    ([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, true),
    ([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, true),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, false),
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, true),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, false),
    ([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, false),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, false),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, false),
    // Deprecated (RFC 3879), and multicast.
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, false),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, false),
];

/// Whether an address is one that the internet routes. An IPv4 address in an IPv6 one (`::ffff:10.0.0.1`) counts as what
/// it is.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    let row = match address.to_canonical() {
        IpAddr::V4(v4) => {
            let bits = u128::from(u32::from(v4));
            longest(
                bits,
                32,
                V4.iter().map(|(net, length, public)| {
                    (
                        u128::from(u32::from(Ipv4Addr::from(*net))),
                        *length,
                        *public,
                    )
                }),
            )
        }
        IpAddr::V6(v6) => longest(
            u128::from(v6),
            128,
            V6.iter()
                .map(|(net, length, public)| (u128::from(Ipv6Addr::from(*net)), *length, *public)),
        ),
    };
    row.unwrap_or(true)
}

fn longest(
    address: u128,
    width: u32,
    rows: impl Iterator<Item = (u128, u32, bool)>,
) -> Option<bool> {
    rows.filter(|(net, length, _)| (address ^ net).checked_shr(width - length).unwrap_or(0) == 0)
        .max_by_key(|(_, length, _)| *length)
        .map(|(_, _, public)| public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_public_where_the_registry_says_so() {
        for (address, public) in [
            ("8.8.8.8", true),
            ("52.96.1.1", true),
            ("9.255.255.255", true),
            ("10.0.0.0", false),
            ("10.255.255.255", false),
            ("11.0.0.0", true),
            ("100.63.255.255", true),
            ("100.64.0.1", false),
            ("100.128.0.0", true),
            ("127.0.0.1", false),
            ("169.254.1.1", false),
            ("172.15.255.255", true),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("172.32.0.0", true),
            ("192.0.0.8", false),
            ("192.0.0.9", true),
            ("192.0.2.1", false),
            ("192.168.1.1", false),
            ("198.19.255.255", false),
            ("198.51.100.7", false),
            ("203.0.113.9", false),
            ("203.0.114.9", true),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("2001:20::1", true),
            ("2001:200::1", true),
            ("2a01:111:f400::1", true),
            ("2603:1026::1", true),
            ("3fff:1::1", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ] {
            let parsed: IpAddr = address.parse().expect("an address");
            assert_eq!(is_public(parsed), public, "{address}");
        }
    }
}
