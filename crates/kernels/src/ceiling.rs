//! Loops that only multiply and add in registers: the most that a kernel of this flavour can reach on this machine.
//!
//! They compute nothing of use. Every product has an accumulator as a factor, so that none is the same twice and compilers
//! can neither take one out of the loop nor share it.

#![allow(unsafe_code, reason = "accumulators are read as vectors of smaller elements")]

use std::hint::black_box;

use crate::Products;
use crate::lanes::{F32x4, I8x16, I16x8, I32x4, U8x16};

/// Thirteen leave one register each for a factor, a summand or product, and the browser's own use. Twelve show the
/// latency: without a fused instruction, Chromium reaches 22.5 GMAC/s with them and 25 with thirteen, where the processor
/// (AMD EPYC at 3.2 GHz) has 26.
const ACCUMULATORS: usize = 13;

/// Multiplies and adds `turns` times in float32 and returns how many multiply-adds that were.
pub fn multiply_add_f32(turns: usize) -> u64 {
    // Accumulators tend to 1.
    let [factor, summand] = [black_box(0.5), black_box(0.5)].map(F32x4::splat);
    let mut acc: [F32x4; ACCUMULATORS] = std::array::from_fn(|i| F32x4::splat(black_box(i as f32)));
    for _ in 0..black_box(turns) {
        acc = acc.map(|acc| acc.mul_add(factor, summand));
    }
    black_box(acc);
    count(turns, 4)
}

/// The same on integers, as [`Products`] multiplies them: pairs of int16 or quads of bytes, added in int32. One factor
/// is the next accumulator.
pub fn multiply_add_i8(products: Products, turns: usize) -> u64 {
    match products {
        Products::Pairs => {
            let factor = words(I32x4::splat(black_box(0x0003_0005)));
            integer_loop(turns, |neighbour, acc| acc.add(words(neighbour).dot(factor)));
            count(turns, 8)
        }
        Products::Quads => {
            let factor = signed_bytes(I32x4::splat(black_box(0x0103_0507)));
            integer_loop(turns, |neighbour, acc| acc.add_dot_quads(factor, bytes(neighbour)));
            count(turns, 16)
        }
        Products::SignedQuads => {
            let factor = signed_bytes(I32x4::splat(black_box(0x0103_0507)));
            integer_loop(turns, |neighbour, acc| acc.add_dot_signed_quads(factor, signed_bytes(neighbour)));
            count(turns, 16)
        }
    }
}

#[inline(always)]
fn integer_loop(turns: usize, multiply_add: impl Fn(I32x4, I32x4) -> I32x4) {
    let mut acc: [I32x4; ACCUMULATORS] = std::array::from_fn(|i| I32x4::splat(black_box(i as i32)));
    for _ in 0..black_box(turns) {
        for i in 0..ACCUMULATORS {
            acc[i] = multiply_add(acc[(i + 1) % ACCUMULATORS], acc[i]);
        }
    }
    black_box(acc);
}

fn count(turns: usize, lanes: u64) -> u64 {
    turns as u64 * ACCUMULATORS as u64 * lanes
}

#[inline(always)]
fn words(x: I32x4) -> I16x8 {
    // SAFETY: both are 16 bytes of integers, of which every value is valid.
    unsafe { std::mem::transmute(x) }
}

#[inline(always)]
fn bytes(x: I32x4) -> U8x16 {
    // SAFETY: as `words`.
    unsafe { std::mem::transmute(x) }
}

#[inline(always)]
fn signed_bytes(x: I32x4) -> I8x16 {
    // SAFETY: as `words`.
    unsafe { std::mem::transmute(x) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiply_adds_are_those_of_all_lanes_and_accumulators() {
        assert_eq!(multiply_add_f32(10), 10 * 13 * 4);
        assert_eq!(multiply_add_i8(Products::Pairs, 10), 10 * 13 * 8);
        assert_eq!(multiply_add_i8(Products::Quads, 10), 10 * 13 * 16);
        assert_eq!(multiply_add_i8(Products::SignedQuads, 10), 10 * 13 * 16);
        assert_eq!(multiply_add_f32(0), 0);
    }
}
