//! The program itself against hostile peers on real sockets: how long it takes, and how much memory.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use exchports::catalog::{SERVICES, ServiceId};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::records::old_flight;
use crate::cli::{rows, words};
use crate::peer::{self, identity};
use crate::schema::held;

/// Twice the megabytes that a healthy run takes.
const MEMORY: usize = 24 * 1024;

const TIMEOUT: Duration = Duration::from_secs(4);

/// Every service at once, each with a flood of its own; everything is kept and told.
#[test]
fn a_run_among_floods_keeps_its_time_and_its_memory() {
    let line = |start: &[u8]| [start, &[0xff; 2040][..], b"\r\n"].concat();
    let floods: Vec<(Vec<u8>, Vec<u8>)> = vec![
        (Vec::new(), vec![b'x'; 4096]),
        (Vec::new(), line(b"220-")),
        (Vec::new(), line(b"* OK ")),
        (b"+OK\r\n+OK\r\n".to_vec(), line(b"")),
        (b"HTTP/1.1 200 OK\r\n".to_vec(), b"A: b\r\n".repeat(700)),
        (
            b"\x30\x84\0\0\xff\xf0\x02\x01\x01\x64\x84\0\0\xff\xe7".to_vec(),
            vec![4; 4096],
        ),
        (
            Vec::new(),
            [&b"\x16\x03\x03\x40\0\x02\xff\xff\xff"[..], &[0; 0x3ffc]].concat(),
        ),
        (Vec::new(), b"\x15\x03\x03\0\x02\x01\x5a".repeat(600)),
        (Vec::new(), vec![0; 4096]),
    ];
    let ports: Vec<u16> = floods
        .into_iter()
        .map(|(begin, more)| {
            serve(move |mut stream| {
                let _ = stream.write_all(&begin);
                while stream.write_all(&more).is_ok() {}
            })
        })
        .collect();
    // The last one keeps the run alive until all others have been told, so that the peak can be seen.
    let silent = serve(|stream| listen(&stream));
    for shift in (0..ports.len()).step_by(2) {
        // A mapped 443 moves the web group with it.
        let maps = SERVICES
            .iter()
            .zip(ports.iter().cycle().skip(shift))
            .map(|(service, port)| match service.id {
                ServiceId::Rdp => format!("--map=rdp={silent}"),
                _ => format!("--map={}={port}", service.name),
            });
        let (peak, took, document) = run_here(&maps.collect::<Vec<_>>());
        for row in rows(&document) {
            assert_ne!(row["status"], "pass", "{row}");
        }
        println!("floods, turned by {shift}: {peak} KB at the most, {took:?}");
        // Floods cost the processor, of which a busy machine gives little: that they end is all that can be timed here.
        assert!(took < TIMEOUT * 4, "{took:?}");
        if cfg!(target_os = "linux") {
            assert!((1..MEMORY).contains(&peak), "{peak} KB");
        }
    }
}

