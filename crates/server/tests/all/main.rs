//! The binary as its users meet it: real processes over loopback.
#![cfg(test)]

mod support;

mod a_loaded_server_stops_within_three_seconds;
mod a_signal_while_starting_stops_cleanly;
mod acknowledged_messages_survive_a_kill;
mod configuration_is_read_and_changed_over_the_wire;
mod java_names_options_and_exit_codes_work;
mod logs_are_reopened_on_sighup;
mod malformed_input_leaves_the_server_up;
mod messages_survive_a_restart;
mod mistakes_are_named_in_one_line;
mod quickstart_prints_the_messages_that_it_received;
mod the_official_configurations_start;
mod topics_are_created_listed_and_located;
