//! The stand-in server as a client meets it: plain sockets, a TLS client that trusts the CA file, literal bytes.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use exchports::catalog::{Role, SERVICES, ServiceId, WEB};
use exchports::simulate::{
    FAULTS, Fault, Ports, Settings, SimulateError, Simulation, Staged, start,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::io;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use ServiceId::{
    Ecp, Ews, Http, Https, Imap, Imaps, Ldap, Ldaps, OutlookAnywhere, Owa, Pop3, Pop3s, Powershell,
    Rdp, Smtp, Submission, Submissions,
};

/// As administrators and clients write them, in the catalog's order.
const DIRECTORIES: [&str; 9] = [
    "OWA",
    "ecp",
    "EWS",
    "mapi",
    "Microsoft-Server-ActiveSync",
    "Autodiscover",
    "rpc",
    "OAB",
    "PowerShell",
];

const BOUND: Duration = Duration::from_secs(10);

const ASK_STARTTLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
const AD_STARTTLS_SUCCESS: &[u8] =
    b"\x30\x84\x00\x00\x00\x28\x02\x01\x01\x78\x84\x00\x00\x00\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20037";
const ASK_RDP: &[u8] = b"\x03\x00\x00\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0";

/// Up to TLS 1.2, with AES-CBC for ECDSA and without extensions.
const OLD_HELLO: &[u8] = b"\x16\x03\x01\0\x31\x01\0\0\x2d\x03\x03\
    rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\0\0\x06\xc0\x24\xc0\x0a\0\xff\x01\0";

const IMAP_GREETING: &str = "* OK The Microsoft Exchange IMAP4 service is ready.\r\n";
const IMAP_SECURE: &str = "* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI UIDPLUS MOVE ID CHILDREN \
                           IDLE NAMESPACE LITERAL+\r\na OK CAPABILITY completed.\r\n";
const POP3_GREETING: &str = "+OK The Microsoft Exchange POP3 service is ready.\r\n";
const POP3_SECURE: &str = "+OK\r\nTOP\r\nUIDL\r\nSASL NTLM GSSAPI PLAIN\r\nUSER\r\n.\r\n";

// SMTP

#[tokio::test]
async fn smtp_greets_lists_upgrades_and_lists_again() {
    let server = healthy().await;
    let mut tcp = dial(&server, Smtp).await;
    assert_greeting(&hear_line(&mut tcp).await);
    say(&mut tcp, b"EHLO [192.0.2.5]\r\n").await;
    assert_heard(
        &mut tcp,
        "250-EX01.corp.example.test Hello [127.0.0.1]\r\n250-SIZE 37748736\r\n250-PIPELINING\r\n250-DSN\r\n\
         250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250-X-ANONYMOUSTLS\r\n250-AUTH NTLM\r\n\
         250-X-EXPS GSSAPI NTLM\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250-SMTPUTF8\r\n250 XRDST\r\n",
    )
    .await;
    say(&mut tcp, b"STARTTLS\r\n").await;
    assert_heard(&mut tcp, "220 2.0.0 SMTP server ready\r\n").await;
    let mut tls = trusting(&server, tcp).await.unwrap();
    say(&mut tls, b"EHLO client.example.test\r\n").await;
    assert_heard(
        &mut tls,
        "250-EX01.corp.example.test Hello [127.0.0.1]\r\n250-SIZE 37748736\r\n250-PIPELINING\r\n250-DSN\r\n\
         250-ENHANCEDSTATUSCODES\r\n250-AUTH NTLM LOGIN\r\n250-X-EXPS GSSAPI NTLM\r\n250-8BITMIME\r\n\
         250-BINARYMIME\r\n250-CHUNKING\r\n250-SMTPUTF8\r\n250 XRDST\r\n",
    )
    .await;
    say(&mut tls, b"STARTTLS\r\nQUIT\r\n").await;
    assert_heard(
        &mut tls,
        "503 5.5.2 Only one STARTTLS command can be issued per session\r\n\
         221 2.0.0 Service closing transmission channel\r\n",
    )
    .await;
    assert_ended(&mut tls).await;
}

#[tokio::test]
async fn submission_has_its_own_list() {
    let server = healthy().await;
    let mut tcp = dial(&server, Submission).await;
    assert_greeting(&hear_line(&mut tcp).await);
    say(&mut tcp, b"EHLO me\r\nSTARTTLS\r\n").await;
    assert_heard(
        &mut tcp,
        "250-EX01.corp.example.test Hello [127.0.0.1]\r\n250-SIZE 37748736\r\n250-PIPELINING\r\n250-DSN\r\n\
         250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250-AUTH GSSAPI NTLM\r\n250-8BITMIME\r\n250-BINARYMIME\r\n\
         250-CHUNKING\r\n250 SMTPUTF8\r\n220 2.0.0 SMTP server ready\r\n",
    )
    .await;
    let mut tls = trusting(&server, tcp).await.unwrap();
    say(&mut tls, b"EHLO me\r\n").await;
    let list = "250-EX01.corp.example.test Hello [127.0.0.1]\r\n250-SIZE 37748736\r\n250-PIPELINING\r\n250-DSN\r\n\
                250-ENHANCEDSTATUSCODES\r\n250-AUTH GSSAPI NTLM LOGIN\r\n250-8BITMIME\r\n250-BINARYMIME\r\n\
                250-CHUNKING\r\n250 SMTPUTF8\r\n";
    assert_heard(&mut tls, list).await;

    // 465 has the same, TLS first.
    let mut tls = trusting(&server, dial(&server, Submissions).await)
        .await
        .unwrap();
    assert_greeting(&hear_line(&mut tls).await);
    say(&mut tls, b"ehlo\r\n").await;
    assert_heard(&mut tls, list).await;
}

#[tokio::test]
async fn smtp_takes_no_mail_and_no_password() {
    let server = healthy().await;
    let mut tcp = dial(&server, Smtp).await;
    hear_line(&mut tcp).await;
    say(&mut tcp, b"STARTTLS\r\nMAIL FROM:<a@example.test>\r\n").await;
    assert_heard(
        &mut tcp,
        "503 5.5.2 Send hello first\r\n503 5.5.2 Send hello first\r\n",
    )
    .await;
    say(&mut tcp, b"EHLO under_score\r\n").await;
    assert_heard(&mut tcp, "501 5.5.4 Invalid domain name\r\n").await;
    say(&mut tcp, b"HELO me\r\nHELP\r\nNOOP\r\n").await;
    assert_heard(
        &mut tcp,
        "250 EX01.corp.example.test Hello [127.0.0.1]\r\n214-This server supports the following commands:\r\n\
         214 HELO EHLO STARTTLS RCPT DATA RSET MAIL QUIT HELP AUTH BDAT\r\n250 2.0.0 OK\r\n",
    )
    .await;
    say(&mut tcp, b"MAIL FROM:<a@example.test>\r\n").await;
    assert_heard(
        &mut tcp,
        "530 5.7.57 Client not authenticated to send mail\r\n",
    )
    .await;
    say(&mut tcp, b"AUTH LOGIN\r\nNOOP\r\n").await;
    assert_heard(
        &mut tcp,
        "535 5.7.3 Authentication unsuccessful\r\n\
         421 4.7.0 Too many errors on this connection, closing transmission channel\r\n",
    )
    .await;
    assert_ended(&mut tcp).await;
}

#[tokio::test]
async fn an_endless_line_ends_the_conversation() {
    let server = healthy().await;
    for (service, last) in [
        (Smtp, "500 5.3.3 Unrecognized command\r\n"),
        (Pop3, "-ERR Command is not valid in this state.\r\n"),
        (
            Imap,
            "* BAD Command Error. 12\r\n* BYE Connection is closed. 14\r\n",
        ),
    ] {
        let mut tcp = dial(&server, service).await;
        hear_line(&mut tcp).await;
        say(&mut tcp, &vec![b'x'; 100_000]).await;
        assert_heard(&mut tcp, last).await;
        // A FIN, although much was left unread: assert_ended takes no reset.
        assert_ended(&mut tcp).await;
    }
}

// IMAP and POP3

#[tokio::test]
async fn imap_greets_lists_upgrades_and_lists_again() {
    let server = healthy().await;
    let mut tcp = dial(&server, Imap).await;
    assert_heard(&mut tcp, IMAP_GREETING).await;
    say(
        &mut tcp,
        b"A1 CAPABILITY\r\nA2 LOGIN a b\r\nA3 STARTTLS\r\n",
    )
    .await;
    assert_heard(
        &mut tcp,
        "* CAPABILITY IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE LITERAL+\r\n\
         A1 OK CAPABILITY completed.\r\nA2 BAD Command received in Invalid state.\r\n\
         A3 OK Begin TLS negotiation now.\r\n",
    )
    .await;
    let mut tls = trusting(&server, tcp).await.unwrap();
    say(&mut tls, b"a capability\r\n").await;
    assert_heard(&mut tls, IMAP_SECURE).await;
    say(&mut tls, b"b LOGIN a b\r\nc LOGOUT\r\n").await;
    assert_heard(
        &mut tls,
        "b NO LOGIN failed.\r\n* BYE Microsoft Exchange Server 2016 IMAP4 server signing off.\r\n\
         c OK LOGOUT completed.\r\n",
    )
    .await;
    assert_ended(&mut tls).await;

    let mut tls = trusting(&server, dial(&server, Imaps).await).await.unwrap();
    assert_heard(&mut tls, IMAP_GREETING).await;
    say(&mut tls, b"a CAPABILITY\r\n").await;
    assert_heard(&mut tls, IMAP_SECURE).await;
}

#[tokio::test]
async fn pop3_greets_lists_upgrades_and_lists_again() {
    let server = healthy().await;
    let mut tcp = dial(&server, Pop3).await;
    assert_heard(&mut tcp, POP3_GREETING).await;
    say(&mut tcp, b"CAPA\r\nUSER me\r\nSTLS\r\n").await;
    assert_heard(
        &mut tcp,
        "+OK\r\nTOP\r\nUIDL\r\nSTLS\r\n.\r\n-ERR Command is not valid in this state.\r\n\
         +OK Begin TLS negotiation.\r\n",
    )
    .await;
    let mut tls = trusting(&server, tcp).await.unwrap();
    say(&mut tls, b"CAPA\r\nQUIT\r\n").await;
    assert_heard(&mut tls, POP3_SECURE).await;
    assert_heard(
        &mut tls,
        "+OK Microsoft Exchange Server 2016 POP3 server signing off.\r\n",
    )
    .await;
    assert_ended(&mut tls).await;

    let mut tls = trusting(&server, dial(&server, Pop3s).await).await.unwrap();
    assert_heard(&mut tls, POP3_GREETING).await;
    say(&mut tls, b"CAPA\r\n").await;
    assert_heard(&mut tls, POP3_SECURE).await;
}

#[tokio::test]
async fn what_was_sent_before_the_upgrade_is_forgotten() {
    let server = healthy().await;
    let mut tcp = dial(&server, Pop3).await;
    assert_heard(&mut tcp, POP3_GREETING).await;
    say(&mut tcp, b"STLS\r\nQUIT\r\n").await;
    assert_heard(&mut tcp, "+OK Begin TLS negotiation.\r\n").await;
    let mut tls = trusting(&server, tcp).await.unwrap();
    say(&mut tls, b"CAPA\r\n").await;
    assert_heard(&mut tls, POP3_SECURE).await;
}

// LDAP

#[tokio::test]
async fn ldap_upgrades_with_ad_s_own_bytes() {
    let server = healthy().await;
    let mut tcp = dial(&server, Ldap).await;
    say(&mut tcp, ASK_STARTTLS).await;
    assert_eq!(hear(&mut tcp, 46).await, AD_STARTTLS_SUCCESS);
    let mut tls = trusting(&server, tcp).await.unwrap();
    assert_root_dse(&mut tls).await;
    say(&mut tls, b"\x30\x05\x02\x01\x03\x42\x00").await;
    assert_ended(&mut tls).await;

    let mut tls = trusting(&server, dial(&server, Ldaps).await).await.unwrap();
    assert_root_dse(&mut tls).await;
    // StartTLS when TLS is active: operationsError.
    say(&mut tls, ASK_STARTTLS).await;
    let refusal = ldap_message(&mut tls).await;
    assert_eq!(refusal[6..10], *b"\x02\x01\x01\x78");
    assert_eq!(refusal[15..18], *b"\x0a\x01\x01");
}

#[tokio::test]
async fn root_dse_is_given_in_clear_and_nothing_else_is() {
    let server = healthy().await;
    let mut tcp = dial(&server, Ldap).await;
    assert_root_dse(&mut tcp).await;

    // All attributes: the operational one stays out, and the clock is right to the minute.
    let entry = all_of_root_dse(&mut tcp).await;
    for expected in [
        "DC=corp,DC=example,DC=test",
        "DC01.corp.example.test",
        "corp.example.test:dc01$@CORP.EXAMPLE.TEST",
        "1.2.840.113556.1.4.800",
        "GSS-SPNEGO",
    ] {
        assert!(entry.contains(expected), "{expected}");
    }
    assert!(!entry.contains("supportedExtension"));
    assert_clock(&entry, 0);

    // Below the rootDSE there is nothing without a bind.
    say(
        &mut tcp,
        b"\x30\x29\x02\x01\x03\x63\x24\x04\x04DC=x\x0a\x01\0\x0a\x01\0\x02\x01\0\x02\x01\x0a\x01\x01\0\x87\x0bobjectClass\x30\0",
    )
    .await;
    let refusal = ldap_message(&mut tcp).await;
    assert_eq!(refusal[6..10], *b"\x02\x01\x03\x65");
    assert_eq!(refusal[15..18], *b"\x0a\x01\x01");
    assert!(String::from_utf8_lossy(&refusal).contains("a successful bind must be completed"));

    // An anonymous bind succeeds, any other does not.
    say(
        &mut tcp,
        b"\x30\x0c\x02\x01\x04\x60\x07\x02\x01\x03\x04\0\x80\0",
    )
    .await;
    assert_eq!(
        ldap_message(&mut tcp).await,
        b"\x30\x84\0\0\0\x10\x02\x01\x04\x61\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0"
    );
    say(
        &mut tcp,
        b"\x30\x0e\x02\x01\x05\x60\x09\x02\x01\x03\x04\x01a\x80\x01b",
    )
    .await;
    assert_eq!(ldap_message(&mut tcp).await[15..18], *b"\x0a\x01\x31");
}

#[tokio::test]
async fn what_is_not_ldap_is_told_so_and_disconnected() {
    let server = healthy().await;
    for nonsense in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"\x30\x80",
        b"\x30\x03\x02\x01\x01",
        b"EHLO me\r\n",
    ] {
        let mut tcp = dial(&server, Ldap).await;
        say(&mut tcp, nonsense).await;
        assert_eq!(
            ldap_message(&mut tcp).await,
            b"\x30\x84\0\0\0\x28\x02\x01\0\x78\x84\0\0\0\x1f\x0a\x01\x02\x04\0\x04\0\x8a\x161.3.6.1.4.1.1466.20036"
        );
        assert_ended(&mut tcp).await;
    }
}

