//! The exam that every store takes.
//!
//! A store's own test file only says how an empty store is made; each question becomes a test of its own:
//!
//! ```
//! use windlass_store::MemoryStore;
//!
//! // The second half of the pair is kept until the question is answered: a temporary directory, perhaps.
//! windlass_store::exam!(async || (MemoryStore::new([7; 32]), ()));
//! ```

#![expect(clippy::unwrap_used, reason = "an exam panics by design")]

use std::sync::Arc;

use crate::moving::Movable;
use crate::{Store, Vault};

pub mod apps;
pub mod blobs;
pub mod branches;
pub mod claims;
pub mod counts;
pub mod creation;
pub mod deletion;
pub mod documents;
mod everything;
pub mod happenings;
pub mod jobs;
pub mod moves;
pub mod races;
pub mod random;
mod setting;
pub mod sites;
pub mod vaults;
pub mod work;

pub use everything::{Everything, check_happenings};

/// Makes a test of every question of the [exam](crate::conformance), from an expression that makes an empty
/// store: an asynchronous closure that returns the store and whatever must outlive it.
#[macro_export]
macro_rules! exam {
    ($new:expr) => {
        $crate::questions! { exam_as_tests $new }
    };
}

/// The same questions as a `Vec` of names and closures, for a harness that asks some of them only, or none.
///
/// ```
/// use windlass_store::MemoryStore;
///
/// let questions = windlass_store::exam_list!(async || (MemoryStore::new([7; 32]), ()));
/// for (_, question) in questions.into_iter().filter(|(name, _)| name.starts_with("sites::")) {
///     question();
/// }
/// ```
#[macro_export]
macro_rules! exam_list {
    ($new:expr) => {
        $crate::questions! { exam_as_list $new }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! exam_as_tests {
    ($new:expr => $($subject:ident { $($question:ident)+ })+) => {
        $(
            mod $subject {
                #[allow(unused_imports, reason = "what the expression needs")]
                use super::*;

                $(
                    #[test]
                    fn $question() {
                        $crate::conformance::take($new, $crate::conformance::$subject::$question);
                    }
                )+
            }
        )+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! exam_as_list {
    ($new:expr => $($subject:ident { $($question:ident)+ })+) => {
        vec![$($((
            concat!(stringify!($subject), "::", stringify!($question)),
            Box::new(|| $crate::conformance::take($new, $crate::conformance::$subject::$question))
                as Box<dyn FnOnce() + Send>,
        )),+),+]
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! questions {
    ($then:ident $new:expr) => {
        $crate::$then! { $new =>
            apps {
                an_app_is_read_as_it_was_stored
                an_app_is_made_once
                an_app_changes_only_from_the_version_that_was_loaded
                an_unknown_app_is_not_found
                a_deleted_app_takes_everything_with_it
                an_app_made_again_has_nothing_of_the_old_one
                apps_are_listed_in_the_order_of_their_creation
                a_list_of_apps_goes_on_where_it_stopped
                a_list_of_apps_ends_whatever_cursor_is_given
                the_secret_never_changes
            }
            branches {
                a_branch_is_read_as_it_was_stored
                a_branch_is_made_once_in_an_app
                a_branch_changes_only_from_the_version_that_was_loaded
                settings_and_jobs_of_a_branch_do_not_disturb_each_other
                a_deleted_branch_takes_its_jobs_with_it
                a_branch_made_again_is_another_branch
                names_are_kept_to_the_letter
                every_branch_of_an_app_has_a_label_of_its_own
                branches_are_listed_in_the_order_of_their_creation
                a_list_of_branches_goes_on_where_it_stopped
            }
            jobs {
                a_job_is_read_by_key_and_by_name
                what_is_not_there_is_not_found
                a_job_that_was_seen_before_is_loaded_again_where_it_has_changed
                jobs_are_listed_newest_first
                a_list_of_jobs_goes_on_where_it_stopped
                the_jobs_with_a_content_are_listed_newest_first
                every_row_is_what_its_history_makes_of_it
                an_append_to_a_job_that_has_changed_stores_nothing
                an_append_to_a_branch_that_has_changed_stores_nothing
                an_append_where_there_is_nothing_stores_nothing
                commands_that_come_together_are_stored_together
                a_command_that_changes_nothing_stores_nothing
                time_has_its_way_even_where_the_command_is_refused
                a_site_shows_what_went_live_last
                whoever_listens_hears_of_every_change
            }
            creation {
                a_branch_takes_one_job_at_a_time
                a_job_that_is_overdue_makes_room
                a_stop_makes_room_at_once
                a_success_is_retried_from_its_artifact
                a_failure_is_retried_from_what_was_uploaded
                a_failed_fetch_is_retried_from_its_url
                a_failed_build_is_retried_from_its_commit
                what_has_not_ended_or_never_arrived_is_not_retried
                a_push_waits_behind_the_job_that_works
                a_push_takes_the_place_of_the_one_that_waits
                a_push_does_not_take_the_place_of_an_upload
            }
            deletion {
                a_deleted_job_is_gone_with_its_history
                a_job_that_has_not_ended_stays
                the_live_job_stays
                an_overdue_job_ends_before_it_is_deleted
                bytes_are_garbage_once_no_job_needs_them
                a_job_that_has_changed_is_not_deleted
            }
            documents {
                a_document_is_read_as_it_was_stored
                a_document_is_made_once_among_its_kind
                a_document_belongs_to_an_app_that_is_there
                a_document_changes_only_from_the_version_that_was_loaded
                a_deleted_document_is_gone
                documents_are_listed_by_kind_and_app
                a_deleted_app_takes_its_documents_with_it
            }
            counts {
                apps_are_counted_no_further_than_asked
                young_apps_are_counted_from_the_newest_on
                branches_and_documents_are_counted_by_app
            }
            happenings {
                whatever_happens_can_be_followed_from_any_place
                a_place_is_not_used_twice
                what_happened_to_a_deleted_job_is_forgotten
            }
            blobs {
                bytes_ride_in_the_commit
                bytes_of_a_refused_command_stay_behind
                bytes_of_a_conflict_stay_behind
                bytes_are_replaced
                bytes_are_kept_to_the_last
                a_prefix_deletes_what_begins_with_it_and_nothing_else
                keys_are_listed_by_what_they_begin_with
                keys_are_listed_in_pages
                bytes_are_deleted_only_while_the_branch_is_as_it_was
            }
            sites {
                a_site_is_found_by_its_label_and_by_its_name
                a_site_tells_when_its_settings_change
            }
            work {
                a_job_is_due_from_its_deadline_on
                what_is_longest_overdue_comes_first
                the_deadline_follows_the_status
                jobs_wait_only_where_nothing_works
                the_longest_wait_comes_first
                a_hold_is_lost_at_its_last_moment
                what_was_lost_comes_before_what_waits
                what_waits_is_offered_of_every_app
                a_job_told_to_stop_is_offered_to_nobody
                jobs_in_work_are_counted_by_app
                a_runner_renews_its_own_holds_only
                a_job_taken_over_is_held_by_the_other_runner
                a_job_that_ends_is_let_go
            }
            claims {
                a_job_that_is_claimed_is_held_and_its_first_step_begun
                a_runner_is_given_no_more_than_it_has_room_for
                no_more_are_in_work_than_may_be_however_many_claim_at_once
                an_app_with_many_jobs_keeps_no_other_waiting
                what_was_lost_is_given_first
                a_runner_is_not_given_what_it_has_in_hand
                a_job_that_is_lost_too_often_ends_and_makes_room
                a_job_whose_time_is_up_ends_and_makes_room
                a_claim_that_is_refused_leaves_nothing_behind
                the_jobs_of_a_branch_never_overlap_whoever_claims
                a_job_is_claimed_or_stopped_when_both_come_at_once
            }
            races {
                two_who_make_a_job_at_once_make_one
                two_who_send_the_same_request_at_once_make_one_job
                two_who_claim_a_job_at_once_make_one_claim
                what_many_do_at_once_is_all_there
                a_push_is_never_refused_because_a_runner_was_quicker
                a_job_and_its_branch_are_seen_at_one_moment
                two_who_delete_a_job_at_once_delete_one
                branches_made_at_once_have_labels_of_their_own
            }
            random {
                it_answers_as_the_plainest_store_does
                it_answers_as_the_plainest_store_does_when_little_time_passes
            }
        }
    };
}

/// Makes a test of every question about [vaults](crate::conformance::vaults), from an expression that makes an empty vault: an
/// asynchronous closure that returns the vault and whatever must outlive it.
///
/// ```
/// use windlass_store::Directory;
///
/// windlass_store::vault_exam!(async || {
///     let folder = tempfile::tempdir().expect("room");
///     (Directory::open(folder.path()).expect("an empty directory"), folder)
/// });
/// ```
#[macro_export]
macro_rules! vault_exam {
    ($new:expr) => {
        $crate::vault_exam! { $new =>
            what_was_put_in_is_read_to_the_last_byte
            what_is_not_there_is_not_found
            equal_bytes_can_be_two_contents
            whoever_has_it_open_reads_on_when_it_is_deleted
            a_list_goes_on_where_it_stopped
            many_who_open_it_at_once_read_the_same
            what_is_staged_and_dropped_leaves_nothing_behind
        }
    };
    ($new:expr => $($question:ident)+) => {
        $(
            #[test]
            fn $question() {
                $crate::conformance::take_vault($new, $crate::conformance::vaults::$question);
            }
        )+
    };
}

/// Makes a test of every question about [moving](crate::conformance::moves), from an expression that makes an empty store, as
/// [`exam`](crate::exam) takes it.
///
/// ```
/// use windlass_store::MemoryStore;
///
/// windlass_store::moving_exam!(async || (MemoryStore::new([7; 32]), ()));
/// ```
#[macro_export]
macro_rules! moving_exam {
    ($new:expr) => {
        $crate::moving_questions! { moving_exam_as_tests $new }
    };
}

/// The same questions as a `Vec` of names and closures, as [`exam_list`](crate::exam_list) gives them.
#[macro_export]
macro_rules! moving_exam_list {
    ($new:expr) => {
        $crate::moving_questions! { moving_exam_as_list $new }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! moving_exam_as_tests {
    ($new:expr => $($question:ident)+) => {
        $(
            #[test]
            fn $question() {
                $crate::conformance::take_movable($new, $crate::conformance::moves::$question);
            }
        )+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! moving_exam_as_list {
    ($new:expr => $($question:ident)+) => {
        vec![$((
            concat!("moves::", stringify!($question)),
            Box::new(|| $crate::conformance::take_movable($new, $crate::conformance::moves::$question))
                as Box<dyn FnOnce() + Send>,
        )),+]
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! moving_questions {
    ($then:ident $new:expr) => {
        $crate::$then! { $new =>
            an_empty_store_is_moved
            what_was_taken_in_is_given_again_to_the_byte
            a_store_that_was_moved_goes_on
            what_is_not_kept_leaves_nothing_behind
            a_store_that_was_used_takes_nothing_in
            what_is_given_is_of_one_moment
        }
    };
}

/// Puts one question to a new store that can be moved.
///
/// # Panics
///
/// Where the answer is wrong.
pub fn take_movable<S: Store + Movable, G>(new: impl AsyncFnOnce() -> (S, G), question: impl AsyncFnOnce(Arc<S>)) {
    runtime().block_on(async {
        let (store, guard) = new().await;
        question(Arc::new(store)).await;
        drop(guard);
    });
}

/// Puts one question to a new store.
///
/// # Panics
///
/// Where the answer is wrong.
pub fn take<S: Store, G>(new: impl AsyncFnOnce() -> (S, G), question: impl AsyncFnOnce(Arc<dyn Store>)) {
    runtime().block_on(async {
        let (store, guard) = new().await;
        question(Arc::new(store)).await;
        drop(guard);
    });
}

/// Puts one question to a new vault.
///
/// # Panics
///
/// Where the answer is wrong.
pub fn take_vault<V: Vault, G>(new: impl AsyncFnOnce() -> (V, G), question: impl AsyncFnOnce(Arc<dyn Vault>)) {
    runtime().block_on(async {
        let (vault, guard) = new().await;
        question(Arc::new(vault)).await;
        drop(guard);
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}
