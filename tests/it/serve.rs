//! The exporter, asked as Prometheus asks it, and as people do who mean it no good.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;

const PROGRAM: &str = env!("CARGO_BIN_EXE_exchports");

/// An exporter that runs.
struct Exporter {
    child: Child,
    address: SocketAddr,
}

impl Exporter {
    fn start(arguments: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", arguments)
    }

    fn start_on(listen: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--listen", listen])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stderr = child.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(stderr).lines();
        let line = lines.next().expect("a line").expect("text");
        // Whatever it says later must find a reader.
        thread::spawn(move || lines.for_each(drop));
        let (_, address) = line.rsplit_once("://").unwrap_or_else(|| panic!("{line}"));
        let address: SocketAddr = address.trim_end_matches('/').parse().expect("an address");
        let address = SocketAddr::from(([127, 0, 0, 1], address.port()));
        Self { child, address }
    }

    /// One that looks at a host on this port.
    fn for_smtp_at(port: u16, more: &[&str]) -> Self {
        let module = format!("m=--service smtp --map smtp={port} --timeout 5s");
        let mut arguments = vec!["--module", &module];
        arguments.extend(more);
        Self::start(&arguments)
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.ask(path, "")
    }

    /// The status, and the body.
    fn ask(&self, path: &str, headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a timeout");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
        // One that expects TLS may close before it is through: that is no answer then.
        let _ = stream.write_all(request.as_bytes());
        answer(&mut stream)
    }

