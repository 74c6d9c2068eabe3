//! JSON at the level of text: where a value ends, what an escaped string says, how a string is
//! written.
//!
//! The header of a frame is read in one pass that builds nothing, and this module is what that pass
//! stands on. It is as lenient as Java's reader where leniency costs nothing: control characters in
//! strings, unknown escapes and broken surrogates are taken, never refused. It deliberately builds
//! no value tree and never recurses.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

/// What the text is not; the words follow "expected".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unexpected(pub(crate) &'static str);

/// The inside of a string, or a bare word such as a number, as it stands in the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawText<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) escaped: bool,
}

impl<'a> RawText<'a> {
    pub(crate) fn plain(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            escaped: false,
        }
    }

    /// What the text says. Bytes that are not UTF-8 become U+FFFD, as in Java.
    #[inline]
    pub(crate) fn text(self) -> Cow<'a, str> {
        if self.escaped {
            Cow::Owned(unescape(self.bytes))
        } else {
            lossy(self.bytes)
        }
    }

    #[inline]
    pub(crate) fn is(self, name: &str) -> bool {
        if self.escaped {
            self.text() == name
        } else {
            self.bytes == name.as_bytes()
        }
    }
}

/// A member's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    String(RawText<'a>),
    /// A number, `true` or `false`.
    Bare(&'a [u8]),
    /// An object or an array, brackets included.
    Nested(&'a [u8]),
}

/// Reads forward through a text.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// The next byte that is not white space, which stays.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        match self.rest.first() {
            Some(byte @ b'!'..) => Some(*byte),
            _ => self.peek_behind_space(),
        }
    }

    #[cold]
    fn peek_behind_space(&mut self) -> Option<u8> {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
        self.rest.first().copied()
    }

    /// Takes `byte` if it comes next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        found
    }

    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), Unexpected> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(Unexpected(name))
        }
    }

    /// Takes a string.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<RawText<'a>, Unexpected> {
        self.expect(b'"', "a string")?;
        let text = self.rest;
        let mut at = plain_prefix(text);
        let escaped = text.get(at) != Some(&b'"');
        while text.get(at) != Some(&b'"') {
            // A backslash with what it escapes, or the end of the text.
            at += 2;
            let rest = text.get(at..).ok_or(Unexpected("the end of a string"))?;
            at += plain_prefix(rest);
        }
        let (inside, rest) = text.split_at(at);
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(RawText {
            bytes: inside,
            escaped,
        })
    }

    /// Takes a comma, a name and its colon if they come as nearly everybody writes them, without an
    /// escape and without white space; else nothing.
    #[inline]
    pub(crate) fn take_next_name(&mut self) -> Option<RawText<'a>> {
        let [b',', b'"', text @ ..] = self.rest else {
            return None;
        };
        let (name, rest) = text.split_at(plain_prefix(text));
        let [b'"', b':', rest @ ..] = rest else {
            return None;
        };
        self.rest = rest;
        Some(RawText::plain(name))
    }

    /// Takes a value of any kind.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Value<'a>, Unexpected> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{' | b'[') => self.nested().map(Value::Nested),
            Some(_) => match self.bare()? {
                b"null" => Ok(Value::Null),
                word => Ok(Value::Bare(word)),
            },
            None => Err(Unexpected("a value")),
        }
    }

    fn bare(&mut self) -> Result<&'a [u8], Unexpected> {
        let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let end = self
            .rest
            .iter()
            .position(|byte| !in_word(byte))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        let number = matches!(word.first(), Some(b'-' | b'0'..=b'9'));
        if number || matches!(word, b"true" | b"false" | b"null") {
            Ok(word)
        } else {
            Err(Unexpected("a value"))
        }
    }

    /// Takes an object or array by counting brackets, so that depth costs nothing.
    fn nested(&mut self) -> Result<&'a [u8], Unexpected> {
        let text = self.rest;
        let mut depth = 0_usize;
        loop {
            match self.rest.first() {
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
                None => return Err(Unexpected("the end of an object or array")),
            }
            self.rest = self.rest.get(1..).unwrap_or_default();
            if depth == 0 {
                return Ok(text.get(..text.len() - self.rest.len()).unwrap_or_default());
            }
        }
    }

    /// What has not been taken.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }
}

/// The value of one to eighteen digits, which cannot overflow.
#[inline]
pub(crate) fn digits(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    let mut number = 0;
    for byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(byte - b'0');
    }
    Some(number)
}

/// Appends `text` as a JSON string as 5.4 and later write it: short escapes where JSON has them,
/// lower-case `\u00xx` for other control characters, everything else raw.
pub(crate) fn write_string(out: &mut BytesMut, text: &str) {
    out.put_u8(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, tail) = rest.split_at(writable_prefix(rest));
        out.put_slice(plain);
        let Some((&byte, after)) = tail.split_first() else {
            break;
        };
        match byte {
            b'"' => out.put_slice(b"\\\""),
            b'\\' => out.put_slice(b"\\\\"),
            b'\n' => out.put_slice(b"\\n"),
            b'\r' => out.put_slice(b"\\r"),
            b'\t' => out.put_slice(b"\\t"),
            0x08 => out.put_slice(b"\\b"),
            0x0C => out.put_slice(b"\\f"),
            _ => {
                out.put_slice(b"\\u00");
                out.put_u8(if byte < 0x10 { b'0' } else { b'1' });
                out.put_u8(char::from_digit(u32::from(byte & 0xF), 16).map_or(b'0', |c| c as u8));
            }
        }
        rest = after;
    }
    out.put_u8(b'"');
}

