//! The text form of Java properties, read as `Properties.load(InputStream)` reads it.
//!
//! Bytes are ISO-8859-1; anything else must be written `\uXXXX`. Every entry keeps the number of
//! the line on which it began, so that later messages can point at it. Nothing is judged here: an
//! odd line such as `<!--` is an entry like any other, as the shipped `namesrv-n0.conf` needs.

use std::iter::Peekable;
use std::str::Chars;

/// One key with its value, both unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: String,
    /// Counted from 1; the natural line on which the key stands.
    pub(crate) line: usize,
    /// The bytes were not ASCII: Java turns UTF-8 into something else here.
    pub(crate) non_ascii: bool,
}

/// The only mistake that Java refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: \\u must be followed by four hexadecimal digits; write \\\\u for a backslash and a u"
)]
pub(crate) struct BadEscape {
    pub(crate) line: usize,
}

/// All entries in the order of the file, duplicates included.
///
/// # Errors
/// On a `\u` that is not followed by four hexadecimal digits.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Entry>, BadEscape> {
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    logical_lines(&text)
        .into_iter()
        .map(|(line, text)| entry(line, &text))
        .collect()
}

/// Joins continued lines and drops blank and comment lines. Escapes are left in place.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    for (index, natural) in unified.split('\n').enumerate() {
        let trimmed = natural.trim_start_matches([' ', '\t', '\x0c']);
        let (start, mut joined) = match open.take() {
            Some(begun) => begun,
            None if trimmed.is_empty() || trimmed.starts_with(['#', '!']) => continue,
            None => (index + 1, String::new()),
        };
        if continues(trimmed) {
            joined.push_str(trimmed.get(..trimmed.len() - 1).unwrap_or_default());
            open = Some((start, joined));
        } else {
            joined.push_str(trimmed);
            lines.push((start, joined));
        }
    }
    lines.extend(open.filter(|(_, text)| !text.is_empty()));
    lines
}

/// An odd number of backslashes at the end joins the next line.
fn continues(line: &str) -> bool {
    line.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
}

fn entry(line: usize, text: &str) -> Result<Entry, BadEscape> {
    let mut chars = text.chars().peekable();
    let mut key = String::new();
    while let Some(c) = chars.peek().copied() {
        if matches!(c, '=' | ':' | ' ' | '\t' | '\x0c') {
            break;
        }
        chars.next();
        push(&mut key, c, &mut chars, line)?;
    }
    skip_blanks(&mut chars);
    if chars.next_if(|c| matches!(c, '=' | ':')).is_some() {
        skip_blanks(&mut chars);
    }
    let mut value = String::new();
    while let Some(c) = chars.next() {
        push(&mut value, c, &mut chars, line)?;
    }
    Ok(Entry {
        key,
        value,
        line,
        non_ascii: !text.is_ascii(),
    })
}

fn skip_blanks(chars: &mut Peekable<Chars<'_>>) {
    while chars
        .next_if(|c| matches!(c, ' ' | '\t' | '\x0c'))
        .is_some()
    {}
}

/// Appends `c`, or what the escape that `c` begins stands for.
fn push(
    out: &mut String,
    c: char,
    rest: &mut Peekable<Chars<'_>>,
    line: usize,
) -> Result<(), BadEscape> {
    if c != '\\' {
        out.push(c);
        return Ok(());
    }
    match rest.next() {
        Some('u') => {
            let unit = utf16_unit(rest, line)?;
            out.push(joined_surrogate(unit, rest, line)?);
        }
        Some('t') => out.push('\t'),
        Some('n') => out.push('\n'),
        Some('r') => out.push('\r'),
        Some('f') => out.push('\x0c'),
        Some(other) => out.push(other),
        None => {}
    }
    Ok(())
}

fn utf16_unit(rest: &mut Peekable<Chars<'_>>, line: usize) -> Result<u16, BadEscape> {
    let mut unit = 0_u16;
    for _ in 0..4 {
        let digit = rest
            .next()
            .and_then(|c| c.to_digit(16))
            .ok_or(BadEscape { line })?;
        unit = (unit << 4) | u16::try_from(digit).unwrap_or_default();
    }
    Ok(unit)
}