// RDP

#[tokio::test]
async fn rdp_chooses_the_best_and_shows_a_windows_certificate() {
    let server = healthy().await;
    for (asked, chosen) in [(0x0b, 8), (0x03, 2), (0x01, 1)] {
        let mut tcp = dial(&server, Rdp).await;
        let mut ask = ASK_RDP.to_vec();
        ask[15] = asked;
        say(&mut tcp, &ask).await;
        let mut confirm = *b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\0\0\0\0";
        confirm[15] = chosen;
        assert_eq!(hear(&mut tcp, 19).await, confirm);
        assert_eq!(
            defect(trusting(&server, tcp).await),
            CertificateError::UnknownIssuer
        );
    }
    let mut tcp = dial(&server, Rdp).await;
    say(
        &mut tcp,
        b"\x03\0\0\x2f\x2a\xe0\0\0\0\0\0Cookie: mstshash=exchports\r\n\x01\0\x08\0\0\0\0\0",
    )
    .await;
    assert_eq!(
        hear_all(&mut tcp).await,
        b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x03\0\x08\0\x01\0\0\0"
    );
    let mut tcp = dial(&server, Rdp).await;
    say(&mut tcp, b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0").await;
    assert_eq!(
        hear_all(&mut tcp).await,
        b"\x03\0\0\x0b\x06\xd0\0\0\x12\x34\0"
    );
}

// HTTP

#[tokio::test]
async fn http_says_403_and_https_leads_to_owa() {
    let server = healthy().await;
    let mut tcp = dial(&server, Http).await;
    say(
        &mut tcp,
        b"GET / HTTP/1.1\r\nHost: mail.example.test\r\n\r\n",
    )
    .await;
    let answer = hear_head(&mut tcp).await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\nServer: Microsoft-IIS/10.0\r\nDate: "));
    assert!(
        answer.ends_with(" GMT\r\nContent-Length: 0\r\n\r\n"),
        "{answer}"
    );

    let mut tls = trusting(&server, dial(&server, Https).await).await.unwrap();
    say(
        &mut tls,
        b"GET / HTTP/1.1\r\nHost: mail.example.test\r\n\r\n",
    )
    .await;
    let answer = hear_head(&mut tls).await;
    assert!(answer.starts_with("HTTP/1.1 302 Found\r\n"), "{answer}");
    for line in [
        "Location: https://mail.example.test/owa/",
        "X-FEServer: EX01",
        "Server: Microsoft-IIS/10.0",
        "Content-Length: 0",
    ] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{line}");
    }
}

