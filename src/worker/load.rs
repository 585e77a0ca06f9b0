//! Loads models: from the served folder, from the web by the catalogue, from a file.

use std::sync::Arc;

use pipeline::{
    Classifier, FormatError, Graph, LabelSet, LayerFacts, PipelineError, Preprocessing, cost, dense_sizes,
    layer_facts, read_model,
};
use serde::Deserialize;

use super::browser::next_turn;
use super::download::{Expected, fetch_model, fetch_text};
use super::session::Original;
use super::{Shared, post};
use crate::bridge::{Answer, Failure, Labels, ModelFacts, ModelSource, Normalization, RequestId, Stage};

/// An entry of `catalog.json`: a model on the web and what its file does not say.
#[derive(Deserialize)]
struct CatalogEntry {
    id: String,
    name: String,
    url: String,
    bytes: u64,
    sha256: String,
    licence: String,
    labels: LabelSet,
    preprocessing: Preprocessing,
}

/// Loads a model and makes it the original. The former one stays on failure.
pub(super) async fn load(
    session: &Shared,
    id: RequestId,
    source: ModelSource,
    bytes: Option<Vec<u8>>,
) -> Result<Answer, Failure> {
    let (graph, file_bytes) = match source {
        ModelSource::Served { id: model } => {
            let path = format!("models/{model}.safetensors");
            let bytes = fetch_model(session, id, &path, &path, &Expected::default()).await?;
            (read(&bytes, &model)?, bytes.len())
        }
        ModelSource::Catalog { id: model } => {
            let entry = catalog_entry(&model).await?;
            session.borrow_mut().check_load(id)?;
            let expected = Expected { bytes: Some(entry.bytes), sha256: Some(entry.sha256.clone()) };
            let bytes = fetch_model(session, id, &entry.url, &entry.name, &expected).await?;
            let mut graph = read(&bytes, &entry.name)?;
            graph.metadata.name = entry.name;
            graph.metadata.origin = entry.url;
            graph.metadata.licence = entry.licence;
            graph.metadata.labels = entry.labels;
            graph.metadata.preprocessing = entry.preprocessing;
            graph.validate().map_err(|error| unreadable(&graph.metadata.name, &error.to_string()))?;
            (graph, bytes.len())
        }
        ModelSource::File { name } => {
            let bytes = bytes.ok_or_else(|| unreadable(&name, "the file could not be read"))?;
            (read(&bytes, &name)?, bytes.len())
        }
    };
    let recorded = graph.metadata.preprocessing;
    make_original(session, id, graph, recorded, file_bytes as u64).await
}

/// Changes how pictures are prepared; the compressed model, calibrated on others, goes.
pub(super) async fn set_normalization(
    session: &Shared,
    id: RequestId,
    normalization: Normalization,
) -> Result<Answer, Failure> {
    let (mut graph, recorded, file_bytes) = {
        let session = session.borrow();
        let original = session.original.as_ref().ok_or(Failure::NoModel)?;
        (Graph::clone(&original.graph), original.recorded, original.facts.file_bytes)
    };
    let (mean, std) = match normalization {
        Normalization::Recorded => (recorded.mean, recorded.std),
        Normalization::MinusOneToOne => Preprocessing::MINUS_ONE_TO_ONE,
        Normalization::ImageNet => Preprocessing::IMAGENET,
    };
    graph.metadata.preprocessing = Preprocessing { mean, std, ..recorded };
    make_original(session, id, graph, recorded, file_bytes).await
}

