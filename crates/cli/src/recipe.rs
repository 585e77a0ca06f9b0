//! From `FILE|PRESET` to a recipe: the only file that knows presets.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use pipeline::{PRESETS, Recipe};

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
    fn what_is_unknown_is_told_apart() {
        let message = |text| format!("{:#}", parse(text).unwrap_err());
        assert!(message("int9").contains("presets are fp32, fp16, "), "{}", message("int9"));
        assert!(message("nowhere/recipe.json").starts_with("recipe nowhere/recipe.json: "));
    }
}
