//! The command line of `ferrocket`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) mod store;

use crate::logging::LogOptions;

/// RocketMQ in one small binary: name server, broker and command line.
#[derive(Debug, Parser)]
#[command(
    name = "ferrocket",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "\
First message in a minute:
  ferrocket quickstart                       name server and broker on this machine, with a demo
  ferrocket produce -t TopicTest -m hello    in another terminal
  ferrocket consume -t TopicTest --from first

For machines:
  ferrocket server -c broker.conf            name server and broker in one process
  ferrocket namesrv -c namesrv.conf          one role each, configured by RocketMQ's own files
  ferrocket broker -c broker.conf -n 10.0.0.1:9876

Called by the names mqnamesrv, mqbroker and mqshutdown (links to this binary) it takes the options
of the official scripts, prints their lines and ends with their exit codes."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) logs: LogOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start everything on this machine, send and receive a few messages, keep serving
    #[command(after_help = "\
Examples:
  ferrocket quickstart
  ferrocket quickstart --exit                stop after the demo
  ferrocket quickstart --data /tmp/ferro     keep the messages elsewhere")]
    Quickstart(Quickstart),
    /// Run name server and broker in one process
    #[command(after_help = "\
Examples:
  ferrocket server
  ferrocket server -c conf/broker.conf --set flushDiskType=SYNC_FLUSH
  ferrocket server -n 10.0.0.1:9876;10.0.0.2:9876   register at other name servers too")]
    Server(Server),
    /// Run a name server
    #[command(after_help = "\
Examples:
  ferrocket namesrv
  ferrocket namesrv -c conf/namesrv.conf --port 9877")]
    Namesrv(Namesrv),
    /// Run a broker
    #[command(after_help = "\
Examples:
  ferrocket broker -n 127.0.0.1:9876
  ferrocket broker -c conf/2m-noslave/broker-a.properties -n '10.0.0.1:9876;10.0.0.2:9876'
  ferrocket broker -n ns.example:9876 --set brokerIP1=203.0.113.7 --data /var/lib/ferrocket")]
    Broker(Broker),
    /// Send messages
    #[command(after_help = "\
Examples:
  ferrocket produce -t TopicTest -m hello
  ferrocket produce -t TopicTest -m order --count 10 --tag paid --key 42
  tail -f app.log | ferrocket produce -t Lines      one message per line of stdin")]
    Produce(Produce),
    /// Receive messages
    #[command(after_help = "\
Examples:
  ferrocket consume -t TopicTest                    messages sent from now on, until Ctrl-C
  ferrocket consume -t TopicTest --from first --count 10
  ferrocket consume -t TopicTest -g my-group --tag 'paid || sent' --output json")]
    Consume(Consume),
    /// Create, list and locate topics
    Topic(Topic),
    /// Say what starting on a store directory, Java's or ours, would do; changes nothing
    #[command(after_help = "\
The store is opened in memory over the files, which are only read; no lock is taken.

Exit codes:
  0  ready: starting loses and repairs nothing
  1  starting repairs or loses something; the report says what
  2  starting would fail, or something here is not served by Ferrocket; the report says what to do
  3  a broker runs on this directory: stop it first (store ls, dump, verify, grep work beside it)

Examples:
  ferrocket preflight /data/rmq/store -c /data/rmq/broker.conf
  ferrocket preflight /data/rmq/store --output json")]
    Preflight(store::Preflight),
    /// List, print, check and search the files of a store, Java's or ours, beside a running broker too
    Store(store::Store),
}