    fn in_flight(&self) -> u32 {
        let (_, body) = self.get("/metrics");
        let line = body
            .lines()
            .find_map(|line| line.strip_prefix("exchports_probes_in_flight "));
        line.expect("the metric").parse().expect("a number")
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answer(stream: &mut impl std::io::Read) -> (u16, String) {
    let mut text = Vec::new();
    // TLS may end without its goodbye.
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.unwrap_or(0), body.to_owned())
}

/// A host that accepts and says nothing.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// Tries until it is so, for a while.
fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_scrape_tells_the_whole_host() {
    let mut stand_in = Command::new(PROGRAM)
        .args(["simulate", "--fault", "certificate-expired@smtp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let stdout = stand_in.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let line = line.trim().strip_prefix("exchports check ");
    let (target, options) = line
        .and_then(|line| line.split_once(' '))
        .expect("a target");
    let module = format!("it={options}");
    let exporter = Exporter::start(&["--module", &module]);
    let path = format!("/probe?target={target}&module=it");
    let (status, body) = exporter.get(&path);
    let (debug, page) = exporter.get(&format!("{path}&debug=true"));
    let _ = stand_in.kill();
    let _ = stand_in.wait();
    assert_eq!((status, debug), (200, 200), "{body}{page}");
    for line in [
        // 25 takes any certificate, so it is a warning.
        "\nexchports_check_status{check=\"smtp\",port=",
        "\nprobe_ssl_earliest_cert_expiry ",
        "\nexchports_certificate_not_after_timestamp_seconds{check=\"smtp\",port=",
        "code=\"certificate-expired\",severity=\"warn\"} 1\n",
        "\nprobe_timeout_seconds 120\n",
    ] {
        assert!(body.contains(line), "{line}: {body}");
    }
    for part in [
        "C: EHLO",
        "S: 220",
        "certificate-expired",
        "Metrics that would have been returned:\n# HELP probe_success",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let (_, own) = exporter.get("/metrics");
    assert!(
        own.contains("exchports_http_requests_total{code=\"200\"} 2\n"),
        "{own}"
    );
}

#[test]
fn what_is_wrong_with_a_request_is_told() {
    let exporter = Exporter::start(&[]);
    for (path, status, said) in [
        ("/", 200, "<h1>exchports</h1>"),
        ("/-/healthy", 200, "Healthy"),
        ("/metrics", 200, "exchports_build_info{version="),
        ("/probe", 400, "target is missing"),
        (
            "/probe?target=mail.example.com&module=nonsense",
            400,
            "no module nonsense",
        ),
        (
            "/probe?target=https://mail.example.com/owa",
            400,
            "mail.example.com",
        ),
        ("/probe?target=169.254.169.254", 403, "link"),
        ("/probe?target=224.0.0.1", 403, "no host"),
        ("/probe?target=fe80::1", 403, "link"),
        ("/probe?target=%5Bff02::1%5D", 403, "no host"),
        ("/elsewhere", 404, "nothing here"),
    ] {
        let (found, body) = exporter.get(path);
        // An address that no host has is refused before anybody asks whether it is allowed.
        let is_refused = found == status || (status == 403 && found == 400);
        assert!(is_refused, "{path}: {found} {body}");
        assert!(found != status || body.contains(said), "{path}: {body}");
    }
    let (status, _) = exporter.ask(
        "/probe?target=127.0.0.1",
        "X-Prometheus-Scrape-Timeout-Seconds: soon\r\n",
    );
    assert_eq!(status, 400);
}

#[test]
fn beyond_loopback_nothing_may_be_asked_for_that_was_not_allowed() {
    let module = "m=--service smtp --map smtp=1 --timeout 1s";
    let exporter = Exporter::start_on("0.0.0.0:0", &["--module", module]);
    let (status, body) = exporter.get("/probe?target=127.0.0.1&module=m");
    assert_eq!(status, 403, "{body}");
    assert!(body.contains("--allow-target"), "{body}");
    let exporter = Exporter::start_on(
        "0.0.0.0:0",
        &["--module", module, "--allow-target", "127.0.0.0/8"],
    );
    assert_eq!(exporter.get("/probe?target=127.0.0.1&module=m").0, 200);
    assert_eq!(exporter.get("/probe?target=192.0.2.1&module=m").0, 403);
    // A name is what it leads to.
    assert_eq!(exporter.get("/probe?target=localhost&module=m").0, 200);
}

#[test]
fn the_scrapers_time_is_the_deadline_and_what_was_learned_is_told() {
    let (_silent, port) = silent();
    let exporter = Exporter::for_smtp_at(port, &[]);
    let began = Instant::now();
    let (status, body) = exporter.ask(
        "/probe?target=127.0.0.1&module=m",
        "X-Prometheus-Scrape-Timeout-Seconds: 1.5\r\n",
    );
    assert!(
        began.elapsed() < Duration::from_millis(1500),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(status, 200);
    assert!(body.contains("\nprobe_success 0\n"), "{body}");
    assert!(
        body.contains("state=\"open\"") && body.contains("step=\"connect\""),
        "{body}"
    );
}

#[test]
fn whoever_asks_for_the_same_host_at_once_gets_the_same_answer() {
    let (listener, port) = silent();
    let exporter = Exporter::for_smtp_at(port, &["--max-probes", "1"]);
    thread::scope(|scope| {
        let ask = || exporter.get("/probe?target=127.0.0.1&module=m");
        let first = scope.spawn(ask);
        let (mut host, _) = listener.accept().expect("the first is looked at");
        let second = scope.spawn(ask);
        soon("the second waits for it", || {
            exporter
                .get("/metrics")
                .1
                .contains("exchports_probes_shared_total 1\n")
        });
        // Another host is one too many.
        let (status, body) = exporter.get("/probe?target=127.0.0.2&module=m");
        assert_eq!(status, 503, "{body}");
        host.write_all(b"554 go away\r\n").expect("it is sent");
        drop(host);
        let (first, second) = (
            first.join().expect("an answer"),
            second.join().expect("an answer"),
        );
        assert_eq!((first.0, second.0), (200, 200));
        assert!(first.1.contains("greeting-rejected"), "{}", first.1);
        assert!(second.1.contains("greeting-rejected"), "{}", second.1);
    });
    listener.set_nonblocking(true).expect("it can be");
    assert!(listener.accept().is_err(), "the host was looked at once");
    // There is room again.
    soon("it is over", || exporter.in_flight() == 0);
}

#[test]
fn a_scraper_that_goes_away_ends_its_run() {
    let (listener, port) = silent();
    let exporter = Exporter::for_smtp_at(port, &[]);
    let mut scraper = TcpStream::connect(exporter.address).expect("it listens");
    write!(
        scraper,
        "GET /probe?target=127.0.0.1&module=m HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    .expect("it takes it");
    let (mut host, _) = listener.accept().expect("it is looked at");
    assert_eq!(exporter.in_flight(), 1);
    let began = Instant::now();
    drop(scraper);
    host.set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    let mut nothing = [0; 1];
    assert!(matches!(host.read(&mut nothing), Ok(0) | Err(_)));
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    soon("it is over", || exporter.in_flight() == 0);
    assert!(
        exporter
            .get("/metrics")
            .1
            .contains("exchports_probes_total{result=\"given-up\"} 1\n")
    );
}

#[cfg(unix)]
#[test]
fn sigterm_ends_it_gracefully_and_sighup_does_not() {
    let (listener, port) = silent();
    let mut exporter = Exporter::for_smtp_at(port, &[]);
    let signal = |signal: &str| {
        let id = exporter.child.id().to_string();
        Command::new("kill")
            .args([signal, &id])
            .status()
            .expect("kill is there")
    };
    signal("-HUP");
    soon("its files are read again", || {
        exporter
            .get("/metrics")
            .1
            .contains("exchports_config_last_reload_successful 1\n")
    });
    // A scrape that is under way gets its answer.
    let mut scraper = TcpStream::connect(exporter.address).expect("it listens");
    write!(
        scraper,
        "GET /probe?target=127.0.0.1&module=m HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    .expect("it takes it");
    let (mut host, _) = listener.accept().expect("it is looked at");
    signal("-TERM");
    thread::sleep(Duration::from_millis(200));
    host.write_all(b"554 go away\r\n").expect("it is sent");
    drop(host);
    assert_eq!(answer(&mut scraper).0, 200);
    assert_eq!(exporter.child.wait().expect("it ends").code(), Some(0));
}

// -- TLS and passwords

/// A certificate for localhost, and its key, as PEM.
fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn ask_securely(address: SocketAddr, pem: &str, headers: &str) -> Option<u16> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate"))
        .expect("a root");
    let provider = exchports::net::tls::provider();
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let client = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = TcpStream::connect(address).expect("it listens");
    let mut stream = rustls::StreamOwned::new(client, stream);
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n"
    )
    .ok()?;
    Some(answer(&mut stream).0)
}

#[test]
fn tls_and_passwords_are_read_again_when_they_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.yml");
    let write = |(certificate, key): &(String, String), password: &str| {
        std::fs::write(folder.path().join("cert.pem"), certificate).expect("it is written");
        std::fs::write(folder.path().join("key.pem"), key).expect("it is written");
        let hash = bcrypt::hash(password, 4).expect("a hash");
        let text = format!(
            "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\nbasic_auth_users:\n  prometheus: '{hash}'\n"
        );
        std::fs::write(&file, text).expect("it is written");
    };
    let (old, new) = (certificate(), certificate());
    write(&old, "secret");
    let exporter = Exporter::start(&["--web-config", file.to_str().expect("a path")]);
    // prometheus:secret, prometheus:changed
    let [secret, changed] = ["cHJvbWV0aGV1czpzZWNyZXQ=", "cHJvbWV0aGV1czpjaGFuZ2Vk"]
        .map(|pair| format!("Authorization: Basic {pair}\r\n"));
    assert_eq!(ask_securely(exporter.address, &old.0, &secret), Some(200));
    assert_eq!(ask_securely(exporter.address, &old.0, &changed), Some(401));
    assert_eq!(ask_securely(exporter.address, &old.0, ""), Some(401));
    // In clear there is nothing to be had.
    assert_eq!(exporter.get("/metrics").0, 0);
    write(&new, "changed");
    soon("the new ones are taken", || {
        ask_securely(exporter.address, &new.0, &changed) == Some(200)
    });
    assert_eq!(ask_securely(exporter.address, &new.0, &secret), Some(401));
    // What cannot be used leaves what was there before.
    std::fs::write(&file, "tls_server_config: {cipher_suites: [a]}\n").expect("it is written");
    thread::sleep(Duration::from_millis(1200));
    assert_eq!(ask_securely(exporter.address, &new.0, &changed), Some(200));
}

#[test]
fn a_web_config_that_cannot_be_used_keeps_it_from_starting() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.yml");
    std::fs::write(&file, "rate_limit: {burst: 1}\n").expect("it is written");
    let output = Command::new(PROGRAM)
        .args(["serve", "--listen", "127.0.0.1:0", "--web-config"])
        .arg(&file)
        .output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("rate_limit is not supported"),
        "{output:?}"
    );
}

// -- those who mean it no good

#[test]
fn a_thousand_who_say_nothing_keep_nobody_out() {
    #[cfg(unix)]
    rlimit::increase_nofile_limit(4096).expect("files");
    let exporter = Exporter::start(&[]);
    let silent: Vec<TcpStream> = (0..1000)
        .map(|_| TcpStream::connect(exporter.address).expect("it listens"))
        .collect();
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(exporter.get("/-/healthy").0, 200);
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let (_, own) = exporter.get("/metrics");
    let open = own
        .lines()
        .find_map(|line| line.strip_prefix("exchports_http_connections "))
        .expect("the metric");
    assert!(open.parse::<u32>().expect("a number") <= 520, "{open}");
    drop(silent);
}

/// Nor where TLS comes first, which none of them begins.
#[test]
fn a_thousand_who_begin_no_tls_keep_nobody_out() {
    #[cfg(unix)]
    rlimit::increase_nofile_limit(4096).expect("files");
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = certificate();
    let file = folder.path().join("web.yml");
    std::fs::write(folder.path().join("cert.pem"), &certificate).expect("it is written");
    std::fs::write(folder.path().join("key.pem"), key).expect("it is written");
    std::fs::write(
        &file,
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n",
    )
    .expect("it is written");
    let exporter = Exporter::start(&["--web-config", file.to_str().expect("a path")]);
    let silent: Vec<TcpStream> = (0..1000)
        .map(|_| TcpStream::connect(exporter.address).expect("it listens"))
        .collect();
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(ask_securely(exporter.address, &certificate, ""), Some(200));
    }
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    drop(silent);
}

/// One byte now and then is no request either; and a body that was announced is not waited for.
#[test]
fn whoever_drips_is_closed_and_no_body_is_read() {
    let exporter = Exporter::start(&[]);
    let mut drip = TcpStream::connect(exporter.address).expect("it listens");
    drip.write_all(b"GET / HTTP/1.1\r\nX: ")
        .expect("it takes it");
    let began = Instant::now();
    while drip.write_all(b"a").is_ok() {
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "it takes one byte after the other"
        );
        thread::sleep(Duration::from_millis(300));
    }
    for (method, status) in [("GET", 200), ("POST", 405)] {
        let mut stream = TcpStream::connect(exporter.address).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(15)))
            .expect("a timeout");
        let head =
            format!("{method} /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000000\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("it takes it");
        let began = Instant::now();
        assert_eq!(answer(&mut stream).0, status, "{method}");
        assert!(
            began.elapsed() < Duration::from_secs(12),
            "{:?}",
            began.elapsed()
        );
    }
    assert_eq!(exporter.get("/-/healthy").0, 200);
}

