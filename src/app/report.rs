//! A report of the session to take home: the experiments with the loaded model as Markdown, with the chart inside.

use super::components::recipe_name;
use super::state::{Experiment, State};
use super::words::Words;

/// The report's text.
///
/// - `chart`: the chart as an address that holds it (`data:image/svg+xml;…`), where it is on screen.
/// - `day`: the day in words.
pub fn report(words: &Words, state: &State, chart: Option<&str>, day: &str) -> String {
    let Some(model) = &state.model.current else { return String::new() };
    let size = words.size(model.shipped_bytes);
    let classes = words.count(model.n_classes.into());
    let mut text = String::new();
    let mut line = |content: String| {
        text.push_str(&content);
        text.push('\n');
    };
    line(format!("# {}", words.text("report-title")));
    line(String::new());
    let about = [
        ("model", (&model.name).into()),
        ("size", (&size).into()),
        ("classes", (&classes).into()),
        ("day", day.into()),
    ];
    line(words.text_with("report-about", &about));
    line(String::new());
    let nodes = state.experiments.of_model(&model.name);
    let heads = [
        words.text("recipe"),
        words.text("unit-megabytes"),
        words.text("unit-milliseconds"),
        words.text("history-same"),
    ];
    line(format!("| {} |", heads.join(" | ")));
    line("| --- | ---: | ---: | ---: |".to_owned());
    line(format!("| {} | {} | – | – |", words.text("original"), words.megabytes(model.shipped_bytes)));
    for (depth, node) in &nodes {
        line(row(words, *depth, node));
    }
    line(String::new());
    if let Some(chart) = chart {
        line(format!("![{}]({chart})", words.text("pareto")));
        line(String::new());
    }
    line(words.text("report-how"));
    line(String::new());
    line(format!("## {}", words.text("report-recipes")));
    for (_, node) in &nodes {
        line(String::new());
        line(format!("### {}", cell(&recipe_name(words, &node.recipe))));
        line(String::new());
        line("```json".to_owned());
        // A recipe is always JSON: it holds names, numbers and lists of them.
        line(serde_json::to_string_pretty(&node.recipe).unwrap_or_default());
        line("```".to_owned());
    }
    text
}

fn row(words: &Words, depth: usize, node: &Experiment) -> String {
    let n = |n: u32| format!(" (n\u{a0}=\u{a0}{})", words.count(n.into()));
    let dash = || "–".to_owned();
    let millis = node.latency.map_or_else(dash, |it| words.millis(it.median) + &n(it.n));
    let same = node.agreement.map_or_else(dash, |it| words.percent(it.share(), 1) + &n(it.n));
    let indent = "↳ ".repeat(depth.saturating_sub(1));
    let name = cell(&recipe_name(words, &node.recipe));
    format!("| {indent}{name} | {} | {millis} | {same} |", words.megabytes(node.bytes))
}

/// A text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::state::ready_state;
    use crate::app::words::Language;

    #[test]
    fn the_report_holds_every_experiment_its_recipe_and_the_chart() {
        let state = ready_state();
        let chart = "data:image/svg+xml;base64,AAAA";
        for language in [Language::English, Language::German] {
            let words = Words::new(language);
            let text = report(&words, &state, Some(chart), "1");
            assert_eq!(text.matches("```json").count(), state.experiments.nodes.len());
            assert!(text.contains(&format!("]({chart})")) && text.contains("| INT8 |"), "{text}");
            let table: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
            assert_eq!(table.len(), 3 + state.experiments.nodes.len());
            assert!(table.iter().all(|line| line.matches('|').count() == 5), "{table:?}");
        }
        assert!(!report(&Words::new(Language::English), &state, None, "1").contains("!["));
    }

    #[test]
    fn a_name_cannot_leave_its_cell() {
        assert_eq!(cell("a|b\nc"), "a\\|b c");
    }
}
