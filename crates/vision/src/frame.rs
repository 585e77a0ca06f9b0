//! Frames over borrowed planes, in the formats in which cameras and decoders hand them out.
//!
//! A frame knows where its samples lie and how they stand for colours. [`Frame::new`] checks that all of them are
//! there; nothing after it does.

use crate::VisionError;

/// How 8-bit samples stand for pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Planes Y, U, V; U and V have half the columns and half the rows, rounded up.
    I420(ColourSpace),
    /// A plane Y, and a plane of half the columns and rows in which U and V alternate.
    Nv12(ColourSpace),
    /// One plane R, G, B, and a byte that is ignored.
    Rgba,
    /// One plane B, G, R, and a byte that is ignored.
    Bgra,
}

/// How Y, U, V stand for R, G, B.
///
/// A U or V sample lies in the middle of its four pixels, as in JPEG and as browsers take it when they draw; the
/// formats do not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColourSpace {
    /// Shares of red and blue in the luma.
    pub matrix: ColourMatrix,
    /// Which bytes stand for black and white.
    pub range: ColourRange,
}

/// The luma's shares of red and blue, `kr` and `kb`; green has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourMatrix {
    /// Standard definition and JPEG: 0.299 and 0.114.
    Bt601,
    /// High definition: 0.2126 and 0.0722.
    Bt709,
    /// Ultra-high definition, non-constant luminance: 0.2627 and 0.0593.
    Bt2020,
}

/// Which bytes stand for black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourRange {
    /// Y from 16 to 235, U and V 112 around 128.
    Limited,
    /// Y from 0 to 255, U and V 127.5 around 128.
    Full,
}

/// Where a plane lies in a frame's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaneLayout {
    /// Its first byte.
    pub offset: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A frame over borrowed bytes, rows from the top.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) format: PixelFormat,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) planes: [PlaneLayout; 3],
}

/// What a plane holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlaneKind {
    /// Samples that alternate.
    pub(crate) n_channels: usize,
    /// Half the columns and rows.
    pub(crate) halved: bool,
}

impl PlaneKind {
    const Y: Self = Self { n_channels: 1, halved: false };
    const U_OR_V: Self = Self { n_channels: 1, halved: true };
    const UV: Self = Self { n_channels: 2, halved: true };
    const RGBX: Self = Self { n_channels: 4, halved: false };

    /// Samples of one channel along a side of the frame.
    pub(crate) fn length(self, side: usize) -> usize {
        if self.halved { side.div_ceil(2) } else { side }
    }
}

impl PixelFormat {
    pub(crate) fn planes(self) -> &'static [PlaneKind] {
        match self {
            Self::I420(_) => &[PlaneKind::Y, PlaneKind::U_OR_V, PlaneKind::U_OR_V],
            Self::Nv12(_) => &[PlaneKind::Y, PlaneKind::UV],
            Self::Rgba | Self::Bgra => &[PlaneKind::RGBX],
        }
    }

    /// Factors of the three channels as they lie in memory, and an offset, for each of R, G, B.
    ///
    /// With luma and chroma scaled to `y` in `0..=255` and `u`, `v` in `-127.5..=127.5`:
    ///
    /// ```text
    /// R = y + 2 (1 - kr) v
    /// B = y + 2 (1 - kb) u
    /// G = (y - kr R - kb B) / kg = y - 2 (1 - kr) kr / kg v - 2 (1 - kb) kb / kg u,     kg = 1 - kr - kb
    /// ```
    ///
    /// Source: ITU-R BT.601, BT.709, BT.2020.
    pub(crate) fn to_rgb(self) -> [[f64; 4]; 3] {
        let space = match self {
            Self::I420(space) | Self::Nv12(space) => space,
            Self::Rgba => return [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
            Self::Bgra => return [[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]],
        };
        let (kr, kb) = match space.matrix {
            ColourMatrix::Bt601 => (0.299, 0.114),
            ColourMatrix::Bt709 => (0.2126, 0.0722),
            ColourMatrix::Bt2020 => (0.2627, 0.0593),
        };
        let (luma, chroma, black) = match space.range {
            ColourRange::Limited => (255.0 / 219.0, 255.0 / 224.0, 16.0),
            ColourRange::Full => (1.0, 1.0, 0.0),
        };
        let kg = 1.0 - kr - kb;
        let (red, blue) = (2.0 * (1.0 - kr) * chroma, 2.0 * (1.0 - kb) * chroma);
        let row = |u: f64, v: f64| [luma, u, v, -luma * black - (u + v) * 128.0];
        [row(0.0, red), row(-blue * kb / kg, -red * kr / kg), row(blue, 0.0)]
    }
}

