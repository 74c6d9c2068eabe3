//! Java's string hash, and what the store derives from it.

/// `String.hashCode`: over UTF-16 units, wrapping.
#[must_use]
pub fn java_hash(text: &str) -> i32 {
    extend_hash(0, text)
}

/// The tags code of a consume queue entry: the hash of the whole `TAGS` value, sign-extended; 0 for
/// no tags. (Delayed messages put their delivery time there instead; that is the broker's doing.)
#[must_use]
pub fn tags_code(tags: &str) -> i64 {
    i64::from(java_hash(tags))
}

/// The hash of an index key `topic#key` (`IndexFile#indexKeyHashMethod`): never negative, and 0 for
/// the one hash without an absolute value.
#[must_use]
pub fn index_hash(topic: &str, key: &str) -> i32 {
    IndexHasher::of_topic(topic).hash(&[key])
}

/// Index hashes of many keys of one topic: the topic is looked at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexHasher(i32);

impl IndexHasher {
    #[must_use]
    pub fn of_topic(topic: &str) -> Self {
        Self(extend_hash(extend_hash(0, topic), "#"))
    }

    /// What [`index_hash`] is of the joined parts of a key.
    #[must_use]
    pub fn hash(self, parts: &[&str]) -> i32 {
        let hash = parts
            .iter()
            .fold(self.0, |hash, part| extend_hash(hash, part));
        hash.checked_abs().unwrap_or(0)
    }
}

fn extend_hash(hash: i32, text: &str) -> i32 {
    let step = |hash: i32, unit: i32| hash.wrapping_mul(31).wrapping_add(unit);
    if text.is_ascii() {
        return text
            .bytes()
            .fold(hash, |hash, byte| step(hash, i32::from(byte)));
    }
    text.encode_utf16()
        .fold(hash, |hash, unit| step(hash, i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_java() {
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("a"), 97);
        assert_eq!(java_hash("TagA"), 2_598_919);
        assert_eq!(java_hash("TagA || TagB"), 1_359_775_119);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
        // U+1F600 is two UTF-16 units, D83D and DE00.
        assert_eq!(java_hash("\u{1F600}"), 0xD83D * 31 + 0xDE00);
        assert_eq!(tags_code("polygenelubricants"), -2_147_483_648);
    }

    #[test]
    fn index_hashes_are_those_of_the_worked_examples() {
        assert_eq!(index_hash("T", "k1"), 2_539_445);
        assert_eq!(index_hash("TopicTest", "order-10086"), 2_001_785_298);
    }

    #[test]
    fn the_hash_without_an_absolute_value_becomes_zero() {
        assert_eq!(java_hash("T#E8Hcafb"), i32::MIN);
        assert_eq!(index_hash("T", "E8Hcafb"), 0);
    }
}
