//! Writing: from a struct to ext fields, straight into the frame.

use std::fmt::{self, Display, Write};

use bytes::{BufMut, BytesMut};
use serde::ser::{
    Error, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple,
    SerializeTupleStruct, Serializer,
};

use crate::frame::Encoding;
use crate::json_text::{escaped, write_string};

/// The value is no flat list of named texts, numbers and booleans.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub(crate) struct ShapeError(String);

impl Error for ShapeError {
    fn custom<T: Display>(words: T) -> Self {
        Self(words.to_string())
    }
}

fn not_flat<T>() -> Result<T, ShapeError> {
    Err(ShapeError(
        "a header is a struct of texts, numbers and booleans".to_owned(),
    ))
}

/// Appends the fields of `header`: in JSON the members without the braces around them, in binary
/// the entries without the length before them.
pub(crate) fn write_fields<H: Serialize>(
    out: &mut BytesMut,
    encoding: Encoding,
    header: &H,
) -> Result<(), ShapeError> {
    header.serialize(&mut Fields {
        out,
        encoding,
        any: false,
    })
}

/// Where fields are appended to.
struct Fields<'o> {
    out: &'o mut BytesMut,
    encoding: Encoding,
    /// A field has been written, and a comma is due.
    any: bool,
}

impl Fields<'_> {
    fn text(&mut self, name: &str, value: &str) -> Result<(), ShapeError> {
        match self.encoding {
            Encoding::Json => {
                self.json_name(name, b"\":");
                write_string(self.out, value);
                Ok(())
            }
            Encoding::Binary => self.binary(name, value),
        }
    }

    /// A value that never needs an escape.
    fn bare(&mut self, name: &str, value: &str) -> Result<(), ShapeError> {
        match self.encoding {
            Encoding::Json => {
                self.json_name(name, b"\":\"");
                self.out.put_slice(value.as_bytes());
                self.out.put_u8(b'"');
                Ok(())
            }
            Encoding::Binary => self.binary(name, value),
        }
    }

    /// A name, which is escaped already if it has to be, and what stands between it and its value.
    fn json_name(&mut self, name: &str, after: &[u8]) {
        let before: &[u8] = if self.any { b",\"" } else { b"\"" };
        self.any = true;
        self.out.put_slice(before);
        self.out.put_slice(name.as_bytes());
        self.out.put_slice(after);
    }

    fn binary(&mut self, name: &str, value: &str) -> Result<(), ShapeError> {
        let Ok(bytes) = i16::try_from(name.len()) else {
            return Err(ShapeError(
                "the name of an ext field is too long".to_owned(),
            ));
        };
        self.out.put_i16(bytes);
        self.out.put_slice(name.as_bytes());
        let Ok(bytes) = i32::try_from(value.len()) else {
            return Err(ShapeError(
                "the value of an ext field is too long".to_owned(),
            ));
        };
        self.out.put_i32(bytes);
        self.out.put_slice(value.as_bytes());
        Ok(())
    }
}

macro_rules! refuse {
    ($($method:ident($($kind:ty)?);)*) => {
        $(fn $method(self $(, _value: $kind)?) -> Result<Self::Ok, ShapeError> {
            not_flat()
        })*
    };
}

macro_rules! refuse_variants {
    () => {
        type SerializeTupleVariant = Impossible<(), ShapeError>;
        type SerializeStructVariant = Impossible<(), ShapeError>;

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _name: &'static str,
            _index: u32,
            _variant: &'static str,
            _value: &T,
        ) -> Result<(), ShapeError> {
            not_flat()
        }

        fn serialize_tuple_variant(
            self,
            _name: &'static str,
            _index: u32,
            _variant: &'static str,
            _len: usize,
        ) -> Result<Self::SerializeTupleVariant, ShapeError> {
            not_flat()
        }

        fn serialize_struct_variant(
            self,
            _name: &'static str,
            _index: u32,
            _variant: &'static str,
            _len: usize,
        ) -> Result<Self::SerializeStructVariant, ShapeError> {
            not_flat()
        }
    };
}

/// A whole header: a struct, a map, or a tuple of headers written one after the other.
impl<'f, 'o> Serializer for &'f mut Fields<'o> {
    type Ok = ();
    type Error = ShapeError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeMap = Entries<'f, 'o>;
    type SerializeStruct = Self;

    refuse_variants!();

    refuse! {
        serialize_bool(bool); serialize_i8(i8); serialize_i16(i16); serialize_i32(i32);
        serialize_i64(i64); serialize_u8(u8); serialize_u16(u16); serialize_u32(u32);
        serialize_u64(u64); serialize_f32(f32); serialize_f64(f64); serialize_char(char);
        serialize_str(&str); serialize_bytes(&[u8]);
    }

