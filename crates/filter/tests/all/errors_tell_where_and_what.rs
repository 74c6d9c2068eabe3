//! The texts that people get to see for an expression that does not compile.

use ferrocket_filter::{DEPTH_MAX, EXPRESSION_BYTES_MAX, Expression, ExpressionError, NODES_MAX};

fn error(expression: &str) -> String {
    Expression::compile(expression).unwrap_err().to_string()
}

#[test]
fn every_kind_has_a_place_and_a_remedy() {
    for (expression, text) in [
        (
            "",
            "line 1, column 1: found the end of the expression, expected a property, a value or (",
        ),
        (
            "a != 10",
            "line 1, column 3: no word begins with '!', quote texts with ' and write <> for unequal",
        ),
        (
            "a = 'x",
            "line 1, column 5: the text that begins here has no closing '",
        ),
        (
            "a = 1\n  /* b",
            "line 2, column 3: the comment that begins here has no closing */",
        ),
        (
            "a IN (10)",
            "line 1, column 7: found 10, expected a text in '",
        ),
        (
            "(a = 10",
            "line 1, column 8: found the end of the expression, expected an operator or ) for the ( that is open",
        ),
        (
            "a NOT = 1",
            "line 1, column 7: found =, expected BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH behind NOT",
        ),
        (
            "a > 9223372036854775808",
            "line 1, column 5: 9223372036854775808 is out of range, give whole numbers up to 9223372036854775807",
        ),
        (
            "\u{fc} = 'x' ",
            "line 1, column 1: no word begins with '\u{fc}', quote texts with ' and write <> for unequal",
        ),
        (
            "a = '\u{fc}' AND b > 'x'",
            "line 1, column 17: > does not take a text, give a property or a number",
        ),
        (
            "a = NULL",
            "line 1, column 1: an equation does not take NULL, give IS NULL or IS NOT NULL instead",
        ),
        (
            "a = 1 AND 5",
            "line 1, column 11: AND does not take a number, give a condition such as a = 1",
        ),
        (
            "a BETWEEN 15 AND 5",
            "line 1, column 11: BETWEEN 15 AND 5 can never be true, give the lower bound first",
        ),
    ] {
        assert_eq!(error(expression), text, "{expression}");
    }
}

#[test]
fn a_long_word_is_shown_shortened() {
    let text = error(&format!("a IN ({})", "x".repeat(5_000)));
    assert!(text.len() < 200, "{text}");
}

#[test]
fn length_and_depth_have_limits_that_are_told() {
    let long = "x".repeat(EXPRESSION_BYTES_MAX + 1);
    assert_eq!(
        Expression::compile(&long),
        Err(ExpressionError::TooLong { bytes: long.len() })
    );
    let nested = |levels: usize| format!("{}a = 1{}", "(".repeat(levels), ")".repeat(levels));
    assert!(Expression::compile(&nested(DEPTH_MAX)).is_ok());
    let deep = error(&nested(DEPTH_MAX + 1));
    assert!(deep.contains("more than 100 levels"), "{deep}");
    // Three for each equation, and the chain itself.
    let chained = |equations: usize| format!("a = 1{}", " OR a = 1".repeat(equations - 1));
    assert!(Expression::compile(&chained((NODES_MAX - 1) / 3)).is_ok());
    assert_eq!(
        error(&chained(NODES_MAX / 3 + 1)),
        "line 1, column 12290: more than 4096 properties, values and operators, put texts into one IN (...)"
    );
}