/// Fifty checks at once, each with as much as it takes of a peer that then says no more: what one of them holds, the
/// program itself included.
#[test]
fn a_check_holds_less_than_a_megabyte() {
    const CHECKS: usize = 50;
    const SAID: usize = 4 * 1024 * 1024;
    let line = |start: &[u8]| [start, &[0xff; 2040][..], b"\r\n"].concat();
    let record = [&b"\x16\x03\x03\x40\0\x02\0\xff\xf0"[..], &[0; 0x3ffc]].concat();
    let hosts: Vec<String> = (0..CHECKS).map(|host| format!("host{host}.test")).collect();
    let serve_in_clear = |(service, begin, more): (_, Vec<u8>, Vec<u8>)| {
        let port = serve(move |mut stream| {
            let mut said = 0;
            let _ = stream.write_all(&begin);
            while said < SAID && stream.write_all(&more).is_ok() {
                said += more.len();
            }
            listen(&stream);
        });
        (service, "in clear", port)
    };
    let in_clear = [
        ("smtp", Vec::new(), line(b"220-")),
        (
            "ldap",
            b"\x30\x84\0\0\xff\xf0\x02\x01\x01\x64\x84\0\0\xff\xe7".to_vec(),
            vec![4; 4096],
        ),
        (
            "imaps",
            record,
            [&b"\x16\x03\x03\x40\0"[..], &[0; 0x4000]].concat(),
        ),
    ]
    .map(serve_in_clear);
    // What needs no escapes: the document of the others is long enough.
    let plain = |start: &[u8]| [start, &[b'x'; 2040][..], b"\r\n"].concat();
    let in_tls = [
        ("imaps", &TLS12, Vec::new(), plain(b"* OK ")),
        ("pop3s", &TLS13, b"+OK\r\n+OK\r\n".to_vec(), line(b"")),
        (
            "ldaps",
            &TLS13,
            b"\x30\x84\0\0\xff\xf0\x02\x01\x03\x64\x84\0\0\xff\xe7".to_vec(),
            vec![4; 4096],
        ),
    ]
    .map(|(service, version, begin, more)| {
        let port = serve(move |stream| {
            let mut stream = secure(peer::config(version), stream);
            let mut said = 0;
            let _ = stream.write_all(&begin);
            while said < SAID && stream.write_all(&more).is_ok() {
                said += more.len();
            }
            listen(stream.get_ref());
        });
        (service, "in a secure session", port)
    });
    let second_looks = Arc::new(AtomicUsize::new(0));
    let chains = [
        ("https", "a chain of 60 KB", serve(show_a_long_chain)),
        (
            "https",
            "a second look with a chain of 240 KB",
            serve({
                let looks = Arc::clone(&second_looks);
                move |stream| show_an_old_chain(stream, &looks)
            }),
        ),
    ];
    for (service, what, port) in in_clear.into_iter().chain(in_tls).chain(chains) {
        let mut arguments = hosts.clone();
        arguments.extend(
            [
                "--address",
                "127.0.0.1",
                "--per-address",
                "100",
                "-s",
                service,
            ]
            .map(str::to_owned),
        );
        arguments.push(format!("--map={service}={port}"));
        let (peak, took, document) = run(&arguments);
        for row in rows(&document) {
            assert_ne!(row["status"], "pass", "{row}");
        }
        let each = peak / CHECKS;
        println!("{service}, {what}, {CHECKS} at once: {each} KB each, {took:?}");
        if cfg!(target_os = "linux") {
            assert!((1..1024).contains(&each), "{each} KB");
        }
    }
    // On a busy machine some have no time left for it.
    let second_looks = second_looks.load(Ordering::Relaxed);
    assert!(second_looks > CHECKS / 2, "{second_looks} second looks");
}

/// Shakes hands with as long a chain as is taken (64 KB).
fn show_a_long_chain(stream: TcpStream) {
    let chain = vec![identity().certificate.clone(); 60_000 / identity().certificate.len()];
    let config = ServerConfig::builder_with_provider(exchports::net::tls::provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, identity().key.clone_key())
        .unwrap();
    let mut stream = secure(Arc::new(config), stream);
    let _ = stream.flush();
    listen(stream.get_ref());
}

/// Refuses TLS 1.3, and shows the second look nearly as long a chain as is read of it (256 KB).
fn show_an_old_chain(mut stream: TcpStream, looks: &AtomicUsize) {
    let mut hello = [0; 512];
    let count = stream.read(&mut hello).unwrap_or(0);
    // TLS_AES_256_GCM_SHA384, which is for TLS 1.3 alone
    if hello[..count].windows(2).any(|two| two == b"\x13\x02") {
        let _ = stream.write_all(b"\x15\x03\x03\0\x02\x02\x28");
        return;
    }
    looks.fetch_add(1, Ordering::Relaxed);
    let _ = stream.write_all(&old_flight(&vec![vec![0x30; 4000]; 60]));
    listen(&stream);
}

/// A hundred megabytes in a secure session: the peer gets rid of what the buffers on the way take, and the run has the
/// memory that a healthy one has, and ends at once.
#[test]
fn a_flood_in_a_secure_session_is_cut() {
    const FLOOD: usize = 100_000_000;
    let line = |start: &[u8]| [start, &[0xff; 2040][..], b"\r\n"].concat();
    // It keeps the run alive until the other has been told, so that the peak can be seen.
    let silent = serve(|stream| listen(&stream));
    for (service, version, stage, begin, more) in [
        ("submissions", &TLS12, "greeting", &b""[..], line(b"220-")),
        ("imaps", &TLS13, "secure-capabilities", b"", line(b"* OK ")),
        (
            "pop3s",
            &TLS13,
            "secure-capabilities",
            b"+OK\r\n+OK\r\n",
            line(b""),
        ),
        (
            "https",
            &TLS12,
            "application",
            b"HTTP/1.1 200 OK\r\n",
            line(b"A: "),
        ),
        (
            "https",
            &TLS13,
            "application",
            b"HTTP/1.1 200 OK\r\n",
            line(b"A: "),
        ),
    ] {
        let said = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&said);
        let port = serve(move |stream| {
            let mut stream = secure(peer::config(version), stream);
            let _ = stream.write_all(begin);
            while stream.write_all(&more).is_ok() {
                let said = count.fetch_add(more.len(), Ordering::Relaxed);
                if said > FLOOD {
                    return;
                }
            }
        });
        let typed = format!("127.0.0.1 -s {service},rdp --map {service}={port} --map rdp={silent}");
        let (peak, took, document) = run(&words(&typed));
        let rows = rows(&document);
        let row = rows.iter().find(|row| row["service"] == service).unwrap();
        assert_eq!(row["failure"]["code"], "flood", "{service}");
        assert_eq!(row["failure"]["stage"], stage, "{service}");
        let spent: f64 = row["steps"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|step| step["took_ms"].as_f64())
            .sum();
        let said = said.load(Ordering::Relaxed);
        println!(
            "{service}, {version:?}: {said} bytes said, {peak} KB at the most, {spent} ms of {took:?}"
        );
        assert!(said < FLOOD / 4, "{said} bytes were taken");
        assert!(spent < 2000.0, "{service}: {spent} ms");
        if cfg!(target_os = "linux") {
            assert!((1..MEMORY).contains(&peak), "{peak} KB");
        }
    }
}