#[tokio::test]
async fn virtual_directories_answer_as_to_someone_who_has_not_signed_in() {
    let server = healthy().await;
    let mut tls = trusting(&server, dial(&server, Https).await).await.unwrap();
    let challenge = "WWW-Authenticate: ";
    // All on one connection: it stays open as HTTP/1.1 says.
    for (path, status, line) in [
        (
            "/owa/",
            "302 Found",
            "Location: https://mail.example.test/owa/auth/logon.aspx?url=https%3a%2f%2fmail.example.test%2fowa%2f&reason=0",
        ),
        (
            "/ecp/",
            "302 Found",
            "Location: https://mail.example.test/owa/auth/logon.aspx?url=https%3a%2f%2fmail.example.test%2fecp%2f&reason=0",
        ),
        (
            "/EWS/Exchange.asmx",
            "401 Unauthorized",
            "WWW-Authenticate: Negotiate",
        ),
        (
            "/mapi/emsmdb/",
            "401 Unauthorized",
            "WWW-Authenticate: NTLM",
        ),
        (
            "/mapi/nspi/?x=1",
            "401 Unauthorized",
            "WWW-Authenticate: NTLM",
        ),
        (
            "/Microsoft-Server-ActiveSync",
            "401 Unauthorized",
            "WWW-Authenticate: Basic realm=\"mail.example.test\"",
        ),
        (
            "/rpc/rpcproxy.dll",
            "401 Unauthorized",
            "WWW-Authenticate: NTLM",
        ),
        (
            "/autodiscover/autodiscover.xml",
            "401 Unauthorized",
            "X-SOAP-Enabled: True",
        ),
        ("/oab/", "401 Unauthorized", "WWW-Authenticate: Negotiate"),
        ("/PowerShell/", "401 Unauthorized", "X-FEServer: EX01"),
    ] {
        say(
            &mut tls,
            format!("GET {path} HTTP/1.1\r\nHost: mail.example.test\r\n\r\n").as_bytes(),
        )
        .await;
        let answer = hear_head(&mut tls).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{path}: {answer}"
        );
        assert!(
            answer.contains(&format!("\r\n{line}\r\n")),
            "{path}: {answer}"
        );
        assert_eq!(
            answer.contains(challenge),
            status.starts_with("401"),
            "{path}"
        );
    }
    for directory in DIRECTORIES {
        let (head, body) = get(&mut tls, &format!("/{directory}/healthcheck.htm")).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert_eq!(body, "200 OK<br/>EX01.corp.example.test");
    }
    // Where the redirects lead, the build is told in the header and in the page.
    let (head, body) = get(&mut tls, "/owa/auth/logon.aspx?url=x&reason=0").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("\r\nX-OWA-Version: 15.2.2562.53\r\n"),
        "{head}"
    );
    assert!(body.contains("\"/owa/auth/15.2.2562/themes/"), "{body}");
    say(
        &mut tls,
        b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    let answer = String::from_utf8(hear_all(&mut tls).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
}

#[tokio::test]
async fn what_is_not_http_gets_400_from_http_sys() {
    let server = healthy().await;
    let endless = vec![b'a'; 20_000];
    for (nonsense, detail) in [
        (
            &b"\x16\x03\x01\x02\x00\x01"[..],
            "Bad Request - Invalid Verb",
        ),
        (b"GET / HTTP/1.1\r\n\r\n", "Bad Request - Invalid Hostname"),
        (
            b"GET / HTTP/1.1\r\nHost: a\" b\r\n\r\n",
            "Bad Request - Invalid Hostname",
        ),
        (&endless, "Bad Request - Request Too Long"),
    ] {
        let mut tcp = dial(&server, Http).await;
        say(&mut tcp, nonsense).await;
        let answer = String::from_utf8(hear_all(&mut tcp).await).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html; charset=us-ascii\r\nServer: Microsoft-HTTPAPI/2.0\r\n"),
            "{answer}"
        );
        assert!(answer.contains(detail), "{answer}");
    }
}

// Exchange Online

#[tokio::test]
async fn online_submission_greets_with_a_session_and_lists_its_own() {
    for (role, service, name, auth) in [
        (
            Role::OnlineSubmission,
            Submission,
            "PN4P287CA0064.outlook.office365.com",
            "250-AUTH LOGIN XOAUTH2\r\n",
        ),
        (
            Role::OnlineSubmission,
            Smtp,
            "PN4P287CA0064.outlook.office365.com",
            "250-AUTH LOGIN XOAUTH2\r\n",
        ),
        (
            Role::OnlineMx,
            Smtp,
            "PN4PEPF00000064.mail.protection.outlook.com",
            "",
        ),
    ] {
        let server = playing(role).await;
        let mut tcp = dial(&server, service).await;
        let greeting = hear_line(&mut tcp).await;
        assert!(
            greeting.starts_with(&format!(
                "220 {name} Microsoft ESMTP MAIL Service ready at "
            )) && greeting.ends_with(" +0000 [08DD84B323498C1A]\r\n"),
            "{greeting}"
        );
        let hello = format!(
            "250-{name} Hello [127.0.0.1]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n250-DSN\r\n\
             250-ENHANCEDSTATUSCODES\r\n"
        );
        let rest = "250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n";
        say(&mut tcp, b"EHLO me\r\nSTARTTLS\r\n").await;
        assert_heard(
            &mut tcp,
            &format!("{hello}250-STARTTLS\r\n{rest}220 2.0.0 SMTP server ready\r\n"),
        )
        .await;
        let mut tls = trusting(&server, tcp).await.unwrap();
        say(&mut tls, b"EHLO me\r\n").await;
        assert_heard(&mut tls, &format!("{hello}{auth}{rest}")).await;
    }
}

