//! Starting and ending the two servers.

use std::fmt;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use crate::observed::Observed;
use crate::start::{age, first_accepted_send};

/// No broker takes longer to accept its first send, unless it has a large store to recover.
const START_TIMEOUT: Duration = Duration::from_secs(120);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// With a store that was filled before.
const LONG_TIMEOUT: Duration = Duration::from_secs(600);

/// From our main port to the one of our metrics.
const METRICS_PORT_STEP: u16 = 5;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
pub(crate) enum Side {
    Apache,
    Ferrocket,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Apache => "Apache",
            Self::Ferrocket => "Ferrocket",
        })
    }
}

/// Where the servers come from.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    /// The folder with the scripts `start` and `stop` for Apache brokers.
    pub(crate) launcher: PathBuf,
    pub(crate) release: String,
    /// Heap of the Apache broker, and its other options.
    pub(crate) heap: String,
    pub(crate) jvm: Vec<String>,
    /// Our binary.
    pub(crate) ferrocket: PathBuf,
    /// Stores and logs live below; emptied before each start.
    pub(crate) directory: PathBuf,
    pub(crate) port: u16,
    /// `KEY=VALUE` lines for the broker.conf of both.
    pub(crate) settings: Vec<String>,
}

/// A server that accepts sends.
#[derive(Debug)]
pub(crate) struct Running {
    side: Side,
    pub(crate) pid: u32,
    pub(crate) address: SocketAddr,
    pub(crate) exec: Instant,
    /// From exec.
    pub(crate) first_send: Duration,
    /// Ours is our child; the Apache broker belongs to its launcher.
    child: Option<Child>,
}

impl Running {
    pub(crate) fn observed(&self) -> Observed {
        let port = self.address.port() + METRICS_PORT_STEP;
        let metrics = SocketAddr::new(self.address.ip(), port);
        Observed {
            pid: self.pid,
            metrics: (self.side == Side::Ferrocket).then_some(metrics),
        }
    }
}

impl Drop for Running {
    /// No server outlives a failure of what it was started for.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Servers {
    /// The options that the Apache broker runs with.
    pub(crate) fn jvm_text(&self) -> String {
        format!("-Xms{0} -Xmx{0} {1}", self.heap, self.jvm.join(" "))
    }

    /// Starts with an empty store.
    pub(crate) fn start(&self, side: Side) -> anyhow::Result<Running> {
        self.remove(side)?;
        self.start_again(side, START_TIMEOUT)
    }

    /// Starts with the store of the last time, which may take long to recover.
    pub(crate) fn restart(&self, side: Side) -> anyhow::Result<Running> {
        self.start_again(side, LONG_TIMEOUT)
    }

    /// Removes everything that a server has written.
    pub(crate) fn remove(&self, side: Side) -> anyhow::Result<()> {
        let directory = self.directory_of(side);
        if directory.exists() {
            fs::remove_dir_all(&directory)
                .with_context(|| format!("cannot empty {}", directory.display()))?;
        }
        Ok(())
    }

    fn start_again(&self, side: Side, limit: Duration) -> anyhow::Result<Running> {
        let directory = self.directory_of(side);
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        match side {
            Side::Apache => self.start_apache(&directory, limit),
            Side::Ferrocket => self.start_ferrocket(&directory, limit),
        }
    }

    /// Ends a server and removes its store.
    pub(crate) fn stop(&self, running: Running) -> anyhow::Result<()> {
        let side = running.side;
        self.end(running, STOP_TIMEOUT)?;
        self.remove(side)
    }

    /// Ends a server that may have much to write, as its operator would; the store stays.
    pub(crate) fn stop_slowly(&self, running: Running) -> anyhow::Result<()> {
        self.end(running, LONG_TIMEOUT)
    }

    /// SIGKILL; the store stays.
    pub(crate) fn kill(&self, mut running: Running) -> anyhow::Result<()> {
        match running.child.take() {
            Some(mut child) => {
                child.kill()?;
                child.wait()?;
                Ok(())
            }
            None => self.stop_apache(running.side, &["--kill"]),
        }
    }

    /// Ends an Apache broker that a failure left behind; ours is a child that its failure ended.
    pub(crate) fn kill_leftover(&self, side: Side) -> anyhow::Result<()> {
        match side {
            Side::Apache if self.directory_of(side).exists() => self.stop_apache(side, &["--kill"]),
            Side::Apache | Side::Ferrocket => Ok(()),
        }
    }

    fn end(&self, mut running: Running, limit: Duration) -> anyhow::Result<()> {
        match running.child.take() {
            Some(child) => end(child, limit),
            None => self.stop_apache(running.side, &[]),
        }
    }

