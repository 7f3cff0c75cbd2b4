//! The server itself: ports, arguments, its end, its patience.

use std::net::Ipv6Addr;

use tokio::net::TcpStream;

use exchports::catalog::{Role, SERVICES, ServiceId};
use exchports::simulate::{Authority, Ports, Settings, SimulateError, start};

use super::{
    IMAP_GREETING, POP3_GREETING, assert_heard, dial, healthy, hear_all,
    hear_all_on_a_paused_clock, hear_line, playing, say, trusting, with,
};
use ServiceId::{Https, Imap, Ldap, Ldaps, Pop3, Rdp, Smtp};

#[tokio::test]
async fn check_gets_every_argument_it_needs() {
    let server = healthy().await;
    assert_eq!(server.target(), "mail.example.test");
    assert_eq!(
        std::fs::read_to_string(server.ca_file().unwrap()).unwrap(),
        server.ca_pem()
    );
    let ids: Vec<ServiceId> = server.endpoints().iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, SERVICES.each_ref().map(|row| row.id));
    let mut expected = vec![
        "mail.example.test".to_owned(),
        "--address".to_owned(),
        "127.0.0.1".to_owned(),
        "--ca-file".to_owned(),
        server.ca_file().unwrap().to_str().unwrap().to_owned(),
        "--role".to_owned(),
        "any".to_owned(),
    ];
    for (service, endpoint) in server.endpoints() {
        assert!(endpoint.ip().is_loopback());
        expected.push("--map".to_owned());
        expected.push(format!("{service}={}", endpoint.port()));
    }
    assert_eq!(server.check_arguments(), expected);
}

#[tokio::test]
async fn a_role_serves_its_columns_and_refuses_the_rest() {
    let server = playing(Role::Published).await;
    for (service, endpoint) in server.endpoints() {
        let reached = TcpStream::connect(endpoint).await;
        let closed = [Ldap, Ldaps, Rdp].contains(service);
        assert_eq!(reached.is_err(), closed, "{service}");
        assert_eq!(server.listens(*service), !closed, "{service}");
    }
    let arguments = server.check_arguments().join(" ");
    assert!(arguments.contains(" --role published "), "{arguments}");
    assert!(arguments.contains(" --map rdp="), "{arguments}");
}

#[tokio::test]
async fn stop_frees_the_ports_and_takes_the_ca_file_away() {
    let server = healthy().await;
    let file = server.ca_file().unwrap().to_owned();
    let endpoints = server.endpoints().to_vec();
    let mut tcp = dial(&server, Smtp).await;
    hear_line(&mut tcp).await;
    server.stop().await;
    assert!(!file.exists());
    for (service, endpoint) in endpoints {
        assert!(TcpStream::connect(endpoint).await.is_err(), "{service}");
    }
}

#[tokio::test]
async fn an_authority_in_memory_is_in_no_file() {
    let settings = Settings {
        authority: Authority::Memory,
        ..Settings::default()
    };
    let server = start(settings).await.unwrap();
    assert!(server.ca_file().is_none());
    assert!(server.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    let arguments = server.check_arguments().join(" ");
    assert!(!arguments.contains("--ca-file"), "{arguments}");
}

#[tokio::test]
async fn ports_can_be_chosen_and_what_cannot_be_had_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let settings = Settings {
        port_map: vec![(Imap, 1), (Imap, port)],
        ..Settings::default()
    };
    let error = start(settings.clone()).await.unwrap_err();
    assert!(matches!(error, SimulateError::Bind { service: Imap, .. }));
    assert!(
        error
            .to_string()
            .starts_with(&format!("imap cannot listen on 127.0.0.1:{port}: ")),
        "{error}"
    );
    drop(taken);
    let server = start(settings).await.unwrap();
    assert_eq!(server.endpoint(Imap).unwrap().port(), port);
    drop(server);

    let error = |ports, port_map| async move {
        let settings = Settings {
            ports,
            port_map,
            ..Settings::default()
        };
        start(settings).await.unwrap_err().to_string()
    };
    assert_eq!(
        error(Ports::Base(65_000), vec![]).await,
        "base port 65000 is too high: rdp would listen on 65000 + 3389 (the highest base is 62146)"
    );
    assert_eq!(
        error(Ports::Ephemeral, vec![(Smtp, 7025), (Rdp, 7025)]).await,
        "smtp and rdp cannot both listen on port 7025"
    );
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
async fn it_listens_on_ipv6_when_asked() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no ::1");
        return;
    }
    let server = start(Settings {
        address: Ipv6Addr::LOCALHOST.into(),
        ..Settings::default()
    })
    .await
    .unwrap();
    let mut tcp = dial(&server, Smtp).await;
    hear_line(&mut tcp).await;
    say(&mut tcp, b"HELO me\r\n").await;
    assert_heard(&mut tcp, "250 EX01.corp.example.test Hello [::1]\r\n").await;
    let mut tls = trusting(&server, dial(&server, Https).await).await.unwrap();
    say(&mut tls, b"GET / HTTP/1.0\r\n\r\n").await;
    let answer = String::from_utf8(hear_all(&mut tls).await).unwrap();
    assert!(
        answer.contains("\r\nLocation: https://[::1]/owa/\r\n"),
        "{answer}"
    );
    assert!(
        server
            .check_arguments()
            .join(" ")
            .contains(" --address ::1 ")
    );
}

#[tokio::test]
async fn a_client_that_says_nothing_is_told_so_after_a_minute() {
    let server = healthy().await;
    for (service, greeting, last) in [
        (Imap, IMAP_GREETING, "* BYE Connection is closed. 11\r\n"),
        (Pop3, POP3_GREETING, "-ERR Connection is closed. 10\r\n"),
    ] {
        let mut tcp = dial(&server, service).await;
        assert_heard(&mut tcp, greeting).await;
        let (heard, waited) = hear_all_on_a_paused_clock(tcp).await;
        assert_eq!(String::from_utf8_lossy(&heard), last);
        // Its minute began a little before ours; and it listens for two seconds after its goodbye.
        assert!((59..=62).contains(&waited.as_secs()), "{waited:?}");
    }
}

#[tokio::test]
async fn no_conversation_lasts_longer_than_ten_minutes() {
    let server = with(&["silent"]).await;
    let tcp = dial(&server, Smtp).await;
    let (heard, waited) = hear_all_on_a_paused_clock(tcp).await;
    assert_eq!(heard, b"");
    assert!((599..=602).contains(&waited.as_secs()), "{waited:?}");
}
