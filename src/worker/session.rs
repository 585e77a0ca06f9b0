//! What the worker holds: the loaded model, its compressed companion, pictures, and which requests run.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use pipeline::{Classifier, Graph, Preprocessing};
use vision::{Frame, Preparer, View, VisionError};
use web_sys::AbortController;

use super::browser::{PixelReader, Pixels};
use super::heat::Heats;
use super::maps::ShownMaps;
use super::planes::PlaneReader;
use crate::bridge::{Failure, ModelFacts, RequestId};

/// Frames kept for calibration.
pub(super) const CALIBRATION_FRAMES: usize = 32;

/// All state of the worker.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(super) original: Option<Original>,
    pub(super) compressed: Option<Classifier>,
    /// What [`Self::compressed`] runs, to look into.
    pub(super) compressed_graph: Option<Arc<Graph>>,
    /// What runs in place of the original on the left side.
    pub(super) left: Option<Left>,
    /// Where both sides' first answers come from; made when first asked for.
    pub(super) heats: Option<Heats>,
    /// [`Original::tensor`] holds a frame.
    pub(super) frames_seen: bool,
    /// The layer whose channels were shown last.
    pub(super) shown_maps: Option<ShownMaps>,
    pub(super) frames: RecentFrames,
    pub(super) built_in: Option<Vec<Pixels>>,
    pub(super) own: Vec<Pixels>,
    pub(super) reader: PixelReader,
    /// Not here while a frame is copied.
    pub(super) planes: PlaneReader,
    /// Which side runs first on the next frame.
    pub(super) compressed_first: bool,
    /// Counts originals, so that long work notices that its model is gone.
    generation: u64,
    /// Counts changes of either model and of the own pictures, for work that depends on all of them.
    revision: u64,
    /// The load that was asked for last; older ones give up.
    latest_load: Option<RequestId>,
    cancelled: HashSet<RequestId>,
    downloads: HashMap<RequestId, AbortController>,
}

/// The loaded model.
#[derive(Debug)]
pub(crate) struct Original {
    pub(super) graph: Arc<Graph>,
    pub(super) classifier: Classifier,
    pub(super) preparer: Preparer,
    /// The last frame, prepared.
    pub(super) tensor: Vec<f32>,
    /// The preparation that the file records or that was assumed.
    pub(super) recorded: Preprocessing,
    pub(super) facts: ModelFacts,
}

/// A compressed model on the left side.
#[derive(Debug)]
pub(crate) struct Left {
    pub(super) graph: Arc<Graph>,
    pub(super) classifier: Classifier,
}

impl Original {
    /// What `view` sees of a picture, as the network takes it.
    pub(super) fn prepare(&mut self, pixels: &Pixels, view: &View) -> Result<Vec<f32>, VisionError> {
        let mut tensor = vec![0.0; self.preparer.tensor_len()];
        self.preparer.prepare(&pixels.picture()?, view, &mut tensor)?;
        Ok(tensor)
    }

    /// Prepares what `view` sees of a frame in [`Original::tensor`].
    pub(super) fn prepare_frame(&mut self, frame: &Frame<'_>, view: &View) -> Result<(), VisionError> {
        self.preparer.prepare_frame(frame, view, &mut self.tensor)
    }
}

impl Session {
    /// Makes `original` the model; what belonged to the former one goes.
    pub(super) fn replace_original(&mut self, original: Original) {
        self.frames = RecentFrames::default();
        self.compressed = None;
        self.compressed_graph = None;
        self.left = None;
        self.heats = None;
        self.shown_maps = None;
        self.frames_seen = false;
        self.original = Some(original);
        self.generation += 1;
        self.revision += 1;
    }

    /// Makes `compressed` the compressed model.
    pub(super) fn replace_compressed(&mut self, graph: Graph, compressed: Classifier) {
        self.compressed = Some(compressed);
        self.compressed_graph = Some(Arc::new(graph));
        self.revision += 1;
    }

