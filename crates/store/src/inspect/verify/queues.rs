//! Consume queues against the log, while the log is walked.

use std::collections::{BTreeMap, HashMap};
use std::io;

use ferrocket_protocol::message::{View, property};
use foldhash::fast::FixedState;

use super::{Depth, FaultKind, Faults, Progress};
use crate::dispatch::{self, SCHEDULE_TOPIC, TagsCode};
use crate::inspect::log::RecordReader;
use crate::inspect::{LogView, QueueBounds, QueueKind, QueueRow, QueueView, StoreView};
use crate::queue_ext::is_address;

/// Entries of a queue that are read ahead.
const WINDOW_ENTRIES: usize = 256;

/// Queues with entries in memory at once.
const WINDOWS_MAX: usize = 10_000;

/// Places in the list of queues, by topic and number: looked up for every record.
type ByName = HashMap<String, HashMap<i32, usize, FixedState>, FixedState>;

pub(super) struct QueueChecks<'a> {
    view: &'a StoreView,
    log: &'a LogView,
    in_use: bool,
    by_name: ByName,
    queues: Vec<Check<'a>>,
    windows: usize,
    entries: u64,
    former: u64,
    fillers: u64,
    /// Where records are gone: entries that point there are no faults of their own.
    damaged: Vec<(i64, i64)>,
    /// Records whose queue does not exist, by topic and number.
    orphans: BTreeMap<(String, i32), Run>,
}

struct Check<'a> {
    queue: &'a QueueView,
    place: String,
    bounds: QueueBounds,
    /// Entries from a queue offset on (plain), or all (batch).
    window: Option<(i64, Vec<Option<QueueRow>>)>,
    /// The queue offset that the next record must have.
    next: Option<i64>,
    /// Where the last record was.
    last_at: i64,
    matched: u64,
    run: Option<Run>,
    /// Records in front of the first entry.
    before: Option<Run>,
}

/// Faults of one kind that follow each other.
#[derive(Debug, Clone)]
struct Run {
    problem: &'static str,
    from: i64,
    first: i64,
    last: i64,
    count: u64,
}

impl<'a> QueueChecks<'a> {
    pub(super) fn new(
        view: &'a StoreView,
        log: &'a LogView,
        queues: &'a [QueueView],
        in_use: bool,
    ) -> io::Result<Self> {
        let mut by_name = ByName::default();
        let mut checks = Vec::with_capacity(queues.len());
        for (index, queue) in queues.iter().enumerate() {
            let numbers = by_name.entry(queue.topic.clone()).or_default();
            numbers.insert(queue.queue_id, index);
            checks.push(Check {
                queue,
                place: format!("queue {} of topic {}", queue.queue_id, queue.topic),
                bounds: queue.bounds(log.start())?,
                window: None,
                next: None,
                last_at: -1,
                matched: 0,
                run: None,
                before: None,
            });
        }
        Ok(Self {
            view,
            log,
            in_use,
            by_name,
            queues: checks,
            windows: 0,
            entries: 0,
            former: 0,
            fillers: 0,
            damaged: Vec::new(),
            orphans: BTreeMap::new(),
        })
    }

    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    pub(super) fn former(&self) -> u64 {
        self.former
    }

    pub(super) fn fillers(&self) -> u64 {
        self.fillers
    }

    /// A place that was damaged once: no fault any more, but a queue offset is missing.
    pub(super) fn filler(&mut self, from: i64, to: i64) {
        self.fillers += 1;
        self.damaged(from, to);
    }

    pub(super) fn damaged(&mut self, from: i64, to: i64) {
        self.damaged.push((from, to));
    }

    /// Compares a record with its entry, and with those of further queues that it is in.
    pub(super) fn record(&mut self, record: &View<'_>, faults: &mut Faults<'_>) -> io::Result<()> {
        if !dispatch::is_queued(record.sys_flag) {
            return Ok(());
        }
        let (topic, queue_id, offset) = (record.topic, record.queue_id, record.queue_offset);
        self.compare(record, topic, queue_id, offset, faults)?;
        let Some(names) = record.property(property::INNER_MULTI_DISPATCH) else {
            return Ok(());
        };
        let offsets = record.property(property::INNER_MULTI_QUEUE_OFFSET);
        let offsets = offsets.unwrap_or_default().split(',');
        for (name, offset) in names.split(',').zip(offsets) {
            if let Ok(offset) = offset.parse()
                && self.by_name.contains_key(name)
            {
                self.compare(record, name, 0, offset, faults)?;
            }
        }
        Ok(())
    }

