//! Zips made by hand, so that every byte can be wrong on purpose.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use windlass_artifact::{Archive, Budget, Defect, Index, VerifyError, verify};

/// What a zip's readers ought to see: content by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Verifies with the default budget and is never interrupted.
pub(crate) fn check(zip: &[u8]) -> Result<Index, VerifyError> {
    verify(&Bytes::copy_from_slice(zip), &Budget::default(), &|| true)
}

/// What is wrong with a zip.
pub(crate) fn defect(zip: &[u8]) -> Defect {
    defect_within(zip, &Budget::default())
}

/// What is wrong with a zip under a budget.
pub(crate) fn defect_within(zip: &[u8], budget: &Budget) -> Defect {
    match verify(&Bytes::copy_from_slice(zip), budget, &|| true) {
        Err(VerifyError::Defect(defect)) => defect,
        Err(error) => panic!("{error}"),
        Ok(index) => panic!("passed with {:?}", index.members()),
    }
}

/// Verifies a zip and reads everything in it.
pub(crate) fn read_all(zip: &[u8]) -> Files {
    let index = check(zip).unwrap();
    read_indexed(zip, index)
}

/// Reads everything that an index lists.
pub(crate) fn read_indexed(zip: &[u8], index: Index) -> Files {
    let archive = Archive::open(Arc::new(Bytes::copy_from_slice(zip)), Arc::new(index)).unwrap();
    archive.index().members().iter().map(|member| (member.path.to_string(), read(archive.plain(member)))).collect()
}

/// Reads to the end.
pub(crate) fn read(mut reader: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    bytes
}

/// A raw deflate stream.
pub(crate) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Contents by path, for comparing.
pub(crate) fn files<const N: usize>(files: [(&str, &[u8]); N]) -> Files {
    files.into_iter().map(|(path, content)| (path.to_owned(), content.to_vec())).collect()
}

/// One member, each field of which may lie.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) compressed_size: u64,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) data: Vec<u8>,
    pub(crate) extra: Vec<u8>,
    /// Where the central directory says that it is, if it lies.
    pub(crate) header_offset: Option<u64>,
    /// Whether there is a local header and data at all.
    pub(crate) written: bool,
    /// Whether sizes and CRC follow the data.
    pub(crate) descriptor: bool,
    /// Whether the sizes and the offset are in a zip64 field.
    pub(crate) zip64: bool,
}

