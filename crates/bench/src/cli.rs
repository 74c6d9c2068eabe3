//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::compare::{self, Documents, Plan, Scale, Selection, Servers, Side};
use crate::e2e::EndToEndWork;
use crate::measure::Outcome;
use crate::observed::Observed;
use crate::process::AtRest;
use crate::pull::PullWork;
use crate::send::SendWork;
use crate::start::first_accepted_send;
use crate::store::{self, StorePlan};
use crate::{echo, report, say, topic};

/// Loads a RocketMQ broker and measures it.
#[derive(Debug, Parser)]
#[command(name = "ferrocket-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Mode,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Sends in a closed loop, or in an open one with --rate.
    Send(SendArgs),
    /// Reads everything that a topic holds.
    Pull(PullArgs),
    /// Sends at --rate and reads by long polling; the latency is from due time to arrival.
    E2e(SendArgs),
    /// Watches a server that nobody asks anything.
    Rest(RestArgs),
    /// Runs a command and measures the time until it accepts a send; then ends it.
    Start(StartArgs),
    /// Answers every request at once: the floor to compare a broker with.
    Echo(EchoArgs),
    /// Runs the same works against the Apache broker and ours in turns.
    Compare(CompareArgs),
    /// Makes documents of the result of `compare --json`.
    Report(ReportArgs),
    /// Measures what the store decides, for the Apache broker and ours: flushing, recovery, many
    /// queues, cold reads.
    Store(StoreArgs),
}

#[derive(Debug, Args)]
struct Target {
    /// The broker.
    #[arg(long, default_value = "127.0.0.1:10911")]
    address: SocketAddr,
    /// Created if need be; with --topics a number is added.
    #[arg(long, default_value = "bench")]
    topic: String,
    #[arg(long, default_value_t = 8)]
    queues: u32,
    /// The broker's process, to read its CPU time and memory.
    #[arg(long)]
    server_pid: Option<u32>,
    /// Where it serves `/metrics`, to print how long its stages took (`metricsExporterType=PROM`).
    #[arg(long, requires = "server_pid")]
    metrics: Option<SocketAddr>,
    /// Prints JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct SendArgs {
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value_t = 1)]
    topics: usize,
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Requests in flight on each connection; 1 with --connections 1 is a synchronous sender.
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    #[arg(long, default_value_t = 1024)]
    body_bytes: usize,
    /// Messages in one request.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Gives one request in so many the tag `hit`, all others `miss`; 0: no tags.
    #[arg(long, default_value_t = 0)]
    tag_every: u64,
    /// Messages per second over all connections; without it as fast as answers come.
    #[arg(long)]
    rate: Option<f64>,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[arg(long, default_value_t = 3)]
    warm_up_seconds: u64,
    /// Sends so many messages, however long it takes.
    #[arg(long)]
    messages: Option<u64>,
}

#[derive(Debug, Args)]
struct PullArgs {
    #[command(flatten)]
    target: Target,
    /// Messages of one answer at most.
    #[arg(long, default_value_t = 32)]
    messages_max: u32,
    #[arg(long)]
    tag: Option<String>,
}