    fn stop_apache(&self, side: Side, how: &[&str]) -> anyhow::Result<()> {
        let stopped = Command::new(self.launcher.join("stop"))
            .args(how)
            .arg(self.directory_of(side))
            .status()?;
        ensure!(stopped.success(), "the Apache broker does not stop");
        Ok(())
    }

    /// Where a server has its store.
    pub(crate) fn store_of(&self, side: Side) -> PathBuf {
        self.directory_of(side).join("store")
    }

    pub(crate) fn directory_of(&self, side: Side) -> PathBuf {
        self.directory.join(side.to_string())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    fn start_apache(&self, directory: &Path, limit: Duration) -> anyhow::Result<Running> {
        let mut command = Command::new(self.launcher.join("start"));
        command.arg("broker").arg("--dir").arg(directory);
        command.args(["--port", &self.port.to_string(), "--release", &self.release]);
        command.args(["--xms", &self.heap, "--xmx", &self.heap]);
        command.args(["--wait", &limit.as_secs().to_string()]);
        for option in &self.jvm {
            command.args(["--jvm", option]);
        }
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        let launcher = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}/start", self.launcher.display()))?;
        let waiting = thread::spawn(move || launcher.wait_with_output());
        let address = self.address();
        let accepted = first_accepted_send(address, limit);
        let accepted_at = Instant::now();
        let output = waiting
            .join()
            .map_err(|_| anyhow::anyhow!("the launcher was lost"))??;
        ensure!(output.status.success(), "the Apache broker did not start");
        accepted?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let pid = printed
            .lines()
            .rev()
            .find_map(|line| digits(line).parse().ok());
        let pid: u32 = pid.with_context(|| format!("no process id in {printed:?}"))?;
        let age = age(pid)?;
        let first_send = age.saturating_sub(accepted_at.elapsed());
        let now = Instant::now();
        Ok(Running {
            side: Side::Apache,
            pid,
            address,
            exec: now.checked_sub(age).unwrap_or(now),
            first_send,
            child: None,
        })
    }

    fn start_ferrocket(&self, directory: &Path, limit: Duration) -> anyhow::Result<Running> {
        let configuration = directory.join("broker.conf");
        let mut text = format!(
            "listenPort={}\nbrokerIP1=127.0.0.1\nbrokerName=broker-a\n\
             brokerClusterName=DefaultCluster\nbrokerId=0\nstorePathRootDir={}\n\
             metricsExporterType=PROM\nmetricsPromExporterHost=127.0.0.1\n\
             metricsPromExporterPort={}\n",
            self.port,
            directory.join("store").display(),
            self.port + METRICS_PORT_STEP
        );
        for setting in &self.settings {
            text += setting;
            text.push('\n');
        }
        fs::write(&configuration, text)?;
        let log = File::create(directory.join("console.log"))?;
        let mut command = Command::new(&self.ferrocket);
        command
            .arg("broker")
            .arg("-c")
            .arg(&configuration)
            .env("HOME", directory);
        let since = Instant::now();
        let mut child = command
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", self.ferrocket.display()))?;
        let address = self.address();
        let accepted = first_accepted_send(address, limit);
        let first_send = since.elapsed();
        let pid = child.id();
        let console = || fs::read_to_string(directory.join("console.log")).unwrap_or_default();
        // Whoever has the port otherwise would be measured in its place.
        if let Some(status) = child.try_wait()? {
            bail!("it ended, {status}; its console says:\n{}", console());
        }
        if let Err(error) = accepted {
            end(child, STOP_TIMEOUT)?;
            bail!("{error}; its console says:\n{}", console());
        }
        Ok(Running {
            side: Side::Ferrocket,
            pid,
            address,
            exec: since,
            first_send,
            child: Some(child),
        })
    }
}

/// The launcher's output may hold a terminal's colour codes before the number.
fn digits(line: &str) -> &str {
    line.rsplit(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap_or_default()
}

/// SIGTERM, so that the end is measured like an operator's, then SIGKILL.
fn end(mut child: Child, limit: Duration) -> anyhow::Result<()> {
    let terminated = Command::new("kill").arg(child.id().to_string()).status()?;
    ensure!(terminated.success(), "cannot signal process {}", child.id());
    let since = Instant::now();
    while since.elapsed() < limit {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    bail!("the server did not end within {limit:?} of SIGTERM, it was killed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_id_is_found_behind_colour_codes() {
        assert_eq!(digits("\u{1b}[0m\u{1b}[0m4948"), "4948");
        assert_eq!(digits("4948"), "4948");
        assert_eq!(digits("no number"), "");
    }
}
