//! What cannot be meant, and help.

use std::fs;

use exchports::plan::Limits;

use super::{check, file, folder, option, path, ran, refusal, refused, report, told, words};

#[test]
fn what_is_no_target_is_told_on_one_line() {
    refused(&[
        (
            words("check"),
            &["no target", "exchports check mail.example.com"],
        ),
        (check("a b"), &["`a b`", "as its own argument"]),
        (check("a\u{1b}[31m"), &[r"`a\x1B[31m`", "control character"]),
        (check("a\nb"), &[r"`a\x0Ab`", "control character"]),
        (check(""), &["``", "mail.example.com"]),
        (check("a..b"), &["`a..b`", "empty label"]),
        (check(".example.com"), &["empty label"]),
        (
            check("user@example.com"),
            &["`user@example.com`", "mail address", "mail.example.com"],
        ),
        (
            check("mail.example.com:587"),
            &["`mail.example.com`", "--service 587"],
        ),
        (
            check("https://mail.example.com/owa"),
            &["URL", "`mail.example.com`"],
        ),
        (
            check("mail.example.com/owa"),
            &["path", "`mail.example.com`"],
        ),
        (check("1.2.3"), &["`1.2.3`", "IPv4 address"]),
        (check("fe80::1%eth0"), &["zone"]),
        (check("fe80::1"), &["`fe80::1`", "link-local"]),
        (check("169.254.7.7"), &["`169.254.7.7`", "link-local"]),
        (check("10.0.0.1-20"), &["range", "one by one"]),
        (check("587"), &["--service 443,587"]),
        (check("224.0.0.1"), &["multicast", "one host's own"]),
        (check("255.255.255.255"), &["broadcast", "one host's own"]),
        (check("0.0.0.0"), &["any address", "127.0.0.1"]),
        (check("::"), &["any address", "::1"]),
        (check("10.0.0.0/24"), &["networks", "one by one"]),
        (check("//host"), &["alone, `host`"]),
        (
            check("127.0.0.1,::1"),
            &["give each host as its own argument, or one per line"],
        ),
        (
            words("check a.example --address ff02::1"),
            &["--address `ff02::1`", "multicast"],
        ),
        (
            words("check a.example b.example --nodes ex01"),
            &["--nodes", "give one target"],
        ),
        (
            words("check a.example --nodes ex01,ex02,ex01"),
            &["--nodes `ex01`", "twice"],
        ),
        (words("check a.example --nodes a.example"), &["twice"]),
        (
            words("check a.example --nodes ex01:443"),
            &["--nodes: `ex01:443`", "--service 443"],
        ),
        (
            words("check a.example -4 --nodes ::1"),
            &["--nodes ::1", "-4 excludes"],
        ),
        (
            words("check --targets-file -"),
            &["--targets-file", "exchports check -"],
        ),
    ]);
}

#[test]
fn what_was_probably_meant_is_told_on_one_line() {
    refused(&[
        (
            words("check a.example -s smpt"),
            &["`smpt`", "did you mean `smtp`?"],
        ),
        (
            option("-s", "443 587"),
            &["`443 587`", "commas", "--service 443,587"],
        ),
        (
            words("check a.example --role publshed"),
            &["`publshed`", "did you mean `published`?"],
        ),
        (words("explain smpt"), &["`smpt`", "smtp"]),
        (
            words("mail.example.com"),
            &["not a command", "exchports check mail.example.com"],
        ),
        (
            words("check a.example --port 443"),
            &["--port", "--service 443"],
        ),
        (words("check a.example -p 443"), &["-p", "--service 443"]),
        (
            words("check a.example --insecure"),
            &["--insecure", "--ca-file"],
        ),
    ]);
}

