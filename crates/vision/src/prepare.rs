//! Crop, resize, convert colours and normalise in one pass over the samples that are looked at.
//!
//! Each row of the output is finished before the next begins, so that everything between the frame and the tensor
//! stays in the first cache. Every plane is resampled at its own resolution; colours are converted afterwards, on
//! fewer values, which is the same up to the clamp: a triple of samples outside of the cube of colours counts with what
//! it is in the average and is not clamped before. The arithmetic is that of `kernels`.

use kernels::{ChannelMix, KernelError, blend_rows_u8, filter_columns_i16, split_pairs_i16};

use crate::frame::PlaneKind;
use crate::resample::{Section, Taps};
use crate::{Frame, Picture, PixelFormat, View, VisionError};

/// How pixel values become real numbers: `(x - mean) / std` per channel (R, G, B), `x` in `0..=255`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    /// Subtracted.
    pub mean: [f32; 3],
    /// Divided by; not 0.
    pub std: [f32; 3],
}

/// Prepares frames for a network with a square input. Keeps its tables and buffers, so that frames of one size cost
/// no allocation.
#[derive(Debug)]
pub struct Preparer {
    size: usize,
    normalization: Normalization,
    known: Option<Known>,
    /// For planes of the frame's size, and for those of half of it.
    axes: [Axes; 2],
    rows: Rows,
}

/// What the tables were made for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    format: PixelFormat,
    source: [usize; 2],
    square: [f64; 3],
    mirrored: bool,
}

#[derive(Debug, Default)]
struct Axes {
    columns: Taps,
    lines: Taps,
}

/// One row on its way.
#[derive(Debug, Default)]
struct Rows {
    /// Blended samples of channels that alternate.
    mixed: Vec<i16>,
    /// The same, split once: channels 0 and 2, 1 and 3.
    halves: [Vec<i16>; 2],
    /// Blended samples of each channel.
    channels: [Vec<i16>; 4],
    /// The same, filtered.
    filtered: [Vec<i32>; 3],
}

impl Preparer {
    /// For an input of `size` by `size` pixels.
    pub fn new(size: usize, normalization: Normalization) -> Self {
        Self { size, normalization, known: None, axes: Default::default(), rows: Rows::default() }
    }

    /// Elements of the network's input: `size * size * 3`.
    pub fn tensor_len(&self) -> usize {
        self.size * self.size * 3
    }

    /// [`Preparer::prepare_frame`] of a picture.
    ///
    /// # Errors
    /// [`VisionError::Tensor`] when `tensor` has the wrong length.
    pub fn prepare(
        &mut self,
        picture: &Picture<'_>,
        view: &View,
        tensor: &mut [f32],
    ) -> Result<(), VisionError> {
        self.prepare_frame(&picture.frame(), view, tensor)
    }

    /// Writes what `view` sees of `frame` to `tensor`, `[size, size, 3]` (`nhwc`, R, G, B).
    ///
    /// Resampling is antialiased bilinear on each plane; conversion to R, G, B in `0..=255`, exposure, the clamp to
    /// `0..=255` and normalisation follow. Weights have 14 binary digits and the values between the two directions 7
    /// after the point: results are within a level of 255 of the exact ones, and flat pictures stay flat.
    ///
    /// # Errors
    /// [`VisionError::Tensor`] when `tensor` has the wrong length.
    pub fn prepare_frame(
        &mut self,
        frame: &Frame<'_>,
        view: &View,
        tensor: &mut [f32],
    ) -> Result<(), VisionError> {
        if tensor.len() != self.tensor_len() {
            return Err(VisionError::Tensor { expected: self.tensor_len(), actual: tensor.len() });
        }
        self.make_tables(frame, view);
        let mix = self.mix(frame.format, view.exposure);
        let Self { axes, rows, .. } = self;
        for (y, output) in tensor.chunks_exact_mut((self.size * 3).max(1)).enumerate() {
            let mut n_channels = 0;
            for (kind, layout) in frame.format.planes().iter().zip(frame.planes) {
                let axes = &axes[usize::from(kind.halved)];
                let (first_row, weights) = axes.lines.line(y);
                let span = &axes.columns.span;
                let start = layout.offset + first_row * layout.stride + span.start * kind.n_channels;
                rows.blend(&frame.bytes[start..], layout.stride, weights, *kind, span.len(), n_channels)?;
                // A fourth channel is alpha.
                for channel in n_channels..(n_channels + kind.n_channels).min(3) {
                    let (row, filtered) = (&rows.channels[channel], &mut rows.filtered[channel]);
                    filter_columns_i16(row, &axes.columns.firsts, &axes.columns.weights, filtered)?;
                }
                n_channels += kind.n_channels;
            }
            mix.run(rows.filtered.each_ref().map(Vec::as_slice), output)?;
        }
        Ok(())
    }

