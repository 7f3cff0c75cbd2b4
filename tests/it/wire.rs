//! Decoders and conversations against whatever bytes: the corpus, and mutations of it that are the same in every run.
//! Coverage-guided runs of the same oracles are in `tests/fuzz`.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use exchports::catalog::{self, virtual_directory};
use exchports::facts::Text;

#[path = "../oracles/mod.rs"]
pub(crate) mod oracles;

/// Mutations tried on each decoder.
const ROUNDS: u64 = 6000;

/// Mutations tried on each conversation, which takes a hundred times as long.
const ROUNDS_OF_DIALOGUES: u64 = 150;

/// Bytes that a peer does not stop sending: more than the largest limit, that of LDAP.
const FLOOD: usize = 300_000;

#[test]
fn every_decoder_has_an_oracle() {
    let mut decoders = Vec::new();
    for (module, file) in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wire")) {
        let source = fs::read_to_string(&file).expect("a source");
        decoders.extend(decoders_in(&source).map(|name| format!("{module}_{name}")));
    }
    assert!(
        decoders.len() >= 11,
        "only {decoders:?}: is the contract still called Decoded?"
    );
    // these are no decoders, but read what peers send all the same
    for name in [
        "facts_text",
        "ldap_generalized_time",
        "serve_asked",
        "sniff_sniff",
        "tls_flight_so_far",
        "trust_certificates",
    ] {
        assert!(!decoders.iter().any(|decoder| decoder == name));
        decoders.push(name.to_owned());
    }
    let decoders: BTreeSet<&str> = decoders.iter().map(String::as_str).collect();
    assert_eq!(names(oracles::DECODERS), decoders);
}

#[test]
fn every_dialogue_has_an_oracle() {
    let mut dialogues: BTreeSet<String> = catalog::all()
        .map(|service| match virtual_directory(service.id) {
            Some(_) => "probe_web".to_owned(),
            None => format!("probe_{}", service.protocol.as_str()),
        })
        .collect();
    // no dialogues: handshakes, and what can go wrong beneath any conversation
    dialogues.insert("trust_chain".to_owned());
    dialogues.insert("net_session".to_owned());
    let dialogues: BTreeSet<&str> = dialogues.iter().map(String::as_str).collect();
    assert_eq!(names(oracles::DIALOGUES), dialogues);
}

#[test]
fn every_oracle_has_a_fuzz_target() {
    let targets = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/src/bin"));
    let mut found = BTreeSet::new();
    for target in &targets {
        let name = target.rsplit(['/', '\\']).next().expect("a name");
        found.insert(name.trim_end_matches(".rs"));
        let source = fs::read_to_string(target).expect("a source");
        assert!(
            source.contains("exchports_fuzz::hold(env!(\"CARGO_BIN_NAME\"), data)"),
            "{target} does not hold the oracle of its name"
        );
    }
    let oracles: BTreeSet<&str> = oracles::all().map(|(name, _)| *name).collect();
    assert_eq!(found, oracles);
}

#[test]
fn the_corpus_holds_however_much_of_it_has_come() {
    for (name, oracle) in oracles::DECODERS {
        for seed in seeds(name) {
            for end in 0..=seed.len() {
                hold(name, *oracle, &seed[..end]);
            }
            let twice = [seed.as_slice(), seed.as_slice()].concat();
            hold(name, *oracle, &twice);
        }
    }
}

#[test]
fn the_corpus_of_conversations_holds() {
    for (name, oracle) in oracles::DIALOGUES {
        for seed in seeds(name) {
            hold(name, *oracle, &seed);
        }
    }
}

#[test]
fn whatever_comes_for_one_decoder_holds_for_the_others() {
    for (name, oracle) in oracles::DECODERS {
        for (other, _) in oracles::DECODERS {
            for seed in seeds(other) {
                hold(name, *oracle, &seed);
            }
        }
    }
}

#[test]
fn mutations_of_the_corpus_hold() {
    for (number, oracle) in (1..).zip(oracles::DECODERS) {
        hold_mutations(number, oracle, ROUNDS);
    }
}

#[test]
fn mutations_of_conversations_hold() {
    for (number, oracle) in (1..).zip(oracles::DIALOGUES) {
        hold_mutations(number, oracle, ROUNDS_OF_DIALOGUES);
    }
}

#[test]
fn floods_hold() {
    let parts: [&[u8]; 6] = [b"x", b"\n", b"A: b\r\n", b"250-x\r\n", b"0", b"\x04\x00"];
    for (name, oracle) in oracles::DECODERS {
        for seed in seeds(name) {
            for part in parts {
                let flood = part.repeat(FLOOD / part.len());
                // in the middle as well, so that what is over a limit may be whole
                for at in [seed.len(), seed.len() / 2, seed.len() / 4] {
                    let (before, after) = seed.split_at(at);
                    hold(name, *oracle, &[before, &flood, after].concat());
                }
            }
        }
    }
}

