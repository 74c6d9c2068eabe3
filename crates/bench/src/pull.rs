//! Reading stored messages back as fast as they come: one connection and one thread for each
//! queue, one pull in flight on each, as push consumers do.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::measure::{Outcome, Tally, Watch, Window};
use crate::observed::Observed;
use crate::send::join;
use crate::template::{PullShape, PullTemplate};
use crate::topic::max_offset;
use crate::wire::{Inbox, call, connect, u32_at};

const SUCCESS: i32 = 0;
const PULL_NOT_FOUND: i32 = 19;
const PULL_RETRY_IMMEDIATELY: i32 = 20;
const PULL_OFFSET_MOVED: i32 = 21;
/// The last pull may be held past the end of the measurement, so the holds are short.
const HOLD_MS: u32 = 1000;
/// Where the lengths and flags of a stored record are (spec 02).
const RECORD_SYS_FLAG_AT: usize = 36;
const RECORD_BODY_AT_V4: usize = 88;

/// What to read.
#[derive(Debug, Clone)]
pub(crate) struct PullWork {
    pub(crate) address: SocketAddr,
    pub(crate) topic: String,
    pub(crate) queues: u32,
    /// Messages of one answer at most.
    pub(crate) messages_max: u32,
    pub(crate) tag: Option<String>,
    /// How often everything is read.
    pub(crate) passes: u32,
    pub(crate) server: Option<Observed>,
}

impl PullWork {
    pub(crate) fn name(&self) -> String {
        let tag = self.tag.as_deref().unwrap_or("*");
        format!("pull tag {tag} from {} queues", self.queues)
    }

    /// Reads everything that is stored now.
    pub(crate) fn run(&self) -> anyhow::Result<Outcome> {
        let mut ends = Vec::new();
        for queue in 0..self.queues {
            ends.push((queue, max_offset(self.address, &self.topic, queue)?));
        }
        let stored: i64 = ends.iter().map(|(_, end)| end).sum();
        ensure!(
            stored > 0,
            "nothing is stored in {}: run send first",
            self.topic
        );
        let window = Window::new(Duration::ZERO, Duration::from_secs(24 * 3600));
        let watch = Watch::start(self.server)?;
        let mut threads = Vec::new();
        for (queue, end) in ends {
            let work = self.clone();
            threads.push(thread::spawn(move || work.read_queue(queue, end, window)));
        }
        let mut tally = join(threads)?;
        if self.tag.is_some() {
            // The work is to look at all stored messages; what matched is in the bytes.
            tally.messages = u64::try_from(stored)? * u64::from(self.passes);
        }
        Ok(watch.stop()?.outcome(self.name(), &tally))
    }

    /// Whether the message at an offset of a queue can be read.
    pub(crate) fn has(&self, queue: u32, offset: i64) -> anyhow::Result<bool> {
        let template = PullTemplate::new(&PullShape {
            messages_max: 1,
            ..self.shape(queue)
        })?;
        let mut request = Vec::new();
        template.append(&mut request, offset)?;
        call(self.address, &request, |answer| {
            Ok(answer.code == SUCCESS && bodies(answer.body).next().is_some())
        })
    }

