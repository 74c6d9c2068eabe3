//! The message store over a simulated disk, against a model.
//!
//! A run has a few lives. In each the store starts on what the last life left, is compared with the
//! model, does some steps, and ends: by a clean stop, a kill (the page cache stays) or a power loss
//! (of what was not synced anything may be gone), perhaps in the middle of an operation or of the
//! start itself. Promises that are checked:
//!
//! - Nothing acknowledged is lost, altered, doubled or reordered: a kill takes nothing that was
//!   appended, a power loss nothing that was durable, and what a start found is durable.
//! - What was given up never comes back, and no offset goes back over a message that must be there.
//! - Readers see the queue of the model, with SYNC_FLUSH only what is durable; queries by key and
//!   searches by time find what they should.
//! - A failed write or sync poisons: nothing is acknowledged afterwards. Nothing else poisons.
//! - Two starts of the same disk find the same, also when the first lost power right after it.
//!
//! It does not model threads that run at the same instant; what others do between the disk operations
//! of a flush is modelled (`meanwhile`).

mod check;
mod ledger;
mod lives;
mod meanwhile;
mod plan;
mod reads;
mod steps;
mod violation;
mod world;

use std::collections::VecDeque;

use ferrocket_store::Planted;

pub use self::violation::Violation;
use self::world::World;

/// Events that a failure shows.
const EVENTS_SHOWN: usize = 2000;

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    pub messages: u64,
    pub starts: u64,
    pub power_losses: u64,
    pub faults: u64,
}

/// A broken promise, and how it came to it.
#[derive(Debug)]
pub struct Failure {
    pub seed: u64,
    /// The mistake that was planted.
    pub planted: Option<Planted>,
    pub violation: Violation,
    /// The last events, oldest first.
    pub events: VecDeque<String>,
}

impl Summary {
    /// Adds what another run did.
    pub fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.starts += other.starts;
        self.power_losses += other.power_losses;
        self.faults += other.faults;
    }
}

impl Failure {
    /// Of a run that panicked; the panic has told where.
    #[must_use]
    pub fn of_panic(seed: u64, planted: Option<Planted>) -> Self {
        Self {
            seed,
            planted,
            violation: Violation::new("a panic"),
            events: VecDeque::new(),
        }
    }
}

/// Runs one seed.
///
/// # Errors
/// The first promise that the store broke.
pub fn run(seed: u64) -> Result<Summary, Box<Failure>> {
    run_with(seed, None)
}

/// Runs one seed over a store that makes a mistake on purpose.
///
/// # Errors
/// The first promise that the store broke.
pub fn run_with(seed: u64, planted: Option<Planted>) -> Result<Summary, Box<Failure>> {
    let mut world = World::new(seed, planted, None);
    match lives::run(&mut world) {
        Ok(()) => Ok(world.summary),
        // Events cost time, so they are noted only when somebody will read them.
        Err(violation) => Err(Box::new(replay(seed, planted).unwrap_or(Failure {
            seed,
            planted,
            violation,
            events: VecDeque::new(),
        }))),
    }
}

/// The first seed from `start` on that fails as the mistake makes it fail, and that is fine without
/// it.
#[must_use]
pub fn find(planted: Planted, start: u64, seeds: u64) -> Option<Box<Failure>> {
    (start..start.saturating_add(seeds)).find_map(|seed| {
        let failure = run_with(seed, Some(planted)).err()?;
        let is_due_to_it = is_symptom(planted, &failure.violation) && run(seed).is_ok();
        is_due_to_it.then_some(failure)
    })
}

/// A mistake changes what is on the disk when power fails, so that something else may come to light
/// in a seed: what an index does wrong is seen by queries alone.
fn is_symptom(planted: Planted, violation: &Violation) -> bool {
    planted != Planted::IndexAhead || violation.what.contains("query")
}

/// Runs one seed and notes what happens.
#[must_use]
pub fn replay(seed: u64, planted: Option<Planted>) -> Option<Failure> {
    let mut world = World::new(seed, planted, Some(VecDeque::new()));
    let violation = lives::run(&mut world).err()?;
    Some(Failure {
        seed,
        planted,
        violation,
        events: world.take_events(),
    })
}