    fn serialize_none(self) -> Result<(), ShapeError> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), ShapeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), ShapeError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), ShapeError> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
    ) -> Result<(), ShapeError> {
        not_flat()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), ShapeError> {
        value.serialize(self)
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self, ShapeError> {
        Ok(self)
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self, ShapeError> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Self, ShapeError> {
        Ok(self)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Entries<'f, 'o>, ShapeError> {
        Ok(Entries {
            fields: self,
            name: String::new(),
        })
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self, ShapeError> {
        Ok(self)
    }
}

impl SerializeStruct for &mut Fields<'_> {
    type Ok = ();
    type Error = ShapeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ShapeError> {
        value.serialize(FieldValue { fields: self, name })
    }

    fn end(self) -> Result<(), ShapeError> {
        Ok(())
    }
}

macro_rules! one_after_the_other {
    ($($part:ident::$method:ident),*) => {
        $(impl $part for &mut Fields<'_> {
            type Ok = ();
            type Error = ShapeError;

            fn $method<T: Serialize + ?Sized>(&mut self, header: &T) -> Result<(), ShapeError> {
                header.serialize(&mut **self)
            }

            fn end(self) -> Result<(), ShapeError> {
                Ok(())
            }
        })*
    };
}

one_after_the_other!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field
);

/// The entries of a map.
struct Entries<'f, 'o> {
    fields: &'f mut Fields<'o>,
    name: String,
}

impl SerializeMap for Entries<'_, '_> {
    type Ok = ();
    type Error = ShapeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), ShapeError> {
        self.name.clear();
        write!(self.name, "{}", Shown(name)).map_err(Error::custom)?;
        if self.fields.encoding == Encoding::Json {
            self.name = escaped(&self.name);
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ShapeError> {
        value.serialize(FieldValue {
            fields: self.fields,
            name: &self.name,
        })
    }

    fn end(self) -> Result<(), ShapeError> {
        Ok(())
    }
}

/// A formatter is a serializer of plain values, and a map's keys are plain values.
struct Shown<'t, T: ?Sized>(&'t T);

impl<T: Serialize + ?Sized> Display for Shown<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(out)
    }
}

/// The value of the field `name`.
struct FieldValue<'f, 'o, 'n> {
    fields: &'f mut Fields<'o>,
    name: &'n str,
}

macro_rules! integers {
    ($($method:ident($kind:ty);)*) => {
        $(fn $method(self, value: $kind) -> Result<(), ShapeError> {
            self.fields.bare(self.name, itoa::Buffer::new().format(value))
        })*
    };
}

impl Serializer for FieldValue<'_, '_, '_> {
    type Ok = ();
    type Error = ShapeError;
    type SerializeSeq = Impossible<(), ShapeError>;
    type SerializeTuple = Impossible<(), ShapeError>;
    type SerializeTupleStruct = Impossible<(), ShapeError>;
    type SerializeMap = Impossible<(), ShapeError>;
    type SerializeStruct = Impossible<(), ShapeError>;

    refuse_variants!();

    integers! {
        serialize_i8(i8); serialize_i16(i16); serialize_i32(i32); serialize_i64(i64);
        serialize_u8(u8); serialize_u16(u16); serialize_u32(u32); serialize_u64(u64);
    }

    refuse! { serialize_bytes(&[u8]); serialize_unit(); }

    fn serialize_bool(self, value: bool) -> Result<(), ShapeError> {
        self.fields
            .bare(self.name, if value { "true" } else { "false" })
    }

    fn serialize_f32(self, value: f32) -> Result<(), ShapeError> {
        self.fields.bare(self.name, &value.to_string())
    }

    fn serialize_f64(self, value: f64) -> Result<(), ShapeError> {
        self.fields.bare(self.name, &value.to_string())
    }

    fn serialize_char(self, value: char) -> Result<(), ShapeError> {
        self.fields.text(self.name, value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), ShapeError> {
        self.fields.text(self.name, value)
    }

    fn serialize_none(self) -> Result<(), ShapeError> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), ShapeError> {
        value.serialize(self)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), ShapeError> {
        not_flat()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), ShapeError> {
        self.fields.text(self.name, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), ShapeError> {
        value.serialize(self)
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, ShapeError> {
        not_flat()
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, ShapeError> {
        not_flat()
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleStruct, ShapeError> {
        not_flat()
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, ShapeError> {
        not_flat()
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStruct, ShapeError> {
        not_flat()
    }
}
