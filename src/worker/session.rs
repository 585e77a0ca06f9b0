//! What the worker holds: the loaded model, its compressed companion, pictures, and which requests run.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use pipeline::{Classifier, Graph, Preprocessing};
use vision::Preparer;
use web_sys::AbortController;

use super::browser::{PixelReader, Pixels};
use crate::bridge::{Failure, ModelFacts, RequestId};

/// Frames kept for calibration.
pub(super) const CALIBRATION_FRAMES: usize = 32;

/// All state of the worker.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(super) original: Option<Original>,
    pub(super) compressed: Option<Classifier>,
    pub(super) frames: RecentFrames,
    pub(super) built_in: Option<Vec<Pixels>>,
    pub(super) own: Vec<Pixels>,
    pub(super) reader: PixelReader,
    /// Which side runs first on the next frame.
    pub(super) compressed_first: bool,
    /// Counts models, so that long work notices that its model is gone.
    generation: u64,
    cancelled: HashSet<RequestId>,
    downloads: HashMap<RequestId, AbortController>,
}

/// The loaded model.
#[derive(Debug)]
pub(crate) struct Original {
    pub(super) graph: Arc<Graph>,
    pub(super) classifier: Classifier,
    pub(super) preparer: Preparer,
    /// The preparation that the file records or that was assumed.
    pub(super) recorded: Preprocessing,
    pub(super) facts: ModelFacts,
}

impl Session {
    /// Makes `original` the model; what belonged to the former one goes.
    pub(super) fn replace_original(&mut self, original: Original) {
        self.frames = RecentFrames::default();
        self.compressed = None;
        self.original = Some(original);
        self.generation += 1;
    }

    /// Names the present model.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Remembers that a request is to end. Unknown ids are harmless.
    pub(super) fn cancel(&mut self, id: RequestId) {
        self.cancelled.insert(id);
        if let Some(download) = self.downloads.get(&id) {
            download.abort();
        }
    }

    /// Lets [`Session::cancel`] end a download that waits for bytes.
    pub(super) fn on_cancel(&mut self, id: RequestId, download: AbortController) {
        self.downloads.insert(id, download);
    }

    /// The download is over.
    pub(super) fn forget_cancel(&mut self, id: RequestId) {
        self.downloads.remove(&id);
    }

    /// Fails once for a request that is to end.
    pub(super) fn check_cancelled(&mut self, id: RequestId) -> Result<(), Failure> {
        if self.cancelled.remove(&id) { Err(Failure::Cancelled) } else { Ok(()) }
    }

    /// Fails when the model that long work began with is no longer the present one.
    pub(super) fn check_generation(&self, generation: u64) -> Result<(), Failure> {
        if self.generation == generation { Ok(()) } else { Err(Failure::Cancelled) }
    }
}

/// The prepared frames seen last, spread over time so that they differ.
#[derive(Debug, Default)]
pub(crate) struct RecentFrames {
    tensors: VecDeque<Vec<f32>>,
    last_millis: f64,
}

/// Two kept frames are at least this far apart, milliseconds.
const FRAME_SPACING_MILLIS: f64 = 200.0;

impl RecentFrames {
    /// Keeps a copy of `tensor` unless the last kept one is too recent.
    pub(super) fn offer(&mut self, tensor: &[f32], now_millis: f64) {
        if !self.tensors.is_empty() && now_millis - self.last_millis < FRAME_SPACING_MILLIS {
            return;
        }
        self.last_millis = now_millis;
        let mut kept = match self.tensors.len() < CALIBRATION_FRAMES {
            true => Vec::new(),
            false => self.tensors.pop_front().unwrap_or_default(),
        };
        kept.clear();
        kept.extend_from_slice(tensor);
        self.tensors.push_back(kept);
    }

    /// Drops all, for a source that has changed.
    pub(super) fn clear(&mut self) {
        self.tensors.clear();
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Copies of all, oldest first.
    pub(super) fn tensors(&self) -> Vec<Vec<f32>> {
        self.tensors.iter().cloned().collect()
    }
}
