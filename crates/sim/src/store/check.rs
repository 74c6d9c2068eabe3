//! Comparing what a start found with what must be there.

use std::collections::BTreeMap;
use std::path::Path;

use ferrocket_protocol::message::View;
use ferrocket_protocol::message::view;
use ferrocket_store::disk::Disk;
use ferrocket_store::{PhysicalOffset, QueueOffset, ReadRequest, RecoveryReport, Store};

use super::ledger::{Losses, Message, Place, Queue, State, number_of, topic_name};
use super::lives;
use super::plan::ROOT;
use super::reads;
use super::steps;
use super::violation::Violation;
use super::world::World;

/// What a queue has: numbers of messages by queue offset, and its bounds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Found {
    entries: BTreeMap<i64, (usize, Place)>,
    min: i64,
    max: i64,
}

impl Found {
    fn show(&self, topic: usize, queue: usize) -> String {
        let numbers: Vec<(i64, usize)> = self
            .entries
            .iter()
            .map(|(at, (it, _))| (*at, *it))
            .collect();
        let name = topic_name(topic);
        format!(
            "found {name}/{queue} {}..{}: {numbers:?}",
            self.min, self.max
        )
    }
}

pub(super) fn after_start(world: &mut World, losses: Losses) -> Result<(), Violation> {
    let store = world.store()?;
    let report = store.recovery_report().clone();
    world.note(|| format!("started: {report:?}"));
    let (appended, durable) = (store.appended().0, store.durable().0);
    if durable != appended {
        return Err(Violation::new(format!(
            "after a start {durable} is durable of {appended}"
        )));
    }
    world.appended = appended;
    world.durable = durable;
    if !world
        .ledger
        .messages
        .iter()
        .any(|message| message.is_rotten)
        && losses.clean
        && (!report.clean || report.cut.is_some())
    {
        return Err(Violation::new(format!(
            "a clean stop was not taken for one: {report:?}"
        )));
    }
    tear(world, losses);
    let start = store.min_physical_offset().0;
    if world.has_cleaned {
        world.ledger.expire(start)?;
    }
    let mut seen = vec![false; world.ledger.messages.len()];
    for (topic, queue) in world.ledger.each_queue() {
        let found = read_queue(world, &store, topic, queue)?;
        world.note(|| found.show(topic, queue));
        compare(world, topic, queue, &found, &mut seen)?;
    }
    settle(world, &store, losses, &seen)?;
    check_rot(world, &report, &seen)?;
    world.has_cleaned &= losses.power;
    world.log_start = start;
    check_topics(world)?;
    world.ledger.forget_pending();
    if world.random.percent(50) {
        finish_index(world, &store)?;
    }
    if world.disk.is_off() {
        return Ok(());
    }
    let numbers: Vec<usize> = (0..world.ledger.messages.len()).collect();
    reads::check_keys(world, &store, &numbers)?;
    twice(world, &store)
}

/// Lets the index catch up, which must come to an end.
fn finish_index(world: &mut World, store: &Store) -> Result<(), Violation> {
    for _ in 0..10_000 {
        if store.index_progress().complete || world.is_excused() {
            return Ok(());
        }
        steps::build_index(world)?;
    }
    Err(Violation::new("the index never catches up"))
}

/// Messages that may be torn: by a power loss, a failed sync, or the end of the process in their
/// write.
fn tear(world: &mut World, losses: Losses) {
    let is_lossy = losses.power || losses.dropped;
    for message in &mut world.ledger.messages {
        message.is_torn |=
            message.state == State::Maybe || is_lossy && message.state == State::Appended;
    }
}

/// Reads a queue from its minimum to its maximum, and looks at every message.
fn read_queue(
    world: &World,
    store: &Store,
    topic: usize,
    queue: usize,
) -> Result<Found, Violation> {
    let name = topic_name(topic);
    let queue_id = i32::try_from(queue).unwrap_or(0);
    let mut found = Found {
        min: store.min_offset(name, queue_id).0,
        max: store.max_offset(name, queue_id).0,
        ..Found::default()
    };
    let mut at = found.min;
    while at < found.max {
        let request = ReadRequest {
            topic: name,
            queue_id,
            offset: QueueOffset(at),
            messages_max: 32,
            bytes_max: 1 << 20,
            hot_only: false,
        };
        let answer = store.read(&request, &mut |_| true).map_err(|error| {
            Violation::new(format!("{name}/{queue} cannot be read at {at}: {error:?}"))
        })?;
        if answer.next_offset.0 <= at {
            return Err(Violation::new(format!(
                "a reader of {name}/{queue} gets no further at {at} of {}..{}: {:?}",
                found.min, found.max, answer.status
            )));
        }
        for records in &answer.records {
            for record in view::records(records) {
                let record = record.map_err(|error| {
                    Violation::new(format!("{name}/{queue} has a broken record: {error}"))
                })?;
                let (number, place) = identify(world, &record)?;
                let twice = found.entries.insert(record.queue_offset, (number, place));
                if twice.is_some() || !(at..answer.next_offset.0).contains(&record.queue_offset) {
                    return Err(Violation::new(format!(
                        "a read of {name}/{queue} at {at} gave offset {}",
                        record.queue_offset
                    )));
                }
            }
        }
        at = answer.next_offset.0;
    }
    Ok(found)
}