#[test]
fn unknown_services_ports_and_roles_are_told_on_one_line() {
    refused(&[
        (
            words("check a.example -s gopher"),
            &["`gopher`", "exchports list", "all"],
        ),
        (
            words("check a.example -s smtp,,imap"),
            &["`smtp,,imap`", "empty item"],
        ),
        (words("check a.example -s 8443"), &["8443", "--map"]),
        (words("check a.example -s 0"), &["port 0", "1 to 65535"]),
        (
            words("check a.example -s 65536"),
            &["port 65536", "1 to 65535"],
        ),
        (
            words("check a.example --require gopher"),
            &["`gopher`", "exchports list"],
        ),
        (
            words("check a.example --map smtp"),
            &["`smtp`", "SERVICE=PORT"],
        ),
        (
            words("check a.example --map smtp=0"),
            &["`smtp=0`", "1 to 65535"],
        ),
        (
            words("check a.example --map smtp=65536"),
            &["`smtp=65536`", "1 to 65535"],
        ),
        (
            words("check a.example --map smtp=x"),
            &["`smtp=x`", "1 to 65535"],
        ),
        (
            words("check a.example --map gopher=70"),
            &["`gopher`", "exchports list", "or a port"],
        ),
        (
            words("check a.example --map web=9"),
            &["web", "--map https=8443"],
        ),
        (words("check a.example --map all=9"), &["--map smtp=2525"]),
        (
            words("check a.example -r butler"),
            &["`butler`", "mailbox", "published"],
        ),
        (
            words("demo --fault rdp-nla-required"),
            &["rdp-nla-required", "add --audit"],
        ),
        (
            words("demo --fault gremlins"),
            &["`gremlins`", "--list-faults"],
        ),
        (words("demo --fault silent@gopher"), &["`gopher`", "smtp"]),
        (words("simulate --base-port 65000"), &["65000", "62146"]),
        (
            words("simulate --map owa=1234"),
            &["owa=1234", "--map https=1234"],
        ),
        (
            words("simulate --fault silent@imap --fault refused@imap"),
            &["`silent`", "imap", "`refused`"],
        ),
        (
            words("demo --fault silent@imap --fault refused@imap"),
            &["`silent`", "imap", "`refused`"],
        ),
        (
            words("simulate --role edge --fault silent@imap"),
            &["`silent`", "imap", "edge", "only on smtp, rdp"],
        ),
        (words("explain gremlins"), &["`gremlins`", "exchports list"]),
        (
            words("explain filterd"),
            &["`filterd`", "did you mean `filtered`?"],
        ),
    ]);
}

#[test]
fn contradictions_are_told_on_one_line() {
    refused(&[
        (words("check a.example -4 -6"), &["--ipv4", "--ipv6"]),
        (
            words("check a.example --source 192.0.2.1 --address ::1"),
            &["--address ::1", "--source 192.0.2.1"],
        ),
        (
            words("check a.example -4 --address ::1"),
            &["--address ::1", "IPv6", "-4"],
        ),
        (words("check -6 192.0.2.1"), &["192.0.2.1", "IPv4", "-6"]),
        (
            words("check a.example -6 --source 192.0.2.1"),
            &["--source 192.0.2.1", "-6"],
        ),
        (
            words("check ::1 --source 192.0.2.1"),
            &["::1", "--source 192.0.2.1"],
        ),
        (
            words("check a.example --require smtp --forbid 25"),
            &["smtp", "required", "forbidden"],
        ),
        (
            words("check a.example --optional smtp --forbid 25"),
            &["smtp", "optional", "forbidden"],
        ),
        (
            words("check a.example --map smtp=25 --map 25=26"),
            &["smtp", "25 and 26"],
        ),
        (
            words("check a.example --json --report table"),
            &["one report", "standard output"],
        ),
        (
            words("check a.example --report json --report ndjson"),
            &["one report"],
        ),
        #[cfg(unix)]
        (
            words("check a.example --report table --report json=/dev/stdout"),
            &["one report"],
        ),
        (
            words("check a.example -q --report table"),
            &["--quiet", "--report table"],
        ),
        (
            words("check a.example --cert-days 7,30"),
            &["`7,30`", "30,7"],
        ),
        (
            words("check a.example --ehlo-name A.example"),
            &["`A.example`", "target's own name"],
        ),
        (
            words("check 192.0.2.1 --servername b.example --ehlo-name b.example"),
            &["own name"],
        ),
    ]);
}

