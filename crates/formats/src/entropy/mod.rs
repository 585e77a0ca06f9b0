//! Lossless entropy coding of weights: small integers ([`LevelCoder`]) and floating-point numbers ([`FloatCoder`]).
//!
//! Both split a number into bits and code each with an adaptive probability, chosen by what is known at that point,
//! through a range coder ([`range`]). There are no tables to ship, and one piece of code describes both directions:
//! written against [`BitCoder`], it writes with an [`Encoder`] and reads with a [`Decoder`], so that the two cannot
//! disagree. All arithmetic that a probability depends on is on integers or in IEEE additions, multiplications and
//! divisions, which are the same on every machine.
//!
//! Why no crate: the well-kept one, `constriction`, codes symbols by models that its caller brings and divides once
//! for each of them. What makes the file small here are the models, so its part would be the fifty lines of
//! [`range`], slower. `cabac` has adaptive bits, and is LGPL.
//!
//! Sources: Marpe, Schwarz, Wiegand 2003 (CABAC: binarization, context modelling, adaptive binary coding); Wiedemann
//! et al. 2019, DeepCABAC (arXiv 1907.11900), which applies it to weights. The contexts here are others, see
//! [`levels`].

mod floats;
mod levels;
mod range;
#[cfg(test)]
mod tests;

pub(crate) use floats::{FloatCoder, FloatLayout};
pub(crate) use levels::{LevelCoder, Rows, Sizes, Zeros};
pub(crate) use range::{BitCoder, Decoder, Encoder};

/// Bits that close a message: a reader that has lost its way finds others, but for one in `2^16`.
const END: u32 = 0x5a5a;

/// Writes the end of a message.
pub(crate) fn finish(mut encoder: Encoder) -> Vec<u8> {
    encoder.raw(END, 16);
    encoder.finish()
}

/// Whether a message ends here.
pub(crate) fn is_finished(mut decoder: Decoder<'_>) -> bool {
    decoder.raw(0, 16) == END && decoder.is_at_end()
}
