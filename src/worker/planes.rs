//! A camera's frames in their own format: the browser copies the planes, nothing is drawn.
//!
//! Where a frame cannot be had so (a format that `vision` does not read, one that is turned, one that the browser does
//! not let out), the caller draws it instead.

use js_sys::{Reflect, Uint8Array};
use vision::{ColourMatrix, ColourRange, ColourSpace, Frame, PixelFormat, PlaneLayout};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{VideoFrame, VideoMatrixCoefficients, VideoPixelFormat};

use crate::bridge::FramePixels;

/// A frame that is closed when this is dropped: browsers have few of them, and a camera without any stands still.
#[derive(Debug)]
pub(super) struct OpenFrame(VideoFrame);

impl OpenFrame {
    /// The frame that came with a message, where one did.
    pub(super) fn from_message(value: JsValue) -> Option<Self> {
        value.dyn_into().ok().map(Self)
    }

    /// The browser's object.
    pub(super) fn inner(&self) -> &VideoFrame {
        &self.0
    }
}

impl Drop for OpenFrame {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Copies planes into buffers that are kept.
#[derive(Debug, Default)]
pub(crate) struct PlaneReader {
    /// The browser writes here. Not in the module's own memory, which may move while the copy is under way.
    copied: Option<Uint8Array>,
    bytes: Vec<u8>,
    layouts: Vec<PlaneLayout>,
}

impl PlaneReader {
    /// The frame's planes; `None` where it has to be drawn instead.
    pub(super) async fn read(&mut self, frame: &OpenFrame) -> Option<(Frame<'_>, FramePixels)> {
        let Seen { format, pixels, width, height } = Seen::of(frame.inner())?;
        let len = frame.inner().allocation_size().ok()?;
        let copied = match self.copied.take() {
            Some(copied) if copied.length() == len => copied,
            _ => Uint8Array::new_with_length(len),
        };
        let layouts = JsFuture::from(frame.inner().copy_to_with_u8_array(&copied)).await.ok()?;
        self.layouts.clear();
        self.layouts.extend(layouts.iter().map(|layout| PlaneLayout {
            offset: layout.get_offset() as usize,
            stride: layout.get_stride() as usize,
        }));
        self.bytes.resize(len as usize, 0);
        copied.copy_to(&mut self.bytes);
        self.copied = Some(copied);
        Some((Frame::new(&self.bytes, format, width, height, &self.layouts).ok()?, pixels))
    }
}

/// What a frame says of itself, as far as it can be read without drawing.
struct Seen {
    format: PixelFormat,
    pixels: FramePixels,
    width: usize,
    height: usize,
}

impl Seen {
    fn of(frame: &VideoFrame) -> Option<Self> {
        let visible = frame.visible_rect()?;
        let (width, height) = (visible.width(), visible.height());
        let [rotation, flip] = ["rotation", "flip"].map(|name| Reflect::get(frame, &name.into()));
        let turned = rotation.is_ok_and(|it| it.is_truthy()) || flip.is_ok_and(|it| it.is_truthy());
        let stretched = [width, height] != [frame.display_width(), frame.display_height()].map(f64::from);
        if turned || stretched {
            return None;
        }
        let (format, pixels) = match frame.format()? {
            VideoPixelFormat::I420 => (PixelFormat::I420(colour_space(frame)?), FramePixels::I420),
            VideoPixelFormat::Nv12 => (PixelFormat::Nv12(colour_space(frame)?), FramePixels::Nv12),
            VideoPixelFormat::Rgba | VideoPixelFormat::Rgbx => (PixelFormat::Rgba, FramePixels::Rgba),
            VideoPixelFormat::Bgra | VideoPixelFormat::Bgrx => (PixelFormat::Bgra, FramePixels::Bgra),
            _ => return None,
        };
        Some(Self { format, pixels, width: width as usize, height: height as usize })
    }
}

/// Browsers draw frames that do not say their colours as limited BT.601, and so do cameras that do not.
fn colour_space(frame: &VideoFrame) -> Option<ColourSpace> {
    let said = frame.color_space();
    let matrix = match said.matrix() {
        None | Some(VideoMatrixCoefficients::Bt470bg | VideoMatrixCoefficients::Smpte170m) => {
            ColourMatrix::Bt601
        }
        Some(VideoMatrixCoefficients::Bt709) => ColourMatrix::Bt709,
        Some(VideoMatrixCoefficients::Bt2020Ncl) => ColourMatrix::Bt2020,
        Some(_) => return None,
    };
    let range = if said.full_range() == Some(true) { ColourRange::Full } else { ColourRange::Limited };
    Some(ColourSpace { matrix, range })
}
