//! Labels of pictures: a CSV file `file,class,label`.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use pipeline::{Graph, LabelSet};

use crate::arguments::Background;

/// The first line of the file.
const HEADER: &str = "file,class,label";

/// Classes of pictures, from 0, a background class not counted.
#[derive(Debug)]
pub struct Labels {
    by_file: HashMap<String, usize>,
    largest: usize,
    source: String,
}

impl Labels {
    /// Reads the file.
    ///
    /// # Errors
    /// With the line, for another header, a class that is no number, a file that is listed twice, and a list of
    /// none.
    pub fn read(path: &Path) -> Result<Self> {
        let source = path.display().to_string();
        let file = std::fs::File::open(path).with_context(|| format!("labels {source}"))?;
        let mut reader = csv::Reader::from_reader(file);
        let header: Vec<String> = (reader.headers().with_context(|| format!("labels {source}"))?.iter())
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        if !(header.iter().eq(["file", "class", "label"]) || header.iter().eq(["file", "class"])) {
            bail!("labels {source}: the first line is `{}`, expected `{HEADER}`", header.join(","));
        }
        let mut labels = Self { by_file: HashMap::new(), largest: 0, source };
        for record in reader.records() {
            let record = record.with_context(|| format!("labels {}", labels.source))?;
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |idx: usize| record.get(idx).unwrap_or_default().trim();
            let (file, class) = (cell(0).replace('\\', "/"), cell(1));
            let class: usize = class.parse().ok().with_context(|| {
                format!("labels {} line {line}: class `{class}` is not a number from 0", labels.source)
            })?;
            labels.largest = labels.largest.max(class);
            if let Some(_earlier) = labels.by_file.insert(file.clone(), class) {
                bail!("labels {} line {line}: `{file}` is listed twice", labels.source);
            }
        }
        if labels.by_file.is_empty() {
            bail!("labels {}: no pictures are listed below `{HEADER}`", labels.source);
        }
        Ok(labels)
    }

    /// The class of a picture.
    pub fn class(&self, file: &str) -> Option<usize> {
        self.by_file.get(file).copied()
    }

    /// Pictures listed.
    pub fn len(&self) -> usize {
        self.by_file.len()
    }

    /// Checks that a model of `n_classes` (background not counted) has every class.
    ///
    /// # Errors
    /// When it has not.
    pub fn check(&self, model: &str, n_classes: usize) -> Result<()> {
        if self.largest >= n_classes {
            bail!(
                "labels {}: class {} is not among the {n_classes} of {model}; are they labels of another model?",
                self.source,
                self.largest
            );
        }
        Ok(())
    }
}

/// Whether output 0 of a model is a background class, and where that is not the file's word, why.
pub fn background(graph: &Graph, wanted: Background, labels: Option<&Labels>) -> (bool, Option<String>) {
    let n_outputs = graph.value(graph.output).shape.len();
    let said = graph.metadata.background_class;
    match wanted {
        Background::Yes => (true, None),
        Background::No => (false, None),
        Background::Auto if said => (true, None),
        Background::Auto => {
            let known = match graph.metadata.labels {
                LabelSet::Everyday60 => Some(60),
                LabelSet::ImageNet => Some(1000),
                LabelSet::Numbers => labels.map(|labels| labels.largest + 1),
            };
            match known {
                Some(known) if n_outputs == known + 1 => {
                    let reason = format!("{n_outputs} outputs for {known} classes");
                    (true, Some(reason))
                }
                _ => (false, None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Labels> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        std::fs::write(&path, text).unwrap();
        Labels::read(&path)
    }

    #[test]
    fn files_have_classes() {
        let labels =
            read("\u{feff}file,class,label\na.jpg,0,tench\n\"b, c.jpg\",12,\"cock, male\"\n").unwrap();
        assert_eq!((labels.len(), labels.largest), (2, 12));
        assert_eq!(
            [labels.class("a.jpg"), labels.class("b, c.jpg"), labels.class("d")],
            [Some(0), Some(12), None]
        );
        assert!(labels.check("model", 13).is_ok());
        assert!(labels.check("model", 12).unwrap_err().to_string().contains("class 12 is not among the 12"));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, expected) in [
            (
                "name,class,label\na,1,b\n",
                "the first line is `name,class,label`, expected `file,class,label`",
            ),
            ("", "the first line is ``, expected"),
            ("file,class,label\na.jpg,0,x\nb.jpg,cat,x\n", "line 3: class `cat` is not a number"),
            ("file,class,label\na.jpg,-1,x\n", "line 2: class `-1`"),
            ("file,class,label\na.jpg,0,x\na.jpg,0,x\n", "line 3: `a.jpg` is listed twice"),
            ("file,class,label\na.jpg,0\n", "line: 2"),
            ("file,class,label\n", "no pictures are listed"),
        ] {
            let message = format!("{:#}", read(text).unwrap_err());
            assert!(message.contains(expected), "{text:?}: {message}");
        }
    }
}
