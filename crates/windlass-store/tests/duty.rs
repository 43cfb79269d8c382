//! What one of several processes does for all of them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use windlass_store::{Duty, ManualClock, MemoryStore};

struct World {
    store: Arc<MemoryStore>,
}

impl World {
    fn new() -> Self {
        Self { store: Arc::new(MemoryStore::new([0; 32])) }
    }

    /// A process whose clock is a day ahead of the one made before.
    fn process(&self, day: i64) -> (Duty, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH + TimeDelta::days(day)));
        (Duty::new(self.store.clone(), clock.clone(), "upkeep"), clock)
    }
}

#[tokio::test]
async fn one_has_a_duty_for_as_long_as_it_says_so_whatever_the_clocks_say() {
    let world = World::new();
    let ((mut one, first), (mut other, second)) = (world.process(0), world.process(1));
    assert!(one.is_ours().await);
    for _ in 0..20 {
        for clock in [&first, &second] {
            clock.advance(TimeDelta::seconds(9));
        }
        assert!(!other.is_ours().await);
        assert!(one.is_ours().await);
    }
    // It is not heard of any more.
    assert!(!other.is_ours().await);
    second.advance(TimeDelta::seconds(10));
    assert!(!other.is_ours().await);
    second.advance(TimeDelta::milliseconds(1));
    assert!(other.is_ours().await);
    // It comes back, and is told.
    assert!(!one.is_ours().await);
}

#[tokio::test]
async fn of_those_who_would_take_a_duty_over_one_does() {
    let world = World::new();
    let (mut first, _) = world.process(0);
    assert!(first.is_ours().await);
    let mut others: Vec<_> = (1..9).map(|day| world.process(day)).collect();
    for (duty, _) in &mut others {
        assert!(!duty.is_ours().await);
    }
    let mut ours = 0;
    for (duty, clock) in &mut others {
        clock.advance(TimeDelta::seconds(11));
        ours += u32::from(duty.is_ours().await);
    }
    assert_eq!(ours, 1);
}

#[tokio::test]
async fn what_is_laid_down_is_taken_at_once() {
    let world = World::new();
    let ((mut one, _), (mut other, _), (mut third, _)) = (world.process(0), world.process(1), world.process(2));
    assert!(one.is_ours().await);
    assert!(!other.is_ours().await && !third.is_ours().await);
    // Laying down what is another's changes nothing.
    third.lay_down().await;
    assert!(!other.is_ours().await);
    one.lay_down().await;
    assert!(other.is_ours().await);
    let (mut fourth, _) = world.process(3);
    assert!(!fourth.is_ours().await);
}

#[tokio::test]
async fn duties_of_other_names_are_others() {
    let world = World::new();
    let (mut one, clock) = world.process(0);
    assert!(one.is_ours().await);
    assert!(Duty::new(world.store.clone(), clock, "events").is_ours().await);
}
