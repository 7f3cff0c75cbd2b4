//! What a mail domain publishes, asked of a name server, with DNSSEC validated here (RFC 4035).
//!
//! Only the discovery of a domain asks here: a check of a host asks the system ([`resolve`](super::resolve())), since that
//! is what Outlook does.
//!
//! The name server is asked with "checking disabled": a resolver that validates would keep back what does not validate,
//! and say no more than that it failed. What it hands out is validated here, and the proof of each record is read.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::str::FromStr as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::Either;
use futures_util::stream::{Stream, StreamExt as _, once};
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts};
use hickory_resolver::net::dnssec::DnssecDnsHandle;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::DnsHandle;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors};
use hickory_resolver::proto::op::{
    DnsRequest, DnsRequestOptions, DnsResponse, Query, ResponseCode,
};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::proto::serialize::binary::BinEncodable as _;
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig, system_conf};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::bounds::{Halt, Interruption};
use crate::facts::{Answer, CaaRecord, DnssecState, MxRecord, Outcome, SrvRecord};
use crate::plan::Limits;

/// How long one question to one server takes at the most before it is asked again.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How long an answer takes at the most, with its aliases and signatures.
const WHOLE: Duration = Duration::from_secs(8);

/// The most bytes over UDP: what passes everywhere without being cut (RFC 9715 §3.1); longer answers come over TCP.
const PAYLOAD: u16 = 1232;

/// Asks name servers, and validates what they say.
#[derive(Clone)]
pub struct Resolver {
    handle: DnssecDnsHandle<Upstream>,
    upstream: Upstream,
    servers: Vec<SocketAddr>,
    asked: Arc<AtomicUsize>,
    deadline: Option<Instant>,
    halt: Halt,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver")
            .field("servers", &self.servers)
            .finish_non_exhaustive()
    }
}

/// Why nobody can be asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NobodyToAsk {
    /// The system names no name server.
    #[error("this system names no name server")]
    None,
    /// The system's configuration cannot be read.
    #[error("this system's name servers cannot be read: {0}")]
    Unreadable(String),
    /// The trust anchor is none.
    #[error("not a DNSKEY record of a trust anchor: {0}")]
    Anchor(String),
}

impl Resolver {
    /// One that asks this server, or the system's where none is given; and trusts the keys of the root zone, or those of
    /// `anchor`, DNSKEY records in the form of a zone file. A run that lasts so long begins now.
    ///
    /// # Errors
    /// There is nobody to ask.
    pub fn new(
        server: Option<SocketAddr>,
        anchor: Option<&str>,
        run: Option<Duration>,
        halt: Halt,
    ) -> Result<Self, NobodyToAsk> {
        let servers = match server {
            Some(server) => vec![config(server)],
            None => of_system()?,
        };
        let addresses = servers
            .iter()
            .map(|server| {
                let port = server.connections.first().map_or(53, |first| first.port);
                SocketAddr::new(server.ip, port)
            })
            .collect();
        let mut options = ResolverOpts::default();
        options.timeout = PATIENCE;
        options.attempts = 1;
        options.validate = true;
        options.edns0 = true;
        options.edns_payload_len = PAYLOAD;
        options.try_tcp_on_error = false;
        options.max_active_requests = 2 * Limits::QUESTIONS_AT_ONCE;
        let tls = TlsConfig::new().map_err(|error| NobodyToAsk::Unreadable(error.to_string()))?;
        let pool = NameServerPool::from_config(
            servers,
            Arc::new(PoolContext::new(options, tls)),
            TokioRuntimeProvider::default(),
        );
        Self::that_asks(Servers::Pool(pool), addresses, anchor, run, halt)
    }

    /// One whose questions go another way than over the network.
    ///
    /// # Errors
    /// The trust anchor is none.
    pub fn over(
        way: Arc<dyn WayToServers>,
        address: SocketAddr,
        anchor: Option<&str>,
        run: Option<Duration>,
        halt: Halt,
    ) -> Result<Self, NobodyToAsk> {
        Self::that_asks(Servers::Other(way), vec![address], anchor, run, halt)
    }

