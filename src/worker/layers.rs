//! Looks into layers: the times of all of them in both models, and the weights of one.

use pipeline::{
    Ceilings, Classifier, LayerProfile, PipelineError, layer_view, most_uneven, with_folded_batch_norms,
};

use super::Shared;
use super::browser::{memory_bytes, next_turn, now_millis};
use super::session::Session;
use crate::bridge::{Answer, Failure, LayerTime, Memory, ModelMemory, RequestId};

/// Runs more often than this are no measurement but a hang.
const MAX_RUNS: u32 = 100;

/// Times every layer of both models `runs` times on the last frame, one model after the other, giving control back
/// between runs.
pub(super) async fn profile(session: &Shared, id: RequestId, runs: u32) -> Result<Answer, Failure> {
    let revision = session.borrow().revision();
    let (mut original, mut compressed) = (Vec::new(), Vec::new());
    let mut ceilings = Ceilings::default();
    let runs = runs.clamp(1, MAX_RUNS);
    for _ in 0..runs {
        next_turn().await;
        let mut session = session.borrow_mut();
        session.check_cancelled(id)?;
        session.check_revision(revision)?;
        let Session { original: Some(model), compressed: companion, .. } = &mut *session else {
            return Err(Failure::NoModel);
        };
        ceilings.measure(&now_millis);
        original.push(run(&mut model.classifier, &model.tensor)?);
        if let Some(companion) = companion {
            compressed.push(run(companion, &model.tensor)?);
        }
    }
    let session = session.borrow();
    let Session { original: Some(model), compressed: companion, .. } = &*session else {
        return Err(Failure::NoModel);
    };
    let memory = Memory {
        original: model_memory(&model.classifier),
        compressed: companion.as_ref().map(model_memory),
        peak: memory_bytes(),
    };
    let original = layer_times(&original, ceilings);
    let compressed = (!compressed.is_empty()).then(|| layer_times(&compressed, ceilings));
    Ok(Answer::LayersProfiled { id, runs, original, compressed, memory })
}

/// Looks at the weights of one layer.
pub(super) fn inspect(
    session: &Shared,
    id: RequestId,
    node: Option<String>,
    channel: Option<usize>,
) -> Result<Answer, Failure> {
    let session = session.borrow();
    let original = session.original.as_ref().ok_or(Failure::NoModel)?;
    let folded = with_folded_batch_norms(&original.graph).map_err(|error| internal(error.into()))?;
    let node = node.or_else(|| most_uneven(&folded)).unwrap_or_default();
    let node = node.as_str();
    let view = layer_view(&folded, session.compressed_graph.as_deref(), node, channel);
    let view = view.ok_or_else(|| Failure::Internal { detail: format!("no layer `{node}`") })?;
    Ok(Answer::LayerInspected { id, view })
}

fn run(classifier: &mut Classifier, tensor: &[f32]) -> Result<Vec<LayerProfile>, Failure> {
    classifier.profile(tensor, &now_millis).map_err(internal)
}

/// A failure of what was tried out before: a defect.
pub(super) fn internal(error: PipelineError) -> Failure {
    Failure::Internal { detail: error.to_string() }
}

/// What a model takes while it runs.
pub(super) fn model_memory(classifier: &Classifier) -> ModelMemory {
    ModelMemory { weights: classifier.weight_bytes(), arena: classifier.arena_bytes() }
}

/// Medians of each layer over the runs.
pub(super) fn layer_times(runs: &[Vec<LayerProfile>], ceilings: Ceilings) -> Vec<LayerTime> {
    let Some(first) = runs.first() else { return Vec::new() };
    let layers = first.iter().enumerate();
    layers
        .map(|(idx, layer)| {
            let mut millis: Vec<f64> = runs.iter().map(|run| run[idx].millis).collect();
            millis.sort_by(f64::total_cmp);
            LayerTime {
                node: layer.node.clone(),
                kernel: layer.kernel.to_owned(),
                is_integer: layer.is_integer,
                macs: layer.macs.total(),
                weight_bytes: layer.weight_bytes,
                millis: millis[millis.len() / 2],
                ceiling_millis: ceilings.millis(layer.macs),
            }
        })
        .collect()
}