    fn compare(
        &mut self,
        record: &View<'_>,
        topic: &str,
        queue_id: i32,
        offset: i64,
        faults: &mut Faults<'_>,
    ) -> io::Result<()> {
        let at = record.physical_offset;
        let numbers = self.by_name.get(topic);
        let Some(index) = numbers.and_then(|numbers| numbers.get(&queue_id)).copied() else {
            let run = self.orphans.entry((topic.to_owned(), queue_id));
            Run::grow(run.or_insert_with(|| Run::new("", at, offset)), offset);
            return Ok(());
        };
        if self.windows > WINDOWS_MAX {
            self.windows = 0;
            for check in &mut self.queues {
                check.window = None;
            }
        }
        let Some(check) = self.queues.get_mut(index) else {
            return Ok(());
        };
        if check.window.is_none() {
            self.windows += 1;
        }
        if offset == 0 && check.next.is_some_and(|next| next > 0) {
            // The topic was deleted and made anew: what came before is not in this queue.
            self.former += check.before.take().map_or(0, |run| run.count);
            check.run = None;
        } else if let Some(next) = check.next
            && offset != next
            && !self.damaged.iter().any(|(_, to)| *to > check.last_at)
        {
            let problem = format!("queue offset {offset} follows {}", next - 1);
            faults.add(FaultKind::Queue, &check.place, Some(at), problem);
        }
        let messages = messages_of(record, check.queue.kind);
        check.next = Some(offset + messages);
        check.last_at = at;
        if check.bounds.first_physical.is_none_or(|first| at < first) {
            let run = check
                .before
                .get_or_insert_with(|| Run::new("records without an entry", at, offset));
            Run::grow(run, offset);
            return Ok(());
        }
        let problem = match check.row(offset)? {
            Some(row) => {
                let matches = row.physical_offset == at
                    && usize::try_from(row.bytes) == Ok(record.bytes().len());
                if matches {
                    check.matched += 1;
                }
                if !matches && row.is_blank {
                    Some("records with a blank in place of the entry")
                } else if !matches {
                    Some("records whose entry points elsewhere")
                } else if tags_differ(self.view, check.queue, &row, record)? {
                    Some("records whose entry has other tags")
                } else {
                    None
                }
            }
            None if self.in_use => None,
            None => Some("records behind the last entry"),
        };
        match problem {
            Some(problem) => check.fault(problem, at, offset, faults),
            None => check.end_run(faults),
        }
        Ok(())
    }

    /// Looks at what the walk did not: entries without a record, records without a queue.
    pub(super) fn finish(
        &mut self,
        depth: Depth,
        log_end: i64,
        faults: &mut Faults<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> io::Result<()> {
        self.tell_orphans(depth, faults);
        let total_bytes = self
            .queues
            .iter()
            .map(|check| check.queue.files.total_bytes())
            .sum();
        let mut done_bytes = 0;
        let mut records = RecordReader::new(self.log);
        for check in &mut self.queues {
            check.end_run(faults);
            if let Some(run) = check.before.take()
                && depth == Depth::Full
                && !self.in_use
            {
                run.tell(&check.place, faults);
            }
            let bounds = check.bounds;
            let is_end = |row: &QueueRow| {
                row.queue_offset == bounds.min || row.queue_offset + row.messages == bounds.max
            };
            let mut count = 0;
            if depth == Depth::Full {
                check.queue.walk(&mut |row| {
                    count += u64::from(!row.is_blank && row.physical_offset >= self.log.start());
                    Ok(())
                })?;
            }
            self.entries += count;
            if depth == Depth::Full && count == check.matched {
                // Every entry has its record.
            } else {
                let queue = check.queue;
                queue.walk(&mut |row| {
                    let at = row.physical_offset;
                    if depth == Depth::Fast && !is_end(row)
                        || row.is_blank
                        || at < self.log.start()
                        || self.in_use && at >= log_end
                        || self
                            .damaged
                            .iter()
                            .any(|(from, to)| (*from..*to).contains(&at))
                    {
                        return Ok(());
                    }
                    match fault_of(row, queue, &mut records, log_end)? {
                        Some(problem) => check.fault(problem, at, row.queue_offset, faults),
                        None => check.end_run(faults),
                    }
                    Ok(())
                })?;
                check.end_run(faults);
            }
            done_bytes += check.queue.files.total_bytes();
            progress(Progress {
                what: "consume queues",
                done_bytes,
                total_bytes,
            });
        }
        Ok(())
    }

    fn tell_orphans(&mut self, depth: Depth, faults: &mut Faults<'_>) {
        // Entries are written behind the records of a broker that runs.
        if depth == Depth::Fast || self.in_use {
            return;
        }
        for ((topic, queue_id), run) in std::mem::take(&mut self.orphans) {
            let problem = format!(
                "{} records from {} on have no queue; opening the store makes it again unless the topic was deleted",
                run.count, run.from
            );
            let place = format!("queue {queue_id} of topic {topic}");
            faults.add(FaultKind::Queue, &place, Some(run.from), problem);
        }
    }
}

impl Check<'_> {
    /// The entry of a queue offset.
    fn row(&mut self, offset: i64) -> io::Result<Option<QueueRow>> {
        match self.queue.kind {
            QueueKind::Plain => {
                let inside = |(from, rows): &(i64, Vec<Option<QueueRow>>)| {
                    (*from..*from + rows.len() as i64).contains(&offset)
                };
                if !self.window.as_ref().is_some_and(inside) {
                    let rows = self.queue.entries_at(offset, WINDOW_ENTRIES)?;
                    self.window = Some((offset, rows));
                }
                let window = self.window.as_ref();
                Ok(window.and_then(|(from, rows)| {
                    let index = usize::try_from(offset - from).ok()?;
                    rows.get(index).copied().flatten()
                }))
            }
            QueueKind::Batch => {
                if self.window.is_none() {
                    let mut rows = Vec::new();
                    self.queue.walk(&mut |row| {
                        rows.push(Some(*row));
                        Ok(())
                    })?;
                    self.window = Some((0, rows));
                }
                let rows = self.window.as_ref().map(|(_, rows)| rows.as_slice());
                let rows = rows.unwrap_or_default();
                let index =
                    rows.partition_point(|row| row.is_some_and(|row| row.queue_offset < offset));
                let row = rows.get(index).copied().flatten();
                Ok(row.filter(|row| row.queue_offset == offset))
            }
        }
    }

