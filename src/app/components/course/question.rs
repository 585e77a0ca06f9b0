//! A question: every option may be tried, and each says what is right about the thought and where it breaks.

use ::course::{Answer, Ask};
use yew::prelude::*;

use crate::app::state::Action;
use crate::app::tools::{use_tools, use_words};

/// Properties of [`Question`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The question.
    pub ask: Ask,
    /// Options that were chosen.
    pub chosen: Vec<usize>,
    /// What is known about each option.
    pub verdicts: Vec<Answer>,
}

/// See the module.
#[component]
pub fn Question(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let title = format!("ask-{}", props.ask.id.replace('.', "-"));
    let verdict = |position: usize| match props.verdicts.get(position) {
        Some(Answer::Right) => ("right", words.text("course-right")),
        Some(Answer::Wrong) => ("wrong", words.text("course-wrong")),
        Some(Answer::Open) | None => ("open", words.text("course-open")),
    };
    let options = props.ask.options.iter().enumerate().map(|(position, option)| {
        let chosen = props.chosen.contains(&position);
        let (class, text) = verdict(position);
        let choose = Action::ChooseOption { id: props.ask.id.clone(), position };
        html! {
            <li key={position} class={classes!("option", chosen.then_some(class))}>
                <button type="button" aria-pressed={chosen.to_string()} data-testid={format!("option-{}", position + 1)} onclick={tools.on(choose)}>
                    <span>{ &option.text }</span>
                    if chosen { <span class="flag">{ text }</span> }
                </button>
                <p class="feedback" role="status">if chosen { { &option.feedback } }</p>
            </li>
        }
    });
    html! {
        <section class="ask" data-testid="ask" aria-labelledby={title.clone()}>
            <h3 id={title}>{ &props.ask.text }</h3>
            <ul class="options">{ for options }</ul>
        </section>
    }
}