/// A character outside the first plane is written as two escapes.
fn joined_surrogate(
    unit: u16,
    rest: &mut Peekable<Chars<'_>>,
    line: usize,
) -> Result<char, BadEscape> {
    let mut units = vec![unit];
    let mut ahead = rest.clone();
    if (0xD800..0xDC00).contains(&unit) && ahead.next() == Some('\\') && ahead.next() == Some('u') {
        units.push(utf16_unit(&mut ahead, line)?);
        *rest = ahead;
    }
    Ok(char::decode_utf16(units)
        .next()
        .and_then(Result::ok)
        .unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Writes `key=value` so that [`parse`] and Java read the same value back.
pub(crate) fn line_of(key: &str, value: &str) -> String {
    let mut out = String::with_capacity(key.len() + value.len() + 2);
    for (text, is_key) in [(key, true), (value, false)] {
        for (index, c) in text.chars().enumerate() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '=' | ':' | ' ' if is_key => out.extend(['\\', c]),
                ' ' if index == 0 => out.push_str("\\ "),
                c if c.is_ascii() => out.push(c),
                c => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
            }
        }
        if is_key {
            out.push('=');
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text.as_bytes())
            .unwrap()
            .into_iter()
            .map(|e| (e.key, e.value))
            .collect()
    }

    fn one(text: &str) -> (String, String) {
        let mut all = pairs(text);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn the_worked_example_of_the_specification() {
        let text = "  listenPort = 10911  \nlistenPort=30911\nk1 v1 v2\nnamesrvAddr=10.0.0.1:9876;\\\n    10.0.0.2:9876\nwin=C:\\\\store\nbad=C:\\store\\temp\na\\ b=c\n= noKey\ntr=abc \t\n<!--\n  Licensed to the ASF\n      http://x.org/y\n";
        assert_eq!(
            pairs(text),
            [
                pair("listenPort", "10911  "),
                pair("listenPort", "30911"),
                pair("k1", "v1 v2"),
                pair("namesrvAddr", "10.0.0.1:9876;10.0.0.2:9876"),
                pair("win", "C:\\store"),
                pair("bad", "C:store\temp"),
                pair("a b", "c"),
                pair("", "noKey"),
                pair("tr", "abc \t"),
                pair("<!--", ""),
                pair("Licensed", "to the ASF"),
                pair("http", "//x.org/y"),
            ]
        );
    }

    #[test]
    fn comments_stand_on_lines_of_their_own() {
        assert_eq!(
            pairs("# a=1\n  ! b=2\n\n \t\na=1 # x\n"),
            [pair("a", "1 # x")]
        );
    }

    #[test]
    fn a_comment_is_not_continued_but_a_continuation_may_look_like_one() {
        assert_eq!(
            pairs("# a\\\nb=1\nc=1\\\n#2\n"),
            [pair("b", "1"), pair("c", "1#2")]
        );
    }

    #[test]
    fn the_first_separator_counts() {
        assert_eq!(one("x==y"), pair("x", "=y"));
        assert_eq!(one("x:y=z"), pair("x", "y=z"));
        assert_eq!(one("x  :  y"), pair("x", "y"));
        assert_eq!(one("lonely"), pair("lonely", ""));
    }

    #[test]
    fn line_ends_of_every_system_and_the_numbers_of_lines() {
        let lines: Vec<usize> = parse(b"a=1\r\nb=2\rc=3\\\r\n  4\nd=5")
            .unwrap()
            .iter()
            .map(|e| e.line)
            .collect();
        assert_eq!(lines, [1, 2, 3, 5]);
    }

    #[test]
    fn escapes_and_latin_1() {
        assert_eq!(one("k=\\u4e2d\\ud83d\\ude00\\q\\\\"), pair("k", "中😀q\\"));
        let entries = parse(b"k=\xc3\xa9").unwrap();
        assert_eq!(entries[0].value, "Ã©");
        assert!(entries[0].non_ascii);
        assert_eq!(parse(b"a=1\nb=\\u12g4").unwrap_err(), BadEscape { line: 2 });
        assert_eq!(parse(b"b=\\u12").unwrap_err(), BadEscape { line: 1 });
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_name_a_line(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Err(error) = parse(&bytes) {
                prop_assert!(error.line >= 1);
            }
        }

        #[test]
        fn what_is_written_reads_back(key in "[a-zA-Z][a-zA-Z =:]{0,12}", value in "\\PC{0,30}") {
            let text = line_of(&key, &value);
            prop_assert_eq!(one(&text), (key, value));
        }
    }
}
