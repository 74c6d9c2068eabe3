//! The client against a cluster of fakes that keeps messages in memory.

#[cfg(test)]
mod a_consumer_goes_on_where_its_group_stopped;
#[cfg(test)]
mod a_dropped_consumer_leaves_its_group;
#[cfg(test)]
mod a_failed_batch_is_given_again_in_order;
#[cfg(test)]
mod an_unreadable_message_does_not_stop_its_queue;
#[cfg(test)]
mod committed_offsets_never_go_back;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod members_share_the_queues;
#[cfg(test)]
mod remember;
#[cfg(test)]
mod sends_go_to_another_broker_when_one_refuses;
#[cfg(test)]
mod sends_map_every_answer;
