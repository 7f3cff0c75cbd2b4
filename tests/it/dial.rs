//! Dialling real sockets on loopback, and looking names up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use exchports::net::Interruption;
use exchports::net::{
    Bounds, Dial, Halt, Halter, Record, Roots, SocketLimits, TcpDial, TlsAsk, resolve,
};
use exchports::observation::{Cause, Observation, Stage, State};
use exchports::plan::{Endpoint, Families, Host, Limits, Reach, Stores, Transcripts, Trust};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// How long a dial is given where it is to fail.
const PATIENCE: Duration = Duration::from_millis(600);

/// Until a second address is tried beside the first (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// What a loaded machine may add.
const SLACK: Duration = Duration::from_millis(1500);

/// Windows says "refused" only after three attempts, about two seconds.
const REFUSAL: Duration = Duration::from_millis(if cfg!(windows) { 4000 } else { 600 });

// one address

#[tokio::test]
async fn an_open_port_is_open() {
    let (address, _listener) = open().await;
    let seen = dial(Dialled::to(&[address])).await;
    assert_eq!(seen.failure, None);
    assert_eq!(seen.state, Some(State::Open));
    assert_eq!(seen.address, Some(address));
    let local = seen.local_address.expect("our own end is known");
    assert_eq!(local.ip(), address.ip());
    assert_eq!(seen.attempts, []);
    let stages: Vec<Stage> = seen.steps.iter().map(|step| step.stage).collect();
    assert_eq!(stages, [Stage::Connect]);
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let address = closed();
    let dialled = Dialled::to(&[address]).patience(REFUSAL);
    let seen = dial(dialled).await;
    assert_failed(&seen, State::Closed, Cause::Refused);
    assert_eq!(seen.address, Some(address));
    let detail = seen.failure.and_then(|failure| failure.detail);
    assert!(!detail.unwrap_or_default().is_empty(), "the system's words");
}

#[tokio::test]
async fn a_filtered_port_costs_the_connect_timeout_and_no_more() {
    let filtered = Filtered::new();
    let begun = Instant::now();
    let seen = dial(Dialled::to(&[filtered.address])).await;
    assert_failed(&seen, State::Filtered, Cause::Filtered);
    assert_took(begun, PATIENCE, SLACK);
}

#[tokio::test]
async fn no_address_at_all_is_said() {
    let seen = dial(Dialled::to(&[])).await;
    assert_eq!(cause(&seen), Some(Cause::NameWithoutAddress));

    // No more has a name that nobody between here and there looks up.
    let mut dialled = Dialled::to(&[]);
    dialled.endpoints = vec![Endpoint::Name("mail.example.test".to_owned(), 25)];
    let seen = dial(dialled).await;
    assert_eq!(
        (cause(&seen), seen.state),
        (Some(Cause::NameWithoutAddress), None)
    );
    assert_eq!(seen.state, None);
}

#[tokio::test]
async fn a_source_that_is_not_ours_is_named_as_the_cause() {
    let (address, _listener) = open().await;
    for source in [
        IpAddr::from([192, 0, 2, 1]),
        // The other family.
        IpAddr::from(Ipv6Addr::LOCALHOST),
    ] {
        let seen = dial(Dialled::to(&[address]).from(source)).await;
        assert_failed(&seen, State::Blocked, Cause::SourceUnusable);
    }
    let seen = dial(Dialled::to(&[address]).from(IpAddr::from(Ipv4Addr::LOCALHOST))).await;
    assert_eq!(seen.failure, None);
}

#[tokio::test]
async fn without_ipv6_the_family_is_missing_here_and_nothing_is_called_unreachable() {
    // RFC 3849's example network: nobody answers there.
    let address: SocketAddr = "[2001:db8::1]:25".parse().expect("an address");
    let seen = dial(Dialled::to(&[address])).await;
    let has_way = UdpSocket::bind("[::]:0").is_ok_and(|socket| socket.connect(address).is_ok());
    if has_way {
        // This machine has a route: all that can be said is that nobody answered.
        let state = seen.state.expect("it was attempted");
        assert!(
            matches!(state, State::Filtered | State::Unreachable),
            "{state:?}"
        );
    } else {
        let has_ipv4 =
            UdpSocket::bind("0.0.0.0:0").is_ok_and(|socket| socket.connect("192.0.2.1:25").is_ok());
        let cause = if has_ipv4 {
            Cause::NoFamilyHere
        } else {
            Cause::NoNetwork
        };
        assert_failed(&seen, State::Blocked, cause);
    }
}