#[derive(Debug, Args)]
struct RestArgs {
    #[arg(long)]
    server_pid: u32,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct StartArgs {
    /// The broker's address once it runs.
    #[arg(long, default_value = "127.0.0.1:10911")]
    address: SocketAddr,
    #[arg(long, default_value_t = 60)]
    limit_seconds: u64,
    /// The command, after `--`.
    #[arg(required = true, last = true)]
    command: Vec<String>,
}

#[derive(Debug, Args)]
struct EchoArgs {
    #[arg(long, default_value = "127.0.0.1:10911")]
    address: SocketAddr,
}

#[derive(Debug, Args)]
struct CompareArgs {
    /// Of the works in time; what takes minutes is measured once.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Length of each work in time.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Load before anything counts.
    #[arg(long, default_value_t = 10)]
    warm_up_seconds: u64,
    /// Messages to store and read back.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// Only these rows (P1 to P12), or works by name; `overload` asks for twice of what can be done.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these brokers.
    #[arg(long, value_enum, value_delimiter = ',')]
    sides: Vec<Side>,
    /// One round with a tenth of everything, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Also a run of so long with a steady load, in which memory must stay flat (P10).
    #[arg(long, default_value_t = 0)]
    soak_minutes: u64,
    /// Writes all results as JSON, for `report`.
    #[arg(long)]
    json: Option<PathBuf>,
    #[command(flatten)]
    servers: ServerArgs,
}

#[derive(Debug, Args)]
struct ReportArgs {
    /// What `compare --json` wrote.
    #[arg(long)]
    json: PathBuf,
    /// A document whose part between the lines `<!-- bench -->` and `<!-- /bench -->` becomes the
    /// tables; everything else of it stays.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// A chart of ratios.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Writes nothing; fails when a document is not what it would become.
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Args)]
struct StoreArgs {
    /// Only these rows.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<store::Row>,
    /// Only these brokers.
    #[arg(long, value_enum, value_delimiter = ',')]
    sides: Vec<Side>,
    /// Length of each work in time.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Load before anything counts.
    #[arg(long, default_value_t = 10)]
    warm_up_seconds: u64,
    /// `recovery`: bodies in the log.
    #[arg(long, default_value_t = 8)]
    log_gib: u64,
    /// `recovery`: queues that they go to.
    #[arg(long, default_value_t = 10_000)]
    log_queues: u32,
    /// `recovery`: of each message.
    #[arg(long, default_value_t = 16_384)]
    log_body_bytes: usize,
    /// `many-queues`: numbers of queues; above 10,000 in multiples of that.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 1_000_000])]
    many: Vec<u32>,
    /// `many-queues`: no more of the Apache broker, which maps a file for each
    /// (`vm.max_map_count`).
    #[arg(long, default_value_t = 100_000)]
    many_apache_max: u32,
    /// `cold-read`: messages that are read.
    #[arg(long, default_value_t = 1_000_000)]
    cold_messages: u64,
    /// `cold-read`: of each of them.
    #[arg(long, default_value_t = 4096)]
    cold_body_bytes: usize,
    /// `cold-read`: sends per second beside the read.
    #[arg(long, default_value_t = 2000.0)]
    rate: f64,
    /// Writes the table as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    #[command(flatten)]
    servers: ServerArgs,
}

/// Where both brokers come from.
#[derive(Debug, Args)]
struct ServerArgs {
    /// The folder with `start` and `stop` for Apache brokers.
    #[arg(long, default_value = "interop/apache")]
    launcher: PathBuf,
    #[arg(long, default_value = "5.5.0")]
    release: String,
    /// Heap of the Apache broker: its scripts ask for 8g, scaled to the machine here.
    #[arg(long, default_value = "2g")]
    heap: String,
    #[arg(long, default_value = "target/release/ferrocket")]
    ferrocket: PathBuf,
    /// Stores live below; the default is a folder for temporary files.
    #[arg(long)]
    directory: Option<PathBuf>,
    #[arg(long, default_value_t = 21290)]
    port: u16,
    /// A line for the broker.conf of both, KEY=VALUE.
    #[arg(long = "set")]
    settings: Vec<String>,
}

/// What `runbroker.sh` of the release sets besides the heap, without AlwaysPreTouch, which would
/// make the whole heap resident from the start.
const JVM: [&str; 9] = [
    "-XX:+UseG1GC",
    "-XX:G1HeapRegionSize=16m",
    "-XX:G1ReservePercent=25",
    "-XX:InitiatingHeapOccupancyPercent=30",
    "-XX:SoftRefLRUPolicyMSPerMB=0",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:-UseLargePages",
    "-XX:MaxDirectMemorySize=4g",
    "-server",
];

pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Mode::Send(args) => {
            let json = args.target.json;
            print_outcome(&args.work()?.run()?, json)
        }
        Mode::E2e(args) => {
            let json = args.target.json;
            let mut send = args.work()?;
            send.rate.get_or_insert(10_000.0);
            print_outcome(&EndToEndWork { send }.run()?, json)
        }
        Mode::Pull(args) => {
            let outcome = PullWork {
                server: args.target.observed(),
                passes: 1,
                address: args.target.address,
                topic: args.target.topic,
                queues: args.target.queues,
                messages_max: args.messages_max,
                tag: args.tag,
            }
            .run()?;
            print_outcome(&outcome, args.target.json)
        }
        Mode::Rest(args) => {
            let rest = AtRest::measure(args.server_pid, Duration::from_secs(args.seconds))?;
            if args.json {
                print_json(&rest)
            } else {
                say(&report::at_rest(&rest))
            }
        }
        Mode::Start(args) => start(&args),
        Mode::Echo(args) => echo::run(args.address),
        Mode::Compare(args) => compare::run(&args.plan()),
        Mode::Report(args) => args.documents().write(),
        Mode::Store(args) => store::run(&args.plan()),
    }
}

