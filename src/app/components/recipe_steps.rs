//! The recipe's steps in their order: each with its parameters in words, a switch, and its settings to open.

use std::rc::Rc;

use pipeline::{
    ClusterGranularity, Distribution, Granularity, RangeMethod, Repair, Step, Storage, Structure,
};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::picker::{Entry, Picker};
use super::recipe_moves::{Grip, Lifted, RowMark, grip_button, grip_moves, places};
use super::recipe_words::{
    distribution_text, granularity_text, increments_text, pass_name, ranges_text, step_name, step_note,
    storage_texts, structure_text,
};
use super::segmented::{Choice, Segmented};
use crate::app::state::{Action, Draft, DraftStep, MAX_SPARSITY_PERCENT, StepChange, sparsity_percent};
use crate::app::tools::{Tools, use_tools, use_words};
use crate::app::words::{Words, key};
use crate::bridge::{CompressedFacts, StepFacts};

/// Numbers of distinct weights that are offered.
const CLUSTERS: [usize; 7] = [4, 8, 16, 32, 64, 128, 256];
/// Shares of bottlenecks' multiply-adds that are offered, per cent.
const SHARES: [u32; 5] = [5, 10, 20, 30, 50];
/// Increments of pruning that are offered.
const INCREMENTS: [usize; 4] = [1, 2, 4, 8];
/// Places of zeros that are offered.
const STRUCTURES: [Structure; 4] = [
    Structure::Unstructured,
    Structure::Blocks4x1,
    Structure::TWO_OF_FOUR,
    Structure::NOfM { kept: 1, of: 4 },
];

/// Properties of [`RecipeSteps`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The recipe as it is edited.
    pub draft: Draft,
    /// What it made, where that is there.
    pub facts: Option<Rc<CompressedFacts>>,
}

/// See the module.
#[component]
pub fn RecipeSteps(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let draft = &props.draft;
    let storage = draft.storage();
    let refused = draft.refused_step();
    let results = results(draft, props.facts.as_deref());
    let slider = draft.steps.iter().position(|entry| matches!(entry.step, Step::Prune { .. }));
    let (list, lifted) = (use_node_ref(), use_state(|| None::<Lifted>));
    let grip = grip_moves(&list, &lifted, &tools, draft.steps.len());
    let said = lifted.as_ref().map(|lifted| lifted.said(&words, draft));
    html! {
        <>
        <ol ref={&list} class="steps" data-testid="steps">
            { for draft.steps.iter().enumerate().map(|(position, entry)| html! {
                <StepRow key={row_key(draft, position)} {position} n_steps={draft.steps.len()} entry={entry.clone()} {storage} first={slider == Some(position)} refused={refused == Some(position)} result={results.get(position).copied().flatten()} lifted={lifted.as_ref().map(|lifted| lifted.mark(position)).unwrap_or_default()} grip={grip.clone()} />
            }) }
            { ship(&words, &tools, storage) }
        </ol>
        <p class="sr" aria-live="assertive" data-testid="step-moved">{ said }</p>
        { add(&words, &tools, draft) }
        </>
    }
}

/// A step keeps its key, and with it the focus, wherever it goes.
fn row_key(draft: &Draft, position: usize) -> String {
    let pass = draft.steps[position].step.pass();
    let earlier = draft.steps[..position].iter().filter(|entry| entry.step.pass() == pass).count();
    format!("{pass}-{earlier}")
}

/// What each step of the draft left, in its order; nothing of steps that are left out.
fn results(draft: &Draft, facts: Option<&CompressedFacts>) -> Vec<Option<StepFacts>> {
    let mut left = facts.map_or(&[][..], |facts| &facts.steps).iter();
    draft.steps.iter().map(|entry| if entry.included() { left.next().copied() } else { None }).collect()
}

/// Properties of [`StepRow`].
#[derive(Properties, PartialEq)]
struct RowProps {
    position: usize,
    /// Steps of the recipe.
    n_steps: usize,
    entry: DraftStep,
    storage: Storage,
    /// It is the first step that prunes, whose slider tests may rely on.
    first: bool,
    /// The recipe is refused because of it.
    refused: bool,
    /// What it left.
    result: Option<StepFacts>,
    /// What a lifted step makes of it.
    lifted: RowMark,
    /// Hears of its grip.
    grip: Callback<Grip>,
}

