//! From `FILE|PRESET` to a recipe: the only file that knows presets.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use pipeline::{PRESETS, Recipe, Warning};

/// The preset that leaves a model as it is.
const IDENTITY: &str = "fp32";

/// The recipe in a JSON file, or the preset of this name. A file is what exists, or has a folder or an ending.
///
/// # Errors
/// When neither is there (the known presets are listed), and for a file that is no recipe.
pub fn parse(text: &str) -> Result<Recipe> {
    if text == IDENTITY {
        return Ok(Recipe::identity());
    }
    if let Some(recipe) = Recipe::preset(text) {
        return Ok(recipe);
    }
    let path = Path::new(text);
    if !path.is_file() && path.extension().is_none() && path.components().count() == 1 {
        bail!(
            "`{text}` is neither a preset nor a recipe file; presets are {IDENTITY}, {}",
            PRESETS.join(", ")
        );
    }
    let json = fs::read_to_string(path).with_context(|| format!("recipe {text}"))?;
    Recipe::from_json(&json).with_context(|| format!("recipe {text}"))
}

/// What a recipe gives away, in words.
pub fn words(warning: Warning) -> String {
    match warning {
        Warning::ZerosStoredPlain => {
            "pruned weights are stored like all others; the storage `sparse-coded` or `entropy-coded` makes the file smaller"
                .to_owned()
        }
        Warning::DeadChannelsAfterEqualization { step } => {
            format!("step {step} removes dead channels after equalization, which their weights have misled")
        }
        Warning::RangesBeforeChange { step } => {
            format!("step {step} changes activations whose ranges are fixed already")
        }
        Warning::ChannelsAfterPruning { step } => {
            format!("step {step} removes channels after pruning; later repairs aim at the pruned network")
        }
        Warning::RewriteAfterLoss { step, earlier } => {
            format!("step {step} moves channels after `{earlier}`; later repairs aim at what is left by then")
        }
        Warning::Inexact { step } => format!("step {step} is inexact, and nothing makes up for its loss"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_found() {
        assert_eq!(parse(IDENTITY).unwrap(), Recipe::identity());
        for name in PRESETS {
            assert_eq!(Some(parse(name).unwrap()), Recipe::preset(name));
        }
    }

    #[test]
    fn warnings_name_their_step() {
        let json = r#"{"version":2,"steps":[{"pass":"prune","sparsity":0.5},{"pass":"equalize"}],"storage":"plain"}"#;
        let said: Vec<String> = Recipe::from_json(json).unwrap().warnings().into_iter().map(words).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("step 2 ") && said[0].contains("`prune`"), "{said:?}");
        assert!(said[1].contains("`sparse-coded`"), "{said:?}");
    }

    #[test]
    fn what_is_unknown_is_told_apart() {
        let message = |text| format!("{:#}", parse(text).unwrap_err());
        assert!(message("int9").contains("presets are fp32, fp16, "), "{}", message("int9"));
        assert!(message("nowhere/recipe.json").starts_with("recipe nowhere/recipe.json: "));
    }
}