/// Whoever is slow costs what slowness may cost, to the second: every check, and the run.
#[test]
fn a_run_among_slow_peers_keeps_its_time() {
    let drip = |word: &'static [u8]| {
        serve(move |mut stream| {
            for byte in word.iter().cycle() {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(300));
            }
        })
    };
    let ports = [
        serve(|stream| listen(&stream)),
        drip(b"220-mail01 "),
        drip(b"* OK wait\r\n"),
        drip(b"+OK\r\n"),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(b"\x16\x03\x03\x40\0\x02\0\x30\0"),
        drip(b"\x30\x84\0\0\x40\0"),
    ];
    for shift in 0..ports.len() {
        let maps = SERVICES
            .iter()
            .zip(ports.iter().cycle().skip(shift))
            .map(|(service, port)| format!("--map={}={port}", service.name));
        let (_, took, document) = run_here(&maps.collect::<Vec<_>>());
        for row in rows(&document) {
            assert_ne!(row["status"], "pass", "{row}");
            let steps = row["steps"].as_array().expect("steps");
            let spent: f64 = steps
                .iter()
                .map(|step| step["took_ms"].as_f64().unwrap_or_default())
                .sum();
            let spent = Duration::from_secs_f64(spent / 1000.0);
            assert!(spent < TIMEOUT + Duration::from_secs(1), "{row}");
        }
        println!("slow peers, turned by {shift}: {took:?}");
        // The check, the goodbye, and a second.
        assert!(took < TIMEOUT + Duration::from_secs(2), "{took:?}");
    }
}

/// Hears everything and says nothing.
fn listen(mut stream: &TcpStream) {
    while stream.read(&mut [0; 512]).is_ok_and(|count| count > 0) {}
}

/// Every service of this machine, each on the port that it is mapped to.
fn run_here(maps: &[String]) -> (usize, Duration, serde_json::Value) {
    let words = ["127.0.0.1", "-s", "all"].map(str::to_owned);
    run(&[&words[..], maps].concat())
}

/// Runs a check; the most memory it had, in KB and where the system tells, how long it took from the head of the document
/// to the end of the process, the document. To start a process takes wine a second or more.
fn run(arguments: &[String]) -> (usize, Duration, serde_json::Value) {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_exchports"))
        .args(["check", "--json", "-v"])
        .args(["--timeout", &format!("{}s", TIMEOUT.as_secs())])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut out = child.stdout.take().expect("a pipe");
    let reader = thread::spawn(move || {
        let mut bytes = vec![0];
        out.read_exact(&mut bytes).expect("the head");
        let started = Instant::now();
        out.read_to_end(&mut bytes).expect("the rest");
        (started, String::from_utf8(bytes).expect("UTF-8"))
    });
    let mut peak = 0;
    while child.try_wait().expect("a child").is_none() {
        peak = peak.max(high_water(child.id()));
        thread::sleep(Duration::from_millis(2));
        assert!(begun.elapsed() < TIMEOUT * 10, "it did not end");
    }
    let ended = Instant::now();
    let (started, text) = reader.join().expect("a reader");
    (peak, ended - started, held(&text))
}

/// What the system has given a process at the most, in KB (proc(5)).
fn high_water(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

fn secure(
    config: Arc<ServerConfig>,
    stream: TcpStream,
) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(config).unwrap(), stream)
}

fn serve(meet: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let meet = meet.clone();
            thread::spawn(move || meet(stream));
        }
    });
    port
}