/// One step.
#[component]
fn StepRow(props: &RowProps) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let open = use_state(|| false);
    let RowProps { position, n_steps, entry, storage, first, refused, result, lifted, grip } = props;
    let on = entry.included();
    let name = step_name(&words, &entry.step);
    let change = {
        let (dispatch, position) = (tools.dispatch.clone(), *position);
        Callback::from(move |change| dispatch.emit(Action::ChangeStep(position, change)))
    };
    let settings = settings(&words, &entry.step, &change);
    let toggle = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let pass = entry.step.pass();
    let labels = [("name", (&name).into())];
    html! {
        <li class={classes!("stepi", (!on).then_some("off"), refused.then_some("refused"), lifted.class())} data-testid={format!("step-{pass}")} data-value={if on { "on" } else { "off" }}>
            { grip_button(&words, &name, *position, grip) }
            <span class="name">
                { &name }<small>{ step_note(&words, entry, *storage) }</small>
                if let Some(result) = result {
                    <small data-testid="step-bytes" data-value={result.bytes.to_string()}>{ words.text_with("step-result", &[("size", (&words.size(result.bytes)).into())]) }</small>
                }
            </span>
            <span class="acts">
                <button class="btn quiet icon more-of" type="button" aria-expanded={open.to_string()} aria-label={words.text_with("step-settings", &labels)} onclick={toggle}>
                    <svg class="ico" viewBox="0 0 20 20" aria-hidden="true"><path d="M5 7.5l5 5 5-5" /></svg>
                </button>
                <button class="switch" type="button" role="switch" aria-checked={on.to_string()} aria-label={words.text_with("step-switch", &labels)} onclick={change.reform(move |_: MouseEvent| StepChange::On(!on))} />
            </span>
            if matches!(entry.step, Step::Prune { .. }) {
                <div class="more">{ slider(&words, &entry.step, &change, *first) }</div>
            }
            if *open {
                <div class="more params">
                    { for settings }
                    { places(&words, &tools, &name, *position, *n_steps) }
                </div>
            }
        </li>
    }
}

