//! Times the reconstruction of one layer: `cargo run --release -p compress --example reconstruct_speed -- 160 960`.
//!
//! Prints seconds of each part, its longest piece, and billions of products per second of the moments.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compress::reconstruct::{
    ClusterWork, CurvatureOptions, CurvatureWork, FAIR_TRADE, Grid, IntegerGrid, Means, MomentsBuilder,
    Pieces, PruneWork, RateOptions, RateWork, RefitWork, RoundWork, Scope, SparsityPattern, TargetWork,
    Zeros,
};

fn main() {
    let mut sizes = std::env::args().skip(1).filter_map(|size| size.parse::<usize>().ok());
    let (n_out, k) = (sizes.next().unwrap_or(160), sizes.next().unwrap_or(960));
    let n_pixels = 49 * 64;
    let mut seed = 1_u64;
    let mut noise = |n: usize| -> Vec<f32> {
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 40) as f32 / (1 << 23) as f32) - 1.0
        };
        (0..n).map(|_| next()).collect()
    };
    let float = noise(n_pixels * k);
    let compressed: Vec<f32> = float.iter().zip(noise(n_pixels * k)).map(|(x, e)| x + 0.1 * e).collect();
    let weights: Vec<f32> = noise(n_out * k).iter().map(|w| w.powi(3)).collect();

    let start = Instant::now();
    let mut builder = MomentsBuilder::new(k);
    let pieces = compressed.chunks(49 * k).zip(float.chunks(49 * k));
    pieces.for_each(|(compressed, float)| builder.observe(compressed, float).expect("rows of inputs"));
    let moments = builder.finish();
    let seconds = start.elapsed().as_secs_f64();
    let products = 1.5e-9 * n_pixels as f64 * (k as f64).powi(2);
    println!("[{n_out}, {k}] moments of {n_pixels} pixels: {seconds:.3} s, {:.1} G/s", products / seconds);

    let options = CurvatureOptions { ridge: 0.1, means: Means::Removed };
    let curvature = Arc::new(timed("curvature", CurvatureWork::new(&moments, options)));
    let target = timed("target", TargetWork::new(weights, &moments, curvature.clone()));
    for group_len in [None, Some(32)] {
        let grid = Grid::Integer(IntegerGrid { bits: 4, group_len });
        timed("int4", RoundWork::new(target.clone(), curvature.clone(), grid, Zeros::Free));
    }
    for scope in [Scope::Tensor, Scope::Channel] {
        let work = ClusterWork::new(target.clone(), curvature.importance(), scope, 16, Zeros::Free);
        let codebooks = timed("16 clusters", work);
        let grid = Grid::Codebooks(codebooks);
        timed("rounding to them", RoundWork::new(target.clone(), curvature.clone(), grid, Zeros::Free));
    }
    let options = RateOptions { steps: vec![0.1], trade: FAIR_TRADE, n_passes: 2, zeros: Zeros::Free };
    timed("rate", RateWork::new(target.clone(), curvature.clone(), options));
    let pattern = SparsityPattern::Unstructured { sparsity: 0.5 };
    let pruned = timed("pruning", PruneWork::new(&target, curvature.clone(), pattern));
    timed("refit, 10 steps", RefitWork::new(pruned, target, curvature, 10));
}

fn timed<P: Pieces>(name: &str, work: Result<P, compress::CompressError>) -> P::Output {
    let mut work = work.expect("sizes fit");
    let (start, mut longest) = (Instant::now(), Duration::ZERO);
    loop {
        let piece = Instant::now();
        let step = work.advance().expect("inputs are finite");
        longest = longest.max(piece.elapsed());
        match step {
            ControlFlow::Continue(rest) => work = rest,
            ControlFlow::Break(output) => {
                let (seconds, longest) = (start.elapsed().as_secs_f64(), longest.as_secs_f64());
                println!("{name}: {seconds:.3} s, longest piece {:.0} ms", 1e3 * longest);
                return output;
            }
        }
    }
}
