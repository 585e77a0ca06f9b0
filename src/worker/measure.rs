//! Times a model on one prepared picture, run after run, as a benchmark asks.

use js_sys::Float32Array;

use super::Shared;
use super::browser::now_millis;
use super::layers::internal;
use crate::bridge::{Answer, Failure, LayerTime, RequestId, Side};

/// Runs more often than this are no measurement but a hang.
const MAX_RUNS: u32 = 1000;

/// Runs the model of a side `runs` times on `input`, the network's own (`nhwc`, normalised).
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
    let input = input.to_vec();
    let mut millis = Vec::with_capacity(runs.min(MAX_RUNS) as usize);
    for _ in 0..runs.min(MAX_RUNS) {
        let start = now_millis();
        classifier.output(&input).map_err(internal)?;
        millis.push(now_millis() - start);
    }
    let layers = classifier.profile(&input, &now_millis).map_err(internal)?;
    let layers = layers
        .into_iter()
        .map(|layer| LayerTime {
            node: layer.node,
            kernel: layer.kernel.to_owned(),
            is_integer: layer.is_integer,
            macs: layer.macs,
            weight_bytes: layer.weight_bytes,
            millis: layer.millis,
        })
        .collect();
    let output = classifier.output(&input).map_err(internal)?.to_vec();
    let (arena_bytes, weight_bytes) = (classifier.arena_bytes(), classifier.weight_bytes());
    let peak_bytes = super::browser::memory_bytes();
    Ok(Answer::Measured { id, millis, output, layers, arena_bytes, weight_bytes, peak_bytes })
}
