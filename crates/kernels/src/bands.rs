//! How a depthwise convolution walks over one block of channels: in bands of rows that fit the cache.

use std::ops::Range;

use crate::blocks::{BLOCK, blocks};
use crate::lanes::F32x4;
use crate::{ImageShape, KernelError, Window};

/// Output rows that are made together, and the image rows under their windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Band {
    pub(crate) out: Range<usize>,
    pub(crate) lines: Range<usize>,
}

/// Bytes of a band's input, expanded block and output block: most of L2.
const BAND_BYTES: usize = 320 << 10;

/// A depthwise convolution's way over one block of channels.
pub(crate) struct Walk<'a> {
    pub(crate) image: ImageShape,
    pub(crate) window: &'a Window,
    pub(crate) out: [usize; 2],
}

impl<'a> Walk<'a> {
    pub(crate) fn new(image: ImageShape, window: &'a Window) -> Result<Self, KernelError> {
        let out = window.output(image)?;
        image.check(window.padding)?;
        Ok(Self { image, window, out })
    }

    /// The output's rows in bands that fit the cache, for an input of `row_bytes` for each pixel and blocks of elements
    /// of `element_bytes`.
    pub(crate) fn bands(&self, row_bytes: usize, element_bytes: usize) -> Bands<'_> {
        let Window { kernel, stride, .. } = *self.window;
        let line_bytes = self.image.width.saturating_mul(row_bytes.saturating_add(3 * BLOCK * element_bytes));
        let lines = BAND_BYTES / line_bytes.max(1);
        let rows = (lines.saturating_sub(kernel[0]) / stride[0] + 1).min(self.out[0].max(1));
        Bands { walk: self, rows }
    }

    /// What all is worth in multiply-adds of a dense layer: these take three times as long.
    pub(crate) fn work(&self) -> usize {
        let outputs = self.output_block().saturating_mul(blocks(self.image.channels));
        outputs.saturating_mul(self.window.taps()).saturating_mul(3)
    }

    /// Elements of the output in a band of a block.
    pub(crate) fn output_rows(&self, band: &Band, block: usize) -> Range<usize> {
        let (first, line) = (block * self.output_block(), self.out[1] * BLOCK);
        first + band.out.start * line..first + band.out.end * line
    }

    /// Elements of some lines of a block of the image.
    pub(crate) fn elements(&self, lines: &Range<usize>) -> Range<usize> {
        lines.start * self.image.width * BLOCK..lines.end * self.image.width * BLOCK
    }

    /// Pixels of a line with its padding.
    pub(crate) fn padded_width(&self) -> usize {
        self.window.padding.left.saturating_add(self.image.width).saturating_add(self.window.padding.right)
    }

    /// Elements of the longest band of one block with its padding; saturates.
    pub(crate) fn padded_len(&self, row_bytes: usize, element_bytes: usize) -> usize {
        let lines = self.bands(row_bytes, element_bytes).longest();
        lines.saturating_mul(self.padded_width()).saturating_mul(BLOCK)
    }

    /// Makes `scratch` ready for [`Self::padded`]: zeros everywhere, where there is padding at all.
    pub(crate) fn clear(&self, scratch: &mut [f32]) {
        if self.has_margins() {
            scratch.fill(0.0);
        }
    }

    /// A band's lines of one block with a margin of zeros to the left and right, so that no window reaches beyond a line;
    /// in `scratch`, which was [cleared](Self::clear) for this walk, unless there is no padding.
    #[inline(always)]
    pub(crate) fn padded<'s>(&self, band: &Band, lines: &'s [f32], scratch: &'s mut [f32]) -> &'s [f32] {
        if !self.has_margins() {
            return lines;
        }
        let (width, left) = (self.image.width * BLOCK, self.window.padding.left * BLOCK);
        let padded_width = self.padded_width() * BLOCK;
        let padded = &mut scratch[..band.lines.len() * padded_width];
        for (line, padded) in lines.chunks_exact(width.max(1)).zip(padded.chunks_exact_mut(padded_width)) {
            copy_line(line, &mut padded[left..]);
        }
        padded
    }

    fn has_margins(&self) -> bool {
        self.padded_width() != self.image.width
    }

    /// Elements of one block of the input.
    pub(crate) fn input_block(&self) -> usize {
        self.image.height * self.image.width * BLOCK
    }

    /// Elements of one block of the output.
    pub(crate) fn output_block(&self) -> usize {
        self.out[0] * self.out[1] * BLOCK
    }
}

/// The bands of an output.
pub(crate) struct Bands<'w> {
    walk: &'w Walk<'w>,
    /// Output rows of each, except perhaps the last.
    rows: usize,
}

impl Bands<'_> {
    /// How many.
    pub(crate) fn n(&self) -> usize {
        self.walk.out[0].div_ceil(self.rows)
    }

    pub(crate) fn get(&self, band: usize) -> Band {
        let Walk { image, window: Window { kernel, stride, padding }, out } = self.walk;
        let out = band * self.rows..((band + 1) * self.rows).min(out[0]);
        let start = (out.start * stride[0]).saturating_sub(padding.top).min(image.height);
        let end = ((out.end - 1) * stride[0] + kernel[0]).saturating_sub(padding.top);
        Band { out, lines: start..end.clamp(start, image.height) }
    }

    /// Most lines of a band.
    pub(crate) fn longest(&self) -> usize {
        (0..self.n()).map(|band| self.get(band).lines.len()).max().unwrap_or(0)
    }
}

/// Copies a line of whole blocks, two vectors a turn: of a loop with one the compiler makes a call of the browser, which
/// costs more than the vectors of so short a line.
#[inline(always)]
fn copy_line(from: &[f32], to: &mut [f32]) {
    for (from, to) in from.as_chunks::<BLOCK>().0.iter().zip(to.as_chunks_mut::<BLOCK>().0) {
        for (from, to) in from.as_chunks().0.iter().zip(to.as_chunks_mut().0) {
            F32x4::load(from).store(to);
        }
    }
}
