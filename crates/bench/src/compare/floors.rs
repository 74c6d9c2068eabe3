//! What no broker can beat on this machine: our sockets and codecs with no broker behind, the disk
//! with no messages, the loopback with no protocol.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};

use super::{Scale, settle_disk, works};
use crate::compare::Servers;
use crate::measure::{Outcome, Tally, Window};
use crate::observed::Observed;
use crate::send::SendWork;
use crate::start::first_accepted_send;
use crate::{report, say};

/// The echo's answer is about as long as this.
const PING_BYTES: usize = 256;
/// Sizes of the writes that are synced.
const SYNCED: [(&str, usize); 2] = [("disk-1KiB", 1024), ("disk-64KiB", 64 * 1024)];

/// A measure of a floor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Floor {
    pub(crate) name: String,
    pub(crate) what: String,
    pub(crate) outcome_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) cpu_us_per_message: Option<f64>,
}

impl Floor {
    fn of(name: &str, what: &str, outcome: &Outcome) -> Self {
        Self {
            name: name.to_owned(),
            what: what.to_owned(),
            outcome_per_second: outcome.messages_per_second,
            p50_us: outcome.latency.map_or(0.0, |it| it.p50_us),
            p99_us: outcome.latency.map_or(0.0, |it| it.p99_us),
            cpu_us_per_message: outcome.server.as_ref().map(|it| it.cpu_us_per_message),
        }
    }
}

pub(super) fn measure(scale: &Scale, servers: &Servers) -> anyhow::Result<Vec<Floor>> {
    say("floors\n")?;
    let mut floors = echo(scale, servers)?;
    floors.push(ping_pong(scale)?);
    for (name, bytes) in SYNCED {
        settle_disk()?;
        floors.push(synced_writes(scale, servers, name, bytes)?);
    }
    say(&text(&floors))?;
    Ok(floors)
}

pub(super) fn text(floors: &[Floor]) -> String {
    let mut text = String::new();
    for floor in floors {
        let cpu = floor
            .cpu_us_per_message
            .map_or_else(String::new, |us| format!("   {us:.2} us of CPU each"));
        text += &format!(
            "{:<16} {:>10.0}/s   p50 {:.0} us   p99 {:.0} us{cpu}   {}\n",
            floor.name, floor.outcome_per_second, floor.p50_us, floor.p99_us, floor.what
        );
    }
    text
}

/// Ends with the measurement, whatever becomes of it.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn echo(scale: &Scale, servers: &Servers) -> anyhow::Result<Vec<Floor>> {
    let address = servers.address();
    let program = std::env::current_exe().context("cannot find this program")?;
    let child = Command::new(program)
        .args(["echo", "--address", &address.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the echo")?;
    let pid = child.id();
    let _ended = Ended(child);
    first_accepted_send(address, Duration::from_secs(10))?;
    let send = SendWork {
        server: Some(Observed { pid, metrics: None }),
        ..works::send_to(scale, address, works::TOPIC)
    };
    let loads = [
        (
            "echo-1KiB-1",
            "echo of the same frames, 1 connection x 1 in flight",
            1,
            1,
            1024,
        ),
        (
            "echo-1KiB",
            "echo of the same frames, 16 x 64 in flight",
            16,
            64,
            1024,
        ),
        ("echo-128B", "the same with bodies of 128 B", 16, 64, 128),
    ];
    let mut floors = Vec::new();
    for (name, what, connections, in_flight, body_bytes) in loads {
        let outcome = SendWork {
            connections,
            in_flight,
            body_bytes,
            ..send.clone()
        }
        .run()?;
        say(&report::outcome(&outcome))?;
        floors.push(Floor::of(name, what, &outcome));
    }
    Ok(floors)
}

/// One thread on each side of a loopback connection, blocking.
fn ping_pong(scale: &Scale) -> anyhow::Result<Floor> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = listener.local_addr()?;
    let answering = thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut bytes = [0; PING_BYTES];
        while stream.read_exact(&mut bytes).is_ok() {
            stream.write_all(&bytes)?;
        }
        Ok(())
    });
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut bytes = [0; PING_BYTES];
    let outcome = repeat(scale.length, "ping-pong", || {
        stream.write_all(&bytes)?;
        Ok(stream.read_exact(&mut bytes)?)
    })?;
    drop(stream);
    answering
        .join()
        .map_err(|_| anyhow!("the ping panicked"))??;
    let what = "blocking ping-pong of 256 B over the loopback";
    Ok(Floor::of("ping-pong", what, &outcome))
}

/// Appends to a file whose blocks are there already, as a log's are, and syncs each time.
fn synced_writes(
    scale: &Scale,
    servers: &Servers,
    name: &str,
    bytes: usize,
) -> anyhow::Result<Floor> {
    const FILE_BYTES: u64 = 256 * 1024 * 1024;
    fs::create_dir_all(&servers.directory)?;
    let path = servers.directory.join("floor");
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)?;
    let zeros = vec![0; 1024 * 1024];
    for position in (0..FILE_BYTES).step_by(zeros.len()) {
        file.write_all_at(&zeros, position)?;
    }
    file.sync_all()?;
    let block = vec![0x5a; bytes];
    let mut position = 0;
    let outcome = repeat(scale.length, name, || {
        file.write_all_at(&block, position)?;
        position = (position + bytes as u64) % (FILE_BYTES - bytes as u64);
        Ok(file.sync_data()?)
    });
    fs::remove_file(&path)?;
    let what = format!("pwrite of {bytes} B and fdatasync, one after the other");
    Ok(Floor::of(name, &what, &outcome?))
}

fn repeat(
    length: Duration,
    name: &str,
    mut each: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let window = Window::new(Duration::ZERO, length);
    let (mut tally, since) = (Tally::new()?, Instant::now());
    let watch = crate::measure::Watch::start(None)?;
    while since.elapsed() < length {
        let from_ns = window.now_ns();
        each()?;
        tally.record(window.now_ns() - from_ns);
        tally.messages += 1;
    }
    Ok(watch.stop()?.outcome(name.to_owned(), &tally))
}