/// Which message a record is, and whether it is as it was sent.
pub(super) fn identify(world: &World, record: &View<'_>) -> Result<(usize, Place), Violation> {
    let number = number_of(record.flag).unwrap_or(usize::MAX);
    let Some(message) = world.ledger.messages.get(number) else {
        return Err(Violation::new(format!(
            "a record at {} is of no message that was sent",
            record.physical_offset
        )));
    };
    if !message.is_rotten {
        message.check(number, record, world.config().append_property_crc)?;
    }
    let place = Place {
        queue_offset: record.queue_offset,
        physical: record.physical_offset,
        end: record.physical_offset + record.bytes().len() as i64,
        store_ms: record.store_ms,
    };
    Ok((number, place))
}

/// Compares a queue with the model, and makes the model what was found.
fn compare(
    world: &mut World,
    topic: usize,
    queue: usize,
    found: &Found,
    seen: &mut [bool],
) -> Result<(), Violation> {
    let name = topic_name(topic);
    let problem = |what: String| Err(Violation::new(format!("{name}/{queue}: {what}")));
    let mut last: Option<(i64, usize, Place)> = None;
    for (offset, (number, place)) in &found.entries {
        let Some(message) = world.ledger.messages.get_mut(*number) else {
            continue;
        };
        if (message.topic, message.queue) != (topic, queue) {
            return problem(format!("message {number} is in the wrong queue"));
        }
        if message.state == State::Gone && !message.is_excused() {
            return problem(format!("message {number} was gone and came back"));
        }
        match seen.get_mut(*number) {
            Some(seen) if !*seen => *seen = true,
            _ => return problem(format!("message {number} is there twice")),
        }
        if let Some((last_offset, last_number, last_place)) = last
            && (last_number >= *number || last_place.physical >= place.physical)
        {
            return problem(format!(
                "message {last_number} at {last_offset} comes before message {number} at {offset}"
            ));
        }
        message.place = Some(*place);
        // The removal of its segment was not durable.
        message.is_expired = false;
        last = Some((*offset, *number, *place));
    }
    if let Some((offset, ..)) = last
        && found.max <= offset
    {
        return problem(format!("it ends at {}, before its last message", found.max));
    }
    for offset in found.min..found.max {
        if !found.entries.contains_key(&offset) && !may_be_missing(world, topic, queue, offset) {
            return problem(format!("nothing is at offset {offset}"));
        }
    }
    if let Some(model) = world.ledger.queue_mut(topic, queue) {
        *model = Queue {
            entries: found
                .entries
                .iter()
                .map(|(offset, (number, _))| (*offset, *number))
                .collect(),
            min: found.min,
            next: found.max,
        };
    }
    Ok(())
}

/// Whether a message that was to be at an offset may be gone.
fn may_be_missing(world: &World, topic: usize, queue: usize, offset: i64) -> bool {
    world.ledger.messages.iter().any(|message| {
        (message.topic, message.queue) == (topic, queue)
            && message.is_queued
            && (message.state != State::Durable || message.is_excused())
            && message
                .place
                .map_or(message.wanted_offset, |place| place.queue_offset)
                == offset
    })
}

/// Decides what became of every message, and complains about those that must be there.
fn settle(
    world: &mut World,
    store: &Store,
    losses: Losses,
    seen: &[bool],
) -> Result<(), Violation> {
    let end = store.appended().0;
    world.ledger.store_ms = 0;
    let mut last_end = 0;
    let knows_time = store.recovery_report().records_scanned > 0;
    for number in 0..world.ledger.messages.len() {
        let mut is_there = seen.get(number).copied().unwrap_or(false);
        if !is_there {
            is_there = is_in_log(world, store, number)?;
        }
        let Some(message) = world.ledger.messages.get_mut(number) else {
            continue;
        };
        let is_found = is_there && (seen.get(number) == Some(&true) || !message.is_queued);
        if !is_found && message.must_survive(losses) {
            let place = message.place;
            let state = message.state;
            return Err(Violation::new(format!(
                "message {number} is lost: it was {state:?} at {place:?} ({losses:?})"
            )));
        }
        if is_there {
            if message.place.is_some_and(|place| place.end > end) {
                return Err(Violation::new(format!(
                    "message {number} is behind the end of the log, {end}"
                )));
            }
            // A torn record that was left where it is has no entry, and may get one or go.
            message.state = if is_found || message.is_deleted {
                State::Durable
            } else {
                State::Maybe
            };
            if let Some(place) = message
                .place
                .filter(|place| knows_time && place.end > last_end)
            {
                last_end = place.end;
                world.ledger.store_ms = place.store_ms;
            }
        } else if message.is_queued || message.place.is_some() {
            message.state = State::Gone;
        }
    }
    Ok(())
}

