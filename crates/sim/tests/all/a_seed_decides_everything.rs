//! The same seed gives the same run, so that one number replays a failure.

use ferrocket_sim::store;

#[test]
fn of_a_run() {
    for seed in [1, 2, 3] {
        assert_eq!(store::run(seed).unwrap(), store::run(seed).unwrap());
    }
    assert_ne!(store::run(1).unwrap(), store::run(2).unwrap());
}
