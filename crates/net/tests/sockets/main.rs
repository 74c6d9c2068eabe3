//! Behaviour of real sockets over loopback, one file each.

mod a_frame_that_never_ends_is_cut_off;
mod a_slow_reader_is_cut_off_at_the_bound;
mod connections_beyond_the_bound_are_refused;
mod garbage_closes_the_connection;
mod half_received_frames_share_a_bound;
mod idle_connections_are_closed;
mod large_bodies_pass_in_both_directions;
mod outbound_requests_fail_at_once_when_the_connection_ends;
mod outbound_requests_reconnect;
mod pipelined_requests_are_all_answered;
mod ports_in_use_are_named;
mod proxy_headers_are_skipped;
mod servers_send_requests_too;
mod split_frames_arrive_whole;
mod stopping_joins_and_drains;
#[cfg(test)]
mod support;