    fn that_asks(
        servers: Servers,
        addresses: Vec<SocketAddr>,
        anchor: Option<&str>,
        run: Option<Duration>,
        halt: Halt,
    ) -> Result<Self, NobodyToAsk> {
        let anchors = match anchor {
            None => TrustAnchors::default(),
            Some(text) => TrustAnchors::from_str(text)
                .map_err(|error| NobodyToAsk::Anchor(error.to_string()))?,
        };
        let asked = Arc::new(AtomicUsize::new(0));
        let upstream = Upstream {
            servers,
            places: Arc::new(Semaphore::new(Limits::QUESTIONS_AT_ONCE)),
            asked: Arc::clone(&asked),
            answers: Arc::default(),
        };
        Ok(Self {
            upstream: upstream.clone(),
            handle: DnssecDnsHandle::with_trust_anchor(upstream, Arc::new(anchors)),
            servers: addresses,
            asked,
            deadline: run.map(|run| Instant::now() + run),
            halt,
        })
    }

    /// Whom it asks.
    #[must_use]
    pub fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// When the run is over.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How much of the run is left, where it has a deadline.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let now = Instant::now();
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(now))
    }

    /// What ended the run, where it is over.
    #[must_use]
    pub fn end(&self) -> Option<Interruption> {
        if self.halt.is_said() {
            return Some(Interruption::Interrupted);
        }
        let is_over = self.deadline.is_some_and(|it| it <= Instant::now());
        is_over.then_some(Interruption::Deadline)
    }

    /// A stopwatch that runs with its answers.
    #[must_use]
    pub fn clock(&self) -> Instant {
        Instant::now()
    }

    /// How many questions went out so far, those for signatures included.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether the server hands out signatures: the keys of the root are signed, wherever one asks.
    pub async fn signatures(&self) -> Answer<()> {
        self.ask(".", RecordType::DNSKEY, |_| Some(())).await
    }

    /// The mail hosts of a domain, the preferred ones first.
    pub async fn mx(&self, domain: &str) -> Answer<MxRecord> {
        let mut answer = self
            .ask(domain, RecordType::MX, |data| match data {
                RData::MX(mx) => Some(MxRecord {
                    preference: mx.preference,
                    host: told(&mx.exchange),
                }),
                _ => None,
            })
            .await;
        answer.records.sort();
        answer
    }

    /// The addresses of a host, both families asked at once, IPv6 first as they are dialled.
    pub async fn addresses(&self, host: &str) -> Answer<IpAddr> {
        let of = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        let v6 = self.ask(host, RecordType::AAAA, of);
        let v4 = self.ask(host, RecordType::A, of);
        let (v6, v4) = futures_util::future::join(v6, v4).await;
        both(v6, v4)
    }

    /// Where a service of a domain is, the preferred hosts first.
    pub async fn srv(&self, name: &str) -> Answer<SrvRecord> {
        let mut answer = self
            .ask(name, RecordType::SRV, |data| match data {
                RData::SRV(srv) => Some(SrvRecord {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    target: told(&srv.target),
                }),
                _ => None,
            })
            .await;
        answer.records.sort();
        answer
    }

    /// Text records, the strings of each joined.
    pub async fn txt(&self, name: &str) -> Answer<Vec<u8>> {
        self.ask(name, RecordType::TXT, |data| match data {
            RData::TXT(txt) => Some(txt.txt_data.concat()),
            _ => None,
        })
        .await
    }

    /// TLSA records, as on the wire.
    pub async fn tlsa(&self, name: &str) -> Answer<Vec<u8>> {
        self.ask(name, RecordType::TLSA, |data| match data {
            RData::TLSA(tlsa) => tlsa.to_bytes().ok(),
            _ => None,
        })
        .await
    }

    /// Which authorities may issue certificates, as said at this very name.
    pub async fn caa(&self, name: &str) -> Answer<CaaRecord> {
        self.ask(name, RecordType::CAA, |data| match data {
            RData::CAA(caa) => Some(CaaRecord {
                tag: caa.tag.clone(),
                value: caa.value.clone(),
            }),
            _ => None,
        })
        .await
    }

    /// The names of an address.
    pub async fn names_of(&self, address: IpAddr) -> Answer<String> {
        let name = Name::from(address).to_ascii();
        self.ask(&name, RecordType::PTR, |data| match data {
            RData::PTR(ptr) => Some(told(&ptr.0)),
            _ => None,
        })
        .await
    }

    /// One question, its aliases followed, within all bounds.
    async fn ask<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T> + Send + Sync,
    ) -> Answer<T> {
        let begun = Instant::now();
        let mut answer = Answer {
            records: Vec::new(),
            more: 0,
            aliases: Vec::new(),
            outcome: Outcome::Silent,
            security: DnssecState::Indeterminate,
            took: Duration::ZERO,
        };
        let until = begun + WHOLE;
        let is_cut = self.deadline.is_some_and(|deadline| deadline <= until);
        let until = self.deadline.map_or(until, |deadline| deadline.min(until));
        let mut halt = self.halt.clone();
        let ended = tokio::select! {
            biased;
            () = halt.said() => Some(Outcome::Unasked),
            () = self.follow(name, kind, &read, &mut answer) => None,
            () = tokio::time::sleep_until(until) => {
                Some(if is_cut { Outcome::Unasked } else { Outcome::Silent })
            }
        };
        if let Some(outcome) = ended {
            answer.outcome = outcome;
        }
        answer.took = begun.elapsed();
        answer
    }

    async fn follow<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: &(impl Fn(&RData) -> Option<T> + Send + Sync),
        answer: &mut Answer<T>,
    ) {
        let Ok(mut name) = Name::from_ascii(name) else {
            answer.outcome = Outcome::NoName;
            return;
        };
        name.set_fqdn(true);
        let mut seen = BTreeSet::from([told(&name)]);
        let mut security = DnssecState::Secure;
        // Each round asks for what the aliases of the last one led to, where the server did not follow them itself.
        loop {
            let heard = self.send(&name, kind).await;
            let (message, negative) = match heard {
                Heard::Message(message, negative) => (message, negative),
                Heard::Nothing(outcome, proof) => {
                    answer.outcome = outcome;
                    answer.security = security.min(proof);
                    return;
                }
            };
            let records: Vec<&Record> = message.answers.iter().collect();
            let mut went_on = false;
            while let Some((target, proof)) = alias(&records, &name, kind) {
                security = security.min(proof);
                went_on = true;
                if !seen.insert(told(&target)) || answer.aliases.len() >= Limits::ALIASES {
                    answer.outcome = Outcome::Loop;
                    answer.security = security;
                    return;
                }
                answer.aliases.push(told(&target));
                name = target;
            }
            for record in &records {
                if record.record_type() != kind || record.name != name {
                    continue;
                }
                security = security.min(proof(record.proof));
                match read(&record.data) {
                    Some(data) if answer.records.len() < Limits::RECORDS => {
                        answer.records.push(data);
                    }
                    Some(_) => answer.more = answer.more.saturating_add(1),
                    None => {}
                }
            }
            if !answer.records.is_empty() {
                answer.outcome = Outcome::Found;
                answer.security = security;
                return;
            }
            // That there is nothing at an alias's end is proven there, not where the alias stands.
            if went_on {
                continue;
            }
            answer.outcome = match message.response_code {
                ResponseCode::NXDomain => Outcome::NoName,
                _ => Outcome::NoRecords,
            };
            answer.security = security.min(negative.unwrap_or_else(|| denial(&message)));
            return;
        }
    }

    async fn send(&self, name: &Name, kind: RecordType) -> Heard {
        let query = Query::query(name.clone(), kind);
        let mut answers = self.handle.lookup(query, options());
        // The keys are on their way while the answer is.
        let keys = pin!(self.upstream.fetch_keys(name));
        let first = futures_util::future::select(keys, answers.next());
        let answer = match first.await {
            Either::Left(((), answer)) => answer.await,
            Either::Right((answer, _)) => answer,
        };
        match answer {
            Some(Ok(response)) => heard(response),
            Some(Err(error)) => trouble(&error),
            None => Heard::Nothing(Outcome::Silent, DnssecState::Indeterminate),
        }
    }
}

