//! The questions of a listing as lines that a small program in another language can read.

use std::fmt::Write;

use anyhow::{Result, bail};
use ferrocket_golden::Listing;

/// `read`, topic, queue, offset; `time`, topic, queue, time; `key`, topic, key: between tabs.
pub(crate) fn of(listing: &Listing) -> Result<String> {
    let mut lines = String::new();
    // Apache fails when it is asked for times of a queue that has a file but no entry.
    for queue in listing.queues.iter().filter(|queue| queue.max > 0) {
        let (topic, id) = (&queue.topic, queue.queue_id);
        for (offset, ..) in &queue.reads {
            writeln!(lines, "read\t{topic}\t{id}\t{offset}")?;
        }
        let mut times: Vec<i64> = queue.by_time.iter().map(|answer| answer.0).collect();
        times.dedup();
        for time_ms in times {
            writeln!(lines, "time\t{topic}\t{id}\t{time_ms}")?;
        }
    }
    for name in listing.index.keys().chain(listing.tag_index.keys()) {
        let Some((topic, key)) = name.split_once('#') else {
            bail!("{name} is no key");
        };
        writeln!(lines, "key\t{topic}\t{key}")?;
    }
    Ok(lines)
}
