//! The built-in pictures and the user's own ones, decoded by the browser.

use serde::Deserialize;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ImageBitmap, Response};

use super::browser::{self, Drawable, internal, report};
use super::download::fetch_served;
use super::{Shared, post};
use crate::bridge::{Answer, Failure, RequestId};

/// Pictures are kept no longer than this on either side, pixels: enough for the views of a 224-pixel network.
const LONGEST: u32 = 640;

/// The user's own ones are many and seen as a whole only.
const OWN_LONGEST: u32 = 320;

/// An entry of `pictures/index.json`.
#[derive(Deserialize)]
struct Entry {
    file: String,
}

/// Decodes the served folder's pictures unless they are there already.
pub(super) async fn ensure_built_in(session: &Shared) -> Result<(), Failure> {
    if session.borrow().built_in.is_some() {
        return Ok(());
    }
    let index = fetch("pictures/index.json").await?;
    let text = JsFuture::from(index.text().map_err(internal)?).await.map_err(internal)?;
    let entries: Vec<Entry> =
        serde_json::from_str(&text.as_string().unwrap_or_default()).map_err(|error| Failure::Unreadable {
            name: "pictures/index.json".to_owned(),
            detail: error.to_string(),
        })?;
    let mut pictures = Vec::with_capacity(entries.len());
    for Entry { file } in entries {
        let response = fetch(&format!("pictures/{file}")).await?;
        let blob: Blob =
            JsFuture::from(response.blob().map_err(internal)?).await.map_err(internal)?.unchecked_into();
        let bitmap = browser::scope().create_image_bitmap_with_blob(&blob).map_err(internal)?;
        let unreadable = |_| Failure::Unreadable { name: file.clone(), detail: "not a picture".to_owned() };
        let bitmap: ImageBitmap = JsFuture::from(bitmap).await.map_err(unreadable)?.unchecked_into();
        pictures
            .push(session.borrow_mut().reader.read(Drawable::Bitmap(&bitmap), LONGEST).map_err(internal)?);
        bitmap.close();
    }
    if pictures.is_empty() {
        return Err(Failure::NoPictures);
    }
    session.borrow_mut().built_in = Some(pictures);
    Ok(())
}

/// Replaces the user's own pictures.
pub(super) fn set_own(session: &Shared, id: RequestId, bitmaps: &[ImageBitmap]) {
    let mut session = session.borrow_mut();
    session.own.clear();
    let mut pictures = Vec::with_capacity(bitmaps.len());
    for bitmap in bitmaps {
        match session.reader.read(Drawable::Bitmap(bitmap), OWN_LONGEST) {
            Ok(pixels) => pictures.push(pixels),
            Err(error) => report(&error),
        }
        bitmap.close();
    }
    let n = pictures.len() as u32;
    session.replace_own(pictures);
    post(&Answer::OwnPicturesSet { id, n });
}

/// Fetches from the pictures' folder; where there is nothing, the set-up brought no pictures.
async fn fetch(path: &str) -> Result<Response, Failure> {
    fetch_served(path).await.map_err(|failure| match failure {
        Failure::Http { status: 404, .. } => Failure::NoPictures,
        failure => failure,
    })
}
