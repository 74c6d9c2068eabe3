//! The command line of `ferrocket store` and `ferrocket preflight`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Output;

/// Which store, and what it was written with.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// storePathRootDir: the directory that has commitlog, consumequeue and config
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// broker.conf with the sizes and paths of the store [default: broker.conf in DIR or beside it]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Tables and sentences for people, or one JSON object a line for scripts
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Preflight {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Read the whole log for damage, however long it is [default: up to 4 GiB]
    #[arg(long)]
    pub(crate) full: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Store {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Queues with their first and last messages; segments and files with flags
    #[command(after_help = "\
Bytes are bytes on the disk, sparse files counted at their length. Times are local.
Exit codes: 0 listed, 2 the store cannot be read.

Examples:
  ferrocket store ls /data/rmq/store
  ferrocket store ls /data/rmq/store --topic Orders
  ferrocket store ls /data/rmq/store --segments --index --files
  ferrocket store ls /data/rmq/store --output json | jq 'select(.messages > 0)'")]
    Ls(Ls),
    /// Print messages by topic, queue, offset, time or position
    #[command(after_help = "\
Exit codes: 0 printed, also when no message is of that time; 2 there is no such topic, queue or
record, or the store cannot be read.

Examples:
  ferrocket store dump DIR --topic Orders --limit 10
  ferrocket store dump DIR --topic Orders --queue 3 --offset 1200 --limit 5
  ferrocket store dump DIR --from '2026-11-24 10:00' --to '2026-11-24 10:05'
  ferrocket store dump DIR --at 1073741824 --verbose
  ferrocket store dump DIR --output json | jq -r .body")]
    Dump(Dump),
    /// Check every record, queue entry and index entry
    #[command(after_help = "\
Exit codes: 0 nothing found, 1 faults found (one line each), 2 the store cannot be read.

Examples:
  ferrocket store verify /data/rmq/store
  ferrocket store verify /data/rmq/store --fast     last segment and ends of queues only")]
    Verify(Verify),
    /// Find messages by key, tag, property or text
    #[command(after_help = "\
PATTERN is looked for in keys, tags, properties and bodies (inflated when compressed); --in narrows
that down. With --exact it must be the whole key, tag, property value or body.
Exit codes: 0 found, 1 nothing found, 2 the store cannot be read.

Examples:
  ferrocket store grep DIR order-10086
  ferrocket store grep DIR order-10086 --in key --exact --topic Orders
  ferrocket store grep DIR 'user=42' --in body --from '2026-11-24' --output json")]
    Grep(Grep),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only queues of this topic
    #[arg(short, long, value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
    /// Segments of the commit log
    #[arg(long)]
    pub(crate) segments: bool,
    /// Index files
    #[arg(long)]
    pub(crate) index: bool,
    /// Files of config/, check point, abort and lock
    #[arg(long)]
    pub(crate) files: bool,
}

/// How bodies are shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum BodyForm {
    /// Text where it is text, else hexadecimal
    #[default]
    Auto,
    Hex,
    /// Only how long it is
    Length,
}

/// Which messages.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Which {
    /// Only messages of this topic
    #[arg(short, long, value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
    /// Only messages of this queue of the topic
    #[arg(short, long, value_name = "N", requires = "topic")]
    pub(crate) queue: Option<i32>,
    /// Stored at or after: local time (2026-11-24 10:00:00), or milliseconds since 1970
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Stored at or before
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Stop after so many messages
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Dump {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) which: Which,
    /// Begin at this offset of the queue
    #[arg(long, value_name = "OFFSET", requires = "queue")]
    pub(crate) offset: Option<i64>,
    /// The record at this position of the commit log
    #[arg(long, value_name = "PHY", conflicts_with_all = ["topic", "from", "to", "offset"])]
    pub(crate) at: Option<i64>,
    /// Every field of a message, on lines of its own
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// How bodies are shown
    #[arg(long, value_name = "FORM", default_value = "auto")]
    pub(crate) body: BodyForm,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only the last segment, the ends of queues and the headers of the index
    #[arg(long)]
    pub(crate) fast: bool,
}

/// Where a pattern is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Field {
    /// Keys and the unique key
    Key,
    Tag,
    /// Values of all properties
    Property,
    Body,
}

#[derive(Debug, Args)]
pub(crate) struct Grep {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Plain text, no regular expression; capitals count
    #[arg(value_name = "PATTERN")]
    pub(crate) pattern: String,
    /// Look only here; may be repeated
    #[arg(long = "in", value_name = "FIELD")]
    pub(crate) fields: Vec<Field>,
    /// The whole of it must be PATTERN
    #[arg(long)]
    pub(crate) exact: bool,
    #[command(flatten)]
    pub(crate) which: Which,
    /// How bodies are shown
    #[arg(long, value_name = "FORM", default_value = "auto")]
    pub(crate) body: BodyForm,
}
