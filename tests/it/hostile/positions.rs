//! Peers that hang up at each byte of a healthy conversation.

use exchports::catalog::{Protocol, ServiceId, service};
use exchports::observation::{Cause, Stage};

use super::sheet::{Ending, Row, Sheet, fails_at, passes};
use crate::peer::{Act, Peer, act};
use crate::probe::bounds::{Cut, every_cut};
use crate::probe::script::Step;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Close,
    Reset,
}

/// Every byte of the services of one protocol.
fn hold(protocol: Protocol) {
    let mut sheet = Sheet::default();
    for cut in every_cut() {
        if service(cut.script.service).protocol != protocol {
            continue;
        }
        let steps = cut.script.connections.concat();
        let Some(Step::Say(answer)) = steps.get(cut.steps.len()) else {
            continue;
        };
        let secure = cut.steps.iter().any(|step| matches!(step, Step::Tls(_)));
        for way in [Way::Close, Way::Reset] {
            for position in (0..answer.len()).step_by(every(&cut, secure, way, answer.len())) {
                sheet.try_out(Row {
                    peer: match way {
                        Way::Close => "closes at each byte",
                        Way::Reset => "resets at each byte",
                    },
                    service: cut.script.service,
                    acts: (0..3)
                        .map(|_| hang_up(&cut.steps, &answer[..position], way))
                        .collect(),
                    right: right(&cut, position, way),
                });
            }
        }
    }
    sheet.hold();
}

#[test]
fn smtp() {
    hold(Protocol::Smtp);
}

#[test]
fn imap() {
    hold(Protocol::Imap);
}

#[test]
fn pop3() {
    hold(Protocol::Pop3);
}

#[test]
fn ldap() {
    hold(Protocol::Ldap);
}

#[test]
fn rdp() {
    hold(Protocol::Rdp);
}

#[test]
fn http() {
    hold(Protocol::Http);
}

/// Which positions are tried. A handshake costs a hundred times what a byte does: in the secure session one service of
/// each kind has them all, the others some.
fn every(cut: &Cut, secure: bool, way: Way, length: usize) -> usize {
    use ServiceId::{Https, Imaps, Pop3s, Smtp, Submissions};
    match (secure, cut.script.service, way) {
        (true, Imaps | Smtp, _) => 1,
        (true, Https | Pop3s | Submissions, Way::Close) => 2,
        (true, Https | Pop3s | Submissions, Way::Reset) => 10,
        (true, _, Way::Close) => 23,
        (true, _, Way::Reset) => 115,
        (false, ..) if length <= 300 => 1,
        (false, ..) => 7,
    }
}

/// Who hangs up on what is no goodbye has failed there and at once.
fn right(cut: &Cut, position: usize, way: Way) -> Ending {
    let Some(stage) = cut.stage else {
        return passes(0);
    };
    let cause = match way {
        Way::Close => Cause::Closed,
        Way::Reset => Cause::Reset,
    };
    match (cut.script.service, stage, position, way) {
        // Where nothing was said there may be TLS: that is tried, and nobody is there.
        (ServiceId::Ldap, Stage::Capabilities, 0, _) => fails_at(stage, cause, 5_000),
        // With TLS 1.2 the last flight is the server's: a reset right behind it belongs to the handshake.
        (ServiceId::Imaps | ServiceId::Pop3s, Stage::Greeting, 0, Way::Reset) => {
            fails_at(Stage::TlsHandshake, cause, 0)
        }
        _ => fails_at(stage, cause, 0),
    }
}

fn hang_up(steps: &[Step], rest: &[u8], way: Way) -> Act {
    let (steps, rest) = (steps.to_vec(), rest.to_vec());
    act(move |mut peer: Peer| async move {
        for step in steps {
            match step {
                Step::Say(bytes) => drop(peer.say(&bytes).await),
                Step::Hear(expected) => drop(peer.hear(expected.len()).await),
                Step::Tls(version) => peer.secure(version).await,
                other => panic!("{other:?} is in no healthy conversation"),
            }
        }
        peer.say(&rest).await;
        match way {
            Way::Close => peer.close().await,
            Way::Reset => peer.reset(),
        }
    })
}
