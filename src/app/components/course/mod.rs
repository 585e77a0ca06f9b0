//! The view *Course*: a step's text on the left, what it talks about on the right.

mod arithmetic;
mod both;
mod figure;
mod guess;
mod keeps;
mod kernel_gains;
mod layer_views;
mod layers;
mod prose;
mod published;
mod question;
mod runs;
mod scan_views;
mod schedule;
mod side;
mod slider;
mod toys;

use std::rc::Rc;

use ::course::{Block, FigureAt, Glossary, Inline, Lesson, N_LESSONS, Sources, Step};
use web_sys::{HtmlCanvasElement, HtmlElement};
use yew::prelude::*;

use self::guess::GuessBox;
use self::question::Question;
use self::side::side;
use super::icon::{Icon, icon};
use crate::app::browser;
use crate::app::state::{Absent, Action, Place, State, Turn};
use crate::app::tools::{Tools, use_tools, use_words};
use crate::app::words::Words;

/// Properties of [`Course`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The frame loop's canvas.
    pub canvas: Option<HtmlCanvasElement>,
    /// Everything.
    pub state: Rc<State>,
}

/// What all parts of a step need.
struct Context<'a> {
    words: &'a Words,
    tools: &'a Tools,
    state: &'a State,
    lesson: &'a Lesson,
    step: &'a Step,
    references: Option<&'a (Glossary, Sources)>,
}

impl Context<'_> {
    /// A figure that answers a guess of this step or of a later one in the lesson stays hidden until the guess is made.
    fn is_masked(&self, figure: &FigureAt) -> bool {
        let made = &self.state.course.progress.guesses;
        let steps = self.lesson.steps.iter().skip_while(|step| step.control.step != self.step.control.step);
        let mut guesses = steps.filter_map(|step| step.control.guess.as_ref());
        guesses.any(|guess| !made.contains_key(&guess.id) && guess.answer.figures().contains(&figure))
    }
}

/// See the module.
#[component]
pub fn Course(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let state = &*props.state;
    let course = &state.course;
    let heading = use_node_ref();
    {
        let (heading, first) = (heading.clone(), use_mut_ref(|| true));
        use_effect_with(course.place, move |_| {
            // Whoever opens the page keeps the focus where it is; whoever turns a step hears its heading.
            if !std::mem::take(&mut *first.borrow_mut())
                && let Some(heading) = heading.cast::<HtmlElement>()
            {
                browser::focus(&heading);
            }
        });
    }
    let (Some(lesson), Some(step)) = (course.lesson(state.language), course.step(state.language)) else {
        let text = match course.missing(state.language) {
            Some(detail) => words.text_with("course-missing", &[("detail", detail.into())]),
            None => words.text("course-loads"),
        };
        return html! {
            <div class="lesson">
                <article class="prose">{ lessons(&words, state) }<h1>{ words.text("view-course") }</h1><p role="status">{ text }</p></article>
            </div>
        };
    };
    let references = course.references(state.language).map(|references| &**references);
    let context = Context { words: &words, tools: &tools, state, lesson, step, references };
    let number = words.count(course.place.step.into());
    let n_steps = words.count(lesson.steps.len() as u64);
    let values = [("step", (&number).into()), ("of", (&n_steps).into())];
    html! {
        <div class="lesson">
            <article class="prose" data-testid={format!("lesson-{}", lesson.number)} aria-labelledby="lesson-title">
                { lessons(&words, state) }
                <h1 id="lesson-title">{ &lesson.title }</h1>
                if course.place.step == 1 { <p class="aim note">{ &lesson.aim }</p> }
                { steps(&words, state, lesson) }
                <h2 ref={&heading} tabindex="-1" data-testid="step" data-value={step.control.step.clone()}>
                    <span class="sr">{ words.text_with("course-step", &values) }{ ": " }</span>{ &step.title }
                </h2>
                { prose::blocks(&context, &step.before) }
                if let Some(guess) = &step.control.guess {
                    <GuessBox
                        key={guess.id.clone()}
                        guess={guess.clone()}
                        made={course.progress.guesses.get(&guess.id).copied()}
                        truth={guess.truth(|figure| state.figure_number(figure))}
                        missing={guess.answer.figures().into_iter().find_map(|figure| state.figure(figure).err())}
                        waits={!course.queue.is_empty()}
                    />
                }
                if let Some(ask) = &step.control.ask {
                    <Question
                        key={ask.id.clone()}
                        ask={ask.clone()}
                        chosen={course.progress.options.get(&ask.id).cloned().unwrap_or_default()}
                        verdicts={(0..ask.options.len()).map(|position| ask.verdict(position, |figure| state.figure_number(figure))).collect::<Vec<_>>()}
                    />
                }
                if !step.after.is_empty() {
                    if course.answered(step) {
                        <div class="revealed">{ prose::blocks(&context, &step.after) }</div>
                    } else {
                        <p class="note masked-note" data-testid="masked">{ words.text("course-answer-first") }</p>
                    }
                }
                { notes(&context) }
                { turn(&words, &tools, state, lesson) }
            </article>
            <div class="stack sticky">{ side(&context, props.canvas.clone()) }</div>
        </div>
    }
}

