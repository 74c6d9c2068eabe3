//! Whatever the text is, it is answered.

use std::cell::Cell;

use ferrocket_filter::{EXPRESSION_BYTES_MAX, Expression};
use proptest::prelude::*;

use super::mutations;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        let _ = Expression::compile(&text);
    }

    #[test]
    fn words_in_any_order_are_answered(text in "(NOT|AND|OR|IN|IS|NULL|BETWEEN|CONTAINS|[a-z]|[0-9.]{1,3}|'|[-+<>=(),*/\n ]){0,60}") {
        let _ = Expression::compile(&text);
    }
}

#[test]
fn mutated_expressions_are_compiled_and_evaluated_or_refused() {
    for seed in 0..5_000 {
        let outcome = mutations::case(seed).outcome;
        assert!(
            ["true", "false", "null", "throws", "refused"].contains(&outcome.as_str()),
            "{seed}"
        );
    }
}

#[test]
fn an_operand_of_between_is_made_and_evaluated_once() {
    // Each level stands between the bounds of the next. More than a few would never end if a level
    // were there twice.
    for levels in [1, 12, 49] {
        for between in ["BETWEEN", "NOT BETWEEN"] {
            let text = format!(
                "{}a{} {between} 1 AND 2",
                "-(".repeat(levels),
                format!(" {between} 1 AND 2)").repeat(levels)
            );
            let expression = Expression::compile(&text).unwrap();
            let asked = Cell::new(0);
            let property = |_: &str| {
                asked.set(asked.get() + 1);
                Some("1")
            };
            assert_eq!(expression.evaluate(property), Ok(None));
            assert_eq!(asked.get(), 1, "{text}");
        }
    }
}

#[test]
fn the_longest_chains_and_deepest_nests_fit_on_a_stack() {
    let property = |_: &str| Some("1");
    for (start, repeated) in [
        ("a = 1", " OR a = 2"),
        ("a = 1", " AND a = 1"),
        ("a", " = 1"),
        ("a", " IS NULL"),
        ("a", " CONTAINS 'x'"),
        ("", "NOT "),
        ("", "- "),
        ("", "("),
        ("", "a = ("),
        ("", "NOT(-"),
        ("", "-("),
        ("a", " BETWEEN 1 AND 2"),
        ("a IN ('1'", ",'1'"),
        ("'", "''"),
        ("", "/* "),
    ] {
        let times = (EXPRESSION_BYTES_MAX - 10) / repeated.len();
        let text = format!("{start}{}", repeated.repeat(times));
        if let Ok(expression) = Expression::compile(&text) {
            let _ = expression.evaluate(property);
            drop(expression.clone());
        }
        let closed = format!("{text} a = 1 {}", ")".repeat(5));
        let _ = Expression::compile(&closed);
    }
}
