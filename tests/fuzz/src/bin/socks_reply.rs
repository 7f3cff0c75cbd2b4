//! libFuzzer on the oracle of this file's name.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| exchports_fuzz::hold(env!("CARGO_BIN_NAME"), data));
