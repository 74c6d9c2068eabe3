//! Printing, as fastjson2 does: members in the order of the type (our types declare them sorted, as
//! Java prints them), absent where the type skips them, object keys as they are.

use serde::Serialize;
use serde::ser::{
    Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct,
    Serializer,
};

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Members on lines of their own, indented by tabs; no space after the colon.
    pub pretty: bool,
    /// `"0":` instead of Java's `0:`. Every release reads the quoted form; 5.4 and later refuse the
    /// bare one inside members that they do not know.
    pub quotes_integer_keys: bool,
    /// `BrowserCompatible`: all text in ASCII, integers beyond 2^53 as text.
    pub ascii: bool,
}

impl Style {
    /// On the wire.
    pub const WIRE: Self = Self {
        pretty: false,
        quotes_integer_keys: true,
        ascii: false,
    };
    /// Route answers to clients that want standard JSON.
    pub const STANDARD: Self = Self {
        pretty: false,
        quotes_integer_keys: true,
        ascii: true,
    };
    /// Files under `config/`, as a 5.5 broker writes them.
    pub const FILE: Self = Self {
        pretty: true,
        quotes_integer_keys: false,
        ascii: false,
    };
}

/// A value that has no JSON form; none of our bodies holds one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot print as JSON: {0}")]
pub struct PrintError(String);

impl serde::ser::Error for PrintError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Prints for the wire. The types of this crate always print; should one not, the text is empty,
/// which every reader takes for "no body".
#[must_use]
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    to_vec_styled(value, Style::WIRE).unwrap_or_default()
}

/// Prints in a style.
pub fn to_vec_styled<T: Serialize + ?Sized>(
    value: &T,
    style: Style,
) -> Result<Vec<u8>, PrintError> {
    let mut printer = Printer {
        out: Vec::with_capacity(256),
        style,
        level: 0,
        is_key: false,
    };
    value.serialize(&mut printer)?;
    Ok(printer.out)
}

struct Printer {
    out: Vec<u8>,
    style: Style,
    level: usize,
    /// A map key is being printed.
    is_key: bool,
}

impl Printer {
    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn open(&mut self, bracket: u8) -> Container<'_> {
        self.out.push(bracket);
        self.level += 1;
        // Keys inside a key object are names again.
        let was_key = std::mem::take(&mut self.is_key);
        let close = if bracket == b'{' { b'}' } else { b']' };
        Container {
            printer: self,
            close,
            is_empty: true,
            was_key,
        }
    }

    fn new_line(&mut self) {
        if self.style.pretty {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + self.level, b'\t');
        }
    }

    fn integer(&mut self, value: i128) {
        const EXACT_MAX: i128 = 1 << 53;
        let quoted = if self.is_key {
            self.style.quotes_integer_keys
        } else {
            self.style.ascii && !(-EXACT_MAX..=EXACT_MAX).contains(&value)
        };
        let text = value.to_string();
        if quoted {
            self.out.push(b'"');
        }
        self.raw(&text);
        if quoted {
            self.out.push(b'"');
        }
    }

    /// `Double#toString`; no number is `null`.
    fn float(&mut self, value: f64) {
        if !value.is_finite() {
            return self.raw("null");
        }
        let magnitude = value.abs();
        let text = if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
            format!("{value:?}")
        } else {
            let scientific = format!("{value:e}");
            let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
            let fraction = if digits.contains('.') { "" } else { ".0" };
            format!("{digits}{fraction}E{exponent}")
        };
        self.raw(&text);
    }

    fn text(&mut self, text: &str) {
        self.out.push(b'"');
        let mut plain_from = 0;
        for (at, byte) in text.bytes().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' && (byte < 0x7F || !self.style.ascii) {
                continue;
            }
            // Inside a character that was escaped already.
            if at < plain_from {
                continue;
            }
            self.raw(text.get(plain_from..at).unwrap_or_default());
            plain_from = at + self.escape(text.get(at..).unwrap_or_default());
        }
        self.raw(text.get(plain_from..).unwrap_or_default());
        self.out.push(b'"');
    }

    /// Prints the first character escaped; returns its bytes.
    fn escape(&mut self, text: &str) -> usize {
        let Some(character) = text.chars().next() else {
            return 1;
        };
        match character {
            '"' => self.raw("\\\""),
            '\\' => self.raw("\\\\"),
            '\n' => self.raw("\\n"),
            '\r' => self.raw("\\r"),
            '\t' => self.raw("\\t"),
            '\x08' => self.raw("\\b"),
            '\x0C' => self.raw("\\f"),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let escape = format!("\\u{unit:04x}");
                    self.raw(&escape);
                }
            }
        }
        character.len_utf8()
    }
}

