//! SMTP.

use exchports::catalog::{Role, ServiceId};

use super::{
    POP3_GREETING, POP3_SECURE, assert_ended, assert_greeting, assert_heard, dial, healthy,
    hear_all_on_a_paused_clock, hear_line, hear_until, playing, say, trusting, with,
};
use ServiceId::{Imap, Pop3, Smtp, Submission, Submissions};

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
