//! The line between both sides of the picture: dragged by mouse, pen or finger, moved by keys.

use web_sys::Element;
use yew::prelude::*;

use crate::app::state::{Action, CompareAction};
use crate::app::tools::{use_tools, use_words};

/// Steps of keys, per cent.
const STEP: f64 = 2.0;
const PAGE: f64 = 10.0;

/// Properties of [`Divider`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Per cent of the picture on its left.
    pub value: f64,
}

/// See the module. Its parent is the picture.
#[component]
pub fn Divider(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let (held, handle) = (use_mut_ref(|| false), use_node_ref());
    let divide = {
        let dispatch = tools.dispatch.clone();
        Callback::from(move |percent: f64| dispatch.emit(Action::Compare(CompareAction::Divide(percent))))
    };
    let onpointerdown = {
        let (held, handle) = (held.clone(), handle.clone());
        Callback::from(move |event: PointerEvent| {
            if event.button() == 0
                && let Some(handle) = handle.cast::<Element>()
            {
                *held.borrow_mut() = handle.set_pointer_capture(event.pointer_id()).is_ok();
            }
        })
    };
    let onpointermove = {
        let (held, divide, handle) = (held.clone(), divide.clone(), handle.clone());
        Callback::from(move |event: PointerEvent| {
            if *held.borrow()
                && let Some(picture) = handle.cast::<Element>().and_then(|handle| handle.parent_element())
            {
                let edges = picture.get_bounding_client_rect();
                if edges.width() > 0.0 {
                    divide.emit(100.0 * (f64::from(event.client_x()) - edges.left()) / edges.width());
                }
            }
        })
    };
    let release = Callback::from(move |_: PointerEvent| *held.borrow_mut() = false);
    let onkeydown = {
        let (divide, value) = (divide.clone(), props.value);
        Callback::from(move |event: KeyboardEvent| {
            let to = match event.key().as_str() {
                "ArrowLeft" | "ArrowDown" => value - STEP,
                "ArrowRight" | "ArrowUp" => value + STEP,
                "PageDown" => value - PAGE,
                "PageUp" => value + PAGE,
                "Home" => 0.0,
                "End" => 100.0,
                _ => return,
            };
            event.prevent_default();
            divide.emit(to);
        })
    };
    let ondblclick = divide.reform(|_: MouseEvent| 50.0);
    let percent = words.count(props.value.round() as u64);
    let text = words.text_with("divider-value", &[("percent", (&percent).into())]);
    html! {
        <div
            ref={handle}
            class="divider"
            role="slider"
            tabindex="0"
            data-testid="divider"
            data-value={format!("{:.0}", props.value)}
            aria-label={words.text("divider")}
            aria-orientation="horizontal"
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow={format!("{:.0}", props.value)}
            aria-valuetext={text}
            ~style={format!("left:{:.2}%", props.value)}
            {onpointerdown}
            {onpointermove}
            onpointerup={release.clone()}
            onpointercancel={release}
            {onkeydown}
            {ondblclick}
        >
            <svg viewBox="0 0 44 44" aria-hidden="true">
                <path class="knob" d="M22 4a18 18 0 0 0 0 36zM22 4h8v4h5v6h5v16h-5v6h-5v4h-8z" />
                <path class="rim" d="M22 4a18 18 0 0 0 0 36M22 4h8v4h5v6h5v16h-5v6h-5v4h-8" />
                <path class="arrows" d="M16 17l-5 5 5 5M28 17l5 5-5 5" />
            </svg>
        </div>
    }
}
