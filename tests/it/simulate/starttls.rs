//! STARTTLS, and what goes wrong with it.

use exchports::catalog::ServiceId;

use super::{
    ASK_RDP, ASK_STARTTLS, IMAP_GREETING, POP3_GREETING, ask_root_dse, assert_heard,
    assert_root_dse, dial, hear_all, hear_line, hear_until, ldap_message, say, trusting, with,
};
use ServiceId::{Imap, Imaps, Ldap, Pop3, Pop3s, Rdp, Smtp, Submission};

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
