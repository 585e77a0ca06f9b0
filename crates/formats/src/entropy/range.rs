//! A binary range coder with adaptive probabilities.
//!
//! ```text
//! for each bit                           the interval [low, low + range) of numbers that stand for this message
//!     split range by the bit's probability, keep the bit's part
//!     while range is small: write the top of low, scale both up
//! ```
//!
//! 1. `low` and `range` have 64 bits and 32 leave at a time, so that a probability has 16 bits without a loss that
//!    counts, and the loop above is a branch that is seldom taken.
//! 2. A carry out of `low` runs back through the bytes that are written already.
//! 3. Zeros at the end are not written: the decoder reads zeros behind the end.
//!
//! Sources: Martin 1979, "Range encoding: an algorithm for removing redundancy from a digitised message"; the update of
//! probabilities is that of the state maps in Mahoney's `lpaq`.

/// Bits of a state that count what it has seen.
const COUNT_BITS: u32 = 10;

/// A state remembers about so many bits.
const LIMIT: u32 = (1 << COUNT_BITS) - 1;

/// The probability that the next bit is one, learned from the bits before: the `n`th moves it by `1 / (n + 1.5)` of
/// the way to what was seen.
///
/// The upper 22 bits hold the probability, the lower 10 the count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probability(u32);

/// How far the bit after `n` others moves a probability, `2^13 / (n + 1.5)`.
static RATES: [u32; 1 << COUNT_BITS] = {
    let mut rates = [0; 1 << COUNT_BITS];
    let mut n = 0;
    while n < rates.len() {
        rates[n] = (1 << 14) / (2 * n as u32 + 3);
        n += 1;
    }
    rates
};

impl Probability {
    /// Nothing is known.
    pub(super) const HALF: Self = Self(1 << 31);

    /// `p`, clamped to `0.001..=0.999`, as if seen in `n` bits.
    pub(super) fn expected(p: f32, n: u32) -> Self {
        let upper = (p.clamp(0.001, 0.999) * (1 << 22) as f32) as u32;
        Self(upper << COUNT_BITS | n)
    }

    /// In units of `2^-16`, never 0 nor 1.
    #[inline]
    fn of_one(self) -> u64 {
        u64::from((self.0 >> 16).clamp(1, (1 << 16) - 1))
    }

    #[inline]
    fn update(&mut self, bit: bool) {
        let (upper, n) = (self.0 >> COUNT_BITS, self.0 & LIMIT);
        let target = u32::from(bit).wrapping_neg() >> COUNT_BITS;
        // Signed arithmetic modulo 2^32: the sum fits although the product may not.
        let distance = (target.wrapping_sub(upper).cast_signed() >> 3).cast_unsigned();
        let moved = self.0.wrapping_add(distance.wrapping_mul(RATES[n as usize]) & !LIMIT);
        self.0 = moved + u32::from(n < LIMIT);
    }
}

/// One direction of coding. What is passed in counts for writing only, what comes back is what the message says.
pub(crate) trait BitCoder {
    /// Codes a bit at the cost of its probability, which learns.
    fn bit(&mut self, bit: bool, probability: &mut Probability) -> bool;

    /// Codes a number below `2^n`, `n` at most 16, at the cost of `n` bits.
    fn raw(&mut self, value: u32, n: u32) -> u32;
}

/// Writes bits.
#[derive(Debug)]
pub(crate) struct Encoder {
    low: u64,
    range: u64,
    bytes: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { low: 0, range: u64::MAX, bytes: Vec::new() }
    }
}

impl BitCoder for Encoder {
    #[inline]
    fn bit(&mut self, bit: bool, probability: &mut Probability) -> bool {
        let bound = (self.range >> 16) * probability.of_one();
        probability.update(bit);
        if bit {
            self.range = bound;
        } else {
            self.advance(bound);
            self.range -= bound;
        }
        self.normalize();
        bit
    }

    #[inline]
    fn raw(&mut self, value: u32, n: u32) -> u32 {
        self.range >>= n;
        self.advance(self.range * u64::from(value));
        self.normalize();
        value
    }
}

impl Encoder {
    #[inline]
    fn advance(&mut self, distance: u64) {
        let (low, carry) = self.low.overflowing_add(distance);
        self.low = low;
        if carry {
            self.carry();
        }
    }

    #[cold]
    fn carry(&mut self) {
        for byte in self.bytes.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }

    #[inline]
    fn normalize(&mut self) {
        if self.range < 1 << 32 {
            self.bytes.extend(((self.low >> 32) as u32).to_be_bytes());
            self.low <<= 32;
            self.range <<= 32;
        }
    }

    /// The message, as short as it can be told from all others.
    pub(super) fn finish(mut self) -> Vec<u8> {
        // The number in the interval that ends in most zeros; there is always one with at least the lower 31 bits 0.
        let zeros = (0..64).rev().find(|&zeros| {
            let mask = (1_u64 << zeros) - 1;
            self.low.wrapping_neg() & mask < self.range
        });
        let mask = (1_u64 << zeros.unwrap_or(0)) - 1;
        self.advance(self.low.wrapping_neg() & mask);
        self.bytes.extend(self.low.to_be_bytes());
        let len = self.bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        self.bytes.truncate(len);
        self.bytes
    }
}

/// Reads what [`Encoder`] wrote. Any bytes give some bits.
#[derive(Debug)]
pub(crate) struct Decoder<'data> {
    code: u64,
    range: u64,
    rest: &'data [u8],
}

impl<'data> Decoder<'data> {
    /// Starts to read a message.
    pub(crate) fn new(bytes: &'data [u8]) -> Self {
        let mut decoder = Self { code: 0, range: u64::MAX, rest: bytes };
        decoder.code = u64::from(decoder.word()) << 32;
        decoder.code |= u64::from(decoder.word());
        decoder
    }

    #[inline]
    fn word(&mut self) -> u32 {
        if let Some((word, rest)) = self.rest.split_first_chunk() {
            self.rest = rest;
            return u32::from_be_bytes(*word);
        }
        self.last_word()
    }

    #[cold]
    fn last_word(&mut self) -> u32 {
        let mut word = [0; 4];
        word[..self.rest.len()].copy_from_slice(self.rest);
        self.rest = &[];
        u32::from_be_bytes(word)
    }

    #[inline]
    fn normalize(&mut self) {
        if self.range < 1 << 32 {
            self.code = self.code << 32 | u64::from(self.word());
            self.range <<= 32;
        }
    }

    /// Whether every byte was read.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

impl BitCoder for Decoder<'_> {
    #[inline]
    fn bit(&mut self, _: bool, probability: &mut Probability) -> bool {
        let bound = (self.range >> 16) * probability.of_one();
        let bit = self.code < bound;
        probability.update(bit);
        // Without a branch, which would be mispredicted often: `if bit { bound } else { range - bound }`.
        let zero = u64::from(!bit).wrapping_neg();
        self.code -= bound & zero;
        self.range = bound.wrapping_add(self.range.wrapping_sub(bound.wrapping_mul(2)) & zero);
        self.normalize();
        bit
    }

    #[inline]
    fn raw(&mut self, _: u32, n: u32) -> u32 {
        self.range >>= n;
        let value = (self.code / self.range).min((1 << n) - 1);
        self.code -= value * self.range;
        self.normalize();
        value as u32
    }
}
