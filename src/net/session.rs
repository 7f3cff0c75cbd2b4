//! One conversation with one peer: everything that reads, writes, waits and upgrades.
//!
//! A dialogue over a session reads like its RFC: [`Session::enter`] a stage, [`Session::send`] a command,
//! [`Session::receive`] what a decoder makes of the answer, [`Session::upgrade`] to TLS. Each of them is bounded by the
//! stage's patience, the check's end, the run's deadline and the interrupt; which of them it was is told by the
//! [`Failure`]. What was learned stands in the [`Record`], which outlives the session.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use super::bounds::{Bounds, Interruption};
use super::old_tls;
use super::proxy::Talk;
use super::recording::{REST_OF_LINE, RecordingStream, Stream, first_line, is_whole};
use super::tls::{self, Alpn, TlsAsk};
use super::trust::PresentedChain;
use crate::facts::{
    ClientCertificate, KeyProof, LegacyAnswer, LegacyFacts, Text, TlsFacts, TlsVersion,
    VersionAnswer,
};
use crate::observation::{
    Attempt, Cause, Detour, Failure, Line, Observation, Speaker, Stage, State, Step,
};
use crate::plan::{Limits, Transcripts};
use crate::wire::sniff::{Spoken, sniff};
use crate::wire::tls::{Flight, flight, flight_so_far};
use crate::wire::{Decoded, ViolationKind};

/// Makes connections to one endpoint; a dialogue that needs a second one dials again, after it has dropped the first.
pub trait Dial: Sync {
    /// What the sessions run over.
    type Stream: Stream;

    /// Connects.
    ///
    /// # Errors
    /// A [`Failure`] at the stage `connect`.
    fn dial<'a>(
        &'a self,
        record: &'a mut Record,
    ) -> impl Future<Output = Result<Session<'a, Self::Stream>, Failure>> + Send;
}

/// What the connections of one check saw, the peer's own protocol aside.
#[derive(Debug)]
pub struct Record {
    address: Option<SocketAddr>,
    local_address: Option<SocketAddr>,
    state: Option<State>,
    attempts: Vec<Attempt>,
    steps: Vec<Step>,
    open_step: Option<(Stage, Instant)>,
    tls: Option<TlsFacts>,
    injected_bytes: usize,
    transcript: Vec<Line>,
    transcripts: Transcripts,
    /// Bytes of text that may still be kept.
    transcript_room: usize,
    connection: u8,
    proxy: Option<Text>,
}

impl Record {
    /// An empty one.
    #[must_use]
    pub fn new(transcripts: Transcripts) -> Self {
        Self {
            address: None,
            local_address: None,
            state: None,
            attempts: Vec::new(),
            steps: Vec::new(),
            open_step: None,
            tls: None,
            injected_bytes: 0,
            transcript: Vec::new(),
            transcripts,
            transcript_room: Limits::TRANSCRIPT_BYTES,
            connection: 0,
            proxy: None,
        }
    }

    /// Begins a stage, and a connection with it where the stage is `connect`.
    pub fn enter(&mut self, stage: Stage) {
        self.close_step();
        if stage == Stage::Connect {
            self.connection = self.connection.saturating_add(1);
        }
        self.open_step = Some((stage, Instant::now()));
    }

    /// Ends the stage that is open, and returns it.
    pub fn close_step(&mut self) -> Option<Stage> {
        let (stage, since) = self.open_step.take()?;
        self.steps.push(Step {
            stage,
            took: since.elapsed(),
            connection: self.connection.max(1),
        });
        Some(stage)
    }

    /// Forgets how long everything after that connection took: it was not the check that took so long.
    pub fn forget_steps_after(&mut self, connection: u8) {
        self.close_step();
        self.steps.retain(|step| step.connection <= connection);
    }

    /// Which connection of the check this is, counted from 1; 0 before the first.
    #[must_use]
    pub fn connection(&self) -> u8 {
        self.connection
    }