#[tokio::test]
async fn online_mailboxes_tell_their_front_end_and_want_tokens() {
    let server = playing(Role::Online).await;
    let mut imap = trusting(&server, dial(&server, Imaps).await).await.unwrap();
    let greeting = hear_line(&mut imap).await;
    let named = |greeting: &str, start| {
        let name = greeting.strip_prefix(start).unwrap().trim_end();
        front_end_name(name.strip_suffix(']').unwrap())
    };
    assert_eq!(
        named(
            &greeting,
            "* OK The Microsoft Exchange IMAP4 service is ready. ["
        ),
        "PN4P287CA0064.INDP287.PROD.OUTLOOK.COM"
    );
    say(&mut imap, b"a CAPABILITY\r\nb ID NIL\r\n").await;
    assert_heard(
        &mut imap,
        "* CAPABILITY IMAP4 IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE \
         NAMESPACE LITERAL+\r\na OK CAPABILITY completed.\r\n\
         * ID (\"name\" \"Microsoft.Exchange.Imap4.Imap4Server\" \"version\" \"15.20\")\r\nb OK ID completed\r\n",
    )
    .await;
    let mut pop = trusting(&server, dial(&server, Pop3s).await).await.unwrap();
    let greeting = hear_line(&mut pop).await;
    assert_eq!(
        named(
            &greeting,
            "+OK The Microsoft Exchange POP3 service is ready. ["
        ),
        "PN4P287CA0064.INDP287.PROD.OUTLOOK.COM"
    );
    say(&mut pop, b"CAPA\r\n").await;
    assert_heard(&mut pop, "+OK\r\nTOP\r\nUIDL\r\nSASL XOAUTH2\r\n.\r\n").await;
}

#[tokio::test]
async fn online_directories_want_tokens() {
    let server = playing(Role::Online).await;
    let (head, _) = get(&mut dial(&server, Http).await, "/").await;
    assert_status(&head, "301 Moved Permanently", "80");
    assert!(
        head.contains("\r\nLocation: https://mail.example.test/\r\n"),
        "{head}"
    );

    let mut tls = trusting(&server, dial(&server, Https).await).await.unwrap();
    for path in [
        "/ews/exchange.asmx",
        "/mapi/emsmdb/",
        "/Microsoft-Server-ActiveSync",
        "/autodiscover/autodiscover.xml",
        "/oab/",
    ] {
        let (head, _) = get(&mut tls, path).await;
        assert_status(&head, "401 Unauthorized", path);
        let schemes: Vec<&str> = head
            .lines()
            .filter_map(|line| line.strip_prefix("WWW-Authenticate: "))
            .collect();
        assert_eq!(
            schemes,
            [
                "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", \
                 trusted_issuers=\"00000001-0000-0000-c000-000000000000@*\", \
                 token_types=\"app_asserted_user_v1 service_asserted_app_v1\", \
                 authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\""
            ],
            "{path}"
        );
        assert!(head.contains("\r\nX-FEServer: PN4P287CA0064\r\n"), "{head}");
    }
    let (head, _) = get(&mut tls, "/owa/").await;
    assert_status(&head, "302 Found", "/owa/");
    for start in [
        "Location: https://login.microsoftonline.com/common/oauth2/authorize?client_id=",
        "X-OWA-Version: 15.20.",
    ] {
        assert!(head.contains(&format!("\r\n{start}")), "{head}");
    }
    let (_, body) = get(&mut tls, "/owa/healthcheck.htm").await;
    assert_eq!(body, "200 OK<br/>PN4P287CA0064.INDP287.PROD.OUTLOOK.COM");
}

// Faults of connection and conversation

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
async fn starttls_not_offered_is_missing_and_unknown() {
    let server = with(&["starttls-not-offered"]).await;
    for service in [Smtp, Submission] {
        let mut tcp = dial(&server, service).await;
        hear_line(&mut tcp).await;
        say(&mut tcp, b"EHLO me\r\nSTARTTLS\r\nQUIT\r\n").await;
        let heard = String::from_utf8(hear_all(&mut tcp).await).unwrap();
        assert!(
            heard.contains("250-ENHANCEDSTATUSCODES\r\n250-AUTH "),
            "{heard}"
        );
        assert!(!heard.contains("TLS"), "{heard}");
        assert!(
            heard.contains("\r\n500 5.3.3 Unrecognized command\r\n221 "),
            "{heard}"
        );
    }
    let mut tcp = dial(&server, Imap).await;
    say(&mut tcp, b"a CAPABILITY\r\nb STARTTLS\r\n").await;
    assert_heard(&mut tcp, IMAP_GREETING).await;
    assert_heard(
        &mut tcp,
        "* CAPABILITY IMAP4 IMAP4rev1 LOGINDISABLED UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE LITERAL+\r\n\
         a OK CAPABILITY completed.\r\nb BAD Command Error. 12\r\n",
    )
    .await;
    let mut tcp = dial(&server, Pop3).await;
    say(&mut tcp, b"CAPA\r\nSTLS\r\n").await;
    assert_heard(&mut tcp, POP3_GREETING).await;
    assert_heard(
        &mut tcp,
        "+OK\r\nTOP\r\nUIDL\r\n.\r\n-ERR Command is not valid in this state.\r\n",
    )
    .await;
    let mut tcp = dial(&server, Ldap).await;
    say(&mut tcp, ASK_STARTTLS).await;
    let refusal = ldap_message(&mut tcp).await;
    assert_eq!(refusal[9], 0x78);
    assert_eq!(refusal[15..18], *b"\x0a\x01\x02");
    say(&mut tcp, &ask_root_dse()).await;
    let entry = ldap_message(&mut tcp).await;
    let text = String::from_utf8_lossy(&entry);
    assert!(text.contains("supportedExtension") && !text.contains("20037"));
}

#[tokio::test]
async fn starttls_overwritten_keeps_its_eight_letters() {
    let server = with(&["starttls-overwritten"]).await;
    for service in [Smtp, Submission] {
        let mut tcp = dial(&server, service).await;
        hear_line(&mut tcp).await;
        say(&mut tcp, b"EHLO me\r\nSTARTTLS\r\nQUIT\r\n").await;
        let heard = String::from_utf8(hear_all(&mut tcp).await).unwrap();
        assert!(
            heard.contains("250-ENHANCEDSTATUSCODES\r\n250-XXXXXXXA\r\n250-"),
            "{heard}"
        );
        assert!(
            heard.contains("\r\n500 5.3.3 Unrecognized command\r\n221 "),
            "{heard}"
        );
    }
}