/// A rotten message that the start has read must not be served, and be told of.
fn check_rot(world: &World, report: &RecoveryReport, seen: &[bool]) -> Result<(), Violation> {
    for (number, message) in world.ledger.messages.iter().enumerate() {
        let Some(place) = message.place.filter(|_| message.is_rotten) else {
            continue;
        };
        if message.is_excused_but_for_rot() || place.physical < report.scanned_from.0 {
            continue;
        }
        if seen.get(number) == Some(&true) {
            return Err(Violation::new(format!(
                "message {number} rotted at {place:?} and is served"
            )));
        }
        let is_told = report
            .damages
            .iter()
            .any(|damage| (damage.from.0..damage.to.0).contains(&place.physical));
        if message.state == State::Gone
            && world.rotten_now == Some(number)
            && !is_told
            && report.cut.is_none()
        {
            return Err(Violation::new(format!(
                "message {number} rotted at {place:?} and nobody is told"
            )));
        }
    }
    Ok(())
}

/// Whether the record of a message is where it was.
fn is_in_log(world: &World, store: &Store, number: usize) -> Result<bool, Violation> {
    let Some(message) = world.ledger.messages.get(number) else {
        return Ok(false);
    };
    let Some(place) = message.place.filter(|_| message.state != State::Gone) else {
        return Ok(false);
    };
    let record = store
        .record_at(PhysicalOffset(place.physical))
        .map_err(|error| {
            Violation::new(format!(
                "the log cannot be read at {}: {error:?}",
                place.physical
            ))
        })?;
    let record = record.as_ref().and_then(|record| View::parse(record).ok());
    let is_it = record.is_some_and(|record| {
        number_of(record.flag) == Some(number) && record.physical_offset == place.physical
    });
    Ok(is_it)
}

/// No topic may appear that nobody wrote to.
fn check_topics(world: &World) -> Result<(), Violation> {
    let directory = Path::new(ROOT).join("consumequeue");
    let entries = world.disk.list(&directory).unwrap_or_default();
    for entry in entries {
        if !(0..world.plan.topics).any(|topic| topic_name(topic) == entry.name) {
            return Err(Violation::new(format!(
                "there are queues of a topic that nobody wrote to: {:?}",
                entry.name
            )));
        }
    }
    Ok(())
}

/// Starts copies of the disk, which must find the same.
fn twice(world: &mut World, store: &Store) -> Result<(), Violation> {
    if !world.random.percent(world.plan.faults.twice) {
        return Ok(());
    }
    let power_loss = world.random.percent(50).then(|| world.random.next());
    world.note(|| format!("second start, power loss {power_loss:?}"));
    let other = lives::second(world, power_loss)?;
    for (topic, queue) in world.ledger.each_queue() {
        let deleted = |message: &Message| message.is_deleted && message.topic == topic;
        if world.ledger.messages.iter().any(deleted) {
            // Messages of before may come back with any start.
            continue;
        }
        let first = read_queue(world, store, topic, queue)?;
        let second = read_queue(world, &other, topic, queue)?;
        // Where messages are lost the bounds are a matter of taste.
        let sound = |found: &Found| {
            let is_sound = |number: &usize| {
                let message = world.ledger.messages.get(*number);
                message.is_some_and(|message| !message.is_excused())
            };
            let entries = found
                .entries
                .iter()
                .filter(|(_, (number, _))| is_sound(number));
            entries.map(|(at, found)| (*at, *found)).collect::<Vec<_>>()
        };
        if sound(&first) != sound(&second) {
            let name = topic_name(topic);
            let ends = (first.min, first.max, second.min, second.max);
            return Err(Violation::new(format!(
                "a second start finds {name}/{queue} differently: {ends:?}"
            )));
        }
    }
    let (first, second) = (store.appended().0, other.appended().0);
    let is_lost = |message: &Message| {
        let end = message.place.map_or(0, |place| place.end);
        message.state == State::Durable
            && !message.is_excused()
            && (second + 1..=first).contains(&end)
    };
    if second > first || world.ledger.messages.iter().any(is_lost) {
        return Err(Violation::new(format!(
            "a second start ends the log at {second}, not {first}"
        )));
    }
    Ok(())
}

/// The last store, on a disk without faults, must take messages.
pub(super) fn goes_on(world: &mut World) -> Result<(), Violation> {
    let before = world.ledger.messages.len();
    for _ in 0..3 {
        steps::send(world)?;
    }
    let store = world.store()?;
    store
        .flush(world.now_ms)
        .map_err(|error| Violation::new(format!("the last flush fails: {error}")))?;
    world.ledger.durable_up_to(store.durable().0);
    let news = world.ledger.messages.get(before..).unwrap_or_default();
    // Gone are those that were too long for a segment.
    if news
        .iter()
        .any(|message| !matches!(message.state, State::Durable | State::Gone))
    {
        return Err(Violation::new("the last messages are not durable"));
    }
    Ok(())
}
