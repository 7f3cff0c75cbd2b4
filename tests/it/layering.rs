//! The house as its plan says: who may use whom, where sockets, TLS, clocks and standard output may stand, and that
//! every room says what it is. It reads the sources as text: comments, strings and tests left out.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::imports::{self, Sources};

/// Module → what it may use. A row names only rows above it, so that there is no way around in a circle.
const MAY_USE: [(&str, &[&str]); 22] = [
    // An earlier run, as its document tells it.
    ("baseline", &[]),
    ("catalog", &[]),
    ("wire", &[]),
    ("facts", &[]),
    ("observation", &["baseline", "facts"]),
    // What was found of a mail domain: records as they were read, and what the hosts showed.
    ("discovery", &["catalog", "wire", "facts", "observation"]),
    // What is accepted is a version of TLS, and a plan's bounds are read with it.
    ("plan", &["baseline", "catalog", "facts"]),
    (
        "finding",
        &["observation", "facts", "discovery", "plan", "catalog"],
    ),
    // A target is told with its role.
    ("event", &["catalog", "finding", "plan"]),
    ("exit", &["finding", "event"]),
    (
        "judge",
        &[
            "baseline",
            "catalog",
            "plan",
            "facts",
            "observation",
            "discovery",
            "finding",
        ],
    ),
    (
        "report",
        &[
            "catalog",
            "plan",
            "facts",
            "observation",
            "discovery",
            "finding",
            "event",
        ],
    ),
    ("net", &["wire", "facts", "observation", "plan"]),
    (
        "probe",
        &["catalog", "plan", "wire", "facts", "observation", "net"],
    ),
    (
        // A mail host is looked at as any other port 25.
        "discover",
        &[
            "catalog",
            "plan",
            "wire",
            "facts",
            "observation",
            "discovery",
            "net",
            "probe",
        ],
    ),
    (
        "run",
        // The web group is asked once 443 has answered, and the catalog says who belongs to it.
        &[
            "catalog",
            "baseline",
            "plan",
            "probe",
            "judge",
            "net",
            "observation",
            "finding",
            "event",
        ],
    ),
    (
        // A scrape is a run, and its answer is a report.
        "serve",
        &[
            "catalog", "plan", "facts", "finding", "event", "report", "net", "run",
        ],
    ),
    ("simulate", &["catalog", "wire"]),
    (
        "cli",
        &[
            "catalog", "plan", "facts", "judge", "report", "serve", "simulate", "exit",
        ],
    ),
    ("app", &[ALL]),
    ("main", &[ALL]),
    ("lib", &[ALL]),
];

/// Where a document is written or read: each type there is the JSON of what has the same name elsewhere.
const DOCUMENTS: [&str; 3] = [
    "baseline.rs",
    "report/contract.rs",
    "report/domain_document.rs",
];

const ALL: &str = "all";

/// Words of the code → the modules in which they may stand.
const MAY_STAND: [(&str, &[&str], &[&str]); 7] = [
    (
        "sockets and names",
        &[
            "TcpStream",
            "TcpListener",
            "TcpSocket",
            "UdpSocket",
            "UnixStream",
            "ToSocketAddrs",
            "to_socket_addrs",
            "lookup_host",
            "dns_lookup",
            "getaddrinfo",
            "tokio::net",
            "socket2",
            "hickory_resolver",
        ],
        &["net", "simulate", "serve"],
    ),
    (
        "TLS",
        &[
            "rustls",
            "tokio_rustls",
            "rustls_native_certs",
            "webpki",
            "webpki_roots",
        ],
        &["net", "simulate"],
    ),
    (
        "tokio",
        &["tokio"],
        &["net", "run", "simulate", "serve", "app", "main"],
    ),
    (
        "the wall clock",
        &[
            "SystemTime::now",
            "now_utc",
            "now_local",
            "UtcDateTime::now",
        ],
        &["net"],
    ),
    ("a stopwatch", &["std::time::Instant"], &["net"]),
    // No shell, and no other program: nobody.
    (
        "other programs",
        &[
            "std::process::Command",
            "process::Command",
            "tokio::process",
            "std::os::unix::process",
            "std::os::windows::process",
            "CommandExt",
        ],
        &[],
    ),
    (
        "standard output",
        &["println!", "eprintln!", "print!", "eprint!", "dbg!"],
        &["app"],
    ),
];

/// Tokio's stopwatch; no other may stand beside it.
const TIMERS: [&str; 4] = ["net", "run", "serve", "simulate"];

/// The stand-in's greeting tells the date, as Exchange's does.
const DATE_OF_THE_GREETING: (&str, &str) = ("simulate/dates.rs", "the wall clock");

#[test]
fn the_table_has_no_circle() {
    for (at, (module, used)) in MAY_USE.iter().enumerate() {
        for name in used.iter().filter(|name| **name != ALL) {
            assert!(
                MAY_USE[..at].iter().any(|(above, _)| above == name),
                "{module} may use {name}, which does not stand above it"
            );
        }
    }
}

