//! Weights of a float32 product in reduced storage: halves, codes and levels, unpacked a panel at a time.
//!
//! A panel is unpacked right before a block of rows is multiplied with it, into scratch that stays in the cache; there is
//! no second copy of the weights. What is unpacked are exactly the floats that the weights stand for, so that a product
//! gives the same bits as one of the floats. Start with [`StoredWeights`].

use crate::KernelError;
use crate::blocks::{Aligned, BLOCK, blocks, zeros};
use crate::error::{check_len, checked_len};
use crate::lanes::{F32x4, I16x8};
use crate::levels::{LevelPanels, StoredLevels, UNIT_STEPS, number};

/// Weights as a model stores them: `[n, stored]`, row-major.
#[derive(Clone, Copy, Debug)]
pub enum StoredWeights<'a> {
    /// Bits of IEEE 754 binary16.
    F16(&'a [u16]),
    /// Upper halves of floats.
    Bf16(&'a [u16]),
    /// `codebook[code]`: codebooks of `n_clusters` values, one for all rows or one for each.
    Codes {
        /// Each below `n_clusters`.
        codes: &'a [u8],
        /// `[1, n_clusters]` or `[n, n_clusters]`.
        codebooks: &'a [f32],
        /// At most 256.
        n_clusters: usize,
    },
    /// `scale * multiplier * level`.
    Levels {
        /// With their groups.
        levels: StoredLevels<'a>,
        /// One for all rows or one for each.
        scales: &'a [f32],
    },
}

impl StoredWeights<'_> {
    fn len(&self) -> usize {
        match self {
            Self::F16(halves) | Self::Bf16(halves) => halves.len(),
            Self::Codes { codes, .. } => codes.len(),
            Self::Levels { levels, .. } => levels.levels.len(),
        }
    }
}

/// Panels of eight output channels, `[panel][step][channel]`, and their biases.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredPanels {
    bias: Vec<[f32; BLOCK]>,
    steps: usize,
    form: Form,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    F16 {
        halves: Vec<[u16; BLOCK]>,
        /// For each panel, whether nearly all halves are zeros and normal numbers.
        is_normal: Vec<bool>,
    },
    Bf16(Vec<[u16; BLOCK]>),
    Codes(CodePanels),
    Levels {
        panels: LevelPanels,
        scales: Vec<[f32; BLOCK]>,
    },
}

/// Codes with their values. Codes of 4 bits lie in pairs: the even step in the lower half of a byte.
#[derive(Clone, Debug, PartialEq)]
struct CodePanels {
    words: Vec<[u8; BLOCK]>,
    /// Codebooks filled up to a power of two, at least 16.
    books: Aligned<f32>,
    book_len: usize,
    is_shared: bool,
    n: usize,
    /// Steps that have a code.
    k: usize,
}

impl StoredPanels {
    /// Packs `n` rows for a reduction of `k`; what rows lack at their end are zeros.
    pub(crate) fn pack(
        weights: &StoredWeights<'_>,
        n: usize,
        k: usize,
        bias: &[f32],
    ) -> Result<Self, KernelError> {
        let stored = (weights.len() / n.max(1)).min(k);
        check_len("weights", weights.len(), n * stored)?;
        check_len("bias", bias.len(), n)?;
        let steps =
            k.checked_next_multiple_of(UNIT_STEPS).ok_or(KernelError::Size { what: "packed weights" })?;
        checked_len::<[f32; BLOCK]>("packed weights", &[blocks(n).max(1), steps.saturating_add(1)])?;
        let form = match *weights {
            StoredWeights::F16(halves) => {
                let halves = panels(halves, n, stored, steps);
                let is_normal = halves.chunks_exact(steps).map(is_nearly_normal).collect();
                Form::F16 { halves, is_normal }
            }
            StoredWeights::Bf16(halves) => Form::Bf16(panels(halves, n, stored, steps)),
            StoredWeights::Codes { codes, codebooks, n_clusters } => {
                Form::Codes(CodePanels::pack(codes, codebooks, n_clusters, n, stored, steps)?)
            }
            StoredWeights::Levels { levels, scales } => {
                let panels = LevelPanels::pack(&levels, n, stored, steps, |step, lane| (Some(step), lane))?;
                let of = |row: usize| if scales.len() == 1 { scales[0] } else { scales[row] };
                if scales.len() != 1 {
                    check_len("scales", scales.len(), n)?;
                }
                Form::Levels { panels, scales: by_panel(n, of) }
            }
        };
        Ok(Self { bias: by_panel(n, |row| bias[row]), steps, form })
    }

