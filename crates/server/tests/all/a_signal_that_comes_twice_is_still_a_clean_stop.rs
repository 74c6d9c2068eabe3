use rustix::process::Signal;

use crate::support::Cluster;

#[test]
fn a_signal_that_comes_twice_is_still_a_clean_stop() {
    let cluster = Cluster::new();
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = cluster.start(&[]);
        // As GNU timeout does it: to the process and at once to its group.
        server.signal(signal);
        server.signal(signal);
        let status = server.wait();
        assert!(status.success(), "{status}: {:#?}", server.lines());
        assert!(!cluster.store().join("abort").exists());
    }
}