    fn fault(&mut self, problem: &'static str, at: i64, offset: i64, faults: &mut Faults<'_>) {
        match &mut self.run {
            Some(run) if run.problem == problem => Run::grow(run, offset),
            _ => {
                self.end_run(faults);
                let mut run = Run::new(problem, at, offset);
                Run::grow(&mut run, offset);
                self.run = Some(run);
            }
        }
    }

    fn end_run(&mut self, faults: &mut Faults<'_>) {
        if let Some(run) = self.run.take() {
            run.tell(&self.place, faults);
        }
    }
}

impl Run {
    fn new(problem: &'static str, from: i64, first: i64) -> Self {
        Self {
            problem,
            from,
            first,
            last: first,
            count: 0,
        }
    }

    fn grow(run: &mut Run, offset: i64) {
        run.last = offset;
        run.count += 1;
    }

    fn tell(&self, place: &str, faults: &mut Faults<'_>) {
        let Self {
            problem,
            first,
            last,
            count,
            ..
        } = self;
        let problem = format!("{count} {problem}: offsets {first} to {last}");
        faults.add(FaultKind::Queue, place, Some(self.from), problem);
    }
}

/// How many queue offsets a record has.
fn messages_of(record: &View<'_>, kind: QueueKind) -> i64 {
    let number = record.property(property::INNER_NUM);
    match kind {
        QueueKind::Plain => 1,
        QueueKind::Batch => number.and_then(|number| number.parse().ok()).unwrap_or(1),
    }
}

fn tags_differ(
    view: &StoreView,
    queue: &QueueView,
    row: &QueueRow,
    record: &View<'_>,
) -> io::Result<bool> {
    if queue.topic == SCHEDULE_TOPIC {
        return Ok(false);
    }
    let tags_code = match view.ext_unit(queue, row)? {
        Some(unit) => unit.tags_code,
        // A lost unit matches every filter.
        None if is_address(row.tags_code) => return Ok(false),
        None => row.tags_code,
    };
    let wanted = TagsCode::of(view.config(), record.topic, record.properties);
    Ok(tags_code != wanted.at(record.store_ms))
}

/// What is wrong with an entry.
fn fault_of(
    row: &QueueRow,
    queue: &QueueView,
    records: &mut RecordReader<'_>,
    log_end: i64,
) -> io::Result<Option<&'static str>> {
    Ok(match records.record_at(row.physical_offset)? {
        None if row.physical_offset >= log_end => Some("entries behind the end of the log"),
        None => Some("entries without a record"),
        Some(record) if usize::try_from(row.bytes) != Ok(record.bytes().len()) => {
            Some("entries of another length than their records")
        }
        Some(record) => {
            let of_queue = record.topic == queue.topic && record.queue_id == queue.queue_id;
            let light = record.property(property::INNER_MULTI_DISPATCH);
            let in_light = light.is_some_and(|names| names.split(',').any(|n| n == queue.topic));
            if !of_queue && !in_light {
                Some("entries that point to records of another queue")
            } else if of_queue && record.queue_offset != row.queue_offset {
                Some("entries that point to records with another queue offset")
            } else {
                None
            }
        }
    })
}
