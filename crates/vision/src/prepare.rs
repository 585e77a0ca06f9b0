//! Crop, resize and normalise in one pass over the pixels that are looked at.

use crate::resample::{Taps, taps};
use crate::{Picture, View, VisionError};

/// How pixel values become real numbers: `(x - mean) / std` per channel (R, G, B), `x` in `0..=255`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    /// Subtracted.
    pub mean: [f32; 3],
    /// Divided by; not 0.
    pub std: [f32; 3],
}

/// Prepares pictures for a network with a square input. Keeps its tables and buffers, so that frames of one size cost
/// no allocation.
#[derive(Debug)]
pub struct Preparer {
    size: usize,
    normalization: Normalization,
    geometry: Option<Geometry>,
    rows: Vec<f32>,
}

#[derive(Debug, PartialEq)]
struct Geometry {
    source: [usize; 2],
    square: [f64; 3],
    columns: Vec<Taps>,
    lines: Vec<Taps>,
}

impl Preparer {
    /// For an input of `size` by `size` pixels.
    pub fn new(size: usize, normalization: Normalization) -> Self {
        Self { size, normalization, geometry: None, rows: Vec::new() }
    }

    /// Elements of the network's input: `size * size * 3`.
    pub fn tensor_len(&self) -> usize {
        self.size * self.size * 3
    }

    /// Writes what `view` sees of `picture` to `tensor`, `[size, size, 3]` (`nhwc`).
    ///
    /// Resampling is antialiased bilinear on `0..=255` values in single precision, without rounding in between;
    /// exposure and the clamp to `0..=255` follow, then mirroring and normalisation.
    ///
    /// # Errors
    /// [`VisionError::Tensor`] when `tensor` has the wrong length.
    pub fn prepare(
        &mut self,
        picture: &Picture<'_>,
        view: &View,
        tensor: &mut [f32],
    ) -> Result<(), VisionError> {
        if tensor.len() != self.tensor_len() {
            return Err(VisionError::Tensor { expected: self.tensor_len(), actual: tensor.len() });
        }
        let size = self.size;
        let square = square(picture, view);
        let source = [picture.height, picture.width];
        if self.geometry.as_ref().is_none_or(|known| known.source != source || known.square != square) {
            let [left, top, side] = square;
            let (columns, lines) =
                (taps(picture.width, left, side, size), taps(picture.height, top, side, size));
            self.geometry = Some(Geometry { source, square, columns, lines });
        }
        let Some(Geometry { columns, lines, .. }) = &self.geometry else { return Ok(()) };

        let first_row = lines.iter().map(|line| line.first).min().unwrap_or(0);
        let end_row = lines.iter().map(|line| line.first + line.weights.len()).max().unwrap_or(0);
        let row_len = size * 3;
        self.rows.resize((end_row - first_row) * row_len, 0.0);
        let pixels = picture.rgba.chunks_exact(picture.width * 4).skip(first_row);
        for (row, pixels) in self.rows.chunks_exact_mut(row_len).zip(pixels) {
            for (pixel, taps) in row.chunks_exact_mut(3).zip(columns) {
                let mut sum = [0.0; 3];
                for (weight, rgba) in taps.weights.iter().zip(pixels[taps.first * 4..].chunks_exact(4)) {
                    for channel in 0..3 {
                        sum[channel] += weight * f32::from(rgba[channel]);
                    }
                }
                pixel.copy_from_slice(&sum);
            }
        }

        let Normalization { mean, std } = self.normalization;
        let gain = std.map(|std| 1.0 / std);
        for (output, taps) in tensor.chunks_exact_mut(row_len).zip(lines) {
            output.fill(0.0);
            let rows = self.rows.chunks_exact(row_len).skip(taps.first - first_row);
            for (weight, row) in taps.weights.iter().zip(rows) {
                for (out, x) in output.iter_mut().zip(row) {
                    *out += weight * x;
                }
            }
            for pixel in output.chunks_exact_mut(3) {
                for channel in 0..3 {
                    let exposed = (pixel[channel] * view.exposure).clamp(0.0, 255.0);
                    pixel[channel] = (exposed - mean[channel]) * gain[channel];
                }
            }
            if view.mirrored {
                let (pixels, _) = output.as_chunks_mut::<3>();
                pixels.reverse();
            }
        }
        Ok(())
    }
}

