//! Times the preparation of camera frames, 640x480 to 224x224, on one thread.
//!
//! As WebAssembly, optimised from the start as a worker's code is after its first frames:
//! `CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="-C target-feature=+simd128"
//! CARGO_TARGET_WASM32_WASIP1_RUNNER="node --no-warnings --no-liftoff --no-wasm-tier-up xtask/wasi-run.mjs"
//! cargo run --release -p vision --example prepare_millis --target wasm32-wasip1`.

use std::time::Instant;

use vision::{
    ColourMatrix, ColourRange, ColourSpace, Frame, Normalization, PixelFormat, PlaneLayout, Preparer, View,
    VisionError,
};

const WIDTH: usize = 640;
const HEIGHT: usize = 480;
const SIZE: usize = 224;
const REPEATS: usize = 400;

fn main() -> Result<(), VisionError> {
    let bytes: Vec<u8> = (0..WIDTH * HEIGHT * 4).map(|i| (i.wrapping_mul(40_503) >> 7) as u8).collect();
    let plane = |offset: usize, stride: usize| PlaneLayout { offset, stride };
    let (luma, quarter) = (WIDTH * HEIGHT, WIDTH * HEIGHT / 4);
    let space = ColourSpace { matrix: ColourMatrix::Bt601, range: ColourRange::Limited };
    let in_planes = [plane(0, WIDTH), plane(luma, WIDTH / 2), plane(luma + quarter, WIDTH / 2)];
    let cases = [
        ("I420", PixelFormat::I420(space), &in_planes[..]),
        ("NV12", PixelFormat::Nv12(space), &[plane(0, WIDTH), plane(luma, WIDTH)]),
        ("RGBA", PixelFormat::Rgba, &[plane(0, WIDTH * 4)]),
    ];
    let mut preparer = Preparer::new(SIZE, Normalization { mean: [127.5; 3], std: [127.5; 3] });
    let mut tensor = vec![0.0; preparer.tensor_len()];
    for (name, format, planes) in cases {
        let frame = Frame::new(&bytes, format, WIDTH, HEIGHT, planes)?;
        let mut millis = Vec::with_capacity(REPEATS);
        for _ in 0..REPEATS {
            let start = Instant::now();
            preparer.prepare_frame(std::hint::black_box(&frame), &View::WHOLE, &mut tensor)?;
            std::hint::black_box(&tensor);
            millis.push(start.elapsed().as_secs_f64() * 1e3);
        }
        millis.sort_by(f64::total_cmp);
        println!(
            "{name} {WIDTH}x{HEIGHT} -> {SIZE}x{SIZE}: best {:.3} ms, median {:.3} ms",
            millis[0],
            millis[REPEATS / 2]
        );
    }
    Ok(())
}
