//! What a pull wants of a queue (`ExpressionMessageFilter`, `ExpressionForRetryMessageFilter`): tags are
//! told by the entries of the queue, expressions by the properties in the records.

use std::sync::Arc;

use ferrocket_filter::Expression;
use ferrocket_protocol::message::{View, properties, property};
use ferrocket_store::{Choice, MessageFilter, QueueEntry};

use super::Pull;
use crate::filter::{self, Filter, Filters};

/// What decides beside the tags of the subscription.
#[derive(Debug, Clone)]
pub(super) enum PullFilter {
    /// Nothing.
    Tags,
    /// What the group's heartbeats brought.
    Registered(Arc<Filter>),
    /// What came with the pull.
    Sent(Arc<Expression>),
    /// Messages to be tried again: what the group has for the topic that they were sent to
    /// (`filterSupportRetry`).
    OfRetries,
}

impl PullFilter {
    /// Whether records have to be looked into.
    pub(super) fn looks_into_records(&self) -> bool {
        matches!(self, Self::Registered(_) | Self::Sent(_))
    }
}

impl Pull {
    /// Whether a message that arrived may be wanted, by its tags and, for a filter that looks into
    /// records, by the records that arrived. What is not known may be.
    pub(super) fn wants(&self, tags_code: Option<i64>, records: &[impl AsRef<[u8]>]) -> bool {
        if !self.subscription.accepts(tags_code) {
            return false;
        }
        let mut all = records.iter().map(AsRef::as_ref);
        match &self.filter {
            PullFilter::Tags | PullFilter::OfRetries => true,
            _ if records.is_empty() => true,
            PullFilter::Registered(filter) => {
                all.any(|record| has_properties(record, |text| filter.matches(text)))
            }
            PullFilter::Sent(expression) => {
                all.any(|record| has_properties(record, |text| filter::matches(expression, text)))
            }
        }
    }
}

/// A pull as the store sees it.
pub(super) struct Wanted<'a> {
    pub(super) pull: &'a Pull,
    pub(super) filters: &'a Filters,
}

impl MessageFilter for Wanted<'_> {
    fn by_entry(&mut self, entry: &QueueEntry<'_>) -> Choice {
        if !self.pull.subscription.accepts(entry.tags_code) {
            return Choice::Unwanted;
        }
        match &self.pull.filter {
            PullFilter::Tags => Choice::Wanted,
            PullFilter::Registered(filter)
                if entry.extension.is_some_and(|extension| {
                    filter.is_excluded_by(extension.filter_bits, entry.physical_offset)
                }) =>
            {
                Choice::Unwanted
            }
            _ => Choice::Open,
        }
    }

    fn by_record(&mut self, record: &[u8]) -> bool {
        has_properties(record, |text| match &self.pull.filter {
            PullFilter::Tags => true,
            PullFilter::Registered(filter) => filter.matches(text),
            PullFilter::Sent(expression) => filter::matches(expression, text),
            PullFilter::OfRetries => {
                let sent_to = properties::find(text, property::RETRY_TOPIC);
                let filter =
                    sent_to.and_then(|topic| self.filters.get(topic, &self.pull.group.name));
                filter.is_none_or(|filter| filter.matches(text))
            }
        })
    }
}

fn has_properties(record: &[u8], matches: impl FnOnce(&[u8]) -> bool) -> bool {
    View::parse(record).is_ok_and(|view| matches(view.properties))
}
