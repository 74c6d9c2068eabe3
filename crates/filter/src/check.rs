//! What an operator does not take, found while compiling (the `check…Operand` methods of
//! `ComparisonExpression`, and `UnaryExpression`).

use crate::error::ExpressionError;
use crate::lexer::Place;
use crate::tree::{Literal, Node};
use crate::value;

/// The operands of `=` and `<>`. Only a truth value on the left is minded beside another literal, as
/// in Java.
pub(crate) fn equal(left: &Node, right: &Node, at: Place<'_>) -> Result<(), ExpressionError> {
    let is_null = |node: &Node| matches!(node, Node::Literal(Literal::Null));
    let refused = |found, expected| {
        Err(ExpressionError::Operand {
            at: at.position(),
            operator: "an equation",
            found,
            expected,
        })
    };
    if is_null(left) || is_null(right) {
        return refused("NULL", "IS NULL or IS NOT NULL instead");
    }
    match (left, right) {
        (Node::Literal(Literal::Truth(_)), Node::Literal(literal))
            if !matches!(literal, Literal::Truth(_)) =>
        {
            refused(
                "TRUE or FALSE beside another kind of value",
                "values of one kind",
            )
        }
        _ => Ok(()),
    }
}

/// An operand of `>`, `>=`, `<`, `<=` and `BETWEEN`.
pub(crate) fn ordered(
    node: &Node,
    operator: &'static str,
    at: Place<'_>,
) -> Result<(), ExpressionError> {
    let found = match node {
        Node::Literal(Literal::Text(_)) => "a text",
        Node::Literal(Literal::Null) => "NULL",
        Node::Literal(Literal::Truth(_)) => "TRUE or FALSE",
        node if node.is_truth() => "a condition",
        _ => return Ok(()),
    };
    Err(ExpressionError::Operand {
        at: at.position(),
        operator,
        found,
        expected: "a property or a number",
    })
}

/// The bounds of `BETWEEN`, when both are known.
pub(crate) fn bounds(low: &Node, high: &Node, at: Place<'_>) -> Result<(), ExpressionError> {
    if let (Node::Literal(low), Node::Literal(high)) = (low, high)
        && let Ok(Some(order)) = value::order(low.value(), high.value())
        && order.is_gt()
    {
        return Err(ExpressionError::Bounds {
            at: at.position(),
            low: low.to_string(),
            high: high.to_string(),
        });
    }
    Ok(())
}

/// A node where true, false or unknown is wanted; a bare property becomes one.
pub(crate) fn truth(
    node: Node,
    operator: &'static str,
    at: Place<'_>,
) -> Result<Node, ExpressionError> {
    if node.is_truth() {
        return Ok(node);
    }
    let found = match node {
        Node::Property(_) => return Ok(Node::Truth(Box::new(node))),
        Node::Literal(Literal::Text(_)) => "a text",
        _ => "a number",
    };
    Err(ExpressionError::Operand {
        at: at.position(),
        operator,
        found,
        expected: "a condition such as a = 1",
    })
}