    /// Makes the tables and the buffers unless they are those of the last frame.
    fn make_tables(&mut self, frame: &Frame<'_>, view: &View) {
        let square = square(frame, view);
        let known = Known {
            format: frame.format,
            source: [frame.width, frame.height],
            square,
            mirrored: view.mirrored,
        };
        if self.known == Some(known) {
            return;
        }
        self.known = Some(known);
        let (size, [left, top, side]) = (self.size, square);
        let Rows { mixed, halves, channels, filtered } = &mut self.rows;
        for kind in frame.format.planes() {
            let factor = if kind.halved { 0.5 } else { 1.0 };
            let section = |n_source: usize, start: f64, mirrored| Section {
                n_source: kind.length(n_source),
                start: start * factor,
                length: side * factor,
                n_output: size,
                mirrored,
            };
            let Axes { columns, lines } = &mut self.axes[usize::from(kind.halved)];
            columns.rebuild(section(frame.width, left, view.mirrored));
            lines.rebuild(section(frame.height, top, false));

            let row_len = columns.row_len();
            let grow = |row: &mut Vec<i16>, len: usize| row.resize(len.max(row.len()), 0);
            grow(mixed, row_len * kind.n_channels);
            halves.iter_mut().for_each(|half| grow(half, row_len * 2));
            channels.iter_mut().for_each(|channel| grow(channel, row_len));
        }
        filtered.iter_mut().for_each(|row| row.resize(size, 0));
    }

    fn mix(&self, format: PixelFormat, exposure: f32) -> ChannelMix {
        let Normalization { mean, std } = self.normalization;
        let exposed = |factor: f64| (factor * f64::from(exposure)) as f32;
        ChannelMix {
            matrix: format.to_rgb().map(|row| row.map(exposed)),
            gain: std.map(|std| 1.0 / std),
            bias: [0, 1, 2].map(|c| -mean[c] / std[c]),
        }
    }
}

impl Rows {
    /// Blends `n` samples of each of a plane's channels, which become the channels from `first_channel` on.
    fn blend(
        &mut self,
        bytes: &[u8],
        stride: usize,
        weights: &[i16],
        kind: PlaneKind,
        n: usize,
        first_channel: usize,
    ) -> Result<(), KernelError> {
        let Self { mixed, halves: [even, odd], channels, .. } = self;
        let mixed = &mut mixed[..n * kind.n_channels];
        match (kind.n_channels, &mut channels[first_channel..]) {
            (1, [only, ..]) => blend_rows_u8(bytes, stride, weights, &mut only[..n]),
            (2, [first, second, ..]) => {
                blend_rows_u8(bytes, stride, weights, mixed)?;
                split_pairs_i16(mixed, &mut first[..n], &mut second[..n])
            }
            (_, [red, green, blue, alpha]) => {
                blend_rows_u8(bytes, stride, weights, mixed)?;
                let (even, odd) = (&mut even[..2 * n], &mut odd[..2 * n]);
                split_pairs_i16(mixed, even, odd)?;
                split_pairs_i16(even, &mut red[..n], &mut blue[..n])?;
                split_pairs_i16(odd, &mut green[..n], &mut alpha[..n])
            }
            (_, _) => Ok(()),
        }
    }
}

