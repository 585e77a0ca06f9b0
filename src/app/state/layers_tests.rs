//! The view of layers, without a browser.

use pipeline::{LayerView, Shape, Spread, WeightStep};

use super::tests::Page;
use super::*;
use crate::bridge::{Answer, Failure, LayerTime, Memory, ModelMemory, Request};

fn layer(node: &str) -> pipeline::LayerFacts {
    pipeline::LayerFacts {
        node: node.into(),
        kind: pipeline::LayerKind::Pointwise,
        weight_shape: vec![2, 2, 1, 1],
        stride: [1, 1],
        input: Shape::Vector { length: 2 },
        output: Shape::Vector { length: 2 },
        n_weights: 4,
        macs: 4,
        bytes: 16,
        format: pipeline::WeightFormat::Float32,
        sparsity: 0.0,
        input_quantization: None,
        output_quantization: None,
    }
}

/// Both models are there and have two layers.
fn page() -> Page {
    let mut page = Page::ready();
    let mut model = crate::bridge::ModelFacts::clone(page.state.model.current.as_ref().unwrap());
    model.layers = vec![layer("first"), layer("second")];
    page.state.model.current = Some(std::rc::Rc::new(model));
    page
}

fn inspected(page: &Page) -> Option<(RequestId, String)> {
    page.posted().into_iter().find_map(|request| match request {
        Request::InspectLayer { id, node: Some(node), .. } => Some((*id, node.clone())),
        _ => None,
    })
}

fn view(node: &str) -> LayerView {
    LayerView {
        node: node.into(),
        limit: 1.0,
        original: Spread { histogram: vec![4], ranges: vec![[-1.0, 1.0]; 2] },
        compressed: None,
        symbols: None,
        weight: WeightStep { channel: 0, position: 0, channel_len: 2, value: 1.0, stored: None },
    }
}

#[test]
fn the_open_layer_is_asked_for_once_and_again_after_another_recipe() {
    let mut page = page();
    page.act(Action::Show(View::Layers));
    assert_eq!(inspected(&page).unwrap().1, "first");
    page.act(Action::TogglePause);
    assert_eq!(inspected(&page), None);
    page.act(Action::Layers(LayersAction::Choose(1)));
    let (id, node) = inspected(&page).unwrap();
    assert_eq!(node, "second");
    page.hear(Answer::LayerInspected { id: RequestId(id.0 - 1), view: view("first") });
    assert_eq!(page.state.layers.view, None, "it was asked for before another layer was opened");
    page.hear(Answer::LayerInspected { id, view: view("second") });
    assert_eq!(page.state.layers.view.as_ref().unwrap().node, "second");
    page.act(Action::Layers(LayersAction::Choose(2)));
    assert_eq!((page.state.layers.chosen, inspected(&page)), (1, None));
    page.act(Action::Format(pipeline::NumberFormat::Float16));
    let revision = page.state.recipe.revision;
    page.act(Action::RecipeDue { revision });
    page.finish_recipe();
    assert_eq!(inspected(&page).unwrap().1, "second");
}

#[test]
fn nothing_is_asked_where_no_layer_is_shown() {
    let mut page = page();
    page.act(Action::Layers(LayersAction::Choose(1)));
    assert_eq!(inspected(&page), None);
}

#[test]
fn times_go_with_the_models_that_they_were_measured_on() {
    let mut page = page();
    page.act(Action::Layers(LayersAction::Measure));
    let id = page.state.layers.profiling.unwrap();
    page.act(Action::Layers(LayersAction::Measure));
    assert!(page.posted().is_empty(), "one measurement at a time");
    let time = LayerTime {
        node: "first".into(),
        kernel: "gemm".into(),
        is_integer: false,
        macs: 4,
        weight_bytes: 16,
        millis: 0.5,
        ceiling_millis: 0.25,
    };
    let original = ModelMemory { weights: 16, arena: 32 };
    let memory = Memory { original, compressed: None, peak: 64 };
    page.hear(Answer::LayersProfiled { id, runs: 3, original: vec![time], compressed: None, memory });
    assert_eq!(page.state.layers.profile.as_ref().unwrap().runs, 3);
    page.act(Action::Format(pipeline::NumberFormat::Float16));
    let revision = page.state.recipe.revision;
    page.act(Action::RecipeDue { revision });
    page.finish_recipe();
    assert_eq!(page.state.layers.profile, None);
}

#[test]
fn a_measurement_that_fails_can_be_repeated() {
    let mut page = page();
    page.act(Action::Layers(LayersAction::Measure));
    let id = page.state.layers.profiling.unwrap();
    page.hear(Answer::Failed { id, failure: Failure::Cancelled });
    assert_eq!((page.state.layers.profiling, &page.state.notice), (None, &None));
    page.act(Action::Layers(LayersAction::Show("zeros".into())));
    assert_eq!(page.state.layers.metric, Metric::Zeros);
}

#[test]
fn an_address_names_a_layer_and_follows_the_choice() {
    for (fragment, layer) in [("#layer=7", Some(7)), ("#layer=", None), ("#layer=x", None), ("#layers", None)]
    {
        assert_eq!(layer_of_fragment(fragment), layer, "{fragment}");
        assert_eq!(View::from_fragment(fragment), Some(View::Layers), "{fragment}");
    }
    let put = Effect::Link(LinkEffect::PutAddress);
    let mut page = page();
    page.act(Action::Layers(LayersAction::Visit(1)));
    assert_eq!((page.state.view, page.state.layers.chosen), (View::Layers, 1));
    assert_eq!(page.state.fragment(), "layer=1");
    page.act(Action::Layers(LayersAction::Choose(0)));
    assert!(page.effects.contains(&put));
    assert_eq!(page.state.fragment(), "layers");
    page.act(Action::Layers(LayersAction::Visit(99)));
    assert!(page.effects.contains(&put));
    assert_eq!((page.state.layers.chosen, page.state.fragment()), (1, "layer=1".to_owned()), "the last one");
    page.act(Action::Show(View::Live));
    assert_eq!(page.state.fragment(), "live");
}

#[test]
fn a_layer_that_an_address_names_waits_for_the_model() {
    let mut page = Page::loading();
    page.act(Action::Layers(LayersAction::Visit(1)));
    let id = page.state.model.loading.as_ref().unwrap().id;
    let mut model = crate::bridge::ModelFacts::clone(Page::ready().state.model.current.as_ref().unwrap());
    model.layers = vec![layer("first"), layer("second")];
    page.hear(Answer::ModelLoaded { id, model });
    assert_eq!(inspected(&page).map(|(_, node)| node), Some("second".to_owned()));
    assert_eq!(page.state.fragment(), "layer=1");
}
