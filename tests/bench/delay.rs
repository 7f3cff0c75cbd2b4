//! A path that takes time, in user space: a relay that passes on what it hears so much later, in both directions.
//!
//! It needs no rights and no kernel module, so that a delay is the same on every machine. What it cannot delay is the
//! handshake of TCP, which the kernel answers at once: the server learns of a connection one and a half ways later than it
//! would, and nothing reaches it before that. So a client's first answer comes when it would come over a path of that
//! length. Acknowledgements are not delayed, so what Nagle's algorithm and delayed acknowledgements cost over a long path
//! does not show here.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

/// Begins to relay from `listen` (port 0 picks one) to `upstream`, each direction later by `one_way`, and returns where
/// it listens. It ends with the process.
pub(crate) fn relay(
    listen: SocketAddr,
    upstream: SocketAddr,
    one_way: Duration,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || connection(client, upstream, one_way));
        }
    });
    Ok(address)
}

/// What one end said, and when the other is to hear it.
enum Word {
    Bytes(Vec<u8>),
    End,
    Reset,
}

type Due = (Instant, Word);

fn connection(client: TcpStream, upstream: SocketAddr, one_way: Duration) {
    // When a client at the other end of such a path would know that it is connected.
    let connected = Instant::now() + 2 * one_way;
    let client = Arc::new(client);
    let (to_server, for_server) = mpsc::channel();
    let (to_client, for_client) = mpsc::channel();
    prepare(&client);
    let reader = Arc::clone(&client);
    thread::spawn(move || listen(&reader, &to_server, connected, one_way));
    let writer = Arc::clone(&client);
    thread::spawn(move || say(&writer, &for_client));
    drop(client);

    sleep_until(connected + one_way);
    let Ok(server) = TcpStream::connect(upstream) else {
        let _ = to_client.send((Instant::now(), Word::Reset));
        return;
    };
    let server = Arc::new(server);
    prepare(&server);
    let reader = Arc::clone(&server);
    thread::spawn(move || listen(&reader, &to_client, connected, one_way));
    say(&server, &for_server);
}

fn prepare(stream: &TcpStream) {
    // It passes on what it hears as it comes.
    let _ = stream.set_nodelay(true);
    acknowledge(stream);
}

/// Nobody is to wait for this end's acknowledgement; the system forgets it after a while.
fn acknowledge(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    let _ = SockRef::from(stream).set_tcp_quickack(true);
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

fn listen(mut stream: &TcpStream, to: &Sender<Due>, connected: Instant, one_way: Duration) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let word = match stream.read(&mut buffer) {
            Ok(0) => Word::End,
            Ok(count) => Word::Bytes(buffer[..count].to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => Word::Reset,
        };
        acknowledge(stream);
        let is_last = !matches!(word, Word::Bytes(_));
        let said = Instant::now().max(connected);
        if to.send((said + one_way, word)).is_err() || is_last {
            return;
        }
    }
}

fn say(mut stream: &TcpStream, heard: &Receiver<Due>) {
    while let Ok((due, word)) = heard.recv() {
        sleep_until(due);
        match word {
            Word::Bytes(bytes) => {
                if stream.write_all(&bytes).is_err() {
                    // Its reader tells the other end.
                    return;
                }
            }
            Word::End => {
                let _ = stream.shutdown(Shutdown::Write);
                return;
            }
            Word::Reset => {
                // A connection closed so ends in a reset, as soon as its reader has let go of it as well.
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                let _ = stream.shutdown(Shutdown::Read);
                return;
            }
        }
    }
}

fn sleep_until(moment: Instant) {
    thread::sleep(moment.saturating_duration_since(Instant::now()));
}
