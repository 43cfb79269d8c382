//! How jobs are stored and worked on, whatever they are stored in.
//!
//! Whoever drives a job has these duties, in this order; [`execute`] and [`create`] fulfil them:
//!
//! 1. load the job and its branch;
//! 2. let the branch [handle](windlass::Branch::handle) the command;
//! 3. store records, job and branch in **one** transaction, only if both are still as they were loaded;
//!    if they are not, begin again;
//! 4. answer, once that is durable;
//! 5. wake whoever the job as it now is concerns.
//!
//! [`claim()`] does the same for whichever jobs are a runner's turn, several at once.
//!
//! What a job needs is read off the job: [`Store::work`] and [`Store::due`] look at jobs, not at a queue
//! beside them, so a crash between two steps loses nothing. Doing a piece of work twice is harmless.
//!
//! The crate holds the [`Store`] port, [`MemoryStore`], the stored format ([`codec`]), the place where
//! artifacts lie ([`Blobs`], and for large ones the [`Vault`] port and [`Directory`]), and [`conformance`], the exam that
//! every store takes, and another for every vault. [`moving`] takes everything from one store to another. It holds no rules
//! about jobs, which are the core's, and no SQL.

mod blobs;
mod claim;
mod clock;
pub mod codec;
mod commits;
pub mod conformance;
mod directory;
mod duty;
mod error;
mod execute;
mod memory;
pub mod moving;
mod once;
mod port;
mod push;
mod resources;
mod sealed;
mod stored;
mod token;
mod variables;
mod vault;

pub use blobs::{Blob, Blobs, Collected, INLINE_MAX, Staged, StagedFile, Staging, StagingFolder, keys};
pub use claim::{Claiming, Claims, claim};
pub use clock::{Clock, ManualClock};
pub use commits::{Begun, Commits};
pub use directory::Directory;
pub use duty::Duty;
pub use error::StoreError;
pub use execute::{
    Address, ExecuteError, Executed, Extras, Plan, create, create_with, delete_job, execute, execute_each,
};
pub use memory::MemoryStore;
pub use once::{Once, REMEMBERED, RepeatError, forget_requests};
pub use port::{
    Append, BranchUid, Candidate, Counted, Happening, JobKey, Lease, Notice, Page, RunnerId, Site, Store, Work,
};
pub use push::{NotBuilt, Push, PushError, Pushed, build, pushed};
pub use resources::{App, Attributes, Document, Kind, NewBranch, StoredBranch, label, labels};
pub use sealed::Sealer;
pub use stored::{BranchBody, JobColumns};
pub use token::{SEALED_TOKEN, Token, keep_token, repository_token};
pub use variables::{BadVariable, DiffRoot, VariableFault, Variables, build_limits, check_variables};
pub use vault::{Content, InvalidContent, Vault};