    /// Floats of an unpacked panel: the biases and the steps, filled up to whole units.
    pub(crate) fn panel_len(&self) -> usize {
        (self.steps + 1) * BLOCK
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.bias.as_slice())
            + match &self.form {
                Form::F16 { halves, is_normal } => size_of_val(halves.as_slice()) + is_normal.len(),
                Form::Bf16(halves) => size_of_val(halves.as_slice()),
                Form::Codes(codes) => {
                    size_of_val(codes.words.as_slice()) + size_of_val(codes.books.as_slice())
                }
                Form::Levels { panels, scales } => panels.bytes() + size_of_val(scales.as_slice()),
            }
    }

    /// Writes the biases and weights of a panel to `unpacked`, [`Self::panel_len`] floats.
    pub(crate) fn unpack(&self, panel: usize, unpacked: &mut [f32]) {
        let (unpacked, _) = unpacked.as_chunks_mut::<BLOCK>();
        let (bias, unpacked) = unpacked.split_first_mut().expect("a panel begins with its biases");
        *bias = self.bias[panel];
        match &self.form {
            Form::F16 { halves, is_normal } => {
                let steps = unpacked.iter_mut().zip(&halves[panel * self.steps..]);
                match is_normal[panel] {
                    true => steps.for_each(|(step, halves)| store(F32x4::from_normal_f16(halves), step)),
                    false => steps.for_each(|(step, halves)| store(F32x4::from_f16(halves), step)),
                }
            }
            Form::Bf16(halves) => {
                for (step, halves) in unpacked.iter_mut().zip(&halves[panel * self.steps..]) {
                    store(F32x4::from_bf16(halves), step);
                }
            }
            Form::Codes(codes) => codes.unpack(panel, unpacked),
            Form::Levels { panels, scales } => {
                let ([low, high], _) = scales[panel].as_chunks() else { unreachable!("eight is two fours") };
                let scales = [low, high].map(F32x4::load);
                let write = |step: &mut [f32; BLOCK], levels: I16x8| {
                    let [low, high] = levels.widen();
                    store([scales[0].mul(low.to_f32()), scales[1].mul(high.to_f32())], step);
                };
                let (units, _) = unpacked.as_chunks_mut::<UNIT_STEPS>();
                panels.for_each_unit(panel, |index, levels, multipliers| {
                    let unit = &mut units[index];
                    match multipliers {
                        None => unit.iter_mut().zip(levels).for_each(|(step, v)| write(step, v)),
                        Some(m) => unit.iter_mut().zip(levels).for_each(|(step, v)| write(step, v.mul(m))),
                    }
                });
            }
        }
    }
}

