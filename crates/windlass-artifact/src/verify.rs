//! Verifying an archive and making its index: the central directory first, then one pass over the members as they lie.

mod content;
mod directory;
mod window;

use content::ContentReader;
use directory::{Directory, Listed};
use window::Window;

use crate::budget::Budget;
use crate::defect::{Defect, VerifyError};
use crate::index::{Index, Member, Method};
use crate::name::{self, ShownName};
use crate::source::ReadAt;

/// Verifies an archive and makes its index.
///
/// The archive is read once, in the order of its bytes. Every member is unpacked, checked against what it declares,
/// hashed, and thrown away. Memory is what the index takes, once or twice, and a few fixed buffers. Nothing is unpacked
/// that declares more than the budget, nor past what it declares.
///
/// `go_on` is asked at least once for every 64 KiB read or unpacked; `false` ends the pass.
///
/// # Errors
///
/// [`VerifyError::Defect`] says what is wrong with the archive, [`VerifyError::Interrupted`] that `go_on` said no, and
/// [`VerifyError::Io`] that the archive could not be read.
pub fn verify(archive: &dyn ReadAt, budget: &Budget, go_on: &dyn Fn() -> bool) -> Result<Index, VerifyError> {
    let (bytes, limit) = (archive.size(), budget.archive);
    if bytes > limit {
        return Err(Defect::ArchiveTooLarge { bytes, limit }.into());
    }
    let window = Window::new(archive, go_on);
    let directory = Directory::read(&window, budget)?;
    let mut reader = ContentReader::new(&window);
    let mut members = Vec::with_capacity(directory.members.len());
    let mut listed = directory.members.into_iter().peekable();
    while let Some(member) = listed.next() {
        let offset = check_place(&window, &member, listed.peek(), directory.offset)?;
        if is_bare_folder(&member) {
            continue;
        }
        let digest = reader.check(&member, offset)?;
        if name::is_folder(&member.name) {
            continue;
        }
        let Listed { name: path, header_offset: _, compressed_size, size, crc32, method } = member;
        members.push(Member { path, offset, compressed_size, size, method, crc32, digest });
    }
    Ok(Index::new(bytes, members))
}

/// Some writers call a folder deflated and give it no bytes, not even those of an empty deflate stream.
fn is_bare_folder(member: &Listed) -> bool {
    match member.method {
        Method::Stored => false,
        Method::Deflated => name::is_folder(&member.name) && member.compressed_size == 0,
    }
}

/// Reads a member's local header, and answers where its content begins. It has to end before the next member begins.
fn check_place(
    window: &Window<'_>,
    member: &Listed,
    next: Option<&Listed>,
    directory_offset: u64,
) -> Result<u64, VerifyError> {
    let mut header = [0; LOCAL_HEADER];
    let start = member.header_offset;
    if start.saturating_add(LOCAL_HEADER as u64) > directory_offset {
        return Err(Defect::OverlapsDirectory { name: member.shown() }.into());
    }
    window.fill(&mut header, start)?;
    if !header.starts_with(&LOCAL_HEADER_SIGNATURE) {
        return Err(Defect::NoLocalHeader { name: member.shown() }.into());
    }
    let name_length = u16::from_le_bytes([header[26], header[27]]);
    let extra_length = u16::from_le_bytes([header[28], header[29]]);
    check_local_name(window, member, usize::from(name_length))?;
    let offset = start + LOCAL_HEADER as u64 + u64::from(name_length) + u64::from(extra_length);
    let end = offset.saturating_add(member.compressed_size);
    if end > directory_offset {
        return Err(Defect::OverlapsDirectory { name: member.shown() }.into());
    }
    match next {
        Some(next) if end > next.header_offset => {
            Err(Defect::Overlap { name: member.shown(), other: next.shown() }.into())
        }
        Some(_) | None => Ok(offset),
    }
}

fn check_local_name(window: &Window<'_>, member: &Listed, length: usize) -> Result<(), VerifyError> {
    let mut local = vec![0; length];
    window.fill(&mut local, member.header_offset + LOCAL_HEADER as u64)?;
    if name::without_here(&local) == member.name.as_bytes() {
        return Ok(());
    }
    Err(Defect::LocalName { name: member.shown(), local: ShownName::new(&local) }.into())
}

/// What a local header begins with.
const LOCAL_HEADER_SIGNATURE: [u8; 4] = *b"PK\x03\x04";

/// The length of a local header without its name and extra fields, in bytes.
const LOCAL_HEADER: usize = 30;
