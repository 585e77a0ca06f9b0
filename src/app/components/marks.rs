//! Both sides' marks as pieces of an SVG path: discs are the original's, squares the compressed model's.

use std::fmt::Write;

use super::predictions::Side;

/// Adds a side's mark of half width `r` around a point.
pub fn add(path: &mut String, side: Side, x: f64, y: f64, r: f64) {
    // Writing to a string cannot fail.
    let _ = match side {
        Side::Original => write!(
            path,
            "M{:.2} {y:.2}a{r:.2} {r:.2} 0 1 0 {d:.2} 0a{r:.2} {r:.2} 0 1 0 -{d:.2} 0z",
            x - r,
            d = 2.0 * r
        ),
        Side::Compressed => write!(path, "M{:.2} {:.2}h{d:.2}v{d:.2}h-{d:.2}z", x - r, y - r, d = 2.0 * r),
    };
}
