//! A deployment's artifact: one immutable zip, verified, indexed and read as it lies.
//!
//! A site's files come as one zip and stay one zip. [`verify`] reads it once, trusts nothing in it, and makes an
//! [`Index`]: which paths there are, where their bytes lie, and what they hash to. From then on an [`Archive`], which is
//! the stored zip and its index, answers with the bytes of any member: unpacked, as they lie, or, if deflated, as gzip
//! without compressing anything. [`Packer`] makes such a zip out of files that did not come as one.
//!
//! What this crate deliberately is not:
//!
//! * It **unpacks nothing**. A path is a key in an index, so no name can escape from anywhere, and a bomb costs time up
//!   to the [`Budget`], never disk or memory.
//! * It is **not a general zip library**. Files and folders, stored or deflated, whole: anything else is a [`Defect`], which
//!   names the member and says what is wrong in words that the sender may read.
//! * It **knows nothing** of jobs, stores, HTTP or asynchronous tasks. Whatever implements [`ReadAt`] can hold an artifact.
//!
//! ```
//! use std::error::Error;
//! use std::io::Read;
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use windlass_artifact::{Archive, Budget, Index, Packer, verify};
//!
//! # fn main() -> Result<(), Box<dyn Error>> {
//! let mut packer = Packer::new(Vec::new());
//! packer.add("index.html", &b"<h1>Ahoy</h1>"[..])?;
//! packer.add("images/anchor.png", &b"\x89PNG"[..])?;
//! let zip = Bytes::from(packer.finish()?);
//!
//! let index = verify(&zip, &Budget::default(), &|| true)?;
//! assert_eq!(index.len(), 2);
//!
//! let stored = index.encode();
//! let archive = Archive::open(Arc::new(zip), Arc::new(Index::decode(&stored)?))?;
//! let member = archive.member("index.html").ok_or("there is no such page")?;
//! let mut page = String::new();
//! archive.plain(member).read_to_string(&mut page)?;
//! assert_eq!(page, "<h1>Ahoy</h1>");
//! # Ok(())
//! # }
//! ```

mod archive;
mod budget;
mod defect;
mod index;
mod name;
mod pack;
mod source;
mod verify;

pub use archive::{Archive, Gzip, OpenError, Plain};
pub use budget::Budget;
pub use defect::{Defect, VerifyError};
pub use index::{Index, IndexError, Member, Method};
pub use name::{NameFault, ShownName, check_name};
pub use pack::{PackError, Packer};
pub use source::{FileAt, Raw, ReadAt};
pub use verify::verify;
