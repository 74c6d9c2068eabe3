//! From the time at which a message should have been sent to the time at which a waiting consumer
//! has it: an open loop of sends, and long polls on every queue.

use std::thread;

use crate::measure::{Outcome, Tally, Watch, Window};
use crate::pull::{PullWork, follow};
use crate::send::{SendWork, join};
use crate::wire::u64_at;

/// Both sides of the run.
#[derive(Debug, Clone)]
pub(crate) struct EndToEndWork {
    pub(crate) send: SendWork,
}

impl EndToEndWork {
    pub(crate) fn name(&self) -> String {
        format!("end to end, {}", self.send.name())
    }

    pub(crate) fn run(&self) -> anyhow::Result<Outcome> {
        let send = &self.send;
        let window = Window::new(send.warm_up, send.length);
        let topic = send.topics.first().cloned().unwrap_or_default();
        let pull = PullWork {
            address: send.address,
            topic,
            queues: send.queues,
            messages_max: 32,
            tag: None,
            passes: 1,
            server: None,
        };
        let mut threads = Vec::new();
        for queue in 0..send.queues {
            let pull = pull.clone();
            threads.push(thread::spawn(move || read(&pull, queue, window)));
        }
        let sender = {
            let send = send.clone();
            thread::spawn(move || send.run_in(window))
        };
        window.sleep_until(window.from_ns);
        let watch = Watch::start(send.server)?;
        window.sleep_until(window.to_ns);
        let watched = watch.stop()?;
        let sent = sender
            .join()
            .map_err(|_| anyhow::anyhow!("the sender panicked"))??;
        let mut tally = join(threads)?;
        tally.refused = sent.refused;
        Ok(watched.outcome(self.name(), &tally))
    }
}

fn read(pull: &PullWork, queue: u32, window: Window) -> anyhow::Result<Tally> {
    let mut tally = Tally::new()?;
    follow(pull, queue, window, |body, now_ns| {
        if let Some(due_ns) = u64_at(body, 0).filter(|_| window.contains(now_ns)) {
            tally.messages += 1;
            tally.body_bytes += body.len() as u64;
            tally.record(now_ns.saturating_sub(due_ns));
        }
    })?;
    Ok(tally)
}
