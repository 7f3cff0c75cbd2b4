//! How many round trips a healthy domain takes. Everything is in memory: name servers answer from a recording of the lab's
//! signed zones, hosts say literal bytes, and the clock moves only when everybody waits. So what it shows in the end is
//! the longest chain of waits, whatever the machine does.
//!
//! The recording is made anew with the [lab](super::domains): `tests/daemons/domains enter DIR env UPDATE_ANSWERS=1
//! EXCHPORTS_DOMAINS=DIR target/debug/deps/it-… discover::rounds`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs};

use rustls::ServerConfig;
use time::OffsetDateTime;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
    DuplexStream, duplex,
};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use exchports::discover::{Hosts, Means, TcpHosts, discover};
use exchports::discovery::{Discovery, Scheme};
use exchports::facts::{DnssecState, Outcome};
use exchports::net::dns::WayToServers;
use exchports::net::{Bounds, Dial, Halt, Record, Resolver, Roots, Session, SocketLimits, TlsAsk};
use exchports::observation::{Failure, Stage, State};
use exchports::plan::{Host, Limits, Reach, Stores, Trust};

use super::asked_name;
use crate::peer::late;
use crate::tls::{authority, issued, names};

const DOMAIN: &str = "own.example";

/// From here to a host and back, or to the name server and back.
const ROUND_TRIP: Duration = Duration::from_millis(50);

const NONE: Duration = Duration::ZERO;

#[test]
fn a_healthy_domain_takes_few_round_trips() {
    let recording = Recording::read();
    // Promised are ten, eight, and a second for both; what is reached is held.
    for (what, names, hosts, most) in [
        ("to the name server", ROUND_TRIP, NONE, 3),
        ("to hosts", NONE, ROUND_TRIP, 7),
        ("in all", ROUND_TRIP, ROUND_TRIP, 9),
    ] {
        let found = looked_at(&recording, names, hosts);
        let rounds = found.took.as_millis() / ROUND_TRIP.as_millis();
        // It is the domain that it was recorded as.
        assert_eq!(found.mx.security, DnssecState::Secure);
        assert_eq!(found.hosts[0].tlsa.outcome, Outcome::Found);
        assert_eq!(found.hosts[0].tlsa.security, DnssecState::Secure);
        let seen = found.hosts[0].seen.as_ref().expect("port 25");
        assert_eq!(seen.failure, None);
        assert!(found.mta_sts.policy.as_ref().is_some_and(Result::is_ok));
        for way in [1, 2] {
            let last = found.autodiscover[way].visits.last().expect("a page");
            assert_eq!(last.json, Some((400, true)), "{way}");
        }
        assert!(rounds <= most, "{what}: {rounds} round trips");
        assert!(rounds >= 2, "{what}: {rounds} round trips are not counted");
    }
}

fn looked_at(recording: &Recording, names: Duration, hosts: Duration) -> Discovery {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(async {
            let means = Means {
                resolver: resolver(
                    Arc::new(Answering {
                        answers: recording.answers.clone(),
                        delay: names,
                    }),
                    &recording.anchor,
                ),
                hosts: Peers::new(hosts),
                ehlo_name: None,
            };
            discover(DOMAIN, &means, OffsetDateTime::UNIX_EPOCH, &|_| {}).await
        })
}

fn resolver(way: Arc<dyn WayToServers>, anchor: &str) -> Resolver {
    let address = SocketAddr::from(([192, 0, 2, 53], 53));
    Resolver::over(way, address, Some(anchor), None, Halt::never()).expect("an anchor")
}

// ---------------------------------------------------------------------------------------------------------------------
// the name server

type Question = (String, u16);

struct Recording {
    /// The key of the root zone.
    anchor: String,
    answers: HashMap<Question, Vec<u8>>,
}

impl Recording {
    fn path() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/discover/own.example.txt")
    }

    /// `anchor DNSKEY-RECORD`, then `answer NAME TYPE HEX`, a line each.
    fn read() -> Self {
        let text = fs::read_to_string(Self::path()).expect("the recording");
        let mut recording = Self {
            anchor: String::new(),
            answers: HashMap::new(),
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(anchor) = line.strip_prefix("anchor ") {
                anchor.clone_into(&mut recording.anchor);
                continue;
            }
            let mut words = line.split(' ').skip(1);
            let mut word = || words.next().expect("a line of four words");
            let name = word().trim_end_matches('.').to_owned();
            let kind = word().parse().expect("a type");
            let hex = word().as_bytes();
            let bytes = hex.chunks(2).map(|two| {
                let two = std::str::from_utf8(two).expect("ASCII");
                u8::from_str_radix(two, 16).expect("hexadecimal")
            });
            recording.answers.insert((name, kind), bytes.collect());
        }
        recording
    }
}

