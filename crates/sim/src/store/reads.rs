//! Reading as consumers and administrators do, against the model.

use ferrocket_protocol::message::View;
use ferrocket_protocol::message::view;
use ferrocket_store::{Boundary, QueueOffset, ReadRequest, ReadStatus, Store};

use super::check;
use super::ledger::{State, topic_name};
use super::violation::Violation;
use super::world::World;

/// A query by key answers this many messages at most.
const QUERY_MAX: usize = 64;

pub(super) fn read(world: &mut World) -> Result<(), Violation> {
    let store = world.store()?;
    let topic = world.random.index(world.plan.topics);
    let queue = world.random.index(world.plan.queues);
    let (name, queue_id) = (topic_name(topic), i32::try_from(queue).unwrap_or(0));
    let (min, max) = bounds(world, &store, topic, queue)?;
    let offset = world.random.between((min - 2).max(0), max + 2);
    let request = ReadRequest {
        topic: name,
        queue_id,
        offset: QueueOffset(offset),
        messages_max: u32::try_from(world.random.between(1, 40)).unwrap_or(1),
        bytes_max: world.random.pick(&[1, 500, 1 << 20]).unwrap_or(1),
        hot_only: world.random.percent(30),
    };
    let answer = match store.read(&request, &mut |_| true) {
        Ok(answer) => answer,
        Err(_) if world.is_excused() => return Ok(()),
        Err(error) => return Err(Violation::new(format!("a read failed: {error}"))),
    };
    let mut numbers = Vec::new();
    for records in &answer.records {
        for record in view::records(records) {
            let record = record.map_err(|error| Violation::new(format!("broken: {error}")))?;
            numbers.push(check::identify(world, &record)?.0);
        }
    }
    let status = answer.status;
    world.note(|| format!("read {name}/{queue} at {offset}: {status:?} {numbers:?}"));
    let Some(model) = world.ledger.queue(topic, queue) else {
        return Ok(());
    };
    let is_within = (min..max).contains(&offset);
    let wanted: Vec<usize> = world
        .ledger
        .visible(model, store.readable().0)
        .filter(|(at, _)| is_within && *at >= offset)
        .map(|(_, number)| number)
        .collect();
    let is_sound = |number: &usize| {
        let message = world.ledger.messages.get(*number);
        message.is_some_and(|message| !message.is_rotten)
    };
    let wanted: Vec<usize> = wanted.into_iter().filter(is_sound).collect();
    let numbers: Vec<usize> = numbers.into_iter().filter(is_sound).collect();
    let is_hidden = wanted.get(..numbers.len()) != Some(&numbers);
    let first = model.entries.get(&offset).filter(|number| is_sound(number));
    let is_short = numbers.is_empty() && first.is_some() && is_within;
    if is_hidden || (is_short && status != ReadStatus::Cold) {
        return Err(Violation::new(format!(
            "a reader of {name}/{queue} at {offset} of {min}..{max} got {numbers:?} of {wanted:?}: \
             {status:?}"
        )));
    }
    Ok(())
}

/// The bounds of a queue, which must be those of the model.
fn bounds(
    world: &World,
    store: &Store,
    topic: usize,
    queue: usize,
) -> Result<(i64, i64), Violation> {
    let (name, queue_id) = (topic_name(topic), i32::try_from(queue).unwrap_or(0));
    let min = store.min_offset(name, queue_id).0;
    let max = store.max_offset(name, queue_id).0;
    let Some(model) = world.ledger.queue(topic, queue) else {
        return Ok((min, max));
    };
    let readable = store.readable().0;
    let hidden = model
        .entries
        .values()
        .rev()
        .take_while(|number| world.ledger.end_of(**number) > readable)
        .count() as i64;
    let wanted = model.next - hidden;
    if max != wanted || min != model.min.min(wanted) {
        return Err(Violation::new(format!(
            "{name}/{queue} is {min}..{max} but should be {}..{wanted}",
            model.min
        )));
    }
    Ok((min, max))
}

pub(super) fn query(world: &mut World) -> Result<(), Violation> {
    let store = world.store()?;
    let topic = world.random.index(world.plan.topics);
    let key = format!("k{}", world.random.below(8));
    let span = world.random.between(0, 20_000);
    let (begin, end) = if world.random.percent(50) {
        (0, i64::MAX)
    } else {
        (world.now_ms - span, world.now_ms)
    };
    check_key(world, &store, topic, &key, (begin, end))
}