// races

#[tokio::test]
async fn a_second_address_is_tried_beside_a_filtered_one() {
    let filtered = Filtered::new();
    let (address, _listener) = open().await;
    let begun = Instant::now();
    let seen =
        dial(Dialled::to(&[filtered.address, address]).patience(Duration::from_secs(5))).await;
    assert_eq!(seen.failure, None);
    assert_eq!(
        (seen.state, seen.address),
        (Some(State::Open), Some(address))
    );
    assert_took(begun, STAGGER, SLACK);
    let attempts: Vec<_> = seen
        .attempts
        .iter()
        .map(|attempt| (attempt.address, attempt.state))
        .collect();
    assert_eq!(
        attempts,
        [(filtered.address, None), (address, Some(State::Open))]
    );
}

#[tokio::test]
async fn a_second_address_is_tried_at_once_after_a_refusal() {
    let (address, _listener) = open().await;
    let refused = closed();
    // A loaded machine may be slow once; it is not slow every time.
    let mut quickest = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        let seen = dial(Dialled::to(&[refused, address]).patience(Duration::from_secs(5))).await;
        quickest = quickest.min(begun.elapsed());
        assert_eq!(seen.failure, None);
        assert_eq!(
            (seen.state, seen.address),
            (Some(State::Open), Some(address))
        );
        assert_eq!(seen.attempts[1].state, Some(State::Open));
    }
    // Windows says "refused" later than the second address is tried anyway.
    assert!(quickest < STAGGER || cfg!(windows), "{quickest:?}");
}

#[tokio::test]
async fn of_several_losses_an_answer_is_told_before_silence() {
    let filtered = Filtered::new();
    let refused = closed();
    let patience = REFUSAL + STAGGER;
    for addresses in [[filtered.address, refused], [refused, filtered.address]] {
        let seen = dial(Dialled::to(&addresses).patience(patience)).await;
        assert_failed(&seen, State::Closed, Cause::Refused);
        let states: Vec<_> = seen.attempts.iter().map(|attempt| attempt.state).collect();
        assert!(states.contains(&Some(State::Closed)), "{states:?}");
        // Windows, though not wine, refuses as well where a queue is full (KB 113576).
        if cfg!(not(windows)) {
            assert_eq!(seen.address, Some(refused));
            assert!(states.contains(&Some(State::Filtered)), "{states:?}");
        }
    }
}

#[tokio::test]
async fn a_race_that_nobody_wins_costs_one_connect_timeout() {
    let (one, two) = (Filtered::new(), Filtered::new());
    let begun = Instant::now();
    let seen = dial(Dialled::to(&[one.address, two.address])).await;
    assert_failed(&seen, State::Filtered, Cause::Filtered);
    assert_took(begun, PATIENCE, SLACK);
    assert_eq!(seen.attempts.len(), 2);
    for attempt in &seen.attempts {
        assert_eq!(attempt.state, Some(State::Filtered));
        assert!(attempt.took <= PATIENCE + SLACK, "{attempt:?}");
    }
}

#[tokio::test]
async fn addresses_whose_turn_never_came_are_not_called_filtered() {
    let filtered: Vec<Filtered> = (0..6).map(|_| Filtered::new()).collect();
    let addresses: Vec<SocketAddr> = filtered.iter().map(|filtered| filtered.address).collect();
    let begun = Instant::now();
    let seen = dial(Dialled::to(&addresses)).await;
    assert_failed(&seen, State::Filtered, Cause::Filtered);
    assert_took(begun, PATIENCE, SLACK);
    // One at the start, one a stagger: three within the patience.
    assert!(
        (1..=3).contains(&seen.attempts.len()),
        "{:?}",
        seen.attempts
    );
}

// ends

