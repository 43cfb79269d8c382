//! Windlass's site server: a published artifact, answered to a browser straight from its zip.
//!
//! A site lives at `<label>.<app>.<domain>`: the label stands for a branch, and the branch knows which artifact is live. It
//! also lives at each name that an available domain association gives the branch. [`Sites::find`] tells a site's host name
//! from any other, and [`Sites::serve`] answers a request to one.
//!
//! * **Going live is atomic.** Each request asks the store which artifact is live, and is answered from that one alone.
//! * **A path is a key**: it is decoded once and looked up in the artifact's index. Nothing is unpacked, no file is named
//!   by a visitor, so there is nothing to climb out of.
//! * **Nothing is compressed.** A deflated member goes out as gzip, as it lies in the zip, to whoever takes gzip.
//! * **What is asked for often is in memory**, as it is sent: bodies of up to 128 KiB, 16 MiB in all.
//! * **A slow visitor costs a chunk.** A body reads the next chunk when the last one is sent, and holds no thread meanwhile.
//!
//! Which member answers a path, in this order: the member of that name; the page of that name without its `.html`;
//! `index.html` in the folder of that name, after a 301 to the name with a slash; the site's `404.html`, with status 404.
//!
//! Before that come the owner's [rules](windlass_rules): the password, then redirects and rewrites. They are read once for
//! each version of the settings of app and branch. Custom headers go with whatever is answered from the artifact or sent
//! elsewhere by a rule, for the path that was asked for and for the file that answers. What a rule rewrites to another
//! server is asked through an [`Upstream`], without what concerns one connection only and without the site's password.
//!
//! Each answered request is [noted](Sites::logged), if a log is kept: a line of CSV with the columns of CloudFront's logs,
//! in chunks under [`access_chunk`](windlass_store::keys::access_chunk) without a header line. They are `date`, `time` (in
//! UTC, when the answer ended), `x-edge-location` (`-`), `sc-bytes` (of the body), `c-ip`, `cs-method`, `cs(Host)`,
//! `cs-uri-stem`, `sc-status`, `cs(Referer)`, `cs(User-Agent)`, `cs-uri-query`, `time-taken` (in seconds); what is missing is
//! `-`. The address is that of the connection or, where that comes from this machine or a private network, the
//! last public one of `X-Forwarded-For`. What a killed process had not written down, the last half minute at most, is lost.
//!
//! What this crate deliberately is not: it listens nowhere and connects to nobody, reads no clock, knows no job rules beyond
//! which artifact is live, and is no general file server.
//!
//! ```
//! use std::sync::Arc;
//!
//! use axum::body::Body;
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
//! let request = Request::get("/").body(Body::empty())?;
//! assert_eq!(sites.serve(&host, request, None).await.status(), StatusCode::NOT_FOUND);
//! # Ok(())
//! # }
//! ```

mod access;
mod archives;
mod asset;
mod bodies;
mod body;
mod caching;
mod conditional;
mod domains;
mod dress;
mod encoding;
mod host;
mod media;
mod page;
mod path;
mod peer;
mod range;
mod rulebook;
mod sites;
mod upstream;

pub use host::SiteHost;
pub use sites::{JOB_HEADER, Sites};
pub use upstream::{Answer, Upstream, UpstreamError};
