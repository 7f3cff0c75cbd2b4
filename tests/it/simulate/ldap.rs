//! LDAP.

use tokio::io::{AsyncRead, AsyncWrite};

use exchports::catalog::ServiceId;

use super::{
    AD_STARTTLS_SUCCESS, ASK_STARTTLS, assert_ended, assert_root_dse, dial, healthy, hear,
    ldap_message, say, trusting, with,
};
use ServiceId::{Ldap, Ldaps};

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