#[tokio::test]
async fn an_interrupt_and_a_deadline_end_a_dial() {
    let filtered = Filtered::new();
    let (halter, halt) = Halter::new();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        halter.halt();
    });
    let begun = Instant::now();
    let patience = Duration::from_secs(8);
    let dialled = Dialled::to(&[filtered.address]).patience(patience);
    let seen = dial(Dialled { halt, ..dialled }).await;
    assert_eq!(cause(&seen), Some(Cause::Interrupted));
    assert_took(begun, Duration::from_millis(50), SLACK);

    let begun = Instant::now();
    let deadline = Some(tokio::time::Instant::now() + Duration::from_millis(50));
    let dialled = Dialled::to(&[filtered.address]).patience(patience);
    let seen = dial(Dialled {
        deadline,
        ..dialled
    })
    .await;
    assert_eq!(cause(&seen), Some(Cause::Deadline));
    assert_took(begun, Duration::from_millis(50), SLACK);
}

#[tokio::test]
async fn an_interrupt_and_a_deadline_end_the_wait_for_a_socket() {
    let (address, _listener) = open().await;
    let sockets = SocketLimits::new(1, 1);
    let holder = Dialled::to(&[address]).through(&sockets).build();
    let mut record = Record::new(Transcripts::Dropped);
    let session = holder.dial(&mut record).await.expect("the first");

    let (halter, halt) = Halter::new();
    let waiting = Dialled {
        halt,
        ..Dialled::to(&[address]).through(&sockets)
    };
    let halting = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        halter.halt();
    };
    let (seen, ()) = tokio::join!(dial(waiting), halting);
    assert_eq!(cause(&seen), Some(Cause::Interrupted));
    assert_eq!(seen.state, None, "nothing was attempted");

    let deadline = Some(tokio::time::Instant::now() + Duration::from_millis(50));
    let waiting = Dialled {
        deadline,
        ..Dialled::to(&[address]).through(&sockets)
    };
    let seen = dial(waiting).await;
    assert_eq!(cause(&seen), Some(Cause::Deadline));
    assert_eq!(seen.state, None, "nothing was attempted");
    drop(session);
}

/// A peer can keep a client busy with what is never an answer: records of TLS that carry nothing.
#[tokio::test]
async fn work_without_end_is_ended_like_a_wait() {
    let busy = async || {
        loop {
            tokio::task::consume_budget().await;
        }
    };
    let short = Duration::from_millis(50);
    let (halter, halt) = Halter::new();
    for (patience, deadline, over) in [
        (short, None, Interruption::Patience),
        (SLACK, Some(short), Interruption::Deadline),
        (SLACK, None, Interruption::Interrupted),
    ] {
        let now = tokio::time::Instant::now();
        let mut bounds = Bounds {
            limits: Limits::default(),
            until: now + SLACK,
            deadline: deadline.map(|deadline| now + deadline),
            halt: halt.clone(),
        };
        let halting = async {
            if over == Interruption::Interrupted {
                tokio::time::sleep(short).await;
                halter.halt();
            }
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            biased;
            () = halting => unreachable!("it only says the word"),
            ended = tokio::time::timeout(2 * SLACK, bounds.bounded(patience, busy())) => ended,
        };
        assert_eq!(ended, Ok(Err::<(), _>(over)));
    }
}

// the sockets

#[tokio::test]
async fn never_more_sockets_than_allowed_are_in_flight() {
    for (total, per_address, most) in [(3, 24, 3), (256, 2, 2), (1, 1, 1), (0, 0, 1)] {
        let crowd = Crowd::gather().await;
        let sockets = SocketLimits::new(total, per_address);
        let held = Arc::new(AtomicUsize::new(0));
        let peak = Arc::new(AtomicUsize::new(0));
        let mut dials = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let dialled = Dialled::to(&[crowd.address]).through(&sockets).build();
            let (held, peak) = (Arc::clone(&held), Arc::clone(&peak));
            dials.spawn(async move {
                let mut record = Record::new(Transcripts::Dropped);
                let session = dialled.dial(&mut record).await.expect("a turn");
                peak.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(40)).await;
                held.fetch_sub(1, Ordering::SeqCst);
                drop(session);
            });
        }
        while let Some(ended) = dials.join_next().await {
            ended.expect("no panic");
        }
        crowd.has_seen(8).await;
        let peak = peak.load(Ordering::SeqCst);
        assert_eq!(peak, most, "total {total}, per address {per_address}");
    }
}

