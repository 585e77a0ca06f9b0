//! Tables of ratios within one run: weights in reduced storage and with zeros beside plain ones.

use std::fmt::Write;

use super::report::Row;

/// Time in reduced storage over time of plain weights; empty without such rows.
pub fn storage_table(rows: &[Row]) -> String {
    let columns = columns(rows, |dtype| dtype.contains('/') && !dtype.contains("zeros"));
    let lines = lines(rows, &columns, |plain, stored| stored / plain);
    table("time in reduced storage / time of plain weights", &columns, &lines)
}

/// Time of dense weights over time of those that are not zero, by the share of zeros, and the share from which that is
/// above 1, where shares differ; empty without such rows.
pub fn sparse_table(rows: &[Row]) -> String {
    let (mut text, columns) = (String::new(), columns(rows, |dtype| dtype.contains("zeros")));
    for (title, end) in [
        ("single zeros: dense time / sparse time, and break-even", "% zeros"),
        ("zeros in blocks of 4x1: dense time / sparse time, and break-even", "4x1"),
        ("two zeros of four neighbours: dense time / sparse time", "2:4 zeros"),
    ] {
        let columns: Vec<_> = columns.iter().copied().filter(|dtype| dtype.ends_with(end)).collect();
        let mut lines = lines(rows, &columns, |dense, sparse| dense / sparse);
        let shares: Option<Vec<f64>> = columns.iter().map(|dtype| share(dtype)).collect();
        if let Some(shares) = shares {
            lines.iter_mut().for_each(|line| line.end = break_even(&shares, &line.ratios));
        }
        text += &table(title, &columns, &lines);
    }
    text
}

/// What was aimed at beside the least that was reached: shares of the ceiling of pointwise layers in float32, and what
/// zeros gain; empty without such rows.
pub fn aims(rows: &[Row]) -> String {
    let mut text = String::new();
    let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
    let mut aim = |what: &str, reached: f64, must: f64, goal: f64| {
        if reached.is_finite() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{what}: {reached:.2} at least, aimed at {must} (must) and {goal} (goal)");
        }
    };
    let mut shares = rows
        .iter()
        .filter(|row| row.kernel == "pointwise" && row.dtype == "f32")
        .map(|row| row.work.ceiling / row.work.best);
    aim("pointwise float32, share of the ceiling", least(&mut shares), 0.75, 0.9);
    for (dtype, must, goal) in [("f32/80% zeros", 1.5, 2.0), ("f32/90% zeros", 2.0, 3.0)] {
        let lines = lines(rows, &columns(rows, |it| it == dtype), |dense, sparse| dense / sparse);
        // An expansion's dense form runs with its depthwise layer, in no row of its own.
        let mut ratios = lines.iter().map(|line| line.ratios[0]);
        aim(&format!("{dtype}, dense time / sparse time"), least(&mut ratios), must, goal);
    }
    text
}

/// A layer's ratios, by column.
struct Line {
    name: String,
    ratios: Vec<f64>,
    end: String,
}

fn columns(rows: &[Row], is_column: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut columns = Vec::new();
    for Row { dtype, .. } in rows.iter().filter(|row| is_column(row.dtype)) {
        if !columns.contains(dtype) {
            columns.push(*dtype);
        }
    }
    columns
}

/// Ratios of best times to those of the same layer in the same arithmetic with plain weights; NaN where one is missing.
fn lines(rows: &[Row], columns: &[&str], ratio: impl Fn(f64, f64) -> f64) -> Vec<Line> {
    let best = |like: &Row, dtype: &str| {
        let same =
            |row: &&Row| row.dtype == dtype && (&row.kernel, &row.shape) == (&like.kernel, &like.shape);
        rows.iter().find(same).map_or(f64::NAN, |row| row.work.best)
    };
    let mut lines: Vec<Line> = Vec::new();
    for row in rows.iter().filter(|row| columns.contains(&row.dtype)) {
        let name = format!("{} {}", row.kernel, row.shape);
        if lines.iter().all(|line| line.name != name) {
            let of = |dtype: &&str| {
                let (arithmetic, _) = dtype.split_once('/').unwrap_or((dtype, ""));
                ratio(best(row, arithmetic), best(row, dtype))
            };
            lines.push(Line { name, ratios: columns.iter().map(of).collect(), end: String::new() });
        }
    }
    lines
}

/// Hundredths of zeros of a column, where it has its name from them.
fn share(dtype: &str) -> Option<f64> {
    let (digits, _) = dtype.split_once('/')?.1.split_once('%')?;
    digits.parse().ok()
}

/// Where the ratio comes to 1 and stays above, between two shares by the straight line.
pub fn break_even(shares: &[f64], ratios: &[f64]) -> String {
    let points: Vec<(f64, f64)> = shares.iter().copied().zip(ratios.iter().copied()).collect();
    let Some(last_below) = points.iter().rposition(|(_, ratio)| *ratio < 1.0) else {
        return shares.first().map_or_else(String::new, |first| format!("< {first:.0} %"));
    };
    let ((from, below), Some((to, above))) = (points[last_below], points.get(last_below + 1)) else {
        return "never".to_owned();
    };
    format!("{:.0} %", from + (1.0 - below) / (above - below) * (to - from))
}

/// For people; `-` for what was not measured.
fn table(title: &str, columns: &[&str], lines: &[Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{title}\n{:<40}", "");
    // Writing to a string does not fail.
    for column in columns {
        let name =
            column.trim_start_matches("f32/").trim_end_matches(" zeros 4x1").trim_end_matches(" zeros");
        let _ = write!(text, " {name:>13}");
    }
    for Line { name, ratios, end } in lines {
        let _ = write!(text, "\n{name:<40}");
        for ratio in ratios {
            let cell = if ratio.is_finite() { format!("{ratio:.2}") } else { "-".to_owned() };
            let _ = write!(text, " {cell:>13}");
        }
        let _ = write!(text, "  {end}");
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
