//! Under which keys a message is found (`IndexService#buildIndex`): its unique key, each word of
//! `KEYS`, and since 5.5 its tags, marked as such.

use ferrocket_protocol::message::{IndexHasher, View, properties, property, sys_flag};

/// What stands before tags in a key.
pub(crate) const TAGS_MARK: &str = "T#";

/// Whether a record is indexed: all are but the ones that take a half message back.
pub(crate) fn is_indexed(flag: i32) -> bool {
    sys_flag::transaction(flag) != sys_flag::TRANSACTION_ROLLBACK
}

/// Adds the hashes of the keys of a message.
pub(crate) fn hashes(topic: &str, text: &[u8], into: &mut Vec<i32>) {
    hashes_of(topic, of(text), into);
}

/// As [`hashes`], of properties that were found already.
pub(crate) fn hashes_of(topic: &str, found: Found<'_>, into: &mut Vec<i32>) {
    let hasher = IndexHasher::of_topic(topic);
    let [unique, keys, tags] = found;
    into.extend(unique.map(|unique| hasher.hash(&[unique])));
    into.extend(words(keys).map(|key| hasher.hash(&[key])));
    into.extend(tags.map(|tags| hasher.hash(&[TAGS_MARK, tags])));
}

/// Whether a record is one of the topic and has the key, which is more than that the hash is the
/// same.
pub(crate) fn has(record: &View<'_>, topic: &str, key: &str) -> bool {
    let [unique, keys, tags] = of(record.properties);
    let tagged = || {
        key.strip_prefix(TAGS_MARK)
            .is_some_and(|key| tags == Some(key))
    };
    record.topic == topic
        && (unique == Some(key) || words(keys).any(|word| word == key) || tagged())
}

/// Unique key, keys and tags.
pub(crate) type Found<'a> = [Option<&'a str>; 3];

/// What a message is found by.
pub(crate) fn of(text: &[u8]) -> Found<'_> {
    let names = [property::UNIQ_KEY, property::KEYS, property::TAGS];
    properties::find_all(text, names)
}

fn words(keys: Option<&str>) -> impl Iterator<Item = &str> {
    let keys = keys.unwrap_or_default();
    keys.split(' ').filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use ferrocket_protocol::message::index_hash;

    use super::*;

    #[test]
    fn unique_key_first_then_each_word_then_the_tags() {
        let text = b"TAGS\x01a || b\x02KEYS\x01k1  k2 \x02UNIQ_KEY\x01U\x02";
        let mut found = Vec::new();
        hashes("T", text, &mut found);
        let wanted = ["U", "k1", "k2", "T#a || b"].map(|key| index_hash("T", key));
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_message_without_keys_has_none() {
        let mut found = Vec::new();
        hashes("T", b"KEYS\x01 \x02WAIT\x01true\x02", &mut found);
        assert!(found.is_empty());
    }
}
