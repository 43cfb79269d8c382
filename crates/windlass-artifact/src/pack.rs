//! Packing files into an artifact.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::ops::Bound;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::path::EntryPath;
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, ErrorKind, ZipArchiveWriter};
use thiserror::Error;

use crate::budget::Budget;
use crate::index::Method;
use crate::name::{self, NameFault, ShownName};

/// Writes files into a fresh artifact, one after the other, to anything that can be written to.
///
/// Equal files in equal order make equal bytes: every member has the same time and the mode of a plain file. What
/// compresses well, by its extension, is deflated, the rest is stored. The result passes [`verify`](crate::verify)
/// if it is within the budget.
pub struct Packer<W: Write> {
    zip: ZipArchiveWriter<W>,
    paths: BTreeSet<Box<str>>,
    buffer: Box<[u8]>,
    broken: bool,
}

impl<W: Write> Packer<W> {
    /// Begins an artifact.
    pub fn new(writer: W) -> Self {
        let buffer = vec![0; BUFFER].into();
        Self { zip: ZipArchiveWriter::new(writer), paths: BTreeSet::new(), buffer, broken: false }
    }

    /// Adds a file with all that `content` yields.
    ///
    /// # Errors
    ///
    /// When the path is not allowed in an artifact or taken, nothing is written and packing can go on. When the content
    /// cannot be read or the artifact not be written, it is broken, and every later call says so.
    pub fn add(&mut self, path: &str, content: impl Read) -> Result<(), PackError> {
        if self.broken {
            return Err(PackError::Broken);
        }
        self.check_path(path)?;
        self.broken = true;
        self.write(path, content)?;
        self.broken = false;
        self.paths.insert(path.into());
        Ok(())
    }

    /// Writes the central directory and gives the writer back, not flushed.
    ///
    /// # Errors
    ///
    /// When nothing was added, when the artifact is broken, or when it cannot be written.
    pub fn finish(self) -> Result<W, PackError> {
        if self.broken {
            return Err(PackError::Broken);
        }
        if self.paths.is_empty() {
            return Err(PackError::NothingToPublish);
        }
        self.zip.finish().map_err(write_error)
    }

    fn check_path(&self, path: &str) -> Result<(), PackError> {
        name::parse(path.as_bytes(), Budget::default().name)
            .and_then(|path| if name::is_folder(path) { Err(NameFault::EmptySegment) } else { Ok(()) })
            .map_err(|fault| PackError::Name { name: path.into(), fault })?;
        if self.paths.contains(path) {
            return Err(PackError::Duplicate { name: path.into() });
        }
        for (slash, _) in path.match_indices('/') {
            let folder = &path[..slash];
            if self.paths.contains(folder) {
                return Err(PackError::FileAndFolder { name: folder.into(), inside: path.into() });
            }
        }
        let folder = format!("{path}/");
        let mut after = self.paths.range::<str, _>((Bound::Included(&*folder), Bound::Unbounded));
        match after.next().filter(|next| next.starts_with(&folder)) {
            Some(inside) => Err(PackError::FileAndFolder { name: path.into(), inside: (&**inside).into() }),
            None => Ok(()),
        }
    }

    fn write(&mut self, path: &str, content: impl Read) -> Result<(), PackError> {
        let method = method_of(path);
        let builder = self.zip.new_file(entry_path(path)).last_modified(TIME).unix_permissions(MODE);
        let builder = match method {
            Method::Stored => builder.compression_method(CompressionMethod::STORE),
            Method::Deflated => builder.compression_method(CompressionMethod::DEFLATE),
        };
        let (mut entry, config) = builder.start().map_err(write_error)?;
        let descriptor = match method {
            Method::Stored => {
                let mut writer = config.wrap(&mut entry);
                pour(path, content, &mut writer, &mut self.buffer)?;
                writer.finish().map_err(write_error)?.1
            }
            Method::Deflated => {
                let mut writer = config.wrap(DeflateEncoder::new(&mut entry, LEVEL));
                pour(path, content, &mut writer, &mut self.buffer)?;
                let (encoder, descriptor) = writer.finish().map_err(write_error)?;
                encoder.finish().map_err(PackError::Write)?;
                descriptor
            }
        };
        entry.finish(descriptor).map_err(write_error)?;
        Ok(())
    }
}

