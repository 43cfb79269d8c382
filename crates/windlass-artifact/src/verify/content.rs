//! The content of one member after the other: unpacked, counted, hashed, thrown away.

use flate2::{Decompress, FlushDecompress, Status};
use sha2::{Digest, Sha256};

use super::directory::Listed;
use super::window::{CHUNK, Window};
use crate::defect::{Defect, VerifyError};
use crate::index::Method;
use crate::source::at_most;

/// First bytes of the SHA-256 of a member's content.
pub(super) type ContentDigest = [u8; 16];

/// Reads members' content, with buffers that serve all of them.
pub(super) struct ContentReader<'w, 'a> {
    window: &'w Window<'a>,
    inflater: Decompress,
    input: Box<[u8]>,
    output: Box<[u8]>,
}

impl<'w, 'a> ContentReader<'w, 'a> {
    pub(super) fn new(window: &'w Window<'a>) -> Self {
        let buffer = || vec![0; CHUNK].into();
        Self { window, inflater: Decompress::new(false), input: buffer(), output: buffer() }
    }

    /// Reads the content that begins at `offset` to its end and checks that it is what was declared.
    pub(super) fn check(&mut self, member: &Listed, offset: u64) -> Result<ContentDigest, VerifyError> {
        let mut tally = Tally::new(member);
        match member.method {
            Method::Stored => self.read_stored(member, offset, &mut tally)?,
            Method::Deflated => self.inflate(member, offset, &mut tally)?,
        }
        Ok(tally.finish()?)
    }

    fn read_stored(&mut self, member: &Listed, offset: u64, tally: &mut Tally<'_>) -> Result<(), VerifyError> {
        let mut input = Input { next: offset, left: member.compressed_size };
        while let Some(chunk) = input.take(self.window, &mut self.input)? {
            tally.add(chunk)?;
        }
        Ok(())
    }

    fn inflate(&mut self, member: &Listed, offset: u64, tally: &mut Tally<'_>) -> Result<(), VerifyError> {
        self.inflater.reset(false);
        let mut input = Input { next: offset, left: member.compressed_size };
        while let Some(mut chunk) = input.take(self.window, &mut self.input)? {
            while !chunk.is_empty() {
                self.window.ask()?;
                let (status, used, made) = inflate_some(&mut self.inflater, chunk, tally.room(&mut self.output))
                    .map_err(|_| Defect::Garbled { name: member.shown() })?;
                tally.add(&self.output[..made])?;
                chunk = &chunk[used..];
                match status {
                    Status::StreamEnd => return no_padding(member, chunk.len() as u64 + input.left),
                    Status::Ok | Status::BufError => {}
                }
                if used == 0 && made == 0 {
                    return Err(Defect::Garbled { name: member.shown() }.into());
                }
            }
        }
        self.drain(member, tally)
    }

    /// All input is used; what the inflater still holds back has to end the stream.
    fn drain(&mut self, member: &Listed, tally: &mut Tally<'_>) -> Result<(), VerifyError> {
        loop {
            self.window.ask()?;
            let (status, _, made) = inflate_some(&mut self.inflater, &[], tally.room(&mut self.output))
                .map_err(|_| Defect::Garbled { name: member.shown() })?;
            tally.add(&self.output[..made])?;
            match status {
                Status::StreamEnd => return Ok(()),
                Status::Ok | Status::BufError if made > 0 => {}
                Status::Ok | Status::BufError => return Err(Defect::Unfinished { name: member.shown() }.into()),
            }
        }
    }
}

/// One step of the inflater: how it stands, how many bytes it took and how many it made.
fn inflate_some(
    inflater: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> Result<(Status, usize, usize), flate2::DecompressError> {
    let (before_in, before_out) = (inflater.total_in(), inflater.total_out());
    let status = inflater.decompress(input, output, FlushDecompress::None)?;
    let used = at_most(input.len(), inflater.total_in() - before_in);
    let made = at_most(output.len(), inflater.total_out() - before_out);
    Ok((status, used, made))
}

fn no_padding(member: &Listed, bytes: u64) -> Result<(), VerifyError> {
    if bytes == 0 { Ok(()) } else { Err(Defect::Padded { name: member.shown(), bytes }.into()) }
}

/// What is still to be read of a member's bytes.
struct Input {
    next: u64,
    left: u64,
}

impl Input {
    fn take<'b>(&mut self, window: &Window<'_>, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>, VerifyError> {
        if self.left == 0 {
            return Ok(None);
        }
        let length = at_most(buffer.len(), self.left);
        window.fill(&mut buffer[..length], self.next)?;
        self.next += length as u64;
        self.left -= length as u64;
        Ok(Some(&buffer[..length]))
    }
}

/// What came out of a member so far.
struct Tally<'m> {
    member: &'m Listed,
    seen: u64,
    crc32: crc32fast::Hasher,
    digest: Sha256,
}

impl<'m> Tally<'m> {
    fn new(member: &'m Listed) -> Self {
        Self { member, seen: 0, crc32: crc32fast::Hasher::new(), digest: Sha256::new() }
    }

    /// As much of the buffer as may still come, and one byte more: it is the one that gives a liar away.
    fn room<'b>(&self, buffer: &'b mut [u8]) -> &'b mut [u8] {
        let length = at_most(buffer.len(), (self.member.size - self.seen).saturating_add(1));
        &mut buffer[..length]
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        self.seen += bytes.len() as u64;
        if self.seen > self.member.size {
            return Err(Defect::Longer { name: self.member.shown(), declared: self.member.size });
        }
        self.crc32.update(bytes);
        self.digest.update(bytes);
        Ok(())
    }

    fn finish(self) -> Result<ContentDigest, Defect> {
        if self.seen < self.member.size {
            return Err(Defect::Shorter { name: self.member.shown(), declared: self.member.size, found: self.seen });
        }
        if self.crc32.finalize() != self.member.crc32 {
            return Err(Defect::Checksum { name: self.member.shown() });
        }
        let digest: [u8; 32] = self.digest.finalize().into();
        Ok(std::array::from_fn(|i| digest[i]))
    }
}
