//! `ferrocket quickstart`: everything on loopback, a demo in front of the user, then service.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrocket_client::{
    Client, ClientConfig, Listener, Message, Outcome, PushSettings, StartFrom, StoredMessage,
};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::client::{CLOSE_LIMIT, failed};
use crate::cli;
use crate::config::checks;
use crate::config::sources::{self, Given};
use crate::failure::{EXIT_FAILED, EXIT_USAGE, Failure};
use crate::logging::Logs;
use crate::roles::log_findings;
use crate::roles::run::{Play, Running, block_on, say};
use crate::roles::signals::{Signals, Stop};

const TOPIC: &str = "TopicTest";
const GROUP: &str = "quickstart_consumer";
const MESSAGES: usize = 3;
const NAMESRV_PORT: u16 = 9876;
const BROKER_PORT: u16 = 10911;
/// Ports tried when the usual one is taken.
const PORTS_TRIED_MAX: u16 = 50;
/// Segments of this size are quick to make and small to look at; `broker.conf` in the data
/// directory says so to later starts.
const SEGMENT_BYTES: u32 = 64 * 1024 * 1024;
const DEMO_LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn run(options: &cli::Quickstart, logs: Logs) -> Result<u8, Failure> {
    let started = Instant::now();
    let place = Place::new(options)?;
    let ports = Ports::choose(options)?;
    let play = place.play(&ports)?;
    let result = block_on(serve(options, play, &place, &ports, started, logs));
    place.leave();
    result
}

async fn serve(
    options: &cli::Quickstart,
    play: Play,
    place: &Place,
    ports: &Ports,
    started: Instant,
    logs: Logs,
) -> Result<u8, Failure> {
    let mut signals = Signals::listen(logs).map_err(|error| {
        Failure::new(EXIT_FAILED, format!("cannot listen for signals: {error}"))
    })?;
    let mut boot_line = say;
    // The streams keep a signal that comes meanwhile; a demo's store is open at once.
    let (_end, mut ending) = watch::channel(false);
    let running = Running::start(play, &mut boot_line, &mut ending).await?;
    // Only now are ports and directory known to be ours.
    if let Err(failure) = place.keep_config(ports) {
        running.stop().await?;
        return Err(failure);
    }
    say(&place.told());
    say("");
    let mut stop = None;
    let demo = tokio::select! {
        signal = signals.stop() => {
            stop = Some(signal);
            None
        }
        demo = demo(ports.namesrv) => Some(demo),
    };
    let ended = match demo {
        Some(Ok(())) => {
            say(&format!(
                "\n{MESSAGES} messages sent and received, {:.2} s after the start.",
                started.elapsed().as_secs_f64()
            ));
            if !options.exit {
                say(&how_to_connect(ports, place));
                stop = Some(signals.stop().await);
            }
            Ok(0)
        }
        Some(Err(failure)) => Err(failure),
        None => Ok(0),
    };
    signals.force_on_next(stop.unwrap_or(Stop::Term));
    running.stop().await?;
    ended
}

/// Sends a few messages and receives them, with the client that any Rust program would use.
async fn demo(namesrv_port: u16) -> Result<(), Failure> {
    let name_server = format!("127.0.0.1:{namesrv_port}");
    let client = Client::start(ClientConfig::new([name_server])).map_err(|error| failed(&error))?;
    let producer = client
        .producer("quickstart_producer")
        .map_err(|error| failed(&error))?;
    let mut expected = Vec::new();
    for number in 1..=MESSAGES {
        let body = format!("Hello from Ferrocket, message {number}");
        let message = Message::new(TOPIC, body.clone()).tag("quickstart");
        let receipt = producer
            .send(&message)
            .await
            .map_err(|error| failed(&error))?;
        say(&format!(
            "sent      {body:<34} {TOPIC} queue {} at {}  {}",
            receipt.queue.queue_id, receipt.queue_offset, receipt.status
        ));
        expected.push(receipt.message_id);
    }
    let receiver = Receiver {
        expected: Arc::new(Mutex::new(expected)),
        done: Arc::default(),
    };
    let (done, missing) = (Arc::clone(&receiver.done), Arc::clone(&receiver.expected));
    let mut settings = PushSettings::new(GROUP).subscribe(TOPIC, "quickstart");
    settings.start_from = StartFrom::Earliest;
    let consumer = client
        .push_consumer(settings, receiver)
        .await
        .map_err(|error| failed(&error))?;
    let all = tokio::time::timeout(DEMO_LIMIT, done.notified()).await;
    consumer.shutdown(CLOSE_LIMIT).await;
    drop(producer);
    client.close(CLOSE_LIMIT).await;
    all.map_err(|_| {
        let count = missing.lock().len();
        Failure::new(EXIT_FAILED, format!("{count} of {MESSAGES} messages did not come back in {DEMO_LIMIT:?}; run again with --log debug"))
    })
}

