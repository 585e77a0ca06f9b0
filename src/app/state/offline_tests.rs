//! What is kept for times without a network, without a browser.

use super::tests::Page;
use super::*;

fn asked(page: &Page) -> Vec<&OfflineEffect> {
    let effects = page.effects.iter();
    effects
        .filter_map(|effect| if let Effect::Offline(effect) = effect { Some(effect) } else { None })
        .collect()
}

fn file(path: &str, bytes: u64, shell: bool, stored: bool) -> StoredFile {
    StoredFile { path: path.into(), bytes, shell, stored }
}

fn files() -> Vec<StoredFile> {
    vec![
        file("index.html", 5, true, true),
        file("models/everyday-60.safetensors", 30, false, true),
        file("models/efficientnet-lite0.safetensors", 70, false, false),
        file("models/sha256/00ff", 9, false, true),
        file("pictures/a.png", 4, false, false),
        file("worker/simd128/worker_bg.wasm", 11, false, false),
        file("worker/relaxed/worker_bg.wasm", 12, false, false),
    ]
}

#[test]
fn the_service_worker_is_started_once_and_keeps_what_is_used() {
    let mut page = Page::ready();
    page.act(Action::TogglePause);
    assert!(!asked(&page).contains(&&OfflineEffect::Register), "it was asked for when the model came");
    page.act(Action::Offline(OfflineAction::Supported(true)));
    let kept = asked(&page).into_iter().find_map(|effect| match effect {
        OfflineEffect::Keep { paths, shown: false } => Some(paths.clone()),
        _ => None,
    });
    let kept = kept.expect("what is used is kept");
    assert!(
        kept.iter().any(|path| path.starts_with("models/") && path.ends_with(".safetensors")),
        "{kept:?}"
    );
    assert!(
        kept.iter().any(|path| path.starts_with("worker/") && path.ends_with("worker_bg.wasm")),
        "{kept:?}"
    );
    page.act(Action::TogglePause);
    assert_eq!(asked(&page), Vec::<&OfflineEffect>::new(), "nothing is asked twice");
}

#[test]
fn everything_is_what_this_browser_uses() {
    let mut page = Page::ready();
    page.act(Action::Offline(OfflineAction::Supported(true)));
    page.act(Action::Offline(OfflineAction::Listed(files(), None)));
    let engine = page.state.engine_folder().expect("a worker runs");
    page.act(Action::Offline(OfflineAction::KeepAll));
    let [OfflineEffect::Keep { paths, shown: true }] = asked(&page)[..] else { panic!("{:?}", asked(&page)) };
    assert!(paths.contains(&"models/efficientnet-lite0.safetensors".to_owned()));
    assert_eq!(paths.iter().filter(|path| path.starts_with("worker/")).count(), 1);
    assert!(paths.iter().all(|path| !path.starts_with("worker/") || path.starts_with(&engine)));
    assert_eq!(page.state.offline.keeping.map(|(done, total)| (done, total > 70)), Some((0, true)));
    page.act(Action::Offline(OfflineAction::KeepAll));
    assert!(asked(&page).is_empty(), "it runs already");
    page.act(Action::Offline(OfflineAction::NotKept(Some("a.png: status 404".into()))));
    assert_eq!(page.state.offline.failure.as_deref(), Some("a.png: status 404"));
    assert_eq!(asked(&page), [&OfflineEffect::List]);
}

#[test]
fn the_panel_groups_files_and_deletes_a_group() {
    let mut page = Page::ready();
    page.act(Action::Offline(OfflineAction::Supported(true)));
    page.act(Action::Offline(OfflineAction::Listed(files(), None)));
    let shelves = page.state.offline.shelves(Some("worker/relaxed/"));
    let shown: Vec<(&Group, u64, u64)> =
        shelves.iter().map(|shelf| (&shelf.group, shelf.stored, shelf.all)).collect();
    let lite = Group::Model("efficientnet-lite0".into());
    let everyday = Group::Model("everyday-60".into());
    let expected = [
        (&Group::Page, 5, 5),
        (&Group::Engines, 0, 12),
        (&Group::Pictures, 0, 4),
        (&lite, 0, 70),
        (&everyday, 30, 30),
        (&Group::Web, 9, 9),
    ];
    assert_eq!(shown, expected);
    page.act(Action::Offline(OfflineAction::Forget(Group::Web)));
    assert_eq!(asked(&page), [&OfflineEffect::Forget(vec!["models/sha256/00ff".into()])]);
}

#[test]
fn a_new_version_waits_for_the_visitor() {
    let mut page = Page::ready();
    page.act(Action::Offline(OfflineAction::Updated(Update::Waits)));
    assert_eq!(page.state.offline.update, Update::Waits);
    page.act(Action::Offline(OfflineAction::Update));
    assert_eq!(asked(&page), [&OfflineEffect::TakeOver]);
    page.act(Action::Offline(OfflineAction::Updated(Update::TakenElsewhere)));
    page.act(Action::Offline(OfflineAction::Update));
    assert_eq!(asked(&page), [&OfflineEffect::Reload]);
}