/// What can be set of a step, besides the slider of pruning.
fn settings(words: &Words, step: &Step, change: &Callback<StepChange>) -> Vec<Html> {
    match step {
        Step::RemoveChannels { share, refit } => vec![
            choice(
                words,
                key("share"),
                with_own(&SHARES, (100.0 * share).round() as u32)
                    .map(|percent| (percent, words.percent(f64::from(percent) / 100.0, 0))),
                (100.0 * share).round() as u32,
                change.reform(StepChange::Share),
            ),
            choice(
                words,
                key("refit"),
                [(true, key("refit-on")), (false, key("refit-off"))].map(|(it, text)| (it, words.text(text))),
                *refit,
                change.reform(StepChange::Refit),
            ),
        ],
        Step::Prune { structure, distribution, repair, schedule, .. } => vec![
            choice(
                words,
                key("structure"),
                with_own(&STRUCTURES, *structure).map(|it| (it, structure_text(words, it))),
                *structure,
                change.reform(StepChange::Structure),
            ),
            choice(
                words,
                key("distribution"),
                [Distribution::Global, Distribution::Uniform, Distribution::Weighted, Distribution::Measured]
                    .map(|it| (it, words.text(distribution_text(it)))),
                *distribution,
                change.reform(StepChange::Distribution),
            ),
            repairs(words, *repair, change),
            if *repair == Repair::Reconstruct && structure.sparsity().is_none() {
                let steps = schedule.map_or(1, |schedule| schedule.steps);
                choice(
                    words,
                    key("increments"),
                    with_own(&INCREMENTS, steps).map(|steps| (steps, increments_text(words, steps))),
                    steps,
                    change.reform(StepChange::Increments),
                )
            } else {
                Html::default()
            },
        ],
        Step::Cluster { clusters, granularity, repair } => {
            vec![
                choice(
                    words,
                    key("clusters"),
                    with_own(&CLUSTERS, *clusters).map(|n| (n, words.count(n as u64))),
                    *clusters,
                    change.reform(StepChange::Clusters),
                ),
                choice(
                    words,
                    key("cluster-granularity"),
                    [
                        (ClusterGranularity::PerTensor, words.text("per-layer")),
                        (ClusterGranularity::PerChannel, words.text("per-channel")),
                    ],
                    *granularity,
                    change.reform(StepChange::ClusterGranularity),
                ),
                repairs(words, *repair, change),
            ]
        }
        Step::QuantizeWeights { bits, granularity, repair, .. } => vec![
            choice(
                words,
                key("bits"),
                [8, 4, 2].map(|bits| (bits, words.count(bits.into()))),
                *bits,
                change.reform(StepChange::Bits),
            ),
            choice(
                words,
                key("granularity"),
                [Granularity::PerTensor, Granularity::PerChannel, Granularity::Groups32]
                    .map(|it| (it, words.text(granularity_text(it)))),
                *granularity,
                change.reform(StepChange::Granularity),
            ),
            repairs(words, *repair, change),
        ],
        Step::QuantizeActivations { ranges } => vec![choice(
            words,
            key("ranges"),
            [RangeMethod::MinMax, RangeMethod::Percentile, RangeMethod::Mse, RangeMethod::Entropy]
                .map(|it| (it, words.text(ranges_text(it)))),
            *ranges,
            change.reform(StepChange::Ranges),
        )],
        Step::QuantizeForSize { .. }
        | Step::RemoveDeadChannels {}
        | Step::Equalize {}
        | Step::AbsorbBiases {}
        | Step::ReestimateBatchNorms {}
        | Step::RepairStatistics {}
        | Step::CorrectBiases {}
        | Step::Float16 {}
        | Step::Bfloat16 {} => Vec::new(),
    }
}

/// What is offered, and at its end what holds where that is not among it.
fn with_own<T: Copy + PartialEq>(offered: &[T], own: T) -> impl Iterator<Item = T> {
    let beside = (!offered.contains(&own)).then_some(own);
    offered.iter().copied().chain(beside)
}

/// A list of values with their names, of which one holds.
fn choice<T: Copy + PartialEq + 'static>(
    words: &Words,
    label: &'static str,
    values: impl IntoIterator<Item = (T, String)>,
    chosen: T,
    onchoose: Callback<T>,
) -> Html {
    let (values, names): (Vec<T>, Vec<String>) = values.into_iter().unzip();
    let entry = |(idx, name): (usize, String)| Entry {
        value: idx.to_string().into(),
        label: name.into(),
        disabled: false,
    };
    let entries: Vec<Entry> = names.into_iter().enumerate().map(entry).collect();
    let chosen = values.iter().position(|value| *value == chosen);
    let onchoose = Callback::from(move |idx: String| {
        if let Some(value) = idx.parse::<usize>().ok().and_then(|idx| values.get(idx)) {
            onchoose.emit(*value);
        }
    });
    let label = words.text(label);
    html! {
        <div class="param">
            <span class="note" aria-hidden="true">{ &label }</span>
            <Picker {label} {entries} chosen={chosen.map(|idx| idx.to_string()).unwrap_or_default()} {onchoose} />
        </div>
    }
}

fn repairs(words: &Words, repair: Repair, change: &Callback<StepChange>) -> Html {
    let all = [
        (Repair::Off, "off", key("repair-choice-off")),
        (Repair::Biases, "biases", key("repair-choice-biases")),
        (Repair::Reconstruct, "reconstruct", key("repair-choice-reconstruct")),
    ];
    let choices = all.map(|(_, value, label)| Choice {
        value,
        label: words.text(label).into(),
        name: None,
        lang: None,
        testid: None,
    });
    let chosen = all.iter().find(|(it, ..)| *it == repair).map_or("off", |(_, value, _)| value);
    let change = change.clone();
    let onchoose = Callback::from(move |value: &'static str| {
        if let Some((repair, ..)) = all.iter().find(|(_, it, _)| *it == value) {
            change.emit(StepChange::Repair(*repair));
        }
    });
    html! {
        <div class="param">
            <span class="note" aria-hidden="true">{ words.text("repair") }</span>
            <Segmented label={words.text("repair")} choices={choices.to_vec()} {chosen} {onchoose} class="full small" />
        </div>
    }
}

