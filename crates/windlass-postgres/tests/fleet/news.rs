//! Who listens on one process hears of the changes of all.

use windlass::JobStatus;
use windlass_store::{Notice, Store as _};
use windlass_testkit::Postgres;

use crate::{branch, make, stop, two};

pub(crate) async fn whoever_listens_hears_once_of_every_change_of_every_process() {
    let server = Postgres::start().unwrap();
    let (here, there) = two(&server).await;
    let (mut hears_here, mut hears_there) = (here.notices(), there.notices());
    let mut expected = Vec::new();
    for n in 0..10 {
        let on = branch(&*here, &format!("{n}")).await;
        let made = make(&*here, &on).await;
        stop(&*there, &made).await;
        expected.push(Notice { key: made.key(), status: JobStatus::Pending });
        expected.push(Notice { key: made.key(), status: JobStatus::Cancelled });
    }
    for hears in [&mut hears_here, &mut hears_there] {
        let mut heard = Vec::new();
        while heard.len() < expected.len() {
            heard.push(hears.recv().await.unwrap());
        }
        // Its own come at once, those of the other a moment later.
        heard.sort_by_key(|notice| (notice.key, notice.status != JobStatus::Pending));
        assert_eq!(heard, expected);
        assert!(hears.try_recv().is_err(), "it hears some twice");
    }
}