struct Answering {
    answers: HashMap<Question, Vec<u8>>,
    delay: Duration,
}

type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<u8>>> + Send>>;

impl WayToServers for Answering {
    fn ask(&self, question: Vec<u8>) -> Answer {
        let asked = asked_name(&question);
        let answer = self.answers.get(&asked).cloned();
        let delay = self.delay;
        Box::pin(async move {
            tokio::time::sleep(delay).await;
            let mut answer = answer.unwrap_or_else(|| panic!("{asked:?} was not recorded"));
            answer[..2].copy_from_slice(&question[..2]);
            Ok(answer)
        })
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// the hosts

/// Every host that is asked for is there, with a certificate for all of them.
struct Peers {
    config: Arc<ServerConfig>,
    roots: Arc<Roots>,
    delay: Duration,
}

impl Peers {
    fn new(delay: Duration) -> Self {
        let root = authority("root", None, |_| {});
        let served = issued(&root, |params| {
            params.subject_alt_names = names(&["*.own.example"]);
        });
        let trust = Trust {
            stores: Stores::Public,
            ca_certificates: vec![root.der().to_vec()],
        };
        Self {
            config: Arc::new(served.config(exchports::facts::TlsVersion::Tls13)),
            roots: Arc::new(Roots::new(&trust).expect("roots")),
            delay,
        }
    }
}

impl Hosts for Peers {
    type Dial = PeerDial;

    fn dial(&self, host: &str, port: u16, _: &[IpAddr], _: &Resolver) -> Option<PeerDial> {
        Some(PeerDial {
            port,
            config: Arc::clone(&self.config),
            delay: self.delay,
            tls: Arc::new(TlsAsk {
                host: Host::Name(host.to_owned()),
                roots: Arc::clone(&self.roots),
                identity: None,
            }),
        })
    }
}

struct PeerDial {
    port: u16,
    config: Arc<ServerConfig>,
    delay: Duration,
    tls: Arc<TlsAsk>,
}

impl Dial for PeerDial {
    type Stream = DuplexStream;

    async fn dial<'a>(
        &'a self,
        record: &'a mut Record,
    ) -> Result<Session<'a, DuplexStream>, Failure> {
        record.enter(Stage::Connect);
        tokio::time::sleep(self.delay).await;
        let address = SocketAddr::from(([192, 0, 2, 1], self.port));
        record.connected(Some(State::Open), Some(address), None, Vec::new());
        let (near, far) = duplex(64 * 1024);
        let server = late(far, self.delay);
        let (port, config) = (self.port, Arc::clone(&self.config));
        tokio::spawn(async move {
            let _ = match port {
                25 => mail_host(server, config).await,
                80 => pages(server, Scheme::Http).await,
                _ => match TlsAcceptor::from(config).accept(server).await {
                    Ok(stream) => pages(stream, Scheme::Https).await,
                    Err(error) => Err(error),
                },
            };
        });
        let limits = Limits::default();
        let bounds = Bounds {
            limits,
            until: Instant::now() + limits.check,
            deadline: None,
            halt: Halt::never(),
        };
        Ok(Session::new(near, record, bounds, Arc::clone(&self.tls)))
    }
}

async fn mail_host(mut stream: DuplexStream, config: Arc<ServerConfig>) -> io::Result<()> {
    stream
        .write_all(b"220 mail.own.example Microsoft ESMTP MAIL Service ready\r\n")
        .await?;
    stream = said(stream, "EHLO").await?;
    stream
        .write_all(b"250-mail.own.example Hello\r\n250 STARTTLS\r\n")
        .await?;
    stream = said(stream, "STARTTLS").await?;
    stream.write_all(b"220 2.0.0 SMTP server ready\r\n").await?;
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    let mut stream = said(stream, "EHLO").await?;
    stream
        .write_all(b"250-mail.own.example Hello\r\n250 SIZE\r\n")
        .await?;
    let mut stream = said(stream, "QUIT").await?;
    stream
        .write_all(b"221 2.0.0 Service closing transmission channel\r\n")
        .await?;
    stream.shutdown().await
}

