//! HTTP and the virtual directories.

use tokio::io::{AsyncRead, AsyncWrite};

use exchports::catalog::{Role, ServiceId, WEB};

use super::{
    ask, assert_ended, assert_heard, dial, healthy, hear, hear_all, hear_line, hear_until, playing,
    say, trusting, with,
};
use ServiceId::{Ecp, Ews, Http, Https, Imaps, OutlookAnywhere, Owa, Pop3s, Powershell};

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

#[tokio::test]
async fn a_build_that_is_throttled_stands_in_header_and_page() {
    let server = with(&["exchange-online-throttles"]).await;
    let mut tls = trusting(&server, dial(&server, Https).await).await.unwrap();
    let (head, body) = get(&mut tls, "/owa/auth/logon.aspx").await;
    assert!(
        head.contains("\r\nX-OWA-Version: 15.2.1748.37\r\n"),
        "{head}"
    );
    assert!(body.contains("\"/owa/auth/15.2.1748/themes/"), "{body}");
}

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

async fn hear_head<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    String::from_utf8(hear_until(stream, b"\r\n\r\n").await).unwrap()
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
