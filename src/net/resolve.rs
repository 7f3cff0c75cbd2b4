//! Names to addresses, by the system's resolver: it is what Outlook asks, hosts file, split DNS and name policy
//! included. Nothing can hurry it or call it back, so each lookup has a thread of its own, which is left behind when its
//! patience is over. Their number has a bound, and whoever waits for one of them has not begun to ask.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::thread;
use std::time::Duration;

use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, getaddrinfo};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::bounds::Halt;
use super::os;
use crate::facts::Text;
use crate::observation::{Cause, Failure, Stage};
use crate::plan::{Addresses, Families, Host, Limits, Reach};

/// What a lookup came to.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The addresses in the order in which they are to be tried, or why there are none.
    pub addresses: Result<Vec<IpAddr>, Failure>,
    /// How long it took, from when the system was asked; `None` for an address literal.
    pub took: Option<Duration>,
}

/// Looks a host up. `patience` begins when the system is asked; before that, the lookup waits for a thread, as long as
/// others come back.
pub async fn resolve(
    host: &Host,
    reach: Reach,
    patience: Duration,
    deadline: Option<Instant>,
    halt: &Halt,
) -> Lookup {
    static THREADS: LazyLock<Threads> = LazyLock::new(|| Threads::new(Limits::LOOKUPS, STUCK));
    match host {
        Host::Address(address) => Lookup {
            addresses: Ok(vec![*address]),
            took: None,
        },
        Host::Name(name) => {
            let name = name.clone();
            let bounds = LookupBounds {
                patience,
                deadline,
                halt: halt.clone(),
            };
            let mut lookup = THREADS.ask(move || ask_system(&name), bounds).await;
            lookup.addresses = lookup.addresses.and_then(|found| choose(&found, reach));
            lookup
        }
    }
}

/// What a lookup needs: musl gives a thread a quarter of it. All of them have 512 MiB of address space, which 32 bits can
/// hold, and a few pages of memory each.
const STACK: usize = 512 * 1024;

/// For how long not one lookup comes back before those that wait for a thread give up. Resolvers try several servers,
/// several times, but not for so long.
const STUCK: Duration = Duration::from_secs(60);

/// What ends a lookup.
struct LookupBounds {
    patience: Duration,
    deadline: Option<Instant>,
    halt: Halt,
}

/// The threads that lookups run on.
struct Threads {
    free: Arc<Semaphore>,
    /// How many lookups have come back.
    back: Arc<AtomicUsize>,
    stuck: Duration,
}

impl Threads {
    fn new(most: usize, stuck: Duration) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most)),
            back: Arc::default(),
            stuck,
        }
    }

    async fn ask(
        &self,
        question: impl FnOnce() -> Result<Vec<IpAddr>, Failure> + Send + 'static,
        bounds: LookupBounds,
    ) -> Lookup {
        let LookupBounds {
            patience,
            deadline,
            mut halt,
        } = bounds;
        let begun = OnceLock::new();
        let asked = async {
            let thread = self.turn().await?;
            let since = Instant::now();
            let _ = begun.set(since);
            let answer = self.begin(thread, question)?;
            match tokio::time::timeout_at(since + patience, answer).await {
                Ok(Ok(answer)) => answer,
                // The thread broke.
                Ok(Err(_)) => Err(failure(Cause::Internal, None)),
                Err(_) => Err(failure(
                    Cause::LookupFailed,
                    Some("the resolver did not answer in time".into()),
                )),
            }
        };
        let over = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let addresses = tokio::select! {
            biased;
            () = halt.said() => Err(failure(Cause::Interrupted, None)),
            answer = asked => answer,
            () = over => Err(failure(Cause::Deadline, None)),
        };
        Lookup {
            addresses,
            took: begun.get().map(Instant::elapsed),
        }
    }

    /// Waits for a thread, as long as there is one that comes back.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let turn = Arc::clone(&self.free).acquire_owned();
        tokio::pin!(turn);
        loop {
            let back = self.back.load(Ordering::Relaxed);
            if let Ok(turn) = tokio::time::timeout(self.stuck, &mut turn).await {
                return turn.map_err(|_| failure(Cause::Internal, None));
            }
            if back == self.back.load(Ordering::Relaxed) {
                return Err(failure(
                    Cause::LookupFailed,
                    Some("it was not asked for: too many lookups before it hang".into()),
                ));
            }
        }
    }

    /// Asks on a thread that nobody waits for at the end: it keeps its place until the system lets it go.
    fn begin(
        &self,
        place: OwnedSemaphorePermit,
        question: impl FnOnce() -> Result<Vec<IpAddr>, Failure> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<Vec<IpAddr>, Failure>>, Failure> {
        let (sender, answer) = oneshot::channel();
        let back = Arc::clone(&self.back);
        let work = move || {
            let answer = question();
            back.fetch_add(1, Ordering::Relaxed);
            drop(place);
            // Nobody may be waiting any more.
            let _ = sender.send(answer);
        };
        match thread::Builder::new().stack_size(STACK).spawn(work) {
            Ok(_) => Ok(answer),
            Err(_) => Err(failure(Cause::OutOfResources, None)),
        }
    }
}