/// Waits for that command.
async fn said<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, command: &str) -> io::Result<S> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await?);
    }
    assert!(line.starts_with(command.as_bytes()), "{command}");
    Ok(stream)
}

async fn pages<S: AsyncRead + AsyncWrite + Unpin>(stream: S, scheme: Scheme) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            if stream.read_line(&mut request).await? == 0 {
                return Ok(());
            }
        }
        stream.write_all(page(&request, scheme).as_bytes()).await?;
        stream.flush().await?;
    }
}

fn page(request: &str, scheme: Scheme) -> String {
    let with_body = |head: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    if scheme == Scheme::Http {
        let to = "https://autodiscover.own.example/autodiscover/autodiscover.xml";
        return with_body(&format!("302 Found\r\nLocation: {to}"), "");
    }
    if request.starts_with("GET /.well-known/mta-sts.txt ") {
        let policy = "version: STSv1\nmode: enforce\nmx: mail.own.example\nmax_age: 604800\n";
        return with_body("200 OK\r\nContent-Type: text/plain", policy);
    }
    if request.starts_with("GET /autodiscover/autodiscover.json ") {
        return with_body("400 Bad Request", "the parameter 'Protocol' is missing");
    }
    with_body(
        "401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nX-FEServer: EX01",
        "",
    )
}

// ---------------------------------------------------------------------------------------------------------------------
// the recording

#[test]
fn the_answers_are_recorded() {
    if env::var_os("UPDATE_ANSWERS").is_none() {
        // Read by the other test, which fails where a question is missing.
        assert!(Recording::path().is_file());
        return;
    }
    let folder = PathBuf::from(env::var_os("EXCHPORTS_DOMAINS").expect("the lab"));
    let anchor = fs::read_to_string(folder.join("root.key")).expect("the anchor");
    let anchor = anchor.lines().next().expect("a line");
    let kept = Arc::new(Mutex::new(HashMap::new()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let way = Arc::new(Keeping(Arc::clone(&kept)));
    let halt = Halt::never();
    let means = Means {
        resolver: resolver(way, anchor),
        hosts: TcpHosts {
            roots: Arc::new(Roots::new(&Trust::default()).expect("roots")),
            sockets: SocketLimits::new(64, Limits::PER_ADDRESS),
            limits: Limits::default(),
            reach: Reach::default(),
            halt,
        },
        ehlo_name: None,
    };
    let at = OffsetDateTime::UNIX_EPOCH;
    let found = runtime.block_on(discover(DOMAIN, &means, at, &|_| {}));
    assert_eq!(found.mx.security, DnssecState::Secure);
    let mut text = String::from(
        "# What the resolver of tests/daemons/domains says of own.example, signed until 2090. Made by UPDATE_ANSWERS=1,\n\
         # tests/it/discover/rounds.rs.\n",
    );
    let _ = writeln!(text, "anchor {anchor}");
    let kept = kept.lock().expect("the answers");
    let mut kept: Vec<_> = kept.iter().collect();
    kept.sort();
    for ((name, kind), answer) in kept {
        let _ = write!(text, "answer {name}. {kind} ");
        for byte in answer {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    fs::create_dir_all(Recording::path().parent().expect("a folder")).expect("a folder");
    fs::write(Recording::path(), text).expect("the recording");
}

/// Asks the lab's resolver over TCP, which cuts nothing, and keeps what it says.
struct Keeping(Arc<Mutex<HashMap<Question, Vec<u8>>>>);

impl WayToServers for Keeping {
    fn ask(&self, question: Vec<u8>) -> Answer {
        let kept = Arc::clone(&self.0);
        Box::pin(async move {
            let mut stream = TcpStream::connect("127.0.0.1:53").await?;
            let length = u16::try_from(question.len()).expect("short");
            stream.write_all(&length.to_be_bytes()).await?;
            stream.write_all(&question).await?;
            let length = stream.read_u16().await?;
            let mut answer = vec![0; usize::from(length)];
            stream.read_exact(&mut answer).await?;
            let asked = asked_name(&question);
            kept.lock()
                .expect("the answers")
                .insert(asked, answer.clone());
            Ok(answer)
        })
    }
}
