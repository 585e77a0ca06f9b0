//! Where both sides' first answers come from.

use pipeline::{ClassMap, PipelineError};

use super::session::Session;
use crate::bridge::Heat;

/// The class activation maps of both sides; `None` for models that have none.
#[derive(Debug)]
pub(crate) struct Heats {
    pub(super) left: Option<ClassMap>,
    pub(super) right: Option<ClassMap>,
    revision: u64,
}

impl Heats {
    /// Makes the maps of the present models, unless they are there.
    pub(super) fn ensure(session: &mut Session) -> Result<(), PipelineError> {
        let revision = session.revision();
        if session.heats.as_ref().is_some_and(|heats| heats.revision == revision) {
            return Ok(());
        }
        let left = session.left.as_ref().map(|left| &left.graph);
        let left = left.or(session.original.as_ref().map(|original| &original.graph));
        let map = |graph: &pipeline::Graph| ClassMap::new(graph);
        let left = left.map(|graph| map(graph)).transpose()?.flatten();
        let right = session.compressed_graph.as_ref().map(|graph| map(graph)).transpose()?.flatten();
        session.heats = Some(Self { left, right, revision });
        Ok(())
    }
}

/// The map of a class on the picture of the last run.
pub(super) fn of(map: &mut ClassMap, class: u32) -> Heat {
    let [height, width] = map.size().map(|side| side as u32);
    Heat { class, height, width, values: map.of_class(class as usize) }
}