#[tokio::test]
async fn a_wait_for_a_busy_address_takes_no_place_from_others() {
    let (busy, _listener) = open().await;
    let (free, _other) = open().await;
    // The second address is another host's, as far as the sockets can tell.
    let free_there = SocketAddr::new(IpAddr::from([127, 0, 0, 2]), free.port());
    let listener = match TcpListener::bind(free_there).await {
        // macOS has only one address of 127/8.
        Err(_) if cfg!(target_os = "macos") => return,
        bound => bound.expect("127/8 is this machine's"),
    };
    let sockets = SocketLimits::new(2, 1);
    let holder = Dialled::to(&[busy]).through(&sockets).build();
    let mut record = Record::new(Transcripts::Dropped);
    let session = holder.dial(&mut record).await.expect("the first");
    let waiting = tokio::spawn(dial(Dialled::to(&[busy]).through(&sockets)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    let seen = dial(Dialled::to(&[listener.local_addr().expect("bound")]).through(&sockets)).await;
    assert_eq!(seen.failure, None);
    assert!(begun.elapsed() < SLACK);
    assert!(!waiting.is_finished());
    drop(session);
    drop(holder);
    assert_eq!(waiting.await.expect("no panic").failure, None);
}

/// Hosts that a firewall hides, or that accept and say nothing, keep no other waiting.
#[tokio::test]
async fn who_waits_for_its_peer_takes_no_place_from_others() {
    let limits = Limits {
        jobs: 1,
        patient: 1,
        ..Limits::default()
    };
    let (address, _listener) = open().await;
    let filtered = Filtered::new();
    let sockets = SocketLimits::of(&limits);
    let hidden = Dialled::to(&[filtered.address])
        .through(&sockets)
        .patience(4 * SLACK);
    let hidden = tokio::spawn(dial(hidden));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let seen = dial(Dialled::to(&[address]).through(&sockets)).await;
    assert_eq!(seen.failure, None);
    assert!(!hidden.is_finished());
    hidden.abort();

    let (mute, _listener) = open().await;
    let sockets = SocketLimits::of(&limits);
    let silent = Dialled::to(&[mute]).through(&sockets).build();
    let mut record = Record::new(Transcripts::Dropped);
    let mut session = silent.dial(&mut record).await.expect("it accepts");
    let heard = session.receive::<()>(|_| Ok(None));
    let other = dial(Dialled::to(&[address]).through(&sockets));
    tokio::select! {
        biased;
        heard = heard => panic!("nobody has spoken: {heard:?}"),
        seen = other => assert_eq!(seen.failure, None),
    }
}

#[tokio::test]
async fn with_one_socket_a_race_goes_on_one_after_the_other() {
    let filtered = Filtered::new();
    let (address, _listener) = open().await;
    let sockets = SocketLimits::new(1, 1);
    let begun = Instant::now();
    let seen = dial(Dialled::to(&[filtered.address, address]).through(&sockets)).await;
    assert_eq!(
        seen.failure, None,
        "the second address was asked in the end"
    );
    assert_eq!(seen.address, Some(address));
    assert_took(begun, PATIENCE, SLACK);
    assert_eq!(seen.attempts[0].state, Some(State::Filtered));
    assert_eq!(seen.attempts[1].state, Some(State::Open));
}

#[tokio::test]
async fn an_attempt_that_never_got_a_socket_is_not_called_filtered() {
    let (one, two) = (Filtered::new(), Filtered::new());
    let sockets = SocketLimits::new(1, 1);
    let begun = Instant::now();
    let mut dialled = Dialled::to(&[one.address, two.address]).through(&sockets);
    dialled.limits.check = PATIENCE / 2;
    dialled.limits.second_look = Duration::ZERO;
    let seen = dial(dialled).await;
    assert_failed(&seen, State::Filtered, Cause::Filtered);
    assert_eq!(seen.address, Some(one.address));
    assert_took(begun, PATIENCE / 2, SLACK);
    let states: Vec<_> = seen.attempts.iter().map(|attempt| attempt.state).collect();
    assert_eq!(states, [Some(State::Filtered), None]);
}

/// An audit dials again after a dial that failed; others may have taken its socket by then.
#[tokio::test]
async fn a_later_connection_waits_for_its_socket_no_longer_than_the_check_lasts() {
    let (address, listener) = open().await;
    let sockets = SocketLimits::new(1, 1);
    let mut dialled = Dialled::to(&[address]).through(&sockets).patience(REFUSAL);
    dialled.limits.check = 2 * REFUSAL;
    dialled.limits.second_look = Duration::ZERO;
    let (check, began) = (dialled.limits.check, Instant::now());
    let dialled = dialled.build();
    let mut record = Record::new(Transcripts::Dropped);
    drop(dialled.dial(&mut record).await.expect("the first"));
    drop(listener);
    let refused = dialled.dial(&mut record).await.expect_err("nobody listens");
    assert_eq!(refused.cause, Cause::Refused);

    let (other, _listener) = open().await;
    let holder = Dialled::to(&[other]).through(&sockets).build();
    let mut others = Record::new(Transcripts::Dropped);
    let session = holder.dial(&mut others).await.expect("the socket is free");
    let waited = tokio::time::timeout(check + SLACK, dialled.dial(&mut record)).await;
    let failure = waited.expect("it ends").expect_err("no turn");
    assert_eq!(failure.stage, Stage::Connect);
    assert!(!failure.cause.is_ours(), "{failure:?}");
    assert_took(began, check, SLACK);
    drop(session);
}

#[tokio::test]
async fn a_connection_for_which_there_is_no_time_is_no_defect_of_ours() {
    let (address, _listener) = open().await;
    let mut dialled = Dialled::to(&[address]);
    dialled.limits.check = Duration::from_millis(50);
    dialled.limits.second_look = Duration::ZERO;
    let dialled = dialled.build();
    let mut record = Record::new(Transcripts::Dropped);
    drop(dialled.dial(&mut record).await.expect("the first"));
    tokio::time::sleep(Duration::from_millis(60)).await;
    let failure = dialled.dial(&mut record).await.expect_err("it is over");
    assert_eq!(failure.cause, Cause::Filtered);
}

#[tokio::test]
async fn the_clock_of_a_check_starts_with_its_first_socket() {
    let (address, _listener) = open().await;
    let sockets = SocketLimits::new(1, 1);
    let wait = Duration::from_millis(400);
    let holder = Dialled::to(&[address]).through(&sockets).build();
    let (holds, held) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut record = Record::new(Transcripts::Dropped);
        let session = holder.dial(&mut record).await.expect("the first");
        holds.send(()).expect("somebody waits");
        tokio::time::sleep(wait).await;
        drop(session);
    });
    held.await.expect("it is held");

    let mut limits = Limits::for_check(Duration::from_millis(300), Duration::from_millis(300));
    limits.second_look = Duration::ZERO;
    limits.reply = Duration::from_millis(200);
    let late = Dialled {
        limits,
        ..Dialled::to(&[address]).through(&sockets)
    }
    .build();
    let mut late_record = Record::new(Transcripts::Dropped);
    let begun = Instant::now();
    let mut session = late.dial(&mut late_record).await.expect("a turn after all");
    assert_took(begun, wait, SLACK);
    let begun = Instant::now();
    let failure = session.receive::<()>(|_| Ok(None)).await;
    assert_eq!(failure.map_err(|failure| failure.cause), Err(Cause::Silent));
    assert_took(begun, Duration::from_millis(200), SLACK);
    drop(session);
    let steps = late_record.into_observation(None, None).steps;
    assert!(steps.iter().all(|step| step.took < wait), "{steps:?}");
}