/// What came of one message.
enum Heard {
    /// An answer; and what its proof of absence is worth, where it was found wanting.
    Message(DnsResponse, Option<DnssecState>),
    /// None.
    Nothing(Outcome, DnssecState),
}

fn heard(response: DnsResponse) -> Heard {
    match response.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => Heard::Message(response, None),
        code => Heard::Nothing(Outcome::Refused(word(code)), DnssecState::Indeterminate),
    }
}

fn trouble(error: &NetError) -> Heard {
    let nothing = |outcome| Heard::Nothing(outcome, DnssecState::Indeterminate);
    match error {
        NetError::Dns(DnsError::Nsec {
            response,
            proof: found,
            ..
        }) => Heard::Message((**response).clone(), Some(proof(*found))),
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            let outcome = match none.response_code {
                ResponseCode::NXDomain => Outcome::NoName,
                ResponseCode::NoError => Outcome::NoRecords,
                code => Outcome::Refused(word(code)),
            };
            nothing(outcome)
        }
        NetError::Dns(DnsError::DnssecBogus) => {
            Heard::Nothing(Outcome::NoRecords, DnssecState::Bogus)
        }
        NetError::Dns(DnsError::ResponseCode(code)) => nothing(Outcome::Refused(word(*code))),
        NetError::Message(TOO_MUCH) => nothing(Outcome::TooMuch),
        NetError::Io(_) | NetError::NoConnections => nothing(Outcome::Unreachable),
        NetError::Proto(_) | NetError::ForeignClassRecord { .. } | NetError::Truncated => {
            nothing(Outcome::Malformed)
        }
        _ => nothing(Outcome::Silent),
    }
}

