//! An archive as the pass sees it: read forward in large pieces, and interruptible.

use std::cell::{Cell, RefCell};
use std::io;

use crate::defect::{Defect, VerifyError};
use crate::source::{ReadAt, at_most};

/// How many bytes are read at once, and at most between two questions whether to go on.
pub(super) const CHUNK: usize = 64 * 1024;

/// One piece of the archive, and the way to the others. Small reads that follow each other come out of one piece, so a
/// million small members do not cost three million system calls.
pub(super) struct Window<'a> {
    source: &'a dyn ReadAt,
    go_on: &'a dyn Fn() -> bool,
    stopped: Cell<bool>,
    piece: RefCell<Piece>,
}

struct Piece {
    start: u64,
    length: usize,
    bytes: Box<[u8]>,
}

impl<'a> Window<'a> {
    pub(super) fn new(source: &'a dyn ReadAt, go_on: &'a dyn Fn() -> bool) -> Self {
        let bytes = vec![0; at_most(CHUNK, source.size())].into();
        Self { source, go_on, stopped: Cell::new(false), piece: RefCell::new(Piece { start: 0, length: 0, bytes }) }
    }

    pub(super) fn size(&self) -> u64 {
        self.source.size()
    }

    /// Asks whether to go on.
    pub(super) fn ask(&self) -> Result<(), VerifyError> {
        if (self.go_on)() { Ok(()) } else { Err(VerifyError::Interrupted) }
    }

    /// Fills `buf` with what lies at `offset`.
    pub(super) fn fill(&self, buf: &mut [u8], offset: u64) -> Result<(), VerifyError> {
        rawzip::ReaderAt::read_exact_at(self, buf, offset).map_err(|error| self.blame(error))
    }

    /// Says whose fault a failed read is.
    pub(super) fn blame(&self, error: io::Error) -> VerifyError {
        if self.stopped.get() {
            VerifyError::Interrupted
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            VerifyError::Defect(Defect::Truncated)
        } else {
            VerifyError::Io(error)
        }
    }

    fn load(&self, offset: u64) -> io::Result<()> {
        if self.ask().is_err() {
            self.stopped.set(true);
            return Err(io::Error::other("interrupted"));
        }
        let mut piece = self.piece.borrow_mut();
        piece.length = 0;
        piece.start = offset;
        piece.length = self.source.read_at(&mut piece.bytes, offset)?;
        if piece.length == 0 {
            return Err(io::Error::other("the archive ends before its size"));
        }
        Ok(())
    }
}

impl rawzip::ReaderAt for Window<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if buf.is_empty() || offset >= self.size() {
            return Ok(0);
        }
        let n = self.piece.borrow().copy(buf, offset);
        if n > 0 {
            return Ok(n);
        }
        self.load(offset)?;
        Ok(self.piece.borrow().copy(buf, offset))
    }
}

impl Piece {
    /// Copies what it has of the bytes from `offset` on.
    fn copy(&self, buf: &mut [u8], offset: u64) -> usize {
        let Some(skip) = offset.checked_sub(self.start) else { return 0 };
        let skip = at_most(self.length, skip);
        let rest = &self.bytes[skip..self.length];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        n
    }
}
