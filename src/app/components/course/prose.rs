//! Prose with live figures, terms that explain themselves, and sources.

use ::course::{Block, Inline};
use web_sys::HtmlElement;
use yew::prelude::*;

use super::Context;
use super::figure::{Wording, figure, figure_with};

/// Blocks of a step.
pub fn blocks(context: &Context<'_>, blocks: &[Block]) -> Html {
    blocks.iter().map(|it| block(context, it)).collect()
}

fn block(context: &Context<'_>, block: &Block) -> Html {
    match block {
        Block::Paragraph(text) => html! { <p>{ inlines(context, text) }</p> },
        Block::Either { condition, when, otherwise } => {
            let hidden = condition.figures().into_iter().any(|figure| context.is_masked(figure));
            match condition.holds(|figure| context.state.figure_number(figure)) {
                Some(true) if !hidden => html! { <p>{ inlines(context, when) }</p> },
                Some(false) if !hidden => html! { <p>{ inlines(context, otherwise) }</p> },
                _ => undecided(context, condition.figures()),
            }
        }
        Block::Table { head, rows } => html! {
            <div class="wide" tabindex="0" role="group" aria-label={context.step.title.clone()}>
                <table class="t">
                    <thead><tr>{ for head.iter().map(|cell| html! { <th scope="col">{ inlines(context, cell) }</th> }) }</tr></thead>
                    <tbody>{ for rows.iter().map(|row| html! { <tr>{ for row.iter().map(|cell| html! { <td>{ cell_of(context, cell) }</td> }) }</tr> }) }</tbody>
                </table>
            </div>
        },
    }
}

/// What follows depends on figures that are not there: the first of them, with its way to be had.
fn undecided(context: &Context<'_>, figures: Vec<&::course::FigureAt>) -> Html {
    let missing =
        figures.into_iter().find(|figure| context.state.figure(figure).is_err() || context.is_masked(figure));
    html! { <p class="note masked-note">{ context.words.text("course-undecided") }{ " " }{ missing.map(|it| figure(context, it)) }</p> }
}

fn cell_of(context: &Context<'_>, cell: &[Inline]) -> Html {
    match cell {
        [Inline::Figure(at)] => figure_with(context, at, Wording::Short),
        text => inlines(context, text),
    }
}

fn inlines(context: &Context<'_>, text: &[Inline]) -> Html {
    text.iter().map(|it| inline(context, it)).collect()
}

fn inline(context: &Context<'_>, inline: &Inline) -> Html {
    match inline {
        Inline::Text(text) => html! { text },
        Inline::Stress(text) => html! { <em>{ text }</em> },
        Inline::Figure(at) => figure(context, at),
        Inline::Term(word) => {
            let term = context.references.and_then(|(glossary, _)| glossary.term(word));
            match term {
                Some(term) => html! { <Term word={word.clone()} text={term.text.clone()} /> },
                None => html! { <b>{ word }</b> },
            }
        }
        Inline::Source { key, place } => {
            let source = context.references.and_then(|(_, sources)| sources.source(key));
            let shown = format!("[{key}{place}]");
            match source.and_then(|source| source.link.clone()) {
                Some(link) => {
                    html! { <a class="key" href={link} target="_blank" rel="noopener noreferrer">{ shown }</a> }
                }
                None => html! { <span class="key">{ shown }</span> },
            }
        }
    }
}

#[derive(Properties, PartialEq)]
struct TermProps {
    word: AttrValue,
    text: AttrValue,
}

/// A term; its sentence opens by hover, focus or touch, and Escape closes it.
#[component]
fn Term(props: &TermProps) -> Html {
    let id = format!("term-{}", props.word.to_lowercase().replace(' ', "-"));
    let onkeydown = Callback::from(|event: KeyboardEvent| {
        if event.key() == "Escape" {
            let button: HtmlElement = event.target_unchecked_into();
            // Losing the focus cannot fail for an element of the page.
            let _ = button.blur();
        }
    });
    html! {
        <span class="term-of"><button type="button" class="term" aria-describedby={id.clone()} {onkeydown}>{ &props.word }</button><span class="tip" role="tooltip" {id}>{ &props.text }</span></span>
    }
}
