//! The API without a network, for tests.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeZone as _, Utc};
use windlass::{Account, Limits};
use windlass_http::{Api, Auth, DomainVerification, Quotas, Settings};
use windlass_store::{Blobs, Directory, ManualClock, MemoryStore};

/// What the clock of [`api`] shows.
pub(crate) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 10, 12, 0, 0).single().expect("a time")
}

/// An API that asks for no signatures, on an empty store.
pub(crate) async fn api(directory: &Path) -> (Api, Arc<MemoryStore>, Blobs) {
    let store = Arc::new(MemoryStore::new([7; 32]));
    let blobs = Blobs::new(store.clone(), Arc::new(Directory::open(directory).expect("a directory")));
    let settings = Settings {
        account: Account { region: "us-east-1".to_owned(), id: "000000000000".to_owned() },
        site_authority: "localhost:8420".to_owned(),
        limits: Limits::default(),
        quotas: Quotas::default(),
        request_rate: None,
        allow_local_repositories: false,
        domains: DomainVerification::Offline,
        courier: None,
        closed: None,
    };
    let clock = Arc::new(ManualClock::at(noon()));
    let api = Api::new(store.clone(), blobs.clone(), clock, Auth::None, settings).await.expect("a secret");
    (api, store, blobs)
}