fn ask_system(name: &str) -> Result<Vec<IpAddr>, Failure> {
    const STREAM: i32 = 1;
    let hints = AddrInfoHints {
        socktype: STREAM,
        ..AddrInfoHints::default()
    };
    match getaddrinfo(Some(name), None, Some(hints)) {
        Ok(found) => Ok(found
            .filter_map(Result::ok)
            .map(|info| match info.sockaddr {
                // A mapped address is an IPv4 one.
                SocketAddr::V6(v6) => v6.ip().to_canonical(),
                SocketAddr::V4(v4) => IpAddr::V4(*v4.ip()),
            })
            .take(Limits::ADDRESSES * 64)
            .collect()),
        Err(error) => Err(refusal(error)),
    }
}

fn refusal(error: LookupError) -> Failure {
    // Without a file to ask from, the system's resolver says of any name that there is none.
    if os::lacks_files() {
        return failure(Cause::OutOfResources, None);
    }
    let kind = error.kind();
    let code = error.error_num();
    let words: std::io::Error = error.into();
    // Offline, Windows and macOS say of every name that there is none; elsewhere a resolver of this machine may know.
    let is_nobodys_word = !cfg!(target_os = "linux") && !os::has_way_out();
    let cause = match kind {
        _ if is_nobodys_word => Cause::NoNetwork,
        LookupErrorKind::NoName => Cause::NameNotFound,
        LookupErrorKind::NoData => Cause::NameWithoutAddress,
        // Windows: WSANO_DATA; the others: EAI_ADDRFAMILY.
        _ if matches!(code, 11004 | -9) => Cause::NameWithoutAddress,
        // Without any network nobody was asked.
        _ if !os::has_way_out() => Cause::NoNetwork,
        _ => Cause::LookupFailed,
    };
    failure(cause, Some(words.to_string().as_str().into()))
}

/// Those of the families asked for, without doubles; raced families take turns, the preferred one first (RFC 8305 §4).
fn choose(found: &[IpAddr], reach: Reach) -> Result<Vec<IpAddr>, Failure> {
    let mut wanted: Vec<IpAddr> = Vec::new();
    for address in found {
        let fits = match reach.families {
            Families::V4 => address.is_ipv4(),
            Families::V6 => address.is_ipv6(),
            Families::Both => true,
        };
        if fits && !wanted.contains(address) {
            wanted.push(*address);
        }
    }
    if wanted.is_empty() {
        let detail = match reach.families {
            Families::V4 => "no IPv4 address",
            Families::V6 => "no IPv6 address",
            Families::Both => "no address",
        };
        return Err(failure(Cause::NameWithoutAddress, Some(detail.into())));
    }
    if reach.addresses == Addresses::Raced {
        wanted = take_turns(&wanted);
    }
    wanted.truncate(Limits::ADDRESSES);
    Ok(wanted)
}

fn take_turns(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first_is_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (preferred, other): (Vec<IpAddr>, Vec<IpAddr>) = addresses
        .iter()
        .copied()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut turns = Vec::with_capacity(addresses.len());
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    loop {
        match (preferred.next(), other.next()) {
            (None, None) => return turns,
            (one, two) => turns.extend(one.into_iter().chain(two)),
        }
    }
}

