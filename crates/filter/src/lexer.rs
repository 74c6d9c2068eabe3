//! Words of an expression. Each is the longest that can stand where the last one ended, as the
//! generated `SelectorParserTokenManager` finds it: a text or a comment that is not closed gives way
//! to what is shorter.

use crate::error::{ExpressionError, Position};

/// One word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word<'a> {
    End,
    Name(&'a str),
    /// Digits, without the `L` behind them.
    Integer(&'a str),
    Decimal(&'a str),
    /// What stands between the quotes, with `''` still doubled.
    Text(&'a str),
    Keyword(Keyword),
    Symbol(Symbol),
}

/// Names that are none, in any letter case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Not,
    And,
    Or,
    Between,
    In,
    True,
    False,
    Null,
    Is,
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symbol {
    Equal,
    Unequal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Open,
    Close,
    Comma,
    Plus,
    Minus,
}

const KEYWORDS: [(&str, Keyword); 12] = [
    ("NOT", Keyword::Not),
    ("AND", Keyword::And),
    ("OR", Keyword::Or),
    ("BETWEEN", Keyword::Between),
    ("IN", Keyword::In),
    ("TRUE", Keyword::True),
    ("FALSE", Keyword::False),
    ("NULL", Keyword::Null),
    ("IS", Keyword::Is),
    ("CONTAINS", Keyword::Contains),
    ("STARTSWITH", Keyword::StartsWith),
    ("ENDSWITH", Keyword::EndsWith),
];

/// A symbol comes before those that it begins with.
const SYMBOLS: [(&str, Symbol); 11] = [
    ("<>", Symbol::Unequal),
    ("<=", Symbol::LessOrEqual),
    ("<", Symbol::Less),
    (">=", Symbol::GreaterOrEqual),
    (">", Symbol::Greater),
    ("=", Symbol::Equal),
    ("(", Symbol::Open),
    (")", Symbol::Close),
    (",", Symbol::Comma),
    ("+", Symbol::Plus),
    ("-", Symbol::Minus),
];

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// Where something stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next word and where it begins.
    pub(crate) fn next(&mut self) -> Result<(Word<'a>, usize), ExpressionError> {
        self.skip_blanks();
        let (start, rest) = (self.at, self.rest());
        let Some(first) = rest.bytes().next() else {
            return Ok((Word::End, start));
        };
        let word = match first {
            b'\'' => self.quoted(rest)?,
            b'0'..=b'9' | b'.' => self.number(rest)?,
            b'_' | b'$' => self.name(rest),
            letter if letter.is_ascii_alphabetic() => self.name(rest),
            _ => self.symbol(rest)?,
        };
        Ok((word, start))
    }

    /// A byte of the text, to be told as line and column if something is wrong there.
    pub(crate) fn place(&self, at: usize) -> Place<'a> {
        Place {
            text: self.text,
            at,
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Takes so many bytes.
    fn take(&mut self, rest: &'a str, bytes: usize) -> &'a str {
        self.at += bytes;
        rest.get(..bytes).unwrap_or(rest)
    }

    /// Blanks and comments. `--` begins a comment only when a line ends behind it.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let comment = if rest.starts_with("--") {
                memchr::memchr2(b'\n', b'\r', rest.as_bytes()).map(|end| end + 1)
            } else if rest.starts_with("/*") {
                rest.get(2..)
                    .and_then(|inside| inside.find("*/"))
                    .map(|end| end + 4)
            } else {
                rest.starts_with([' ', '\t', '\n', '\r', '\x0c'])
                    .then_some(1)
            };
            match comment {
                Some(bytes) => self.at += bytes,
                None => return,
            }
        }
    }

    fn quoted(&mut self, rest: &'a str) -> Result<Word<'a>, ExpressionError> {
        let bytes = rest.as_bytes();
        let mut end = None;
        let mut from = 1;
        while let Some(quote) = bytes
            .get(from..)
            .and_then(|inside| memchr::memchr(b'\'', inside))
        {
            let quote = from + quote;
            end = Some(quote);
            if bytes.get(quote + 1) != Some(&b'\'') {
                break;
            }
            // A doubled quote goes on, if another one closes the text behind it.
            from = quote + 2;
        }
        let Some(end) = end else {
            return Err(ExpressionError::OpenText {
                at: self.place(self.at).position(),
            });
        };
        self.at += end + 1;
        Ok(Word::Text(rest.get(1..end).unwrap_or_default()))
    }

    fn number(&mut self, rest: &'a str) -> Result<Word<'a>, ExpressionError> {
        let digits = |from: usize| {
            let digits = rest.bytes().skip(from);
            digits.take_while(u8::is_ascii_digit).count()
        };
        let exponent = |from: usize| {
            let mark = rest.as_bytes().get(from);
            if !mark.is_some_and(|mark| mark.eq_ignore_ascii_case(&b'e')) {
                return 0;
            }
            let sign = usize::from(matches!(rest.as_bytes().get(from + 1), Some(b'+' | b'-')));
            match digits(from + 1 + sign) {
                0 => 0,
                digits => 1 + sign + digits,
            }
        };
        let whole = digits(0);
        let mut bytes = whole;
        let has_point = rest.as_bytes().get(whole) == Some(&b'.');
        if has_point && (whole > 0 || digits(1) > 0) {
            bytes += 1 + digits(whole + 1);
        }
        bytes += if bytes == 0 { 0 } else { exponent(bytes) };
        if bytes == 0 {
            return Err(self.unknown(rest));
        }
        if bytes > whole {
            return Ok(Word::Decimal(self.take(rest, bytes)));
        }
        // A zero that begins a number is one, without the `L` that others may have.
        if rest.starts_with('0') {
            return Ok(Word::Integer(self.take(rest, 1)));
        }
        let integer = self.take(rest, whole);
        if matches!(self.rest().as_bytes().first(), Some(b'l' | b'L')) {
            self.at += 1;
        }
        Ok(Word::Integer(integer))
    }

    fn name(&mut self, rest: &'a str) -> Word<'a> {
        let bytes = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'))
            .count();
        let name = self.take(rest, bytes);
        KEYWORDS
            .iter()
            .find(|(keyword, _)| keyword.eq_ignore_ascii_case(name))
            .map_or(Word::Name(name), |(_, keyword)| Word::Keyword(*keyword))
    }

    fn symbol(&mut self, rest: &'a str) -> Result<Word<'a>, ExpressionError> {
        if rest.starts_with("/*") {
            return Err(ExpressionError::OpenComment {
                at: self.place(self.at).position(),
            });
        }
        let known = SYMBOLS.iter().find(|(text, _)| rest.starts_with(text));
        let Some((text, symbol)) = known else {
            return Err(self.unknown(rest));
        };
        self.at += text.len();
        Ok(Word::Symbol(*symbol))
    }

    fn unknown(&self, rest: &str) -> ExpressionError {
        ExpressionError::Character {
            at: self.place(self.at).position(),
            found: rest.chars().next().unwrap_or_default(),
        }
    }
}

impl Place<'_> {
    /// Line and column, which only an error is worth the search for.
    pub(crate) fn position(self) -> Position {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.get(line_start..).unwrap_or_default();
        Position {
            line: memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

impl std::fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = |table: &mut dyn Iterator<Item = &'static str>| table.next().unwrap_or("?");
        match self {
            Self::End => f.write_str("the end of the expression"),
            Self::Name(text) | Self::Integer(text) | Self::Decimal(text) => f.write_str(text),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Keyword(keyword) => f.write_str(named(
                &mut KEYWORDS
                    .iter()
                    .filter(|(_, known)| known == keyword)
                    .map(|(text, _)| *text),
            )),
            Self::Symbol(symbol) => f.write_str(named(
                &mut SYMBOLS
                    .iter()
                    .filter(|(_, known)| known == symbol)
                    .map(|(text, _)| *text),
            )),
        }
    }
}
