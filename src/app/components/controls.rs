//! Under the picture: pause, mirror, where frames come from, open a file.

use yew::prelude::*;

use super::icon::{Icon, icon};
use super::picker::{Entry, Picker};
use crate::app::state::{Action, Camera, Source};
use crate::app::tools::{Tools, use_tools, use_words};
use crate::app::words::Words;

/// Values of the list of sources; devices carry the prefix.
const PICTURES: &str = "pictures";
const OWN: &str = "own";
const FILE: &str = "file";
const ANY_CAMERA: &str = "camera";
const CAMERA_PREFIX: &str = "camera:";

/// Properties of [`Controls`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Frames stand still.
    pub paused: bool,
    /// The picture is mirrored.
    pub mirrored: bool,
    /// Where frames come from.
    pub source: Source,
    /// The cameras.
    pub camera: Camera,
    /// There are built-in pictures.
    pub has_pictures: bool,
}

/// See the module.
#[component]
pub fn Controls(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let (pause_icon, pause_name) =
        if props.paused { (Icon::Play, words.text("go-on")) } else { (Icon::Pause, words.text("pause")) };
    let onchoose = {
        let tools = tools.clone();
        Callback::from(move |value: String| choose(&tools, &value))
    };
    html! {
        <div class="controls">
            <button class="btn icon" type="button" data-testid="pause" aria-pressed={props.paused.to_string()} aria-label={words.text("pause")} title={pause_name} onclick={tools.on(Action::TogglePause)}>{ icon(pause_icon) }</button>
            <button class="btn icon" type="button" data-testid="mirror" aria-pressed={props.mirrored.to_string()} aria-label={words.text("mirror")} title={words.text("mirror")} onclick={tools.on(Action::ToggleMirror)}>{ icon(Icon::Mirror) }</button>
            <Picker label={words.text("source")} entries={entries(props, &words)} chosen={chosen(props)} {onchoose} testid="source" />
            <button class="btn" type="button" data-testid="open-file" onclick={tools.open_file.reform(|_: MouseEvent| ())}>{ icon(Icon::File) }{ words.text("open-file") }</button>
        </div>
    }
}

fn entries(props: &Props, words: &Words) -> Vec<Entry> {
    let mut entries = Vec::new();
    match &props.source {
        Source::None => {
            entries.push(Entry { value: "".into(), label: words.text("source-none").into(), disabled: true })
        }
        Source::OwnPictures { n } => {
            let count = words.count((*n).into());
            let values = [("n", u64::from(*n).into()), ("count", (&count).into())];
            entries.push(Entry {
                value: OWN.into(),
                label: words.text_with("own-pictures", &values).into(),
                disabled: false,
            });
        }
        Source::OwnVideo { name } => {
            entries.push(Entry { value: OWN.into(), label: name.clone().into(), disabled: false });
        }
        Source::Pictures | Source::Camera(_) => {}
    }
    let pictures =
        if props.has_pictures { words.text("use-pictures") } else { words.text("source-no-pictures") };
    entries.push(Entry { value: PICTURES.into(), label: pictures.into(), disabled: !props.has_pictures });
    // Devices have names only after one was allowed; until then there is just "the camera".
    let named: Vec<_> = props.camera.devices.iter().filter(|(_, label)| !label.is_empty()).collect();
    if named.is_empty() {
        entries.push(Entry {
            value: ANY_CAMERA.into(),
            label: words.text("source-camera").into(),
            disabled: false,
        });
    }
    for (device, label) in named {
        entries.push(Entry {
            value: format!("{CAMERA_PREFIX}{device}").into(),
            label: label.clone().into(),
            disabled: false,
        });
    }
    entries.push(Entry { value: FILE.into(), label: words.text("source-file").into(), disabled: false });
    entries
}

fn chosen(props: &Props) -> AttrValue {
    match &props.source {
        Source::None => "".into(),
        Source::Pictures => PICTURES.into(),
        Source::OwnPictures { .. } | Source::OwnVideo { .. } => OWN.into(),
        Source::Camera(_) => {
            let named =
                props.camera.devices.iter().filter(|(_, label)| !label.is_empty()).map(|(device, _)| device);
            let device = named.clone().find(|device| Some(*device) == props.camera.device.as_ref());
            device
                .or(named.clone().next())
                .map_or(ANY_CAMERA.into(), |device| format!("{CAMERA_PREFIX}{device}").into())
        }
    }
}

fn choose(tools: &Tools, value: &str) {
    match value {
        PICTURES => tools.dispatch.emit(Action::UsePictures),
        ANY_CAMERA => tools.dispatch.emit(Action::StartCamera),
        FILE => tools.open_file.emit(()),
        other => {
            if let Some(device) = other.strip_prefix(CAMERA_PREFIX) {
                tools.dispatch.emit(Action::ChooseCamera(device.to_owned()));
            }
        }
    }
}
