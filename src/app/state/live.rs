//! Answers to the last frames: what is on screen, what is counted, what is spoken.

use std::rc::Rc;

use super::FrameAnswer;
use crate::app::statistics::{Comparison, Comparisons, LatencyWindow, WARM_UP_FRAMES};
use crate::bridge::SideResult;

/// Words and numbers on screen change at most this often, milliseconds.
pub const SHOWN_MILLIS: f64 = 500.0;

/// Answers are read out at most this often, milliseconds.
const SPOKEN_MILLIS: f64 = 2000.0;

/// Both answers to one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The original's answer.
    pub original: SideResult,
    /// The compressed model's answer, where there is one.
    pub compressed: Option<SideResult>,
}

impl Pair {
    /// Both first answers name the same class; `None` without a compressed model or without classes.
    pub fn same(&self) -> Option<bool> {
        Some(self.original.top.first()?.class == self.compressed.as_ref()?.top.first()?.class)
    }
}

/// What is read out to those who do not see the page: class and probability of each side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spoken {
    /// The original's first answer.
    pub original: (u32, f32),
    /// The compressed model's first answer.
    pub compressed: (u32, f32),
}

/// Answers and windows over the last frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// The answers to the last frame; bars follow them.
    pub latest: Option<Rc<Pair>>,
    /// The answers that the words show.
    pub shown: Option<Rc<Pair>>,
    /// The answers that were read out last.
    pub spoken: Option<Spoken>,
    /// Frames still to be left out of the latency.
    pub warm_up_left: u32,
    /// Times of the original.
    pub latency_original: LatencyWindow,
    /// Times of the compressed model.
    pub latency_compressed: LatencyWindow,
    /// Same or different.
    pub comparisons: Comparisons,
    shown_at: f64,
    spoken_at: f64,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            latest: None,
            shown: None,
            spoken: None,
            warm_up_left: WARM_UP_FRAMES,
            latency_original: LatencyWindow::default(),
            latency_compressed: LatencyWindow::default(),
            comparisons: Comparisons::default(),
            shown_at: f64::NEG_INFINITY,
            spoken_at: f64::NEG_INFINITY,
        }
    }
}

impl Live {
    /// Another pair of models: nothing that was counted belongs to it. Answers on screen stay until the next frame.
    pub fn other_models(&mut self) {
        self.warm_up_left = WARM_UP_FRAMES;
        self.latency_original.clear();
        self.latency_compressed.clear();
        self.comparisons.clear();
        self.shown_at = f64::NEG_INFINITY;
    }

    /// Another source: answers are counted anew, times go on.
    pub fn other_source(&mut self) {
        self.comparisons.clear();
        self.shown_at = f64::NEG_INFINITY;
    }

    /// Takes in an answered frame; true where words and numbers are due to be renewed.
    ///
    /// `counted` is false for frames that belong to another pair of models or source, or that came while paused.
    pub fn take(&mut self, answer: FrameAnswer, counted: bool) -> bool {
        let Some(original) = answer.original else { return false };
        let pair = Rc::new(Pair { original, compressed: answer.compressed });
        if counted {
            self.count(&pair, answer.now, answer.hidden);
        }
        self.latest = Some(pair.clone());
        let due = answer.now - self.shown_at >= SHOWN_MILLIS;
        if due {
            self.shown = Some(pair.clone());
            self.shown_at = answer.now;
        }
        self.speak(&pair, answer.now);
        due
    }

    fn count(&mut self, pair: &Pair, now: f64, hidden: bool) {
        if let Some(same) = pair.same() {
            self.comparisons.push(Comparison { same, at: now });
        }
        if hidden {
            return;
        }
        if self.warm_up_left > 0 {
            self.warm_up_left -= 1;
            return;
        }
        self.latency_original.push(pair.original.millis);
        if let Some(compressed) = &pair.compressed {
            self.latency_compressed.push(compressed.millis);
        }
    }

    fn speak(&mut self, pair: &Pair, now: f64) {
        let first = |side: &SideResult| side.top.first().map(|top| (top.class, top.probability));
        let (Some(original), Some(compressed)) =
            (first(&pair.original), pair.compressed.as_ref().and_then(first))
        else {
            return;
        };
        let classes = |spoken: Spoken| (spoken.original.0, spoken.compressed.0);
        let new = Spoken { original, compressed };
        if self.spoken.map(classes) != Some(classes(new)) && now - self.spoken_at >= SPOKEN_MILLIS {
            self.spoken = Some(new);
            self.spoken_at = now;
        }
    }
}