    /// The endpoint that answered the first dial.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Our own end of the first connection.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.local_address
    }

    /// Notes what TCP showed on the first dial; later dials do not change it.
    pub fn connected(
        &mut self,
        state: Option<State>,
        address: Option<SocketAddr>,
        local_address: Option<SocketAddr>,
        attempts: Vec<Attempt>,
    ) {
        if self.connection > 1 {
            return;
        }
        self.state = state;
        self.address = address;
        self.local_address = local_address;
        if attempts.len() > 1 {
            self.attempts = attempts;
        }
    }

    /// Notes the proxy that the way goes through.
    pub fn goes_through(&mut self, proxy: Text) {
        self.proxy = Some(proxy);
    }

    /// Notes what was said to the proxy and by it, from when it was reached.
    pub(super) fn talked_with_proxy(&mut self, reached: Option<Instant>, talk: Talk) {
        let Some(reached) = reached else {
            return;
        };
        if let Some((stage, since)) = self.open_step.replace((Stage::Proxy, reached)) {
            self.steps.push(Step {
                stage,
                took: reached.saturating_duration_since(since),
                connection: self.connection.max(1),
            });
        }
        for (speaker, text) in talk {
            self.push_line(speaker, text);
        }
    }

    /// Whether a handshake came to its end.
    #[must_use]
    pub fn has_secure_session(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.version.is_some())
    }

    /// Puts other TLS facts in the place of those noted, which are returned: a second look that leads nowhere leaves
    /// none.
    pub fn set_tls(&mut self, tls: Option<TlsFacts>) -> Option<TlsFacts> {
        std::mem::replace(&mut self.tls, tls)
    }

    /// What TLS has shown so far.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.tls.as_ref()
    }

    /// Notes what a second look at old TLS showed.
    pub fn note_legacy(&mut self, legacy: LegacyFacts) {
        self.tls.get_or_insert_default().legacy = Some(legacy);
    }

    /// Notes whether a version is enabled.
    pub fn note_version(&mut self, version: TlsVersion, answer: VersionAnswer) {
        let versions = &mut self.tls.get_or_insert_default().versions;
        versions.push((version, answer));
        versions.sort_by_key(|(version, _)| *version);
    }

    /// Adds a line to the conversation, where conversations are kept.
    pub fn note(&mut self, speaker: Speaker, text: &[u8]) {
        if self.transcripts == Transcripts::Dropped {
            return;
        }
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = Text::from_bytes(text.strip_suffix(b"\r").unwrap_or(text));
        self.push_line(speaker, text);
    }

    fn push_line(&mut self, mut speaker: Speaker, mut text: Text) {
        if self.transcripts == Transcripts::Dropped {
            return;
        }
        match self.transcript_room.checked_sub(text.as_str().len()) {
            Some(room) if self.transcript.len() + 1 < Limits::TRANSCRIPT_LINES => {
                self.transcript_room = room;
            }
            _ => {
                self.transcripts = Transcripts::Dropped;
                (speaker, text) = (Speaker::Event, "what follows is left out".into());
            }
        }
        self.transcript.push(Line {
            connection: self.connection.max(1),
            speaker,
            text,
        });
    }

    fn note_lines(&mut self, speaker: Speaker, bytes: &[u8]) {
        if self.transcripts == Transcripts::Dropped {
            return;
        }
        if is_binary(bytes) {
            return self.note(speaker, hex_dump(bytes).as_bytes());
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.note(speaker, line);
        }
    }

    /// Makes an observation of it.
    #[must_use]
    pub fn into_observation(
        mut self,
        failure: Option<Failure>,
        detour: Option<Detour>,
    ) -> Observation {
        self.close_step();
        Observation {
            address: self.address,
            local_address: self.local_address,
            began: None,
            before: None,
            proxy: self.proxy,
            state: self.state,
            attempts: self.attempts,
            steps: self.steps,
            failure,
            tls: self.tls,
            peer: None,
            turned_away: None,
            injected_bytes: self.injected_bytes,
            detour,
            transcript: self.transcript,
        }
    }
}

/// One conversation.
#[derive(Debug)]
pub struct Session<'a, S> {
    transport: Transport<S>,
    inbox: Vec<u8>,
    received: usize,
    stage: Stage,
    record: &'a mut Record,
    bounds: Bounds,
    /// With what TLS is asked for.
    tls: Arc<TlsAsk>,
    on_secure: Option<&'a OnSecure>,
    health: SessionHealth,
}

