//! The lexical half of reading: white space, comments, strings, numbers, skipping.

use std::borrow::Cow;

use super::{DEPTH_MAX, JsonError};

/// A position in a document, with what is left of the bounds.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    pub(super) input: &'a [u8],
    pub(super) at: usize,
    pub(super) depth: u32,
    pub(super) containers: usize,
    pub(super) containers_max: usize,
}

/// A value that is neither object nor array.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(input: &'a [u8], containers_max: usize) -> Self {
        Self {
            input,
            at: 0,
            depth: 0,
            containers: 0,
            containers_max,
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    pub(super) fn slice(&self, from: usize) -> &'a [u8] {
        self.input.get(from..self.at).unwrap_or_default()
    }

    pub(super) const fn unexpected(&self, expected: &'static str) -> JsonError {
        JsonError::Unexpected {
            expected,
            at: self.at,
        }
    }

    /// Skips white space and comments; a comment without end ends the document.
    pub(super) fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            match rest {
                [b' ' | b'\t' | b'\n' | b'\r' | 0x08 | 0x0C, ..] => self.at += 1,
                [b'/', b'*', comment @ ..] => {
                    let end = comment.windows(2).position(|pair| pair == b"*/");
                    self.at = end.map_or(self.input.len(), |end| self.at + end + 4);
                }
                [b'/', b'/', comment @ ..] => {
                    let end = comment.iter().position(|byte| *byte == b'\n');
                    self.at = end.map_or(self.input.len(), |end| self.at + end + 3);
                }
                _ => return,
            }
        }
    }

    /// Whether nothing follows but white space and zero bytes.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_space();
        while self.peek() == Some(0) {
            self.at += 1;
            self.skip_space();
        }
        self.at == self.input.len()
    }

    pub(super) fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), JsonError> {
        self.skip_space();
        if self.peek() != Some(byte) {
            return Err(self.unexpected(name));
        }
        self.at += 1;
        Ok(())
    }

    /// Steps into an object or array whose opening byte is next.
    pub(super) fn enter(&mut self) -> Result<(), JsonError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(JsonError::TooDeep { at: self.at });
        }
        self.containers += 1;
        if self.containers > self.containers_max {
            return Err(JsonError::TooMany {
                limit: self.containers_max,
            });
        }
        self.at += 1;
        Ok(())
    }

    /// Within an object or array: true if another element follows, false after the closing byte.
    /// Spare commas are accepted, missing ones are not.
    pub(super) fn next_element(&mut self, is_first: bool, close: u8) -> Result<bool, JsonError> {
        self.skip_space();
        let mut separated = is_first;
        while self.peek() == Some(b',') {
            separated = true;
            self.at += 1;
            self.skip_space();
        }
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(_) if separated => Ok(true),
            _ => Err(self.unexpected("a comma or the end of the object or array")),
        }
    }

    /// Whether a member's value is next and is `null` (or what fastjson takes for it); consumes it.
    pub(super) fn take_null(&mut self) -> bool {
        self.skip_space();
        for word in [&b"null"[..], b"NaN", b"undefined"] {
            let Some(after) = self.rest().strip_prefix(word) else {
                continue;
            };
            if !after.first().is_some_and(|byte| is_name_byte(*byte)) {
                self.at += word.len();
                return true;
            }
        }
        false
    }

    /// Reads a value that is neither object nor array.
    pub(super) fn scalar(&mut self) -> Result<Scalar<'a>, JsonError> {
        self.skip_space();
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote).map(Scalar::Text),
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => Ok(Scalar::Number(self.number())),
            Some(_) if self.take_null() => Ok(Scalar::Null),
            Some(_) => match self.word() {
                "true" => Ok(Scalar::Bool(true)),
                "false" => Ok(Scalar::Bool(false)),
                word => {
                    self.at -= word.len();
                    Err(self.unexpected("a value"))
                }
            },
            None => Err(self.unexpected("a value")),
        }
    }

    /// Reads the name of a member, or a scalar map key.
    pub(super) fn name(&mut self) -> Result<Cow<'a, str>, JsonError> {
        if let Some(quote @ (b'"' | b'\'')) = self.peek() {
            return self.quoted(quote);
        }
        let word = self.word();
        if word.is_empty() {
            return Err(self.unexpected("a member's name"));
        }
        Ok(Cow::Borrowed(word))
    }

    fn word(&mut self) -> &'a str {
        self.take_while(is_name_byte)
    }

    fn number(&mut self) -> &'a str {
        self.take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest
            .iter()
            .position(|byte| !accept(*byte))
            .unwrap_or(rest.len());
        self.at += length;
        // All accepted bytes are ASCII.
        rest.get(..length)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    /// Reads a string whose quote is next. Bytes that are not UTF-8 become U+FFFD, as in Java.
    fn quoted(&mut self, quote: u8) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let start = self.at;
        let Some(length) = memchr::memchr2(quote, b'\\', self.rest()) else {
            return Err(self.unexpected("the end of the string"));
        };
        self.at += length;
        let plain = self.slice(start);
        if self.peek() == Some(quote) {
            self.at += 1;
            return Ok(String::from_utf8_lossy(plain));
        }
        let mut text = plain.to_vec();
        loop {
            match self.rest() {
                [b'\\', escape, ..] => {
                    self.at += 2;
                    self.escape(*escape, &mut text)?;
                }
                [byte, ..] if *byte == quote => {
                    self.at += 1;
                    return Ok(Cow::Owned(String::from_utf8_lossy(&text).into_owned()));
                }
                [byte, ..] => {
                    self.at += 1;
                    text.push(*byte);
                }
                [] => return Err(self.unexpected("the end of the string")),
            }
        }
    }

    fn escape(&mut self, escape: u8, text: &mut Vec<u8>) -> Result<(), JsonError> {
        let character = match escape {
            b'b' => '\x08',
            b'f' => '\x0C',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'v' => '\x0B',
            b'"' | b'\'' | b'\\' | b'/' => char::from(escape),
            b'0'..=b'7' => char::from(escape - b'0'),
            b'x' => char::from_u32(self.hex::<2>()?).unwrap_or(char::REPLACEMENT_CHARACTER),
            b'u' => self.utf16_escape()?,
            _ => return Err(self.unexpected("a known escape before this")),
        };
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn utf16_escape(&mut self) -> Result<char, JsonError> {
        let unit = self.hex::<4>()?;
        if let 0xD800..=0xDBFF = unit
            && self.rest().starts_with(b"\\u")
        {
            let after_first = self.at;
            self.at += 2;
            let low = self.hex::<4>()?;
            if let 0xDC00..=0xDFFF = low {
                let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = after_first;
        }
        Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex<const N: usize>(&mut self) -> Result<u32, JsonError> {
        let Some((digits, _)) = self.rest().split_first_chunk::<N>() else {
            return Err(self.unexpected("hexadecimal digits"));
        };
        let mut value = 0;
        for digit in digits {
            let digit = char::from(*digit).to_digit(16);
            value = value << 4 | digit.ok_or_else(|| self.unexpected("hexadecimal digits"))?;
        }
        self.at += N;
        Ok(value)
    }

    /// Skips one value of any kind, an object key included. Counts towards the bounds.
    pub(super) fn skip_value(&mut self) -> Result<(), JsonError> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => {
                self.enter()?;
                let mut is_first = true;
                while self.next_element(is_first, b'}')? {
                    is_first = false;
                    self.skip_name()?;
                    self.expect(b':', "a colon")?;
                    self.skip_value()?;
                }
                Ok(())
            }
            Some(b'[') => {
                self.enter()?;
                let mut is_first = true;
                while self.next_element(is_first, b']')? {
                    is_first = false;
                    self.skip_value()?;
                }
                Ok(())
            }
            Some(quote @ (b'"' | b'\'')) => self.skip_quoted(quote),
            _ => self.scalar().map(drop),
        }
    }

    pub(super) fn skip_name(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'{' | b'[') => self.skip_value(),
            Some(quote @ (b'"' | b'\'')) => self.skip_quoted(quote),
            _ => self.name().map(drop),
        }
    }

    fn skip_quoted(&mut self, quote: u8) -> Result<(), JsonError> {
        self.at += 1;
        while let Some(length) = memchr::memchr2(quote, b'\\', self.rest()) {
            self.at += length + 1;
            if self.input.get(self.at - 1) == Some(&quote) {
                return Ok(());
            }
            self.at += 1;
        }
        Err(self.unexpected("the end of the string"))
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'-' | b'.')
}
