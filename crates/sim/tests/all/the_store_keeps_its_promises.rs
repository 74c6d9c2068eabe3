//! A fixed number of seeds; many more run with `cargo run --release -p ferrocket-sim -- store`.

use ferrocket_sim::store;

#[test]
fn on_a_disk_that_loses_power_and_fails() {
    for seed in 0..200 {
        if let Err(failure) = store::run(seed) {
            panic!(
                "seed {seed}: {}\n{}",
                failure.violation,
                Vec::from(failure.events).join("\n")
            );
        }
    }
}
