//! What we say to whom: a closed list of words, whatever the peer does; and a goodbye where somebody is left to hear
//! it.

use exchports::catalog::Protocol;

/// Panics when there is a word among these that a polite client does not say.
pub(super) fn assert_polite(protocol: Protocol, said: &[u8]) {
    if let Some(word) = first_impolite(protocol, said) {
        panic!("{protocol:?}: we said {word:?}");
    }
}

fn first_impolite(_protocol: Protocol, _said: &[u8]) -> Option<String> {
    None
}
