//! Three-valued evaluation. `AND` and `OR` look at their operands from the left and stop at the first
//! that decides, so that an operand that cannot be evaluated matters only when it is reached.

use crate::error::EvaluationError;
use crate::tree::{Node, Order, Part};
use crate::value::{Value, are_equal, order};

/// The value of a node that is true, false or unknown.
pub(crate) fn evaluate<'m>(
    node: &Node,
    property: &impl Fn(&str) -> Option<&'m str>,
) -> Result<Option<bool>, EvaluationError> {
    Ok(match node {
        Node::And(operands) => chain(operands, false, property)?,
        Node::Or(operands) => chain(operands, true, property)?,
        Node::Not(operand) => evaluate(operand, property)?.map(|truth| !truth),
        Node::Truth(operand) => match value(operand, property)? {
            Value::Null => None,
            Value::Truth(truth) => Some(truth),
            _ => Some(false),
        },
        Node::Equal(left, right) => {
            let (left, right) = (value(left, property)?, value(right, property)?);
            match (left == Value::Null, right == Value::Null) {
                (true, true) => Some(true),
                (true, false) => None,
                (false, true) => Some(false),
                (false, false) => Some(are_equal(left, right)?),
            }
        }
        Node::Order(wanted, left, right) => {
            let left = value(left, property)?;
            holds(*wanted, left, right, property)?
        }
        Node::Between {
            of,
            low,
            high,
            negated,
        } => between(value(of, property)?, low, high, *negated, property)?,
        Node::In {
            property: name,
            texts,
            negated,
        } => property(name).map(|text| {
            let found = texts.binary_search_by(|known| (**known).cmp(text)).is_ok();
            found != *negated
        }),
        Node::Part {
            part,
            of,
            text,
            negated,
        } => {
            // Nothing has an empty part, and what is no text neither has nor lacks one.
            if text.is_empty() {
                return Ok(Some(false));
            }
            Some(match value(of, property)? {
                Value::Text(whole) => has_part(whole, *part, text) != *negated,
                _ => false,
            })
        }
        Node::Literal(_) | Node::Property(_) | Node::Negative(_) => match value(node, property)? {
            Value::Truth(truth) => Some(truth),
            _ => None,
        },
    })
}

/// Whether a value stands in an order to an operand, which is not looked at beside nothing.
fn holds<'m>(
    wanted: Order,
    left: Value<'_>,
    right: &Node,
    property: &impl Fn(&str) -> Option<&'m str>,
) -> Result<Option<bool>, EvaluationError> {
    if left == Value::Null {
        return Ok(None);
    }
    let right = value(right, property)?;
    if right == Value::Null {
        return Ok(None);
    }
    Ok(Some(
        order(left, right)?.is_some_and(|found| wanted.holds(found)),
    ))
}

/// `BETWEEN` as the two comparisons that `ComparisonExpression` makes of it, of a value that is
/// there already: within both bounds, or beyond either.
fn between<'m>(
    of: Value<'_>,
    low: &Node,
    high: &Node,
    negated: bool,
    property: &impl Fn(&str) -> Option<&'m str>,
) -> Result<Option<bool>, EvaluationError> {
    let (to_low, to_high) = if negated {
        (Order::Less, Order::Greater)
    } else {
        (Order::GreaterOrEqual, Order::LessOrEqual)
    };
    let beside_low = holds(to_low, of, low, property)?;
    if beside_low == Some(negated) {
        return Ok(beside_low);
    }
    let beside_high = holds(to_high, of, high, property)?;
    if beside_high == Some(negated) {
        return Ok(beside_high);
    }
    Ok(beside_low.and(beside_high))
}

/// Operands until one is `decisive`.
fn chain<'m>(
    operands: &[Node],
    decisive: bool,
    property: &impl Fn(&str) -> Option<&'m str>,
) -> Result<Option<bool>, EvaluationError> {
    let mut result = Some(!decisive);
    for operand in operands {
        match evaluate(operand, property)? {
            Some(truth) if truth == decisive => return Ok(Some(decisive)),
            Some(_) => {}
            None => result = None,
        }
    }
    Ok(result)
}

fn value<'v, 'm: 'v>(
    node: &'v Node,
    property: &impl Fn(&str) -> Option<&'m str>,
) -> Result<Value<'v>, EvaluationError> {
    Ok(match node {
        Node::Literal(literal) => literal.value(),
        Node::Property(name) => property(name).map_or(Value::Null, Value::Text),
        Node::Negative(operand) => match value(operand, property)? {
            Value::Integer(number) => Value::Integer(number.wrapping_neg()),
            Value::Long(number) => Value::Long(number.wrapping_neg()),
            Value::Double(number) => Value::Double(-number),
            _ => Value::Null,
        },
        _ => evaluate(node, property)?.map_or(Value::Null, Value::Truth),
    })
}

fn has_part(whole: &str, part: Part, text: &str) -> bool {
    match part {
        Part::Anywhere => memchr::memmem::find(whole.as_bytes(), text.as_bytes()).is_some(),
        Part::Start => whole.starts_with(text),
        Part::End => whole.ends_with(text),
    }
}