/// The first connection leaves what is kept back for a second one, and that ends with the check.
#[tokio::test]
async fn each_connection_ends_when_its_part_of_the_check_is_over() {
    let (address, _listener) = open().await;
    let mut dialled = Dialled::to(&[address]);
    // A shorter check keeps nothing back for a second look.
    let first = Duration::from_secs(2);
    dialled.limits.check = first + SLACK;
    dialled.limits.second_look = SLACK;
    // No stage would end before.
    dialled.limits.reply = 4 * SLACK;
    let check = dialled.limits.check;
    let dialled = dialled.build();
    let mut record = Record::new(Transcripts::Dropped);
    let began = Instant::now();
    for ends in [first, check] {
        let mut session = dialled.dial(&mut record).await.expect("a connection");
        let failure = session.receive::<()>(|_| Ok(None)).await;
        assert_eq!(failure.map_err(|failure| failure.cause), Err(Cause::Silent));
        assert_took(began, ends, SLACK);
    }
}

#[tokio::test]
async fn a_second_dial_uses_the_same_right_and_goes_to_the_same_address() {
    let crowd = Crowd::gather().await;
    let refused = closed();
    let sockets = SocketLimits::new(1, 1);
    let dialled = Dialled::to(&[refused, crowd.address])
        .through(&sockets)
        .patience(REFUSAL)
        .build();
    let mut record = Record::new(Transcripts::Dropped);
    drop(dialled.dial(&mut record).await.expect("the first"));
    assert_eq!(record.address(), Some(crowd.address));
    let again = tokio::time::timeout(Duration::from_secs(5), dialled.dial(&mut record));
    drop(again.await.expect("no wait").expect("the second"));
    crowd.has_seen(2).await;
    let seen = record.into_observation(None, None);
    assert_eq!(seen.attempts.len(), 2, "of the first dial alone");
    let connections: Vec<u8> = seen.steps.iter().map(|step| step.connection).collect();
    assert_eq!(connections, [1, 2]);
    drop(dialled);
    // The right is given back with the check.
    let next = dial(Dialled::to(&[crowd.address]).through(&sockets)).await;
    assert_eq!(next.failure, None);
}

