//! Bytes that say they are a zip.

use std::io::{Cursor, Read};
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::GzDecoder;
use windlass_artifact::{Archive, Budget, Index, Member, verify};

/// Small enough that a bomb costs the search no time.
const BUDGET: Budget =
    Budget { archive: 1 << 20, directory: 1 << 20, members: 1000, member: 1 << 22, total: 1 << 24, name: 1024 };

/// What passes can be read in every way in which it is served, and each way gives what was verified.
pub fn archives(data: &[u8]) {
    let source = Bytes::copy_from_slice(data);
    let Ok(index) = verify(&source, &BUDGET, &|| true) else { return };
    assert_eq!(Index::decode(&index.encode()).as_ref(), Ok(&index), "an index is read as it was written");
    let archive = Archive::open(Arc::new(source), Arc::new(index)).expect("the index is of these bytes");
    for member in archive.index().members() {
        assert_eq!(archive.member(&member.path), Some(member), "a member is found by its path");
        let plain = read(archive.plain(member));
        assert_eq!(plain.len() as u64, member.size);
        parts(&archive, member, &plain);
        if let Some(gzip) = archive.gzip(member) {
            assert_eq!(read(GzDecoder::new(Cursor::new(read(gzip)))), plain, "the gzip form is the same content");
        }
    }
}

/// A part of the content is that part, wherever it begins.
fn parts(archive: &Archive, member: &Member, plain: &[u8]) {
    let size = member.size;
    for range in [0..size, size / 2..size, size / 3..size / 2, size..size] {
        let part = archive.plain_range(member, range.clone()).expect("the range is within the content");
        let at = |offset: u64| usize::try_from(offset).expect("it is in memory");
        assert_eq!(read(part), plain[at(range.start)..at(range.end)]);
    }
}

fn read(mut reader: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("what was verified can be read");
    bytes
}