impl<'a> Frame<'a> {
    /// A frame over `bytes`, with as many `planes` as the format has.
    ///
    /// # Errors
    /// [`VisionError::Frame`] when a side is 0, or the number of planes is another; [`VisionError::Plane`] when a
    /// plane's rows overlap or end behind the bytes.
    pub fn new(
        bytes: &'a [u8],
        format: PixelFormat,
        width: usize,
        height: usize,
        planes: &[PlaneLayout],
    ) -> Result<Self, VisionError> {
        let kinds = format.planes();
        if width == 0 || height == 0 || planes.len() != kinds.len() {
            return Err(VisionError::Frame { width, height, expected: kinds.len(), actual: planes.len() });
        }
        let mut all = [PlaneLayout::default(); 3];
        for (plane_idx, ((kind, layout), kept)) in kinds.iter().zip(planes).zip(&mut all).enumerate() {
            let (columns, rows) = (kind.length(width), kind.length(height));
            let row_bytes = columns.checked_mul(kind.n_channels).filter(|it| *it <= layout.stride);
            let end = row_bytes.and_then(|row_bytes| {
                (rows - 1).checked_mul(layout.stride)?.checked_add(layout.offset)?.checked_add(row_bytes)
            });
            if end.is_none_or(|end| end > bytes.len()) {
                let (layout, actual) = (*layout, bytes.len());
                return Err(VisionError::Plane { plane_idx, width, height, layout, actual });
            }
            *kept = *layout;
        }
        Ok(Self { bytes, format, width, height, planes: all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BT601: ColourSpace = ColourSpace { matrix: ColourMatrix::Bt601, range: ColourRange::Limited };

    fn rgb(format: PixelFormat, samples: [u8; 3]) -> [i32; 3] {
        format.to_rgb().map(|[a, b, c, offset]| {
            let [x, y, z] = samples.map(f64::from);
            (a * x + b * y + c * z + offset).round() as i32
        })
    }

    /// Bytes of the colour bars in the standards and in common converters.
    #[test]
    fn known_colours() {
        let in_space =
            |matrix, range, samples| rgb(PixelFormat::I420(ColourSpace { matrix, range }), samples);
        use ColourMatrix::{Bt601, Bt709, Bt2020};
        use ColourRange::{Full, Limited};
        for (matrix, range, samples, expected) in [
            (Bt601, Limited, [16, 128, 128], [0, 0, 0]),
            (Bt601, Limited, [235, 128, 128], [255, 255, 255]),
            (Bt601, Limited, [81, 90, 240], [255, 0, 0]),
            (Bt601, Limited, [145, 54, 34], [0, 255, 0]),
            (Bt601, Limited, [41, 240, 110], [0, 0, 255]),
            (Bt601, Full, [76, 85, 255], [254, 0, 0]),
            (Bt601, Full, [29, 255, 107], [0, 0, 254]),
            (Bt601, Full, [255, 128, 128], [255, 255, 255]),
            (Bt709, Limited, [63, 102, 240], [255, 0, 0]),
            (Bt709, Limited, [173, 42, 26], [0, 255, 0]),
            (Bt709, Limited, [32, 240, 118], [0, 0, 255]),
            (Bt2020, Limited, [74, 97, 240], [255, 0, 0]),
            (Bt2020, Limited, [164, 47, 25], [0, 255, 0]),
            (Bt2020, Limited, [29, 240, 119], [0, 0, 255]),
        ] {
            let actual = in_space(matrix, range, samples);
            let close = actual.iter().zip(expected).all(|(a, e): (&i32, i32)| (a - e).abs() <= 2);
            assert!(close, "{matrix:?} {range:?} {samples:?}: {actual:?}, expected {expected:?}");
        }
        assert_eq!(rgb(PixelFormat::Bgra, [1, 2, 3]), [3, 2, 1]);
        assert_eq!(rgb(PixelFormat::Rgba, [1, 2, 3]), [1, 2, 3]);
    }

    #[test]
    fn planes_that_do_not_fit_are_refused() {
        let format = PixelFormat::I420(BT601);
        let planes =
            |y, u, v| [(0, y), (25, u), (34, v)].map(|(offset, stride)| PlaneLayout { offset, stride });
        let bytes = [0; 43];
        assert!(Frame::new(&bytes, format, 5, 5, &planes(5, 3, 3)).is_ok());
        assert!(Frame::new(&bytes[1..], format, 5, 5, &planes(5, 3, 3)).is_err(), "a byte is missing");
        assert!(Frame::new(&bytes, format, 5, 5, &planes(5, 2, 3)).is_err(), "rows overlap");
        assert!(Frame::new(&bytes, format, 5, 5, &planes(5, 3, usize::MAX)).is_err(), "sizes overflow");
        assert!(Frame::new(&bytes, format, 5, 0, &planes(5, 3, 3)).is_err(), "no rows");
        let error = Frame::new(&bytes, PixelFormat::Nv12(BT601), 5, 5, &planes(5, 3, 3)).unwrap_err();
        assert_eq!(error.to_string(), "frame 5x5: 3 planes, expected 2, neither side 0");
        let error = Frame::new(&bytes, format, 5, 5, &planes(5, 3, 4)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "frame 5x5: plane 2 at byte 34 with 4 bytes a row overlaps itself or ends behind byte 43"
        );
    }
}