#[tokio::test]
async fn starttls_rejected_is_said_in_each_protocol() {
    let server = with(&["starttls-rejected"]).await;
    for service in [Smtp, Submission] {
        let mut tcp = dial(&server, service).await;
        hear_line(&mut tcp).await;
        say(&mut tcp, b"EHLO me\r\nSTARTTLS\r\nQUIT\r\n").await;
        let heard = String::from_utf8(hear_all(&mut tcp).await).unwrap();
        assert!(heard.contains("\r\n250-STARTTLS\r\n"), "{heard}");
        assert!(
            heard.contains(
                "\r\n454 4.7.0 Cannot accept TLS as maximum TLS rate exceeded for server\r\n221 "
            ),
            "{heard}"
        );
    }
    let mut tcp = dial(&server, Imap).await;
    assert_heard(&mut tcp, IMAP_GREETING).await;
    say(&mut tcp, b"a STARTTLS\r\n").await;
    assert_eq!(
        hear_all(&mut tcp).await,
        b"a BAD Could not establish TLS connection.\r\n* BYE Connection is closed. 15\r\n"
    );
    let mut tcp = dial(&server, Pop3).await;
    assert_heard(&mut tcp, POP3_GREETING).await;
    say(&mut tcp, b"CAPA\r\nSTLS\r\n").await;
    assert_heard(
        &mut tcp,
        "+OK\r\nTOP\r\nUIDL\r\nSTLS\r\n.\r\n-ERR Command is not valid in this state.\r\n",
    )
    .await;
    // operationsError, and the conversation goes on in clear.
    let mut tcp = dial(&server, Ldap).await;
    say(&mut tcp, ASK_STARTTLS).await;
    assert_eq!(
        ldap_message(&mut tcp).await,
        b"\x30\x84\0\0\0\x28\x02\x01\x01\x78\x84\0\0\0\x1f\x0a\x01\x01\x04\0\x04\0\x8a\x161.3.6.1.4.1.1466.20037"
    );
    assert_root_dse(&mut tcp).await;
}

