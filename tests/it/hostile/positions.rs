//! Peers that hang up at each byte of a healthy conversation.

use exchports::catalog::Security;
use exchports::catalog::service;

use super::sheet::{Row, Sheet};
use crate::probe::bounds::HEALTHY;
use crate::probe::peer::{Act, Peer, act};
use crate::probe::script::{Step, script};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Close,
    Reset,
}

pub(super) fn try_out(sheet: &mut Sheet) {
    for name in HEALTHY {
        let script = script(name);
        let begins_in_tls = service(script.service).security == Security::ImplicitTls;
        let steps = script.connections.concat();
        let mut secure = false;
        for (at, step) in steps.iter().enumerate() {
            secure |= matches!(step, Step::Tls(_));
            let Step::Say(answer) = step else {
                continue;
            };
            // A handshake costs a hundred times what a byte does; behind it a STARTTLS service is as one of TLS.
            let every = match (secure, begins_in_tls, answer.len()) {
                (false, _, ..=300) => 1,
                (false, ..) => 7,
                (true, true, ..=300) => 2,
                _ => 23,
            };
            for position in (0..answer.len()).step_by(every) {
                for (peer, way) in [
                    ("closes at each byte", Way::Close),
                    ("resets at each byte", Way::Reset),
                ] {
                    if way == Way::Reset && secure && position % 5 > 0 {
                        continue;
                    }
                    sheet.try_out(Row {
                        peer,
                        service: script.service,
                        acts: (0..3)
                            .map(|_| cut(&steps[..at], &answer[..position], way))
                            .collect(),
                        right: match way {
                            // Where nothing was said there may be TLS: that is tried.
                            Way::Close if position == 0 => &["closed 0s", "closed 5s", "pass 0s"],
                            Way::Reset if position == 0 => &["reset 0s", "reset 5s", "pass 0s"],
                            Way::Close => &["closed 0s", "pass 0s"],
                            Way::Reset => &["reset 0s", "pass 0s"],
                        },
                    });
                }
            }
        }
    }
}

fn cut(steps: &[Step], rest: &[u8], way: Way) -> Act {
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
