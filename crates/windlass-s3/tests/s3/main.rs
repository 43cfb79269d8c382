//! The vault in a bucket of a real server, which may also refuse, be slow, or be gone.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

mod cache;
mod server;
mod troubles;

use server::S3;

mod exam {
    use super::S3;

    windlass_store::vault_exam!(async || {
        let s3 = S3::start().await;
        (s3.vault(u64::MAX), s3)
    });

    mod without_room_in_the_cache {
        use super::S3;

        windlass_store::vault_exam!(async || {
            let s3 = S3::start().await;
            (s3.vault(0), s3)
        });
    }
}
