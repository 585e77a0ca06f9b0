//! What this browser keeps of the page, with sizes and a way to delete it, and the question whether to take a new version.

use yew::prelude::*;

use super::card::Card;
use super::icon::{Icon, icon};
use super::side_head::served_name;
use super::width_style;
use crate::app::state::{Action, Group, Offline, OfflineAction, Support, Update};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::{Words, key};

/// What the panel shows.
#[derive(Clone, PartialEq)]
pub struct Storage {
    /// What is kept.
    pub offline: Offline,
    /// The folder of the engine that runs.
    pub engine: Option<String>,
}

/// Properties of [`StoragePanel`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What to show.
    pub storage: Storage,
}

/// The panel.
#[component]
pub fn StoragePanel(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let Storage { offline, engine } = &props.storage;
    let on = |action: OfflineAction| tools.on::<MouseEvent>(Action::Offline(action));
    let shelves = offline.shelves(engine.as_deref());
    let complete = !shelves.is_empty() && offline.missing(engine.as_deref()).is_empty();
    let status = match offline.support {
        Support::Unknown => words.text("offline-starting"),
        Support::Missing => words.text("offline-missing"),
        Support::Ready if complete => words.text("offline-complete"),
        Support::Ready => words.text("offline-part"),
    };
    let action = match (offline.support, offline.keeping) {
        (Support::Ready, Some((done, total))) => {
            let share = done as f64 / total.max(1) as f64;
            let (of, all) = (words.megabytes(done), words.size(total));
            let text =
                words.text_with("offline-progress", &[("done", (&of).into()), ("size", (&all).into())]);
            html! {
                <div class="prog">
                    <b>{ text }</b>
                    <button class="btn" type="button" data-testid="offline-cancel" onclick={on(OfflineAction::Cancel)}>{ words.text("cancel") }</button>
                    <span class="bar" role="progressbar" aria-label={words.text("offline-make")} aria-valuemin="0" aria-valuemax="100" aria-valuenow={format!("{:.0}", 100.0 * share)}>
                        <i ~style={width_style(share)} />
                    </span>
                </div>
            }
        }
        (support, _) => {
            let value = if complete { "all" } else { "part" };
            html! {
                <button class="btn" type="button" data-testid="offline" data-value={value} disabled={complete || support != Support::Ready} onclick={on(OfflineAction::KeepAll)}>
                    { icon(if complete { Icon::Check } else { Icon::Save }) }{ words.text("offline-make") }
                </button>
            }
        }
    };
    html! {
        <section class="storage" aria-labelledby="storage-heading">
            <h3 id="storage-heading">{ words.text("offline-title") }</h3>
            <p class="note" role="status">{ status }</p>
            if let Some(why) = &offline.failure {
                <p class="note failed" role="alert" data-testid="error">{ words.text_with("offline-failed", &[("detail", why.into())]) }</p>
            }
            <div class="storage-act">{ action }</div>
            if !shelves.is_empty() {
                <table class="t wrapped" data-testid="storage">
                    <thead><tr>
                        <th scope="col">{ words.text("storage-what") }</th>
                        <th scope="col">{ words.text("storage-stored") }</th>
                        <th scope="col"><span class="sr">{ words.text("storage-delete") }</span></th>
                    </tr></thead>
                    <tbody>{ for shelves.into_iter().map(|shelf| {
                        let name = group_name(&words, &shelf.group);
                        let size = words.size(shelf.stored);
                        let value = if shelf.stored == shelf.all { size } else {
                            words.text_with("storage-of", &[("stored", (&words.megabytes(shelf.stored)).into()), ("size", (&words.size(shelf.all)).into())])
                        };
                        html! {
                            <tr key={group_key(&shelf.group)} data-testid={format!("stored-{}", group_key(&shelf.group))} data-value={shelf.stored.to_string()}>
                                <th scope="row">{ &name }</th><td>{ value }</td>
                                <td>if shelf.stored > 0 && shelf.group != Group::Page {
                                    <button class="link" type="button" aria-label={words.text_with("storage-delete-this", &[("name", (&name).into())])} onclick={on(OfflineAction::Forget(shelf.group))}>{ words.text("storage-delete") }</button>
                                }</td>
                            </tr>
                        }
                    }) }</tbody>
                </table>
            }
            if let Some(estimate) = offline.estimate {
                <p class="note">{ words.text_with("storage-estimate", &[("usage", (&words.size(estimate.usage)).into()), ("quota", (&words.size(estimate.quota)).into())]) }{ " " }{ words.text(if estimate.persistent { key("storage-persistent") } else { key("storage-clearable") }) }</p>
            }
        </section>
    }
}

fn group_key(group: &Group) -> String {
    match group {
        Group::Page => "page".to_owned(),
        Group::Engines => "engines".to_owned(),
        Group::Pictures => "pictures".to_owned(),
        Group::Model(id) => id.clone(),
        Group::Web => "web".to_owned(),
    }
}

fn group_name(words: &Words, group: &Group) -> String {
    match group {
        Group::Page => words.text("storage-page"),
        Group::Engines => words.text("storage-engines"),
        Group::Pictures => words.text("storage-pictures"),
        Group::Model(id) => words.text_with("storage-model", &[("name", (&served_name(words, id)).into())]),
        Group::Web => words.text("storage-web"),
    }
}

/// Properties of [`UpdateCard`].
#[derive(Properties, PartialEq)]
pub struct UpdateProps {
    /// Another version of the page.
    pub update: Update,
}

/// Asks before anything changes.
#[component]
pub fn UpdateCard(props: &UpdateProps) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let (title, text) = match props.update {
        Update::TakenElsewhere => (words.text("update-elsewhere-title"), words.text("update-elsewhere-text")),
        Update::Waits | Update::None => (words.text("update-title"), words.text("update-text")),
    };
    html! {
        <div class="floating" data-testid="update-card">
            <Card icon={Icon::Save} {title} {text}>
                <button class="btn main" type="button" data-testid="update" onclick={tools.on(Action::Offline(OfflineAction::Update))}>{ words.text("update-now") }</button>
                <button class="btn" type="button" data-testid="update-later" onclick={tools.on(Action::Offline(OfflineAction::Updated(Update::None)))}>{ words.text("update-later") }</button>
            </Card>
        </div>
    }
}
