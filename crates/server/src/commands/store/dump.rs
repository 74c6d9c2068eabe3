//! `ferrocket store dump`.

use std::io;
use std::ops::ControlFlow;

use ferrocket_protocol::message::View;

use super::message;
use super::print::{Out, ended};
use super::source::{self, Source, unreadable};
use super::walk::{Wanted, walk_queue};
use crate::cli::Output;
use crate::cli::store::{Dump, Which};
use crate::failure::Failure;

pub(super) fn run(options: &Dump) -> Result<u8, Failure> {
    let source = source::open(&options.place)?;
    let mut out = Out::new();
    if let Some(at) = options.at {
        return one(&source, options, at, &mut out);
    }
    let wanted = Wanted::new(&options.which)?;
    let mut left = wanted.limit();
    let mut visit = |record: &View<'_>, fault: Option<&str>| {
        if left == 0 {
            return Ok(ControlFlow::Break(()));
        }
        left -= 1;
        print(options, record, fault, &mut out)?;
        Ok(if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    };
    match (&options.which.topic, options.which.queue, options.offset) {
        (Some(topic), Some(queue), Some(offset)) => {
            if !ended(walk_queue(&source.view, topic, queue, offset, &mut visit))? {
                return Err(unreadable(format!(
                    "there is no queue {queue} of topic {topic}"
                )));
            }
        }
        _ => {
            let log = ended(source.view.log())?;
            ended(wanted.walk(&log, &mut visit))?;
        }
    }
    if left == wanted.limit() {
        exists(&source, &options.which)?;
    }
    ended(out.flush())?;
    Ok(0)
}

/// Whether nothing was found because nothing of that name is there.
fn exists(source: &Source, which: &Which) -> Result<(), Failure> {
    let Some(topic) = &which.topic else {
        return Ok(());
    };
    let queues = ended(source.view.queues())?;
    let mut of_topic = queues
        .iter()
        .filter(|queue| queue.topic == *topic)
        .peekable();
    if of_topic.peek().is_none() {
        return Err(unreadable(format!(
            "there is no topic {topic} in the store; `ferrocket store ls` lists those that are"
        )));
    }
    match which.queue {
        Some(id) if !of_topic.any(|queue| queue.queue_id == id) => Err(unreadable(format!(
            "there is no queue {id} of topic {topic}"
        ))),
        _ => Ok(()),
    }
}

fn one(source: &Source, options: &Dump, at: i64, out: &mut Out) -> Result<u8, Failure> {
    let log = ended(source.view.log())?;
    let record = ended(log.record_at(at))?;
    let Some(record) = record
        .as_deref()
        .and_then(|record| View::parse(record).ok())
    else {
        return Err(unreadable(format!(
            "no record begins at {at}; the log has {} to {}",
            log.start(),
            log.capacity_end()
        )));
    };
    let fault = (!record.body_crc_matches()).then_some("the body does not match its CRC");
    ended(print(options, &record, fault, out).and_then(|()| out.flush()))?;
    Ok(0)
}

fn print(options: &Dump, record: &View<'_>, fault: Option<&str>, out: &mut Out) -> io::Result<()> {
    match options.place.output {
        Output::Json => out.json(&message::json(record, fault)),
        Output::Text if options.verbose => out.line(&message::lines(record, options.body, fault)),
        Output::Text => out.line(&message::line(record, options.body, fault)),
    }
}
