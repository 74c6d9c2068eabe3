//! Values and how they meet (`ComparisonExpression#compare`).
//!
//! A text that meets a number becomes a number of the other's type, by the rules of Java's
//! `Integer#valueOf`, `Long#valueOf` and `Double#valueOf`.

use std::cmp::Ordering;

use crate::error::EvaluationError;

/// What an operand is for one message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'v> {
    /// Missing, or unknown.
    Null,
    Truth(bool),
    Integer(i32),
    Long(i64),
    Double(f64),
    Text(&'v str),
}

/// Whether two values, none of them null, are equal.
pub(crate) fn are_equal(left: Value<'_>, right: Value<'_>) -> Result<bool, EvaluationError> {
    if let (Value::Text(left), Value::Text(right)) = (left, right) {
        return Ok(left == right);
    }
    Ok(order(left, right)? == Some(Ordering::Equal))
}

/// The order of two values, none of them null; `None` for two that have none, such as a number and a
/// truth value.
pub(crate) fn order(
    left: Value<'_>,
    right: Value<'_>,
) -> Result<Option<Ordering>, EvaluationError> {
    use Value::{Double, Integer, Long, Text, Truth};
    let ordering = match (left, right) {
        (Text(left), Text(right)) => {
            let number = |text| double(text).ok_or(EvaluationError::TextOrder);
            order_doubles(number(left)?, number(right)?)
        }
        (Truth(left), Truth(right)) => left.cmp(&right),
        // Java casts the truth value to a text and fails.
        (Truth(_), Text(_)) => return Err(EvaluationError::TruthBeforeText),
        (Text(left), Truth(right)) => left.eq_ignore_ascii_case("true").cmp(&right),
        (Text(left), Integer(right)) => integer(left)?.cmp(&right),
        (Text(left), Long(right)) => long(left)?.cmp(&right),
        (Text(left), Double(right)) => order_doubles(double_of(left)?, right),
        (Integer(left), Text(right)) => left.cmp(&integer(right)?),
        (Long(left), Text(right)) => left.cmp(&long(right)?),
        (Double(left), Text(right)) => order_doubles(left, double_of(right)?),
        (Integer(left), Integer(right)) => left.cmp(&right),
        (Integer(left), Long(right)) => i64::from(left).cmp(&right),
        (Long(left), Integer(right)) => left.cmp(&i64::from(right)),
        (Long(left), Long(right)) => left.cmp(&right),
        (Double(left), Double(right)) => order_doubles(left, right),
        (Double(left), Integer(right)) => order_doubles(left, f64::from(right)),
        (Integer(left), Double(right)) => order_doubles(f64::from(left), right),
        (Double(left), Long(right)) => order_doubles(left, right as f64),
        (Long(left), Double(right)) => order_doubles(left as f64, right),
        (Truth(_), _) | (_, Truth(_)) | (Value::Null, _) | (_, Value::Null) => return Ok(None),
    };
    Ok(Some(ordering))
}

/// `Double#compareTo`: -0.0 is less than 0.0, and NaN is equal to itself and greater than the rest.
fn order_doubles(left: f64, right: f64) -> Ordering {
    match (left.is_nan(), right.is_nan()) {
        (false, false) => left.total_cmp(&right),
        (left, right) => left.cmp(&right),
    }
}

fn integer(text: &str) -> Result<i32, EvaluationError> {
    text.parse().map_err(|_| EvaluationError::NotANumber)
}

fn long(text: &str) -> Result<i64, EvaluationError> {
    text.parse().map_err(|_| EvaluationError::NotANumber)
}

fn double_of(text: &str) -> Result<f64, EvaluationError> {
    double(text).ok_or(EvaluationError::NotANumber)
}

/// `Double#valueOf`, but for hexadecimal forms, which are no numbers here.
fn double(text: &str) -> Option<f64> {
    let text = text.trim_matches(|letter| letter <= ' ');
    let (sign, magnitude) = match text.as_bytes().first()? {
        b'-' => (-1.0, text.get(1..)?),
        b'+' => (1.0, text.get(1..)?),
        _ => (1.0, text),
    };
    let number = match magnitude {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        _ => {
            let digits = magnitude.strip_suffix(['d', 'D', 'f', 'F']);
            let digits = digits.unwrap_or(magnitude);
            // Rust takes `inf` and `nan` too.
            if !digits.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.') {
                return None;
            }
            digits.parse::<f64>().ok()?
        }
    };
    Some(sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_doubles_by_java_s_rules() {
        for (text, number) in [
            ("1", 1.0),
            (" 1.5\t", 1.5),
            ("-.5e1", -5.0),
            ("+1.", 1.0),
            ("1d", 1.0),
            ("1e3F", 1000.0),
            ("-Infinity", f64::NEG_INFINITY),
            ("1e999", f64::INFINITY),
        ] {
            assert_eq!(double(text), Some(number), "{text}");
        }
        assert!(double("NaN").unwrap().is_nan());
        for text in [
            "", " ", "x", "inf", "nan", "infinity", ".", "1e", "--1", "1dd", "1 2", "1_0",
        ] {
            assert_eq!(double(text), None, "{text}");
        }
    }

    #[test]
    fn doubles_have_java_s_order() {
        assert_eq!(order_doubles(-0.0, 0.0), Ordering::Less);
        assert_eq!(order_doubles(f64::NAN, f64::INFINITY), Ordering::Greater);
        assert_eq!(order_doubles(-f64::NAN, f64::NAN), Ordering::Equal);
    }
}