/// Where the name servers are.
#[derive(Debug, Clone, Args)]
pub(crate) struct NameServers {
    /// Name servers, separated by ';'
    #[arg(
        short = 'n',
        long = "namesrv",
        value_name = "HOST:PORT;…",
        env = "NAMESRV_ADDR",
        global = true,
        default_value = "127.0.0.1:9876"
    )]
    pub(crate) namesrv: String,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Output {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    /// Stop after the demo; the messages are thrown away
    #[arg(long)]
    pub(crate) exit: bool,
    /// Directory of the messages [default: ./ferrocket-data, with --exit a temporary one]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Port of the name server [default: 9876, or a free one if that is taken]
    #[arg(long, value_name = "PORT")]
    pub(crate) namesrv_port: Option<u16>,
    /// Port of the broker [default: 10911, or a free one if that is taken]
    #[arg(long, value_name = "PORT")]
    pub(crate) broker_port: Option<u16>,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Server {
    /// broker.conf: any key of the official distribution
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// namesrv.conf for the name server inside
    #[arg(long, value_name = "FILE")]
    pub(crate) namesrv_config: Option<PathBuf>,
    /// Further name servers to register at
    #[arg(short = 'n', long = "namesrv", value_name = "HOST:PORT;…")]
    pub(crate) namesrv: Option<String>,
    /// Port of the name server inside [default: 9876]
    #[arg(long, value_name = "PORT")]
    pub(crate) namesrv_port: Option<u16>,
    /// Port of the broker [default: 10911]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Directory of the messages [default: $HOME/store]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Any configuration key; wins over the file
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Namesrv {
    /// namesrv.conf: any key of the official distribution
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Port [default: 9876]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Any configuration key; wins over the file
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Broker {
    /// broker.conf: any key of the official distribution
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Name servers to register at, separated by ';' [env: NAMESRV_ADDR]
    #[arg(short = 'n', long = "namesrv", value_name = "HOST:PORT;…")]
    pub(crate) namesrv: Option<String>,
    /// Port [default: 10911]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Directory of the messages [default: $HOME/store]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Any configuration key; wins over the file
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Produce {
    #[arg(short, long, value_name = "TOPIC")]
    pub(crate) topic: String,
    /// Body of a message; may be repeated. Without it, each line of stdin is a message
    #[arg(short, long = "message", value_name = "BODY")]
    pub(crate) messages: Vec<String>,
    /// Send the given messages this often
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: u64,
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// A property of yours; may be repeated
    #[arg(long = "property", value_name = "NAME=VALUE")]
    pub(crate) properties: Vec<String>,
    #[arg(long, value_name = "GROUP", default_value = "ferrocket_cli_producer")]
    pub(crate) group: String,
    #[command(flatten)]
    pub(crate) name_servers: NameServers,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

/// Where a group without offsets begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum From {
    First,
    #[default]
    Last,
}

#[derive(Debug, Args)]
pub(crate) struct Consume {
    #[arg(short, long, value_name = "TOPIC")]
    pub(crate) topic: String,
    /// Consumer group, whose offsets are kept; without one every run looks on its own and leaves
    /// nothing behind
    #[arg(short, long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Tags, as 'a || b'
    #[arg(long, value_name = "EXPRESSION", default_value = "*")]
    pub(crate) tag: String,
    #[arg(long, value_name = "WHERE", default_value = "last")]
    pub(crate) from: From,
    /// Stop after so many messages
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Stop after so many seconds; exit code 1 if --count was not reached
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<f64>,
    #[command(flatten)]
    pub(crate) name_servers: NameServers,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Topic {
    #[command(subcommand)]
    pub(crate) command: TopicCommand,
    #[command(flatten)]
    pub(crate) name_servers: NameServers,
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub(crate) output: Output,
}

/// What brokers take.
const QUEUES_MAX: i64 = 65_535;

fn perm(text: &str) -> Result<i32, &'static str> {
    match text {
        "2" => Ok(2),
        "4" => Ok(4),
        "6" => Ok(6),
        _ => Err("give 6 (read and write), 4 (read) or 2 (write)"),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopicCommand {
    /// Create a topic, or change its queues, on every master of the cluster
    #[command(after_help = "Example:\n  ferrocket topic create Orders --queues 16")]
    Create {
        topic: String,
        #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=QUEUES_MAX))]
        queues: u32,
        /// 6 read and write, 4 read, 2 write
        #[arg(long, value_name = "PERM", default_value_t = 6, value_parser = perm)]
        perm: i32,
        /// Cluster whose masters get the topic [default: all]
        #[arg(long, value_name = "CLUSTER")]
        cluster: Option<String>,
    },
    /// Names of all topics
    List {
        /// Show the system's own topics and retry topics too
        #[arg(long)]
        all: bool,
    },
    /// Which brokers and queues a topic has
    Route { topic: String },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn topics_that_cannot_be_and_counts_of_nothing_are_refused() {
        for line in [
            "ferrocket topic create T --perm 9",
            "ferrocket topic create T --queues 0",
            "ferrocket topic create T --queues 999999",
            "ferrocket produce -t T -m x --count 0",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn the_examples_of_the_help_parse() {
        for line in [
            "ferrocket quickstart --exit",
            "ferrocket server -c conf/broker.conf --set flushDiskType=SYNC_FLUSH",
            "ferrocket namesrv -c conf/namesrv.conf --port 9877",
            "ferrocket broker -n ns:9876 --set brokerIP1=203.0.113.7 --data /var/lib/ferrocket",
            "ferrocket produce -t TopicTest -m order --count 10 --tag paid --key 42",
            "ferrocket consume -t TopicTest -g my-group --tag paid||sent --output json",
            "ferrocket topic create Orders --queues 16 --output json",
            "ferrocket topic route Orders -n 127.0.0.1:9876",
            "ferrocket preflight /data/rmq/store -c /data/rmq/broker.conf",
            "ferrocket store ls DIR --segments --index --files",
            "ferrocket store dump DIR --topic Orders --queue 3 --offset 1200 --limit 5",
            "ferrocket store dump DIR --at 1073741824 --verbose",
            "ferrocket store verify DIR --fast",
            "ferrocket store grep DIR order-10086 --in key --exact --topic Orders",
            "ferrocket broker --log debug --log-file /tmp/x --log-format json",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}