    /// Makes `left` the left side, or the original again.
    pub(super) fn replace_left(&mut self, left: Option<Left>) {
        self.left = left;
        self.revision += 1;
    }

    /// Makes `own` the user's own pictures.
    pub(super) fn replace_own(&mut self, own: Vec<Pixels>) {
        self.own = own;
        self.revision += 1;
    }

    /// A load begins; those before it give up.
    pub(super) fn begin_load(&mut self, id: RequestId) {
        self.latest_load = Some(id);
    }

    /// Fails when the load is cancelled or another one has begun since.
    pub(super) fn check_load(&mut self, id: RequestId) -> Result<(), Failure> {
        self.check_cancelled(id)?;
        if self.latest_load == Some(id) { Ok(()) } else { Err(Failure::Cancelled) }
    }

    /// Names the present models and pictures.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Names the present original.
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

    /// Fails once for a request that is to end.
    pub(super) fn check_cancelled(&mut self, id: RequestId) -> Result<(), Failure> {
        if self.cancelled.remove(&id) { Err(Failure::Cancelled) } else { Ok(()) }
    }

    /// Forgets a request that has ended, cancelled too late or not.
    pub(super) fn end(&mut self, id: RequestId) {
        self.cancelled.remove(&id);
        self.downloads.remove(&id);
    }

    /// Fails when a model or the pictures that long work began with are no longer the present ones.
    pub(super) fn check_revision(&self, revision: u64) -> Result<(), Failure> {
        if self.revision == revision { Ok(()) } else { Err(Failure::Cancelled) }
    }

    /// Fails when the original that long work began with is no longer the present one.
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
    /// Keeps a copy of `tensor` unless the last kept one is too recent or the same: a still picture counts once.
    pub(super) fn offer(&mut self, tensor: &[f32], now_millis: f64) {
        let too_recent = !self.tensors.is_empty() && now_millis - self.last_millis < FRAME_SPACING_MILLIS;
        if too_recent || self.tensors.back().is_some_and(|last| last == tensor) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_spread_over_time_and_bounded() {
        let mut frames = RecentFrames::default();
        for i in 0..200 {
            frames.offer(&[i as f32], f64::from(i) * 50.0);
        }
        assert_eq!(frames.len(), CALIBRATION_FRAMES);
        let kept: Vec<f32> = frames.tensors().iter().map(|tensor| tensor[0]).collect();
        assert_eq!(kept.last(), Some(&196.0));
        assert!(kept.windows(2).all(|pair| pair[1] - pair[0] == 4.0), "{kept:?}");
    }

    #[test]
    fn a_still_picture_is_one_frame() {
        let mut frames = RecentFrames::default();
        for i in 0..50 {
            frames.offer(&[1.0, 2.0], f64::from(i) * 300.0);
        }
        assert_eq!(frames.len(), 1);
        frames.offer(&[1.0, 3.0], 1e6);
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn a_cancellation_counts_once_and_a_newer_load_wins() {
        let mut session = Session::default();
        let (old, new) = (RequestId(1), RequestId(2));
        session.begin_load(old);
        assert_eq!(session.check_load(old), Ok(()));
        session.begin_load(new);
        assert_eq!(session.check_load(old), Err(Failure::Cancelled));
        session.cancel(new);
        assert_eq!(session.check_load(new), Err(Failure::Cancelled));
        assert_eq!(session.check_load(new), Ok(()));
        session.cancel(old);
        session.end(old);
        assert_eq!(session.check_cancelled(old), Ok(()));
    }

    #[test]
    fn long_work_notices_other_pictures() {
        let mut session = Session::default();
        let (generation, revision) = (session.generation(), session.revision());
        assert_eq!(session.check_revision(revision), Ok(()));
        session.replace_own(Vec::new());
        assert_eq!(session.check_revision(revision), Err(Failure::Cancelled));
        assert_eq!(session.check_generation(generation), Ok(()), "the model is the same");
    }
}
