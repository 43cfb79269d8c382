//! The central directory: who is in the archive, by its own account.

use rawzip::{ErrorKind, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive, ZipFileHeaderRecord, ZipLocator};

use super::window::Window;
use crate::budget::Budget;
use crate::defect::{Defect, VerifyError};
use crate::index::Method;
use crate::name::{self, ShownName};

/// A member as the central directory describes it.
pub(super) struct Listed {
    pub(super) name: Box<str>,
    pub(super) header_offset: u64,
    pub(super) compressed_size: u64,
    pub(super) size: u64,
    pub(super) crc32: u32,
    pub(super) method: Method,
}

impl Listed {
    pub(super) fn shown(&self) -> ShownName {
        ShownName::from(&*self.name)
    }
}

/// Everything that the central directory lists.
pub(super) struct Directory {
    /// By where their local headers lie.
    pub(super) members: Vec<Listed>,
    /// Where the central directory itself begins, in bytes from the start of the archive.
    pub(super) offset: u64,
}

impl Directory {
    /// Reads the central directory and checks all that can be checked without reading any member.
    pub(super) fn read(window: &Window<'_>, budget: &Budget) -> Result<Self, VerifyError> {
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let archive = locate(window, &mut buffer)?;
        check_ends(window, &archive, budget)?;
        let mut members = list(window, &archive, &mut buffer, budget)?;
        check_count(members.len() as u64, archive.entries_hint())?;
        if members.iter().all(|member| name::is_folder(&member.name)) {
            return Err(Defect::NothingToPublish.into());
        }
        check_names_differ(&members)?;
        members.sort_unstable_by_key(|member| member.header_offset);
        check_start(window, &members)?;
        Ok(Self { members, offset: archive.directory_offset() })
    }
}

fn locate<'w, 'a>(window: &'w Window<'a>, buffer: &mut [u8]) -> Result<ZipArchive<&'w Window<'a>>, VerifyError> {
    ZipLocator::new().locate_in_reader(window, buffer, window.size()).map_err(|(_, error)| {
        if matches!(error.kind(), ErrorKind::MissingEndOfCentralDirectory) {
            return no_end(window);
        }
        if matches!(error.kind(), ErrorKind::Eof) {
            return Defect::Truncated.into();
        }
        blame(window, error, 0)
    })
}

fn no_end(window: &Window<'_>) -> VerifyError {
    match begins_like_a_zip(window) {
        Ok(true) => Defect::Truncated.into(),
        Ok(false) => Defect::NotAZip.into(),
        Err(error) => error,
    }
}

fn blame(window: &Window<'_>, error: rawzip::Error, read: u64) -> VerifyError {
    if let ErrorKind::IO(error) = error.into_kind() {
        return window.blame(error);
    }
    Defect::Directory { read }.into()
}

fn check_ends(window: &Window<'_>, archive: &ZipArchive<&Window<'_>>, budget: &Budget) -> Result<(), Defect> {
    let trailing = window.size().checked_sub(archive.end_offset()).ok_or(Defect::Truncated)?;
    if trailing > 0 {
        return Err(Defect::Trailing { bytes: trailing });
    }
    let bytes = archive.eocd_offset().saturating_sub(archive.directory_offset());
    if bytes > budget.directory {
        return Err(Defect::DirectoryTooLarge { bytes, limit: budget.directory });
    }
    if archive.entries_hint() > budget.members {
        return Err(Defect::TooManyMembers { limit: budget.members });
    }
    Ok(())
}

fn list(
    window: &Window<'_>,
    archive: &ZipArchive<&Window<'_>>,
    buffer: &mut [u8],
    budget: &Budget,
) -> Result<Vec<Listed>, VerifyError> {
    let mut members = Vec::new();
    let mut total = 0_u64;
    let mut entries = archive.entries(buffer);
    loop {
        let read = members.len() as u64;
        let record = entries.next_entry().map_err(|error| blame(window, error, read))?;
        let Some(record) = record else { return Ok(members) };
        if read >= budget.members {
            return Err(Defect::TooManyMembers { limit: budget.members }.into());
        }
        let member = check_record(&record, budget)?;
        total = total.saturating_add(member.size);
        if total > budget.total {
            return Err(Defect::TotalTooLarge { name: member.shown(), limit: budget.total }.into());
        }
        members.push(member);
    }
}

