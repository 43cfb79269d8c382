//! Windlass's site server: a published artifact, answered to a browser straight from its zip.
//!
//! A site lives at `<label>.<app>.<domain>`: the label stands for a branch, and the branch knows which artifact is live.
//! [`Sites::host`] tells a site's host name from any other, and [`Sites::serve`] answers a request to one.
//!
//! * **Going live is atomic.** Each request asks the store which artifact is live, and is answered from that one alone.
//! * **A path is a key**: it is decoded once and looked up in the artifact's index. Nothing is unpacked, no file is named
//!   by a visitor, so there is nothing to climb out of.
//! * **Nothing is compressed.** A deflated member goes out as gzip, as it lies in the zip, to whoever takes gzip.
//! * **A slow visitor costs a chunk.** A body reads the next chunk when the last one is sent, and holds no thread meanwhile.
//!
//! Which member answers a path, in this order: the member of that name; `index.html` in the folder of that name, after a
//! 301 to the name with a slash; the page of that name without its `.html`; the site's `404.html`, with status 404.
//!
//! What this crate deliberately is not: it listens nowhere, reads no clock, knows no job rules beyond which artifact is live,
//! and is no general file server.
//!
//! ```
//! use std::sync::Arc;
//!
//! use http::{Request, StatusCode};
//! use windlass_site::Sites;
//! use windlass_store::{Blobs, Directory, MemoryStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let store = Arc::new(MemoryStore::new([0; 32]));
//! let blobs = Blobs::new(store.clone(), Arc::new(Directory::open(folder.path())?));
//! let sites = Sites::new(store, blobs, "localhost");
//!
//! assert!(sites.host("localhost:8420").is_none());
//! let host = sites.host("main.d1.localhost:8420").ok_or("not a site")?;
//! let (request, ()) = Request::get("/").body(())?.into_parts();
//! assert_eq!(sites.serve(&host, &request).await.status(), StatusCode::NOT_FOUND);
//! # Ok(())
//! # }
//! ```

mod archives;
mod asset;
mod body;
mod caching;
mod conditional;
mod encoding;
mod host;
mod media;
mod page;
mod path;
mod range;
mod sites;

pub use host::SiteHost;
pub use sites::{JOB_HEADER, Sites};