/// An open object or array.
struct Container<'p> {
    printer: &'p mut Printer,
    close: u8,
    is_empty: bool,
    was_key: bool,
}

impl Container<'_> {
    fn next(&mut self) {
        if !self.is_empty {
            self.printer.out.push(b',');
        }
        self.is_empty = false;
        self.printer.new_line();
    }

    fn finish(self) {
        self.printer.level -= 1;
        if !self.is_empty {
            self.printer.new_line();
        }
        self.printer.out.push(self.close);
        self.printer.is_key = self.was_key;
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), PrintError> {
            self.integer(i128::from(value));
            Ok(())
        }
    )*};
}

impl<'p> Serializer for &'p mut Printer {
    type Ok = ();
    type Error = PrintError;
    type SerializeSeq = Container<'p>;
    type SerializeTuple = Container<'p>;
    type SerializeTupleStruct = Container<'p>;
    type SerializeTupleVariant = Impossible<(), PrintError>;
    type SerializeMap = Container<'p>;
    type SerializeStruct = Container<'p>;
    type SerializeStructVariant = Impossible<(), PrintError>;

    integers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    }

    fn serialize_bool(self, value: bool) -> Result<(), PrintError> {
        self.raw(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), PrintError> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), PrintError> {
        self.float(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), PrintError> {
        self.text(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), PrintError> {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), PrintError> {
        self.text(&String::from_utf8_lossy(value));
        Ok(())
    }

    fn serialize_none(self) -> Result<(), PrintError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), PrintError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), PrintError> {
        self.raw("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), PrintError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), PrintError> {
        self.text(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), PrintError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<(), PrintError> {
        Err(no_variants())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Container<'p>, PrintError> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Container<'p>, PrintError> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Container<'p>, PrintError> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleVariant, PrintError> {
        Err(no_variants())
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Container<'p>, PrintError> {
        Ok(self.open(b'{'))
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Container<'p>, PrintError> {
        Ok(self.open(b'{'))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStructVariant, PrintError> {
        Err(no_variants())
    }
}

fn no_variants() -> PrintError {
    PrintError("enumerations with content have no Java form".to_owned())
}

macro_rules! sequences {
    ($($interface:ident: $method:ident),*) => {$(
        impl $interface for Container<'_> {
            type Ok = ();
            type Error = PrintError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PrintError> {
                self.next();
                value.serialize(&mut *self.printer)
            }

            fn end(self) -> Result<(), PrintError> {
                self.finish();
                Ok(())
            }
        }
    )*};
}

sequences! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field
}

impl SerializeMap for Container<'_> {
    type Ok = ();
    type Error = PrintError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), PrintError> {
        self.next();
        self.printer.is_key = true;
        key.serialize(&mut *self.printer)?;
        self.printer.is_key = false;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PrintError> {
        self.printer.out.push(b':');
        value.serialize(&mut *self.printer)
    }

    fn end(self) -> Result<(), PrintError> {
        self.finish();
        Ok(())
    }
}

impl SerializeStruct for Container<'_> {
    type Ok = ();
    type Error = PrintError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), PrintError> {
        self.next();
        self.printer.text(name);
        self.printer.out.push(b':');
        value.serialize(&mut *self.printer)
    }

    fn end(self) -> Result<(), PrintError> {
        self.finish();
        Ok(())
    }
}