fn check_record(record: &ZipFileHeaderRecord<'_>, budget: &Budget) -> Result<Listed, Defect> {
    let raw = record.file_path().as_bytes();
    let shown = || ShownName::new(raw);
    let name = name::parse_member(raw, budget.name).map_err(|fault| Defect::Name { name: shown(), fault })?;
    let flags = record.flags();
    if flags.is_encrypted() || flags.has_strong_encryption() || flags.is_masked() {
        return Err(Defect::Encrypted { name: shown() });
    }
    if let Some(kind) = special_kind(record.external_attributes() >> 16, name::is_folder(name)) {
        return Err(Defect::NotAFile { name: shown(), kind });
    }
    let method = match record.compression_method().as_u16() {
        0 => Method::Stored,
        8 => Method::Deflated,
        method => return Err(Defect::Method { name: shown(), method }),
    };
    let (size, stored) = (record.uncompressed_size_hint(), record.compressed_size_hint());
    if name::is_folder(name) && size > 0 {
        return Err(Defect::FolderWithContent { name: shown() });
    }
    if size > budget.member {
        return Err(Defect::MemberTooLarge { name: shown(), bytes: size, limit: budget.member });
    }
    if method == Method::Stored && size != stored {
        return Err(Defect::StoredSize { name: shown(), size, stored });
    }
    let header_offset = record.local_header_offset();
    Ok(Listed { name: name.into(), header_offset, compressed_size: stored, size, crc32: record.crc32(), method })
}

/// What a member is by its Unix mode, if it is neither a file nor a folder named like one. The mode is read whatever
/// system the archive says it was made on: nothing else is ever kept in these bits, and some writers forget to say Unix.
fn special_kind(mode: u32, named_like_a_folder: bool) -> Option<&'static str> {
    match mode & 0o170_000 {
        0 | 0o100_000 => None,
        0o040_000 if named_like_a_folder => None,
        0o040_000 => Some("folder named like a file"),
        0o120_000 => Some("symbolic link"),
        0o060_000 | 0o020_000 => Some("device"),
        0o010_000 => Some("named pipe"),
        0o140_000 => Some("socket"),
        _ => Some("special file"),
    }
}

fn check_count(listed: u64, declared: u64) -> Result<(), Defect> {
    // Writers that do not know zip64 let the 16-bit counter wrap around.
    let wrapped = declared <= u64::from(u16::MAX) && listed & u64::from(u16::MAX) == declared;
    if listed == declared || wrapped { Ok(()) } else { Err(Defect::Count { listed, declared }) }
}

fn check_names_differ(members: &[Listed]) -> Result<(), Defect> {
    let mut names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
    names.sort_unstable_by(|a, b| name::folder_order(a, b));
    for (name, next) in names.iter().zip(names.iter().skip(1)) {
        let Some(rest) = next.strip_prefix(name) else { continue };
        if rest.is_empty() {
            return Err(Defect::Duplicate { name: ShownName::from(*name) });
        }
        if rest.starts_with('/') {
            return Err(Defect::FileAndFolder { name: ShownName::from(*name), inside: ShownName::from(*next) });
        }
    }
    Ok(())
}

/// An archive that was cut short right after a zip that it contains looks like that zip with something before it. It
/// still begins with its own first member, which the zip inside does not list.
fn check_start(window: &Window<'_>, members: &[Listed]) -> Result<(), VerifyError> {
    let listed = members.first().is_some_and(|member| member.header_offset == 0);
    if !listed && begins_like_a_zip(window)? {
        return Err(Defect::UnlistedStart.into());
    }
    Ok(())
}

fn begins_like_a_zip(window: &Window<'_>) -> Result<bool, VerifyError> {
    let mut start = [0; 4];
    if window.size() < start.len() as u64 {
        return Ok(false);
    }
    window.fill(&mut start, 0)?;
    Ok(start == super::LOCAL_HEADER_SIGNATURE)
}