impl Entry {
    pub(crate) fn stored(name: impl AsRef<[u8]>, content: &[u8]) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            local_name: name.as_ref().to_vec(),
            flags: 0,
            method: 0,
            crc32: crc32fast::hash(content),
            compressed_size: content.len() as u64,
            size: content.len() as u64,
            mode: 0o100_644,
            data: content.to_vec(),
            extra: Vec::new(),
            header_offset: None,
            written: true,
            descriptor: false,
            zip64: false,
        }
    }

    pub(crate) fn deflated(name: impl AsRef<[u8]>, content: &[u8]) -> Self {
        let data = deflate(content);
        let compressed_size = data.len() as u64;
        Self { method: 8, data, compressed_size, ..Self::stored(name, content) }
    }

    pub(crate) fn folder(name: &str) -> Self {
        Self { mode: 0o040_755, ..Self::stored(name, b"") }
    }

    /// Changes it.
    pub(crate) fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn local_header(&self) -> Vec<u8> {
        let flags = self.flags | if self.descriptor { 8 } else { 0 };
        let sizes = if self.descriptor { (0, 0, 0) } else { (self.crc32, self.compressed_size, self.size) };
        let mut extra = self.extra.clone();
        let mut bytes = b"PK\x03\x04\x14\0".to_vec();
        bytes.extend(flags.to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        bytes.extend([0, 0, 0x21, 0]);
        bytes.extend(sizes.0.to_le_bytes());
        if self.zip64 {
            bytes.extend([0xff; 8]);
            extra.extend([1, 0, 16, 0]);
            extra.extend(sizes.2.to_le_bytes());
            extra.extend(sizes.1.to_le_bytes());
        } else {
            bytes.extend((sizes.1 as u32).to_le_bytes());
            bytes.extend((sizes.2 as u32).to_le_bytes());
        }
        bytes.extend((self.local_name.len() as u16).to_le_bytes());
        bytes.extend((extra.len() as u16).to_le_bytes());
        bytes.extend(&self.local_name);
        bytes.extend(extra);
        bytes
    }

    fn descriptor(&self) -> Vec<u8> {
        let mut bytes = b"PK\x07\x08".to_vec();
        bytes.extend(self.crc32.to_le_bytes());
        if self.zip64 {
            bytes.extend(self.compressed_size.to_le_bytes());
            bytes.extend(self.size.to_le_bytes());
        } else {
            bytes.extend((self.compressed_size as u32).to_le_bytes());
            bytes.extend((self.size as u32).to_le_bytes());
        }
        bytes
    }

    fn central_header(&self, offset: u64) -> Vec<u8> {
        let flags = self.flags | if self.descriptor { 8 } else { 0 };
        let mut extra = self.extra.clone();
        let mut bytes = b"PK\x01\x02\x14\x03\x14\0".to_vec();
        bytes.extend(flags.to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        bytes.extend([0, 0, 0x21, 0]);
        bytes.extend(self.crc32.to_le_bytes());
        if self.zip64 {
            bytes.extend([0xff; 8]);
            extra.extend([1, 0, 24, 0]);
            extra.extend(self.size.to_le_bytes());
            extra.extend(self.compressed_size.to_le_bytes());
            extra.extend(offset.to_le_bytes());
        } else {
            bytes.extend((self.compressed_size as u32).to_le_bytes());
            bytes.extend((self.size as u32).to_le_bytes());
        }
        bytes.extend((self.name.len() as u16).to_le_bytes());
        bytes.extend((extra.len() as u16).to_le_bytes());
        bytes.extend([0; 6]);
        bytes.extend((self.mode << 16).to_le_bytes());
        bytes.extend(if self.zip64 { u32::MAX } else { offset as u32 }.to_le_bytes());
        bytes.extend(&self.name);
        bytes.extend(extra);
        bytes
    }
}

/// A whole zip, each field of which may lie.
#[derive(Default)]
pub(crate) struct Zip {
    pub(crate) prefix: Vec<u8>,
    /// Whether the offsets count the prefix.
    pub(crate) prefix_counted: bool,
    pub(crate) entries: Vec<Entry>,
    pub(crate) comment: Vec<u8>,
    pub(crate) count: Option<u16>,
    /// Whether there is a zip64 end of central directory.
    pub(crate) zip64: bool,
}

impl Zip {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.prefix.clone();
        let base = if self.prefix_counted { 0 } else { bytes.len() };
        let mut central = Vec::new();
        for entry in &self.entries {
            let offset = entry.header_offset.unwrap_or((bytes.len() - base) as u64);
            central.extend(entry.central_header(offset));
            if entry.written {
                bytes.extend(entry.local_header());
                bytes.extend(&entry.data);
            }
            if entry.written && entry.descriptor {
                bytes.extend(entry.descriptor());
            }
        }
        let directory = bytes.len() - base;
        bytes.extend(&central);
        let end = bytes.len() - base;
        let count = self.count.unwrap_or(self.entries.len() as u16);
        if self.zip64 {
            bytes.extend(b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\x03\x2d\0\0\0\0\0\0\0\0\0");
            for number in [u64::from(count), u64::from(count), central.len() as u64, directory as u64] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(b"PK\x06\x07\0\0\0\0");
            bytes.extend((end as u64).to_le_bytes());
            bytes.extend([1, 0, 0, 0]);
        }
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        if self.zip64 {
            bytes.extend([0xff; 12]);
        } else {
            bytes.extend(count.to_le_bytes());
            bytes.extend(count.to_le_bytes());
            bytes.extend((central.len() as u32).to_le_bytes());
            bytes.extend((directory as u32).to_le_bytes());
        }
        bytes.extend((self.comment.len() as u16).to_le_bytes());
        bytes.extend(&self.comment);
        bytes
    }
}

/// A zip of these members.
pub(crate) fn zip<const N: usize>(entries: [Entry; N]) -> Vec<u8> {
    Zip { entries: entries.into(), ..Zip::default() }.bytes()
}

/// A good member to go with a bad one.
pub(crate) fn page() -> Entry {
    Entry::deflated("index.html", b"<h1>Ahoy</h1>")
}