/// What the absence of records is worth where nothing was found wanting: it is proven, or the zone is not signed.
fn denial(message: &DnsResponse) -> DnssecState {
    let mut proofs = message.authorities.iter().map(|record| proof(record.proof));
    let first = proofs.next().unwrap_or(DnssecState::Insecure);
    proofs.fold(first, DnssecState::min)
}

/// Where a name is passed on to, and whether that is signed.
fn alias(records: &[&Record], name: &Name, kind: RecordType) -> Option<(Name, DnssecState)> {
    if kind == RecordType::CNAME {
        return None;
    }
    records.iter().find_map(|record| match &record.data {
        RData::CNAME(target) if record.name == *name => {
            Some((target.0.clone(), proof(record.proof)))
        }
        _ => None,
    })
}

fn proof(proof: Proof) -> DnssecState {
    match proof {
        Proof::Secure => DnssecState::Secure,
        Proof::Insecure => DnssecState::Insecure,
        Proof::Bogus => DnssecState::Bogus,
        Proof::Indeterminate => DnssecState::Indeterminate,
    }
}

/// A name as it is told and compared: ASCII, lower case, without the final dot; the root is empty.
fn told(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

fn word(code: ResponseCode) -> &'static str {
    match code {
        ResponseCode::ServFail => "SERVFAIL",
        ResponseCode::Refused => "REFUSED",
        ResponseCode::FormErr => "FORMERR",
        ResponseCode::NotImp => "NOTIMP",
        _ => "an error",
    }
}

/// Both families as one answer: what was found counts, and is as safe as the less safe of the two.
fn both(first: Answer<IpAddr>, second: Answer<IpAddr>) -> Answer<IpAddr> {
    let rank = |outcome: Outcome| match outcome {
        Outcome::Found => 0,
        Outcome::NoRecords => 2,
        Outcome::NoName => 3,
        _ => 1,
    };
    let took = first.took.max(second.took);
    let security = first.security.min(second.security);
    let (mut better, other) = if rank(second.outcome) < rank(first.outcome) {
        (second, first)
    } else {
        (first, second)
    };
    let is_both = better.outcome == Outcome::Found && other.outcome == Outcome::Found;
    if is_both {
        better.more = better.more.saturating_add(other.more);
        better.records.extend(other.records);
    }
    Answer {
        security,
        took,
        ..better
    }
}

fn config(server: SocketAddr) -> NameServerConfig {
    let mut udp = ConnectionConfig::udp();
    let mut tcp = ConnectionConfig::tcp();
    udp.port = server.port();
    tcp.port = server.port();
    NameServerConfig::new(server.ip(), true, vec![udp, tcp])
}

/// The system's own, three at the most, as the system asks.
fn of_system() -> Result<Vec<NameServerConfig>, NobodyToAsk> {
    let (found, _) = system_conf::read_system_conf()
        .map_err(|error| NobodyToAsk::Unreadable(error.to_string()))?;
    let servers: Vec<NameServerConfig> = found.name_servers().iter().take(3).cloned().collect();
    if servers.is_empty() {
        return Err(NobodyToAsk::None);
    }
    Ok(servers)
}

const TOO_MUCH: &str = "more questions than a run may ask";

/// How questions get to name servers, where not over the network: each as on the wire, and its answer likewise.
pub trait WayToServers: Send + Sync {
    /// Asks.
    fn ask(&self, question: Vec<u8>) -> Pin<Box<dyn Future<Output = io::Result<Vec<u8>>> + Send>>;
}

