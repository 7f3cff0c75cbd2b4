//! The house as its plan says: who may use whom, where sockets, TLS, clocks and standard output may stand, and that
//! every module says what it is. The sources are read in [`imports`]; tests are left out.
//!
//! `cargo test --test it files_form_no_circle -- --nocapture` prints which file uses which.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

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
#[expect(clippy::print_stdout, reason = "the graph is for whoever asks for it")]
fn files_form_no_circle() {
    let sources = Sources::read();
    let edges = sources.edges();
    for (file, used) in &edges {
        let used: Vec<&str> = used.iter().copied().collect();
        println!("{file}: {}", used.join(" "));
    }
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
    let sources = Sources::read();
    for (file, used) in sources.uses() {
        let module = module_of(file);
        let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{file}: its module is in no row of the table"));
            continue;
        };
        for used in used {
            if used != module && !may_use.contains(&ALL) && !may_use.contains(&&*used) {
                wrong.push(format!("{file}: uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn sockets_tls_clocks_and_output_stand_where_they_may() {
    let mut wrong = Vec::new();
    let sources = Sources::read();
    for (file, code) in sources.words() {
        let module = module_of(file);
        for (what, words, modules) in MAY_STAND {
            if modules.contains(&module) || (file, what) == DATE_OF_THE_GREETING {
                continue;
            }
            for word in words.iter().filter(|word| code.has(word)) {
                wrong.push(format!("{file}: {what}: {word}"));
            }
        }
        if code.has("Instant::now") && !TIMERS.contains(&module) {
            wrong.push(format!("{file}: a stopwatch: Instant::now"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The module that a file belongs to.
fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or_default()
}

#[test]
fn every_module_says_its_name_first() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules = 0;
    let sources = Sources::read();
    for (file, _) in sources.edges() {
        let Some((module, "mod.rs")) = file.split_once('/') else {
            continue;
        };
        modules += 1;
        let text = fs::read_to_string(root.join(file)).expect("a source");
        assert!(
            text.starts_with(&format!("//! # {module}: ")),
            "{file} begins with {:?}",
            text.lines().next()
        );
    }
    assert!(modules >= 7, "only {modules} modules: have they moved?");
}
