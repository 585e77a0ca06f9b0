//! Lists, lessons, and what an earlier visit has kept.

use std::rc::Rc;

use course::{Glossary, Lesson, Sources};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{EXPERIMENTS_KEY, Message, Page};
use crate::app::lists::{CatalogEntry, PictureFacts, ServedModel};
use crate::app::state::{Action, CourseText};
use crate::app::words::Language;
use crate::app::{browser, camera, database, pictures};

/// Reads what an earlier visit has kept. Visits before there was a database kept it in `localStorage`: it moves once.
pub(super) fn fetch_experiments(context: &Context<Page>) {
    context.link().send_future(async {
        let kept = database::kept(EXPERIMENTS_KEY).await.inspect_err(|error| {
            browser::warn("no database; experiments last for this visit", error);
        });
        let text = match kept {
            Ok(None) => browser::take_stored(EXPERIMENTS_KEY),
            other => other.ok().flatten(),
        };
        if let Some(text) = &text {
            // Without a database this fails as reading did.
            let _ = database::keep(EXPERIMENTS_KEY, text).await;
        }
        Message::Kept(text.and_then(|text| serde_json::from_str(&text).ok()))
    });
}

pub(super) fn list_cameras(context: &Context<Page>) {
    context.link().send_future(async { Message::Act(Action::CamerasListed(camera::list().await)) });
}

pub(super) fn fetch_lists(context: &Context<Page>) {
    let link = context.link();
    link.send_future(async {
        let served = browser::fetch_json::<Vec<ServedModel>>("models/index.json").await;
        Message::Act(Action::ServedListed(served.unwrap_or_default()))
    });
    link.send_future(async {
        let catalog = browser::fetch_json::<Vec<CatalogEntry>>("catalog.json").await;
        Message::Act(Action::CatalogListed(catalog.unwrap_or_default()))
    });
    let link = link.clone();
    spawn_local(async move {
        let listed =
            browser::fetch_json::<Vec<PictureFacts>>("pictures/index.json").await.unwrap_or_default();
        link.send_message(Message::Act(Action::PicturesListed(listed.clone())));
        for facts in &listed {
            match pictures::fetch(&facts.file).await {
                Ok(bitmap) => link.send_message(Message::Picture(bitmap)),
                Err(error) => browser::warn(&facts.file, &error),
            }
        }
    });
}

/// Fetches a lesson, and with it glossary and sources, which every lesson needs.
pub(super) fn fetch_lesson(context: &Context<Page>, language: Language, number: u8) {
    context.link().send_future_batch(async move {
        let folder = format!("course/{}", language.tag());
        let lesson = match browser::fetch_text(&format!("{folder}/lesson-{number}.json")).await {
            Some(text) => serde_json::from_str::<Lesson>(&text).map_err(|error| error.to_string()),
            None => Err(format!("lesson-{number}.json")),
        };
        let lesson = match lesson {
            Ok(lesson) => CourseText::Lesson(number, Rc::new(lesson)),
            Err(why) => CourseText::Missing(number, why),
        };
        let mut arrived = vec![lesson];
        let glossary = browser::fetch_json::<Glossary>(&format!("{folder}/glossary.json")).await;
        let sources = browser::fetch_json::<Sources>(&format!("{folder}/sources.json")).await;
        if let (Some(glossary), Some(sources)) = (glossary, sources) {
            arrived.push(CourseText::References(Rc::new((glossary, sources))));
        }
        arrived
            .into_iter()
            .map(|text| Message::Act(Action::CourseArrived(language, text)))
            .collect::<Vec<_>>()
    });
}
