//! Small integers in rows: levels of weights, positions in codebooks, masks, multipliers.
//!
//! A level becomes bits, each with its own adaptive probability:
//!
//! ```text
//! is it zero?   is it negative?   is its magnitude >= 2?  >= 4?  >= 8? ...   the magnitude's bits below its first
//! ```
//!
//! Weights of a trained network are all but independent of one another once their size is known, and their size
//! follows the output channel (the row) and the position in it (the column). So all context is one number, the
//! expected magnitude: the mean of the rows above in this column, times how much larger than expected this row has
//! been so far. Its class, half an octave wide, picks the probabilities, which start from a two-sided geometric
//! distribution of that mean. On MobileNetV2 1.0 (see `examples/entropy.rs`) this is up to 1.1 % below the order-0
//! entropy of the layers, tables not counted. The magnitudes of the two previous levels as context, as DeepCABAC has,
//! gain nothing there, and logistic mixing of up to seven contexts gained less than 0.1 % where nothing is pruned, at
//! several times the work.

use super::range::{BitCoder, Probability};

/// Classes of the expected magnitude: from `2^-5`, half an octave each.
const CLASSES: usize = 24;

/// The class of levels whose sizes are alike.
const ALL: usize = CLASSES / 2;

/// Bits of a magnitude, which is below `2^8`.
const MAGNITUDE_BITS: usize = 8;

/// What is known of all levels before the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    /// Levels of a row, at least 1; the last row may be shorter.
    pub(crate) len: usize,
    /// Whether zeros are coded.
    pub(crate) zeros: Zeros,
    /// What sizes depend on.
    pub(crate) sizes: Sizes,
}

impl Rows {
    /// Rows of numbers whose size varies, zeros among them.
    pub(crate) fn of_sizes(len: usize) -> Self {
        Self { len, zeros: Zeros::Coded, sizes: Sizes::Vary }
    }
}

/// What the size of a level depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// Its row and its column.
    Vary,
    /// Nothing, as where each row has a codebook of its own.
    Alike,
}

/// Whether zeros are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zeros {
    /// Like any other level.
    Coded,
    /// Both sides know where they are, and that other levels are not zero.
    Known,
}

/// Codes rows of levels between -255 and 255.
#[derive(Debug)]
pub(crate) struct LevelCoder<C> {
    /// What bits go to or come from.
    pub(crate) coder: C,
    zeros: Zeros,
    sizes: Sizes,
    signed: bool,
    largest_bits: u32,
    model: Box<Model>,
    expectation: Expectation,
}

/// The adaptive probabilities.
#[derive(Debug)]
struct Model {
    nonzero: [Probability; CLASSES],
    negative: Probability,
    /// Of class and number of bits: whether the magnitude has more bits.
    longer: [[Probability; MAGNITUDE_BITS]; CLASSES],
    /// Of class and number of bits: the second bit.
    second: [[Probability; MAGNITUDE_BITS]; CLASSES],
    /// The bits after it, for codes of each side. Of `l` bits after the first, `2^l` is added to the bits so far behind
    /// a leading one.
    lower: [[Probability; 1 << MAGNITUDE_BITS]; 2],
}

impl<C: BitCoder> LevelCoder<C> {
    /// Starts with the size of the levels: `levels` are all that follow. For reading they may be empty.
    pub(crate) fn new(mut coder: C, rows: Rows, levels: &[i16]) -> Self {
        let Rows { len, zeros, sizes } = rows;
        let magnitudes = || levels.iter().map(|level| level.unsigned_abs()).filter(|&x| x > 0);
        let n = if zeros == Zeros::Known { magnitudes().count() } else { levels.len() };
        let sum = magnitudes().map(u64::from).sum::<u64>();
        let mean = (sum as f32 / n.max(1) as f32).to_bits() >> 16;
        let mean = f32::from_bits(coder.raw(mean, 16) << 16);
        let largest = coder.raw(magnitudes().max().unwrap_or(0).into(), MAGNITUDE_BITS as u32);
        let signed = coder.raw(u32::from(levels.iter().any(|&level| level < 0)), 1) != 0;
        Self {
            coder,
            zeros,
            sizes,
            signed,
            largest_bits: u32::BITS - largest.leading_zeros(),
            model: Box::new(Model::new()),
            expectation: Expectation::new(mean, len.max(1)),
        }
    }

    /// Codes the next levels, whole rows: writes them, or replaces them by what is read. Where zeros are known,
    /// levels that are zero stay so.
    pub(crate) fn rows(&mut self, levels: &mut [i16]) {
        if self.largest_bits == 0 {
            return;
        }
        for row in levels.chunks_mut(self.expectation.columns.len()) {
            self.expectation.start_row();
            for (column, level) in row.iter_mut().enumerate() {
                if self.zeros == Zeros::Known && *level == 0 {
                    continue;
                }
                if self.sizes == Sizes::Alike {
                    *level = self.level(*level, ALL);
                    continue;
                }
                let (mean, class) = self.expectation.at(column);
                *level = self.level(*level, class);
                self.expectation.observe(column, mean, level.unsigned_abs());
            }
        }
    }

