//! The broker through its frames, one behaviour in each file.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "recordings are read from files, which the core under test never does"
)]

mod a_batch_is_stored_whole_and_answered_once;
mod a_client_that_comes_or_goes_is_announced_to_its_group;
mod a_cold_read_is_served_elsewhere;
mod a_deleted_topic_is_gone_and_its_waiters_know;
mod a_message_sent_is_pulled;
mod a_message_tried_too_often_goes_to_the_dead_letter_topic;
mod a_oneway_send_is_stored_and_not_answered;
mod a_pull_waits_for_a_message_that_it_wants;
mod a_refused_pull_says_why;
mod a_refused_send_says_why;
mod a_synchronous_send_is_answered_when_the_disk_has_it;
mod broken_requests_are_answered_and_never_panic;
mod configuration_changes_take_effect;
mod locks_of_queues_expire;
mod no_arrival_is_missed_between_threads;
mod offsets_survive_a_restart;
mod recorded_requests_are_answered_like_java_does;
mod recordings;
mod registration_masks_permissions;
mod sends_of_one_read_are_appended_together;
mod support;
mod tables_of_a_java_broker_are_taken_over;
mod tools_read_what_they_print;
mod topics_are_made_on_the_first_send;
mod unknown_codes_are_named;
