//! Drawing the source as a square onto the canvas that is on screen.

use wasm_bindgen::prelude::*;
use web_sys::ImageBitmap;

use super::{Feed, Inner, MAX_SIDE, PICTURE_MILLIS, PICTURE_SIDE};
use crate::app::browser;
use crate::app::virtual_camera::{self, Placement, Shot};

impl Inner {
    /// Draws the source; true where there is something to send.
    pub(super) fn draw(&mut self, now: f64) -> Result<bool, JsValue> {
        match &mut self.feed {
            Feed::None => Ok(false),
            Feed::Video(video) => {
                if !video.take_fresh(now) {
                    return Ok(false);
                }
                let element = video.element.clone();
                let (width, height) = (element.video_width(), element.video_height());
                self.square(width.min(height).min(MAX_SIDE));
                let (canvas, context) = (f64::from(self.canvas.width()), &self.context);
                let (width, height) = (f64::from(width), f64::from(height));
                let side = width.min(height);
                let (left, top) = ((width - side) / 2.0, (height - side) / 2.0);
                self.mirror()?;
                context.draw_image_with_html_video_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
                    &element, left, top, side, side, 0.0, 0.0, canvas, canvas,
                )?;
                self.unmirror()?;
                Ok(true)
            }
            Feed::Pan(pictures) => {
                let pictures = pictures.clone();
                let seconds = self.run_millis / 1000.0;
                let Some(shot) = virtual_camera::shot(seconds, pictures.len(), browser::reduced_motion())
                else {
                    return Ok(false);
                };
                self.square(PICTURE_SIDE);
                self.mirror()?;
                self.draw_shot(&pictures, &shot)?;
                self.unmirror()?;
                Ok(true)
            }
            Feed::Stills(pictures) => {
                let pictures = pictures.clone();
                let turn = (self.run_millis / PICTURE_MILLIS) as usize;
                let picture_idx = turn % pictures.len().max(1);
                let whole = Placement { picture_idx, horizontal: 0.5, vertical: 0.5, side: 1.0 };
                let Some(picture) = pictures.get(picture_idx) else { return Ok(false) };
                self.square(picture.width().min(picture.height()).clamp(1, MAX_SIDE));
                self.mirror()?;
                self.place(&pictures, &whole, 1.0)?;
                self.unmirror()?;
                Ok(true)
            }
        }
    }

    /// Shows the square on the twin, where that is on screen.
    pub(super) fn copy(&self) {
        if self.twin.is_connected() {
            let side = self.canvas.width();
            if self.twin.width() != side {
                self.twin.set_width(side);
                self.twin.set_height(side);
            }
            let _ = self.twin_context.draw_image_with_html_canvas_element(&self.canvas, 0.0, 0.0);
        }
    }

    fn draw_shot(&self, pictures: &[ImageBitmap], shot: &Shot) -> Result<(), JsValue> {
        self.place(pictures, &shot.now, 1.0)?;
        if let Some((placement, opacity)) = &shot.next {
            self.place(pictures, placement, *opacity)?;
        }
        if shot.light < 1.0 {
            let side = f64::from(self.canvas.width());
            self.context.set_global_alpha(1.0 - shot.light);
            self.context.set_fill_style_str("#000");
            self.context.fill_rect(0.0, 0.0, side, side);
            self.context.set_global_alpha(1.0);
        }
        Ok(())
    }

    fn place(&self, pictures: &[ImageBitmap], placement: &Placement, opacity: f64) -> Result<(), JsValue> {
        let Some(picture) = pictures.get(placement.picture_idx) else { return Ok(()) };
        let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
        let side = width.min(height) * placement.side;
        let (left, top) = ((width - side) * placement.horizontal, (height - side) * placement.vertical);
        let canvas = f64::from(self.canvas.width());
        self.context.set_global_alpha(opacity);
        let drawn = self.context.draw_image_with_image_bitmap_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            picture, left, top, side, side, 0.0, 0.0, canvas, canvas,
        );
        self.context.set_global_alpha(1.0);
        drawn
    }

    fn square(&self, side: u32) {
        if self.canvas.width() != side {
            self.canvas.set_width(side);
            self.canvas.set_height(side);
        }
    }

    fn mirror(&self) -> Result<(), JsValue> {
        if self.mirrored {
            self.context.set_transform(-1.0, 0.0, 0.0, 1.0, f64::from(self.canvas.width()), 0.0)?;
        }
        Ok(())
    }

    /// Mirrors what the canvas shows and sends it again; for a paused picture, which is not drawn anew.
    pub(super) fn flip(&mut self) {
        let flip = || -> Result<(), JsValue> {
            self.context.set_transform(-1.0, 0.0, 0.0, 1.0, f64::from(self.canvas.width()), 0.0)?;
            self.context.draw_image_with_html_canvas_element(&self.canvas, 0.0, 0.0)?;
            self.unmirror()
        };
        if flip().is_ok() {
            self.sent_pair = None;
        }
    }

    fn unmirror(&self) -> Result<(), JsValue> {
        self.context.set_transform(1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    }
}