struct Receiver {
    /// Ids of messages that are still to come.
    expected: Arc<Mutex<Vec<String>>>,
    done: Arc<Notify>,
}

impl Listener for Receiver {
    async fn consume(&self, messages: &[StoredMessage]) -> Outcome {
        for message in messages {
            let mut expected = self.expected.lock();
            let before = expected.len();
            let id = message.message_id();
            expected.retain(|wanted| *wanted != id);
            if expected.len() == before {
                continue; // of an earlier run
            }
            let body = String::from_utf8_lossy(&message.body);
            let (queue, at) = (message.queue_id, message.queue_offset);
            say(&format!(
                "received  {body:<34} {TOPIC} queue {queue} at {at}"
            ));
            if expected.is_empty() {
                self.done.notify_one();
            }
        }
        Outcome::Ack
    }
}

/// The directory of the messages.
struct Place {
    directory: PathBuf,
    temporary: bool,
}

impl Place {
    fn new(options: &cli::Quickstart) -> Result<Self, Failure> {
        let (directory, temporary) = match &options.data {
            Some(directory) => (directory.clone(), false),
            None if options.exit => {
                let name = format!("ferrocket-quickstart-{}", std::process::id());
                (std::env::temp_dir().join(name), true)
            }
            None => (PathBuf::from("ferrocket-data"), false),
        };
        std::fs::create_dir_all(&directory)
            .and_then(|()| std::fs::canonicalize(&directory))
            .map(|directory| Self {
                directory,
                temporary,
            })
            .map_err(|error| {
                Failure::new(
                    EXIT_FAILED,
                    format!(
                        "cannot create {}: {error}; choose another place with --data",
                        directory.display()
                    ),
                )
            })
    }

    fn told(&self) -> String {
        let end = if self.temporary {
            "thrown away at the end"
        } else {
            "delete it to start afresh"
        };
        format!("Messages are kept in {}; {end}.", self.directory.display())
    }

    /// Both configurations, everything below the directory and on loopback.
    fn play(&self, ports: &Ports) -> Result<Play, Failure> {
        let below = |name: &str| self.directory.join(name);
        let mut given = Given::default();
        given.flag("bindAddress", Some("127.0.0.1".to_owned()), "quickstart");
        given.flag("listenPort", Some(ports.namesrv.to_string()), "quickstart");
        given.flag(
            "kvConfigPath",
            text(&below("namesrv/kvConfig.json")),
            "quickstart",
        );
        let mut namesrv = sources::namesrv(&given)?;
        namesrv.ambient(
            "configStorePath",
            below("namesrv/namesrv.properties").display().to_string(),
        );

        let config = self.config();
        let is_kept = config.exists();
        let mut given = Given {
            file: is_kept.then_some(config.as_path()),
            ..Given::default()
        };
        for (key, value, is_place) in self.broker_keys(ports) {
            if is_place || !is_kept {
                given.flag(key, Some(value), "quickstart");
            }
        }
        let mut broker = sources::broker(&given)?;
        broker.forget("namesrvAddr");
        checks::broker(&mut broker)?;
        log_findings(&broker);
        Ok(Play {
            namesrv: Some(namesrv),
            broker: Some((broker, config)),
        })
    }

    fn config(&self) -> PathBuf {
        self.directory.join("broker.conf")
    }

