//! From `FILE|PRESET` to a recipe: the only file that knows presets.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use pipeline::{NumberFormat, Recipe};

/// Every preset with its recipe.
fn presets() -> Vec<(&'static str, Recipe)> {
    vec![
        ("fp32", Recipe::identity()),
        ("fp16", Recipe::from_controls(NumberFormat::Float16, 0.0)),
        ("int8", Recipe::from_controls(NumberFormat::Int8, 0.0)),
        ("prune30", Recipe::from_controls(NumberFormat::Float32, 0.3)),
        ("prune50", Recipe::from_controls(NumberFormat::Float32, 0.5)),
    ]
}

/// The recipe in a JSON file, or the preset of this name. A file is what exists, or has a folder or an ending.
///
/// # Errors
/// When neither is there (the known presets are listed), and for a file that is no recipe.
pub fn parse(text: &str) -> Result<Recipe> {
    let path = Path::new(text);
    let mut presets = presets();
    if let Some(at) = presets.iter().position(|(name, _)| *name == text) {
        return Ok(presets.swap_remove(at).1);
    }
    if !path.is_file() && path.extension().is_none() && path.components().count() == 1 {
        let known: Vec<&str> = presets.iter().map(|(name, _)| *name).collect();
        bail!("`{text}` is neither a preset nor a recipe file; presets are {}", known.join(", "));
    }
    let json = fs::read_to_string(path).with_context(|| format!("recipe {text}"))?;
    let recipe: Recipe = serde_json::from_str(&json).with_context(|| format!("recipe {text}"))?;
    recipe.validate().with_context(|| format!("recipe {text}"))?;
    Ok(recipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_valid_and_found() {
        for (name, recipe) in presets() {
            recipe.validate().unwrap();
            assert_eq!(parse(name).unwrap(), recipe);
        }
    }

    #[test]
    fn what_is_unknown_is_told_apart() {
        let message = |text| format!("{:#}", parse(text).unwrap_err());
        assert!(message("int9").contains("presets are fp32, fp16, int8"), "{}", message("int9"));
        assert!(message("nowhere/recipe.json").starts_with("recipe nowhere/recipe.json: "));
    }
}
