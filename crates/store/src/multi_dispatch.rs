//! Further queues of one message (`LmqDispatch`): light queues, whose names begin with `%LMQ%`.
//!
//! A message that lists queues in `INNER_MULTI_DISPATCH` gets an entry in each of them beside the one
//! in its own, and carries its offsets there in `INNER_MULTI_QUEUE_OFFSET`, from which a recovery
//! makes the entries again. The numbers are written with leading zeros (Java writes them without and
//! reads both): so the length of the record is known before the append lock is taken.
//!
//! Deliberately absent: other queues than light ones, which Java writes without an offset and then
//! cannot dispatch. They are refused on the way in; a record of a 4.9 broker that has offsets for
//! them is dispatched.

use ferrocket_protocol::message::{properties, property};

/// Between the names of a list, and between the numbers.
const SEPARATOR: char = ',';

/// What the name of a light queue begins with (`MixAll#LMQ_PREFIX`).
const LIGHT_PREFIX: &str = "%LMQ%";

/// Digits of a reserved offset: as many as the largest one has.
pub(crate) const OFFSET_DIGITS: usize = 19;

/// The longest name that a directory can have.
const NAME_BYTES_MAX: usize = 255;

/// One queue of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed<'a> {
    Light(&'a str),
    /// No directory can have this name. Java gives it a number and no entry.
    Unusable,
    /// Not a light queue.
    Other(&'a str),
}

/// The queues that a message lists, when such lists count for its topic.
pub(crate) fn list_of<'a>(topic: &str, text: &'a [u8]) -> Option<&'a str> {
    let names = properties::find(text, property::INNER_MULTI_DISPATCH)?;
    let counts = !names.trim().is_empty()
        && topic != crate::dispatch::SCHEDULE_TOPIC
        && !["%RETRY%", "rmq_sys_"]
            .iter()
            .any(|prefix| topic.starts_with(prefix));
    counts.then_some(names)
}

/// The queues of a list, in its order.
pub(crate) fn queues(list: &str) -> impl Iterator<Item = Listed<'_>> {
    list.split(SEPARATOR).map(|name| {
        let legal = name.len() <= NAME_BYTES_MAX && !name.contains(['/', '\0']);
        match (legal, name.starts_with(LIGHT_PREFIX)) {
            (false, _) => Listed::Unusable,
            (true, true) => Listed::Light(name),
            (true, false) => Listed::Other(name),
        }
    })
}

/// Puts properties with room for the offsets of a list into `out`, in place of offsets that the
/// sender made up. Returns where the first number begins; each of the others is one separator
/// further.
pub(crate) fn reserve(out: &mut Vec<u8>, text: &[u8], list: &str) -> usize {
    const NAME: &str = property::INNER_MULTI_QUEUE_OFFSET;
    out.clear();
    properties::append_without(out, text, &[NAME]);
    let zeros = format!("{:0OFFSET_DIGITS$}", 0);
    let numbers = vec![zeros; list.split(SEPARATOR).count()].join(",");
    properties::append(out, NAME, &numbers);
    // The pair ends with one byte behind the numbers.
    out.len() - 1 - numbers.len()
}

/// Writes an offset into its reserved room.
pub(crate) fn fill(room: &mut [u8], offset: i64) {
    let mut rest = offset.unsigned_abs();
    for digit in room.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
}

/// The queues that a stored record lists, each with the offset it has there. None when the record
/// has no offsets, or not one for each queue.
pub(crate) fn entries_of<'a>(
    topic: &str,
    text: &'a [u8],
) -> impl Iterator<Item = (Listed<'a>, i64)> + use<'a> {
    let offsets = properties::find(text, property::INNER_MULTI_QUEUE_OFFSET);
    let both = list_of(topic, text).zip(offsets);
    let both = both.filter(|(names, offsets)| {
        names.split(SEPARATOR).count() == offsets.split(SEPARATOR).count()
    });
    both.into_iter().flat_map(|(names, offsets)| {
        let offsets = offsets.split(SEPARATOR).map(|number| number.parse().ok());
        queues(names)
            .zip(offsets)
            .filter_map(|(queue, offset)| Some((queue, offset?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_the_offsets_replaces_what_the_sender_made_up() {
        let text = b"INNER_MULTI_QUEUE_OFFSET\x017,8\x02INNER_MULTI_DISPATCH\x01%LMQ%a,%LMQ%b";
        let list = list_of("T", text).unwrap();
        assert_eq!(list, "%LMQ%a,%LMQ%b");
        let mut out = Vec::new();
        let first = reserve(&mut out, text, list);
        fill(&mut out[first..first + OFFSET_DIGITS], 12);
        let second = first + OFFSET_DIGITS + 1;
        fill(&mut out[second..second + OFFSET_DIGITS], i64::MAX);
        let numbers = properties::find(&out, property::INNER_MULTI_QUEUE_OFFSET).unwrap();
        assert_eq!(numbers, "0000000000000000012,9223372036854775807");
        assert_eq!(properties::iter(&out).count(), 2);
        let entries: Vec<_> = entries_of("T", &out).collect();
        let wanted = [
            (Listed::Light("%LMQ%a"), 12),
            (Listed::Light("%LMQ%b"), i64::MAX),
        ];
        assert_eq!(entries, wanted);
    }

    #[test]
    fn offsets_of_java_are_read_and_lists_of_two_lengths_are_not() {
        let of = |text: &str| {
            let text = text.replace('|', "\x02").replace('=', "\x01");
            entries_of("T", text.as_bytes())
                .map(|(_, offset)| offset)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of("INNER_MULTI_DISPATCH=%LMQ%a,%LMQ%b|INNER_MULTI_QUEUE_OFFSET=3,0|"),
            [3, 0]
        );
        assert!(of("INNER_MULTI_DISPATCH=%LMQ%a,%LMQ%b|INNER_MULTI_QUEUE_OFFSET=3|").is_empty());
        assert!(of("INNER_MULTI_DISPATCH=%LMQ%a|").is_empty());
        assert_eq!(
            of("INNER_MULTI_DISPATCH=%LMQ%a,B|INNER_MULTI_QUEUE_OFFSET=3,|"),
            [3]
        );
    }

    #[test]
    fn some_topics_have_no_further_queues() {
        let text = b"INNER_MULTI_DISPATCH\x01%LMQ%a\x02";
        for topic in ["%RETRY%g", "rmq_sys_x", "SCHEDULE_TOPIC_XXXX"] {
            assert_eq!(list_of(topic, text), None);
        }
        assert_eq!(list_of("T", b"INNER_MULTI_DISPATCH\x01 \x02"), None);
        assert_eq!(list_of("T", b""), None);
    }

    #[test]
    fn names_are_told_apart() {
        let long = format!("%LMQ%{}", "x".repeat(251));
        let list = format!("%LMQ%a,%LMQ%a/b,B,{long}");
        let found: Vec<_> = queues(&list).collect();
        let wanted = [
            Listed::Light("%LMQ%a"),
            Listed::Unusable,
            Listed::Other("B"),
            Listed::Unusable,
        ];
        assert_eq!(found, wanted);
    }
}