/// What is done when a handshake has come to its end, given the endpoint that was reached: others may wait for no more
/// than that.
#[derive(Clone)]
pub struct OnSecure(Arc<dyn Fn(Option<SocketAddr>) + Send + Sync>);

impl OnSecure {
    /// Something to do.
    #[must_use]
    pub fn new(act: impl Fn(Option<SocketAddr>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(act))
    }

    /// Does it.
    pub fn say(&self, reached: Option<SocketAddr>) {
        (self.0)(reached);
    }
}

impl fmt::Debug for OnSecure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnSecure")
    }
}

#[derive(Debug)]
enum Transport<S> {
    Clear(RecordingStream<S>),
    Secure(Box<TlsStream<RecordingStream<S>>>),
    Gone,
}

/// Whether there is somebody left to say goodbye to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum SessionHealth {
    Talking,
    Broken,
}

impl<'a, S: Stream> Session<'a, S> {
    /// A conversation over a stream that has just been connected.
    pub fn new(stream: S, record: &'a mut Record, bounds: Bounds, tls: Arc<TlsAsk>) -> Self {
        Self {
            transport: Transport::Clear(RecordingStream::new(stream)),
            inbox: Vec::new(),
            received: 0,
            stage: Stage::Connect,
            record,
            bounds,
            tls,
            on_secure: None,
            health: SessionHealth::Talking,
        }
    }

    /// The same, with something to do when a handshake has come to its end.
    #[must_use]
    pub fn on_secure(self, on_secure: Option<&'a OnSecure>) -> Self {
        Self { on_secure, ..self }
    }

