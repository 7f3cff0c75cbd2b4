//! The lines of a list, as they come: of a file, or of standard input, which may be slow and without end.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::error::UsageError;
use crate::plan::Limits;

/// As much is read at once.
const CHUNK: usize = 64 * 1024;

/// How long it is quiet until what comes later is not waited for.
const QUIET: Duration = Duration::from_millis(250);

/// A list that is read line by line.
#[derive(Debug)]
pub(super) struct ListLines {
    /// What it is called in a message.
    name: String,
    from: Input,
    encoding: Option<Encoding>,
    bytes: Vec<u8>,
    /// Where of these the next line begins.
    at: usize,
    /// How many lines there were.
    number: usize,
    is_over: bool,
}

#[derive(Debug)]
enum Input {
    File(File),
    /// What a thread of its own reads.
    Piped(Receiver<io::Result<Vec<u8>>>),
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Utf8,
    /// What `>` of Windows PowerShell 5.1 writes, with a byte order mark (Microsoft, `about_Character_Encoding`).
    Utf16(fn([u8; 2]) -> u16),
}

/// A line in no encoding that is known.
#[derive(Debug)]
struct NoText;

/// Whether what is not there yet is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Patience {
    Endless,
    Short,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next<T> {
    Item(T),
    /// It is not there yet.
    Later,
    End,
}

impl ListLines {
    pub(super) fn of_file(name: String, file: File) -> Self {
        Self::new(name, Input::File(file))
    }

    pub(super) fn of_standard_input() -> Self {
        let (sender, receiver) = sync_channel(1);
        // It may hang in a read for ever: nobody waits for it.
        thread::spawn(move || {
            let mut input = io::stdin().lock();
            loop {
                let mut chunk = vec![0; CHUNK];
                let read = input.read(&mut chunk).map(|count| {
                    chunk.truncate(count);
                    chunk
                });
                let is_over = read.as_ref().map_or(true, Vec::is_empty);
                if sender.send(read).is_err() || is_over {
                    return;
                }
            }
        });
        Self::new("standard input".to_owned(), Input::Piped(receiver))
    }

    fn new(name: String, from: Input) -> Self {
        Self {
            name,
            from,
            encoding: None,
            bytes: Vec::new(),
            at: 0,
            number: 0,
            is_over: false,
        }
    }

    /// The next line, without its end.
    pub(super) fn next(&mut self, patience: Patience) -> Result<Next<String>, UsageError> {
        loop {
            if let Some(line) = self.take_line() {
                self.number += 1;
                return line.map(Next::Item).map_err(|NoText| {
                    self.error(&"it is not UTF-8: save the list as plain text in UTF-8")
                });
            }
            if self.is_over {
                return Ok(Next::End);
            }
            if self.bytes.len() - self.at > Limits::LIST_LINE {
                self.number += 1;
                return Err(self.error(&format!(
                    "it is over {} bytes: a list has one host per line",
                    Limits::LIST_LINE
                )));
            }
            if !self.fill(patience)? {
                return Ok(Next::Later);
            }
        }
    }

    /// What is the matter with the last line.
    pub(super) fn error(&self, what: &dyn std::fmt::Display) -> UsageError {
        UsageError(format!("{}, line {}: {what}", self.name, self.number))
    }

    /// A whole line, or the rest.
    fn take_line(&mut self) -> Option<Result<String, NoText>> {
        let encoding = self.encoding()?;
        let left = self.bytes.get(self.at..).unwrap_or_default();
        let end = match encoding {
            Encoding::Utf8 => left
                .iter()
                .position(|byte| *byte == b'\n')
                .map(|at| (at, 1)),
            Encoding::Utf16(unit) => left
                .as_chunks::<2>()
                .0
                .iter()
                .position(|bytes| unit(*bytes) == u16::from(b'\n'))
                .map(|at| (2 * at, 2)),
        };
        let (length, skipped) = match end {
            Some(end) => end,
            None if self.is_over && !left.is_empty() => (left.len(), 0),
            None => return None,
        };
        let line = left.get(..length).unwrap_or_default();
        let text = match encoding {
            Encoding::Utf8 => String::from_utf8(line.to_vec()).map_err(|_| NoText),
            Encoding::Utf16(unit) => {
                let (units, rest) = line.as_chunks::<2>();
                let units: Vec<u16> = units.iter().copied().map(unit).collect();
                match String::from_utf16(&units) {
                    Ok(text) if rest.is_empty() => Ok(text),
                    _ => Err(NoText),
                }
            }
        };
        self.at += length + skipped;
        Some(text)
    }

