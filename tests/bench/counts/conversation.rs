//! A whole check over a stream in memory, in clear, with a peer that says its lines in turn.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;

use exchports::catalog::{ServiceId, service};
use exchports::net::{Bounds, Dial, Halt, Record, Roots, Session, TlsAsk};
use exchports::observation::{Failure, Stage, State};
use exchports::plan::{Audit, Depth, Host, Limits, Stores, Transcripts, Trust};
use exchports::probe::{Ask, probe};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// What is asked of a peer, and what it says: first of itself, if it does, then to each command.
pub(crate) struct Conversation {
    ask: Ask,
    lines: &'static [&'static [u8]],
    tls: Arc<TlsAsk>,
    runtime: Runtime,
}

impl Conversation {
    pub(crate) fn smtp() -> Self {
        Self::new(
            ServiceId::Smtp,
            &[
                b"220 mail.example.com Microsoft ESMTP MAIL Service ready\r\n",
                b"250-mail.example.com Hello [192.0.2.10]\r\n250-SIZE 37748736\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
                b"221 2.0.0 Service closing transmission channel\r\n",
            ],
        )
    }

    pub(crate) fn http() -> Self {
        Self::new(
            ServiceId::Http,
            &[
                b"",
                b"HTTP/1.1 302 Found\r\nLocation: https://mail.example.com/owa/\r\nServer: Microsoft-IIS/10.0\r\nX-FEServer: MAIL01\r\nContent-Length: 0\r\n\r\n",
            ],
        )
    }

    fn new(id: ServiceId, lines: &'static [&'static [u8]]) -> Self {
        let service = service(id);
        let host = Host::Name("mail.example.com".to_owned());
        let trust = Trust {
            stores: Stores::Public,
            ..Trust::default()
        };
        Self {
            ask: Ask {
                service,
                port: service.port,
                host: host.clone(),
                ehlo_name: None,
                depth: Depth::Full,
                audit: Audit::No,
                transcripts: Transcripts::Dropped,
            },
            lines,
            tls: Arc::new(TlsAsk {
                host,
                identity: None,
                roots: Arc::new(Roots::new(&trust).expect("no file to read")),
            }),
            runtime: Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime"),
        }
    }

    pub(crate) fn rounds(self) -> Box<dyn FnMut()> {
        Box::new(move || {
            let seen = self.runtime.block_on(probe(&self, &self.ask));
            assert!(seen.peer.is_some(), "{seen:?}");
            drop(black_box(seen));
        })
    }
}

impl Dial for Conversation {
    type Stream = DuplexStream;

    async fn dial<'a>(
        &'a self,
        record: &'a mut Record,
    ) -> Result<Session<'a, DuplexStream>, Failure> {
        record.enter(Stage::Connect);
        let (ours, theirs) = duplex(64 * 1024);
        tokio::spawn(say(theirs, self.lines));
        let [address, local] = [
            SocketAddr::from(([192, 0, 2, 25], 25)),
            ([192, 0, 2, 10], 50_000).into(),
        ];
        record.connected(Some(State::Open), Some(address), Some(local), Vec::new());
        let limits = Limits::default();
        let bounds = Bounds {
            limits,
            until: Instant::now() + limits.check,
            deadline: None,
            halt: Halt::never(),
        };
        Ok(Session::new(ours, record, bounds, Arc::clone(&self.tls)))
    }
}

async fn say(mut stream: DuplexStream, lines: &[&[u8]]) {
    let mut heard = [0; 1024];
    for line in lines {
        if stream.write_all(line).await.is_err()
            || !matches!(stream.read(&mut heard).await, Ok(1..))
        {
            return;
        }
    }
}
