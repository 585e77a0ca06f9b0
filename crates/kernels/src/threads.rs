//! Threads that share the work of one kernel: the only synchronisation of the crate.
//!
//! A kernel cuts its work into parts (`parts.rs`) and gives them to [`share`], which returns when all are done. Each
//! thread has a row of neighbouring parts; one that has done its own takes from the ends of others' rows. A helper that
//! comes late finds its row shorter or empty, so a sleeping or suspended one never holds up a kernel that it has no part
//! of.
//!
//! ```text
//! row of a thread = (threads that may take part, next part, end)     one atomic word each
//! caller:  write the job; left = parts; publish rows; take parts; wait for left = 0
//! helper:  take parts while there are any; watch its own row for a while; sleep until the next job
//! ```
//! A part is taken by one compare-and-exchange of the word, so it belongs to the job that the word describes. The job
//! cannot end before `left` is 0, so who holds a part may use it.
//!
//! Rows of their own have two reasons. Taking a part costs nothing while nobody else looks at the row; one counter for
//! all would travel between processors for every part, half a microsecond where they share no cache. And a thread works
//! on the same region of an image in one layer after the other, so most of what it reads lies in its own cache
//! (affinity scheduling: Markatos, LeBlanc 1994).
//!
//! Layers follow one another within microseconds, while waking a thread takes tens of them. That is why helpers watch
//! before they sleep, and why the caller does while others finish.

#![allow(unsafe_code, reason = "helpers use what the caller borrows; `share` returns when they are done")]

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::hint::spin_loop;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Threads that work together at most.
pub(crate) const MAX_THREADS: usize = 16;

/// How often a helper looks for work before it sleeps, and the caller for the end before it sleeps: 0.2 to 0.5 ms.
/// WebAssembly has no instruction that waits a moment, so a look is shorter there.
const LOOKS: usize = if cfg!(target_family = "wasm") { 200_000 } else { 10_000 };

/// How long the caller waits for a part that a helper has taken. Parts take milliseconds; a helper that needs longer has
/// died without a word.
const PATIENCE: Duration = Duration::from_secs(20);

/// The crew of this process, or of the browser's worker and its helpers.
static CREW: Crew = Crew::new();

