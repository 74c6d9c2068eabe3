//! Behaviour of real sockets over loopback, one file each.

#[cfg(test)]
mod a_frame_that_never_ends_is_cut_off;
#[cfg(test)]
mod a_slow_reader_is_cut_off_at_the_bound;
#[cfg(test)]
mod answers_of_one_read_are_bounded;
mod connections_beyond_the_bound_are_refused;
#[cfg(test)]
mod garbage_closes_the_connection;
#[cfg(test)]
mod half_received_frames_share_a_bound;
#[cfg(test)]
mod idle_connections_are_closed;
#[cfg(test)]
mod large_bodies_pass_in_both_directions;
#[cfg(test)]
mod outbound_requests_fail_at_once_when_the_connection_ends;
#[cfg(test)]
mod outbound_requests_reconnect;
#[cfg(test)]
mod pipelined_requests_are_all_answered;
#[cfg(test)]
mod ports_in_use_are_named;
#[cfg(test)]
mod proxy_headers_are_skipped;
#[cfg(test)]
mod servers_send_requests_too;
#[cfg(test)]
mod split_frames_arrive_whole;
#[cfg(test)]
mod stopping_joins_and_drains;
#[cfg(test)]
mod support;