#[tokio::test]
async fn injected_bytes_come_with_the_go_ahead_and_tls_still_works() {
    let server = with(&["bytes-injected"]).await;
    for (service, ask, go_ahead) in [
        (Smtp, &b"EHLO me\r\nSTARTTLS\r\n"[..], &b"220 2.0.0 SMTP server ready\r\n250 2.0.0 OK\r\n"[..]),
        (Submission, b"EHLO me\r\nSTARTTLS\r\n", b"220 2.0.0 SMTP server ready\r\n250 2.0.0 OK\r\n"),
        (Imap, b"a STARTTLS\r\n", b"a OK Begin TLS negotiation now.\r\n* OK Still here.\r\n"),
        (Pop3, b"STLS\r\n", b"+OK Begin TLS negotiation.\r\n+OK Still here.\r\n"),
        (
            Ldap,
            ASK_STARTTLS,
            b"1.3.6.1.4.1.1466.20037\x30\x84\0\0\0\x10\x02\x01\x02\x65\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0",
        ),
    ] {
        let mut tcp = dial(&server, service).await;
        say(&mut tcp, ask).await;
        hear_until(&mut tcp, go_ahead).await;
        trusting(&server, tcp).await.unwrap();
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
async fn no_certificate_is_said_in_each_protocol() {
    let server = with(&["no-certificate"]).await;
    let mut tcp = dial(&server, Imaps).await;
    assert_eq!(
        hear_all(&mut tcp).await,
        b"* BYE Connection is closed. 14\r\n"
    );
    let mut tcp = dial(&server, Pop3s).await;
    assert_eq!(
        hear_all(&mut tcp).await,
        b"-ERR Connection is closed. 13\r\n"
    );
    let mut tcp = dial(&server, Rdp).await;
    say(&mut tcp, ASK_RDP).await;
    assert_eq!(
        hear_all(&mut tcp).await,
        b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x03\0\x08\0\x03\0\0\0"
    );
    let mut tcp = dial(&server, Ldap).await;
    say(&mut tcp, ASK_STARTTLS).await;
    assert_eq!(
        ldap_message(&mut tcp).await,
        [
            &b"\x30\x84\0\0\0\x7d\x02\x01\x01\x78\x84\0\0\0\x74\x0a\x01\x34\x04\0\x04\x55"[..],
            b"00000000: LdapErr: DSID-0C0915EA, comment: Error initializing SSL/TLS, data 0, v4563\0",
            b"\x8a\x161.3.6.1.4.1.1466.20037",
        ]
        .concat()
    );
}

#[tokio::test]
async fn a_masked_greeting_is_as_long_as_the_real_one_and_hides_nothing_else() {
    let server = with(&["greeting-masked"]).await;
    for service in [Smtp, Submission] {
        let mut tcp = dial(&server, service).await;
        let greeting = hear_line(&mut tcp).await;
        let mask = greeting.strip_prefix("220 ").unwrap().trim_end();
        assert_eq!(mask.trim_matches('*'), "", "{greeting}");
        assert_eq!(
            mask.len(),
            "EX01.corp.example.test Microsoft ESMTP MAIL Service ready at Tue, 24 Sep 2024 04:21:14 +0000"
                .len()
        );
        say(&mut tcp, b"EHLO me\r\nSTARTTLS\r\n").await;
        let list = hear_until(&mut tcp, b"220 2.0.0 SMTP server ready\r\n").await;
        let list = String::from_utf8(list).unwrap();
        assert!(list.contains("250-EX01.corp.example.test Hello "), "{list}");
        assert!(list.contains("\r\n250-STARTTLS\r\n"), "{list}");
        trusting(&server, tcp).await.unwrap();
    }
}

#[tokio::test]
async fn a_slow_greeting_comes_after_six_seconds() {
    let server = with(&["greeting-slow", "greeting-rejected"]).await;
    let tcp = dial(&server, Smtp).await;
    let (heard, waited) = hear_all_on_a_paused_clock(tcp).await;
    assert_eq!(
        String::from_utf8_lossy(&heard),
        "554-mail.example.test\r\n\
         554 Your access to this mail system has been rejected due to the sending MTA's poor reputation.\r\n"
    );
    assert!((5..=8).contains(&waited.as_secs()), "{waited:?}");
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
async fn a_directory_can_be_unready_and_its_clock_wrong() {
    let server = with(&["directory-not-ready@389", "clock-differs@636"]).await;
    let mut tcp = dial(&server, Ldap).await;
    let entry = all_of_root_dse(&mut tcp).await;
    assert!(entry.contains("isSynchronized1\\x84\\x00\\x00\\x00\\x07\\x04\\x05FALSE"));
    assert!(entry.contains("isGlobalCatalogReady1\\x84\\x00\\x00\\x00\\x06\\x04\\x04TRUE"));
    assert_clock(&entry, 0);

    let mut tls = trusting(&server, dial(&server, Ldaps).await).await.unwrap();
    let entry = all_of_root_dse(&mut tls).await;
    assert!(entry.contains("isSynchronized1\\x84\\x00\\x00\\x00\\x06\\x04\\x04TRUE"));
    assert_clock(&entry, -20 * 60);
}

#[tokio::test]
async fn desktops_refuse_with_their_numbers() {
    for (fault, asked, failure) in [
        ("rdp-negotiation-failed", 0x0b, Some(6)),
        ("rdp-negotiation-failed", 0x01, Some(6)),
        ("rdp-nla-required", 0x01, Some(5)),
        ("rdp-nla-required", 0x00, Some(5)),
        ("rdp-nla-required", 0x02, None),
        ("rdp-nla-required", 0x0b, None),
    ] {
        let server = with(&[fault]).await;
        let mut tcp = dial(&server, Rdp).await;
        let mut ask = ASK_RDP.to_vec();
        ask[15] = asked;
        say(&mut tcp, &ask).await;
        let confirm = hear(&mut tcp, 19).await;
        let Some(number) = failure else {
            assert_eq!(confirm[11], 2, "{fault} {asked}");
            assert_eq!(
                defect(trusting(&server, tcp).await),
                CertificateError::UnknownIssuer
            );
            continue;
        };
        let mut expected = *b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x03\0\x08\0\0\0\0\0";
        expected[15] = number;
        assert_eq!(confirm, expected, "{fault} {asked}");
        assert_ended(&mut tcp).await;
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

// Faults of the web

#[tokio::test]
async fn directories_fail_one_by_one() {
    let server = with(&[
        "web-not-found",
        "web-restricted@eas",
        "web-server-error@owa",
        "web-throttled@ews",
        "web-redirect-loop@oab",
        "web-unhealthy@mapi,autodiscover",
    ])
    .await;
    let connect = async || trusting(&server, dial(&server, Https).await).await.unwrap();
    let mut tls = connect().await;
    for (directory, expected, health) in [
        ("ecp", "404 Not Found", "404 Not Found"),
        ("rpc", "404 Not Found", "404 Not Found"),
        (
            "Microsoft-Server-ActiveSync",
            "403 Forbidden",
            "403 Forbidden",
        ),
        ("EWS", "429 Too Many Requests", "429 Too Many Requests"),
        ("oab", "302 Redirect", "302 Redirect"),
        ("PowerShell", "401 Unauthorized", "200 OK"),
        ("mapi", "401 Unauthorized", ""),
        ("Autodiscover", "401 Unauthorized", ""),
    ] {
        let (head, _) = get(&mut tls, &format!("/{directory}/")).await;
        assert_status(&head, expected, directory);
        if directory == "oab" {
            assert!(
                head.contains("\r\nLocation: https://mail.example.test/oab/\r\n"),
                "{head}"
            );
        }
        let health_page = format!("/{directory}/healthcheck.htm");
        if health.is_empty() {
            // Closed without a word, on a new connection as well.
            for mut tls in [tls, connect().await] {
                ask(&mut tls, &health_page).await;
                assert_ended(&mut tls).await;
            }
            tls = connect().await;
        } else {
            let (head, _) = get(&mut tls, &health_page).await;
            assert_status(&head, health, directory);
        }
    }
    for path in ["/owa/", "/owa/healthcheck.htm", "/owa/auth/logon.aspx"] {
        let mut tls = connect().await;
        ask(&mut tls, path).await;
        let answer = String::from_utf8(hear_all(&mut tls).await).unwrap();
        assert_status(&answer, "503 Service Unavailable", path);
        assert!(
            answer.contains("\r\nServer: Microsoft-HTTPAPI/2.0\r\n"),
            "{answer}"
        );
    }
    // The site itself is fine.
    let mut tls = connect().await;
    let (head, _) = get(&mut tls, "/").await;
    assert_status(&head, "302 Found", "/");
}

#[tokio::test]
async fn proxies_and_portals_answer_for_every_page() {
    for (fault, status, line) in [
        (
            "proxy-authentication",
            "407 Proxy Authentication Required",
            "Proxy-Authenticate: Negotiate",
        ),
        (
            "captive-portal",
            "302 Found",
            "Location: https://login.guest-network.example/portal",
        ),
    ] {
        let server = with(&[fault]).await;
        for path in ["/", "/owa/", "/nothing", "/ews/healthcheck.htm"] {
            let (clear, _) = get(&mut dial(&server, Http).await, path).await;
            let mut tls = trusting(&server, dial(&server, Https).await).await.unwrap();
            let (secure, _) = get(&mut tls, path).await;
            for head in [clear, secure] {
                assert_status(&head, status, path);
                assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
                assert!(!head.contains("Microsoft"), "{head}");
            }
        }
    }
}

#[tokio::test]
async fn a_role_without_a_directory_does_not_have_it() {
    for (role, missing) in [
        (Role::Any, &[][..]),
        (Role::Mailbox, &[]),
        (Role::Published, &[]),
        (Role::Online, &[Ecp, OutlookAnywhere, Powershell]),
    ] {
        let server = playing(role).await;
        let mut tls = trusting(&server, dial(&server, Https).await).await.unwrap();
        for (service, directory) in WEB.iter().map(|row| row.id).zip(DIRECTORIES) {
            for path in [
                format!("/{directory}/"),
                format!("/{directory}/healthcheck.htm"),
            ] {
                let (head, _) = get(&mut tls, &path).await;
                assert_eq!(
                    head.starts_with("HTTP/1.1 404 Not Found\r\n"),
                    missing.contains(&service),
                    "{role:?} {path}: {head}"
                );
            }
            assert_eq!(server.listens(service), !missing.contains(&service));
            assert_eq!(server.endpoint(service), server.endpoint(Https));
        }
    }
    let server = playing(Role::Edge).await;
    assert!(!server.listens(Https) && !server.listens(Owa));
    assert!(!with(&["refused@https"]).await.listens(Ews));
}

// Faults of the handshake

#[tokio::test]
async fn handshakes_fail_in_their_own_way_wherever_there_is_tls() {
    use rustls::AlertDescription::{HandshakeFailure, ProtocolVersion, UnrecognisedName};
    for (fault, alert) in [
        ("tls-closed-on-hello", None),
        ("tls-name-not-recognised", Some(UnrecognisedName)),
        ("tls-version-too-old", Some(ProtocolVersion)),
        ("tls-legacy-suites", Some(HandshakeFailure)),
        ("tls-no-common-cipher", Some(HandshakeFailure)),
    ] {
        let server = with(&[fault]).await;
        for service in SERVICES.iter().map(|row| row.id).filter(|id| *id != Http) {
            let tcp = on_the_brink(&server, service).await;
            let error = trusting(&server, tcp).await.unwrap_err();
            let found = error.get_ref().and_then(|inner| inner.downcast_ref());
            match (found, alert) {
                (Some(rustls::Error::AlertReceived(found)), Some(alert)) => {
                    assert_eq!(*found, alert, "{fault} {service}");
                }
                // A FIN, no reset.
                (None, None) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof),
                _ => panic!("{fault} {service}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn a_client_certificate_is_demanded_at_the_end_of_the_handshake() {
    let server = with(&["client-certificate-required"]).await;
    for service in SERVICES
        .iter()
        .map(|row| row.id)
        .filter(|id| ![Http, Rdp].contains(id))
    {
        let tcp = on_the_brink(&server, service).await;
        // TLS 1.3: the client is done before the server has seen that there is none.
        let mut tls = trusting(&server, tcp).await.unwrap();
        let error = bounded(tls.read_u8()).await.unwrap_err();
        let found = error.get_ref().and_then(|inner| inner.downcast_ref());
        assert!(
            matches!(
                found,
                Some(rustls::Error::AlertReceived(
                    rustls::AlertDescription::CertificateRequired
                ))
            ),
            "{service}: {error}"
        );
    }
}

#[tokio::test]
async fn old_servers_show_their_certificate_to_whom_they_understand() {
    for (fault, start) in [
        ("tls-version-too-old", b"\x16\x03\x01"),
        ("tls-legacy-suites", b"\x16\x03\x03"),
    ] {
        let server = with(&[&format!("{fault}@443,25,389,3389")]).await;
        // The same that the healthy services show.
        let leaf = presented(&server, Imaps).await.remove(0);
        for (service, goes_on) in [(Https, true), (Smtp, false), (Ldap, false), (Rdp, false)] {
            let mut tcp = on_the_brink(&server, service).await;
            say(&mut tcp, OLD_HELLO).await;
            let header = hear(&mut tcp, 5).await;
            assert_eq!(header[..3], *start, "{fault} {service}");
            let length = u16::from_be_bytes(header[3..].try_into().unwrap());
            let flight = hear(&mut tcp, length.into()).await;
            let shows_leaf = flight.windows(leaf.len()).any(|window| window == &leaf[..]);
            assert_eq!(shows_leaf, service != Rdp, "{fault} {service}");
            assert!(flight.ends_with(b"\x0e\0\0\0"));
            if goes_on {
                // A ClientKeyExchange: there is nobody to work with it.
                say(&mut tcp, b"\x16\x03\x01\0\x04\x10\0\0\0").await;
                assert_eq!(hear_all(&mut tcp).await, b"\x15\x03\x03\0\x02\x02\x28");
            } else {
                say(&mut tcp, b"\x15\x03\x01\0\x02\x01\0").await;
                assert_ended(&mut tcp).await;
            }
        }
    }
}

// Certificates

#[tokio::test]
async fn certificate_faults_are_what_a_verifier_finds() {
    for (fault, expected) in [
        ("certificate-expired", "Expired"),
        ("certificate-not-yet-valid", "NotValidYet"),
        ("certificate-self-signed", "UnknownIssuer"),
        ("certificate-unknown-issuer", "UnknownIssuer"),
        ("tls-inspected", "UnknownIssuer"),
        ("certificate-wrong-name", "NotValidForName"),
    ] {
        let server = with(&[fault]).await;
        for service in [Https, Submissions, Ldaps, Imaps, Pop3s] {
            let found = defect(trusting(&server, dial(&server, service).await).await);
            assert!(
                format!("{found:?}").starts_with(expected),
                "{fault}: {found:?}"
            );
        }
    }
    // Behind STARTTLS too, and only where it was asked for.
    let server = with(&["certificate-expired@imap"]).await;
    let mut tcp = dial(&server, Imap).await;
    say(&mut tcp, b"a STARTTLS\r\n").await;
    hear_until(&mut tcp, b"a OK Begin TLS negotiation now.\r\n").await;
    assert!(format!("{:?}", defect(trusting(&server, tcp).await)).starts_with("Expired"));
    trusting(&server, dial(&server, Imaps).await).await.unwrap();
}

#[tokio::test]
async fn each_certificate_has_the_defect_asked_for_and_no_other() {
    let day = 86_400;
    let now = x509_parser::time::ASN1Time::now().timestamp();
    for (fault, from, to, issuer_is_subject, chain, names_fit) in [
        (None, -30, 365, false, 2, true),
        (Some("certificate-expired"), -368, -3, false, 2, true),
        (Some("certificate-expires-soon"), -355, 10, false, 2, true),
        (Some("certificate-not-yet-valid"), 7, 372, false, 2, true),
        (Some("certificate-self-signed"), -30, 1825, true, 1, true),
        (Some("certificate-unknown-issuer"), -30, 365, false, 2, true),
        (Some("tls-inspected"), -30, 365, false, 2, true),
        (Some("certificate-wrong-name"), -30, 365, false, 2, false),
        (Some("certificate-differs@443"), -200, 165, false, 2, true),
    ] {
        let server = with(fault.as_slice()).await;
        let presented = presented(&server, Https).await;
        assert_eq!(presented.len(), chain, "{fault:?}");
        let (rest, leaf) = x509_parser::parse_x509_certificate(&presented[0]).unwrap();
        assert!(rest.is_empty());
        for (moment, days) in [
            (leaf.validity().not_before, from),
            (leaf.validity().not_after, to),
        ] {
            assert!(
                (moment.timestamp() - now - days * day).abs() < 120,
                "{fault:?}"
            );
        }
        assert_eq!(
            leaf.subject() == leaf.issuer(),
            issuer_is_subject,
            "{fault:?}"
        );
        let names = leaf.subject_alternative_name().unwrap().unwrap();
        let names = format!("{:?}", names.value.general_names);
        assert_eq!(
            names,
            if names_fit {
                "[DNSName(\"mail.example.test\"), DNSName(\"autodiscover.example.test\"), DNSName(\"localhost\"), \
                 IPAddress([127, 0, 0, 1]), IPAddress([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])]"
            } else {
                "[DNSName(\"EX01.corp.example.test\"), DNSName(\"EX01\")]"
            },
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn services_share_one_certificate_and_two_servers_do_not() {
    let server = healthy().await;
    let chain = presented(&server, Https).await;
    for service in [Submissions, Ldaps, Imaps, Pop3s] {
        assert_eq!(presented(&server, service).await, chain, "{service}");
    }
    let other = healthy().await;
    assert_ne!(server.ca_pem(), other.ca_pem());
    assert_ne!(server.ca_file(), other.ca_file());
}

#[tokio::test]
async fn smtp_keeps_the_certificate_of_before_the_renewal() {
    let server = with(&["certificate-differs"]).await;
    let new = presented(&server, Https).await.remove(0);
    assert_eq!(presented(&server, Imaps).await[0], new);
    let old = presented(&server, Submissions).await.remove(0);
    assert_ne!(old, new);
    for service in [Smtp, Submission] {
        // It is as trusted as the new one.
        let tcp = on_the_brink(&server, service).await;
        let tls = trusting(&server, tcp).await.unwrap();
        assert_eq!(tls.get_ref().1.peer_certificates().unwrap()[0], old);
    }
    let [old, new] = [&old, &new].map(|der| x509_parser::parse_x509_certificate(der).unwrap().1);
    assert_eq!(old.issuer(), new.issuer());
    assert_eq!(old.subject(), new.subject());
    assert!(old.validity().not_before < new.validity().not_before);
}

#[tokio::test]
async fn an_inspector_is_known_by_name() {
    let server = with(&["tls-inspected"]).await;
    for service in [Https, Imaps, Submissions] {
        for der in presented(&server, service).await {
            let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
            assert_eq!(
                certificate.issuer().to_string(),
                "CN=Zscaler Root CA, O=Zscaler Inc."
            );
        }
    }
}

// Starting and stopping

#[tokio::test]
async fn check_gets_every_argument_it_needs() {
    let server = healthy().await;
    assert_eq!(server.target(), "mail.example.test");
    assert_eq!(
        std::fs::read_to_string(server.ca_file()).unwrap(),
        server.ca_pem()
    );
    let ids: Vec<ServiceId> = server.endpoints().iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, SERVICES.each_ref().map(|row| row.id));
    let mut expected = vec![
        "mail.example.test".to_owned(),
        "--address".to_owned(),
        "127.0.0.1".to_owned(),
        "--ca-file".to_owned(),
        server.ca_file().to_str().unwrap().to_owned(),
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
    let file = server.ca_file().to_owned();
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

// The client

async fn healthy() -> Simulation {
    with(&[]).await
}

async fn with(faults: &[&str]) -> Simulation {
    let faults = faults
        .iter()
        .map(|fault| Staged::parse(fault).unwrap())
        .collect();
    start(Settings {
        faults,
        ..Settings::default()
    })
    .await
    .unwrap()
}

async fn playing(role: Role) -> Simulation {
    start(Settings {
        role,
        ..Settings::default()
    })
    .await
    .unwrap()
}

async fn dial(server: &Simulation, service: ServiceId) -> TcpStream {
    TcpStream::connect(server.endpoint(service).unwrap())
        .await
        .unwrap()
}

/// A connection on which the next word is the `ClientHello`.
async fn on_the_brink(server: &Simulation, service: ServiceId) -> TcpStream {
    let mut tcp = dial(server, service).await;
    match service {
        Smtp | Submission => {
            hear_line(&mut tcp).await;
            say(&mut tcp, b"EHLO me\r\nSTARTTLS\r\n").await;
            hear_until(&mut tcp, b"\n220 2.0.0 SMTP server ready\r\n").await;
        }
        Imap => {
            say(&mut tcp, b"a STARTTLS\r\n").await;
            hear_until(&mut tcp, b"\na OK Begin TLS negotiation now.\r\n").await;
        }
        Pop3 => {
            say(&mut tcp, b"STLS\r\n").await;
            hear_until(&mut tcp, b"\n+OK Begin TLS negotiation.\r\n").await;
        }
        Ldap => {
            say(&mut tcp, ASK_STARTTLS).await;
            assert_eq!(hear(&mut tcp, 46).await, AD_STARTTLS_SUCCESS);
        }
        Rdp => {
            say(&mut tcp, ASK_RDP).await;
            assert_eq!(hear(&mut tcp, 19).await[11], 2);
        }
        _ => {}
    }
    tcp
}

/// A handshake that trusts the CA file and nothing else, for the stand-in's name.
async fn trusting(server: &Simulation, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).unwrap())
        .unwrap();
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let name = ServerName::try_from(server.target()).unwrap();
    bounded(TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
}

/// What the verifier did not like.
fn defect(handshake: io::Result<TlsStream<TcpStream>>) -> CertificateError {
    let error = handshake.unwrap_err();
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(defect)) => defect.clone(),
        _ => panic!("{error}"),
    }
}

/// The chain of an implicit-TLS service, whatever it is worth.
async fn presented(server: &Simulation, service: ServiceId) -> Vec<CertificateDer<'static>> {
    let mut config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(AnyCertificate));
    let name = ServerName::try_from("whoever.example.test").unwrap();
    let tcp = dial(server, service).await;
    let tls = bounded(TlsConnector::from(Arc::new(config)).connect(name, tcp))
        .await
        .unwrap();
    let chain = tls.get_ref().1.peer_certificates().unwrap();
    chain.iter().map(|one| one.clone().into_owned()).collect()
}

#[derive(Debug)]
struct AnyCertificate;

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        vec![rustls::SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, words: &[u8]) {
    bounded(stream.write_all(words)).await.unwrap();
    bounded(stream.flush()).await.unwrap();
}

async fn hear<S: AsyncRead + Unpin>(stream: &mut S, count: usize) -> Vec<u8> {
    let mut heard = vec![0; count];
    bounded(stream.read_exact(&mut heard)).await.unwrap();
    heard
}

/// Everything until a clean end; a reset fails the test, and so does TLS without `close_notify`.
async fn hear_all<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut heard = Vec::new();
    bounded(stream.read_to_end(&mut heard)).await.unwrap();
    heard
}

/// As [`hear_all`], with no bound of its own, which a paused clock would reach first, and how long that took.
async fn hear_all_on_a_paused_clock(mut tcp: TcpStream) -> (Vec<u8>, Duration) {
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let mut heard = Vec::new();
    tcp.read_to_end(&mut heard).await.unwrap();
    let waited = begun.elapsed();
    tokio::time::resume();
    (heard, waited)
}

async fn hear_until<S: AsyncRead + Unpin>(stream: &mut S, end: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    while !heard.ends_with(end) {
        heard.extend(hear(stream, 1).await);
        assert!(heard.len() < 65_536, "{}", heard.escape_ascii());
    }
    heard
}

async fn hear_line<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    String::from_utf8(hear_until(stream, b"\r\n").await).unwrap()
}

async fn hear_head<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    String::from_utf8(hear_until(stream, b"\r\n\r\n").await).unwrap()
}

async fn ask<S: AsyncWrite + Unpin>(stream: &mut S, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: mail.example.test\r\n\r\n");
    say(stream, request.as_bytes()).await;
}

/// A page: head and body.
async fn get<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, path: &str) -> (String, String) {
    ask(stream, path).await;
    let head = hear_head(stream).await;
    let (_, length) = head.split_once("\r\nContent-Length: ").unwrap();
    let length = length.lines().next().unwrap().parse().unwrap();
    let body = hear(stream, length).await;
    (head, String::from_utf8(body).unwrap())
}

/// The ASCII name in base64 of its UTF-16LE (RFC 4648 §4).
fn front_end_name(base64: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0_u32;
    let mut bytes = Vec::new();
    for (index, letter) in base64.trim_end_matches('=').bytes().enumerate() {
        let value = LETTERS.iter().position(|known| *known == letter).unwrap();
        bits = (bits << 6) | u32::try_from(value).unwrap();
        if index % 4 > 0 {
            bytes.push(u8::try_from((bits >> (6 - 2 * (index % 4))) & 0xff).unwrap());
        }
    }
    let units: Vec<u16> = bytes
        .chunks(2)
        .map(|pair| u16::from_le_bytes(pair.try_into().unwrap()))
        .collect();
    String::from_utf16(&units).unwrap()
}

#[track_caller]
fn assert_status(head: &str, status: &str, what: &str) {
    assert!(
        head.starts_with(&format!("HTTP/1.1 {status}\r\n")),
        "{what}: {head}"
    );
}

/// One message with a length in four bytes, as AD writes it.
async fn ldap_message<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut message = hear(stream, 6).await;
    assert_eq!(message[..2], *b"\x30\x84");
    let length = u32::from_be_bytes(message[2..6].try_into().unwrap());
    message.extend(hear(stream, length.try_into().unwrap()).await);
    message
}

async fn assert_heard<S: AsyncRead + Unpin>(stream: &mut S, words: &str) {
    let heard = hear(stream, words.len()).await;
    assert_eq!(String::from_utf8_lossy(&heard), words);
}

async fn assert_ended<S: AsyncRead + Unpin>(stream: &mut S) {
    assert_eq!(hear_all(stream).await, b"");
}

/// `220 EX01.corp.example.test Microsoft ESMTP MAIL Service ready at Tue, 24 Sep 2024 04:21:14 +0000`
fn assert_greeting(line: &str) {
    let date = line
        .strip_prefix("220 EX01.corp.example.test Microsoft ESMTP MAIL Service ready at ")
        .unwrap_or_else(|| panic!("{line}"));
    assert_eq!(
        date.len(),
        "Tue, 24 Sep 2024 04:21:14 +0000\r\n".len(),
        "{line}"
    );
    assert!(date.ends_with(" +0000\r\n"), "{line}");
}

/// `supportedExtension` and `isSynchronized`, by name, message 7.
fn ask_root_dse() -> Vec<u8> {
    b"\x30\x49\x02\x01\x07\x63\x44\x04\0\x0a\x01\0\x0a\x01\0\x02\x01\0\x02\x01\x0a\x01\x01\0\x87\x0bobjectClass\
      \x30\x24\x04\x12supportedExtension\x04\x0eissynchronized"
        .to_vec()
}

async fn assert_root_dse<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    say(stream, &ask_root_dse()).await;
    let entry = ldap_message(stream).await;
    let text = entry.escape_ascii().to_string();
    assert_eq!(entry[6..10], *b"\x02\x01\x07\x64", "{text}");
    assert!(text.contains("supportedExtension1\\x84"), "{text}");
    assert!(text.contains("1.3.6.1.4.1.1466.20037"), "{text}");
    assert!(
        text.contains("isSynchronized1\\x84\\x00\\x00\\x00\\x06\\x04\\x04TRUE"),
        "{text}"
    );
    assert!(!text.contains("dnsHostName"), "{text}");
    assert_eq!(
        ldap_message(stream).await,
        b"\x30\x84\0\0\0\x10\x02\x01\x07\x65\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0"
    );
}

/// Everything that the rootDSE says to who asks for nothing by name; bytes that are no text are escaped.
async fn all_of_root_dse<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> String {
    say(
        stream,
        b"\x30\x25\x02\x01\x02\x63\x20\x04\0\x0a\x01\0\x0a\x01\0\x02\x01\0\x02\x01\x0a\x01\x01\0\x87\x0bobjectClass\x30\0",
    )
    .await;
    let entry = ldap_message(stream).await.escape_ascii().to_string();
    ldap_message(stream).await;
    entry
}

/// `currentTime` is that many seconds ahead of ours, to the minute.
#[track_caller]
fn assert_clock(entry: &str, ahead: i64) {
    let end = entry.find(".0Z").unwrap();
    let clock = &entry[end - 14..end];
    let part = |from: usize| clock[from..from + 2].parse::<i64>().unwrap();
    let seconds_of_day = part(8) * 3600 + part(10) * 60 + part(12);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let apart = (seconds_of_day - now - ahead).rem_euclid(86_400);
    assert!(!(60..86_340).contains(&apart), "{clock} at {now}");
}

async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, work).await.expect("in time")
}
