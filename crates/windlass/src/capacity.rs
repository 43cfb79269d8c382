//! Which waiting job goes next, when there is room for some only.

/// Chooses the job that goes next: of those in `waiting`, longest wait first, the first of the app that has
/// the fewest jobs in work. One busy app cannot keep the others waiting. `None` when nothing waits or
/// `limit` jobs are in work.
///
/// `working` has the number of jobs in work for each app that has any; an app is whatever tells apps apart.
/// A job is in work while [`JobStatus::is_working`](crate::JobStatus::is_working), and it waits while it is PENDING
/// and [nothing of its branch works](crate::Branch::working). AWS's quota is 5
/// [concurrent jobs](https://docs.aws.amazon.com/amplify/latest/userguide/quotas-chapter.html) for an account in a
/// region; the order among those that wait is ours.
///
/// ```
/// use windlass::next_to_claim;
///
/// // Two of "busy" work; "quiet" came later and goes first.
/// assert_eq!(next_to_claim(5, &[("busy", 2)], &["busy", "busy", "quiet"]), Some(2));
/// assert_eq!(next_to_claim(2, &[("busy", 2)], &["quiet"]), None);
/// ```
#[must_use]
pub fn next_to_claim<A: PartialEq>(limit: u64, working: &[(A, u64)], waiting: &[A]) -> Option<usize> {
    let in_work: u64 = working.iter().map(|(_, count)| count).sum();
    if in_work >= limit {
        return None;
    }
    let count = |app: &A| working.iter().find(|(other, _)| other == app).map_or(0, |(_, count)| *count);
    // `min_by_key` takes the first of equals, which has waited longest.
    waiting.iter().enumerate().min_by_key(|(_, app)| count(app)).map(|(index, _)| index)
}
