//! Work on many items by many threads, with results in the items' order.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;

/// Threads to use: `wanted`, or as many as there are cores, but no more than items.
pub fn threads(wanted: Option<usize>, n_items: usize) -> usize {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    wanted.unwrap_or_else(cores).min(n_items).max(1)
}

/// Does `work` for the items `0..n_items` on `n_threads` threads, each with a state of its own from `start`, and
/// returns the results in the items' order: the same for any number of threads. `done` is called after each item.
///
/// # Errors
/// The first error by an item's number, of those that occurred; work that has not begun is then left undone.
pub fn map_in_order<S, T: Send>(
    n_items: usize,
    n_threads: usize,
    start: impl Fn() -> Result<S> + Sync,
    work: impl Fn(&mut S, usize) -> Result<T> + Sync,
    done: impl Fn() + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let results = Mutex::new(Vec::with_capacity(n_items));
    let keep = |item: usize, result: Result<T>| {
        if result.is_err() {
            failed.store(true, Ordering::Relaxed);
        }
        results.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((item, result));
    };
    let run = || {
        let mut state = match start() {
            Ok(state) => state,
            Err(error) => return keep(0, Err(error)),
        };
        while !failed.load(Ordering::Relaxed) {
            let item = next.fetch_add(1, Ordering::Relaxed);
            if item >= n_items {
                return;
            }
            keep(item, work(&mut state, item));
            done();
        }
    };
    thread::scope(|scope| {
        for _ in 1..n_threads {
            scope.spawn(run);
        }
        run();
    });
    let mut results = results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    results.sort_by_key(|(item, _)| *item);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items() {
        for n_threads in [1, 2, 7] {
            let squares = map_in_order(50, n_threads, || Ok(()), |(), item| Ok(item * item), || {}).unwrap();
            assert_eq!(squares, (0..50).map(|item| item * item).collect::<Vec<_>>());
        }
        assert!(map_in_order(0, 3, || Ok(()), |(), item| Ok(item), || {}).unwrap().is_empty());
    }

    #[test]
    fn an_error_ends_the_work() {
        let work = |_: &mut (), item: usize| if item == 3 { bail!("item {item}") } else { Ok(item) };
        assert_eq!(map_in_order(10, 2, || Ok(()), work, || {}).unwrap_err().to_string(), "item 3");
        let start = || -> Result<()> { bail!("no state") };
        assert_eq!(
            map_in_order(10, 2, start, |(), item| Ok(item), || {}).unwrap_err().to_string(),
            "no state"
        );
    }

    #[test]
    fn no_more_threads_than_items() {
        assert_eq!((threads(Some(8), 3), threads(Some(2), 3), threads(Some(4), 0)), (2 + 1, 2, 1));
        assert!(threads(None, 100) >= 1);
    }
}
