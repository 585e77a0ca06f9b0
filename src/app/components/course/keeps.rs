//! What a learner takes from a lesson: recipes as files, the figures of a chart as a table, the report of the session.

use ::course::{Chart, Keep, Lesson};
use yew::prelude::*;

use super::figure::recipe_name;
use crate::app::state::{Action, ExperimentsAction, State, kind_of_layer};
use crate::app::tools::Tools;
use crate::app::words::Words;

/// One button for each thing to keep of a lesson.
pub fn keeps(words: &Words, tools: &Tools, state: &State, lesson: &Lesson) -> Html {
    let all = lesson.steps.iter().flat_map(|step| &step.control.keep);
    let button = |keep: &Keep| {
        let (label, action) = match keep {
            Keep::Recipe(name) => {
                let recipe = recipe_name(words, *name);
                let label = words.text_with("course-keep-recipe", &[("recipe", (&recipe).into())]);
                (label, Some(Action::KeepRecipe(*name)))
            }
            Keep::OwnRecipe => (words.text("recipe-save"), Some(Action::SaveRecipe)),
            Keep::Report => {
                (words.text("experiments-report"), Some(Action::Experiments(ExperimentsAction::SaveReport)))
            }
            Keep::Chart(chart) => {
                let label = words.text("course-keep-chart");
                (
                    label,
                    csv(state, *chart)
                        .map(|text| Action::KeepText(format!("tinylens-{}.csv", chart.name()), text)),
                )
            }
        };
        let disabled = action.is_none();
        let onclick = action.map(|action| tools.on(action));
        html! { <button class="btn" type="button" data-testid="keep" {disabled} {onclick}>{ label }</button> }
    };
    html! { <p class="row wrap keeps">{ for all.map(button) }</p> }
}

/// The figures behind a chart, numbers with points and fields without units; `None` while they are not known.
fn csv(state: &State, chart: Chart) -> Option<String> {
    let model = state.model.current.as_ref()?;
    let current = state.recipe.current();
    match chart {
        Chart::Layers => {
            let rows = model.layers.iter().map(|layer| {
                let kind = kind_of_layer(layer).map_or("other", ::course::Kind::name);
                format!("{},{kind},{},{}\n", quoted(&layer.node), layer.bytes, layer.macs)
            });
            Some(format!("layer,kind,bytes,multiply_adds\n{}", rows.collect::<String>()))
        }
        Chart::Ladder => {
            let sizes = current?.sizes;
            Some(format!(
                "form,bytes\ndense,{}\ngzip,{}\nsparse,{}\ncoded,{}\n",
                sizes.dense, sizes.gzip, sizes.sparse, sizes.coded
            ))
        }
        Chart::FileParts => {
            let rows =
                current?.layers.iter().map(|layer| format!("{},{}\n", quoted(&layer.node), layer.bytes));
            Some(format!("layer,bytes\n{}", rows.collect::<String>()))
        }
        Chart::Pareto => None,
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::state::ready_state;

    #[test]
    fn a_chart_is_a_table_with_a_head() {
        let state = ready_state();
        for chart in [Chart::Layers, Chart::Ladder, Chart::FileParts] {
            let text = csv(&state, chart).unwrap();
            let fields = |line: &str| line.matches(',').count();
            let mut lines = text.lines();
            let head = fields(lines.next().unwrap());
            assert!(head > 0 && lines.all(|line| fields(line) == head), "{text}");
        }
        assert_eq!(csv(&state, Chart::Pareto), None, "the view of experiments keeps it");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
