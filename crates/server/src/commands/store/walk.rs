//! Going over the messages that were asked for.

use std::io;
use std::ops::ControlFlow;

use ferrocket_protocol::message::View;
use ferrocket_store::inspect::{Found, LogView, StoreView};

use super::print::parse_time;
use crate::cli::store::Which;
use crate::failure::Failure;

/// Is given a message and what is wrong with it.
pub(crate) type Visit<'v> =
    &'v mut dyn FnMut(&View<'_>, Option<&str>) -> io::Result<ControlFlow<()>>;

/// What was asked for, understood.
pub(crate) struct Wanted<'a> {
    which: &'a Which,
    from_ms: i64,
    to_ms: i64,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(which: &'a Which) -> Result<Self, Failure> {
        let time = |text: &Option<String>| text.as_deref().map(parse_time).transpose();
        Ok(Self {
            which,
            from_ms: time(&which.from)?.unwrap_or(i64::MIN),
            to_ms: time(&which.to)?.unwrap_or(i64::MAX),
        })
    }

    pub(crate) fn limit(&self) -> u64 {
        self.which.limit.unwrap_or(u64::MAX)
    }

    fn has(&self, record: &View<'_>) -> bool {
        let topic = self.which.topic.as_deref();
        topic.is_none_or(|topic| topic == record.topic)
            && self
                .which
                .queue
                .is_none_or(|queue| queue == record.queue_id)
            && (self.from_ms..=self.to_ms).contains(&record.store_ms)
    }

    /// Visits the messages in the order of the log, damaged ones with what is wrong with them.
    pub(crate) fn walk(&self, log: &LogView, visit: Visit<'_>) -> io::Result<()> {
        log.walk(self.start(log)?, &mut |found| match found {
            Found::Record(record) if record.store_ms > self.to_ms => Ok(ControlFlow::Break(())),
            Found::Record(record) if self.has(&record) => visit(&record, None),
            Found::Damage(damage) => match damage.record {
                Some(record) if self.has(&record) => visit(&record, Some(&damage.reason)),
                _ => Ok(ControlFlow::Continue(())),
            },
            _ => Ok(ControlFlow::Continue(())),
        })?;
        Ok(())
    }

    /// The last segment that begins before the time asked for: store times never go back.
    fn start(&self, log: &LogView) -> io::Result<i64> {
        for file in log.files.files.iter().rev() {
            let Some(first) = log.record_at(file.base)? else {
                continue;
            };
            if View::parse(&first).is_ok_and(|first| first.store_ms < self.from_ms) {
                return Ok(file.base);
            }
        }
        Ok(log.start())
    }
}

/// Visits the messages of a queue from an offset on, through its entries.
pub(crate) fn walk_queue(
    view: &StoreView,
    topic: &str,
    queue_id: i32,
    offset: i64,
    visit: Visit<'_>,
) -> io::Result<bool> {
    let log = view.log()?;
    let queues = view.queues()?;
    let same = |topic_of: &str, id: i32| topic_of == topic && id == queue_id;
    let Some(queue) = queues
        .iter()
        .find(|queue| same(&queue.topic, queue.queue_id))
    else {
        return Ok(false);
    };
    let mut done = false;
    queue.walk(&mut |row| {
        if done || row.is_blank || row.queue_offset + row.messages <= offset {
            return Ok(());
        }
        let Some(record) = log.record_at(row.physical_offset)? else {
            return Ok(());
        };
        if let Ok(record) = View::parse(&record) {
            let fault = (!record.body_crc_matches()).then_some("the body does not match its CRC");
            done = visit(&record, fault)?.is_break();
        }
        Ok(())
    })?;
    Ok(true)
}
