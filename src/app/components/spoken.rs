//! Both answers for those who do not see the page, when they change and at most every two seconds.

use yew::prelude::*;

use super::class_name;
use crate::app::lists::Naming;
use crate::app::state::Spoken;
use crate::app::tools::use_words;
use crate::app::words::key;

/// Properties of [`SpokenAnswers`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What to read out.
    pub spoken: Option<Spoken>,
    /// Names of classes.
    pub naming: Naming,
    /// The left side is the original.
    pub original: bool,
}

/// See the module.
#[component]
pub fn SpokenAnswers(props: &Props) -> Html {
    let words = use_words();
    let text = props.spoken.map(|spoken| {
        let side = |(class, probability): (u32, f32)| {
            format!("{} {}", class_name(&props.naming, class, &words), words.percent(probability.into(), 0))
        };
        let (original, compressed) = (side(spoken.original), side(spoken.compressed));
        let text = if props.original { key("spoken-answers") } else { key("spoken-left") };
        words.text_with(text, &[("original", (&original).into()), ("compressed", (&compressed).into())])
    });
    html! { <p class="sr" aria-live="polite">{ text }</p> }
}
