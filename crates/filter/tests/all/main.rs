//! Behaviours of filter expressions, one a file.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "recordings are read from files, which the crate under test never does"
)]

mod cases;
mod errors_tell_where_and_what;
mod java_makes_the_same_of_every_expression;
mod mutations;
mod no_text_panics_or_grows_without_bound;