    /// The keys of a fresh `broker.conf`; those marked hold whatever a kept one says.
    fn broker_keys(&self, ports: &Ports) -> [(&'static str, String, bool); 6] {
        [
            ("brokerName", "quickstart".to_owned(), false),
            ("brokerIP1", "127.0.0.1".to_owned(), true),
            ("bindAddress", "127.0.0.1".to_owned(), true),
            ("listenPort", ports.broker.to_string(), true),
            (
                "storePathRootDir",
                self.directory.display().to_string(),
                true,
            ),
            ("mappedFileSizeCommitLog", SEGMENT_BYTES.to_string(), false),
        ]
    }

    /// Writes a `broker.conf` with which `ferrocket server` goes on later, unless there is one.
    fn keep_config(&self, ports: &Ports) -> Result<(), Failure> {
        let mut content = String::from(
            "# Written by ferrocket quickstart; any key of RocketMQ's broker.conf may be added.\n",
        );
        for (key, value, _) in self.broker_keys(ports) {
            content.push_str(&crate::config::properties::line_of(key, &value));
        }
        let path = self.config();
        let written = OpenOptions::new().write(true).create_new(true).open(&path);
        match written.and_then(|mut file| file.write_all(content.as_bytes())) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Failure::new(
                EXIT_FAILED,
                format!(
                    "cannot write {}: {error}; choose another place with --data",
                    path.display()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Only what this process made.
    fn leave(&self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.directory)
        {
            tracing::warn!(%error, directory = %self.directory.display(), "cannot remove the temporary directory");
        }
    }
}

fn text(path: &Path) -> Option<String> {
    Some(path.display().to_string())
}

struct Ports {
    namesrv: u16,
    broker: u16,
}

impl Ports {
    /// A port that was asked for is taken or refused later; a usual one gives way to a free one.
    fn choose(options: &cli::Quickstart) -> Result<Self, Failure> {
        let namesrv = match options.namesrv_port {
            Some(port) => port,
            None => free("name server", NAMESRV_PORT, &[0])?,
        };
        let broker = match options.broker_port {
            Some(port) => port,
            None => free("broker", BROKER_PORT, &[0, 2])?,
        };
        Ok(Self { namesrv, broker })
    }
}

/// The first free port from `usual` upwards, in steps of ten; `below` are distances to ports under
/// it that must be free too.
fn free(what: &str, usual: u16, below: &[u16]) -> Result<u16, Failure> {
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let chosen = (0..PORTS_TRIED_MAX)
        .map(|step| usual + 10 * step)
        .find(|port| below.iter().all(|distance| is_free(port - distance)));
    let chosen = chosen.ok_or_else(|| {
        Failure::new(
            EXIT_USAGE,
            format!("no free port for the {what} from {usual} upwards; give --namesrv-port and --broker-port"),
        )
    })?;
    if chosen != usual {
        say(&format!(
            "Port {usual} is taken, the {what} listens on {chosen}."
        ));
    }
    Ok(chosen)
}

fn how_to_connect(ports: &Ports, place: &Place) -> String {
    let address = format!("127.0.0.1:{}", ports.namesrv);
    let config = place.config();
    let config = config.display();
    let namesrv = if ports.namesrv == NAMESRV_PORT {
        String::new()
    } else {
        format!(" -n {address}")
    };
    format!(
        "
Connect with any RocketMQ client, name server {address}:

  here     ferrocket produce -t {TOPIC} -m hello{namesrv}
           ferrocket consume -t {TOPIC} --from first{namesrv}

  Java     DefaultMQProducer producer = new DefaultMQProducer(\"my_group\");
           producer.setNamesrvAddr(\"{address}\");
           producer.start();
           producer.send(new Message(\"{TOPIC}\", \"hello\".getBytes()));

  Go       p, _ := rocketmq.NewProducer(producer.WithNameServer([]string{{\"{address}\"}}))
           p.Start()
           p.SendSync(context.Background(), primitive.NewMessage(\"{TOPIC}\", []byte(\"hello\")))

  Python   producer = Producer(\"my_group\")          # pip install rocketmq-client-python
           producer.set_name_server_address(\"{address}\")
           producer.start()

Start it again later:  ferrocket server -c {config}{port}
Serving. Stop with Ctrl-C.",
        port = if ports.namesrv == NAMESRV_PORT {
            String::new()
        } else {
            format!(" --namesrv-port {}", ports.namesrv)
        },
    )
}
