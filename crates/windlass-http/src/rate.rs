//! How often a key may ask.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// How many seconds' worth of requests may come at once.
const BURST: i64 = 2;

/// How many keys are remembered at most. Whoever has asked for nothing of late needs no memory.
const KEYS: usize = 10_000;

/// Lets each key make so many requests a second, and [`BURST`] seconds' worth at once after a rest.
///
/// A key is kept as the time at which it will have rested (the generic cell rate algorithm), so it costs one number
/// and no timer. The clock may jump: forwards it only means a rest, and backwards a wait of one request's time, since no
/// key can ever owe more than a burst.
pub(crate) struct RateLimit {
    /// The time that one request takes up.
    each: TimeDelta,
    burst: TimeDelta,
    rested: Mutex<BTreeMap<String, DateTime<Utc>>>,
}

impl RateLimit {
    pub(crate) fn new(per_second: NonZeroU32) -> Self {
        let each = TimeDelta::microseconds((1_000_000 / i64::from(per_second.get())).max(1));
        let burst = TimeDelta::microseconds(each.num_microseconds().unwrap_or(1) * i64::from(per_second.get()) * BURST);
        Self { each, burst, rested: Mutex::default() }
    }

    /// Takes note of a request, or answers after how long it may come.
    pub(crate) fn admit(&self, key: &str, now: DateTime<Utc>) -> Result<(), TimeDelta> {
        let mut kept = self.rested.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = now + self.burst;
        let rested = kept.get(key).map_or(now, |rested| (*rested).clamp(now, latest));
        let then = rested + self.each;
        if !kept.contains_key(key) {
            make_room(&mut kept, now);
        }
        if then > latest {
            kept.insert(key.to_owned(), rested);
            return Err(then - latest);
        }
        kept.insert(key.to_owned(), then);
        Ok(())
    }
}

/// Forgets who has rested; where nobody has, whoever is closest to it.
fn make_room(kept: &mut BTreeMap<String, DateTime<Utc>>, now: DateTime<Utc>) {
    if kept.len() < KEYS {
        return;
    }
    kept.retain(|_, rested| *rested > now);
    if kept.len() >= KEYS
        && let Some(first) = kept.iter().min_by_key(|(_, rested)| **rested).map(|(key, _)| key.clone())
    {
        kept.remove(&first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(per_second: u32) -> RateLimit {
        RateLimit::new(NonZeroU32::new(per_second).unwrap())
    }

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_767_225_600_000 + millis).unwrap()
    }

    /// How many requests are let through at a time.
    fn burst(limit: &RateLimit, key: &str, now: DateTime<Utc>) -> usize {
        (0..1000).take_while(|_| limit.admit(key, now).is_ok()).count()
    }

    #[test]
    fn after_a_rest_two_seconds_worth_may_come_at_once() {
        for (per_second, at_once) in [(1, 2), (5, 10), (7, 14), (300, 600)] {
            assert_eq!(burst(&limit(per_second), "a", at(0)), at_once, "{per_second} a second");
        }
    }

    #[test]
    fn then_they_come_at_the_rate_and_are_told_when() {
        let limit = limit(5);
        assert_eq!(burst(&limit, "a", at(0)), 10);
        assert_eq!(limit.admit("a", at(0)), Err(TimeDelta::milliseconds(200)));
        assert_eq!(limit.admit("a", at(150)), Err(TimeDelta::milliseconds(50)));
        let passed = (0..10_000).filter(|millis| limit.admit("a", at(*millis)).is_ok()).count();
        // 9.999 seconds at 5 a second.
        assert_eq!(passed, 49);
        assert_eq!(burst(&limit, "a", at(12_000)), 10);
    }

    #[test]
    fn each_key_has_its_own() {
        let limit = limit(1);
        assert_eq!(burst(&limit, "a", at(0)), 2);
        assert_eq!(burst(&limit, "b", at(0)), 2);
        assert!(limit.admit("a", at(0)).is_err());
    }

    #[test]
    fn a_clock_that_jumps_keeps_nobody_out() {
        let limit = limit(1);
        assert_eq!(burst(&limit, "a", at(0)), 2);
        // A day ahead, and back: as if nothing had been asked, or all of it just now, but never more than that.
        assert_eq!(burst(&limit, "a", at(86_400_000)), 2);
        assert_eq!(limit.admit("a", at(1)), Err(TimeDelta::seconds(1)));
        assert_eq!(limit.admit("a", at(500)), Err(TimeDelta::milliseconds(501)));
        assert_eq!(limit.admit("a", at(1001)), Ok(()));
    }

    #[test]
    fn however_many_keys_there_are_memory_is_bounded() {
        let limit = limit(1);
        for n in 0..KEYS + 100 {
            assert_eq!(limit.admit(&n.to_string(), at(0)), Ok(()));
        }
        assert_eq!(limit.rested.lock().unwrap().len(), KEYS);
        // Those that rest make room for those that do not.
        assert_eq!(burst(&limit, "a", at(10_000)), 2);
        assert_eq!(limit.rested.lock().unwrap().len(), 1);
    }
}
