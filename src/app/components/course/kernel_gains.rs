//! What skipping zeros gives, measured once on one machine: this page cannot measure single kernels. The figures are those
//! of `docs/performance.md`, SIMD128, for the seven pointwise layers there; `cargo xtask bench-kernels --only sparse`
//! prints those of another machine.

use yew::prelude::*;

use crate::app::tools::use_words;

/// Share of zeros, and dense time over sparse time, the smallest and the largest of the layers: zeros anywhere, and in
/// blocks of 4x1 where that was measured.
const GAINS: [(f64, [f64; 2], Option<[f64; 2]>); 4] = [
    (0.5, [1.21, 1.50], None),
    (0.7, [1.57, 2.21], None),
    (0.8, [1.83, 2.92], Some([1.90, 3.69])),
    (0.9, [2.22, 5.28], Some([2.24, 6.71])),
];

/// See the module.
#[component]
pub fn KernelGains() -> Html {
    let words = use_words();
    let range = |gains: Option<[f64; 2]>| match gains {
        Some([least, most]) => {
            let (least, most) = (words.number(least, 1), words.number(most, 1));
            words.text_with("course-kernel-range", &[("least", (&least).into()), ("most", (&most).into())])
        }
        None => "–".to_owned(),
    };
    html! {
        <>
        <div class="wide" tabindex="0" role="group" aria-label={words.text("course-kernel-gains")} data-testid="kernel-gains">
            <table class="t">
                <thead><tr><th scope="col">{ words.text("course-kernel-zeros") }</th><th scope="col">{ words.text("course-kernel-anywhere") }</th><th scope="col">{ words.text("course-kernel-blocks") }</th></tr></thead>
                <tbody>{ for GAINS.map(|(zeros, anywhere, blocks)| html! {
                    <tr><td>{ words.percent(zeros, 0) }</td><td>{ range(Some(anywhere)) }</td><td>{ range(blocks) }</td></tr>
                }) }</tbody>
            </table>
        </div>
        <p class="note">{ words.text("course-kernel-source") }</p>
        </>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns of the table of sparse layers, each SIMD128 / relaxed.
    fn columns() -> Vec<Vec<f64>> {
        let text = include_str!("../../../../docs/performance.md");
        let (_, table) =
            text.split_once("| pixels x in x out | 50 % zeros |").expect("the table of sparse layers");
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let cells = |row: &str| -> Vec<f64> {
            let cells = row.split('|').filter_map(|cell| cell.split_once(" / "));
            cells.map(|(simd128, _)| simd128.trim().parse().expect("a ratio")).collect()
        };
        let rows: Vec<Vec<f64>> = rows.map(cells).collect();
        (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
    }

    #[test]
    fn the_figures_are_those_that_were_measured() {
        let range = |column: &Vec<f64>| {
            [column.iter().copied().fold(f64::INFINITY, f64::min), column.iter().copied().fold(0.0, f64::max)]
        };
        let ranges: Vec<[f64; 2]> = columns().iter().map(range).collect();
        // 50, 70, 80 and 90 % anywhere, 2:4, then 80 and 90 % in blocks.
        let [half, seventy, eighty, ninety, _, blocks_of_eighty, blocks_of_ninety] = ranges[..] else {
            panic!("{} columns", ranges.len());
        };
        let measured = [
            (0.5, half, None),
            (0.7, seventy, None),
            (0.8, eighty, Some(blocks_of_eighty)),
            (0.9, ninety, Some(blocks_of_ninety)),
        ];
        assert_eq!(GAINS, measured);
    }
}
