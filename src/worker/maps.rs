//! Channels of one layer on the last frame, in the original and in the compressed model.

use pipeline::LayerMaps;

use super::layers::internal;
use super::session::Session;
use crate::bridge::{Answer, Failure, MapPair, Maps, RequestId};

/// Channels shown.
const CHANNELS: usize = 8;

/// Cells on each side of a shown channel; larger ones are averaged down.
const MOST_CELLS: usize = 28;

/// Both models, ready to show one layer.
#[derive(Debug)]
pub(crate) struct ShownMaps {
    node: String,
    revision: u64,
    original: LayerMaps,
    compressed: Option<LayerMaps>,
}

/// Shows the layer's strongest channels on the last frame; nothing before one was seen.
pub(super) fn show(session: &mut Session, id: RequestId, node: &str) -> Result<Answer, Failure> {
    ensure(session, node)?;
    let Session { original: Some(original), shown_maps: Some(shown), frames_seen: true, .. } = session else {
        return Ok(Answer::MapsShown { id, maps: None });
    };
    shown.original.run(&original.tensor).map_err(internal)?;
    if let Some(compressed) = &mut shown.compressed {
        compressed.run(&original.tensor).map_err(internal)?;
    }
    let other = shown.compressed.as_ref();
    let pair = |channel: usize| {
        let before = shown.original.channel(channel, MOST_CELLS)?;
        let after = other.and_then(|other| other.channel(channel, MOST_CELLS));
        let after = after.filter(|after| (after.height, after.width) == (before.height, before.width));
        Some(MapPair {
            channel: channel as u32,
            height: before.height as u32,
            width: before.width as u32,
            original: before.values,
            compressed: after.map(|after| after.values),
        })
    };
    let mut strongest = shown.original.strongest(CHANNELS);
    // In the order of the layer, so that a channel keeps about its place from frame to frame.
    strongest.sort_unstable();
    let maps = Maps {
        node: node.to_owned(),
        n_channels: shown.original.n_channels() as u32,
        channels: strongest.into_iter().filter_map(pair).collect(),
        relative_error: other.and_then(|other| shown.original.relative_error(other)),
    };
    Ok(Answer::MapsShown { id, maps: Some(maps) })
}

fn ensure(session: &mut Session, node: &str) -> Result<(), Failure> {
    let revision = session.revision();
    if session.shown_maps.as_ref().is_some_and(|shown| shown.node == node && shown.revision == revision) {
        return Ok(());
    }
    // Gone before the next one is made: both together would be four more models.
    session.shown_maps = None;
    let original = session.original.as_ref().ok_or(Failure::NoModel)?;
    let no_layer = || Failure::Internal { detail: format!("no layer `{node}`") };
    let compressed = session.compressed_graph.as_ref();
    let compressed = compressed.map(|graph| LayerMaps::new(graph, node)).transpose().map_err(internal)?;
    let original = LayerMaps::new(&original.graph, node).map_err(internal)?.ok_or_else(no_layer)?;
    session.shown_maps =
        Some(ShownMaps { node: node.to_owned(), revision, original, compressed: compressed.flatten() });
    Ok(())
}
