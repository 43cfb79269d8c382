//! Reads a file line by line, and never more of it at a time than one row.

use std::io::{BufRead, ErrorKind, Read as _, Write};

use sha2::{Digest as _, Sha256};

use super::file::{self, End, FORMAT, Header, Line};
use super::{ImportError, Row};
use crate::{Content, JobKey};

/// Longer than any line, and than any small artifact: a job with a hundred thousand files has 80 MB.
const LONGEST: u64 = 1 << 30;

/// How many bytes of a large artifact are read at a time.
const CHUNK: usize = 256 * 1024;

/// A file that is being read.
pub(super) struct Reader<'a> {
    from: &'a mut (dyn BufRead + Send),
    sha256: Sha256,
    /// How many bytes and lines were read. Artifacts count as a line each.
    bytes: u64,
    lines: u64,
    line: Vec<u8>,
}

/// What comes next in a file.
pub(super) enum Item {
    Row(Box<Row>),
    /// A large artifact, whose bytes are to be [taken](Reader::bytes).
    Content(Content),
    End(Box<End>),
}

impl<'a> Reader<'a> {
    /// Begins to read, and answers what the first line says.
    pub(super) fn begin(from: &'a mut (dyn BufRead + Send)) -> Result<(Self, Header), ImportError> {
        let mut reader = Self { from, sha256: Sha256::new(), bytes: 0, lines: 0, line: Vec::new() };
        // No other file is read to its end to find out that it has no line's end.
        let begins = reader.from.fill_buf()?;
        if begins.is_empty() {
            return Err(ImportError::Cut { bytes: 0 });
        }
        let name = b"{\"windlass_export\":";
        if begins.iter().zip(name).any(|(a, b)| a != b) {
            return Err(ImportError::NoExport);
        }
        reader.read_line()?;
        // What else the first line of another format says is not ours to judge.
        let format: serde_json::Value = serde_json::from_slice(&reader.line).map_err(|_| ImportError::NoExport)?;
        match format.pointer("/windlass_export/format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => return Err(ImportError::Format { format, reads: FORMAT }),
            None => return Err(ImportError::NoExport),
        }
        let Line::WindlassExport(header) = reader.parse()? else { return Err(ImportError::NoExport) };
        reader.sha256.update(&reader.line);
        Ok((reader, header))
    }

    pub(super) fn next(&mut self) -> Result<Item, ImportError> {
        self.read_line()?;
        let row = match self.parse()? {
            Line::WindlassExport(_) => return Err(self.damaged("it begins again")),
            Line::Secret(secret) => {
                let mut bytes = [0; 32];
                match hex::decode_to_slice(&*secret, &mut bytes) {
                    Ok(()) => Row::Secret(bytes),
                    Err(error) => return Err(self.damaged(format!("the secret: {error}"))),
                }
            }
            Line::App { number, app } => Row::App(number, app),
            Line::Document { number, document } => Row::Document(number, document),
            Line::Branch(branch) => Row::Branch(*branch),
            Line::Job { branch, number, birth, progress, records } => {
                file::moved(JobKey { branch, job: number }, *birth, *progress, records)
            }
            Line::Blob { key, bytes } => {
                self.sha256.update(&self.line);
                let mut value = Vec::new();
                self.bytes(bytes, LONGEST, &mut value)?;
                return Ok(Item::Row(Row::Blob(key, value.into()).into()));
            }
            Line::Content { name, bytes } => match name.parse::<Content>() {
                Ok(content) if content.size == bytes => {
                    self.sha256.update(&self.line);
                    return Ok(Item::Content(content));
                }
                Ok(_) | Err(_) => {
                    let reason = format!("{name} is not the name of a large artifact of {bytes} bytes");
                    return Err(self.damaged(reason));
                }
            },
            Line::Last(last) => Row::Last(last),
            Line::End(end) => {
                if hex::encode(self.sha256.finalize_reset()) != end.sha256 {
                    return Err(ImportError::Checksum);
                }
                if !self.from.fill_buf()?.is_empty() {
                    return Err(self.damaged("something follows the end"));
                }
                return Ok(Item::End(end));
            }
        };
        self.sha256.update(&self.line);
        Ok(Item::Row(row.into()))
    }

    /// Takes so many bytes, and the line's end behind them.
    pub(super) fn bytes(&mut self, size: u64, most: u64, to: &mut dyn Write) -> Result<(), ImportError> {
        if size > most {
            return Err(self.damaged(format!("{size} bytes are more than anyone kept")));
        }
        let mut left = size;
        let mut chunk = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK))];
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(CHUNK).min(chunk.len());
            let read = match self.from.read(&mut chunk[..room]) {
                Ok(0) => return Err(ImportError::Cut { bytes: self.bytes }),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            self.sha256.update(&chunk[..read]);
            to.write_all(&chunk[..read])?;
            left -= read as u64;
            self.bytes += read as u64;
        }
        self.read_line()?;
        if self.line != b"\n" {
            return Err(self.damaged("the bytes before it do not end where they should"));
        }
        self.sha256.update(b"\n");
        Ok(())
    }

    /// Where the fault is.
    pub(super) fn damaged(&self, reason: impl ToString) -> ImportError {
        ImportError::Line { line: self.lines, reason: reason.to_string() }
    }

    fn parse(&self) -> Result<Line<'_>, ImportError> {
        serde_json::from_slice(&self.line).map_err(|error| self.damaged(error))
    }

    fn read_line(&mut self) -> Result<(), ImportError> {
        self.line.clear();
        let read = (&mut *self.from).take(LONGEST).read_until(b'\n', &mut self.line)? as u64;
        self.bytes += read;
        self.lines += 1;
        if self.line.ends_with(b"\n") {
            Ok(())
        } else if read == LONGEST {
            Err(self.damaged("it is longer than any line is"))
        } else {
            Err(ImportError::Cut { bytes: self.bytes })
        }
    }
}
