//! Names of index files: the local time at which they begin, `yyyyMMddHHmmssSSS`.
//!
//! Java sorts the files by name, so a new name is always behind the last one, whatever the clock or
//! the time zone did meanwhile; Java takes any number for a name.

use ferrocket_protocol::calendar::DateTime;

const DIGITS: usize = 17;

/// The number in a file name; `None` for a foreign name, which Java skips too.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    if digits { name.parse().ok() } else { None }
}

/// A name for a file that begins at `local_ms` and comes behind `last`.
pub(super) fn next(local_ms: i64, last: Option<u64>) -> String {
    let number = digits_of(local_ms);
    let number = last.map_or(number, |last| number.max(last.saturating_add(1)));
    format!("{number:0width$}", width = DIGITS)
}

/// A name for a file that begins at `local_ms` and comes between two others; `None` when there is no
/// room.
pub(super) fn between(local_ms: i64, before: Option<u64>, behind: Option<u64>) -> Option<String> {
    let first = before.map_or(0, |before| before.saturating_add(1));
    let last = behind.map_or(u64::MAX, |behind| behind.saturating_sub(1));
    let number = digits_of(local_ms).min(last).max(first);
    (number <= last).then(|| format!("{number:0width$}", width = DIGITS))
}

fn digits_of(local_ms: i64) -> u64 {
    let begin = DateTime::from_ms(local_ms);
    let fields = [
        (begin.month, 100),
        (begin.day, 100),
        (begin.hour, 100),
        (begin.minute, 100),
        (begin.second, 100),
        (begin.ms, 1000),
    ];
    let digits = fields
        .iter()
        .fold(begin.year, |digits, (field, size)| digits * size + field);
    u64::try_from(digits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn say_when_the_file_begins() {
        assert_eq!(next(1_700_000_000_123, None), "20231114221320123");
        assert_eq!(next(951_782_400_000, None), "20000229000000000");
        assert_eq!(number_of("20231114221320123"), Some(20_231_114_221_320_123));
        assert_eq!(number_of("20231114221320123.bak"), None);
        assert_eq!(number_of(""), None);
    }

    #[test]
    fn come_between_two_others_when_there_is_room() {
        let (one, two) = (Some(20_231_114_221_320_123), Some(20_231_114_221_320_125));
        let middle = Some("20231114221320124".to_owned());
        for ms in [0, 1_700_000_000_124, 1_800_000_000_000] {
            assert_eq!(between(ms, one, two), middle);
        }
        assert_eq!(between(0, one, Some(20_231_114_221_320_124)), None);
        assert_eq!(between(1_700_000_000_124, None, None), middle);
    }

    #[test]
    fn come_behind_the_last_one() {
        let last = Some(20_231_114_221_320_123);
        assert_eq!(next(1_700_000_000_123, last), "20231114221320124");
        assert_eq!(next(0, last), "20231114221320124");
        assert_eq!(next(1_700_000_000_500, last), "20231114221320500");
    }
}
