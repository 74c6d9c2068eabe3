//! What the owner of a store lends while it is opened: threads, and an ear for how far it is.

use std::fmt::Debug;

use parking_lot::Mutex;

/// So many pieces of work, at least, are made of a long list, so that no thread is idle at its end.
const JOBS_MIN: usize = 256;

/// Items of one piece of work at most.
const ITEMS_PER_JOB_MAX: usize = 64;

/// The store itself starts no thread and has no clock.
pub trait Opening: Debug + Sync {
    /// Calls `job` once with each number below `jobs`, in any order and on any threads, and returns when
    /// all are done.
    fn each(&self, jobs: usize, job: &(dyn Fn(usize) + Sync));

    /// So many bytes of the log are read, of so many that there seem to be. Called every few mebibytes;
    /// may go back once when the log has to be read from further back.
    fn progress(&self, done_bytes: u64, total_bytes: u64);
}

/// One thing after the other, and nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Opening for Alone {
    fn each(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        (0..jobs).for_each(job);
    }

    fn progress(&self, _done_bytes: u64, _total_bytes: u64) {}
}

/// What `work` makes of every item, in their order whatever the threads did. After a failure no more
/// work is begun.
pub(crate) fn map<T: Sync, R: Send, E: Send>(
    opening: &dyn Opening,
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let per_job = (items.len() / JOBS_MIN).clamp(1, ITEMS_PER_JOB_MAX);
    let jobs = items.len().div_ceil(per_job);
    let done = Mutex::new(Ok(Vec::with_capacity(jobs)));
    opening.each(jobs, &|index| {
        let items = items.chunks(per_job).nth(index);
        let Some(items) = items.filter(|_| done.lock().is_ok()) else {
            return;
        };
        let made: Result<Vec<R>, E> = items.iter().map(&work).collect();
        match (made, &mut *done.lock()) {
            (Ok(made), Ok(done)) => done.push((index, made)),
            (Err(error), done) => *done = Err(error),
            (Ok(_), Err(_)) => {}
        }
    });
    let mut done = done.into_inner()?;
    done.sort_unstable_by_key(|(index, _)| *index);
    let mut all = Vec::with_capacity(items.len());
    done.into_iter().for_each(|(_, made)| all.extend(made));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins at the end.
    #[derive(Debug)]
    struct Backwards;

    impl Opening for Backwards {
        fn each(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
            (0..jobs).rev().for_each(job);
        }

        fn progress(&self, _done_bytes: u64, _total_bytes: u64) {}
    }

    #[test]
    fn results_are_in_order_and_an_error_ends_the_work() {
        for count in [0, 1, 255, 256, 1000, 100_000] {
            let items: Vec<usize> = (0..count).collect();
            let made = map::<_, _, ()>(&Backwards, &items, |item| Ok(item * 2)).unwrap();
            assert!(made.iter().copied().eq((0..count).map(|item| item * 2)));
        }
        let begun = Mutex::new(0);
        let failed = map::<_, (), _>(&Backwards, &[1, 2, 3, 4], |item| {
            *begun.lock() += 1;
            if *item == 3 { Err(*item) } else { Ok(()) }
        });
        assert_eq!((failed, *begun.lock()), (Err(3), 2));
    }
}
