//! What the targets in `bin/` have in common: they hold the oracle whose name they bear.

#[path = "../../oracles/mod.rs"]
mod oracles;
#[path = "../../peer/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "the tests of conversations do more with it"
)]
mod peer;

/// Holds an oracle for these bytes; panics when it does not hold.
///
/// # Panics
/// That, or there is no oracle of this name.
pub fn hold(name: &str, data: &[u8]) {
    let oracle = oracles::all().find(|(known, _)| *known == name);
    let (_, oracle) = oracle.unwrap_or_else(|| panic!("no oracle is called {name}"));
    oracle(data);
}