/// `[left, top, side]` of the square, in pixels.
fn square(frame: &Frame<'_>, view: &View) -> [f64; 3] {
    let shorter = frame.width.min(frame.height) as f64;
    let side = (f64::from(view.side.clamp(0.0, 1.0)) * shorter).max(1.0);
    let place = |length: usize, share: f32| (length as f64 - side) * f64::from(share.clamp(0.0, 1.0));
    [place(frame.width, view.horizontal), place(frame.height, view.vertical), side]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ColourMatrix, ColourRange, ColourSpace, PlaneLayout, reference};

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

    /// Bytes that look random, and a frame of them: rows are `padding` bytes apart, planes too.
    struct Case {
        bytes: Vec<u8>,
        format: PixelFormat,
        width: usize,
        height: usize,
        planes: Vec<PlaneLayout>,
    }

    impl Case {
        fn new(format: PixelFormat, width: usize, height: usize, padding: usize, seed: u64) -> Self {
            let mut planes = Vec::new();
            let mut len = padding;
            for kind in format.planes() {
                let stride = kind.length(width) * kind.n_channels + padding;
                planes.push(PlaneLayout { offset: len, stride });
                len += stride * kind.length(height);
            }
            let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let mut byte = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                // Half of them at an end, where errors are largest.
                match state >> 60 {
                    0..4 => 0,
                    4..8 => 255,
                    _ => (state >> 40) as u8,
                }
            };
            // The padding of the last row is not there.
            let bytes = (0..len - padding).map(|_| byte()).collect();
            Self { bytes, format, width, height, planes }
        }

        fn frame(&self) -> Frame<'_> {
            Frame::new(&self.bytes, self.format, self.width, self.height, &self.planes).unwrap()
        }

        /// The largest distance from the reference, in levels of 255.
        fn error(&self, preparer: &mut Preparer, view: &View, size: usize) -> f64 {
            let mut tensor = vec![f32::NAN; preparer.tensor_len()];
            preparer.prepare_frame(&self.frame(), view, &mut tensor).unwrap();
            let expected = reference::prepare(&self.frame(), view, size, IDENTITY);
            let distances = tensor.iter().zip(expected).map(|(x, expected)| (f64::from(*x) - expected).abs());
            distances.fold(0.0, |most, distance| if distance <= most { most } else { distance })
        }
    }

    fn formats() -> Vec<PixelFormat> {
        use ColourMatrix::{Bt601, Bt709, Bt2020};
        use ColourRange::{Full, Limited};
        let spaces = [(Bt601, Limited), (Bt709, Full), (Bt2020, Limited)];
        let spaces = spaces.map(|(matrix, range)| ColourSpace { matrix, range });
        let in_planes =
            spaces.into_iter().flat_map(|space| [PixelFormat::I420(space), PixelFormat::Nv12(space)]);
        in_planes.chain([PixelFormat::Rgba, PixelFormat::Bgra]).collect()
    }

    fn any_view() -> impl Strategy<Value = View> {
        (0.0f32..=1.0, 0.0f32..=1.0, 0.05f32..=1.0, any::<bool>(), 0.5f32..1.5).prop_map(
            |(horizontal, vertical, side, mirrored, exposure)| View {
                horizontal,
                vertical,
                side,
                mirrored,
                exposure,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn frames_are_prepared_to_within_a_level(
            format in prop::sample::select(formats()),
            width in 1usize..90,
            height in 1usize..70,
            size in 1usize..40,
            padding in 0usize..5,
            views in prop::collection::vec(any_view(), 1..4),
            seed in any::<u64>(),
        ) {
            let case = Case::new(format, width, height, padding, seed);
            let mut preparer = Preparer::new(size, IDENTITY);
            for view in views {
                let error = case.error(&mut preparer, &view, size);
                prop_assert!(error < 1.0, "{} levels for {:?}", error, view);
            }
        }
    }

    #[test]
    fn camera_frames_are_prepared_to_within_half_a_level() {
        let mirrored = View { mirrored: true, ..View::WHOLE };
        for format in formats() {
            let mut preparer = Preparer::new(224, IDENTITY);
            for (width, height) in [(640, 480), (641, 479), (480, 640), (1280, 720)] {
                let error = Case::new(format, width, height, 0, 7).error(&mut preparer, &mirrored, 224);
                assert!(error < 0.5, "{format:?} {width}x{height}: {error} levels");
            }
        }
    }

    #[test]
    fn one_preparer_takes_frames_of_any_kind_in_turn() {
        let mut preparer = Preparer::new(33, IDENTITY);
        for format in formats().into_iter().chain(formats()) {
            for (width, height) in [(90, 40), (8, 100), (50, 50)] {
                let error = Case::new(format, width, height, 3, 1).error(&mut preparer, &View::WHOLE, 33);
                assert!(error < 1.0, "{format:?} {width}x{height}: {error} levels");
            }
        }
    }

    #[test]
    fn a_wrong_siting_of_chroma_would_be_noticed() {
        let space = ColourSpace { matrix: ColourMatrix::Bt601, range: ColourRange::Limited };
        let case = Case::new(PixelFormat::I420(space), 64, 64, 0, 3);
        // Chroma a quarter of its pixel further left, as MPEG-2 has it, is a frame whose chroma planes differ.
        let mut shifted = Case::new(case.format, 64, 64, 0, 3);
        for plane in &case.planes[1..] {
            for at in plane.offset + 1..plane.offset + 32 * 32 {
                let mix = 3 * u16::from(case.bytes[at]) + u16::from(case.bytes[at - 1]);
                shifted.bytes[at] = (mix / 4) as u8;
            }
        }
        let mut preparer = Preparer::new(32, IDENTITY);
        let mut tensor = vec![0.0; preparer.tensor_len()];
        preparer.prepare_frame(&shifted.frame(), &View::WHOLE, &mut tensor).unwrap();
        let expected = reference::prepare(&case.frame(), &View::WHOLE, 32, IDENTITY);
        assert!(tensor.iter().zip(expected).any(|(x, expected)| (f64::from(*x) - expected).abs() > 5.0));
    }

    #[test]
    fn a_red_frame_is_red_in_every_format() {
        let space = ColourSpace { matrix: ColourMatrix::Bt601, range: ColourRange::Limited };
        for (format, plane_bytes) in [
            (PixelFormat::I420(space), vec![vec![81], vec![90], vec![240]]),
            (PixelFormat::Nv12(space), vec![vec![81], vec![90, 240]]),
            (PixelFormat::Rgba, vec![vec![255, 0, 0, 9]]),
            (PixelFormat::Bgra, vec![vec![0, 0, 255, 9]]),
        ] {
            let mut case = Case::new(format, 30, 20, 0, 1);
            case.bytes.clear();
            for (kind, bytes) in format.planes().iter().zip(plane_bytes) {
                case.bytes.extend(bytes.repeat(kind.length(30) * kind.length(20)));
            }
            let mut preparer = Preparer::new(9, IDENTITY);
            let mut tensor = vec![0.0; preparer.tensor_len()];
            preparer.prepare_frame(&case.frame(), &View::WHOLE, &mut tensor).unwrap();
            for pixel in tensor.chunks_exact(3) {
                assert!(pixel[0] > 253.0 && pixel[1] < 2.0 && pixel[2] < 2.0, "{format:?}: {pixel:?}");
            }
        }
    }
}
