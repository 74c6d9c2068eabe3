//! From exec to the first accepted send.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::template::{MessageShape, SendTemplate};
use crate::wire::{OPAQUE_BASE, connect};

/// The topic of the first send; brokers create it on the way.
const TOPIC: &str = "bench_start";
/// Between attempts: well under what is to be measured.
const PAUSE: Duration = Duration::from_millis(2);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);

/// Tries until a send is accepted.
pub(crate) fn first_accepted_send(address: SocketAddr, limit: Duration) -> anyhow::Result<()> {
    let shape = MessageShape {
        topic: TOPIC.to_owned(),
        queue: 0,
        body_bytes: 16,
        batch: 1,
        tag: None,
        sender: 1,
    };
    let mut request = Vec::new();
    SendTemplate::new(&shape, 0)?.append(&mut request, OPAQUE_BASE, 0, 0);
    let since = Instant::now();
    let mut last = String::from("it was never tried");
    while since.elapsed() < limit {
        match attempt(address, &request) {
            Ok(0) => return Ok(()),
            Ok(code) => last = format!("refused with code {code}"),
            Err(error) => last = error.to_string(),
        }
        thread::sleep(PAUSE);
    }
    bail!("no send accepted by {address} within {limit:?}: {last}")
}

fn attempt(address: SocketAddr, request: &[u8]) -> anyhow::Result<i32> {
    // A plain attempt first: most of them fail, and must do so quickly.
    drop(TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?);
    let (mut stream, mut inbox) = connect(address)?;
    stream.write_all(request)?;
    let mut code = None;
    while code.is_none() {
        inbox.receive(|answer| {
            code = Some(answer.code);
            Ok(())
        })?;
    }
    code.context("no answer")
}

/// The age of a process, which the kernel counts from its fork, in steps of 10 ms.
pub(crate) fn age(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("no process {pid}"))?;
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    // starttime is field 22, the state behind the command is field 3.
    let ticks: f64 = fields
        .split_whitespace()
        .nth(19)
        .and_then(|t| t.parse().ok())
        .context("no start time")?;
    let uptime = fs::read_to_string("/proc/uptime")?;
    let uptime: f64 = uptime
        .split_whitespace()
        .next()
        .and_then(|t| t.parse().ok())
        .context("no uptime")?;
    Ok(Duration::from_secs_f64((uptime - ticks / 100.0).max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_young() {
        let age = age(std::process::id()).unwrap();
        assert!(age < Duration::from_secs(3600), "{age:?}");
    }

    #[test]
    fn nobody_listening_is_said_with_the_last_reason() {
        let address = "127.0.0.1:1".parse().unwrap();
        let error = first_accepted_send(address, Duration::from_millis(20)).unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