    /// Begins a stage.
    pub fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.record.enter(stage);
    }

    /// Our own end of the connection.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.record.local_address()
    }

    /// A failure at the present stage.
    pub fn fail(&mut self, cause: Cause, detail: Option<Text>) -> Failure {
        self.record.close_step();
        Failure {
            stage: self.stage,
            cause,
            detail,
        }
    }

    /// Sends bytes, whole.
    ///
    /// A peer that has closed its end already is no error here: what it said before is still to be read, and
    /// [`Session::receive`] tells.
    ///
    /// # Errors
    /// The peer does not take the bytes in time, or somebody ended the wait.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.record.note_lines(Speaker::Client, bytes);
        let patience = self.patience();
        let transport = &mut self.transport;
        let sent = self
            .bounds
            .bounded(patience, async { transport.write_all(bytes).await })
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(over) => Err(self.break_off(over.cause(Cause::Stalled), None)),
        }
    }

    /// Reads until the decoder has a value, and takes its bytes from the inbox.
    ///
    /// # Errors
    /// Silence, an end, a flood, another protocol: where and why.
    pub async fn receive<T>(&mut self, decode: impl Fn(&[u8]) -> Decoded<T>) -> Result<T, Failure> {
        let end = Instant::now() + self.patience();
        let mut looks = 0;
        loop {
            if !self.inbox.is_empty() {
                match decode(&self.inbox) {
                    Ok(Some((value, used))) => {
                        let used = used.min(self.inbox.len());
                        let heard: Vec<u8> = self.inbox.drain(..used).collect();
                        self.record.note_lines(Speaker::Server, &heard);
                        return Ok(value);
                    }
                    Ok(None) => {}
                    Err(violation) if violation.kind == ViolationKind::TooLong => {
                        let heard = self.heard();
                        return Err(self.break_off(Cause::Flood, Some(heard)));
                    }
                    Err(_) => {
                        self.finish_line().await;
                        let (cause, heard) = self.stranger();
                        return Err(self.break_off(cause, Some(heard)));
                    }
                }
            }
            if self.inbox.len() >= Limits::REPLY_BYTES || self.received >= Limits::CONNECTION_BYTES
            {
                let heard = self.heard();
                return Err(self.break_off(Cause::Flood, Some(heard)));
            }
            self.wait_for_more(&mut looks, end).await;
            if self.fill(end).await? == 0 {
                let heard = (!self.inbox.is_empty()).then(|| self.heard());
                return Err(self.break_off(Cause::Closed, heard));
            }
        }
    }

    /// Reads until the peer closes, or `limit` bytes are there, and returns them: for answers whose end is the
    /// connection's. A peer that resets, cuts TLS off without its goodbye or goes silent has ended it as well: what came
    /// until then was said.
    ///
    /// # Errors
    /// Somebody ended the wait: the deadline, the interrupt.
    pub async fn receive_rest(&mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        let end = Instant::now() + self.patience();
        while self.inbox.len() < limit {
            match self.read(end).await {
                Ok(Ok(1..)) => {}
                Ok(Ok(0)) => break,
                Ok(Err(_)) | Err(Interruption::Patience) => {
                    self.health = SessionHealth::Broken;
                    break;
                }
                Err(over) => return Err(self.break_off(over.cause(Cause::Stalled), None)),
            }
        }
        self.inbox.truncate(limit);
        Ok(std::mem::take(&mut self.inbox))
    }

    /// What comes without a question, within a moment: its first line.
    pub async fn overhear(&mut self) -> Option<Text> {
        if self.inbox.is_empty() {
            // What ends the wait ends the next read as well.
            let _ = self.read(Instant::now() + REST_OF_LINE).await;
        }
        if !self.inbox.is_empty() {
            self.finish_line().await;
        }
        (!self.inbox.is_empty()).then(|| self.heard())
    }

    /// Shakes hands. What was received in clear and not yet read is counted and thrown away: it never crosses.
    ///
    /// # Errors
    /// Why there is no secure session; what the handshake showed until then is in the record.
    pub async fn upgrade(&mut self, alpn: Alpn) -> Result<(), Failure> {
        let begins = matches!(self.stage, Stage::Connect);
        self.enter(Stage::TlsHandshake);
        if !self.inbox.is_empty() {
            self.finish_line().await;
            self.record.injected_bytes += self.inbox.len();
            let heard = self.heard();
            return Err(self.break_off(Cause::BytesInjected, Some(heard)));
        }
        let Transport::Clear(tap) = std::mem::replace(&mut self.transport, Transport::Gone) else {
            return Err(self.break_off(Cause::Internal, Some("a second handshake".into())));
        };
        let patience = self.bounds.limits.handshake;
        let ask = Arc::clone(&self.tls);
        let mut shaken = tls::shake_hands(tap, &ask, alpn, &mut self.bounds, patience).await;
        // What follows is this machine's work, not the peer's.
        self.record.close_step();
        if let (Ok(_), Some(on_secure)) = (&shaken.result, self.on_secure) {
            on_secure.say(self.record.address);
        }
        let told = tls::assess(shaken.chain, &ask, &mut self.bounds).await;
        shaken.facts.certificate = told.certificate;
        shaken.facts.chain = told.chain;
        shaken.facts.fingerprints = told.fingerprints;
        let (version, sent) = (shaken.facts.version, shaken.facts.client_certificate);
        // A later connection does not take away what an earlier one has shown.
        if !self.record.has_secure_session() {
            self.record.tls = Some(shaken.facts);
        }
        match shaken.result {
            Ok(mut stream) => {
                let tap = stream.get_mut().0;
                tap.forget();
                tap.acknowledge_at_once();
                self.transport = Transport::Secure(stream);
                self.record.note(
                    Speaker::Event,
                    version.map_or("TLS", TlsVersion::name).as_bytes(),
                );
                if sent == Some(ClientCertificate::Sent) {
                    let words = b"the client certificate was asked for, and sent";
                    self.record.note(Speaker::Event, words);
                }
                Ok(())
            }
            Err(mut trouble) => {
                if trouble.cause == Cause::Cleartext && !begins {
                    // The peer agreed to TLS and went on in clear. Whether that came with the go-ahead or a moment
                    // later is chance: it is told alike.
                    trouble.cause = Cause::BytesInjected;
                    self.record.injected_bytes += trouble.heard.len();
                    self.record.tls = None;
                }
                self.record.note_lines(Speaker::Server, &trouble.heard);
                if trouble.cause != Cause::BytesInjected {
                    self.record.note(Speaker::Event, b"TLS handshake failed");
                }
                Err(self.break_off(trouble.cause, trouble.detail))
            }
        }
    }

    /// Asks in a TLS that this client does not speak, and reads the one answer that comes in clear. There is no secure
    /// session after it: what is left to do is to take leave.
    ///
    /// `version` is the highest one asked for (TLS 1.3 is asked for alone). The chain that came is noted as that of the
    /// server, where none was noted before.
    ///
    /// # Errors
    /// Somebody ended the wait, or the peer sent something in clear that nobody asked for. A peer that closes, stays
    /// silent or speaks no TLS is an answer.
    pub async fn ask_in_old_tls(&mut self, version: TlsVersion) -> Result<LegacyFacts, Failure> {
        if !self.inbox.is_empty() {
            let heard = self.heard();
            return Err(self.break_off(Cause::BytesInjected, Some(heard)));
        }
        self.enter(Stage::TlsHandshake);
        let end = Instant::now() + self.bounds.limits.second_look;
        let ask = Arc::clone(&self.tls);
        let asked = format!("asking for {} by hand", version.name());
        self.record.note(Speaker::Event, asked.as_bytes());
        let hello = old_tls::hello(version, &ask);
        self.send(&hello.bytes).await?;
        let (flight, unless_more) = self.receive_flight(end).await?;
        let (legacy, chain) = old_tls::learn(&hello, flight, unless_more, ask.roots.provider());
        self.record
            .note(Speaker::Event, summary(&legacy).as_bytes());
        if self.health == SessionHealth::Talking && legacy.answer == LegacyAnswer::Agreed {
            // Its answer is there, whether it takes a goodbye or not.
            let _ = self.send(&old_tls::goodbye(version)).await;
        }
        self.record.close_step();
        if !chain.is_empty() {
            let chain = PresentedChain::New(chain);
            let told = tls::assess(chain, &ask, &mut self.bounds).await;
            let tls = self.record.tls.get_or_insert_default();
            if tls.certificate.is_none() && tls.chain.is_empty() {
                tls.certificate = told.certificate;
                tls.chain = told.chain;
            }
        }
        Ok(legacy)
    }

    /// Reads a flight, or what comes of it; and what it means where nothing came.
    async fn receive_flight(&mut self, end: Instant) -> Result<(Flight, LegacyAnswer), Failure> {
        let mut looks = 0;
        loop {
            match flight(&self.inbox) {
                Ok(Some((flight, used))) => {
                    let heard: Vec<u8> = self.inbox.drain(..used).collect();
                    self.record.note_lines(Speaker::Server, &heard);
                    return Ok((flight, LegacyAnswer::Agreed));
                }
                Ok(None) => {}
                Err(_) => {
                    let so_far = flight_so_far(&self.inbox);
                    let _ = self.break_off(Cause::NotTheProtocol, None);
                    return Ok((so_far, LegacyAnswer::NotTls));
                }
            }
            // What came is told also when no more comes.
            let so_far = flight_so_far(&self.inbox);
            self.wait_for_more(&mut looks, end).await;
            let cause = match self.fill(end).await {
                Ok(0) => self.break_off(Cause::Closed, None).cause,
                Ok(_) => continue,
                Err(failure) if failure.cause.is_ours() => return Err(failure),
                Err(failure) => failure.cause,
            };
            let unless_more = match cause {
                Cause::Silent | Cause::Stalled => LegacyAnswer::Silent,
                _ => LegacyAnswer::Closed,
            };
            return Ok((so_far, unless_more));
        }
    }

    /// What the handshake showed.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.record.tls.as_ref()
    }

    /// Takes leave: the observation is complete before, and nothing here is timed, judged or told. Politeness is
    /// brief, and nobody waits for it: once the words are said, their answer is heard beside what comes next, except
    /// where the conversation is told. The connection, and all that it holds, ends with that.
    pub async fn take_leave(&mut self, words: Option<&[u8]>) {
        self.record.close_step();
        if self.bounds.halt.is_said() {
            return;
        }
        let end = Instant::now() + self.bounds.limits.goodbye;
        let left = move || end.saturating_duration_since(Instant::now());
        let words = words.filter(|_| self.health == SessionHealth::Talking);
        let mut transport = std::mem::replace(&mut self.transport, Transport::Gone);
        let Some(words) = words else {
            let _ = self.bounds.bounded(left(), transport.shutdown()).await;
            return;
        };
        // What came unasked before stands with what comes now.
        let mut answer = std::mem::take(&mut self.inbox);
        let taken = self
            .bounds
            .bounded(left(), transport.write_all(words))
            .await;
        if self.record.transcripts == Transcripts::Dropped {
            if let Ok(Ok(())) = taken {
                let mut bounds = self.bounds.clone();
                tokio::spawn(async move {
                    let _ = bounds.bounded(left(), transport.part(&mut answer)).await;
                });
            }
            return;
        }
        // What the peer does not take in time is not said; to one that has gone it is: when it went is chance.
        if let Ok(taken) = taken {
            if taken.is_ok() {
                let parted = transport.part(&mut answer);
                let _ = self.bounds.bounded(left(), parted).await;
            }
            self.record.note_lines(Speaker::Client, words);
        }
        self.record.note_lines(Speaker::Server, &answer);
    }

    fn patience(&self) -> Duration {
        match self.stage {
            Stage::Greeting => self.bounds.limits.greeting,
            Stage::TlsHandshake => self.bounds.limits.handshake,
            _ => self.bounds.limits.reply,
        }
    }

    /// A decoder begins at the front each time: a long answer that comes in morsels would cost the square of its length.
    /// Whoever has been looked at too often is read less often.
    async fn wait_for_more(&mut self, looks: &mut usize, end: Instant) {
        if self.inbox.len() < LONG_ANSWER {
            return;
        }
        *looks += 1;
        if *looks <= LOOKS {
            return;
        }
        let pause = end.saturating_duration_since(Instant::now()).min(PAUSE);
        // What ends it early ends the next read as well.
        let _ = self
            .bounds
            .bounded(pause, std::future::pending::<()>())
            .await;
    }

    /// Reads once; the number of bytes that came, 0 at the end.
    async fn fill(&mut self, end: Instant) -> Result<usize, Failure> {
        match self.read(end).await {
            Ok(Ok(count)) => Ok(count),
            Ok(Err(error)) => {
                let (cause, detail) = tls::read_cause(&error, self.record.tls.as_ref());
                let heard = (!self.inbox.is_empty()).then(|| self.heard());
                Err(self.break_off(cause, detail.or(heard)))
            }
            Err(over) if self.inbox.is_empty() => {
                Err(self.break_off(over.cause(Cause::Silent), None))
            }
            Err(over) => {
                let heard = self.heard();
                Err(self.break_off(over.cause(Cause::Stalled), Some(heard)))
            }
        }
    }

    /// Reads once into the inbox.
    async fn read(&mut self, end: Instant) -> Result<io::Result<usize>, Interruption> {
        let mut chunk = [0; 4096];
        let patience = end.saturating_duration_since(Instant::now());
        let transport = &mut self.transport;
        let read = self
            .bounds
            .bounded(patience, async { transport.read(&mut chunk).await })
            .await?;
        if let Ok(count) = read {
            self.inbox
                .extend_from_slice(chunk.get(..count).unwrap_or_default());
            self.received = self.received.saturating_add(count);
        }
        Ok(read)
    }

    /// Reads on until the line that does not belong here is whole: its first byte does not tell what it is.
    async fn finish_line(&mut self) {
        let end = Instant::now() + REST_OF_LINE;
        while !is_whole(&self.inbox) {
            match self.read(end).await {
                Ok(Ok(1..)) => {}
                _ => break,
            }
        }
    }

    /// What the bytes in the inbox are, when they are not the protocol, and how to show them.
    fn stranger(&self) -> (Cause, Text) {
        match (&self.transport, sniff(&self.inbox)) {
            (
                Transport::Clear(_),
                Some(Spoken::TlsAlert {
                    description: Some(number),
                    ..
                }),
            ) => (Cause::Tls, tls::alert_text(number)),
            (Transport::Clear(_), Some(Spoken::TlsHandshake | Spoken::TlsAlert { .. })) => {
                (Cause::Tls, self.heard())
            }
            _ => (Cause::NotTheProtocol, self.heard()),
        }
    }

    /// The beginning of the inbox, to be shown.
    fn heard(&self) -> Text {
        Text::from_bytes(first_line(&self.inbox))
    }

    fn break_off(&mut self, cause: Cause, detail: Option<Text>) -> Failure {
        self.health = SessionHealth::Broken;
        if !self.inbox.is_empty() {
            let heard = std::mem::take(&mut self.inbox);
            self.record
                .note_lines(Speaker::Server, heard.get(..1024).unwrap_or(&heard));
        }
        self.fail(cause, detail)
    }
}