async fn make_original(
    session: &Shared,
    id: RequestId,
    graph: Graph,
    recorded: Preprocessing,
    file_bytes: u64,
) -> Result<Answer, Failure> {
    let name = graph.metadata.name.clone();
    reading(id).await;
    let written = Written::new(&graph).map_err(|error| refused(&name, &error))?;
    reading(id).await;
    let mut classifier = Classifier::new(&graph).map_err(|error| refused(&name, &error))?;
    classifier.try_out().map_err(|error| refused(&name, &error))?;
    let facts = facts(&graph, &classifier, &recorded, file_bytes, written);
    let preparer = Classifier::preparer(&graph);
    let tensor = vec![0.0; preparer.tensor_len()];
    let graph = Arc::new(graph);
    let original = Original { graph, classifier, preparer, tensor, recorded, facts: facts.clone() };
    reading(id).await;
    session.borrow_mut().check_load(id)?;
    session.borrow_mut().replace_original(original);
    Ok(Answer::ModelLoaded { id, model: facts })
}

/// Says that reading goes on, and lets frames be answered and a cancellation arrive.
async fn reading(id: RequestId) {
    post(&Answer::Progress { id, stage: Stage::Read, done: 0, total: None });
    next_turn().await;
}

/// What a model's plain file tells.
struct Written {
    bytes: u64,
    layers: Vec<LayerFacts>,
}

impl Written {
    fn new(graph: &Graph) -> Result<Self, PipelineError> {
        let (bytes, weights) = dense_sizes(graph);
        Ok(Self { bytes, layers: layer_facts(graph, &weights)? })
    }
}

fn facts(
    graph: &Graph,
    classifier: &Classifier,
    recorded: &Preprocessing,
    file_bytes: u64,
    written: Written,
) -> ModelFacts {
    let metadata = &graph.metadata;
    let cost = cost(graph);
    let used = (metadata.preprocessing.mean, metadata.preprocessing.std);
    ModelFacts {
        name: metadata.name.clone(),
        origin: metadata.origin.clone(),
        licence: metadata.licence.clone(),
        file_bytes,
        input_size: metadata.preprocessing.crop as u32,
        n_classes: classifier.n_classes() as u32,
        n_parameters: cost.parameters,
        n_multiply_adds: cost.multiply_adds,
        labels: match metadata.labels {
            LabelSet::Everyday60 => Labels::Everyday60,
            LabelSet::ImageNet => Labels::ImageNet,
            LabelSet::Numbers => Labels::Numbers,
        },
        normalization_assumed: recorded.assumed,
        normalization: match used {
            _ if used == (recorded.mean, recorded.std) && !recorded.assumed => Normalization::Recorded,
            Preprocessing::MINUS_ONE_TO_ONE => Normalization::MinusOneToOne,
            Preprocessing::IMAGENET => Normalization::ImageNet,
            _ => Normalization::Recorded,
        },
        shipped_bytes: written.bytes,
        layers: written.layers,
    }
}

async fn catalog_entry(id: &str) -> Result<CatalogEntry, Failure> {
    const CATALOG: &str = "catalog.json";
    let text = fetch_text(CATALOG).await?;
    let entries: Vec<CatalogEntry> =
        serde_json::from_str(&text).map_err(|error| unreadable(CATALOG, &error.to_string()))?;
    entries
        .into_iter()
        .find(|entry| entry.id == id)
        .ok_or_else(|| unreadable(CATALOG, &format!("has no entry `{id}`")))
}

fn read(bytes: &[u8], name: &str) -> Result<Graph, Failure> {
    read_model(bytes, name).map_err(|error| match error {
        FormatError::CutOff { expected, actual, .. } => {
            Failure::CutOff { name: name.to_owned(), expected, actual }
        }
        FormatError::Unsupported { node, feature } => {
            Failure::Unsupported { name: name.to_owned(), node, feature }
        }
        error => unreadable(name, &error.to_string()),
    })
}

fn refused(name: &str, error: &PipelineError) -> Failure {
    match error {
        PipelineError::Engine(pipeline::EngineError::Unsupported { node, feature, .. }) => {
            Failure::Unsupported { name: name.to_owned(), node: node.clone(), feature: feature.clone() }
        }
        error => unreadable(name, &error.to_string()),
    }
}

fn unreadable(name: &str, detail: &str) -> Failure {
    Failure::Unreadable { name: name.to_owned(), detail: detail.to_owned() }
}
