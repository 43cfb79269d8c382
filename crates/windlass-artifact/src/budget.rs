//! How much an artifact may cost.

/// How much an artifact may cost to verify, to keep and to serve. An archive that claims more is refused before any
/// of it is inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The archive as it came, in bytes. 5 GiB unless told otherwise: AWS's quota for the ZIP file of a manual deploy is
    /// 5 GB without saying which, and the larger reading never refuses what AWS takes.
    pub archive: u64,

    /// The central directory, in bytes. It is held in memory once, as the index. 256 MiB unless told otherwise.
    pub directory: u64,

    /// Members, folders counted. 1,000,000 unless told otherwise.
    pub members: u64,

    /// The uncompressed bytes of all members together. 10 GiB unless told otherwise.
    pub total: u64,

    /// The uncompressed bytes of one member. 5 GiB unless told otherwise.
    pub member: u64,

    /// A member's name, in bytes of UTF-8. 1,024 unless told otherwise, which is also the longest key in S3.
    pub name: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { archive: 5 * GIB, directory: GIB / 4, members: 1_000_000, total: 10 * GIB, member: 5 * GIB, name: 1024 }
    }
}

const GIB: u64 = 1 << 30;