fn failure(cause: Cause, detail: Option<Text>) -> Failure {
    Failure {
        stage: Stage::Resolve,
        cause,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Halter;

    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(20);

    /// A question that hangs until the sender is gone.
    fn hanging() -> (
        std::sync::mpsc::Sender<()>,
        impl FnOnce() -> Result<Vec<IpAddr>, Failure> + Send + 'static,
    ) {
        let (release, hang) = std::sync::mpsc::channel::<()>();
        let question = move || {
            let _ = hang.recv();
            Ok(Vec::new())
        };
        (release, question)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is what a question comes to")]
    fn answered() -> Result<Vec<IpAddr>, Failure> {
        Ok(addresses(&["192.0.2.1"]))
    }

    fn within(patience: Duration, deadline: Option<Duration>) -> LookupBounds {
        LookupBounds {
            patience,
            deadline: deadline.map(|deadline| Instant::now() + deadline),
            halt: Halt::never(),
        }
    }

    fn cause(lookup: &Lookup) -> Option<Cause> {
        lookup.addresses.as_ref().err().map(|failure| failure.cause)
    }

    #[tokio::test]
    async fn a_lookup_that_hangs_costs_its_patience() {
        let threads = Threads::new(1, LONG);
        let (_release, question) = hanging();
        let lookup = threads.ask(question, within(SHORT, None)).await;
        let failure = lookup.addresses.expect_err("nobody answers");
        assert_eq!(failure.cause, Cause::LookupFailed);
        let words = failure.detail.as_ref().map(Text::as_str);
        assert_eq!(words, Some("the resolver did not answer in time"));
        let took = lookup.took.expect("it was asked");
        assert!((SHORT..LONG).contains(&took), "{took:?}");
    }

    #[tokio::test]
    async fn the_deadline_and_the_interrupt_end_a_lookup() {
        let threads = Threads::new(2, LONG);
        let (_release, question) = hanging();
        let lookup = threads.ask(question, within(LONG, Some(SHORT))).await;
        assert_eq!(cause(&lookup), Some(Cause::Deadline));

        let (halter, halt) = Halter::new();
        let (_release, question) = hanging();
        let bounds = LookupBounds {
            halt,
            ..within(LONG, None)
        };
        let (lookup, ()) = tokio::join!(threads.ask(question, bounds), async {
            tokio::time::sleep(SHORT).await;
            halter.halt();
        });
        assert_eq!(cause(&lookup), Some(Cause::Interrupted));
    }

    /// A name that has to wait because others hang is not told that nobody answers for it.
    #[tokio::test]
    async fn patience_begins_when_the_system_is_asked() {
        let threads = Threads::new(1, LONG);
        let (release, question) = hanging();
        let lookup = threads.ask(question, within(SHORT, None)).await;
        assert_eq!(cause(&lookup), Some(Cause::LookupFailed));
        let released = async {
            tokio::time::sleep(SHORT * 3).await;
            drop(release);
        };
        let (waited, ()) = tokio::join!(threads.ask(answered, within(SHORT, None)), released);
        assert_eq!(waited.addresses, answered());
        assert!(waited.took.is_some_and(|took| took < SHORT), "{waited:?}");
    }

    #[tokio::test]
    async fn a_lookup_that_is_not_asked_for_says_so_and_is_not_timed() {
        let threads = Threads::new(1, SHORT);
        let (_release, question) = hanging();
        threads.ask(question, within(SHORT, None)).await;
        let lookup = threads.ask(answered, within(LONG, Some(SHORT / 2))).await;
        assert_eq!((cause(&lookup), lookup.took), (Some(Cause::Deadline), None));
        // Without a deadline it ends as well, when none of the others comes back.
        let lookup = threads.ask(answered, within(LONG, None)).await;
        assert_eq!(
            (cause(&lookup), lookup.took),
            (Some(Cause::LookupFailed), None)
        );
        let failure = lookup.addresses.expect_err("there is no thread");
        let words = failure.detail.as_ref().map(Text::as_str);
        assert_eq!(
            words,
            Some("it was not asked for: too many lookups before it hang")
        );
    }

    /// Others that hang, but within the bound, cost a name nothing.
    #[tokio::test]
    async fn lookups_that_hang_starve_nobody() {
        let threads = Threads::new(9, LONG);
        let mut releases = Vec::new();
        for _ in 0..8 {
            let (release, question) = hanging();
            releases.push(release);
            threads.ask(question, within(SHORT / 10, None)).await;
        }
        for _ in 0..3 {
            let lookup = threads.ask(answered, within(SHORT, None)).await;
            assert_eq!(lookup.addresses, answered());
        }
    }

    fn addresses(words: &[&str]) -> Vec<IpAddr> {
        words.iter().filter_map(|word| word.parse().ok()).collect()
    }

    fn reach(families: Families, addresses: Addresses) -> Reach {
        Reach {
            families,
            addresses,
            source: None,
        }
    }

    #[test]
    fn raced_families_take_turns_and_doubles_go() {
        let found = addresses(&["2001:db8::1", "2001:db8::1", "2001:db8::2", "192.0.2.1"]);
        for (families, which, expected) in [
            (
                Families::Both,
                Addresses::Raced,
                &["2001:db8::1", "192.0.2.1", "2001:db8::2"][..],
            ),
            (
                Families::Both,
                Addresses::Every,
                &["2001:db8::1", "2001:db8::2", "192.0.2.1"],
            ),
            (
                Families::V6,
                Addresses::Every,
                &["2001:db8::1", "2001:db8::2"],
            ),
            (Families::V4, Addresses::Every, &["192.0.2.1"]),
            (Families::V4, Addresses::Raced, &["192.0.2.1"]),
        ] {
            let chosen = choose(&found, reach(families, which));
            assert_eq!(chosen, Ok(addresses(expected)), "{families:?} {which:?}");
        }
    }

    #[test]
    fn a_name_without_the_family_asked_for_says_so() {
        let failure = choose(
            &addresses(&["192.0.2.1"]),
            reach(Families::V6, Addresses::Raced),
        );
        assert_eq!(
            failure.map_err(|failure| failure.cause),
            Err(Cause::NameWithoutAddress)
        );
    }

    #[test]
    fn a_name_with_ten_thousand_addresses_is_cut() {
        let found: Vec<IpAddr> = (0..10_000_u32)
            .map(|number| IpAddr::from(number.to_be_bytes()))
            .collect();
        assert_eq!(
            choose(&found, reach(Families::Both, Addresses::Every)).map(|found| found.len()),
            Ok(Limits::ADDRESSES)
        );
    }
}
