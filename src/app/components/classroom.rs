//! The view *Class*: codes that learners send, their runs in one chart and one table.

use std::rc::Rc;

use web_sys::{HtmlCanvasElement, HtmlTextAreaElement};
use yew::prelude::*;

use super::plot::Plot;
use super::recipe_words::{pass_name, preset_name};
use super::side_head::served_name;
use super::stage::Stage;
use crate::app::state::{Action, CodeError, RoomAction, Run, Same, State};
use crate::app::statistics::{honest_percent, wilson_interval};
use crate::app::tools::{Tools, use_tools, use_words};
use crate::app::words::{Words, key};

/// Properties of [`Classroom`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The frame loop's canvas.
    pub canvas: Option<HtmlCanvasElement>,
    /// Everything.
    pub state: Rc<State>,
}

/// See the module.
#[component]
pub fn Classroom(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let room = &props.state.room;
    let on = |action: RoomAction| tools.on::<MouseEvent>(Action::Room(action));
    let dispatch = tools.dispatch.clone();
    let oninput = Callback::from(move |event: InputEvent| {
        let field: HtmlTextAreaElement = event.target_unchecked_into();
        dispatch.emit(Action::Room(RoomAction::Text(field.value())));
    });
    let invalid = (!room.wrong.is_empty()).then_some("true");
    html! {
        <>
        <div class="viewhead"><div><h1>{ words.text("class-title") }</h1><p>{ words.text("class-lead") }</p></div></div>
        <div class="experiments classroom">
            <section class="box" aria-labelledby="codes-heading">
                <header><h2 id="codes-heading">{ words.text("class-codes") }</h2></header>
                <label class="note" for="codes">{ words.text("class-field") }</label>
                <textarea id="codes" class="codes mono" rows="5" spellcheck="false" autocapitalize="characters" data-testid="codes" aria-invalid={invalid} aria-describedby="codes-wrong" value={room.text.clone()} {oninput} />
                <div id="codes-wrong" role="alert">
                    if !room.wrong.is_empty() {
                        <ul class="note failed" data-testid="codes-wrong">{ for room.wrong.iter().map(|(line, error)| html! { <li>{ wrong(&words, *line, *error) }</li> }) }</ul>
                    }
                </div>
                <div class="row wrap">
                    <button class="btn main" type="button" data-testid="codes-add" disabled={room.text.trim().is_empty()} onclick={on(RoomAction::Add)}>{ words.text("class-add") }</button>
                    <button class="btn" type="button" data-testid="codes-scan" aria-pressed={room.scanning.to_string()} disabled={room.blind} onclick={on(RoomAction::Scan(!room.scanning))}>{ words.text("class-scan") }</button>
                    <span class="note" role="status" data-testid="codes-status">{ status(&words, room.added, room.blind, room.scanning) }</span>
                </div>
                if room.scanning { <Stage canvas={props.canvas.clone()} class="frame scan" /> }
            </section>
            if room.runs.is_empty() {
                <section class="box"><p class="note">{ words.text("class-empty") }</p></section>
            } else {
                <section class="box" aria-labelledby="chart-heading">
                    <header><h2 id="chart-heading">{ words.text("class-chart") }</h2></header>
                    <Chart state={props.state.clone()} />
                    <p class="note">{ words.text("class-chart-note") }</p>
                </section>
                { table(&words, &tools, &props.state) }
            }
        </div>
        </>
    }
}

fn wrong(words: &Words, line: usize, error: CodeError) -> String {
    let line = words.count(line as u64);
    let why = match error {
        CodeError::NoCode => words.text("code-none"),
        CodeError::Version => words.text("code-version"),
        CodeError::Character(character) => {
            let character = character.to_string();
            words.text_with("code-character", &[("character", (&character).into())])
        }
        CodeError::Checksum => words.text("code-checksum"),
    };
    words.text_with("code-line", &[("line", (&line).into()), ("why", (&why).into())])
}

fn status(words: &Words, added: Option<(usize, usize)>, blind: bool, scanning: bool) -> String {
    if blind {
        return words.text("class-blind");
    }
    if scanning {
        return words.text("class-scanning");
    }
    added.map_or_else(String::new, |(added, known)| {
        let (added, known) = (words.count(added as u64), words.count(known as u64));
        words.text_with("class-added", &[("added", (&added).into()), ("known", (&known).into())])
    })
}

fn recipe_name(words: &Words, run: &Run) -> String {
    if let Some(preset) = run.recipe.preset() {
        return preset_name(words, preset);
    }
    let passes = run.recipe.passes();
    if passes.is_empty() {
        return words.text("class-recipe-unknown");
    }
    let names: Vec<String> = passes.into_iter().map(|pass| pass_name(words, pass)).collect();
    names.join(" + ")
}

fn model_name(words: &Words, state: &State, run: &Run) -> String {
    match state.model_of(run) {
        Some(id) => served_name(words, &id),
        None => words.text_with("class-model-unknown", &[("code", (&format!("{:04X}", run.model)).into())]),
    }
}

fn same_text(words: &Words, same: Same) -> Html {
    let n = words.count(same.n.into());
    let share = words.percent(honest_percent(same.same, same.n) / 100.0, 1);
    let kind = words.text(if same.fixed { key("class-fixed") } else { key("class-frames") });
    html! { <>{ share }<small>{ format!(" n\u{a0}{n}, {kind}") }</small></> }
}

