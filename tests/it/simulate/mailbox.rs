//! IMAP and POP3.

use exchports::catalog::ServiceId;

use super::{
    IMAP_GREETING, POP3_GREETING, POP3_SECURE, assert_ended, assert_heard, dial, healthy, say,
    trusting,
};
use ServiceId::{Imap, Imaps, Pop3, Pop3s};

const IMAP_SECURE: &str = "* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI UIDPLUS MOVE ID CHILDREN \
                           IDLE NAMESPACE LITERAL+\r\na OK CAPABILITY completed.\r\n";

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