/// `[left, top, side]` of the square, in pixels.
fn square(picture: &Picture<'_>, view: &View) -> [f64; 3] {
    let shorter = picture.width.min(picture.height) as f64;
    let side = (f64::from(view.side.clamp(0.0, 1.0)) * shorter).max(1.0);
    let place = |length: usize, share: f32| (length as f64 - side) * f64::from(share.clamp(0.0, 1.0));
    [place(picture.width, view.horizontal), place(picture.height, view.vertical), side]
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Normalization = Normalization { mean: [0.0; 3], std: [1.0; 3] };

    fn prepared(picture: &Picture<'_>, view: &View, size: usize, normalization: Normalization) -> Vec<f32> {
        let mut preparer = Preparer::new(size, normalization);
        let mut tensor = vec![f32::NAN; preparer.tensor_len()];
        preparer.prepare(picture, view, &mut tensor).unwrap();
        tensor
    }

    /// A picture whose red is its column and whose green is its row.
    fn ramp(width: usize, height: usize) -> Vec<u8> {
        (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7, 255])).collect()
    }

    #[test]
    fn a_centre_crop_at_scale_one_copies_pixels() {
        let rgba = ramp(10, 8);
        let picture = Picture::new(&rgba, 10, 8).unwrap();
        let tensor = prepared(&picture, &View::centre_crop(4, 8), 4, IDENTITY);
        assert_eq!(&tensor[..6], [3.0, 2.0, 7.0, 4.0, 2.0, 7.0]);
        assert_eq!(&tensor[45..], [6.0, 5.0, 7.0]);
    }

    #[test]
    fn mirroring_exposure_and_normalisation_follow_the_formula() {
        let rgba = ramp(4, 4);
        let picture = Picture::new(&rgba, 4, 4).unwrap();
        let view = View { mirrored: true, exposure: 100.0, ..View::WHOLE };
        let normalization = Normalization { mean: [55.0, 0.0, 0.0], std: [10.0, 1.0, 1.0] };
        let tensor = prepared(&picture, &view, 4, normalization);
        assert_eq!(&tensor[..3], [20.0, 0.0, 255.0]);
        assert_eq!(&tensor[9..15], [-5.5, 0.0, 255.0, 20.0, 100.0, 255.0]);
    }

    #[test]
    fn a_flat_picture_stays_flat_at_any_size_and_view() {
        for (width, height, size) in [(1, 1, 5), (3, 9, 4), (640, 480, 224), (31, 17, 96)] {
            let rgba = [90, 100, 110, 0].repeat(width * height);
            let picture = Picture::new(&rgba, width, height).unwrap();
            for view in fixed_and_odd_views() {
                let view = View { exposure: 1.0, ..view };
                for pixel in prepared(&picture, &view, size, IDENTITY).chunks_exact(3) {
                    for (x, expected) in pixel.iter().zip([90.0, 100.0, 110.0]) {
                        assert!((x - expected).abs() < 1e-3, "{width}x{height} {view:?}: {x}");
                    }
                }
            }
        }
    }

    fn fixed_and_odd_views() -> Vec<View> {
        let odd = View { horizontal: 7.0, vertical: -1.0, side: 0.0, mirrored: true, exposure: 1.0 };
        crate::fixed_views(1).into_iter().map(|(_, view)| view).chain([odd]).collect()
    }

    #[test]
    fn wrong_lengths_are_refused() {
        assert!(Picture::new(&[0; 15], 2, 2).is_err());
        assert!(Picture::new(&[], 0, 5).is_err());
        let rgba = ramp(4, 4);
        let picture = Picture::new(&rgba, 4, 4).unwrap();
        let error = Preparer::new(4, IDENTITY).prepare(&picture, &View::WHOLE, &mut [0.0; 5]).unwrap_err();
        assert_eq!(error.to_string(), "input tensor: 5 elements, expected 48");
    }
}