/// Every key of some messages finds what it should.
pub(super) fn check_keys(
    world: &mut World,
    store: &Store,
    numbers: &[usize],
) -> Result<(), Violation> {
    let mut keys: Vec<(usize, String)> = numbers
        .iter()
        .filter_map(|number| world.ledger.messages.get(*number))
        .filter(|message| message.state == State::Durable)
        .flat_map(|message| {
            let topic = message.topic;
            message.keys.iter().map(move |key| (topic, key.clone()))
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    for (topic, key) in keys {
        check_key(world, store, topic, &key, (0, i64::MAX))?;
    }
    Ok(())
}

fn check_key(
    world: &mut World,
    store: &Store,
    topic: usize,
    key: &str,
    (begin, end): (i64, i64),
) -> Result<(), Violation> {
    let name = topic_name(topic);
    if !world.config().message_index_enable {
        return Ok(());
    }
    let answer = match store.query(name, key, QUERY_MAX, begin, end) {
        Ok(answer) => answer,
        Err(_) if world.is_excused() => return Ok(()),
        Err(error) => return Err(Violation::new(format!("a query failed: {error}"))),
    };
    let mut found = Vec::new();
    for record in &answer.records {
        let record = View::parse(record).map_err(|error| Violation::new(error.to_string()))?;
        found.push(check::identify(world, &record)?.0);
    }
    world.note(|| format!("query {name} {key} {begin}..{end}: {found:?}"));
    let readable = store.readable().0;
    let has = |number: &usize| {
        world.ledger.messages.get(*number).is_some_and(|message| {
            message.topic == topic
                && message.keys.iter().any(|one| one == key)
                && message.place.is_some_and(|place| {
                    (begin..=end).contains(&place.store_ms) && place.end <= readable
                })
        })
    };
    let may = |number: &usize| {
        let message = world.ledger.messages.get(*number);
        message.is_some_and(|message| match message.state {
            State::Gone => false,
            // Nobody knows where it is.
            State::Maybe => message.topic == topic,
            State::Appended | State::Durable => has(number),
        })
    };
    if let Some(wrong) = found.iter().find(|number| !may(number)) {
        return Err(Violation::new(format!(
            "a query for {key} of {name} found message {wrong}, which it should not"
        )));
    }
    if !store.index_progress().complete {
        return Ok(());
    }
    let must = (0..world.ledger.messages.len()).rev().filter(|number| {
        let message = world.ledger.messages.get(*number);
        has(number)
            && message.is_some_and(|message| {
                matches!(message.state, State::Appended | State::Durable)
                    && !message.is_excused()
                    && !message.is_torn
            })
    });
    for number in must.take(QUERY_MAX.saturating_sub(found.len()).max(8)) {
        if found.len() < QUERY_MAX && !found.contains(&number) {
            return Err(Violation::new(format!(
                "a query for {key} of {name} did not find message {number} but {found:?}"
            )));
        }
    }
    Ok(())
}

/// Searches the queue by time.
pub(super) fn by_time(world: &mut World) -> Result<(), Violation> {
    let store = world.store()?;
    let topic = world.random.index(world.plan.topics);
    let queue = world.random.index(world.plan.queues);
    let (name, queue_id) = (topic_name(topic), i32::try_from(queue).unwrap_or(0));
    let (min, max) = bounds(world, &store, topic, queue)?;
    let time_ms = world.now_ms - world.random.between(-1_000, 60_000);
    let boundary = if world.random.percent(50) {
        Boundary::Lower
    } else {
        Boundary::Upper
    };
    let found = match store.offset_by_time(name, queue_id, time_ms, boundary) {
        Ok(found) => found.0,
        Err(_) if world.is_excused() => return Ok(()),
        Err(error) => return Err(Violation::new(format!("a search failed: {error}"))),
    };
    let Some(model) = world.ledger.queue(topic, queue) else {
        return Ok(());
    };
    let stored_before = |number: usize| {
        let place = world.ledger.messages.get(number).and_then(|one| one.place);
        place.is_some_and(|place| match boundary {
            Boundary::Lower => place.store_ms < time_ms,
            Boundary::Upper => place.store_ms <= time_ms,
        })
    };
    let entries: Vec<(i64, usize)> = model
        .entries
        .range(min..max)
        .map(|(at, number)| (*at, *number))
        .collect();
    let is_rotten = world.ledger.messages.iter().any(|one| one.is_rotten);
    if is_rotten || entries.len() as i64 != max - min {
        // Where messages were lost a search lands beside them.
        return Ok(());
    }
    let before = entries
        .iter()
        .take_while(|(_, number)| stored_before(*number))
        .count() as i64;
    let wanted = match boundary {
        Boundary::Lower => min + before,
        Boundary::Upper => min + before - 1,
    };
    let wanted = wanted.clamp(min, max);
    if found != wanted {
        return Err(Violation::new(format!(
            "a search in {name}/{queue} of {min}..{max} for {time_ms} found {found}, not {wanted}"
        )));
    }
    Ok(())
}
