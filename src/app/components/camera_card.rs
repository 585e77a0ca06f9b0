//! What stands in the picture's place when no frames come: asking, every trouble with a camera, no source at all.

use yew::prelude::*;

use super::card::Card;
use super::icon::{Icon, icon};
use crate::app::state::{Action, CameraState, CameraTrouble, Source};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::{Words, key};

/// Properties of [`CameraCard`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where frames come from.
    pub source: Source,
    /// There are built-in pictures.
    pub has_pictures: bool,
    /// Frames with the same answer and frames in the window, where they are shown.
    pub counted: Option<(u32, u32)>,
}

/// See the module; nothing while frames come.
#[component]
pub fn CameraCard(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let Some(content) = content(&props.source) else { return Html::default() };
    let text = match (props.counted, content.unplugged) {
        (Some((same, n)), true) => {
            let (same, n) = (words.count(same.into()), words.count(n.into()));
            words.text_with("camera-unplugged-counted", &[("same", (&same).into()), ("n", (&n).into())])
        }
        _ => text_of(&content, &props.source, &words),
    };
    let retry = content.retry.map(|label| {
        html! { <button class="btn main" type="button" data-testid="start-camera" onclick={tools.on(Action::StartCamera)}>{ words.text(label) }</button> }
    });
    let pictures_class = if content.retry.is_some() { "btn" } else { "btn main" };
    html! {
        <div class={classes!("frame", "hold", content.unplugged.then_some("over"))}>
            <Card icon={content.icon} title={words.text(content.title)} {text} error={content.error} takes_focus={content.error}>
                { retry }
                if props.has_pictures {
                    <button class={pictures_class} type="button" data-testid="use-pictures" onclick={tools.on(Action::UsePictures)}>{ icon(Icon::Pictures) }{ words.text("use-pictures") }</button>
                }
                if matches!(props.source, Source::None) || !props.has_pictures {
                    <button class="btn" type="button" onclick={tools.open_file.reform(|_: MouseEvent| ())}>{ icon(Icon::File) }{ words.text("open-picture") }</button>
                }
            </Card>
        </div>
    }
}

struct Content {
    icon: Icon,
    title: &'static str,
    text: &'static str,
    retry: Option<&'static str>,
    error: bool,
    unplugged: bool,
}

fn content(source: &Source) -> Option<Content> {
    let state = match source {
        Source::None => {
            return Some(Content {
                icon: Icon::Pictures,
                title: key("no-source-title"),
                text: key("no-source-text"),
                retry: Some(key("start-camera")),
                error: false,
                unplugged: false,
            });
        }
        Source::Camera(state) => state,
        Source::Pictures | Source::OwnPictures { .. } | Source::OwnVideo { .. } => return None,
    };
    let again = Some(key("try-again"));
    let (icon, title, text, retry) = match state {
        CameraState::Running { .. } => return None,
        CameraState::Asking => (Icon::Camera, key("camera-asking-title"), key("camera-asking-text"), None),
        CameraState::Unplugged { .. } => {
            (Icon::Unplugged, key("camera-unplugged-title"), key("camera-unplugged-text"), again)
        }
        CameraState::Failed(trouble) => match trouble {
            CameraTrouble::Insecure => {
                (Icon::Warning, key("camera-insecure-title"), key("camera-insecure-text"), None)
            }
            CameraTrouble::Denied => {
                (Icon::Lock, key("camera-denied-title"), key("camera-denied-text"), again)
            }
            CameraTrouble::Dismissed => {
                (Icon::Camera, key("camera-dismissed-title"), key("camera-dismissed-text"), again)
            }
            CameraTrouble::NotFound => {
                (Icon::Camera, key("camera-none-title"), key("camera-none-text"), again)
            }
            CameraTrouble::InUse => {
                (Icon::Camera, key("camera-in-use-title"), key("camera-in-use-text"), again)
            }
            CameraTrouble::Overconstrained => {
                (Icon::Camera, key("camera-other-device-title"), key("camera-other-device-text"), again)
            }
            CameraTrouble::Other(_) => {
                (Icon::Warning, key("camera-other-title"), key("camera-other-text"), again)
            }
        },
    };
    let error = matches!(state, CameraState::Failed(_) | CameraState::Unplugged { .. });
    Some(Content {
        icon,
        title,
        text,
        retry,
        error,
        unplugged: matches!(state, CameraState::Unplugged { .. }),
    })
}

fn text_of(content: &Content, source: &Source, words: &Words) -> String {
    match source {
        Source::Camera(CameraState::Failed(CameraTrouble::Other(name))) => {
            words.text_with(content.text, &[("name", name.into())])
        }
        _ => words.text(content.text),
    }
}
