//! Processes, ports and directories of the tests.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use ferrocket_client::{Client, ClientConfig};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Long enough for a debug build on a busy machine; nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The binary under test.
pub(crate) const FERROCKET: &str = env!("CARGO_BIN_EXE_ferrocket");

/// A port with a free one two below it, taken by no other test of this process.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    loop {
        let port = start + NEXT.fetch_add(10, Ordering::Relaxed) % 2_000;
        let is_free = |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
        if is_free(port) && is_free(port - 2) {
            return port;
        }
    }
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    command(Path::new(FERROCKET), arguments).output().unwrap()
}

/// A command with an environment of its own: nothing of the tester's is read or written.
pub(crate) fn command(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_remove("NAMESRV_ADDR")
        .env_remove("ROCKETMQ_HOME");
    command
        .env_remove("RUST_LOG")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null());
    command
}

#[derive(Default)]
struct Lines {
    all: Mutex<(Vec<String>, usize)>,
    grown: Condvar,
}

/// A running process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    lines: Arc<Lines>,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Lines::default());
        lines.all.lock().unwrap().1 = 2;
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        collect(stdout, Arc::clone(&lines));
        collect(stderr, Arc::clone(&lines));
        Self { child, lines }
    }

    /// Waits for a line of stdout or stderr that contains `text`.
    pub(crate) fn line_with(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut all = self.lines.all.lock().unwrap();
        loop {
            if let Some(line) = all.0.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                all.1 > 0 && !left.is_zero(),
                "no line with {text:?} in {:#?}",
                all.0
            );
            all = self.lines.grown.wait_timeout(all, left).unwrap().0;
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.all.lock().unwrap().0.clone()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    pub(crate) fn resident_bytes(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.pid())).unwrap();
        text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stream: impl std::io::Read + Send + 'static, lines: Arc<Lines>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.all.lock().unwrap().0.push(line);
            lines.grown.notify_all();
        }
        lines.all.lock().unwrap().1 -= 1;
        lines.grown.notify_all();
    });
}

/// A directory and ports, and a server on them that can be started again and again.
pub(crate) struct Cluster {
    pub(crate) directory: TempDir,
    pub(crate) namesrv_port: u16,
    pub(crate) broker_port: u16,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            namesrv_port: free_port(),
            broker_port: free_port(),
        }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    pub(crate) fn namesrv(&self) -> String {
        format!("127.0.0.1:{}", self.namesrv_port)
    }

    /// Name server and broker in one process, up when this returns.
    pub(crate) fn start(&self, set: &[&str]) -> Process {
        let ports = (self.namesrv_port.to_string(), self.broker_port.to_string());
        let store = self.store();
        let mut arguments = vec!["server", "--namesrv-port", &ports.0, "--port", &ports.1];
        arguments.extend(["--data", store.to_str().unwrap()]);
        for pair in ["brokerIP1=127.0.0.1", "mappedFileSizeCommitLog=16777216"] {
            arguments.extend(["--set", pair]);
        }
        for pair in set {
            arguments.extend(["--set", pair]);
        }
        let mut command = command(Path::new(FERROCKET), &arguments);
        command.env("HOME", self.directory.path());
        let process = Process::start(command);
        process.line_with("The broker[");
        process
    }

    /// Must be called within a runtime.
    pub(crate) fn client(&self) -> Client {
        Client::start(ClientConfig::new([self.namesrv()])).unwrap()
    }
}

/// Stdout and stderr of a finished process.
pub(crate) fn texts(output: &Output) -> (String, String) {
    (
        String::from_utf8(output.stdout.clone()).unwrap(),
        String::from_utf8(output.stderr.clone()).unwrap(),
    )
}