#[test]
fn files_form_no_circle() {
    let sources = Sources::read();
    let edges = sources.edges();
    let mut told = String::new();
    for circle in imports::circles(&edges) {
        let _ = write!(told, "\n{}", circle.join(" "));
        for file in &circle {
            let inner: Vec<_> = edges[file]
                .iter()
                .filter(|used| circle.contains(used))
                .collect();
            let _ = write!(told, "\n    {file} uses {inner:?}");
        }
    }
    assert!(told.is_empty(), "{told}");
}

#[test]
fn one_type_name_has_one_meaning() {
    let sources = Sources::read();
    let twice: Vec<_> = sources
        .types()
        .into_iter()
        .filter_map(|(name, mut files)| {
            files.retain(|file| !DOCUMENTS.contains(file));
            // Two for two systems are one.
            files.dedup();
            (files.len() > 1).then(|| format!("{name}: {}", files.join(" ")))
        })
        .collect();
    assert!(twice.is_empty(), "\n{}", twice.join("\n"));
}

#[test]
fn it_sees_a_circle() {
    let edges = [("a", ["b"]), ("b", ["c"]), ("c", ["b"])].map(|(file, used)| (file, used.into()));
    assert_eq!(imports::circles(&edges.into()), [["b", "c"]]);
}

#[test]
fn the_architecture_tells_the_same_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/ARCHITECTURE.md");
    let text = fs::read_to_string(path).expect("the architecture");
    for (module, used) in MAY_USE.iter().filter(|(module, _)| *module != "lib") {
        let words: Vec<String> = used.iter().map(|name| format!("`{name}`")).collect();
        let told = match *used {
            [] => "nothing of ours".to_owned(),
            [ALL] => ALL.to_owned(),
            _ => words.join(", "),
        };
        let row = format!("| `{module}` | {told} |");
        assert!(text.contains(&row), "{row}");
    }
}

#[test]
fn nobody_uses_whom_it_may_not() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| *name == source.module) else {
            wrong.push(format!(
                "{}: its module is in no row of the table",
                source.path
            ));
            continue;
        };
        for used in source.uses() {
            if used != source.module && !may_use.contains(&ALL) && !may_use.contains(&&*used) {
                wrong.push(format!("{}: uses {used}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn sockets_tls_clocks_and_output_stand_where_they_may() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (what, words, modules) in MAY_STAND {
            if modules.contains(&&*source.module) || (&*source.path, what) == DATE_OF_THE_GREETING {
                continue;
            }
            for word in words.iter().filter(|word| source.has(word)) {
                wrong.push(format!("{}: {what}: {word}", source.path));
            }
        }
        if source.has("Instant::now") && !TIMERS.contains(&&*source.module) {
            wrong.push(format!("{}: a stopwatch: Instant::now", source.path));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_room_says_its_name_first() {
    let mut rooms = 0;
    for path in files() {
        let relative = relative(&path);
        let Some((room, "mod.rs")) = relative.split_once('/') else {
            continue;
        };
        rooms += 1;
        let text = fs::read_to_string(&path).expect("a source");
        assert!(
            text.starts_with(&format!("//! # {room}: ")),
            "{relative} begins with {:?}",
            text.lines().next()
        );
    }
    assert!(rooms >= 7, "only {rooms} rooms: have they moved?");
}

/// A file of the program.
struct Source {
    /// Below `src`, with slashes.
    path: String,
    /// The room or paper that it belongs to.
    module: String,
    /// Without comments, strings and tests.
    code: String,
}

impl Source {
    /// The modules of this crate that it names, its own included.
    fn uses(&self) -> Vec<String> {
        let mut used = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            if self.code[..at].ends_with(is_word) || self.code[..at].ends_with('$') {
                continue;
            }
            named(&self.code[at + "crate::".len()..], &mut used);
        }
        // `exchports::` is what the binary calls the same.
        for (at, _) in self.code.match_indices("exchports::") {
            named(&self.code[at + "exchports::".len()..], &mut used);
        }
        let up = "super::".repeat(self.depth());
        for (at, _) in self.code.match_indices(&up) {
            let is_longer = self.code[..at].ends_with("super::");
            if !self.code[..at].ends_with(is_word) && !is_longer {
                named(&self.code[at + up.len()..], &mut used);
            }
        }
        used.sort();
        used.dedup();
        used
    }

    /// How many modules below the crate's root its items are.
    fn depth(&self) -> usize {
        let parts = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        parts.split('/').count()
    }

    /// Whether a path, a name or a macro stands in the code, as whole words; paths also in braces.
    fn has(&self, word: &str) -> bool {
        if let Some((path, name)) = word.rsplit_once("::") {
            let grouped = format!("{path}::{{");
            let in_group = self.code.match_indices(&grouped).any(|(at, _)| {
                let group = group(&self.code[at + grouped.len()..]);
                names(group).any(|found| found == name)
            });
            if in_group {
                return true;
            }
        }
        self.code.match_indices(word).any(|(at, _)| {
            let end = at + word.len();
            !self.code[..at].ends_with(is_word)
                && (word.ends_with('!') || !self.code[end..].starts_with(is_word))
        })
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// What stands behind `crate::`: a module, or several in braces. A name in capitals is an item of the root.
fn named(rest: &str, used: &mut Vec<String>) {
    let mut add = |name: &str| {
        if name.starts_with(|first: char| first.is_ascii_lowercase()) {
            used.push(name.to_owned());
        }
    };
    match rest.strip_prefix('{') {
        Some(inside) => first_names(group(inside)).for_each(&mut add),
        None => add(rest
            .split(|character| !is_word(character))
            .next()
            .unwrap_or_default()),
    }
}

/// What stands before the brace that ends a group.
fn group(inside: &str) -> &str {
    let mut depth = 1;
    for (at, character) in inside.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &inside[..at];
        }
    }
    inside
}

/// The first name of each item of a group: `a` and `c` of `a::{b}, c::d`.
fn first_names(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let items = group.split(move |character| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    });
    items.filter_map(|item| {
        item.split(|character| !is_word(character))
            .find(|name| !name.is_empty())
    })
}

/// All names of a group.
fn names(group: &str) -> impl Iterator<Item = &str> {
    group
        .split(|character| !is_word(character))
        .filter(|name| !name.is_empty())
}

fn sources() -> Vec<Source> {
    let sources: Vec<Source> = files()
        .iter()
        .filter_map(|path| {
            let text = fs::read_to_string(path).expect("a source");
            let path = relative(path);
            let module = path.split(['/', '.']).next().unwrap_or_default().to_owned();
            (!is_for_tests(&path)).then(|| Source {
                code: without_tests(&bare(&text)),
                path,
                module,
            })
        })
        .collect();
    assert!(
        sources.len() >= 40,
        "only {} files: have they moved?",
        sources.len()
    );
    sources
}

/// Whether a file is a module that only tests have: its parent says `#[cfg(test)]` before `mod`.
fn is_for_tests(path: &str) -> bool {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let name = file.trim_end_matches(".rs");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    ["mod.rs", "lib.rs"].iter().any(|parent| {
        let parent = fs::read_to_string(root.join(folder).join(parent)).unwrap_or_default();
        let words: Vec<&str> = parent.split_whitespace().collect();
        words
            .windows(3)
            .any(|three| three == ["#[cfg(test)]", "mod", &format!("{name};")])
    })
}

fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let below = path.strip_prefix(root).expect("it is below src");
    below.to_str().expect("a name").replace('\\', "/")
}

/// The code without comments, and with nothing in its strings and characters.
fn bare(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let used = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(used) = raw_string(rest).filter(|_| !code.ends_with(is_word)) {
            code.push_str("\"\"");
            used
        } else if first == '"' {
            code.push_str("\"\"");
            quoted(rest, '"')
        } else if let Some(used) = character(rest) {
            code.push_str("' '");
            used
        } else {
            code.push(first);
            first.len_utf8()
        };
        rest = &rest[used..];
    }
    code
}

