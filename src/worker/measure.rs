//! Times a model on one prepared picture, run after run, as a benchmark asks.

use js_sys::Float32Array;
use pipeline::Ceilings;

use super::Shared;
use super::browser::{memory_bytes, now_millis};
use super::layers::{internal, layer_times, model_memory};
use crate::bridge::{Answer, Failure, RequestId, Side};

/// Runs more often than this are no measurement but a hang.
const MAX_RUNS: u32 = 1000;

/// Further runs of which the layers' times are medians.
const PROFILED_RUNS: u32 = 10;

/// Runs the model of a side `runs` times on `input`, the network's own (`nhwc`, normalised). A run is timed with the copies
/// of its input and its output, as whoever waits for it has them.
pub(super) fn measure(
    session: &Shared,
    id: RequestId,
    side: Side,
    runs: u32,
    input: &Float32Array,
) -> Result<Answer, Failure> {
    let mut session = session.borrow_mut();
    let classifier = match side {
        Side::Original => session.original.as_mut().map(|original| &mut original.classifier),
        Side::Compressed => session.compressed.as_mut(),
    };
    let classifier = classifier.ok_or(Failure::NoModel)?;
    let mut picture = vec![0.0; input.length() as usize];
    let mut output = Float32Array::new_with_length(0);
    let mut millis = Vec::with_capacity(runs.min(MAX_RUNS) as usize);
    for _ in 0..runs.min(MAX_RUNS) {
        let start = now_millis();
        input.copy_to(&mut picture);
        output = Float32Array::from(classifier.output(&picture).map_err(internal)?);
        millis.push(now_millis() - start);
    }
    let mut ceilings = Ceilings::default();
    let mut profiles = Vec::new();
    for _ in 0..runs.min(PROFILED_RUNS) {
        ceilings.measure(&now_millis);
        profiles.push(classifier.profile(&picture, &now_millis).map_err(internal)?);
    }
    let layers = layer_times(&profiles, ceilings);
    let output = output.to_vec();
    let (memory, peak_bytes) = (model_memory(classifier), memory_bytes());
    Ok(Answer::Measured { id, millis, output, layers, memory, peak_bytes })
}