/// The lessons, those that were seen to the end marked.
fn lessons(words: &Words, state: &State) -> Html {
    let now = state.course.place.lesson;
    let minutes = state.course.lesson(state.language).map(|lesson| {
        let minutes = words.count(lesson.minutes.into());
        words.text_with("course-minutes", &[("minutes", (&minutes).into())])
    });
    html! {
        <nav class="row wrap" aria-label={words.text("course-lessons")}>
            <span class="crumbs">
                { for (1..=N_LESSONS).map(|number| {
                    let seen = state.course.progress.steps.iter().any(|id| id.starts_with(&format!("l{number}.")));
                    let digits = words.count(number.into());
                    let name = words.text_with("course-lesson", &[("number", (&digits).into())]);
                    html! { <a key={number} href={format!("#{}", Place { lesson: number, step: 1 }.fragment())} class={(seen && number != now).then_some("done")} aria-current={(number == now).then_some("page")} aria-label={name}>{ digits }</a> }
                }) }
            </span>
            <span class="note">{ minutes }</span>
        </nav>
    }
}

/// The steps of the lesson as a row of small stairs.
fn steps(words: &Words, state: &State, lesson: &Lesson) -> Html {
    html! {
        <nav class="stairs" aria-label={words.text("course-steps")}>
            { for lesson.steps.iter().zip(1u8..).map(|(step, number)| {
                let seen = state.course.progress.steps.contains(&step.control.step);
                let digits = words.count(number.into());
                let values = [("step", (&digits).into()), ("title", (&step.title).into())];
                html! {
                    <a key={number} href={format!("#{}", Place { lesson: lesson.number, step: number }.fragment())} class={seen.then_some("done")} aria-current={(number == state.course.place.step).then_some("step")} aria-label={words.text_with("course-step-named", &values)} title={step.title.clone()}><i /></a>
                }
            }) }
        </nav>
    }
}

/// Where statements come from, and what a dash means.
fn notes(context: &Context<'_>) -> Html {
    let Context { words, state, step, references, .. } = context;
    let inline = step.blocks().flat_map(Block::inlines).filter_map(|inline| match inline {
        Inline::Source { key, .. } => Some(key),
        Inline::Text(_) | Inline::Term(_) | Inline::Stress(_) | Inline::Figure(_) => None,
    });
    let mut keys: Vec<&String> = Vec::new();
    for key in inline.chain(&step.control.source) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let sources = keys.into_iter().filter_map(|key| references.as_ref()?.1.source(key));
    let sources: Vec<Html> = sources
        .map(|source| {
            let document = match &source.link {
                Some(link) => html! { <a href={link.clone()} target="_blank" rel="noopener noreferrer">{ &source.document }</a> },
                None => html! { &source.document },
            };
            html! { <li>{ document }{ ". " }{ &source.claim }{ " " }<span class="dim">{ words.text_with("course-evidence", &[("evidence", (&source.evidence).into())]) }</span></li> }
        })
        .collect();
    let dashes = step.figures().iter().any(|figure| state.figure(figure) == Err(Absent::NotHere));
    html! {
        <>
        if dashes { <p class="note">{ words.text("course-not-here") }</p> }
        if !sources.is_empty() {
            <details class="note aside"><summary>{ words.text("course-sources") }</summary><ul class="sources">{ for sources }</ul></details>
        }
        </>
    }
}

/// Back and on.
fn turn(words: &Words, tools: &Tools, state: &State, lesson: &Lesson) -> Html {
    let back = state.course.turned(state.language, Turn::Back);
    let on = state.course.turned(state.language, Turn::On);
    let ends = on.is_none_or(|place| place.lesson != lesson.number);
    let next = if ends { words.text("course-next-lesson") } else { words.text("course-next") };
    html! {
        <>
        if ends { <p class="keep"><b>{ words.text("course-keep") }</b>{ " " }{ &lesson.keep }</p>{ keeps::keeps(words, tools, state, lesson) } }
        <p class="row turn">
            if back.is_some() {
                <button class="btn" type="button" data-testid="step-back" onclick={tools.on(Action::TurnSteps(Turn::Back))}>{ words.text("course-back") }</button>
            }
            <span class="grow" />
            if on.is_some() {
                <button class="btn main" type="button" data-testid="step-next" onclick={tools.on(Action::TurnSteps(Turn::On))}>{ next }{ icon(Icon::Next) }</button>
            }
        </p>
        </>
    }
}
