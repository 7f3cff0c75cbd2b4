//! Faults that several protocols can have.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use exchports::catalog::ServiceId;
use exchports::finding::Code;
use exchports::simulate::{FAULTS, Fault, Staged};

use super::{
    ASK_RDP, IMAP_GREETING, POP3_GREETING, assert_ended, assert_greeting, assert_heard,
    assert_root_dse, dial, hear, hear_all, hear_line, hear_until, ldap_message, say, trusting,
    with,
};
use ServiceId::{
    Http, Https, Imap, Imaps, Ldap, Ldaps, Pop3, Pop3s, Rdp, Smtp, Submission, Submissions,
};

#[test]
fn a_fault_bears_the_word_of_a_code() {
    for row in FAULTS {
        let code = Code::from_word(row.name);
        assert!(
            code.is_some_and(|code| code.as_str() == row.name),
            "{}",
            row.name
        );
    }
}

/// As `HAProxy` with `accept-proxy`.
#[tokio::test]
async fn who_waits_for_a_header_serves_whoever_brings_one() {
    let server = with(&["proxy-header-missing"]).await;
    for (service, words) in [(Imap, IMAP_GREETING), (Pop3, POP3_GREETING)] {
        let mut tcp = dial(&server, service).await;
        say(&mut tcp, b"PROXY TCP4 192.0.2.1 192.0.2.2 1025 143\r\n").await;
        assert_heard(&mut tcp, words).await;
    }
    let mut tcp = dial(&server, Https).await;
    say(&mut tcp, b"PROXY UNKNOWN\r\n").await;
    assert!(trusting(&server, tcp).await.is_ok());
    for words in ["EHLO me\r\n", "PROXIMA\r\n", "\x16\x03\x01"] {
        let mut tcp = dial(&server, Smtp).await;
        say(&mut tcp, words.as_bytes()).await;
        assert_ended(&mut tcp).await;
    }
}