/// From how many bytes on an answer that is not whole is a long one.
const LONG_ANSWER: usize = 4 * 1024;

/// How often a long answer is looked at before its peer is read less often; segments of Ethernet need 45.
const LOOKS: usize = 64;

/// Between two looks then.
const PAUSE: Duration = Duration::from_millis(10);

/// Whether a goodbye was answered: with a line that is not one of IMAP's before the last (RFC 3501 §6.1.3).
fn is_answered(heard: &[u8]) -> bool {
    heard
        .split_inclusive(|byte| *byte == b'\n')
        .any(|line| line.ends_with(b"\n") && !line.starts_with(b"* "))
}

/// An answer in old TLS, in a few words.
fn summary(legacy: &LegacyFacts) -> String {
    match (legacy.version, &legacy.cipher_suite, legacy.alert) {
        (Some(version), Some(suite), _) if legacy.proof == Some(KeyProof::Broken) => format!(
            "{} {suite}, not signed by the key of the certificate",
            version.name()
        ),
        (Some(version), Some(suite), _) => format!("{} {suite}", version.name()),
        (_, _, Some(alert)) => format!("alert {alert}"),
        _ => "no answer in TLS".to_owned(),
    }
}

/// Whether bytes are no lines of text: PDUs of RDP, records of TLS, and messages of LDAP, which begin with a SEQUENCE that
/// holds an INTEGER. Text with a byte in it that is none stays text.
fn is_binary(bytes: &[u8]) -> bool {
    match bytes {
        [0x30, 0x80..=0xff, ..] | [0x30, _, 0x02, ..] => true,
        [first, ..] => *first < 0x20 && !matches!(first, b'\t' | b'\r' | b'\n'),
        [] => false,
    }
}

