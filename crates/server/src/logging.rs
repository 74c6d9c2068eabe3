//! Where log lines go: stderr, or a file that SIGHUP reopens after it was rotated away.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use parking_lot::{Mutex, MutexGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::failure::{EXIT_FAILED, Failure};

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// What the command line says about logs.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct LogOptions {
    /// What to log, as RUST_LOG: `info`, `debug`, `warn,ferrocket_broker=debug`
    #[arg(long, value_name = "FILTER", global = true, help_heading = "Logs")]
    pub(crate) log: Option<String>,
    /// Append log lines to this file instead of stderr; SIGHUP reopens it
    #[arg(long, value_name = "FILE", global = true, help_heading = "Logs")]
    pub(crate) log_file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FORMAT",
        global = true,
        help_heading = "Logs",
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,
}

/// The log file, if there is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logs {
    file: Option<Arc<LogFile>>,
}

#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl Logs {
    /// Starts logging for the rest of the process. `level` holds when neither `--log` nor RUST_LOG
    /// says otherwise.
    pub(crate) fn start(options: &LogOptions, level: &str) -> Result<Logs, Failure> {
        let filter = match &options.log {
            Some(text) => EnvFilter::try_new(text)
                .map_err(|error| Failure::new(EXIT_FAILED, format!("--log {text}: {error}")))?,
            None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level)),
        };
        let file = match &options.log_file {
            Some(path) => Some(Arc::new(LogFile::open(path).map_err(|error| {
                Failure::new(
                    EXIT_FAILED,
                    format!("cannot open the log file {}: {error}", path.display()),
                )
            })?)),
            None => None,
        };
        let ansi = file.is_none() && io::stderr().is_terminal();
        let writer = Destination { file: file.clone() };
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_target(false)
            .with_ansi(ansi)
            .with_writer(writer);
        // A second start in one process (tests) keeps the first one's.
        let _ = match options.log_format {
            LogFormat::Text => builder.try_init(),
            LogFormat::Json => builder.json().flatten_event(true).try_init(),
        };
        Ok(Logs { file })
    }

    /// Opens the log file anew, after a rotation has renamed it. False when there is none, or when
    /// the old one stays in use.
    pub(crate) fn reopen(&self) -> bool {
        let Some(file) = &self.file else { return false };
        match open(&file.path) {
            Ok(fresh) => {
                *file.file.lock() = fresh;
                true
            }
            Err(error) => {
                tracing::warn!(%error, path = %file.path.display(), "cannot reopen the log file, the old one stays in use");
                false
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl LogFile {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(open(path)?),
        })
    }
}

#[derive(Debug)]
struct Destination {
    file: Option<Arc<LogFile>>,
}

enum Line<'a> {
    Stderr(io::Stderr),
    File(MutexGuard<'a, File>),
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stderr(stderr) => stderr.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stderr(stderr) => stderr.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

impl<'a> MakeWriter<'a> for Destination {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        match &self.file {
            Some(file) => Line::File(file.file.lock()),
            None => Line::Stderr(io::stderr()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reopened_log_goes_on_in_a_new_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ferrocket.log");
        let file = Arc::new(LogFile::open(&path).unwrap());
        let destination = Destination {
            file: Some(file.clone()),
        };
        destination.make_writer().write_all(b"one\n").unwrap();
        std::fs::rename(&path, directory.path().join("old.log")).unwrap();
        assert!(Logs { file: Some(file) }.reopen());
        assert!(!Logs { file: None }.reopen());
        destination.make_writer().write_all(b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
    }
}
