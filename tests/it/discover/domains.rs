//! `discover` against real name servers, web servers and mail servers: what it says of each domain of the lab, and that
//! `delv` and Postfix's `posttls-finger` say the same of DNSSEC and DANE.
//!
//! These tests run when `EXCHPORTS_DOMAINS` names a folder in which the domains were started; otherwise each passes and
//! says that it was skipped. Under `EXCHPORTS_REQUIRE_DAEMONS=1` a skip is a failure.
//!
//! ```sh
//! sudo tests/daemons/domains install
//! sudo tests/daemons/domains start /tmp/domains
//! EXCHPORTS_DOMAINS=/tmp/domains cargo test --test it domains
//! sudo tests/daemons/domains stop /tmp/domains
//! ```

use std::collections::BTreeSet;
use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Output};

use super::document::{Discovered, MailHost};
use crate::schema::held;

/// A domain, what is told of it by code, worst first by severity, and what DANE comes to at its mail host.
type Case = (&'static str, &'static [&'static str], Option<&'static str>);

const NOT_EXCHANGE: &str = "autodiscover-not-found";

const CASES: &[Case] = &[
    (
        "own",
        &["autodiscover-found", "dane-matches", "mta-sts-in-force"],
        Some("matches"),
    ),
    ("online", &["autodiscover-found"], Some("none")),
    (
        "both",
        &["mx-old-and-new", "autodiscover-found"],
        Some("none"),
    ),
    (
        "hybrid",
        &["autodiscover-contradicts", "autodiscover-found"],
        Some("none"),
    ),
    (
        "linux",
        &[
            NOT_EXCHANGE,
            "autodiscover-web-site",
            "dane-matches",
            "mta-sts-in-force",
        ],
        Some("matches"),
    ),
    (
        "plain",
        &["dane-not-secure", NOT_EXCHANGE],
        Some("not-secure"),
    ),
    ("expired", &["dnssec-bogus", NOT_EXCHANGE], Some("unknown")),
    ("wrongds", &["dnssec-bogus", NOT_EXCHANGE], Some("unknown")),
    (
        "unsignedmx",
        &["dane-matches", NOT_EXCHANGE],
        Some("matches"),
    ),
    ("lame", &["domain-lookup-failed"], None),
    ("deaf", &["domain-lookup-failed"], None),
    (
        "wrongtlsa",
        &["dane-mismatch", NOT_EXCHANGE],
        Some("mismatch"),
    ),
    ("rollover", &["dane-matches", NOT_EXCHANGE], Some("matches")),
    ("ta", &["dane-matches", NOT_EXCHANGE], Some("matches")),
    (
        "tawrongname",
        &["dane-mismatch", NOT_EXCHANGE],
        Some("mismatch"),
    ),
    (
        "eewrongname",
        &["dane-matches", NOT_EXCHANGE],
        Some("matches"),
    ),
    ("exact", &["dane-matches", NOT_EXCHANGE], Some("matches")),
    ("mixed", &["dane-matches", NOT_EXCHANGE], Some("matches")),
    ("pkix", &["dane-unusable", NOT_EXCHANGE], Some("unusable")),
    (
        "notls",
        &["dane-without-tls", NOT_EXCHANGE],
        Some("without-tls"),
    ),
    (
        "redirect",
        &["mta-sts-policy-unreachable", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    (
        "html",
        &["mta-sts-policy-unreachable", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    (
        "uncovered",
        &["mta-sts-mx-not-covered", NOT_EXCHANGE, "mta-sts-in-force"],
        Some("none"),
    ),
    (
        "twice",
        &["mta-sts-record", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    (
        "noid",
        &[
            "mta-sts-policy-invalid",
            "mta-sts-record",
            NOT_EXCHANGE,
            "dane-matches",
        ],
        Some("matches"),
    ),
    (
        "stsgone",
        &["mta-sts-policy-unreachable", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    (
        "stsname",
        &["mta-sts-policy-unreachable", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    (
        "stsmissing",
        &["mta-sts-policy-unreachable", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    (
        "stslarge",
        &["mta-sts-policy-unreachable", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    (
        "stskeys",
        &["mta-sts-policy-invalid", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    ("stsnone", &[NOT_EXCHANGE, "dane-matches"], Some("matches")),
    (
        "stscert",
        &["mta-sts-mx-certificate", NOT_EXCHANGE, "mta-sts-in-force"],
        Some("none"),
    ),
    (
        "tlsrpt",
        &["tls-rpt-record", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    ("null", &["null-mx"], None),
    (
        "nullandmore",
        &["null-mx", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    ("helo", &["mx-names-differ", NOT_EXCHANGE], Some("none")),
    (
        "b\u{fc}cher",
        &[NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    (
        "slow",
        &["autodiscover-slow", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    (
        "around",
        &["autodiscover-dead-end", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    (
        "alias",
        &["mx-is-alias", "dane-matches", NOT_EXCHANGE],
        Some("matches"),
    ),
    ("address", &["mx-unusable", NOT_EXCHANGE], Some("none")),
    ("gone", &["mx-unusable", NOT_EXCHANGE], Some("none")),
    (
        "nomx",
        &[
            "autodiscover-certificate",
            "mx-missing",
            "autodiscover-found",
        ],
        Some("none"),
    ),
    ("nothing", &["no-mail-host"], Some("none")),
    ("closed", &["mx-unreachable", NOT_EXCHANGE], Some("none")),
    ("circle", &["mx-unusable", NOT_EXCHANGE], Some("none")),
    (
        "wild",
        &[
            "autodiscover-certificate",
            "wildcard-dns",
            "autodiscover-found",
            "dane-matches",
        ],
        Some("matches"),
    ),
    (
        "wrongname",
        &[
            "autodiscover-certificate",
            "autodiscover-found",
            "dane-matches",
        ],
        Some("matches"),
    ),
    (
        "srv",
        &[
            "autodiscover-certificate",
            "autodiscover-redirects-elsewhere",
            "autodiscover-found",
            "dane-matches",
        ],
        Some("matches"),
    ),
    (
        "tohttp",
        &["autodiscover-dead-end", NOT_EXCHANGE, "dane-matches"],
        Some("matches"),
    ),
    (
        "toothers",
        &[
            "autodiscover-redirects-elsewhere",
            "autodiscover-found",
            "dane-matches",
        ],
        Some("matches"),
    ),
    ("no-such", &["domain-not-found"], None),
];

#[test]
fn each_domain_is_told_as_what_it_is() {
    let Some(lab) = Lab::started() else {
        return;
    };
    for (domain, codes, dane) in CASES {
        let (found, exit) = lab.discover(domain);
        let told: BTreeSet<&str> = found
            .diagnoses
            .iter()
            .map(|told| told.code.as_str())
            .collect();
        let expected: BTreeSet<&str> = codes.iter().copied().collect();
        assert_eq!(told, expected, "{domain}: {:#?}", found.diagnoses);
        assert_eq!(
            found.mx.first().map(|host| host.dane.as_str()),
            *dane,
            "{domain}"
        );
        let fails = found.diagnoses.iter().any(|told| told.severity == "fail");
        assert_eq!(found.status == "fail", fails, "{domain}");
        assert_eq!(exit, Some(i32::from(fails)), "{domain}");
    }
}

/// Postfix sends mail by DANE, so what it makes of the records is what counts.
#[test]
fn posttls_finger_says_the_same_of_dane() {
    let Some(lab) = Lab::started() else {
        return;
    };
    for (domain, _, dane) in CASES {
        let words = match dane {
            // It does DANE there too, and calls it less: who signs no MX record can be sent elsewhere.
            Some("matches") if *domain == "unsignedmx" => {
                "MX RRset insecure: log verified as trusted\nposttls-finger: Trusted TLS connection established"
            }
            // No mail goes where a null MX stands beside another.
            Some("matches") if *domain == "nullandmore" => "does not accept mail (nullMX)",
            Some("matches") => "Verified TLS connection established",
            Some("mismatch") => match *domain {
                "tawrongname" => "num=62:hostname mismatch",
                _ => "num=65:no matching DANE TLSA records",
            },
            Some("unusable") => "unsupported TLSA certificate usage",
            Some("not-secure") => "untrusted issuer",
            Some("unknown") => "Destination address lookup failed",
            // It says nothing where there is no TLS to speak of.
            Some("without-tls") => "",
            _ => continue,
        };
        let config = lab.folder.join("postfix");
        let said = lab.run(&[
            "env",
            &format!("MAIL_CONFIG={}", config.display()),
            "posttls-finger",
            "-c",
            "-t5",
            "-ldane",
            "-Lsummary",
            &format!("{domain}.example"),
        ]);
        let said = text(&said);
        assert!(
            said.contains(words),
            "{domain}: {dane:?}, and Postfix says {said}"
        );
        let is_verified = ["Verified", "log verified as trusted"]
            .iter()
            .any(|word| said.contains(word));
        let is_expected = *dane == Some("matches") && *domain != "nullandmore";
        assert_eq!(is_verified, is_expected, "{domain}: {said}");
    }
}

/// Unbound validates too, and says by a bit of its answer, or by SERVFAIL, what it came to.
#[test]
fn dig_says_the_same_of_dnssec() {
    let Some(lab) = Lab::started() else {
        return;
    };
    let dig = |more: &[&str], name: &str| {
        let question = ["dig", "@127.0.0.1", "+dnssec", "+tries=2", "+time=9"];
        text(&lab.run(&[&question[..], more, &["MX", name]].concat()))
    };
    for (domain, dnssec, status, flags, is_signed) in [
        ("own", "secure", "NOERROR", " ad;", true),
        ("null", "secure", "NOERROR", " ad;", true),
        ("many", "secure", "NOERROR", " ad;", true),
        ("no-such", "secure", "NXDOMAIN", " ad;", true),
        ("plain", "insecure", "NOERROR", " ra;", false),
        ("unsignedmx", "insecure", "NOERROR", " ra;", false),
        ("expired", "bogus", "SERVFAIL", " ra;", false),
        ("wrongds", "bogus", "SERVFAIL", " ra;", false),
        ("lame", "indeterminate", "SERVFAIL", " ra;", false),
    ] {
        let said = dig(&[], &format!("{domain}.example"));
        assert!(
            said.contains(&format!("status: {status}")),
            "{domain}: {said}"
        );
        let line = said.lines().find(|line| line.starts_with(";; flags:"));
        assert!(
            line.is_some_and(|line| line.contains(flags)),
            "{domain}: {said}"
        );
        assert_eq!(said.contains("RRSIG"), is_signed, "{domain}: {said}");
        let (found, _) = lab.discover(domain);
        assert_eq!(found.mx_dnssec, dnssec, "{domain}");
    }
    // Two hundred mail hosts do not fit into a datagram: this one says that there is more.
    let said = dig(&["+ignore", "+bufsize=1232"], "many.example");
    assert!(said.contains(" tc "), "{said}");
    let said = dig(&["+tries=1", "+time=2"], "deaf.example");
    // Unbound gives up on it in time, or knows already.
    assert!(
        said.contains("timed out") || said.contains("SERVFAIL"),
        "{said}"
    );
}

/// A name server that has the same records and no signatures: that is told as its own fault, and not as the domain's.
#[test]
fn a_resolver_that_strips_signatures_is_told_as_that() {
    let Some(lab) = Lab::started() else {
        return;
    };
    let said = text(&lab.run(&["dig", "@127.0.0.3", "+dnssec", "MX", "own.example"]));
    assert!(
        said.contains("mail.own.example") && !said.contains("RRSIG"),
        "{said}"
    );
    for domain in ["own", "wrongtlsa"] {
        let mut command = lab.command(domain, &["--json"]);
        let at = command.iter().position(|word| word == "127.0.0.1");
        command[at.expect("the resolver")] = "127.0.0.3".to_owned();
        let output = lab.run(&command);
        assert_eq!(output.status.code(), Some(0), "{domain}: {}", text(&output));
        let found: Discovered = serde_json::from_slice(&output.stdout).expect("the document");
        assert!(!found.resolver.dnssec);
        let told: Vec<&str> = found.diagnoses.iter().map(|it| it.code.as_str()).collect();
        assert!(told.contains(&"resolver-without-signatures"), "{told:?}");
        for code in ["dnssec-bogus", "dane-mismatch", "dane-lookup-failed"] {
            assert!(!told.contains(&code), "{domain}: {told:?}");
        }
    }
}

/// BIND's validator starts from the same key.
#[test]
fn delv_says_the_same_of_dnssec() {
    let Some(lab) = Lab::started() else {
        return;
    };
    let keys = lab.folder.join("delv.keys").display().to_string();
    for (domain, dnssec, words) in [
        ("own", "secure", "; fully validated"),
        ("wrongtlsa", "secure", "; fully validated"),
        ("plain", "insecure", "; unsigned answer"),
        ("unsignedmx", "insecure", "; unsigned answer"),
        ("expired", "bogus", "resolution failed"),
        ("wrongds", "bogus", "resolution failed"),
        ("no-such", "secure", "ncache nxdomain"),
    ] {
        let name = format!("{domain}.example");
        let said = lab.run(&["delv", "-a", &keys, "@127.0.0.1", "MX", &name]);
        let said = text(&said);
        assert!(said.contains(words), "{domain}: delv says {said}");
        let (found, _) = lab.discover(domain);
        assert_eq!(found.mx_dnssec, dnssec, "{domain}");
    }
}

#[test]
fn the_hosts_that_are_worth_a_check_have_their_lines() {
    let Some(lab) = Lab::started() else {
        return;
    };
    for (domain, lines) in [
        (
            "own",
            &[
                "exchports check --role published autodiscover.own.example",
                "exchports check --role edge mail.own.example",
            ][..],
        ),
        (
            "online",
            &[
                "exchports check --role online outlook.office365.com",
                "exchports check --role online-mx online-example.mail.protection.outlook.com",
            ],
        ),
        (
            "hybrid",
            &[
                "exchports check --role published autodiscover.hybrid.example",
                "exchports check --role online-mx hybrid-example.mail.protection.outlook.com",
            ],
        ),
        (
            "linux",
            &[
                "exchports check --role mail mail.linux.example --map submission=10587 --require smtp",
            ],
        ),
        ("null", &[]),
    ] {
        let (found, _) = lab.discover(domain);
        let told: Vec<&str> = found.targets.iter().map(|it| it.command.as_str()).collect();
        assert_eq!(told, lines, "{domain}");
        let tree = lab.run(&lab.command(domain, &["--color", "never"]));
        let tree = String::from_utf8(tree.stdout).expect("a tree");
        for line in lines {
            assert!(tree.lines().any(|found| found.trim() == *line), "{tree}");
        }
        for line in tree.lines() {
            let is_pasted = line.trim_start().starts_with("exchports check");
            assert!(is_pasted || line.chars().count() <= 80, "{domain}: {line}");
        }
    }
}

/// What `discover` finds is checked in the same run, and the exit code is over the domain and its hosts.
#[test]
fn the_hosts_of_a_domain_are_checked_as_what_they_are() {
    let Some(lab) = Lab::started() else {
        return;
    };
    for (domain, exit, hosts) in [
        (
            "own",
            0,
            &[
                ("autodiscover.own.example", "published", "pass"),
                ("mail.own.example", "edge", "pass"),
            ][..],
        ),
        // Its host is well; that nobody who does DANE delivers to it is the domain's.
        (
            "wrongtlsa",
            1,
            &[("mail.wrongtlsa.example", "edge", "pass")],
        ),
        (
            "hybrid",
            0,
            &[
                ("autodiscover.hybrid.example", "published", "pass"),
                (
                    "hybrid-example.mail.protection.outlook.com",
                    "online-mx",
                    "pass",
                ),
            ],
        ),
        // Nothing of it but 25 is there, for the records that name the rest.
        ("linux", 1, &[("mail.linux.example", "mail", "fail")]),
    ] {
        let mut command = lab.command(domain, &["--json"]);
        command[1] = "check".to_owned();
        command.insert(2, "--domain".to_owned());
        let output = lab.run(&command);
        let document = held(&String::from_utf8_lossy(&output.stdout));
        assert_eq!(output.status.code(), Some(exit), "{domain}");
        assert_eq!(document["domain"]["domain"], format!("{domain}.example"));
        let targets = document["targets"].as_array().expect("targets");
        let told: Vec<_> = targets
            .iter()
            .map(|target| {
                let word = |key: &str| target[key].as_str().unwrap_or_default();
                (word("target"), word("role"), word("status"))
            })
            .collect();
        assert_eq!(told, hosts, "{domain}");
        let rows = targets[0]["checks"].as_array().expect("rows");
        let of_25 = rows.iter().find(|row| row["service"] == "smtp");
        if domain == "linux" {
            assert_eq!(of_25.expect("a row")["expect"], "required");
        }
    }
}

/// A domain with two hundred mail hosts costs a bounded number of questions; the answer comes over TCP.
#[test]
fn many_mail_hosts_are_cut() {
    let Some(lab) = Lab::started() else {
        return;
    };
    let (found, _) = lab.discover("many");
    assert_eq!(found.mx.len(), 10);
    let preferences: Vec<u16> = found
        .mx
        .iter()
        .map(|host: &MailHost| host.preference)
        .collect();
    assert!(preferences.is_sorted(), "{preferences:?}");
    assert!(
        found.resolver.questions < 200,
        "{}",
        found.resolver.questions
    );
    let (own, _) = lab.discover("own");
    assert!(own.resolver.questions < 200, "{}", own.resolver.questions);
}

/// Nobody's name goes out: neither to the resolver nor to a host.
#[test]
fn of_an_address_only_the_domain_is_used() {
    let Some(lab) = Lab::started() else {
        return;
    };
    let mut arguments = lab.command("own", &["--json"]);
    let at = arguments
        .iter()
        .position(|word| word == "own.example")
        .expect("the domain");
    arguments[at] = "somebody@own.example".to_owned();
    let output = lab.run(&arguments);
    let document: Discovered = serde_json::from_slice(&output.stdout).expect("the document");
    assert_eq!(document.domain, "own.example");
    for log in [
        "nginx/access.log",
        "nginx.log",
        "knot.log",
        "unbound.log",
        "postfix.log",
    ] {
        let said = std::fs::read_to_string(lab.folder.join(log)).unwrap_or_default();
        assert!(!said.contains("somebody"), "{log}");
    }
}

/// Where the domains were started.
struct Lab {
    folder: PathBuf,
}

impl Lab {
    fn started() -> Option<Self> {
        let Some(folder) = env::var_os("EXCHPORTS_DOMAINS") else {
            let required = env::var_os("EXCHPORTS_REQUIRE_DAEMONS").is_some_and(|it| it == "1");
            assert!(
                !required,
                "EXCHPORTS_DOMAINS is not set, and no test may be skipped"
            );
            let _ = writeln!(
                io::stderr(),
                "SKIPPED: EXCHPORTS_DOMAINS names no folder with domains"
            );
            return None;
        };
        Some(Self {
            folder: PathBuf::from(folder),
        })
    }

    /// What was found, as the second reader reads it, and the exit code.
    fn discover(&self, domain: &str) -> (Discovered, Option<i32>) {
        let output = self.run(&self.command(domain, &["--json"]));
        let document = serde_json::from_slice(&output.stdout);
        let document =
            document.unwrap_or_else(|error| panic!("{domain}: {error}: {}", text(&output)));
        (document, output.status.code())
    }

    fn command(&self, domain: &str, more: &[&str]) -> Vec<String> {
        let anchor = self.folder.join("root.key").display().to_string();
        let roots = self.folder.join("ca.pem").display().to_string();
        let domain = format!("{domain}.example");
        let mut words = vec![
            env!("CARGO_BIN_EXE_exchports"),
            "discover",
            &domain,
            "--resolver",
            "127.0.0.1",
            "--trust-anchor",
            &anchor,
            "--ca-file",
            &roots,
        ];
        words.extend(more);
        words.into_iter().map(str::to_owned).collect()
    }

    /// Runs a command where the domains are.
    fn run(&self, command: &[impl AsRef<std::ffi::OsStr>]) -> Output {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/daemons/domains");
        let is_root = Command::new("id")
            .arg("-u")
            .output()
            .is_ok_and(|it| it.stdout == b"0\n");
        let mut enter = if is_root {
            Command::new(script)
        } else {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", script]);
            sudo
        };
        enter.arg("enter").arg(&self.folder).args(command);
        enter.output().expect("the namespaces can be entered")
    }
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}
