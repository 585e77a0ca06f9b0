//! Floating-point numbers: weights in half and single precision, scales, biases, codebooks.
//!
//! Signs and exponents have adaptive probabilities: of the nine bits that they take in single precision, two to five
//! remain. Fractions are as good as random and are written as they are, without the bits at their end that are zero
//! in all numbers of a call: a vector that was rounded to fewer bits takes fewer.

use super::range::{BitCoder, Probability};

/// How a number's bits are divided, after the sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FloatLayout {
    exponent_bits: u32,
    fraction_bits: u32,
}

impl FloatLayout {
    /// IEEE 754 binary32.
    pub(crate) const F32: Self = Self { exponent_bits: 8, fraction_bits: 23 };
    /// IEEE 754 binary16.
    pub(crate) const F16: Self = Self { exponent_bits: 5, fraction_bits: 10 };
    /// The upper half of binary32.
    pub(crate) const BF16: Self = Self { exponent_bits: 8, fraction_bits: 7 };
}

/// Codes numbers of one layout.
#[derive(Debug)]
pub(crate) struct FloatCoder<C> {
    /// What bits go to or come from.
    pub(crate) coder: C,
    layout: FloatLayout,
    negative: Probability,
    /// The exponent's bits so far behind a leading one.
    exponent: Vec<Probability>,
}

impl<C: BitCoder> FloatCoder<C> {
    /// Nothing is known yet.
    pub(crate) fn new(coder: C, layout: FloatLayout) -> Self {
        let exponent = vec![Probability::HALF; 1 << layout.exponent_bits];
        Self { coder, layout, negative: Probability::HALF, exponent }
    }

    /// Codes numbers given as their bits: writes them, or replaces them by what is read.
    pub(crate) fn numbers(&mut self, numbers: &mut [u32]) {
        let FloatLayout { exponent_bits, fraction_bits } = self.layout;
        let all = numbers.iter().fold(0, |all, bits| all | bits);
        let n_zeros = all.trailing_zeros().min(fraction_bits);
        let n_zeros = self.coder.raw(n_zeros, 5).min(fraction_bits);
        for number in numbers {
            let negative = *number >> (exponent_bits + fraction_bits) & 1 != 0;
            let mut value = u32::from(self.coder.bit(negative, &mut self.negative));
            let mut node = 1;
            for idx in (0..exponent_bits).rev() {
                let bit = *number >> (fraction_bits + idx) & 1 != 0;
                node = node << 1 | usize::from(self.coder.bit(bit, &mut self.exponent[node]));
            }
            value = value << exponent_bits | (node as u32 & ((1 << exponent_bits) - 1));
            let mut left = fraction_bits - n_zeros;
            while left > 0 {
                let n = left.min(16);
                left -= n;
                let bits = *number >> (n_zeros + left) & ((1 << n) - 1);
                value = value << n | self.coder.raw(bits, n);
            }
            *number = value << n_zeros;
        }
    }
}