#[test]
fn values_that_cannot_be_meant_are_told_on_one_line() {
    refused(&[
        (
            words("check a.example --cert-days soon"),
            &["`soon`", "30,7"],
        ),
        (
            words("check a.example --timeout soon"),
            &["--timeout", "`soon`", "5s"],
        ),
        (
            words("check a.example --timeout 0"),
            &["--timeout", "1ms to 24h"],
        ),
        (
            words("check a.example --connect-timeout 25h"),
            &["--connect-timeout", "1ms to 24h"],
        ),
        (words("check a.example --deadline x"), &["--deadline", "5s"]),
        (words("check a.example -j 0"), &["--jobs", "1 to 65535"]),
        (
            words("check a.example --per-address no"),
            &["--per-address", "1 to 65535"],
        ),
        (
            words("check a.example --address b.example"),
            &["--address", "192.0.2.10"],
        ),
        (
            words("check a.example --source eth0"),
            &["--source", "192.0.2.10"],
        ),
        (
            words("check a.example --servername b..example"),
            &["`b..example`", "empty label"],
        ),
        (
            words("check a.example --ehlo-name a_b"),
            &["--ehlo-name", "`a_b`"],
        ),
        (
            words("check a.example --ehlo-name [::1]"),
            &["--ehlo-name", "[IPv6:::1]"],
        ),
        (
            words("check a.example --ehlo-name 192.0.2.5"),
            &["--ehlo-name", "[192.0.2.5]"],
        ),
        (
            option("--servername", "a b"),
            &["--servername `a b`", "mail.example.com"],
        ),
        (option("--servername", ""), &["--servername ``", "(empty)"]),
        (
            words("check a.example --min-tls 1.1"),
            &["--min-tls `1.1`", "1.2 and 1.3", "--audit"],
        ),
        (
            words("check a.example --report xml"),
            &["`xml`", "table, json, ndjson"],
        ),
        (words("check a.example --report json="), &["names no file"]),
        (
            words("check a.example --report json=-"),
            &["standard output is what `--report json` means"],
        ),
    ]);
}

#[test]
fn files_that_cannot_be_used_are_told_on_one_line_and_none_is_left() {
    let folder = folder();
    let missing = folder.path().join("no-folder").join("report.json");
    let missing = format!("json={}", missing.display());
    let in_place = format!("json={}", folder.path().display());
    let same = format!("json={}", folder.path().join("same").display());
    let same_table = format!("table={}", folder.path().join(".").join("same").display());
    let lost = path(&folder, "lost", None);
    let empty = path(&folder, "empty", Some("# nobody\n\n"));
    let bad_line = path(&folder, "bad-line", Some("mail.example.com\n\nhost:587\n"));
    let text = path(&folder, "text", Some("not a certificate\n"));
    let key = path(
        &folder,
        "key",
        Some("-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n"),
    );
    let broken = path(
        &folder,
        "broken",
        Some("-----BEGIN CERTIFICATE-----\nMC4CAQ==\n-----END CERTIFICATE-----\n"),
    );
    let a_folder = folder.path().display().to_string();
    let endless = path(&folder, "endless", Some("a.example\n"));
    fs::File::options()
        .write(true)
        .open(&endless)
        .and_then(|file| file.set_len(Limits::FILE_BYTES + 1))
        .expect("it can be long");
    let reports = |to: &str| ["check", "a.example", "--report", to].map(str::to_owned);
    refused(&[
        (
            reports(&missing).to_vec(),
            &["no-folder", "no folder", "create it first"],
        ),
        (reports(&in_place).to_vec(), &["it is a folder"]),
        (
            [&reports(&same)[..], &["--report".to_owned(), same_table]].concat(),
            &["its own"],
        ),
        (file("--targets-file", &lost), &["lost", "cannot be read"]),
        (
            file("--targets-file", &empty),
            &["empty has no target in it", "one host per line"],
        ),
        (
            file("--targets-file", &bad_line),
            &["bad-line, line 3: `host:587`"],
        ),
        (file("--ca-file", &lost), &["lost", "PEM or DER"]),
        (file("--ca-file", &a_folder), &["--ca-file", "PEM or DER"]),
        (file("--ca-file", &text), &["text", "PEM or DER"]),
        (file("--ca-file", &key), &["key", "no certificate"]),
        (file("--ca-file", &broken), &["broken", "certificate 1"]),
        (
            file("--targets-file", &endless),
            &["endless, line 2", "over 8192 bytes"],
        ),
        (file("--ca-file", &endless), &["endless", "over 16 MiB"]),
    ]);
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(
        left,
        ["bad-line", "broken", "empty", "endless", "key", "text"]
    );
}

#[test]
fn an_option_that_nobody_knows_is_told_on_one_line_as_well() {
    for (typed, said) in [
        ("chek", &["'chek'", "'check'", "see exchports --help"][..]),
        (
            "check --forbidd rdp a",
            &["'--forbidd'", "'--forbid'", "see exchports check --help"],
        ),
        (
            "check a --timeout",
            &["--timeout", "see exchports check --help"],
        ),
        ("check a --fail-on x", &["'x'", "fail, warn, never"]),
        ("check a --role any --role any", &["--role"]),
        ("explain", &["<WORD>", "see exchports explain --help"]),
        (
            "demo mail.example.com",
            &["'mail.example.com'", "see exchports demo --help"],
        ),
    ] {
        let line = refusal(&words(typed));
        for word in said {
            assert!(line.contains(word), "{typed}: {line}");
        }
    }
}

