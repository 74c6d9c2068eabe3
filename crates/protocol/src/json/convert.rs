//! What fastjson makes of a scalar of one kind where another is meant.

use super::cursor::Scalar;

pub(super) fn integer_of(scalar: &Scalar<'_>) -> Option<i64> {
    match scalar {
        Scalar::Null => Some(0),
        Scalar::Bool(value) => Some(i64::from(*value)),
        Scalar::Number(text) => integer_of_text(text),
        Scalar::Text(text) => match text.trim() {
            "" | "null" => Some(0),
            text => integer_of_text(text),
        },
    }
}

/// An integer, or the whole part of a fraction.
pub(super) fn integer_of_text(text: &str) -> Option<i64> {
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    if !text.contains(['.', 'e', 'E']) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // Both bounds are exact as floating-point numbers.
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0)
        .contains(&value)
        .then_some(value as i64)
}

pub(super) fn boolean_of(scalar: &Scalar<'_>) -> Option<bool> {
    match scalar {
        Scalar::Null => Some(false),
        Scalar::Bool(value) => Some(*value),
        Scalar::Number(text) => integer_of_text(text).map(|value| value == 1),
        Scalar::Text(text) => {
            let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
            if is(&["true", "1", "y", "t", "yes"]) {
                Some(true)
            } else if is(&["false", "0", "n", "f", "no", "", "null"]) {
                Some(false)
            } else {
                None
            }
        }
    }
}