fn slider(words: &Words, step: &Step, change: &Callback<StepChange>, first: bool) -> Html {
    let percent = sparsity_percent(step);
    let slide = change.reform(|event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        StepChange::Sparsity(input.value().parse::<f64>().map_or(0, |percent| percent.round() as u32))
    });
    let label = words.text("sparsity");
    let shown = words.percent(f64::from(percent) / 100.0, 0);
    html! {
        <div class="slider">
            <input
                type="range" min="0" max={MAX_SPARSITY_PERCENT.to_string()} step="1" value={percent.to_string()}
                ~style={format!("--v:{:.2}%", 100.0 * f64::from(percent) / f64::from(MAX_SPARSITY_PERCENT))}
                aria-label={label.clone()} aria-valuetext={shown} data-testid={first.then_some("sparsity")} oninput={slide}
            />
            <span class="field"><PercentField {percent} {label} onset={change.reform(StepChange::Sparsity)} /><span>{ words.text("unit-percent") }</span></span>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct PercentProps {
    percent: u32,
    label: String,
    onset: Callback<u32>,
}

/// The sparsity to be typed. What is being typed stays until it is left or entered, whatever the page draws meanwhile.
#[component]
fn PercentField(props: &PercentProps) -> Html {
    let field = use_node_ref();
    let percent = props.percent;
    {
        let field = field.clone();
        use_effect_with(percent, move |percent| {
            if let Some(input) = field.cast::<HtmlInputElement>() {
                input.set_value(&percent.to_string());
            }
        });
    }
    let type_in = {
        let onset = props.onset.clone();
        Callback::from(move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            let typed = input.value().trim().trim_end_matches('%').replace(',', ".").trim().parse::<f64>();
            let percent = typed
                .map_or(percent, |typed| typed.round().clamp(0.0, f64::from(MAX_SPARSITY_PERCENT)) as u32);
            // What was typed is replaced by what holds, also where that has not changed.
            input.set_value(&percent.to_string());
            onset.emit(percent);
        })
    };
    html! { <input ref={field} inputmode="numeric" aria-label={props.label.clone()} onchange={type_in} /> }
}

/// The form that ships, which comes after all steps.
fn ship(words: &Words, tools: &Tools, storage: Storage) -> Html {
    let all = [Storage::Plain, Storage::Gzip, Storage::SparseCoded, Storage::EntropyCoded];
    let (_, note) = storage_texts(storage);
    let picker = choice(
        words,
        key("step-ship"),
        all.map(|it| (it, words.text(storage_texts(it).0))),
        storage,
        tools.dispatch.reform(Action::Ship),
    );
    html! {
        <li class="stepi" data-testid="ship">
            <div class="name">{ picker }<small>{ words.text(note) }</small></div>
        </li>
    }
}

/// Passes that can be added; each goes where it makes sense.
fn add(words: &Words, tools: &Tools, draft: &Draft) -> Html {
    let passes = draft.addable();
    let label = words.text("step-add");
    let mut entries = vec![Entry { value: "".into(), label: label.clone().into(), disabled: false }];
    entries.extend(passes.iter().map(|pass| Entry {
        value: (*pass).into(),
        label: pass_name(words, pass).into(),
        disabled: false,
    }));
    let dispatch = tools.dispatch.clone();
    let onchoose = Callback::from(move |chosen: String| {
        if let Some(pass) = passes.iter().find(|pass| **pass == chosen) {
            dispatch.emit(Action::AddStep(pass));
        }
    });
    html! { <div class="add"><Picker {label} {entries} chosen="" {onchoose} testid="add-step" /></div> }
}