    /// How it is written, as soon as its first bytes are there.
    fn encoding(&mut self) -> Option<Encoding> {
        if self.encoding.is_none() && (self.is_over || self.bytes.len() >= 3) {
            let (encoding, mark) = match self.bytes.as_slice() {
                [0xff, 0xfe, ..] => (Encoding::Utf16(u16::from_le_bytes), 2),
                [0xfe, 0xff, ..] => (Encoding::Utf16(u16::from_be_bytes), 2),
                [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
                _ => (Encoding::Utf8, 0),
            };
            self.encoding = Some(encoding);
            self.at = mark;
        }
        self.encoding
    }

    /// Reads more; whether there was something, the end included.
    fn fill(&mut self, patience: Patience) -> Result<bool, UsageError> {
        self.bytes.drain(..self.at);
        self.at = 0;
        let read = match &mut self.from {
            Input::File(file) => {
                let before = self.bytes.len();
                self.bytes.resize(before + CHUNK, 0);
                let read = file.read(&mut self.bytes[before..]);
                let count = *read.as_ref().unwrap_or(&0);
                self.bytes.truncate(before + count);
                self.is_over = count == 0;
                read.map(drop)
            }
            Input::Piped(chunks) => {
                let chunk = match patience {
                    Patience::Endless => chunks.recv().map_err(RecvTimeoutError::from),
                    Patience::Short => chunks.recv_timeout(QUIET),
                };
                match chunk {
                    Ok(Ok(chunk)) => {
                        self.is_over = chunk.is_empty();
                        self.bytes.extend_from_slice(&chunk);
                        Ok(())
                    }
                    Ok(Err(error)) => Err(error),
                    Err(RecvTimeoutError::Timeout) => return Ok(false),
                    Err(RecvTimeoutError::Disconnected) => {
                        self.is_over = true;
                        Ok(())
                    }
                }
            }
        };
        match read {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.is_over = false;
                Ok(true)
            }
            Err(error) => Err(UsageError(format!("{} cannot be read: {error}", self.name))),
            Ok(()) => Ok(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a list that comes in pieces of this size.
    fn lines(bytes: &[u8], piece: usize) -> Result<Vec<String>, String> {
        let (sender, receiver) = sync_channel(bytes.len() + 1);
        for chunk in bytes.chunks(piece) {
            sender.send(Ok(chunk.to_vec())).expect("room");
        }
        drop(sender);
        let mut list = ListLines::new("list".to_owned(), Input::Piped(receiver));
        let mut found = Vec::new();
        loop {
            match list.next(Patience::Endless) {
                Ok(Next::Item(line)) => found.push(line),
                Ok(Next::End) => return Ok(found),
                Ok(Next::Later) => unreachable!("it is waited for"),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    #[test]
    fn lists_are_read_as_editors_and_shells_write_them() {
        let text = "mail.example.com\r\nbücher.example\r\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let expected = [
            "mail.example.com\r".to_owned(),
            "bücher.example\r".to_owned(),
        ];
        for piece in [1, 2, 3, 1000] {
            for bytes in [
                text.as_bytes().to_vec(),
                [b"\xef\xbb\xbf", text.as_bytes()].concat(),
                [b"\xff\xfe", little.as_slice()].concat(),
                [b"\xfe\xff", big.as_slice()].concat(),
            ] {
                assert_eq!(
                    lines(&bytes, piece).as_deref(),
                    Ok(&expected[..]),
                    "{bytes:x?}"
                );
            }
            let cut = [b"\xff\xfe", &little[..little.len() - 1]].concat();
            let half_a_pair = b"\xff\xfe\x3d\xd8".to_vec();
            for bytes in [cut, half_a_pair, b"a\nb\xfccher.example".to_vec()] {
                let error = lines(&bytes, piece).expect_err("no text");
                assert!(error.contains(": it is not UTF-8"), "{error}");
            }
        }
        assert_eq!(
            lines(b"a\n\nb", 1).as_deref(),
            Ok(&["a", "", "b"].map(str::to_owned)[..])
        );
        assert_eq!(lines(b"", 1).as_deref(), Ok(&[][..]));
        let error = lines(&b"a".repeat(20_000), 4096).expect_err("too long");
        assert!(
            error.starts_with("list, line 1: it is over 8192 bytes"),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_there_yet_is_awaited_or_not() {
        let (sender, receiver) = sync_channel(4);
        let mut list = ListLines::new("list".to_owned(), Input::Piped(receiver));
        sender.send(Ok(b"one\ntw".to_vec())).expect("room");
        let next = list.next(Patience::Short);
        assert!(matches!(next, Ok(Next::Item(line)) if line == "one"));
        assert!(matches!(list.next(Patience::Short), Ok(Next::Later)));
        sender.send(Ok(b"o\n".to_vec())).expect("room");
        let next = list.next(Patience::Endless);
        assert!(matches!(next, Ok(Next::Item(line)) if line == "two"));
        drop(sender);
        assert!(matches!(list.next(Patience::Endless), Ok(Next::End)));
    }
}
