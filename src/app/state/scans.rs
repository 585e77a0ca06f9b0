//! What the worker finds out about all layers on request, and the channels of the open one on the last frame.

use std::rc::Rc;

use super::{Effect, Progress, State, View};
use crate::bridge::{Failure, Maps, Request, RequestId, Sensitivity};
use pipeline::LayerOutputs;

/// All scans of the present pair of models.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scans {
    /// What layers write in both models.
    pub outputs: Scan<LayerOutputs>,
    /// What each layer's compression alone does.
    pub sensitivity: Scan<Sensitivity>,
    /// Channels of a layer on a frame, the open layer's or those of the one before.
    pub maps: Option<Rc<Maps>>,
    showing: Option<RequestId>,
}

/// One scan.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan<T> {
    /// The request that runs, and how far it is.
    pub running: Option<(RequestId, Progress)>,
    /// Pictures, and what was found for each layer.
    pub found: Option<Rc<(u32, Vec<T>)>>,
    /// Why the last one came to nothing.
    pub failure: Option<Failure>,
}

impl<T> Default for Scan<T> {
    fn default() -> Self {
        Self { running: None, found: None, failure: None }
    }
}

impl<T> Scan<T> {
    /// What was found for the layer that `is` picks.
    pub fn layer(&self, is: impl Fn(&T) -> bool) -> Option<&T> {
        self.found.as_ref()?.1.iter().find(|layer| is(layer))
    }

    fn begin(&mut self, id: RequestId) {
        *self = Self { running: Some((id, Progress::default())), found: self.found.take(), failure: None };
    }

    fn cancel(&mut self, effects: &mut Vec<Effect>) {
        if let Some((id, _)) = self.running.take() {
            effects.push(Effect::Post(Request::Cancel { id }));
        }
    }

    fn progressed(&mut self, id: RequestId, progress: Progress) -> bool {
        let mine = self.running.as_mut().filter(|(wanted, _)| *wanted == id);
        mine.map(|(_, known)| *known = progress).is_some()
    }

    fn finished(&mut self, id: RequestId, n: u32, layers: Vec<T>) {
        if self.running.take_if(|(wanted, _)| *wanted == id).is_some() {
            self.found = Some(Rc::new((n, layers)));
        }
    }