#[tokio::test]
async fn refused_closed_and_silent_show_on_every_port() {
    let server = with(&["refused"]).await;
    for (service, address) in server.endpoints() {
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{service}");
        assert!(!server.listens(*service));
    }
    let server = with(&["closed-early"]).await;
    for (service, _) in server.endpoints() {
        let mut tcp = dial(&server, *service).await;
        // Even when the client has spoken first.
        say(&mut tcp, b"\x16\x03\x01").await;
        assert_eq!(hear_all(&mut tcp).await, b"", "{service}");
    }
    let server = with(&["silent"]).await;
    for (service, _) in server.endpoints() {
        let mut tcp = dial(&server, *service).await;
        say(&mut tcp, b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        // It does not even end before we do; then nothing but a FIN comes back.
        tcp.shutdown().await.unwrap();
        assert_eq!(hear_all(&mut tcp).await, b"", "{service}");
    }
}

#[tokio::test]
async fn service_unavailable_is_said_in_each_protocol() {
    let server = with(&["service-unavailable"]).await;
    for (service, words) in [
        (Smtp, "421 4.3.2 Service not available\r\n"),
        (Submission, "421 4.3.2 Service not available\r\n"),
        (Imap, "* BYE Connection is closed. 12\r\n"),
        (Pop3, "-ERR BYE Connection refused\r\n"),
    ] {
        let mut tcp = dial(&server, service).await;
        assert_eq!(hear_all(&mut tcp).await, words.as_bytes());
    }
    for (service, words) in [
        (Submissions, "421 4.3.2 Service not available\r\n"),
        (Imaps, "* BYE Connection is closed. 12\r\n"),
        (Pop3s, "-ERR BYE Connection refused\r\n"),
    ] {
        let mut tls = trusting(&server, dial(&server, service).await)
            .await
            .unwrap();
        assert_eq!(hear_all(&mut tls).await, words.as_bytes());
    }
}

#[tokio::test]
async fn cleartext_on_tls_ports_speaks_at_once() {
    let server = with(&["cleartext-on-tls-port"]).await;
    let mut tcp = dial(&server, Imaps).await;
    assert_heard(&mut tcp, IMAP_GREETING).await;
    let mut tcp = dial(&server, Pop3s).await;
    assert_heard(&mut tcp, POP3_GREETING).await;
    let mut tcp = dial(&server, Ldaps).await;
    say(&mut tcp, b"\x16\x03\x01\x00\x98").await;
    assert_eq!(ldap_message(&mut tcp).await[..2], *b"\x30\x84");
    let mut tcp = dial(&server, Https).await;
    say(&mut tcp, b"\x16\x03\x01\x00\x98").await;
    assert!(hear_all(&mut tcp).await.starts_with(b"HTTP/1.1 400 "));
    // 465 is not Exchange then, and can be upgraded.
    let mut tcp = dial(&server, Submissions).await;
    assert_heard(&mut tcp, "220 mail.example.test ESMTP Postfix\r\n").await;
    say(&mut tcp, b"EHLO me\r\nSTARTTLS\r\n").await;
    hear_until(&mut tcp, b"220 2.0.0 SMTP server ready\r\n").await;
    trusting(&server, tcp).await.unwrap();
}

#[tokio::test]
async fn client_proxy_greets_in_clear_like_exchange() {
    let server = with(&["client-proxy"]).await;
    let mut tcp = dial(&server, Submissions).await;
    // The probe's ClientHello, an LF in it.
    say(&mut tcp, b"\x16\x03\x01\x00\x98\x01\x0a").await;
    assert_greeting(&hear_line(&mut tcp).await);
    assert_heard(&mut tcp, "500 5.3.3 Unrecognized command\r\n").await;
    say(&mut tcp, b"EHLO me\r\nSTARTTLS\r\n").await;
    let list = hear_until(&mut tcp, b"220 2.0.0 SMTP server ready\r\n").await;
    let list = String::from_utf8(list).unwrap();
    assert!(
        list.contains("\r\n250-STARTTLS\r\n250-X-ANONYMOUSTLS\r\n"),
        "{list}"
    );
    trusting(&server, tcp).await.unwrap();
}

#[tokio::test]
async fn tls_on_cleartext_ports_waits_for_a_handshake() {
    let server = with(&["tls-on-cleartext-port"]).await;
    for (service, greeting) in [
        (Smtp, "220 "),
        (Submission, "220 "),
        (Imap, "* OK "),
        (Pop3, "+OK "),
    ] {
        let mut tls = trusting(&server, dial(&server, service).await)
            .await
            .unwrap();
        assert!(hear_line(&mut tls).await.starts_with(greeting), "{service}");
    }
    let mut tls = trusting(&server, dial(&server, Ldap).await).await.unwrap();
    assert_root_dse(&mut tls).await;
    // A client that speaks in clear gets an alert, and can read it.
    let mut tcp = dial(&server, Smtp).await;
    say(&mut tcp, b"EHLO me\r\n").await;
    assert_eq!(hear(&mut tcp, 2).await, b"\x15\x03");
}

#[tokio::test]
async fn auth_is_missing_in_clear_and_in_the_secure_session() {
    let server = with(&["auth-not-offered"]).await;
    let mut tcp = dial(&server, Submission).await;
    hear_line(&mut tcp).await;
    say(&mut tcp, b"EHLO me\r\nSTARTTLS\r\n").await;
    let list = hear_until(&mut tcp, b"250 SMTPUTF8\r\n").await;
    assert!(!String::from_utf8(list).unwrap().contains("AUTH"));
    assert_heard(&mut tcp, "220 2.0.0 SMTP server ready\r\n").await;
    let mut implicit = trusting(&server, dial(&server, Submissions).await)
        .await
        .unwrap();
    hear_line(&mut implicit).await;
    for mut tls in [trusting(&server, tcp).await.unwrap(), implicit] {
        say(&mut tls, b"EHLO me\r\n").await;
        assert_heard(
            &mut tls,
            "250-EX01.corp.example.test Hello [127.0.0.1]\r\n250-SIZE 37748736\r\n250-PIPELINING\r\n250-DSN\r\n\
             250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n",
        )
        .await;
    }
}

#[tokio::test]
async fn stopped_web_and_old_desktop() {
    let server = with(&["http-server-error", "rdp-no-tls"]).await;
    let ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut tcp = dial(&server, Http).await;
    say(&mut tcp, ask).await;
    let clear = String::from_utf8(hear_all(&mut tcp).await).unwrap();
    let mut tls = trusting(&server, dial(&server, Https).await).await.unwrap();
    say(&mut tls, ask).await;
    let secure = String::from_utf8(hear_all(&mut tls).await).unwrap();
    for answer in [clear, secure] {
        assert!(
            answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{answer}"
        );
        assert!(
            answer.contains("\r\nServer: Microsoft-HTTPAPI/2.0\r\n"),
            "{answer}"
        );
    }
    let mut tcp = dial(&server, Rdp).await;
    say(&mut tcp, ASK_RDP).await;
    assert_eq!(
        hear_all(&mut tcp).await,
        b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x03\0\x08\0\x02\0\0\0"
    );
}

#[tokio::test]
async fn every_fault_can_be_staged_by_name() {
    for row in FAULTS {
        let server = with(&[row.name]).await;
        assert_eq!(
            server.listens(row.by_default[0]),
            row.fault != Fault::Refused
        );
        assert_eq!(
            Staged::parse(row.name).unwrap(),
            Staged::by_default(row.fault)
        );
    }
}
