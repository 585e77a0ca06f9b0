use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use super::*;

/// Runs `test` with a crew of `n` threads, the caller included.
fn with_crew<R>(n: usize, test: impl FnOnce(&Crew) -> R) -> R {
    /// Lets the helpers go, also when the test fails.
    struct End<'a>(&'a Crew);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.ended.store(true, SeqCst);
            drop(self.0.lock());
            self.0.work_there.notify_all();
        }
    }
    let crew = Crew::new();
    thread::scope(|scope| {
        let _end = End(&crew);
        for _ in 1..n {
            let lane = crew.join().expect("tests have small crews");
            let crew = &crew;
            scope.spawn(move || crew.help(lane));
        }
        test(&crew)
    })
}

/// A place where `n` parts wait for one another.
struct Meeting(AtomicUsize);

impl Meeting {
    fn of(n: usize) -> Self {
        Self(AtomicUsize::new(n))
    }

    fn wait(&self) {
        self.0.fetch_sub(1, SeqCst);
        while self.0.load(SeqCst) > 0 {
            thread::yield_now();
        }
    }
}

#[test]
fn every_part_of_many_jobs_is_done_once_and_lanes_are_exclusive() {
    with_crew(3, |crew| {
        for job in 0..5_000 {
            let n_parts = job % 37;
            let done: Vec<AtomicU32> = (0..n_parts).map(|_| AtomicU32::new(0)).collect();
            let busy: [AtomicBool; 3] = Default::default();
            crew.share(3, n_parts, &|part, lane| {
                assert!(!busy[lane].swap(true, SeqCst), "lane {lane} is used twice at once");
                done[part].fetch_add(1, Relaxed);
                busy[lane].store(false, SeqCst);
            });
            assert!(done.iter().all(|count| count.load(Relaxed) == 1), "job {job}");
        }
    });
}

#[test]
fn threads_work_at_once_also_after_they_have_slept() {
    with_crew(3, |crew| {
        for _ in 0..3 {
            while crew.sleepers.load(SeqCst) < 2 {
                thread::sleep(Duration::from_millis(1));
            }
            let meeting = Meeting::of(3);
            crew.share(3, 3, &|_, _| meeting.wait());
        }
    });
}

#[test]
fn no_more_lanes_work_than_asked_for() {
    with_crew(4, |crew| {
        for lanes in 1..=4 {
            crew.share(lanes, 100, &|_, lane| assert!(lane < lanes));
        }
    });
}

#[test]
fn a_helpers_panic_reaches_the_caller_and_the_crew_goes_on() {
    with_crew(2, |crew| {
        for _ in 0..20 {
            let meeting = Meeting::of(2);
            let shared = catch_unwind(AssertUnwindSafe(|| {
                crew.share(2, 2, &|_, lane| {
                    meeting.wait();
                    assert!(lane == 0, "on purpose");
                });
            }));
            let panic = shared.expect_err("the helper has panicked");
            assert!(panic.downcast_ref::<&str>().is_some_and(|text| text.contains("on purpose")));
            let sum = AtomicUsize::new(0);
            crew.share(2, 10, &|part, _| {
                sum.fetch_add(part, Relaxed);
            });
            assert_eq!(sum.into_inner(), 45);
        }
    });
}

#[test]
fn a_callers_panic_waits_for_the_helpers_and_drops_the_rest() {
    with_crew(2, |crew| {
        let (meeting, helped, parts) = (Meeting::of(2), AtomicBool::new(false), AtomicUsize::new(0));
        let shared = catch_unwind(AssertUnwindSafe(|| {
            crew.share(2, 1000, &|_, lane| {
                if parts.fetch_add(1, SeqCst) < 2 {
                    meeting.wait();
                }
                assert!(lane == 1, "on purpose");
                thread::sleep(Duration::from_millis(5));
                helped.store(true, SeqCst);
            });
        }));
        assert!(shared.is_err() && helped.load(SeqCst));
        assert!(parts.load(SeqCst) < 1000);
        crew.share(2, 2, &|_, _| {});
    });
}

#[test]
fn a_part_that_shares_work_does_it_alone() {
    with_crew(3, |crew| {
        let inner = AtomicUsize::new(0);
        crew.share(3, 8, &|_, _| {
            let caller = thread::current().id();
            crew.share(3, 5, &|_, lane| {
                assert_eq!((thread::current().id(), lane), (caller, 0));
                inner.fetch_add(1, Relaxed);
            });
        });
        assert_eq!(inner.into_inner(), 40);
    });
}

#[test]
fn callers_at_the_same_time_do_not_mix() {
    with_crew(2, |crew| {
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for n_parts in 0..500 {
                        let sum = AtomicUsize::new(0);
                        crew.share(2, n_parts, &|part, _| {
                            sum.fetch_add(part + 1, Relaxed);
                        });
                        assert_eq!(sum.into_inner(), n_parts * (n_parts + 1) / 2);
                    }
                });
            }
        });
    });
}

#[test]
fn the_number_of_threads_is_bounded_while_asked_for() {
    let all = threads();
    assert_eq!(with_threads(1, || (threads(), with_threads(0, threads))), (1, 1));
    assert!(threads() >= all);
    assert!(catch_unwind(|| with_threads(1, || panic!("on purpose"))).is_err());
    assert_eq!(AT_MOST.get(), usize::MAX);
}

#[test]
fn a_crew_has_a_largest_size() {
    let crew = Crew::new();
    let lanes: Vec<usize> = std::iter::from_fn(|| crew.join()).collect();
    assert_eq!(lanes, (1..MAX_THREADS).collect::<Vec<_>>());
    crew.leave();
    assert_eq!(crew.join(), Some(MAX_THREADS - 1));
}
