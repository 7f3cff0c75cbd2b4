//! RDP.

use rustls::CertificateError;

use exchports::catalog::ServiceId;

use super::{ASK_RDP, assert_ended, defect, dial, healthy, hear, hear_all, say, trusting, with};
use ServiceId::Rdp;

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
