//! The view *Layers*: which layer is open, what the strip shows, the measured times, and the weights of the open layer.
//! Facts of the layers belong to the models themselves ([`ModelFacts`](crate::bridge::ModelFacts)).

use std::rc::Rc;

use pipeline::LayerView;

use super::reduce::show;
use super::{Effect, ScanAction, Scans, State, View, scans};
use crate::bridge::{LayerTime, Memory, Request, RequestId};

/// How often each layer is timed.
pub const PROFILE_RUNS: u32 = 15;

/// What is chosen, asked for and known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayersState {
    /// Position of the open layer among the original's.
    pub chosen: usize,
    /// The output channel whose largest weight is followed; `None` for the one of median width.
    pub channel: Option<usize>,
    /// What the strip shows.
    pub metric: Metric,
    /// Channels are shown as the difference of both models, not side by side.
    pub difference: bool,
    /// Times of the present models' layers.
    pub profile: Option<Rc<Profile>>,
    /// The request that measures them.
    pub profiling: Option<RequestId>,
    /// The open layer's weights, of the present models or of those before them.
    pub view: Option<Rc<LayerView>>,
    /// What was asked for last, so that nothing is asked twice: the pair of models, the layer and the channel.
    pub(super) asked: Option<(u32, Option<usize>, Option<usize>)>,
    /// The step of the course for which a layer was picked, by itself or by the learner.
    pub(super) picked_for: Option<String>,
    pub(super) inspecting: Option<RequestId>,
    /// What was found out about all layers of the present models.
    pub scans: Scans,
}

/// What the strip's bars show of each layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// Bytes of its weights in the file that ships.
    #[default]
    Bytes,
    /// Multiply-adds.
    Macs,
    /// Measured milliseconds.
    Millis,
    /// Share of zeros among its weights.
    Zeros,
    /// Bits of each weight.
    Bits,
    /// How far the compressed model's activations are from the original's.
    Error,
    /// How much its compression alone changes the answers.
    Sensitivity,
}

impl Metric {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 7] =
        [Self::Bytes, Self::Macs, Self::Millis, Self::Zeros, Self::Bits, Self::Error, Self::Sensitivity];

    /// Its name in the list.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Macs => "macs",
            Self::Millis => "millis",
            Self::Zeros => "zeros",
            Self::Bits => "bits",
            Self::Error => "error",
            Self::Sensitivity => "sensitivity",
        }
    }
}

/// Measured times of both models' layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Runs of which each time is the median.
    pub runs: u32,
    /// The original's.
    pub original: Vec<LayerTime>,
    /// The compressed model's.
    pub compressed: Option<Vec<LayerTime>>,
    /// What both take.
    pub memory: Memory,
}

/// What can happen in the view.
#[derive(Clone, Debug, PartialEq)]
pub enum LayersAction {
    /// Opens the layer at this position.
    Choose(usize),
    /// Shows the view with this layer, as an address asks for it; with the last one where there are fewer.
    Visit(usize),
    /// Follows the largest weight of this channel.
    Channel(usize),
    /// Another metric, by its name.
    Show(String),
    /// Channels as the difference of both models, or side by side.
    Difference(bool),
    /// Times all layers of both models.
    Measure,
    /// Finds out something about all layers.
    Scan(ScanAction),
}

