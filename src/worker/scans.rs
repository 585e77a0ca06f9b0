//! Scans over all layers: what they write in both models, and how much the compression of each alone changes answers.
//! Both run on the views of built-in pictures that calibrate, not on those of the fixed set.

use pipeline::{OutputScan, SensitivityScan, fold_batch_norms};

use super::browser::next_turn;
use super::compress::{built_in_views, refused};
use super::{Shared, pictures, post};
use crate::bridge::{Answer, Failure, RequestId, Sensitivity, Stage};

/// Pictures of a scan.
const PICTURES: usize = 8;

async fn views(session: &Shared) -> Result<Vec<Vec<f32>>, Failure> {
    pictures::ensure_built_in(session).await?;
    // Neighbours in the list show different pictures.
    Ok(built_in_views(&mut session.borrow_mut())?.into_iter().take(PICTURES).collect())
}

/// Gives control back, and fails when the request was cancelled or a model is another one.
async fn pause(
    session: &Shared,
    id: RequestId,
    revision: u64,
    done: usize,
    total: usize,
) -> Result<(), Failure> {
    post(&Answer::Progress { id, stage: Stage::Scan, done: done as u64, total: Some(total as u64) });
    next_turn().await;
    session.borrow_mut().check_cancelled(id)?;
    session.borrow().check_revision(revision)
}

/// Compares what all layers write, a picture at a time.
pub(super) async fn outputs(session: &Shared, id: RequestId) -> Result<Answer, Failure> {
    let views = views(session).await?;
    let revision = session.borrow().revision();
    let mut scan = {
        let session = session.borrow();
        let original = session.original.as_ref().ok_or(Failure::NoModel)?;
        let compressed = session.compressed_graph.as_ref().ok_or(Failure::NoModel)?;
        OutputScan::new(&original.graph, compressed).map_err(refused)?
    };
    for (done, view) in views.iter().enumerate() {
        pause(session, id, revision, done, views.len()).await?;
        scan.run(view).map_err(refused)?;
    }
    Ok(Answer::OutputsScanned { id, n: scan.n_pictures(), layers: scan.layers() })
}

/// Changes one layer after the other, each alone.
pub(super) async fn sensitivity(session: &Shared, id: RequestId) -> Result<Answer, Failure> {
    let views = views(session).await?;
    let revision = session.borrow().revision();
    let scan = {
        let session = session.borrow();
        let original = session.original.as_ref().ok_or(Failure::NoModel)?;
        let compressed = session.compressed_graph.as_ref().ok_or(Failure::NoModel)?;
        let base = SensitivityScan::base(&original.graph).map_err(refused)?;
        let changed = fold_batch_norms(compressed).map_err(|error| refused(error.into()))?;
        SensitivityScan::new(base, changed).map_err(refused)?
    };
    let reference = scan.reference(&views).map_err(refused)?;
    let mut layers = Vec::with_capacity(scan.n_layers());
    for layer in 0..scan.n_layers() {
        pause(session, id, revision, layer, scan.n_layers()).await?;
        let measured = scan.measure(layer, &views, &reference).map_err(refused)?;
        layers.push(Sensitivity {
            node: measured.node,
            same: measured.agreement.top1.hits as u32,
            divergence: measured.agreement.kl.value,
            weight_error: measured.relative_error,
        });
    }
    Ok(Answer::SensitivityScanned { id, n: views.len() as u32, layers })
}