#[derive(Clone)]
enum Servers {
    Pool(NameServerPool<TokioRuntimeProvider>),
    Other(Arc<dyn WayToServers>),
}

impl Servers {
    async fn send(&self, request: DnsRequest) -> Option<Result<DnsResponse, NetError>> {
        match self {
            Self::Pool(pool) => pool.send(request).next().await,
            Self::Other(way) => Some(match request.to_vec() {
                Ok(question) => match way.ask(question).await {
                    Ok(answer) => DnsResponse::from_buffer(answer)
                        .map_err(NetError::from)
                        .and_then(|answer| Ok(DnsError::from_response(answer)?)),
                    Err(error) => Err(NetError::from(error)),
                },
                Err(error) => Err(NetError::from(error)),
            }),
        }
    }
}

/// The way to the servers: it asks them not to check, keeps the bounds on questions, and asks none twice.
#[derive(Clone)]
struct Upstream {
    servers: Servers,
    places: Arc<Semaphore>,
    asked: Arc<AtomicUsize>,
    answers: Arc<Mutex<Answers>>,
}

/// What came of a question; who asks while it is under way waits for it. As many are kept as questions may be asked.
type AskedOnce = tokio::sync::Mutex<Option<Result<DnsResponse, NetError>>>;

/// By what was asked for.
type Answers = HashMap<(Name, RecordType), Arc<AskedOnce>>;

impl Upstream {
    fn known(&self, request: &DnsRequest) -> Arc<AskedOnce> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match request.queries.first() {
            Some(query) => {
                let question = (query.name().to_lowercase(), query.query_type());
                Arc::clone(answers.entry(question).or_default())
            }
            None => Arc::default(),
        }
    }

    async fn ask(&self, request: DnsRequest) -> Result<DnsResponse, NetError> {
        let known = self.known(&request);
        let mut known = known.lock().await;
        if let Some(answer) = &*known {
            return answer.clone();
        }
        let answer = self.ask_servers(request).await;
        *known = Some(answer.clone());
        answer
    }

    async fn ask_servers(&self, request: DnsRequest) -> Result<DnsResponse, NetError> {
        let Ok(_place) = self.places.acquire().await else {
            return Err(NetError::Timeout);
        };
        for attempt in 0..2 {
            if self.asked.fetch_add(1, Ordering::Relaxed) >= Limits::QUESTIONS {
                return Err(NetError::Message(TOO_MUCH));
            }
            match self.servers.send(request.clone()).await {
                Some(Err(NetError::Timeout)) | None if attempt == 0 => {}
                Some(answer) => return answer,
                None => break,
            }
        }
        Err(NetError::Timeout)
    }

    /// Asks for the keys on the way from the root to a name all at once; validation asks for one after the other. What
    /// is asked for needlessly is little: zones are cut near the root.
    async fn fetch_keys(&self, name: &Name) {
        const NEAR: usize = 3;
        const NEAR_OF_ADDRESSES: usize = 5;
        let is_of_address = name.iter().next_back() == Some(b"arpa".as_slice());
        let near = if is_of_address {
            NEAR_OF_ADDRESSES
        } else {
            NEAR
        };
        let hosts = name
            .iter()
            .rev()
            .take_while(|label| label.first() != Some(&b'_'))
            .count();
        let zones = (0..=near.min(hosts)).map(|labels| name.trim_to(labels));
        let questions = zones.flat_map(|zone| {
            let kinds = [
                Some(RecordType::DNSKEY),
                (!zone.is_root()).then_some(RecordType::DS),
            ];
            kinds.into_iter().flatten().map(move |kind| {
                let mut zone = zone.clone();
                zone.set_fqdn(true);
                Query::query(zone, kind)
            })
        });
        let asked = questions.map(|query| async {
            // Validation asks for it again, and takes what came.
            let _ = self.lookup(query, options()).next().await;
        });
        futures_util::future::join_all(asked).await;
    }
}

fn options() -> DnsRequestOptions {
    let mut options = DnsRequestOptions::default();
    options.use_edns = true;
    options.edns_payload_len = PAYLOAD;
    options.edns_set_dnssec_ok = true;
    options.recursion_desired = true;
    options
}

impl DnsHandle for Upstream {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, mut request: DnsRequest) -> Self::Response {
        request.metadata.checking_disabled = true;
        let upstream = self.clone();
        Box::pin(once(async move { upstream.ask(request).await }))
    }
}
