//! Four sizes of the compressed model, each counted from the file that would be written; one of them ships.

use pipeline::Storage;
use yew::prelude::*;

use super::width_style;
use crate::app::tools::use_words;
use crate::app::words::key;
use crate::bridge::CompressedFacts;

/// Properties of [`SizeLadder`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The compressed model, where it belongs to what the controls show.
    pub facts: Option<std::rc::Rc<CompressedFacts>>,
}

/// See the module.
#[component]
pub fn SizeLadder(props: &Props) -> Html {
    let words = use_words();
    let sizes = props.facts.as_ref().map(|facts| facts.sizes);
    let shipped = props.facts.as_ref().map(|facts| facts.recipe.storage);
    let largest =
        sizes.map_or(1, |sizes| sizes.dense.max(sizes.gzip).max(sizes.sparse).max(sizes.coded).max(1));
    let row = |testid: &'static str, name: &'static str, form: Storage, bytes: Option<u64>| {
        let ships = shipped == Some(form);
        let exact = bytes.map(|bytes| {
            let count = words.count(bytes);
            words.text_with("exact-bytes", &[("bytes", (&count).into())])
        });
        html! {
            <li class={ships.then_some("ship")}>
                <span>{ words.text(name) }if ships { <span class="flag">{ words.text("shipped") }</span> }</span>
                <span class="bytes" data-testid={testid} data-value={bytes.map(|bytes| bytes.to_string())} title={exact}>{ bytes.map_or_else(|| "–".to_owned(), |bytes| words.size(bytes)) }</span>
                <span class="bar"><i ~style={width_style(bytes.unwrap_or(0) as f64 / largest as f64)} /></span>
            </li>
        }
    };
    html! {
        <ul class="ladder">
            { row("size-dense", key("size-dense"), Storage::Plain, sizes.map(|sizes| sizes.dense)) }
            { row("size-gzip", key("size-gzip"), Storage::Gzip, sizes.map(|sizes| sizes.gzip)) }
            { row("size-sparse", key("size-sparse"), Storage::SparseCoded, sizes.map(|sizes| sizes.sparse)) }
            { row("size-coded", key("size-coded"), Storage::EntropyCoded, sizes.map(|sizes| sizes.coded)) }
        </ul>
    }
}