/// Why a file was not packed.
#[derive(Debug, Error)]
pub enum PackError {
    /// Its path is not allowed in an artifact.
    #[error("the name {name} {fault}")]
    Name {
        /// The path.
        name: ShownName,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// Its path is taken.
    #[error("{name} occurs more than once")]
    Duplicate {
        /// The path.
        name: ShownName,
    },
    /// A path would be both a file's and a folder's.
    #[error("{name} is a file and also the folder of {inside}")]
    FileAndFolder {
        /// The file.
        name: ShownName,
        /// The file that would be inside of it.
        inside: ShownName,
    },
    /// There is no file at all.
    #[error("there are no files to pack")]
    NothingToPublish,
    /// Its content cannot be read.
    #[error("{name} cannot be read")]
    Read {
        /// The path.
        name: ShownName,
        /// Why.
        source: io::Error,
    },
    /// The artifact cannot be written.
    #[error("the artifact cannot be written")]
    Write(#[source] io::Error),
    /// An earlier failure left half a member in the artifact.
    #[error("the artifact is broken by an earlier error")]
    Broken,
}

/// Copies content and tells a failing source from a failing destination.
fn pour(path: &str, mut content: impl Read, writer: &mut impl Write, buffer: &mut [u8]) -> Result<(), PackError> {
    loop {
        match content.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => writer.write_all(&buffer[..n]).map_err(PackError::Write)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(PackError::Read { name: path.into(), source }),
        }
    }
}

fn write_error(error: rawzip::Error) -> PackError {
    if let ErrorKind::IO(error) = error.into_kind() {
        return PackError::Write(error);
    }
    PackError::Write(io::Error::other("a zip cannot hold this"))
}

/// rawzip takes everything before a colon for a drive letter and drops it, unless the name is given as bytes.
fn entry_path(path: &str) -> EntryPath<'_> {
    if path.contains(':') { EntryPath::verbatim(path.as_bytes()) } else { EntryPath::conformant(path) }
}

fn method_of(path: &str) -> Method {
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    let compressible = |extension: &str| COMPRESSIBLE.iter().any(|known| known.eq_ignore_ascii_case(extension));
    if extension.is_some_and(compressible) { Method::Deflated } else { Method::Stored }
}

/// What is worth deflating, by extension. Whatever is not here is taken to be compressed already.
const COMPRESSIBLE: &[&str] = &[
    "atom",
    "bmp",
    "cjs",
    "css",
    "csv",
    "eot",
    "geojson",
    "gltf",
    "htm",
    "html",
    "ico",
    "ics",
    "js",
    "json",
    "jsonl",
    "jsx",
    "ld",
    "map",
    "markdown",
    "md",
    "mjs",
    "otf",
    "rss",
    "rtf",
    "sql",
    "svg",
    "tex",
    "toml",
    "ts",
    "tsv",
    "tsx",
    "ttc",
    "ttf",
    "txt",
    "vtt",
    "wasm",
    "webmanifest",
    "xhtml",
    "xml",
    "xsl",
    "yaml",
    "yml",
];

/// The earliest time a zip can tell: 1980-01-01.
const TIME: UtcDateTime = UtcDateTime::from_components(1980, 1, 1, 0, 0, 0, 0).expect("a date that exists");

/// A regular file that its owner may write and everybody read.
const MODE: u32 = 0o100_644;

/// Where zlib's effort stops paying.
const LEVEL: Compression = Compression::new(6);

/// How many bytes of content are read at once.
const BUFFER: usize = 64 * 1024;