    fn shape(&self, queue: u32) -> PullShape<'_> {
        PullShape {
            topic: &self.topic,
            queue,
            messages_max: self.messages_max,
            suspend_ms: 0,
            tag: self.tag.as_deref(),
        }
    }

    fn read_queue(&self, queue: u32, end: i64, window: Window) -> anyhow::Result<Tally> {
        let (mut stream, mut inbox) = connect(self.address)?;
        let mut tally = Tally::new()?;
        for _ in 0..self.passes {
            self.read_once(queue, end, window, &mut stream, &mut inbox, &mut tally)?;
        }
        Ok(tally)
    }

    fn read_once(
        &self,
        queue: u32,
        end: i64,
        window: Window,
        stream: &mut TcpStream,
        inbox: &mut Inbox,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let template = PullTemplate::new(&self.shape(queue))?;
        let mut offset = 0;
        let mut out = Vec::new();
        while offset < end {
            out.clear();
            template.append(&mut out, offset)?;
            let asked_ns = window.now_ns();
            stream.write_all(&out)?;
            let mut next = None;
            while next.is_none() {
                inbox.receive(|answer| {
                    if !matches!(
                        answer.code,
                        SUCCESS | PULL_NOT_FOUND | PULL_RETRY_IMMEDIATELY | PULL_OFFSET_MOVED
                    ) {
                        bail!("pull refused: {}", String::from_utf8_lossy(answer.header));
                    }
                    next = answer.ext_number("nextBeginOffset");
                    ensure!(next.is_some(), "an answer without nextBeginOffset");
                    for body in bodies(answer.body) {
                        tally.messages += 1;
                        tally.body_bytes += body.len() as u64;
                    }
                    Ok(())
                })?;
            }
            tally.record(window.now_ns() - asked_ns);
            let next = next.unwrap_or(offset);
            ensure!(
                next > offset,
                "queue {queue} does not move past {offset} of {end}"
            );
            offset = next;
        }
        Ok(())
    }
}

/// The bodies of stored records that follow each other.
pub(crate) fn bodies(mut records: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = u32_at(records, 0)? as usize;
        let (record, rest) = records.split_at_checked(length)?;
        records = rest;
        body(record)
    })
}

fn body(record: &[u8]) -> Option<&[u8]> {
    let flag = u32_at(record, RECORD_SYS_FLAG_AT)?;
    // Bits of an IPv6 born host and store host.
    let longer = 12 * usize::from(flag & 0x10 != 0) + 12 * usize::from(flag & 0x20 != 0);
    let at = RECORD_BODY_AT_V4 + longer;
    let length = u32_at(record, at - 4)? as usize;
    record.get(at..at + length)
}

/// A queue's position, found by asking until the broker answers with data or holds the request.
pub(crate) fn follow(
    work: &PullWork,
    queue: u32,
    window: Window,
    mut each: impl FnMut(&[u8], u64),
) -> anyhow::Result<()> {
    let (mut stream, mut inbox) = connect(work.address)?;
    let mut offset = max_offset(work.address, &work.topic, queue)?;
    let mut out = Vec::new();
    let template = PullTemplate::new(&PullShape {
        suspend_ms: HOLD_MS,
        ..work.shape(queue)
    })?;
    while window.now_ns() < window.to_ns {
        out.clear();
        template.append(&mut out, offset)?;
        stream.write_all(&out)?;
        let mut next = None;
        while next.is_none() {
            inbox.receive(|answer| {
                let now_ns = window.now_ns();
                bodies(answer.body).for_each(|body| each(body, now_ns));
                next = answer.ext_number("nextBeginOffset");
                let header = || String::from_utf8_lossy(answer.header).into_owned();
                next.with_context(|| format!("pull refused: {}", header()))
                    .map(drop)
            })?;
        }
        offset = next.unwrap_or(offset);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(flag: u32, body: &[u8]) -> Vec<u8> {
        let mut record = vec![0; RECORD_BODY_AT_V4 - 4];
        record[RECORD_SYS_FLAG_AT..][..4].copy_from_slice(&flag.to_be_bytes());
        let longer = (flag & 0x10) / 0x10 + (flag & 0x20) / 0x20;
        record.extend(vec![0; 12 * longer as usize]);
        record.extend((body.len() as u32).to_be_bytes());
        record.extend(body);
        record.extend([1, b'T', 0, 0]);
        let length = record.len() as u32;
        record[..4].copy_from_slice(&length.to_be_bytes());
        record
    }

    #[test]
    fn bodies_are_found_behind_addresses_of_both_kinds() {
        let records = [record(0, b"one"), record(0x30, b"three"), record(0x10, b"")].concat();
        let found: Vec<_> = bodies(&records).collect();
        assert_eq!(found, [&b"one"[..], b"three", b""]);
    }
}