thread_local! {
    static AT_MOST: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Threads that share a kernel's work if this thread calls it: 1 without helpers.
pub fn threads() -> usize {
    CREW.threads().min(AT_MOST.get())
}

/// Runs `work` with no more than `at_most` threads in each kernel that it calls. Results do not depend on it.
pub fn with_threads<R>(at_most: usize, work: impl FnOnce() -> R) -> R {
    /// Puts the former bound back, also after a panic.
    struct Former(usize);
    impl Drop for Former {
        fn drop(&mut self) {
            AT_MOST.set(self.0);
        }
    }
    let _former = Former(AT_MOST.replace(at_most.max(1)));
    work()
}

/// Starts helpers until `n` threads share each kernel's work, the caller included; returns how many do.
///
/// There is one crew for the whole process, it never shrinks, and it has at most 16 threads. Start it before plans are
/// made: the scratch that they ask for depends on it.
///
/// # Errors
/// The operating system's, and on a target without threads of its own: there, whoever makes threads lets them call
/// [`help`].
pub fn start_threads(n: usize) -> io::Result<usize> {
    // Who leaves must be the last who joined.
    let _joining = CREW.joining();
    while CREW.threads() < n.min(MAX_THREADS) {
        let Some(lane) = CREW.join() else { break };
        let helper = thread::Builder::new().name(format!("kernels-{lane}"));
        if let Err(error) = helper.spawn(move || CREW.help(lane)) {
            CREW.leave();
            return Err(error);
        }
    }
    Ok(CREW.threads())
}

/// Joins the crew and works for it, for ever. Returns at once if the crew is complete.
pub fn help() {
    let joining = CREW.joining();
    let lane = CREW.join();
    drop(joining);
    if let Some(lane) = lane {
        CREW.help(lane);
    }
}

/// Says that a helper has stopped in the middle of its work. The kernel that waits for it then panics instead of
/// waiting for ever.
pub fn report_lost_helper() {
    CREW.lose_helper();
}

/// Calls `work(part, lane)` for each of `n_parts` parts, on up to `lanes` threads at once, and returns when all are
/// done. A lane is the number of a thread, below `lanes`: no two calls with one lane overlap in time.
///
/// Parts run one after the other on the caller where there are no helpers, or where they are taken: by another caller,
/// or by the part that calls this.
pub(crate) fn share(lanes: usize, n_parts: usize, work: &(dyn Fn(usize, usize) + Sync)) {
    CREW.share(lanes, n_parts, work);
}

/// On its own cache line: helpers watch one while the others change.
#[repr(align(64))]
struct Line<T>(T);

type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

struct Crew {
    rows: [Line<AtomicU64>; MAX_THREADS],
    /// Parts of the job that are not done.
    left: Line<AtomicUsize>,
    /// Written while nobody holds a part.
    job: UnsafeCell<Option<*const Work<'static>>>,
    /// Written by whoever is [`Crew::joining`].
    helpers: AtomicUsize,
    joining: Mutex<()>,
    /// Whether somebody shares work.
    taken: AtomicBool,
    /// Helpers that sleep or are about to.
    sleepers: AtomicUsize,
    caller_sleeps: AtomicBool,
    helper_lost: AtomicBool,
    /// Helpers shall return.
    ended: AtomicBool,
    /// A helper's panic.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    bed: Mutex<()>,
    work_there: Condvar,
    work_done: Condvar,
}

// SAFETY: `job` is the only field that is not `Sync`. It is written by the one caller that has `taken` the crew while
// `left` is 0, and read by those who hold a part, of which there are none then.
unsafe impl Sync for Crew {}

/// Parts that a thread has before it, and how many threads may take them.
#[derive(Clone, Copy)]
struct Row {
    lanes: usize,
    next: usize,
    end: usize,
}

/// Bits of a part's number.
const PART_BITS: u32 = 24;

impl Row {
    const EMPTY: u64 = 0;

    fn pack(self) -> u64 {
        (self.lanes as u64) << (2 * PART_BITS) | (self.next as u64) << PART_BITS | self.end as u64
    }

    fn unpack(word: u64) -> Self {
        let bits = |first: u32| (word >> first) as usize & ((1 << PART_BITS) - 1);
        Self { lanes: bits(2 * PART_BITS), next: bits(PART_BITS), end: bits(0) }
    }

    /// The part that `lane` gets of the row of `owner`, and the row without it: the owner's first, others' last.
    fn take(self, owner: usize, lane: usize) -> Option<(usize, Self)> {
        if lane >= self.lanes || self.next >= self.end {
            return None;
        }
        Some(match owner == lane {
            true => (self.next, Self { next: self.next + 1, ..self }),
            false => (self.end - 1, Self { end: self.end - 1, ..self }),
        })
    }
}

impl Crew {
    const fn new() -> Self {
        Self {
            rows: [const { Line(AtomicU64::new(Row::EMPTY)) }; MAX_THREADS],
            left: Line(AtomicUsize::new(0)),
            job: UnsafeCell::new(None),
            helpers: AtomicUsize::new(0),
            joining: Mutex::new(()),
            taken: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            caller_sleeps: AtomicBool::new(false),
            helper_lost: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            panic: Mutex::new(None),
            bed: Mutex::new(()),
            work_there: Condvar::new(),
            work_done: Condvar::new(),
        }
    }

    fn threads(&self) -> usize {
        1 + self.helpers.load(Relaxed)
    }

    /// The right to change the number of helpers.
    fn joining(&self) -> MutexGuard<'_, ()> {
        self.joining.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new helper's lane.
    fn join(&self) -> Option<usize> {
        let more = |helpers: usize| (helpers + 1 < MAX_THREADS).then_some(helpers + 1);
        self.helpers.fetch_update(Relaxed, Relaxed, more).ok().map(|helpers| helpers + 1)
    }

    /// Undoes the last [`Crew::join`].
    fn leave(&self) {
        self.helpers.fetch_sub(1, Relaxed);
    }

    fn share(&self, lanes: usize, n_parts: usize, work: &Work<'_>) {
        let lanes = lanes.min(self.threads()).min(n_parts);
        if lanes < 2 || n_parts >> PART_BITS != 0 || self.taken.swap(true, Acquire) {
            return (0..n_parts).for_each(|part| work(part, 0));
        }
        // SAFETY: only the lifetime changes; the job is used by holders of parts, and this function does not return
        // or unwind before the last part is done (`Shared`).
        let job = unsafe { mem::transmute::<*const Work<'_>, *const Work<'static>>(work) };
        // SAFETY: `taken` is ours and `left` is 0, so nobody else reads or writes it.
        unsafe { *self.job.get() = Some(job) };
        self.left.0.store(n_parts, Relaxed);
        let shared = Shared(self);
        for (lane, row) in self.rows[..lanes].iter().enumerate() {
            let first = |lane: usize| lane * n_parts / lanes;
            row.0.store(Row { lanes, next: first(lane), end: first(lane + 1) }.pack(), SeqCst);
        }
        if self.sleepers.load(SeqCst) > 0 {
            drop(self.lock());
            self.work_there.notify_all();
        }
        let mut done = Done { crew: self, parts: 0 };
        while let Some(part) = self.take_any(0, lanes) {
            done.parts += 1;
            work(part, 0);
        }
        drop(done);
        drop(shared);
    }

    /// Takes a part of the own row, else of another's of the first `lanes`.
    fn take_any(&self, lane: usize, lanes: usize) -> Option<usize> {
        (0..lanes).find_map(|step| self.take((lane + step) % lanes, lane)).map(|(part, _)| part)
    }

    /// Takes a part of the row of `owner`, and says how many lanes its job has.
    fn take(&self, owner: usize, lane: usize) -> Option<(usize, usize)> {
        let row = &self.rows[owner].0;
        let mut word = row.load(Relaxed);
        loop {
            let (part, rest) = Row::unpack(word).take(owner, lane)?;
            match row.compare_exchange_weak(word, rest.pack(), Acquire, Relaxed) {
                Ok(_) => return Some((part, rest.lanes)),
                Err(now) => word = now,
            }
        }
    }

    /// A helper's life.
    fn help(&self, lane: usize) {
        let mut looks = 0;
        while !self.ended.load(Relaxed) {
            if let Some((part, lanes)) = self.take(lane, lane) {
                self.run(part, lane, lanes);
                looks = 0;
            } else if looks < LOOKS {
                looks += 1;
                spin_loop();
            } else {
                self.sleep(lane);
                looks = 0;
            }
        }
    }

    /// Runs a part that was taken, and all others of the job that can be had.
    fn run(&self, part: usize, lane: usize, lanes: usize) {
        let mut done = Done { crew: self, parts: 0 };
        let mut taken = Some(part);
        while let Some(part) = taken {
            done.parts += 1;
            // SAFETY: taking the part acquired what `share` wrote before it published the row, and nothing is written
            // before the part is done.
            let job = unsafe { *self.job.get() };
            // SAFETY: `share`, which borrows the work, waits for this part.
            if let Some(work) = job.map(|job| unsafe { &*job })
                && let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(part, lane)))
            {
                self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
            }
            taken = self.take_any(lane, lanes);
        }
    }

    /// Sleeps until there is work for this lane.
    ///
    /// The helper counts itself before it looks, the caller publishes before it counts: one of the two sees the other.
    fn sleep(&self, lane: usize) {
        let mut bed = self.lock();
        self.sleepers.fetch_add(1, SeqCst);
        while !self.ended.load(SeqCst)
            && Row::unpack(self.rows[lane].0.load(SeqCst)).take(lane, lane).is_none()
        {
            bed = self.work_there.wait(bed).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, SeqCst);
    }

    /// Waits until every part that was taken is done.
    fn wait(&self) {
        for _ in 0..LOOKS {
            if self.left.0.load(Acquire) == 0 {
                return;
            }
            spin_loop();
        }
        let mut bed = self.lock();
        self.caller_sleeps.store(true, SeqCst);
        while self.left.0.load(SeqCst) != 0 {
            // Unwinding would free what the other helpers still use.
            assert!(!self.helper_lost.load(SeqCst) || cfg!(panic = "unwind"), "a helper thread has stopped");
            let (woken, wait) =
                self.work_done.wait_timeout(bed, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            bed = woken;
            if wait.timed_out() {
                self.helper_lost.store(true, SeqCst);
            }
        }
        self.caller_sleeps.store(false, SeqCst);
    }

    fn lose_helper(&self) {
        self.helper_lost.store(true, SeqCst);
        drop(self.lock());
        self.work_done.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.bed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parts of a job that are done when this is dropped, also by a panic.
struct Done<'a> {
    crew: &'a Crew,
    parts: usize,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let crew = self.crew;
        if crew.left.0.fetch_sub(self.parts, SeqCst) == self.parts && crew.caller_sleeps.load(SeqCst) {
            drop(crew.lock());
            crew.work_done.notify_all();
        }
    }
}

/// A job that has ended when this is dropped, also by a panic: nobody uses it any more.
struct Shared<'a>(&'a Crew);

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        let crew = self.0;
        if thread::panicking() {
            for row in &crew.rows {
                let rest = Row::unpack(row.0.swap(Row::EMPTY, AcqRel));
                crew.left.0.fetch_sub(rest.end - rest.next, SeqCst);
            }
        }
        crew.wait();
        let panic = crew.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        crew.taken.store(false, Release);
        if let Some(panic) = panic.filter(|_| !thread::panicking()) {
            resume_unwind(panic);
        }
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests;
