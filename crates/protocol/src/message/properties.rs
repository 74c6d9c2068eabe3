//! The text form of message properties: `name` 0x01 `value` 0x02, repeated.
//!
//! Reading follows `MessageDecoder#string2messageProperties`: pieces end at 0x02 (the last may lack
//! it), the name ends at the first 0x01, pieces with an empty name or value do not count, and of
//! duplicates the last wins. Everything works on the text itself; no map is built.

/// Ends a name.
pub const NAME_END: u8 = 1;
/// Ends a pair.
pub const PAIR_END: u8 = 2;

/// Whether a name or value can stand in the text.
#[must_use]
pub fn is_clean(text: &str) -> bool {
    !text.is_empty()
        && !text
            .bytes()
            .any(|byte| byte == NAME_END || byte == PAIR_END)
}

/// The value of a property.
#[must_use]
pub fn find<'a>(text: &'a [u8], name: &str) -> Option<&'a str> {
    last_value(text, name.as_bytes(), |value| {
        std::str::from_utf8(value).ok()
    })
}

/// The value of a property, whatever its bytes.
#[must_use]
pub fn find_bytes<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    last_value(text, name, Some)
}

fn last_value<'a, T>(
    text: &'a [u8],
    name: &[u8],
    read: impl Fn(&'a [u8]) -> Option<T>,
) -> Option<T> {
    if name.is_empty() {
        return None;
    }
    // From the end, so that the last duplicate wins.
    let mut rest = text;
    loop {
        let (piece, before) = match memchr::memrchr(PAIR_END, rest) {
            Some(end) => (rest.get(end + 1..)?, rest.get(..end)),
            None => (rest, None),
        };
        if let Some([NAME_END, value @ ..]) = piece.strip_prefix(name)
            && !value.is_empty()
            && let Some(value) = read(value)
        {
            return Some(value);
        }
        rest = before?;
    }
}

/// The values of many properties in one pass, for paths that need several of each message.
#[must_use]
pub fn find_all<'a, const N: usize>(text: &'a [u8], names: [&str; N]) -> [Option<&'a str>; N] {
    let mut values = [None; N];
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = split_piece(rest);
        rest = after;
        let Some((name, value)) = split_name(piece) else {
            continue;
        };
        for (wanted, slot) in names.iter().zip(&mut values) {
            if wanted.as_bytes() == name
                && let Ok(value) = std::str::from_utf8(value)
            {
                *slot = Some(value);
            }
        }
    }
    values
}

/// Name and value of a piece, without its end; `None` when either is empty.
fn split_name(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = piece.iter().position(|byte| *byte == NAME_END)?;
    let (name, value) = piece.split_at(end);
    let value = value.get(1..).filter(|value| !value.is_empty())?;
    (!name.is_empty()).then_some((name, value))
}

/// The first piece, without its end, and what follows.
fn split_piece(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(PAIR_END, text).unwrap_or(text.len());
    let (piece, after) = text.split_at(end);
    (piece, after.get(1..).unwrap_or_default())
}

/// Whether the property is there and is `true` in any letter case (`Boolean#parseBoolean`).
#[must_use]
pub fn is_true(text: &[u8], name: &str) -> bool {
    find_bytes(text, name.as_bytes()).is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
}

/// All pairs that count, in order, duplicates included; pairs that are not UTF-8 are left out.
pub fn iter(text: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    text.split(|byte| *byte == PAIR_END).filter_map(|piece| {
        let piece = std::str::from_utf8(piece).ok()?;
        let (name, value) = piece.split_once('\x01')?;
        (!name.is_empty() && !value.is_empty()).then_some((name, value))
    })
}

/// Appends a pair, after ending an unterminated one. Name and value must be [`is_clean`]: text
/// from outside is to be checked by the caller.
pub fn append(out: &mut Vec<u8>, name: &str, value: &str) {
    if out.last().is_some_and(|last| *last != PAIR_END) {
        out.push(PAIR_END);
    }
    out.reserve(name.len() + value.len() + 2);
    out.extend_from_slice(name.as_bytes());
    out.push(NAME_END);
    out.extend_from_slice(value.as_bytes());
    out.push(PAIR_END);
}

