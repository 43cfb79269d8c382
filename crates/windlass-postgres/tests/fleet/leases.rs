//! Leases go by the server's clock, whatever those of the processes say.

use std::sync::Arc;

use chrono::TimeDelta;
use windlass_store::{Clock as _, Lease, ManualClock, RunnerId, Store as _};
use windlass_testkit::Postgres;

use crate::{branch, claim, make, noon, open_with};

pub(crate) async fn processes_whose_clocks_are_hours_apart_agree_on_who_holds_a_job() {
    let server = Postgres::start().unwrap();
    let url = server.url(&server.database("template1"));
    let clock = |hours| Arc::new(ManualClock::at(noon() + TimeDelta::hours(hours)));
    let (slow, fast) = (clock(-5), clock(5));
    let (a, b) = (open_with(&url, slow.clone()).await, open_with(&url, fast.clone()).await);
    let lease = |clock: &ManualClock, minutes, runner: &str| Lease {
        runner: RunnerId(runner.to_owned()),
        until: clock.now() + TimeDelta::minutes(minutes),
    };
    let held = make(&a, &branch(&a, "held").await).await;
    claim(&a, &held, lease(&slow, 10, "a")).await.answer.unwrap();
    let lapsed = make(&a, &branch(&a, "lapsed").await).await;
    claim(&b, &lapsed, lease(&fast, -1, "b")).await.answer.unwrap();
    for (store, clock) in [(&a, &slow), (&b, &fast)] {
        let work = store.work(clock.now(), 9).await.unwrap();
        let candidates: Vec<_> = work.candidates.iter().map(|found| (found.key, found.lost)).collect();
        assert_eq!(candidates, [(lapsed.key(), true)]);
        assert_eq!(work.working, [(held.branch.app.clone(), 1)]);
    }
    // A renewal counts from now by the same clock.
    assert_eq!(b.renew(&lease(&fast, 10, "b"), &[lapsed.key(), held.key()]).await.unwrap().len(), 1);
    assert!(a.work(slow.now(), 9).await.unwrap().candidates.is_empty());
}
