//! Decoding: built-in pictures by address, the visitor's pictures and videos from files.

use js_sys::ArrayBuffer;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, Element, File, HtmlVideoElement, ImageBitmap, ImageBitmapOptions, ResizeQuality, Response, Url,
};

use super::browser;

/// Shorter side of a decoded picture, pixels; larger ones are scaled down once, so that hundreds fit into memory.
const MAX_SHORTER_SIDE: u32 = 512;

/// The visitor's pictures beyond this number are left out.
pub const MAX_PICTURES: usize = 500;

/// Fetches and decodes a built-in picture.
///
/// # Errors
/// The browser's exception where the file is not there or is no picture.
pub async fn fetch(file: &str) -> Result<ImageBitmap, JsValue> {
    let window = browser::window().ok_or("no window")?;
    let response: Response =
        JsFuture::from(window.fetch_with_str(&format!("pictures/{file}"))).await?.dyn_into()?;
    if !response.ok() {
        return Err(response.status().into());
    }
    decode(&JsFuture::from(response.blob()?).await?.dyn_into()?).await
}

/// Decodes a picture.
///
/// # Errors
/// The browser's exception where the bytes are no picture that it knows.
pub async fn decode(blob: &Blob) -> Result<ImageBitmap, JsValue> {
    let window = browser::window().ok_or("no window")?;
    let bitmap: ImageBitmap =
        JsFuture::from(window.create_image_bitmap_with_blob(blob)?).await?.dyn_into()?;
    let shorter = bitmap.width().min(bitmap.height());
    if shorter <= MAX_SHORTER_SIDE {
        return Ok(bitmap);
    }
    let scale = f64::from(MAX_SHORTER_SIDE) / f64::from(shorter);
    let options = ImageBitmapOptions::new();
    options.set_resize_width((f64::from(bitmap.width()) * scale).round() as u32);
    options.set_resize_height((f64::from(bitmap.height()) * scale).round() as u32);
    options.set_resize_quality(ResizeQuality::High);
    let smaller = window.create_image_bitmap_with_image_bitmap_and_image_bitmap_options(&bitmap, &options)?;
    let smaller = JsFuture::from(smaller).await?.dyn_into();
    bitmap.close();
    smaller
}

/// A second copy of a picture, to be transferred.
///
/// # Errors
/// The browser's exception, for want of memory.
pub async fn copy(bitmap: &ImageBitmap) -> Result<ImageBitmap, JsValue> {
    let window = browser::window().ok_or("no window")?;
    JsFuture::from(window.create_image_bitmap_with_image_bitmap(bitmap)?).await?.dyn_into()
}

/// A file's contents.
///
/// # Errors
/// The browser's exception where the file cannot be read.
pub async fn bytes(file: &File) -> Result<ArrayBuffer, JsValue> {
    JsFuture::from(file.array_buffer()).await?.dyn_into()
}

/// A file's text; `None` where it cannot be read.
pub async fn text(file: &File) -> Option<String> {
    JsFuture::from(file.text()).await.ok()?.as_string()
}

/// A video file that plays in a loop, without sound; it ends when this is dropped.
pub struct FileVideo {
    element: HtmlVideoElement,
    address: String,
}

impl FileVideo {
    /// Plays `file` in a new element within `feeds`.
    ///
    /// # Errors
    /// The browser's exception where it cannot play the file.
    pub async fn play(file: &File, feeds: &Element) -> Result<Self, JsValue> {
        let video =
            Self { element: browser::video(feeds)?, address: Url::create_object_url_with_blob(file)? };
        video.element.set_loop(true);
        video.element.set_src(&video.address);
        JsFuture::from(video.element.play()?).await?;
        Ok(video)
    }

    /// The element that plays.
    pub fn element(&self) -> HtmlVideoElement {
        self.element.clone()
    }
}

impl Drop for FileVideo {
    fn drop(&mut self) {
        let _ = self.element.pause();
        self.element.remove();
        let _ = Url::revoke_object_url(&self.address);
    }
}