impl CodePanels {
    fn pack(
        codes: &[u8],
        codebooks: &[f32],
        n_clusters: usize,
        n: usize,
        k: usize,
        steps: usize,
    ) -> Result<Self, KernelError> {
        if !(1..=256).contains(&n_clusters) {
            return Err(number("clusters", n_clusters as f64, "1..=256"));
        }
        let is_shared = codebooks.len() == n_clusters;
        if !is_shared {
            check_len("codebooks", codebooks.len(), n.saturating_mul(n_clusters))?;
        }
        if let Some(code) = codes.iter().find(|code| usize::from(**code) >= n_clusters) {
            return Err(number("code", (*code).into(), "below the number of clusters"));
        }
        let book_len = n_clusters.next_power_of_two().max(16);
        let mut books = zeros(if is_shared { 1 } else { blocks(n) * BLOCK } * book_len);
        for (book, codebook) in books.chunks_exact_mut(book_len).zip(codebooks.chunks_exact(n_clusters)) {
            book[..n_clusters].copy_from_slice(codebook);
        }
        let mut words = panels(codes, n, k, steps);
        if book_len == 16 {
            let pairs = words.as_chunks::<2>().0;
            words = pairs.iter().map(|[even, odd]| std::array::from_fn(|i| even[i] | odd[i] << 4)).collect();
        }
        Ok(Self { words, books, book_len, is_shared, n, k })
    }

    fn unpack(&self, panel: usize, unpacked: &mut [[f32; BLOCK]]) {
        match self.book_len {
            16 => self.look_up::<16>(panel, unpacked),
            32 => self.look_up::<32>(panel, unpacked),
            64 => self.look_up::<64>(panel, unpacked),
            128 => self.look_up::<128>(panel, unpacked),
            _ => self.look_up::<256>(panel, unpacked),
        }
        unpacked[self.k..].fill([0.0; BLOCK]);
        let live = (self.n - panel * BLOCK).min(BLOCK);
        if live < BLOCK {
            unpacked.iter_mut().for_each(|step| step[live..].fill(0.0));
        }
    }

    fn look_up<const LEN: usize>(&self, panel: usize, unpacked: &mut [[f32; BLOCK]]) {
        let books = self.books.as_chunks::<LEN>().0;
        let books: [&[f32; LEN]; BLOCK] =
            std::array::from_fn(|column| &books[if self.is_shared { 0 } else { panel * BLOCK + column }]);
        let steps = unpacked.len();
        if LEN == 16 {
            let words = &self.words[panel * steps / 2..];
            for ([even, odd], word) in unpacked.as_chunks_mut::<2>().0.iter_mut().zip(words) {
                for column in 0..BLOCK {
                    even[column] = books[column][usize::from(word[column] & 15) % LEN];
                    odd[column] = books[column][usize::from(word[column] >> 4) % LEN];
                }
            }
        } else {
            for (step, word) in unpacked.iter_mut().zip(&self.words[panel * steps..]) {
                for column in 0..BLOCK {
                    step[column] = books[column][usize::from(word[column]) % LEN];
                }
            }
        }
    }
}

/// Whether all halves are finite and one in a hundred at most is subnormal.
fn is_nearly_normal(halves: &[[u16; BLOCK]]) -> bool {
    let count =
        |matches: fn(u16) -> bool| halves.as_flattened().iter().filter(|half| matches(**half)).count();
    let subnormal = count(|half| half & 0x7c00 == 0 && half & 0x03ff != 0);
    count(|half| half & 0x7c00 == 0x7c00) == 0 && subnormal * 100 <= halves.len() * BLOCK
}

fn store([low, high]: [F32x4; 2], step: &mut [f32; BLOCK]) {
    let ([first, last], _) = step.as_chunks_mut() else { unreachable!("eight is two fours") };
    low.store(first);
    high.store(last);
}

/// `[n, k]` to `[panel][step][row of the panel]`, filled up with zeros.
fn panels<T: Copy + Default>(values: &[T], n: usize, k: usize, steps: usize) -> Vec<[T; BLOCK]> {
    let value =
        |row: usize, step: usize| if row < n && step < k { values[row * k + step] } else { T::default() };
    (0..blocks(n) * steps)
        .map(|index| std::array::from_fn(|column| value(index / steps * BLOCK + column, index % steps)))
        .collect()
}

fn by_panel(n: usize, value: impl Fn(usize) -> f32) -> Vec<[f32; BLOCK]> {
    let value = |row: usize| if row < n { value(row) } else { 0.0 };
    (0..blocks(n)).map(|panel| std::array::from_fn(|column| value(panel * BLOCK + column))).collect()
}
