//! What can be wrong with an archive, in words that can be shown to whoever sent it.

use std::io;

use thiserror::Error;

use crate::name::{NameFault, ShownName};

/// Why an archive was not verified.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The sender's fault: the archive is refused.
    #[error(transparent)]
    Defect(#[from] Defect),
    /// Nobody's fault: the caller said to stop.
    #[error("verifying was interrupted")]
    Interrupted,
    /// The storage's fault: the archive cannot be read.
    #[error("the archive cannot be read")]
    Io(#[source] io::Error),
}

/// What is wrong with an archive: a fragment without a full stop, a few hundred characters at most, naming the member.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Defect {
    /// Nothing in it looks like a zip.
    #[error("not a zip archive")]
    NotAZip,
    /// It begins like a zip and ends too soon.
    #[error("the zip archive is truncated")]
    Truncated,
    /// Bytes follow its end, so that it is unclear which bytes are the archive.
    #[error("{bytes} bytes follow the end of the zip archive")]
    Trailing {
        /// How many.
        bytes: u64,
    },
    /// It begins with a member that its central directory does not list: a truncated archive with another one inside.
    #[error("the zip archive begins with a member that its central directory does not list")]
    UnlistedStart,
    /// Its central directory cannot be read.
    #[error("the central directory of the zip archive is garbled after {read} members")]
    Directory {
        /// How many members could be read.
        read: u64,
    },
    /// Its central directory lists another number of members than its end says.
    #[error("the central directory of the zip archive lists {listed} members instead of {declared}")]
    Count {
        /// How many were found.
        listed: u64,
        /// How many the end of the archive declares.
        declared: u64,
    },
    /// The archive itself is over budget.
    #[error("the zip archive has {bytes} bytes, and at most {limit} are allowed")]
    ArchiveTooLarge {
        /// The archive's size in bytes.
        bytes: u64,
        /// The budget in bytes.
        limit: u64,
    },
    /// The central directory is over budget.
    #[error("the central directory of the zip archive has {bytes} bytes, and at most {limit} are allowed")]
    DirectoryTooLarge {
        /// The central directory's size in bytes.
        bytes: u64,
        /// The budget in bytes.
        limit: u64,
    },
    /// There are more members than the budget allows.
    #[error("the zip archive has more than {limit} members")]
    TooManyMembers {
        /// The budget.
        limit: u64,
    },
    /// There is no file in it.
    #[error("the zip archive holds no files")]
    NothingToPublish,
    /// A member's name is not allowed.
    #[error("the name {name} {fault}")]
    Name {
        /// The name.
        name: ShownName,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// A name occurs twice.
    #[error("{name} occurs more than once")]
    Duplicate {
        /// The name.
        name: ShownName,
    },
    /// A name is a file's and also the folder of another member.
    #[error("{name} is a file and also the folder of {inside}")]
    FileAndFolder {
        /// The file.
        name: ShownName,
        /// A member inside of the folder of that name.
        inside: ShownName,
    },
    /// A member is encrypted.
    #[error("{name} is encrypted")]
    Encrypted {
        /// The member.
        name: ShownName,
    },
    /// A member is compressed in a way that browsers and we do not read.
    #[error("{name} has compression method {method}{}, and only 0 (stored) and 8 (deflate) are allowed", known(*method))]
    Method {
        /// The member.
        name: ShownName,
        /// The method's number in the zip specification.
        method: u16,
    },
    /// A member is neither a regular file nor a folder.
    #[error("{name} is a {kind}, not a file")]
    NotAFile {
        /// The member.
        name: ShownName,
        /// What it is: `symbolic link`, `device` and so on.
        kind: &'static str,
    },
    /// A folder has content.
    #[error("{name} is a folder and has content")]
    FolderWithContent {
        /// The member.
        name: ShownName,
    },
    /// A member declares more bytes than the budget allows for one.
    #[error("{name} has {bytes} bytes when unpacked, and at most {limit} are allowed")]
    MemberTooLarge {
        /// The member.
        name: ShownName,
        /// Its declared size in bytes.
        bytes: u64,
        /// The budget in bytes.
        limit: u64,
    },
    /// The members together declare more bytes than the budget allows.
    #[error("the files have more than {limit} bytes when unpacked, counted up to {name}")]
    TotalTooLarge {
        /// The member that went over.
        name: ShownName,
        /// The budget in bytes.
        limit: u64,
    },
    /// A stored member's two sizes differ.
    #[error("{name} is stored and declares two sizes, {size} and {stored}")]
    StoredSize {
        /// The member.
        name: ShownName,
        /// Its size in bytes.
        size: u64,
        /// Its size in the archive in bytes.
        stored: u64,
    },
    /// There is no local header where the central directory says.
    #[error("{name} is not where the central directory says")]
    NoLocalHeader {
        /// The member.
        name: ShownName,
    },
    /// The local header has another name than the central directory.
    #[error("{name} is called {local} in its own header")]
    LocalName {
        /// The name in the central directory.
        name: ShownName,
        /// The name in the local header.
        local: ShownName,
    },
    /// A member's bytes are also another member's.
    #[error("{name} overlaps {other}")]
    Overlap {
        /// The member.
        name: ShownName,
        /// The one that begins before it ends.
        other: ShownName,
    },
    /// A member reaches into the central directory.
    #[error("{name} overlaps the central directory")]
    OverlapsDirectory {
        /// The member.
        name: ShownName,
    },
    /// A member holds more than it declares.
    #[error("{name} holds more than the {declared} bytes that it declares")]
    Longer {
        /// The member.
        name: ShownName,
        /// Its declared size in bytes.
        declared: u64,
    },
    /// A member holds less than it declares.
    #[error("{name} holds {found} bytes and declares {declared}")]
    Shorter {
        /// The member.
        name: ShownName,
        /// Its declared size in bytes.
        declared: u64,
        /// Its real size in bytes.
        found: u64,
    },
    /// A member's content has another CRC-32 than it declares.
    #[error("the checksum of {name} is wrong")]
    Checksum {
        /// The member.
        name: ShownName,
    },
    /// A member's compressed content cannot be inflated.
    #[error("the compressed content of {name} is garbled")]
    Garbled {
        /// The member.
        name: ShownName,
    },
    /// A member's compressed content does not end where it should.
    #[error("the compressed content of {name} does not end")]
    Unfinished {
        /// The member.
        name: ShownName,
    },
    /// Something follows a member's compressed content.
    #[error("{bytes} bytes follow the compressed content of {name}")]
    Padded {
        /// The member.
        name: ShownName,
        /// How many.
        bytes: u64,
    },
}

/// What the zip specification calls a compression method, where archivers have used it, in brackets.
fn known(method: u16) -> &'static str {
    match method {
        1 => " (shrink)",
        2..=5 => " (reduce)",
        6 => " (implode)",
        9 => " (deflate64)",
        12 => " (bzip2)",
        14 => " (LZMA)",
        93 => " (Zstandard)",
        95 => " (XZ)",
        98 => " (PPMd)",
        99 => " (AES encryption)",
        _ => "",
    }
}