fn hold_mutations(number: u64, (name, oracle): &oracles::Oracle, rounds: u64) {
    let seeds = seeds(name);
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ number);
    for _ in 0..rounds {
        let mut data = chance.one_of(&seeds).clone();
        for _ in 0..=chance.under(4) {
            mutate(&mut data, &seeds, &mut chance);
        }
        hold(name, *oracle, &data);
    }
}

/// Whatever the list of the tests calls dangerous is escaped, and letters of any script stay what they are.
#[test]
fn no_character_that_could_deceive_is_shown() {
    for character in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
        let text = Text::from(format!("a{character}b").as_str());
        assert!(oracles::told::is_safe(text.as_str()), "{text:?}");
        let width = unicode_width::UnicodeWidthStr::width(text.as_str());
        assert!(width >= 3, "{text:?}");
    }
    for text in [
        "B\u{fc}ro",
        "\u{41f}\u{43e}\u{447}\u{442}\u{430}",
        "\u{90f5}\u{4ef6}",
        "\u{1f4e7}",
    ] {
        assert_eq!(Text::from(text).as_str(), text);
    }
}

fn names(oracles: &[oracles::Oracle]) -> BTreeSet<&'static str> {
    oracles.iter().map(|(name, _)| *name).collect()
}

/// The source files of a folder with their modules; those of a module with files of its own are all under its name.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut sources = Vec::new();
    for entry in files(folder) {
        let module = entry.rsplit(['/', '\\']).next().expect("a name");
        let module = module.trim_end_matches(".rs").to_owned();
        if Path::new(&entry).is_dir() {
            let inside = files(Path::new(&entry)).into_iter();
            sources.extend(inside.map(|file| (module.clone(), file)));
        } else {
            sources.push((module, entry));
        }
    }
    sources
}

/// The names of the functions that return the decoder's contract, or read a whole text at once.
fn decoders_in(source: &str) -> impl Iterator<Item = &str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    code.split("pub fn ").skip(1).filter_map(|function| {
        let signature = function.split('{').next()?;
        let name = signature.split(['(', '<']).next()?;
        let returned = signature.split("->").last()?;
        let is_whole = returned.contains(", Violation>") && signature.contains("(data: &[u8])");
        (returned.contains("Decoded<") || is_whole).then_some(name)
    })
}

/// Runs an oracle, and says on which bytes it failed.
fn hold(name: &str, oracle: fn(&[u8]), data: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| oracle(data))).is_err() {
        let shown = data.get(..2000).unwrap_or(data);
        panic!(
            "{name} does not hold for {} bytes: {}",
            data.len(),
            shown.escape_ascii()
        );
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(name);
    let seeds: Vec<_> = files(&folder)
        .iter()
        .map(|file| fs::read(file).expect("a seed"))
        .collect();
    assert!(seeds.len() >= 3, "too few seeds for {name}");
    seeds
}

/// The files of a folder, in an order that is the same everywhere.
fn files(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<String> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| path.to_str().expect("a name in UTF-8").to_owned())
        .collect();
    files.sort();
    files
}

/// One small change.
fn mutate(data: &mut Vec<u8>, seeds: &[Vec<u8>], chance: &mut Chance) {
    const TELLING: &[u8] = b"\r\n -+.*{}[]()\"\\,;:=0129aAX\0\
        \x01\x02\x03\x04\x05\x08\x0a\x15\x16\x30\x64\x78\x7f\x80\x81\x84\x85\xa3\xff";
    let at = chance.under(data.len() + 1);
    let end = data.len().min(at + chance.under(16));
    match chance.under(8) {
        0 => data.truncate(at),
        1 => data.insert(at, *chance.one_of(TELLING)),
        2 => drop(data.drain(at..end)),
        3 => {
            let part = data[at..end].to_vec();
            data.splice(at..at, part);
        }
        4 => {
            let other = chance.one_of(seeds);
            let from = chance.under(other.len() + 1);
            data.splice(at.., other[from..].iter().copied());
        }
        5 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << chance.under(8);
            }
        }
        6 => {
            if let Some(byte) = data.get_mut(at) {
                *byte = byte.wrapping_add(if chance.under(2) == 0 { 1 } else { 255 });
            }
        }
        _ => {
            if let Some(byte) = data.get_mut(at) {
                *byte = *chance.one_of(TELLING);
            }
        }
    }
}

/// xorshift64: no randomness that differs between runs.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn under(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).expect("a small number");
        usize::try_from((self.next() >> 11) % bound).expect("a small number")
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.under(all.len())]
    }
}