fn table(words: &Words, tools: &Tools, state: &State) -> Html {
    let n = state.room.runs.len() as u64;
    let on = |action: RoomAction| tools.on::<MouseEvent>(Action::Room(action));
    html! {
        <section class="box class-table" aria-labelledby="runs-heading">
            <header><h2 id="runs-heading">{ words.text_with("class-runs", &[("n", n.into())]) }</h2><span class="grow" />
                <button class="btn" type="button" data-testid="class-csv" onclick={on(RoomAction::SaveCsv)}>{ words.text("experiments-csv") }</button>
                <button class="btn" type="button" data-testid="class-clear" onclick={on(RoomAction::Clear)}>{ words.text("class-clear") }</button>
            </header>
            <div class="scroll" tabindex="0" role="region" aria-labelledby="runs-heading">
                <table class="t" data-testid="class-runs" data-n={n.to_string()}>
                    <thead><tr>
                        <th scope="col">{ words.text("class-who") }</th><th scope="col">{ words.text("class-model") }</th><th scope="col">{ words.text("recipe") }</th>
                        <th scope="col">{ words.text("unit-megabytes") }</th><th scope="col">{ words.text("class-smaller") }</th><th scope="col">{ words.text("unit-milliseconds") }</th><th scope="col">{ words.text("history-same") }</th>
                    </tr></thead>
                    <tbody>{ for state.room.runs.iter().enumerate().map(|(idx, run)| {
                        let [original, shipped] = run.bytes;
                        html! {
                            <tr key={idx}>
                                <th scope="row">{ who(words, idx, run) }</th><td>{ model_name(words, state, run) }</td><td>{ recipe_name(words, run) }</td>
                                <td>{ words.megabytes(shipped) }</td><td>{ words.factor(original as f64, shipped as f64) }{ "×" }</td>
                                <td>{ run.millis.map_or_else(|| "–".to_owned(), |[a, b]| format!("{} / {}", words.millis(a), words.millis(b))) }</td>
                                <td>{ run.agreement.map_or_else(|| html! { "–" }, |same| same_text(words, same)) }</td>
                            </tr>
                        }
                    }) }</tbody>
                </table>
            </div>
            <p class="note">{ words.text("class-table-note") }</p>
        </section>
    }
}

fn who(words: &Words, idx: usize, run: &Run) -> String {
    if !run.name.is_empty() {
        return run.name.clone();
    }
    let number = words.count(idx as u64 + 1);
    words.text_with("class-nobody", &[("n", (&number).into())])
}

const PLOT: Plot = Plot { width: 640.0, height: 360.0, left: 52.0, right: 20.0, top: 26.0, bottom: 44.0 };

#[derive(Properties, PartialEq)]
struct ChartProps {
    state: Rc<State>,
}

/// Runs of different models share the chart, so its axis is the shipped share of each run's own original.
#[component]
fn Chart(props: &ChartProps) -> Html {
    let words = use_words();
    let room = &props.state.room;
    let runs: Vec<(usize, &Run, Same)> =
        room.runs.iter().enumerate().filter_map(|(idx, run)| Some((idx, run, run.agreement?))).collect();
    let widest = runs.iter().map(|(_, run, _)| run.shipped_share()).fold(1.0, f64::max);
    let lowest = runs.iter().map(|(_, _, same)| wilson_interval(same.same, same.n).0).fold(0.8, f64::min);
    let lowest = (lowest * 10.0).floor() / 10.0;
    let x = |share: f64| PLOT.x(share / widest);
    let y = |same: f64| PLOT.y((same - lowest) / (1.0 - lowest));
    let ticks = |from: f64, to: f64| -> Vec<f64> {
        (0..=5).map(|idx| from + f64::from(idx) / 5.0 * (to - from)).collect()
    };
    let front = room.front().into_iter().filter_map(|idx| {
        let run = &room.runs[idx];
        Some(format!("{:.1} {:.1}", x(run.shipped_share()), y(run.agreement?.share())))
    });
    let front: Vec<String> = front.collect();
    let n = words.count(runs.len() as u64);
    let label = words.text_with("class-chart-label", &[("n", (&n).into())]);
    html! {
        <div class="scroll" tabindex="0" role="region" aria-label={label.clone()}>
            <svg class="pareto" xmlns="http://www.w3.org/2000/svg" width={PLOT.width.to_string()} height={PLOT.height.to_string()} viewBox={PLOT.view_box()} role="img" aria-label={label} data-testid="class-chart" data-n={runs.len().to_string()}>
                { for ticks(lowest, 1.0).into_iter().map(|share| PLOT.row(y(share), words.percent(share, 0))) }
                { for ticks(0.0, widest).into_iter().map(|share| PLOT.column(x(share), words.percent(share, 0))) }
                { PLOT.titles(words.text("class-x"), words.text("pareto-y")) }
                if front.len() > 1 { <path class="front" d={format!("M{}", front.join("L"))} /> }
                <circle class="original" cx={format!("{:.1}", x(1.0))} cy={format!("{:.1}", y(1.0))} r="7"><title>{ words.text("original") }</title></circle>
                { for runs.iter().map(|(idx, run, same)| {
                    let (low, high) = wilson_interval(same.same, same.n);
                    let (at, place) = (x(run.shipped_share()), y(same.share()));
                    html! {
                        <g key={*idx}><path class="whisker" d={format!("M{at:.1} {:.1}V{:.1}", y(high), y(low))} />
                        <rect class="mark" x={format!("{:.1}", at - 5.0)} y={format!("{:.1}", place - 5.0)} width="10" height="10"><title>{ format!("{}: {}", who(&words, *idx, run), recipe_name(&words, run)) }</title></rect></g>
                    }
                }) }
            </svg>
        </div>
    }
}