/// The check is over when its goodbye is said; its right to a socket when the connection is closed.
#[tokio::test]
async fn a_goodbye_keeps_its_right_to_a_socket_and_nobody_waiting() {
    let (address, listener) = open().await;
    let sockets = SocketLimits::new(1, 1);
    let dialled = Dialled::to(&[address]).through(&sockets).build();
    let mut record = Record::new(Transcripts::Dropped);
    let mut session = dialled.dial(&mut record).await.expect("a connection");
    let (mut server, _) = listener.accept().await.expect("our own end");
    session.take_leave(Some(b"QUIT\r\n")).await;
    drop(session);
    drop(dialled);

    // It is said before anybody goes on.
    let mut heard = [0; 6];
    server.read_exact(&mut heard).await.expect("a goodbye");
    assert_eq!(&heard, b"QUIT\r\n");
    let next = tokio::spawn(dial(Dialled::to(&[address]).through(&sockets)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!next.is_finished(), "two sockets where one is allowed");
    server.write_all(b"221 2.0.0 Bye\r\n").await.expect("open");
    drop(server);
    assert_eq!(next.await.expect("no panic").failure, None);
}

// names

#[tokio::test]
async fn localhost_has_an_address_and_a_literal_needs_no_lookup() {
    let found = look_up(&name("localhost"), Reach::default()).await;
    let addresses = found.addresses.expect("localhost");
    assert!(addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    assert!(!addresses.is_empty());
    assert!(found.took.is_some());

    let v4 = Reach {
        families: Families::V4,
        ..Reach::default()
    };
    let v4 = look_up(&name("localhost"), v4).await.addresses;
    assert_eq!(v4, Ok(vec![IpAddr::from(Ipv4Addr::LOCALHOST)]));

    for literal in ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"] {
        let address: IpAddr = literal.parse().expect("an address");
        let found = look_up(&Host::Address(address), Reach::default()).await;
        assert_eq!(found.addresses, Ok(vec![address]));
        assert_eq!(found.took, None);
    }
}

#[tokio::test]
async fn a_name_that_cannot_exist_is_not_found_or_nobody_is_there_to_ask() {
    // RFC 6761 §6.4: `invalid` never resolves. A name that no resolver can be asked for must not panic either.
    let endless = "a.".repeat(500);
    let nul = "mail\0.example.test";
    let mut hosts = vec!["no-such-name.invalid", endless.as_str(), nul];
    // To Windows an empty name is this machine (Microsoft, getaddrinfo); the command line lets none through.
    if cfg!(not(windows)) {
        hosts.push("");
    }
    for host in hosts {
        let found = look_up(&name(host), Reach::default()).await;
        let failure = found.addresses.expect_err("no addresses");
        assert_eq!(failure.stage, Stage::Resolve);
        assert!(
            matches!(
                failure.cause,
                Cause::NameNotFound | Cause::LookupFailed | Cause::NoNetwork
            ),
            "{host:?}: {failure:?}"
        );
        assert!(!failure.detail.unwrap_or_default().is_empty());
        assert!(found.took.is_some());
    }
}

async fn look_up(host: &Host, reach: Reach) -> exchports::net::Lookup {
    let patience = Duration::from_secs(5);
    resolve(host, reach, patience, None, &Halt::never()).await
}

fn name(host: &str) -> Host {
    Host::Name(host.to_owned())
}

// what is dialled, and how

struct Dialled {
    endpoints: Vec<Endpoint>,
    reach: Reach,
    limits: Limits,
    deadline: Option<tokio::time::Instant>,
    halt: Halt,
    sockets: Arc<SocketLimits>,
}

impl Dialled {
    fn to(addresses: &[SocketAddr]) -> Self {
        Self {
            endpoints: addresses.iter().copied().map(Endpoint::from).collect(),
            reach: Reach::default(),
            limits: Limits::for_check(Limits::CHECK, PATIENCE),
            deadline: None,
            halt: Halt::never(),
            sockets: SocketLimits::new(16, 16),
        }
    }

    fn from(mut self, source: IpAddr) -> Self {
        self.reach.source = Some(source);
        self
    }

    fn patience(mut self, connect: Duration) -> Self {
        self.limits.connect = connect;
        self
    }

    fn through(mut self, sockets: &Arc<SocketLimits>) -> Self {
        self.sockets = Arc::clone(sockets);
        self
    }

    fn build(self) -> TcpDial {
        TcpDial::new(
            self.endpoints,
            self.reach,
            self.limits,
            self.deadline,
            self.halt,
            self.sockets,
            asking(),
        )
    }
}

fn asking() -> Arc<TlsAsk> {
    let trust = Trust {
        stores: Stores::Public,
        ..Trust::default()
    };
    Arc::new(TlsAsk {
        host: name("mail.example.test"),
        identity: None,
        roots: Arc::new(Roots::new(&trust).expect("no files to read")),
    })
}

/// Dials once, and hangs up.
async fn dial(dialled: Dialled) -> Observation {
    let dial = dialled.build();
    let mut record = Record::new(Transcripts::Dropped);
    let dialled = tokio::time::timeout(10 * SLACK, dial.dial(&mut record)).await;
    let failure = dialled.expect("it ends").err();
    record.into_observation(failure, None)
}

fn cause(seen: &Observation) -> Option<Cause> {
    seen.failure.as_ref().map(|failure| failure.cause)
}

fn assert_failed(seen: &Observation, state: State, cause: Cause) {
    let failure = seen.failure.as_ref().expect("a failure");
    assert_eq!((failure.stage, failure.cause), (Stage::Connect, cause));
    assert_eq!(seen.state, Some(state));
}

/// Not less than the first, which the clocks may cut a little, and not more than both.
fn assert_took(begun: Instant, least: Duration, slack: Duration) {
    let took = begun.elapsed();
    let least_measured = least.saturating_sub(Duration::from_millis(20));
    assert!(
        (least_measured..least + slack).contains(&took),
        "took {took:?}, should be {least:?} and at most {slack:?} more"
    );
}

// peers

async fn open() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    (listener.local_addr().expect("its address"), listener)
}

