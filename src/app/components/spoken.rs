//! Both answers for those who do not see the page, when they change and at most every two seconds.

use yew::prelude::*;

use super::class_name;
use crate::app::lists::Naming;
use crate::app::state::Spoken;
use crate::app::tools::use_words;

/// Properties of [`SpokenAnswers`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What to read out.
    pub spoken: Option<Spoken>,
    /// Names of classes.
    pub naming: Naming,
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
        words.text_with(
            "spoken-answers",
            &[("original", (&original).into()), ("compressed", (&compressed).into())],
        )
    });
    html! { <p class="sr" aria-live="polite">{ text }</p> }
}
