//! Servers that speak old TLS: OpenSSL behind a relay that speaks the preamble of STARTTLS, and canned bytes.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use std::{env, io};

use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

pub(super) const NAME: &str = "mail.example.test";

/// Suites that OpenSSL 3 otherwise leaves out, with keys and hashes that it otherwise refuses.
pub(super) const EVERYTHING: &str = "ALL:@SECLEVEL=0";

/// What `openssl s_server` shows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Identity {
    /// RSA 2048, SHA-256.
    Rsa,
    /// ECDSA, P-521.
    P521,
    /// A key for RSASSA-PSS alone.
    RsaPss,
    /// Ed448, of Edwards curves.
    Ed448,
    /// ECDSA on the curve of Bitcoin, whose size is that of P-256.
    Secp256k1,
    /// RSA 1024, SHA-1: no library makes them any more.
    Sha1Rsa1024,
}

impl Identity {
    pub(super) fn stem(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::P521 => "p521",
            Self::RsaPss => "pss",
            Self::Ed448 => "ed448",
            Self::Secp256k1 => "k256",
            Self::Sha1Rsa1024 => "old",
        }
    }

    /// The certificate, to be trusted.
    pub(super) fn root(self) -> Vec<u8> {
        let folder = identities().expect("a server was started with it");
        let path = folder.join(self.stem()).with_extension("pem");
        CertificateDer::from_pem_file(path)
            .expect("a certificate")
            .to_vec()
    }
}

pub(super) struct OpensslServer {
    pub(super) port: u16,
    pub(super) process: Child,
}

impl OpensslServer {
    /// `None`, and says so, where there is no OpenSSL 3.
    pub(super) fn start(identity: Identity, options: &[&str]) -> Option<Self> {
        let stem = identities()?.join(identity.stem());
        let port = free_port();
        let process = Command::new("openssl")
            .args(["s_server", "-quiet", "-www", "-accept"])
            .arg(format!("127.0.0.1:{port}"))
            .arg("-cert")
            .arg(stem.with_extension("pem"))
            .arg("-key")
            .arg(stem.with_extension("key"))
            .args(if matches!(identity, Identity::Sha1Rsa1024) {
                &["-cipher", EVERYTHING][..]
            } else {
                &[]
            })
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let server = Self { port, process };
        let begun = Instant::now();
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "openssl s_server {options:?} does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }
}

impl Drop for OpensslServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The folder with the certificates, made once.
pub(super) fn identities() -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<TempDir>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let version = Command::new("openssl").arg("version").output();
        if !version.is_ok_and(|output| output.stdout.starts_with(b"OpenSSL 3")) {
            return None;
        }
        let folder = TempDir::new().expect("a folder");
        for (stem, key, option) in [
            ("rsa", "rsa:2048", ""),
            ("old", "rsa:1024", ""),
            ("p521", "ec", "ec_paramgen_curve:P-521"),
            ("pss", "rsa-pss", "rsa_keygen_bits:2048"),
            ("ed448", "ed448", ""),
            ("k256", "ec", "ec_paramgen_curve:secp256k1"),
        ] {
            let hash = if stem == "old" { "-sha1" } else { "-sha256" };
            let option = Some(option).filter(|option| !option.is_empty());
            let made = Command::new("openssl")
                .current_dir(folder.path())
                .args(["req", "-x509", "-nodes", "-days", "300", "-newkey", key])
                .arg(hash)
                .args(option.iter().flat_map(|option| ["-pkeyopt", option]))
                .args(["-keyout", &format!("{stem}.key")])
                .args(["-out", &format!("{stem}.pem")])
                .args(["-subj", &format!("/CN={NAME}")])
                .args(["-addext", &format!("subjectAltName=DNS:{NAME}")])
                .output()
                .expect("openssl starts");
            assert!(made.status.success(), "{}", made.stderr.escape_ascii());
        }
        Some(folder)
    });
    if folder.is_none() {
        assert!(
            env::var_os("EXCHPORTS_REQUIRE_DAEMONS").is_none_or(|it| it != "1"),
            "EXCHPORTS_REQUIRE_DAEMONS is set, but there is no OpenSSL 3"
        );
        say_skipped();
    }
    folder.as_ref().map(|folder| folder.path().to_owned())
}