impl Target {
    fn observed(&self) -> Option<Observed> {
        let metrics = self.metrics;
        self.server_pid.map(|pid| Observed { pid, metrics })
    }
}

impl SendArgs {
    /// The work, with its topics created.
    fn work(self) -> anyhow::Result<SendWork> {
        let server = self.target.observed();
        let Target {
            address,
            topic,
            queues,
            ..
        } = self.target;
        let topics: Vec<String> = match self.topics {
            0 | 1 => vec![topic],
            count => (0..count).map(|n| format!("{topic}_{n}")).collect(),
        };
        for name in &topics {
            topic::create(address, name, queues)?;
        }
        Ok(SendWork {
            address,
            topics,
            queues,
            connections: self.connections,
            in_flight: self.in_flight,
            body_bytes: self.body_bytes,
            batch: self.batch,
            tag_every: self.tag_every,
            rate: self.rate,
            warm_up: Duration::from_secs(self.warm_up_seconds),
            length: Duration::from_secs(self.seconds),
            messages: self.messages,
            server,
        })
    }
}

impl CompareArgs {
    fn plan(self) -> Plan {
        let scale = if self.quick {
            Scale::quick()
        } else {
            Scale {
                messages: self.messages,
                ..Scale::new(self.seconds, self.warm_up_seconds)
            }
        };
        let store = StorePlan {
            rows: Vec::new(),
            sides: self.sides,
            length: scale.length,
            warm_up: scale.warm_up,
            log_gib: if self.quick { 1 } else { 8 },
            log_queues: if self.quick { 1000 } else { 10_000 },
            log_body_bytes: 16_384,
            many: Vec::new(),
            many_apache_max: 0,
            cold_messages: scale.messages,
            cold_body_bytes: 4096,
            rate: scale.rate,
            servers: self.servers.servers(),
            json: self.json,
        };
        Plan {
            rounds: if self.quick { 1 } else { self.rounds },
            scale: Scale {
                soak: Duration::from_secs(60 * self.soak_minutes),
                ..scale
            },
            selection: Selection::new(self.only),
            store,
        }
    }
}

impl ReportArgs {
    fn documents(self) -> Documents {
        Documents {
            json: self.json,
            markdown: self.markdown,
            svg: self.svg,
            check: self.check,
        }
    }
}

impl StoreArgs {
    fn plan(self) -> StorePlan {
        StorePlan {
            rows: self.only,
            sides: self.sides,
            length: Duration::from_secs(self.seconds),
            warm_up: Duration::from_secs(self.warm_up_seconds),
            log_gib: self.log_gib,
            log_queues: self.log_queues,
            log_body_bytes: self.log_body_bytes.max(1),
            many: self.many,
            many_apache_max: self.many_apache_max,
            cold_messages: self.cold_messages,
            cold_body_bytes: self.cold_body_bytes,
            rate: self.rate,
            servers: self.servers.servers(),
            json: self.json,
        }
    }
}

impl ServerArgs {
    fn servers(self) -> Servers {
        let temporary =
            || std::env::temp_dir().join(format!("ferrocket-bench-{}", std::process::id()));
        Servers {
            launcher: self.launcher,
            release: self.release,
            heap: self.heap,
            jvm: JVM.map(str::to_owned).to_vec(),
            ferrocket: self.ferrocket,
            directory: self.directory.unwrap_or_else(temporary),
            port: self.port,
            settings: self.settings,
        }
    }
}

fn start(args: &StartArgs) -> anyhow::Result<()> {
    let (program, arguments) = args.command.split_first().context("no command after --")?;
    let since = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let accepted = first_accepted_send(args.address, Duration::from_secs(args.limit_seconds));
    let milliseconds = since.elapsed().as_secs_f64() * 1000.0;
    child.kill()?;
    child.wait()?;
    accepted?;
    say(&format!(
        "{milliseconds:.1} ms from exec to the first accepted send\n"
    ))
}

fn print_outcome(outcome: &Outcome, json: bool) -> anyhow::Result<()> {
    if json {
        print_json(outcome)
    } else {
        say(&report::outcome(outcome))
    }
}

fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    say(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