    #[inline]
    fn level(&mut self, level: i16, class: usize) -> i16 {
        let Self { coder, zeros, sizes, signed, largest_bits, model, .. } = self;
        let magnitude = u32::from(level.unsigned_abs());
        if *zeros == Zeros::Coded && !coder.bit(magnitude > 0, &mut model.nonzero[class]) {
            return 0;
        }
        let negative = *signed && coder.bit(level < 0, &mut model.negative);
        // Codes need not lie evenly around their middle.
        let side = usize::from(negative && *sizes == Sizes::Alike);
        let class = class + side;
        let mut n_bits = 1;
        while n_bits < *largest_bits {
            if !coder.bit(magnitude >> n_bits != 0, &mut model.longer[class][n_bits as usize]) {
                break;
            }
            n_bits += 1;
        }
        let mut value = 1;
        for idx in (0..n_bits - 1).rev() {
            let probability = if value == 1 {
                &mut model.second[class][n_bits as usize - 1]
            } else {
                &mut model.lower[side][1 << (n_bits - 1) | value as usize]
            };
            value = value << 1 | u32::from(coder.bit(magnitude >> idx & 1 != 0, probability));
        }
        if negative { -(value as i16) } else { value as i16 }
    }
}

impl Model {
    /// Probabilities of a two-sided geometric distribution of each class's mean magnitude.
    fn new() -> Self {
        /// As if seen in so many levels.
        const SEEN: u32 = 4;
        let mut model = Self {
            nonzero: [Probability::HALF; CLASSES],
            negative: Probability::HALF,
            longer: [[Probability::HALF; MAGNITUDE_BITS]; CLASSES],
            second: [[Probability::HALF; MAGNITUDE_BITS]; CLASSES],
            lower: [[Probability::HALF; 1 << MAGNITUDE_BITS]; 2],
        };
        for class in 0..CLASSES {
            let mean = class_mean(class);
            let zero = 1.0 / (1.0 + 1.3 * mean);
            model.nonzero[class] = Probability::expected(1.0 - zero, SEEN);
            // Of magnitudes of at least 2^k, the share of at least 2^(k + 1).
            let mut larger = (1.0 - (1.0 - zero) / mean).max(0.001);
            for longer in &mut model.longer[class][1..] {
                *longer = Probability::expected(larger, SEEN);
                larger *= larger;
            }
        }
        model
    }
}

/// Bits of a single-precision number below the first of its fraction: what is above counts half octaves.
const HALF_OCTAVE: u32 = 22;

/// The half octave that class 0 ends with.
const FIRST_CLASS: u32 = 0.031_25_f32.to_bits() >> HALF_OCTAVE;

fn class_of(mean: f32) -> usize {
    ((mean.to_bits() >> HALF_OCTAVE).saturating_sub(FIRST_CLASS) as usize).min(CLASSES - 1)
}

/// The middle of a class.
fn class_mean(class: usize) -> f32 {
    f32::from_bits((FIRST_CLASS + class as u32) << HALF_OCTAVE | 1 << (HALF_OCTAVE - 1))
}

/// Expects magnitudes from those seen.
#[derive(Debug)]
struct Expectation {
    /// Of all levels.
    mean: f32,
    columns: Vec<Column>,
    /// Sum of magnitudes in this row, and what the columns expected.
    seen: f32,
    expected: f32,
}

#[derive(Clone, Copy, Debug)]
struct Column {
    sum: f32,
    n: f32,
}

impl Expectation {
    /// A column's mean starts as if so many levels had been the mean of all.
    const COLUMN_PRIOR: f32 = 2.0;

    /// A row's ratio starts as if so many levels had been as expected.
    const ROW_PRIOR: f32 = 4.0;

    fn new(mean: f32, row_len: usize) -> Self {
        let column = Column { sum: mean * Self::COLUMN_PRIOR, n: Self::COLUMN_PRIOR };
        Self { mean, columns: vec![column; row_len], seen: 0.0, expected: 0.0 }
    }

    fn start_row(&mut self) {
        self.seen = self.mean * Self::ROW_PRIOR;
        self.expected = self.seen;
    }

    /// The column's mean, and the class of what is expected.
    #[inline]
    fn at(&self, column: usize) -> (f32, usize) {
        let Column { sum, n } = self.columns[column];
        let mean = sum / n;
        (mean, class_of(mean * (self.seen / self.expected)))
    }

    #[inline]
    fn observe(&mut self, column: usize, mean: f32, magnitude: u16) {
        let magnitude = f32::from(magnitude);
        self.seen += magnitude;
        self.expected += mean;
        let column = &mut self.columns[column];
        column.sum += magnitude;
        column.n += 1.0;
    }
}