/// The first bytes in hexadecimal, and how many there are: `30 0c 02 01 (14 bytes)`.
fn hex_dump(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    const SHOWN: usize = 32;
    let mut dump = String::new();
    for byte in bytes.iter().take(SHOWN) {
        let _ = write!(dump, "{byte:02x} ");
    }
    let more = if bytes.len() > SHOWN { "… " } else { "" };
    let _ = write!(dump, "{more}({} bytes)", bytes.len());
    dump
}

impl<S: Stream> Transport<S> {
    async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(into).await,
            Self::Secure(stream) => stream.read(into).await,
            Self::Gone => Ok(0),
        }
    }

    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Self::Secure(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// After a goodbye: hears its answer, and closes.
    async fn part(&mut self, answer: &mut Vec<u8>) {
        self.hear(answer).await;
        let _ = self.shutdown().await;
        // Closed over bytes that nobody has read, a connection ends in a reset.
        self.hear_out(answer).await;
    }

    /// Reads the answer to a goodbye, or until the peer closes; no more than a goodbye is long.
    async fn hear(&mut self, heard: &mut Vec<u8>) {
        let mut chunk = [0; Limits::GOODBYE_BYTES];
        while heard.len() < Limits::GOODBYE_BYTES && !is_answered(heard) {
            match self.read(&mut chunk).await {
                Ok(count @ 1..) => heard.extend_from_slice(chunk.get(..count).unwrap_or_default()),
                _ => break,
            }
        }
    }

    /// Reads until the peer closes, after our own end was closed. Of a secure session nothing more is understood: rustls
    /// takes a broken record after its `close_notify` for a mistake of its own, and panics where assertions are on.
    async fn hear_out(&mut self, heard: &mut Vec<u8>) {
        let mut chunk = [0; Limits::GOODBYE_BYTES];
        let mut left = Limits::GOODBYE_BYTES.saturating_sub(heard.len());
        while left > 0 {
            let read = match self {
                Self::Clear(stream) => stream.read(&mut chunk).await,
                Self::Secure(stream) => stream.get_mut().0.read(&mut chunk).await,
                Self::Gone => break,
            };
            let Ok(count @ 1..) = read else {
                break;
            };
            if let Self::Clear(_) = self {
                heard.extend_from_slice(chunk.get(..count).unwrap_or_default());
            }
            left = left.saturating_sub(count);
        }
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.shutdown().await,
            Self::Secure(stream) => stream.shutdown().await,
            Self::Gone => Ok(()),
        }
    }
}