/// The state after `action`.
pub(super) fn act(state: &mut State, action: LayersAction, effects: &mut Vec<Effect>) {
    match action {
        LayersAction::Choose(layer) => {
            let n = state.model.current.as_ref().map_or(0, |model| model.layers.len());
            state.layers.picked_for = default_step(state);
            if layer < n && layer != state.layers.chosen {
                state.layers.chosen = layer;
                state.layers.channel = None;
            }
        }
        LayersAction::Visit(layer) => {
            if layer != state.layers.chosen {
                state.layers.chosen = layer;
                state.layers.channel = None;
            }
            show(state, View::Layers, effects);
        }
        LayersAction::Channel(channel) => state.layers.channel = Some(channel),
        LayersAction::Show(name) => {
            if let Some(metric) = Metric::ALL.into_iter().find(|metric| metric.name() == name) {
                state.layers.metric = metric;
            }
        }
        LayersAction::Difference(on) => state.layers.difference = on,
        LayersAction::Scan(action) => scans::act(state, action, effects),
        LayersAction::Measure => {
            if state.worker_ready() && state.layers.profiling.is_none() && state.model.current.is_some() {
                let id = state.request_id();
                state.layers.profiling = Some(id);
                effects.push(Effect::Post(Request::ProfileLayers { id, runs: PROFILE_RUNS }));
            }
        }
    }
}

/// Asks for the open layer's weights where they are shown and not those of the present models.
pub(super) fn follow(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(model) = state.model.current.clone().filter(|_| looks_into_a_layer(state)) else { return };
    state.layers.chosen = state.layers.chosen.min(model.layers.len().saturating_sub(1));
    let by_itself = default_step(state).filter(|step| state.layers.picked_for.as_ref() != Some(step));
    let chosen = by_itself.is_none().then_some(state.layers.chosen);
    let wanted = (state.pair, chosen, state.layers.channel);
    if state.layers.asked == Some(wanted) || model.layers.is_empty() {
        return;
    }
    let node = chosen.and_then(|layer| model.layers.get(layer)).map(|layer| layer.node.clone());
    let id = state.request_id();
    state.layers.asked = Some(wanted);
    state.layers.inspecting = Some(id);
    effects.push(Effect::Post(Request::InspectLayer { id, node, channel: wanted.2 }));
    scans::show_maps(state, effects);
}

/// What is on screen shows the weights of a layer.
fn looks_into_a_layer(state: &State) -> bool {
    use ::course::View as Side;
    let step = state.course.step(state.language).filter(|_| state.view == View::Course);
    state.view == View::Layers
        || step.is_some_and(|step| {
            matches!(
                step.control.view,
                Side::Ruler
                    | Side::WeightBits
                    | Side::WeightHistogram
                    | Side::ChannelRanges
                    | Side::SymbolFrequencies
                    | Side::Arithmetic
            )
        })
}

/// The step of the course on screen, where it begins with a layer of its own.
fn default_step(state: &State) -> Option<String> {
    let step = state.course.step(state.language).filter(|_| state.view == View::Course)?;
    step.control.default.map(|_| step.control.step.clone())
}

/// The worker measured.
pub(super) fn profiled(state: &mut State, id: RequestId, profile: Profile) {
    if state.layers.profiling.take_if(|wanted| *wanted == id).is_some() {
        state.layers.profile = Some(Rc::new(profile));
    }
}

/// The worker looked; what was asked for before something else is let go.
pub(super) fn inspected(state: &mut State, id: RequestId, view: LayerView) {
    if state.layers.inspecting.take_if(|wanted| *wanted == id).is_some() {
        if let Some((pair, None, channel)) = state.layers.asked
            && let Some(model) = &state.model.current
            && let Some(layer) = model.layers.iter().position(|layer| layer.node == view.node)
        {
            state.layers.chosen = layer;
            state.layers.asked = Some((pair, Some(layer), channel));
            state.layers.picked_for = default_step(state);
        }
        state.layers.view = Some(Rc::new(view));
    }
}

/// A request of the view came to nothing. Says whether it was one.
pub(super) fn failed(state: &mut State, id: RequestId) -> bool {
    state.layers.profiling.take_if(|wanted| *wanted == id).is_some()
        || state.layers.inspecting.take_if(|wanted| *wanted == id).is_some()
}

/// Either model is another one: times of the former ones are no longer shown.
pub(super) fn other_models(layers: &mut LayersState) {
    layers.profile = None;
    layers.profiling = None;
    layers.scans = Scans::default();
}