#[test]
fn what_is_no_request_is_ended() {
    let exporter = Exporter::start(&[]);
    let huge = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "a".repeat(1024 * 1024)
    );
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(5000));
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(100_000));
    let garbage: Vec<u8> = (0..100_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect();
    for request in [
        huge.as_bytes(),
        many.as_bytes(),
        long.as_bytes(),
        &garbage,
        b"\x16\x03\x01\x02\x00\x01",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /probe?target=a\x00b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(exporter.address).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(15)))
            .expect("a timeout");
        // It may close before all is sent.
        let _ = stream.write_all(request);
        let began = Instant::now();
        let (status, _) = answer(&mut stream);
        assert!([0, 400, 414, 431].contains(&status), "{status}");
        assert!(
            began.elapsed() < Duration::from_secs(12),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(exporter.get("/-/healthy").0, 200);
    }
}

#[test]
fn whoever_says_nothing_or_takes_nothing_is_closed() {
    let exporter = Exporter::start(&[]);
    let mut mute = TcpStream::connect(exporter.address).expect("it listens");
    mute.write_all(b"GET / HTTP/1.1\r\nHo")
        .expect("it takes it");
    // Pages that nobody reads, more of them than any buffer holds.
    let mut slow = TcpStream::connect(exporter.address).expect("it listens");
    slow.set_write_timeout(Some(Duration::from_secs(1)))
        .expect("a timeout");
    let page = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    let writes = (0..200)
        .take_while(|_| slow.write_all(&page).is_ok())
        .count();
    assert!(writes < 200, "it does not read on for ever");
    assert_eq!(exporter.get("/-/healthy").0, 200);
    mute.set_read_timeout(Some(Duration::from_secs(15)))
        .expect("a timeout");
    let mut rest = Vec::new();
    let began = Instant::now();
    let _ = mute.read_to_end(&mut rest);
    assert!(
        began.elapsed() < Duration::from_secs(14),
        "{:?}",
        began.elapsed()
    );
    let until = Instant::now() + Duration::from_secs(30);
    while !exporter
        .get("/metrics")
        .1
        .contains("exchports_http_connections 1\n")
    {
        assert!(Instant::now() < until, "the slow one is not closed");
        thread::sleep(Duration::from_millis(200));
    }
}