fn closed() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address")
}

/// A port that answers nobody: its queue is full.
pub(crate) struct Filtered {
    pub(crate) address: SocketAddr,
    _listener: Socket,
    _queue: Vec<Socket>,
}

impl Filtered {
    fn new() -> Self {
        Self::at("127.0.0.1:0".parse().expect("an address"))
    }

    /// The same there.
    pub(crate) fn at(any: SocketAddr) -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        listener.bind(&any.into()).expect("a port");
        listener.listen(0).expect("listening");
        let address = listener
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket())
            .expect("its address");
        let queue = (0..4)
            .map(|_| {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
                socket.set_nonblocking(true).expect("a mode");
                // In progress, done or not taken: none of it matters.
                let _ = socket.connect(&address.into());
                socket
            })
            .collect();
        Self {
            address,
            _listener: listener,
            _queue: queue,
        }
    }
}

/// A server that holds every connection until its client hangs up, and counts.
struct Crowd {
    address: SocketAddr,
    ever: Arc<AtomicUsize>,
}

impl Crowd {
    async fn gather() -> Self {
        let (address, listener) = open().await;
        let ever = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&ever);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counting.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move { stream.read(&mut [0; 1]).await });
            }
        });
        Self { address, ever }
    }

    async fn has_seen(&self, count: usize) {
        for _ in 0..200 {
            if self.ever.load(Ordering::SeqCst) == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{} came, not {count}", self.ever.load(Ordering::SeqCst));
    }
}
