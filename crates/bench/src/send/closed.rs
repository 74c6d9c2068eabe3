//! The closed loop: each answer makes room for the next request.

use std::io::Write;

use anyhow::Context;

use super::Share;
use crate::measure::Tally;
use crate::wire::OPAQUE_BASE;

/// One thread per connection: read what came, answer it with as many new requests in one write.
pub(super) fn run(mut share: Share) -> anyhow::Result<Tally> {
    let mut inbox = share.inbox.take().context("no socket to read from")?;
    let mut tally = Tally::new()?;
    let slots = share
        .work
        .in_flight
        .min(usize::try_from(share.quota).unwrap_or(usize::MAX));
    let mut sent_at = vec![0u64; slots];
    let mut sent = 0;
    // A refused request of a counted run is made up for by another.
    let mut left = share.quota;
    let mut out = Vec::new();
    let now_ns = share.window.now_ns();
    for (slot, at) in (0..).zip(&mut sent_at) {
        *at = now_ns;
        share.append(&mut out, OPAQUE_BASE + slot, sent, now_ns);
        sent += 1;
        left -= 1;
    }
    share.stream.write_all(&out)?;
    let mut answered = Vec::with_capacity(slots);
    let mut waiting = slots;
    while waiting > 0 {
        answered.clear();
        inbox.receive(|answer| {
            answered.push((answer.opaque, answer.code));
            Ok(())
        })?;
        let now_ns = share.window.now_ns();
        out.clear();
        for (opaque, code) in &answered {
            let slot = usize::try_from(opaque - OPAQUE_BASE)?;
            let at = sent_at
                .get_mut(slot)
                .context("an answer to a request never sent")?;
            let due_ns = std::mem::replace(at, now_ns);
            share.count(&mut tally, *code, due_ns, now_ns);
            left = left.saturating_add(u64::from(*code != 0));
            if left > 0 && now_ns < share.window.to_ns {
                share.append(&mut out, *opaque, sent, now_ns);
                sent += 1;
                left -= 1;
            } else {
                waiting -= 1;
            }
        }
        if !out.is_empty() {
            share.stream.write_all(&out)?;
        }
    }
    Ok(tally)
}
