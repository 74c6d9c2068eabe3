//! What the store promises, one promise for each file. One program, so that it is linked once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests, whose helpers clippy does not know for what they are"
)]

mod support;

mod a_bad_sector_far_from_the_end_stops_no_start;
mod a_clock_that_goes_back_delays_no_flush;
mod a_failed_write_or_sync_poisons_the_store;
mod a_forged_record_head_gets_no_memory;
mod a_full_disk_refuses_messages_until_there_is_room;
mod a_group_is_stored_whole_in_one_segment;
mod a_queue_that_lost_its_first_record_begins_with_blanks;
mod a_segment_made_ahead_is_written_out;
mod a_torn_tail_is_cut_and_saved;
mod a_want_of_file_handles_poisons_nothing;
mod a_wide_gap_in_a_queue_makes_no_blanks;
mod a_wrong_clock_is_not_kept;
mod acknowledged_messages_survive_a_kill;
mod any_history_equals_its_model;
mod any_store_is_looked_at_without_a_change;
mod appends_wait_for_no_sync_of_others;
mod batch_queues_and_the_extension_follow_the_log;
mod batches_are_read_whole_from_any_of_their_offsets;
mod configuration_files_fall_back_to_their_backup;
mod damage_inside_of_the_log_is_stepped_over;
mod damaged_queue_files_are_made_again;
mod deleted_topics_begin_anew;
mod deleted_topics_stay_deleted;
mod durable_messages_survive_power_loss;
mod every_failure_of_a_disk_is_told_and_reads_go_on;
mod files_are_those_of_java;
mod files_that_resist_deletion_go_with_the_next_try;
mod index_files_are_those_of_java;
mod keys_survive_kills_and_power_losses;
mod light_queues_get_entries_of_messages_that_list_them;
mod many_queues_are_synced_at_once;
mod messages_are_found_by_key;
mod messages_come_back_as_they_were_appended;
mod messages_that_java_keeps_waiting_are_whole;
mod nothing_is_erased_while_a_disk_is_not_mounted;
mod one_process_has_the_directory;
mod properties_with_zeros_survive_a_kill;
mod queues_made_again_survive_a_power_loss;
mod queues_that_share_the_log_are_read_together;
mod segments_take_turns_in_several_directories;
mod stores_of_java_open;
mod sync_readers_see_only_what_is_durable;
mod the_extension_of_queues_holds_tags;
mod the_index_catches_up_while_messages_come;
mod the_log_is_deleted_from_its_old_end;
mod times_find_their_offsets;
mod what_is_not_flushed_has_a_bound;