#[test]
fn help_is_an_answer_and_no_command_is_not() {
    for typed in [
        "--help",
        "-h",
        "help",
        "check --help",
        "simulate -h",
        "--version",
    ] {
        let (out, err, exit) = told(&ran(&words(typed)));
        assert_eq!((err.as_str(), exit), ("", Some(0)), "{typed}");
        assert!(!out.is_empty() && !out.contains('\u{1b}'), "{typed}");
        assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
    }
    let (out, err, exit) = told(&ran(&[]));
    assert_eq!((out.as_str(), exit), ("", Some(2)));
    assert!(err.contains("Usage: exchports <COMMAND>"), "{err}");
    for option in [
        "--source",
        "--min-tls",
        "--per-address",
        "--report",
        "--no-progress",
    ] {
        let (out, ..) = told(&ran(&words("check --help")));
        assert!(out.contains(option), "{option}");
    }
}

#[test]
fn what_a_proxy_cannot_be_is_told_on_one_line() {
    refused(&[
        (
            words("check --proxy proxy:3128 a.example"),
            &["--proxy `proxy:3128`", "socks5h://proxy.example.com:1080"],
        ),
        (
            words("check --proxy http://me:hush@proxy:3128 a.example"),
            &["--proxy `http://…@proxy:3128`", "EXCHPORTS_PROXY_USER"],
        ),
        (
            words("check --proxy socks5h://proxy --address 192.0.2.1 a.example"),
            &["--address", "socks5h://", "socks5:// proxy"],
        ),
        (
            words("check --proxy http://proxy:3128 --all-addresses a.example"),
            &["--all-addresses", "http://"],
        ),
        (
            words("check --proxy http://proxy:3128 -6 a.example"),
            &["-6", "looks the name up"],
        ),
        (
            words("check --proxy socks5://192.0.2.1 --source ::1 a.example"),
            &["the proxy 192.0.2.1", "--source ::1", "an IPv4 address too"],
        ),
        (
            words("check --proxy socks5://proxy --domain example.com"),
            &["--domain", "--proxy"],
        ),
        (
            vec![
                "serve".into(),
                "--module".into(),
                "far=--proxy socks5h://proxy".into(),
            ],
            &["--module far", "--allow-target", "socks5:// proxy"],
        ),
    ]);
}

#[test]
fn a_client_certificate_that_cannot_be_used_is_told_on_one_line() {
    let folder = folder();
    let written = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("it can be written");
        path
    };
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::default()
        .self_signed(&key)
        .expect("a certificate")
        .pem();
    for (path, said) in [
        (folder.path().join("none.pem"), "--client-cert"),
        (written("empty.pem", b""), "no certificate in PEM"),
        (
            written("alone.pem", certificate.as_bytes()),
            "no private key in PEM",
        ),
        (
            written("client.pfx", b"\x30\x82\x09\x01\x02\x01\x03\x30\x82"),
            "openssl pkcs12 -in FILE -nodes -out client.pem",
        ),
    ] {
        let option = path.to_string_lossy().into_owned();
        refused(&[(
            file("--client-cert", &option),
            &["--client-cert", option.as_str(), "cannot be used", said],
        )]);
    }
}

/// What is told of a proxy is in the contract: its reader knows the stage, the code and the field.
#[test]
fn what_is_told_of_a_proxy_is_in_the_contract() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = free.local_addr().expect("its address");
    drop(free);
    let (document, exit) = report(
        &format!("--proxy socks5h://{at} -s https,owa a.example --json"),
        b"",
    );
    assert_eq!(exit, Some(2));
    for row in document["targets"][0]["checks"].as_array().expect("rows") {
        assert_eq!(row["proxy"], format!("socks5h://{at}"));
        assert_eq!(row["failure"]["stage"], "proxy");
        assert_eq!(row["failure"]["code"], "proxy-unreachable");
        assert_eq!(
            (&row["state"], &row["address"]),
            (&serde_json::Value::Null, &serde_json::Value::Null)
        );
        assert_eq!(row["status"], "skip");
    }
}

#[test]
fn a_control_that_compares_nothing_is_told_on_one_line() {
    refused(&[
        (
            words("check --control a.example. A.example"),
            &["--control `a.example.`", "the target itself"],
        ),
        (
            words("check --control a..b a.example"),
            &["--control `a..b`", "empty label"],
        ),
        (
            words("check --control b.example --proxy socks5://proxy a.example"),
            &["--control", "--proxy"],
        ),
    ]);
}
