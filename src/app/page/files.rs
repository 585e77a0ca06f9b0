//! Files that the visitor chose or dropped.

use web_sys::{Element, File, FileList};
use yew::prelude::*;

use super::{Message, Page};
use crate::app::files::{FileKind, kind_of};
use crate::app::pictures::{self, FileVideo, MAX_PICTURES};
use crate::app::state::Action;

/// Sorts files by kind and reads them: one model, or one recipe, or one video, or any number of pictures.
pub(super) fn take_files(context: &Context<Page>, feeds: Option<Element>, files: Vec<File>) {
    let link = context.link().clone();
    let of_kind = |kind| files.iter().filter(move |file| kind_of(&file.name(), &file.type_()) == kind);
    let pictures: Vec<File> = of_kind(FileKind::Picture).take(MAX_PICTURES).cloned().collect();
    if let Some(file) = of_kind(FileKind::Model).next().cloned() {
        link.send_future(async move {
            match pictures::bytes(&file).await {
                Ok(bytes) => Message::OwnModel(file.name(), bytes),
                Err(_) => Message::Act(Action::FileUnreadable { name: file.name() }),
            }
        });
    } else if let Some(file) = of_kind(FileKind::Recipe).next().cloned() {
        link.send_future(async move {
            let name = file.name();
            Message::Act(match pictures::text(&file).await {
                Some(json) => Action::RecipeRead { name, json },
                None => Action::FileUnreadable { name },
            })
        });
    } else if !pictures.is_empty() {
        link.send_future_batch(read_pictures(pictures));
    } else if let Some(file) = of_kind(FileKind::Video).next().cloned() {
        link.send_future(async move {
            let name = file.name();
            match feeds {
                Some(feeds) => match FileVideo::play(&file, &feeds).await {
                    Ok(video) => Message::OwnVideo(name, video),
                    Err(_) => Message::Act(Action::FileUnreadable { name }),
                },
                None => Message::Act(Action::FileUnreadable { name }),
            }
        });
    } else if let Some(file) = files.first() {
        link.send_message(Message::Act(Action::FileUnknown { name: file.name() }));
    }
}

async fn read_pictures(files: Vec<File>) -> Vec<Message> {
    let (mut shown, mut sent, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let decoded = match pictures::decode(&file).await {
            Ok(bitmap) => pictures::copy(&bitmap).await.map(|copy| (bitmap, copy)),
            Err(error) => Err(error),
        };
        match decoded {
            Ok((bitmap, copy)) => {
                shown.push(bitmap);
                sent.push(copy);
            }
            Err(_) => messages.push(Message::Act(Action::FileUnreadable { name: file.name() })),
        }
    }
    if !shown.is_empty() {
        messages.push(Message::OwnPictures(shown, sent));
    }
    messages
}

pub(super) fn files_of(list: FileList) -> Vec<File> {
    (0..list.length()).filter_map(|idx| list.get(idx)).collect()
}
