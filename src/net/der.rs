//! The little DER that is read by hand (X.690 §8): raw parts of certificates, by which links are checked.

/// The contents of the first element, and what follows it.
pub(super) fn contents(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *first < 0x80 {
        return rest.split_at_checked(usize::from(*first));
    }
    let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    if length.is_empty() || length.len() > 4 {
        return None;
    }
    let length = length
        .iter()
        .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    rest.split_at_checked(length)
}

/// The bits of a BIT STRING that stands first, whole bytes only.
pub(super) fn bit_string(der: &[u8]) -> Option<&[u8]> {
    let (bits, _) = contents(der)?;
    match bits.split_first() {
        Some((0, bits)) => Some(bits),
        _ => None,
    }
}

/// The size of an RSA key, given its `RSAPublicKey` (RFC 8017 §A.1.1).
pub(super) fn rsa_bits(key: &[u8]) -> Option<u32> {
    let (inside, _) = contents(key)?;
    let (modulus, _) = contents(inside)?;
    let start = modulus.iter().position(|byte| *byte != 0)?;
    let modulus = modulus.get(start..)?;
    let unused = modulus.first()?.leading_zeros();
    u32::try_from(modulus.len())
        .ok()?
        .checked_mul(8)
        .map(|bits| bits - unused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_form_are_read_and_lies_are_not() {
        for (der, expected) in [
            (&b"\x04\x01ab"[..], Some((&b"a"[..], &b"b"[..]))),
            (b"\x04\x00", Some((b"", b""))),
            (b"\x04\x81\x01a", Some((b"a", b""))),
            (b"\x04\x84\x00\x00\x00\x01ab", Some((b"a", b"b"))),
            (b"", None),
            (b"\x04", None),
            (b"\x04\x02a", None),
            (b"\x04\x80a\x00\x00", None),
            (b"\x04\x84\xff\xff\xff\xffa", None),
            (b"\x04\x85\x00\x00\x00\x00\x01a", None),
            (b"\x04\x82\x01", None),
        ] {
            assert_eq!(contents(der), expected, "{der:x?}");
        }
    }

    #[test]
    fn an_rsa_key_is_as_long_as_its_modulus() {
        for (key, bits) in [
            (&b"\x30\x05\x02\x03\x00\xff\xff"[..], Some(16)),
            (b"\x30\x04\x02\x02\x01\x00", Some(9)),
            (b"\x30\x03\x02\x01\x00", None),
            (b"\x30\x02\x02\x00", None),
            (b"\x30", None),
        ] {
            assert_eq!(rsa_bits(key), bits, "{key:x?}");
        }
    }
}