    fn failed(&mut self, id: RequestId, failure: &Failure) -> bool {
        let mine = self.running.take_if(|(wanted, _)| *wanted == id).is_some();
        if mine && *failure != Failure::Cancelled {
            self.failure = Some(failure.clone());
        }
        mine
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanAction {
    /// What layers write.
    Outputs,
    /// What each layer's compression alone does.
    Sensitivity,
    /// No more.
    Cancel,
}

/// The state after `action`.
pub(super) fn act(state: &mut State, action: ScanAction, effects: &mut Vec<Effect>) {
    let ready = state.worker_ready() && state.recipe.is_current();
    match action {
        ScanAction::Outputs if ready && state.layers.scans.outputs.running.is_none() => {
            let id = state.request_id();
            state.layers.scans.outputs.begin(id);
            effects.push(Effect::Post(Request::ScanOutputs { id }));
        }
        ScanAction::Sensitivity if ready && state.layers.scans.sensitivity.running.is_none() => {
            let id = state.request_id();
            state.layers.scans.sensitivity.begin(id);
            effects.push(Effect::Post(Request::ScanSensitivity { id }));
        }
        ScanAction::Outputs | ScanAction::Sensitivity => {}
        ScanAction::Cancel => {
            state.layers.scans.outputs.cancel(effects);
            state.layers.scans.sensitivity.cancel(effects);
        }
    }
}

/// Asks for the open layer's channels on the last frame, where they are on screen and not on their way.
pub(super) fn show_maps(state: &mut State, effects: &mut Vec<Effect>) {
    if state.view != View::Layers || state.layers.scans.showing.is_some() || !state.worker_ready() {
        return;
    }
    let layer = state.model.current.as_ref().and_then(|model| model.layers.get(state.layers.chosen));
    let Some(node) = layer.map(|layer| layer.node.clone()) else { return };
    let id = state.request_id();
    state.layers.scans.showing = Some(id);
    effects.push(Effect::Post(Request::ShowMaps { id, node }));
}

/// The worker found out what layers write.
pub(super) fn outputs_scanned(scans: &mut Scans, id: RequestId, n: u32, layers: Vec<LayerOutputs>) {
    scans.outputs.finished(id, n, layers);
}

/// The worker found out what each layer's compression alone does.
pub(super) fn sensitivity_scanned(scans: &mut Scans, id: RequestId, n: u32, layers: Vec<Sensitivity>) {
    scans.sensitivity.finished(id, n, layers);
}

/// The worker showed channels.
pub(super) fn maps_shown(scans: &mut Scans, id: RequestId, maps: Option<Maps>) {
    if scans.showing.take_if(|wanted| *wanted == id).is_some() && maps.is_some() {
        scans.maps = maps.map(Rc::new);
    }
}

/// Notes how far a scan is. Says whether the report was about one.
pub(super) fn progressed(scans: &mut Scans, id: RequestId, progress: Progress) -> bool {
    scans.outputs.progressed(id, progress) || scans.sensitivity.progressed(id, progress)
}

/// A request came to nothing. Says whether it was one of these.
pub(super) fn failed(scans: &mut Scans, id: RequestId, failure: &Failure) -> bool {
    scans.showing.take_if(|wanted| *wanted == id).is_some()
        || scans.outputs.failed(id, failure)
        || scans.sensitivity.failed(id, failure)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Page;
    use super::super::*;
    use super::ScanAction;
    use crate::bridge::{Answer, Failure, Request, Sensitivity};

    fn scan(page: &mut Page) -> RequestId {
        page.act(Action::Layers(LayersAction::Scan(ScanAction::Sensitivity)));
        match page.posted()[..] {
            [Request::ScanSensitivity { id }] => *id,
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_scan_runs_once_reports_and_belongs_to_its_pair_of_models() {
        let mut page = Page::ready();
        let id = scan(&mut page);
        page.act(Action::Layers(LayersAction::Scan(ScanAction::Sensitivity)));
        assert!(page.posted().is_empty(), "it runs already");
        page.hear(Answer::Progress { id, stage: Stage::Scan, done: 3, total: Some(9) });
        let running = page.state.layers.scans.sensitivity.running.unwrap();
        assert_eq!((running.1.done, running.1.total), (3, Some(9)));
        let layer = Sensitivity { node: "a".into(), same: 8, divergence: 0.1, weight_error: 0.01 };
        page.hear(Answer::SensitivityScanned { id, n: 8, layers: vec![layer] });
        assert!(page.state.layers.scans.sensitivity.layer(|layer| layer.node == "a").is_some());
        page.act(Action::Preset("fp16"));
        let revision = page.state.recipe.revision;
        page.act(Action::RecipeDue { revision });
        page.finish_recipe();
        assert_eq!(page.state.layers.scans.sensitivity.found, None, "another recipe");
    }

    #[test]
    fn a_scan_can_be_cancelled_and_a_failure_is_kept() {
        let mut page = Page::ready();
        let id = scan(&mut page);
        page.act(Action::Layers(LayersAction::Scan(ScanAction::Cancel)));
        assert_eq!(page.posted(), [&Request::Cancel { id }]);
        page.hear(Answer::Failed { id, failure: Failure::Cancelled });
        assert_eq!(page.state.layers.scans.sensitivity.failure, None);
        let id = scan(&mut page);
        page.hear(Answer::Failed { id, failure: Failure::NoPictures });
        assert_eq!(page.state.layers.scans.sensitivity.failure, Some(Failure::NoPictures));
    }
}
