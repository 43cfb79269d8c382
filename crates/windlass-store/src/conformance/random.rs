//! A long random history, on the store and on the plainest one side by side. Every answer is compared, and
//! what is due and what there is to do is compared with what follows from the jobs themselves.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

mod ledger;
mod operation;
mod side;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::setting::at;
use crate::{MemoryStore, Store};
use ledger::Ledger;
use operation::Operation;
use side::Side;

pub async fn it_answers_as_the_plainest_store_does(s: Arc<dyn Store>) {
    compare(s, 0x5eed_0001, TimeDelta::minutes(1)).await;
}

pub async fn it_answers_as_the_plainest_store_does_when_little_time_passes(s: Arc<dyn Store>) {
    compare(s, 0x5eed_0002, TimeDelta::seconds(10)).await;
}

/// Lets so much happen to an empty store, which follows from `seed`. Apps and branches are deleted early only, so that
/// something is left in the end.
pub async fn history(s: Arc<dyn Store>, seed: u64, steps: usize) {
    let mut random = Random(seed | 1);
    let mut side = Side::new(s);
    let mut now = at(0);
    for step in 0..steps {
        now = later(&mut random, &side, now, TimeDelta::minutes(1)).await;
        let operation = Operation::random(&mut random, &side, now).await;
        if step > steps / 4 && matches!(operation, Operation::DeleteApp(_) | Operation::DeleteBranch(_)) {
            continue;
        }
        side.perform(&operation, now).await;
    }
}

async fn compare(s: Arc<dyn Store>, seed: u64, stride: TimeDelta) {
    let mut random = Random(seed);
    let mut tested = Side::new(s);
    let mut plain = Side::new(Arc::new(MemoryStore::new([7; 32])));
    let mut ledger = Ledger::default();
    let mut now = at(0);
    for step in 0..1200 {
        now = later(&mut random, &plain, now, stride).await;
        let operation = Operation::random(&mut random, &plain, now).await;
        let context = format!("seed {seed:#x}, step {step}, {now}, {operation:?}");
        let before = plain.seq(&operation).await;
        let expected = plain.perform(&operation, now).await;
        let answer = tested.perform(&operation, now).await;
        assert_eq!(answer, expected, "{context}");
        let stored = answer.obeyed && plain.seq(&operation).await > before;
        ledger.follow(&operation, &answer, stored);
        if step % 10 == 2 {
            let expected = plain.everything(&context).await;
            let (everything, blobs) = tested.everything(&context).await;
            assert!((&everything, &blobs) == (&expected.0, &expected.1), "it holds other things, {context}");
            let limit = random.below(8) as usize;
            ledger.check(&tested, &everything, now, limit, &context).await;
            ledger.check(&tested, &everything, now, usize::MAX, &context).await;
        }
    }
}

/// Time passes, but for a clock that goes back now and then, and a job whose time is up exactly now.
async fn later(random: &mut Random, plain: &Side, now: DateTime<Utc>, stride: TimeDelta) -> DateTime<Utc> {
    let passed = TimeDelta::milliseconds(random.below(stride.num_milliseconds().unsigned_abs()).cast_signed());
    match random.below(20) {
        0 => now - passed,
        1 => plain.next_deadline().await.filter(|deadline| *deadline - now < stride * 12).unwrap_or(now),
        _ => now + passed,
    }
}

/// Numbers that look random and follow from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }
}