/// As [`write_string`], without the quotes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = BytesMut::new();
    write_string(&mut out, text);
    let inside = out.get(1..out.len() - 1).unwrap_or_default();
    String::from_utf8_lossy(inside).into_owned()
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Non-zero if a byte of `word` is zero.
const fn zero_byte(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// How many leading bytes are neither a quote nor a backslash.
#[inline]
fn plain_prefix(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = zero_byte(word ^ (ONES * u64::from(b'"')));
        let backslash = zero_byte(word ^ (ONES * u64::from(b'\\')));
        let found = quote | backslash;
        if found != 0 {
            return text.len() - rest.len() + found.trailing_zeros() as usize / 8;
        }
        rest = tail;
    }
    let stop = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
    text.len() - rest.len() + stop.unwrap_or(rest.len())
}

/// How many leading bytes need no escape.
fn writable_prefix(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = zero_byte(word ^ (ONES * u64::from(b'"')));
        let backslash = zero_byte(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = quote | backslash | control;
        if found != 0 {
            return text.len() - rest.len() + found.trailing_zeros() as usize / 8;
        }
        rest = tail;
    }
    let stop = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    text.len() - rest.len() + stop.unwrap_or(rest.len())
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

fn unescape(escaped: &[u8]) -> String {
    let mut out = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    loop {
        let (plain, tail) = rest.split_at(plain_prefix(rest));
        out.extend_from_slice(plain);
        let [_backslash, kind, after @ ..] = tail else {
            out.extend_from_slice(tail);
            break;
        };
        rest = after;
        match kind {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'b' => out.push(0x08),
            b'f' => out.push(0x0C),
            b'u' => {
                let mut utf8 = [0; 4];
                let character = unicode_escape(&mut rest);
                out.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
            }
            other => out.push(*other),
        }
    }
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(broken) => String::from_utf8_lossy(broken.as_bytes()).into_owned(),
    }
}

/// The character of a `\u` escape whose digits `rest` begins with, low surrogate included.
fn unicode_escape(rest: &mut &[u8]) -> char {
    let Some(unit) = hex_unit(rest) else {
        return char::REPLACEMENT_CHARACTER;
    };
    if !(0xD800..0xDC00).contains(&unit) {
        return char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    let mut ahead = *rest;
    if let [b'\\', b'u', tail @ ..] = ahead {
        ahead = tail;
        if let Some(low @ 0xDC00..0xE000) = hex_unit(&mut ahead) {
            *rest = ahead;
            let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
    }
    char::REPLACEMENT_CHARACTER
}

fn hex_unit(rest: &mut &[u8]) -> Option<u32> {
    // What separates properties, two or more of them in every message.
    if let [b'0', b'0', b'0', digit @ b'0'..=b'7', tail @ ..] = *rest {
        *rest = tail;
        return Some(u32::from(digit - b'0'));
    }
    let (digits, tail) = rest.split_first_chunk::<4>()?;
    let mut unit = 0;
    for digit in digits {
        unit = unit << 4 | char::from(*digit).to_digit(16)?;
    }
    *rest = tail;
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = BytesMut::new();
        write_string(&mut out, text);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn escapes_as_later_releases_do() {
        assert_eq!(written("KEYS\u{1}k\u{2}"), r#""KEYS\u0001k\u0002""#);
        assert_eq!(
            written("a\"b\\c/\u{8}\t\n\u{c}\r"),
            r#""a\"b\\c/\b\t\n\f\r""#
        );
        assert_eq!(
            written("\u{1f}\u{10}\u{7f}\u{80}\u{2028}ü😀"),
            "\"\\u001f\\u0010\u{7f}\u{80}\u{2028}ü😀\""
        );
    }

    #[test]
    fn finds_what_needs_an_escape_at_every_place_of_a_word() {
        for at in 0..20 {
            for special in ["\"", "\\", "\u{1f}", "\u{0}"] {
                let text = format!("{}{special}{}", "é".repeat(at), "x".repeat(11));
                let written = written(&text);
                assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
            }
        }
    }

    #[test]
    fn reads_every_escape() {
        let raw = br#"\"\\\/\b\f\n\r\t\u0041\u00fc\uD83D\uDE00\q"#;
        assert_eq!(unescape(raw), "\"\\/\u{8}\u{c}\n\r\tAü😀q");
    }

    #[test]
    fn broken_escapes_become_replacement_characters() {
        assert_eq!(unescape(br"\uD83Dx"), "\u{FFFD}x");
        assert_eq!(unescape(br"\uD83D\u0041"), "\u{FFFD}A");
        assert_eq!(unescape(br"\uDE00"), "\u{FFFD}");
        assert_eq!(unescape(br"\u00"), "\u{FFFD}00");
        assert_eq!(unescape(b"a\xFF\\n"), "a\u{FFFD}\n");
        assert_eq!(unescape(b"a\\"), "a\\");
    }

    #[test]
    fn takes_values_and_leaves_what_follows() {
        let mut scanner = Scanner::new(br#" {"a":["}]",{}]} , -12.5e3 true null "x\"y" "#);
        assert!(matches!(
            scanner.value(),
            Ok(Value::Nested(br#"{"a":["}]",{}]}"#))
        ));
        assert!(scanner.take(b','));
        assert!(matches!(scanner.value(), Ok(Value::Bare(b"-12.5e3"))));
        assert!(matches!(scanner.value(), Ok(Value::Bare(b"true"))));
        assert!(matches!(scanner.value(), Ok(Value::Null)));
        assert!(matches!(scanner.value(), Ok(Value::String(text)) if text.text() == "x\"y"));
        assert!(scanner.is_at_end());
    }

    #[test]
    fn refuses_what_is_no_value() {
        for text in ["", "nul", "}", "\"abc", "\"abc\\", "[[", "{\"", "yes"] {
            assert!(Scanner::new(text.as_bytes()).value().is_err(), "{text}");
        }
    }
}
