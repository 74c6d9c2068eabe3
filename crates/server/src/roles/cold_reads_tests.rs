use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::ConnectionId;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
struct Remote {
    closed: AtomicBool,
}

impl Peer for Remote {
    fn id(&self) -> ConnectionId {
        ConnectionId(1)
    }
    fn remote(&self) -> SocketAddr {
        ([127, 0, 0, 1], 1).into()
    }
    fn local(&self) -> SocketAddr {
        ([127, 0, 0, 1], 2).into()
    }
    fn send(&self, _: Outbox) {}
    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
    fn is_open(&self) -> bool {
        !self.closed.load(Ordering::SeqCst)
    }
}

enum Task {
    Say,
    Panic,
    Wait(Receiver<()>),
}

struct Told {
    name: &'static str,
    task: Task,
    peer: Arc<dyn Peer>,
    said: Sender<String>,
}

impl Job for Told {
    fn peer(&self) -> &Arc<dyn Peer> {
        &self.peer
    }
    fn serve(self) {
        self.said.send(format!("{} served", self.name)).unwrap();
        match self.task {
            Task::Say => {}
            Task::Panic => panic!("as told"),
            Task::Wait(end) => drop(end.recv()),
        }
    }
    fn refuse(self) {
        self.said.send(format!("{} refused", self.name)).unwrap();
    }
}

struct World {
    pool: Pool<Told>,
    said: Sender<String>,
    heard: Receiver<String>,
}

impl World {
    fn new() -> Self {
        let (said, heard) = channel();
        Self {
            pool: Pool::default(),
            said,
            heard,
        }
    }

    fn submit(&self, name: &'static str, task: Task) -> Arc<Remote> {
        let peer = Arc::new(Remote::default());
        self.submit_for(name, task, &peer);
        peer
    }

    fn submit_for(&self, name: &'static str, task: Task, peer: &Arc<Remote>) {
        assert!(self.pool.submit(Told {
            name,
            task,
            peer: Arc::clone(peer) as _,
            said: self.said.clone(),
        }));
    }

    fn next(&self) -> String {
        self.heard.recv_timeout(PATIENCE).unwrap()
    }

    /// Occupies every thread; they go on when what is returned is dropped.
    fn occupy(&self) -> Vec<Sender<()>> {
        let occupied = (0..THREADS_MAX).map(|_| {
            let (end, wait) = channel();
            self.submit("long", Task::Wait(wait));
            assert_eq!(self.next(), "long served");
            end
        });
        occupied.collect()
    }
}

#[test]
fn a_job_that_panics_costs_its_own_peer_alone() {
    let world = World::new();
    let unlucky = world.submit("bad", Task::Panic);
    assert_eq!(world.next(), "bad served");
    let other = world.submit("good", Task::Say);
    assert_eq!(world.next(), "good served");
    assert!(world.pool.stop(PATIENCE), "no thread is left over");
    assert!(!unlucky.is_open() && other.is_open());
}

#[test]
fn a_stop_refuses_what_waits_and_does_not_wait_for_ever() {
    let world = World::new();
    let occupied = world.occupy();
    world.submit("waiting", Task::Say);
    assert!(!world.pool.stop(Duration::ZERO));
    assert_eq!(world.next(), "waiting refused");
    drop(occupied);
    assert!(world.pool.stop(PATIENCE));
    assert!(world.heard.try_recv().is_err());
}

#[test]
fn jobs_of_peers_that_are_gone_are_not_served() {
    let world = World::new();
    let occupied = world.occupy();
    let gone = world.submit("gone", Task::Say);
    gone.close();
    world.submit("here", Task::Say);
    drop(occupied);
    assert_eq!(world.next(), "here served");
    assert!(world.pool.stop(PATIENCE));
    assert!(world.heard.try_recv().is_err());
}