/// Block comments stand in each other.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of `r"…"`, `br#"…"#`.
fn raw_string(rest: &str) -> Option<usize> {
    let start = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = start.len() - start.trim_start_matches('#').len();
    let inside = start[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end)? + end.len();
    Some(rest.len() - inside.len() + length)
}

/// The length of what stands between two of the same, these included; a backslash takes the next one along.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + character.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    let is_literal = first == '\\' || inside[first.len_utf8()..].starts_with('\'');
    is_literal.then(|| quoted(rest, '\''))
}

/// The code up to each `#[cfg(test)]`, and after what it stands before.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        kept.push_str(before);
        let end = after.find([';', '{']).unwrap_or(after.len());
        let item = &after[end..];
        rest = match item.strip_prefix('{') {
            Some(inside) => inside.get(group(inside).len() + 1..).unwrap_or_default(),
            None => item.get(1..).unwrap_or_default(),
        };
    }
    kept.push_str(rest);
    kept
}

#[test]
fn it_reads_code_as_code() {
    let text = r##"
        //! use crate::report;
        use crate::{catalog::{services, Role}, plan::Limits, SCHEMA};
        /* crate::run /* crate::cli */ crate::app */
        const QUOTE: char = '"';
        fn name<'a>(x: &'a str) { crate::wire::http::get("crate::event \" println!(", r#"crate::exit"#, b'\''); }
        use super::super::judge::Case;
        #[cfg(test)]
        mod tests { use crate::simulate; fn a() { println!("{}", 1); } }
        use tokio::{io, net::TcpStream, time::Instant};
        use std::process::{Command, ExitCode};
        #[cfg(test)]
        use crate::discover;
        fn eprintln_all() {}
    "##;
    let source = Source {
        path: "probe/smtp.rs".to_owned(),
        module: "probe".to_owned(),
        code: without_tests(&bare(text)),
    };
    assert_eq!(source.uses(), ["catalog", "judge", "plan", "wire"]);
    for word in [
        "TcpStream",
        "tokio::net",
        "tokio",
        "Instant",
        "std::process::Command",
        "process::Command",
    ] {
        assert!(source.has(word), "{word}");
    }
    for word in [
        "println!",
        "eprintln!",
        "Tcp",
        "tokio::fs",
        "std::time::Instant",
        "simulate",
    ] {
        assert!(!source.has(word), "{word}");
    }
}
