//! Lines of expressions, messages and outcomes, for comparison with Java's (`interop/sql`).
//!
//! `expressions mutate SEED COUNT` makes some up, with our outcome; `expressions evaluate FILE` puts
//! our outcome into the lines of a file.

#![expect(clippy::print_stdout, reason = "prints its result")]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a tool for tests, which shares their code"
)]

#[path = "../tests/all/cases.rs"]
mod cases;
#[path = "../tests/all/mutations.rs"]
mod mutations;

use std::io::{BufWriter, Write as _};

use cases::Case;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    match words.as_slice() {
        ["mutate", seed, count] => {
            let (Ok(seed), Ok(count)) = (seed.parse::<u64>(), count.parse::<u64>()) else {
                println!("SEED and COUNT are numbers");
                std::process::exit(2);
            };
            for index in 0..count {
                // Far apart, so that seeds that follow each other have nothing in common.
                let case = mutations::case(seed.wrapping_mul(0x1_0000_0001).wrapping_add(index));
                writeln!(out, "{case}")?;
            }
        }
        ["evaluate", file] => {
            for line in std::fs::read_to_string(file)?.lines() {
                match Case::parse(line) {
                    Some(mut case) => {
                        case.outcome = case.ours().to_owned();
                        writeln!(out, "{case}")?;
                    }
                    None => writeln!(out, "{line}")?,
                }
            }
        }
        _ => {
            println!("expressions mutate SEED COUNT | evaluate FILE");
            std::process::exit(2);
        }
    }
    out.flush()
}