pub(super) fn say_skipped() {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(io::stderr(), "SKIPPED {test}: there is no OpenSSL 3 here");
}

pub(super) fn free_port() -> u16 {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// What is said in clear before TLS: the greeting, where there is one, then an answer to each request.
#[derive(Clone, Copy)]
pub(super) struct Preamble {
    pub(super) greeting: &'static [u8],
    pub(super) answers: &'static [&'static [u8]],
    /// The answer to a request that asks for TLS alone, of RDP.
    pub(super) without_nla: Option<&'static [u8]>,
}

pub(super) const SMTP: Preamble = Preamble {
    greeting: b"220 EX01.example.test Microsoft ESMTP MAIL Service ready\r\n",
    answers: &[
        b"250-EX01.example.test Hello\r\n250-SIZE 37748736\r\n250 STARTTLS\r\n",
        b"220 2.0.0 SMTP server ready\r\n",
    ],
    without_nla: None,
};
pub(super) const IMAP: Preamble = Preamble {
    greeting: b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n",
    answers: &[
        b"* CAPABILITY IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS\r\nA1 OK CAPABILITY completed.\r\n",
        b"A2 OK Begin TLS negotiation now.\r\n",
    ],
    without_nla: None,
};
pub(super) const POP3: Preamble = Preamble {
    greeting: b"+OK The Microsoft Exchange POP3 service is ready.\r\n",
    answers: &[
        b"+OK\r\nTOP\r\nUIDL\r\nSTLS\r\n.\r\n",
        b"+OK Begin TLS negotiation.\r\n",
    ],
    without_nla: None,
};
pub(super) const LDAP: Preamble = Preamble {
    greeting: b"",
    answers: &[
        b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
        b"\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00",
    ],
    without_nla: None,
};
pub(super) const RDP: Preamble = Preamble {
    greeting: b"",
    answers: &[b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0"],
    without_nla: Some(b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x01\0\0\0"),
};
pub(super) const RDP_NLA: Preamble = Preamble {
    without_nla: Some(b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x03\0\x08\0\x05\0\0\0"),
    ..RDP
};

/// Speaks a preamble, then carries bytes to and from a TLS server.
pub(super) struct Relay {
    pub(super) port: u16,
    pub(super) count: Arc<AtomicUsize>,
}

impl Relay {
    pub(super) async fn start(preamble: Preamble, to: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(relay(client, preamble, to));
            }
        });
        Self { port, count }
    }

    pub(super) fn connections(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

pub(super) async fn relay(mut client: TcpStream, preamble: Preamble, to: u16) -> io::Result<()> {
    client.write_all(preamble.greeting).await?;
    let mut request = [0; 4096];
    for answer in preamble.answers {
        let count = client.read(&mut request).await?;
        if let Some(refusal) = preamble.without_nla
            && request[..count].ends_with(b"\x01\0\x08\0\x01\0\0\0")
        {
            return client.write_all(refusal).await;
        }
        client.write_all(answer).await?;
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// What is done once a `ClientHello` has come.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Bytes(Vec<u8>),
    Close,
    Reset,
    Silence,
    /// The beginning of a flight, a byte each 50 ms.
    Trickle,
}

/// Answers every first word with the same.
pub(super) struct Canned {
    pub(super) port: u16,
    pub(super) count: Arc<AtomicUsize>,
}

impl Canned {
    pub(super) async fn start(answer: impl Fn(&[u8]) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let mut hello = [0; 4096];
                let length = client.read(&mut hello).await.unwrap_or_default();
                let reply = answer(&hello[..length]);
                tokio::spawn(give(client, reply));
            }
        });
        Self { port, count }
    }

    pub(super) fn connections(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

pub(super) async fn give(mut client: TcpStream, reply: Reply) {
    let mut rest = Vec::new();
    match reply {
        Reply::Close => {}
        Reply::Reset => {
            let socket = socket2::SockRef::from(&client);
            socket.set_linger(Some(Duration::ZERO)).expect("lingers");
        }
        Reply::Bytes(bytes) => {
            let _ = client.write_all(&bytes).await;
            let _ = client.read_to_end(&mut rest).await;
        }
        Reply::Silence => {
            let _ = client.read_to_end(&mut rest).await;
        }
        Reply::Trickle => {
            for byte in b"\x16\x03\x03\x40\x00".iter().chain([0; 500].iter()) {
                if client.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

pub(super) fn alert(number: u8) -> Vec<u8> {
    vec![21, 3, 3, 0, 2, 2, number]
}

/// Whether a `ClientHello` has that suite in its list.
pub(super) fn offers(hello: &[u8], suite: [u8; 2]) -> bool {
    // after record and message headers, version and random: the session, then the suites
    let session = usize::from(hello[43]);
    let at = 44 + session;
    let length = usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    hello[at + 2..at + 2 + length]
        .chunks(2)
        .any(|offered| offered == suite)
}

/// Who answers as Windows Server 2012 R2 does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Author {
    /// The holder of the key.
    Itself,
    /// Somebody who has heard what it signed for another client.
    Parrot,
    /// Somebody who leaves the signature out.
    Unsigned,
    /// Somebody who shows no certificate.
    Bare,
    /// Somebody who chooses a suite that nobody offered.
    OfAnotherSuite,
    /// Somebody who chooses a version that nobody offered.
    OfAnotherVersion,
    /// Somebody who stops before `ServerHelloDone`.
    Unfinished,
}

/// `ServerHello`, `Certificate`, `ServerKeyExchange` and `ServerHelloDone` in one record, as Schannel sends them.
pub(super) fn flight_2012(asked: &[u8], author: Author) -> Vec<u8> {
    const RANDOM: [u8; 32] = [0x51; 32];
    let message = |kind: u8, body: &[u8]| [&[kind], &length(body, 3)[..], body].concat();
    let (suite, extensions) = match author {
        Author::OfAnotherSuite => (b"\x00\x00", &b"\x00\x05\xff\x01\x00\x01\x00"[..]),
        Author::OfAnotherVersion => (b"\x13\x01", &b"\x00\x06\x00\x2b\x00\x02\x03\x04"[..]),
        _ => (b"\xc0\x28", &b"\x00\x05\xff\x01\x00\x01\x00"[..]),
    };
    let hello = [
        b"\x03\x03".as_slice(),
        &RANDOM,
        b"\x20",
        &[0x07; 32],
        suite,
        b"\x00",
        extensions,
    ]
    .concat();
    let leaf = fixture_certificate();
    let entry = [&length(&leaf, 3)[..], &leaf].concat();
    let chain = [&length(&entry, 3)[..], &entry].concat();
    let parameters = [b"\x03\x00\x18\x61\x04".as_slice(), &[9; 96]].concat();
    let heard: &[u8] = match author {
        Author::Parrot => &[1; 32],
        _ => &asked[11..43],
    };
    let signature = sign(&[heard, &RANDOM, &parameters].concat());
    let key = [
        parameters.as_slice(),
        b"\x04\x01",
        &length(&signature, 2),
        &signature,
    ]
    .concat();
    let mut messages = message(2, &hello);
    if !matches!(author, Author::Bare) {
        messages.extend(message(11, &chain));
    }
    if !matches!(author, Author::Unsigned) {
        messages.extend(message(12, &key));
    }
    if !matches!(author, Author::Unfinished) {
        messages.extend(message(14, b""));
    }
    [b"\x16\x03\x03".as_slice(), &length(&messages, 2), &messages].concat()
}

pub(super) fn fixture(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/certificates");
    PathBuf::from(folder).join(name)
}

pub(super) fn fixture_certificate() -> Vec<u8> {
    CertificateDer::from_pem_file(fixture("rsa-leaf.pem"))
        .expect("a certificate")
        .to_vec()
}

/// With PKCS #1 and SHA-256.
pub(super) fn sign(message: &[u8]) -> Vec<u8> {
    let key = PrivateKeyDer::from_pem_file(fixture("rsa-leaf-key.pem")).expect("a key");
    any_supported_type(&key)
        .expect("RSA")
        .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])
        .expect("it signs so")
        .sign(message)
        .expect("signed")
}

/// How many bytes there are, in so many bytes.
pub(super) fn length(bytes: &[u8], width: usize) -> Vec<u8> {
    bytes.len().to_be_bytes()[8 - width..].to_vec()
}