/// Appends the text without the named properties; all else stays as it is.
pub fn append_without(out: &mut Vec<u8>, text: &[u8], names: &[&str]) {
    // What stays is copied in runs as long as they get.
    let mut run = 0;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let end = memchr::memchr(PAIR_END, rest).map_or(text.len(), |end| at + end + 1);
        if names.iter().any(|name| is_named(rest, name)) {
            out.extend_from_slice(text.get(run..at).unwrap_or_default());
            run = end;
        }
        at = end;
    }
    out.extend_from_slice(text.get(run..).unwrap_or_default());
}

/// Removes a property, all duplicates of it.
pub fn remove(text: &mut Vec<u8>, name: &str) {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let end = rest
            .iter()
            .position(|byte| *byte == PAIR_END)
            .map_or(text.len(), |position| at + position + 1);
        if text.get(at..end).is_some_and(|piece| is_named(piece, name)) {
            text.drain(at..end);
        } else {
            at = end;
        }
    }
}

/// Sets a property: removes it and appends it.
pub fn set(text: &mut Vec<u8>, name: &str, value: &str) {
    remove(text, name);
    append(text, name, value);
}

/// Makes the text of pairs (`MessageDecoder#messageProperties2String`).
pub fn build<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in pairs {
        append(&mut text, name, value);
    }
    text
}

/// Whether a text begins with a pair of that name, which has no separator in it.
fn is_named(text: &[u8], name: &str) -> bool {
    text.get(name.len()) == Some(&NAME_END) && text.starts_with(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_by_java_s_rules() {
        let text = b"A\x01\x02K\x011\x02\x01x\x02AB\x01y\x02K\x012\x013\x02junk\x02KEYS\x01a b\x02L\x01end";
        assert_eq!(
            find(text, "K"),
            Some("2\x013"),
            "the last duplicate, later 0x01 in the value"
        );
        assert_eq!(find(text, "A"), None, "an empty value does not count");
        assert_eq!(find(text, ""), None);
        assert_eq!(find(text, "KEYS"), Some("a b"));
        assert_eq!(
            find(text, "L"),
            Some("end"),
            "the last terminator may be missing"
        );
        let all: Vec<_> = iter(text).collect();
        assert_eq!(
            all,
            [
                ("K", "1"),
                ("AB", "y"),
                ("K", "2\x013"),
                ("KEYS", "a b"),
                ("L", "end")
            ]
        );
    }

    #[test]
    fn an_empty_duplicate_does_not_hide_an_earlier_value() {
        assert_eq!(find(b"K\x01v\x02K\x01\x02", "K"), Some("v"));
    }

    #[test]
    fn setting_replaces_and_ends_an_open_pair() {
        let mut text = b"K\x011\x02L\x012\x02K\x013".to_vec();
        set(&mut text, "K", "4");
        assert_eq!(text, b"L\x012\x02K\x014\x02");
        let mut text = b"L\x012".to_vec();
        set(&mut text, "K", "4");
        assert_eq!(text, b"L\x012\x02K\x014\x02");
        let mut copy = Vec::new();
        append_without(&mut copy, &text, &["L", "M"]);
        assert_eq!(copy, b"K\x014\x02");
    }

    #[test]
    fn true_is_read_in_any_case() {
        assert!(is_true(b"WAIT\x01TRUE\x02", "WAIT"));
        assert!(!is_true(b"WAIT\x01yes\x02", "WAIT"));
        assert!(!is_true(b"", "WAIT"));
    }

    proptest! {
        #[test]
        fn built_text_reads_back(pairs in proptest::collection::vec(("[^\x01\x02]{1,8}", "[^\x01\x02]{1,8}"), 0..8)) {
            let text = build(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let read: Vec<_> = iter(&text).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            prop_assert_eq!(&read, &pairs);
            for (name, _) in &pairs {
                let last = pairs.iter().rev().find(|pair| &pair.0 == name).map(|pair| pair.1.as_str());
                prop_assert_eq!(find(&text, name), last);
                prop_assert_eq!(find_all(&text, [name.as_str()]), [last]);
            }
        }

        #[test]
        fn any_bytes_are_read(mut text: Vec<u8>, name in "[^\x01\x02]{0,3}") {
            let found = find(&text, &name).map(str::to_owned);
            let last = iter(&text).filter(|pair| pair.0 == name).last().map(|pair| pair.1.to_owned());
            prop_assert_eq!(&found, &last);
            let all = find_all(&text, ["", &name, "A"]);
            prop_assert_eq!(all, [None, last.as_deref(), find(&text, "A")]);
            remove(&mut text, &name);
            prop_assert!(find_bytes(&text, name.as_bytes()).is_none());
        }
    }
}
