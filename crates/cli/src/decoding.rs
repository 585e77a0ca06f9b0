//! From files to a network's input.

use std::path::Path;

use anyhow::{Context, Result, bail};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader};
use pipeline::{Normalization, Picture, Preparer, Preprocessing, View, further_views};
use serde::Serialize;

use crate::images::Folder;
use crate::report::note;
use crate::{parallel, progress};

/// A file that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Within its folder.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Decoded pixels.
#[derive(Debug)]
pub struct Pixels {
    rgba: Vec<u8>,
    width: usize,
    height: usize,
}

/// Prepares pictures as one model asks.
#[derive(Debug)]
pub struct Preparation {
    preparer: Preparer,
    view: View,
}

impl Preparation {
    /// By a model's own preparation.
    pub fn new(preprocessing: &Preprocessing) -> Self {
        let Preprocessing { resize_shorter, crop, mean, std, assumed: _ } = *preprocessing;
        let preparer = Preparer::new(crop, Normalization { mean, std });
        Self { preparer, view: View::centre_crop(crop, resize_shorter) }
    }

    /// The network's input, `nhwc`.
    ///
    /// # Errors
    /// When the preparation refuses the picture.
    pub fn tensor(&mut self, pixels: &Pixels) -> Result<Vec<f32>> {
        let view = self.view;
        self.part(pixels, &view)
    }

    /// Another part of the picture as the network's input.
    ///
    /// # Errors
    /// As [`Self::tensor`].
    pub fn part(&mut self, pixels: &Pixels, view: &View) -> Result<Vec<f32>> {
        let picture = Picture::new(&pixels.rgba, pixels.width, pixels.height)?;
        let mut tensor = vec![0.0; self.preparer.tensor_len()];
        self.preparer.prepare(&picture, view, &mut tensor)?;
        Ok(tensor)
    }
}

/// Decodes a file of the folder and turns it upright.
///
/// # Errors
/// The reason why it is no picture.
pub fn pixels(folder: &Folder, file: &str) -> Result<Pixels, Unreadable> {
    decode(&folder.path.join(file))
        .map_err(|error| Unreadable { file: file.to_owned(), reason: error.to_string() })
}

/// Prepared pictures.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Those that could be read.
    pub files: Vec<String>,
    /// Their tensors.
    pub tensors: Vec<Vec<f32>>,
    /// The others.
    pub unreadable: Vec<Unreadable>,
}

/// Decodes and prepares files of a folder, on all cores.
///
/// - `n_views`: of each picture, `>= 1`. The first are the pictures as the model asks for them, in the files' order; then follow
///   other parts of them, mirrored and not.
///
/// # Errors
/// When none can be read.
pub fn prepare(
    folder: &Folder,
    files: Vec<String>,
    preprocessing: &Preprocessing,
    n_views: usize,
    n_threads: Option<usize>,
) -> Result<Prepared> {
    let others = further_views(files.len(), n_views - 1);
    let bar = progress::bar("pictures", files.len() as u64);
    let results = parallel::map_in_order(
        files.len(),
        parallel::threads(n_threads, files.len()),
        || Ok(Preparation::new(preprocessing)),
        |preparation, idx| match pixels(folder, &files[idx]) {
            Ok(pixels) => {
                let mut tensors = vec![preparation.tensor(&pixels).with_context(|| files[idx].clone())?];
                for (_, view) in others.iter().filter(|(picture, _)| *picture == idx) {
                    let view = View { exposure: 1.0, ..*view };
                    tensors.push(preparation.part(&pixels, &view).with_context(|| files[idx].clone())?);
                }
                Ok(Ok(tensors))
            }
            Err(unreadable) => Ok(Err(unreadable)),
        },
        || bar.step(),
    )?;
    drop(bar);
    let mut prepared = Prepared::default();
    let mut views = Vec::new();
    for (file, result) in files.into_iter().zip(results) {
        match result {
            Ok(tensors) => {
                prepared.files.push(file);
                let mut tensors = tensors.into_iter();
                prepared.tensors.extend(tensors.next());
                views.extend(tensors);
            }
            Err(unreadable) => prepared.unreadable.push(unreadable),
        }
    }
    tell_unreadable(folder, &prepared.unreadable, prepared.files.len())?;
    prepared.tensors.extend(views);
    Ok(prepared)
}

/// Says which pictures could not be read, and fails where `n_read` is 0.
///
/// # Errors
/// When there is nothing to work with.
pub fn tell_unreadable(folder: &Folder, unreadable: &[Unreadable], n_read: usize) -> Result<()> {
    for Unreadable { file, reason } in unreadable {
        note(&format!("{file} is left out: {reason}"));
    }
    match (n_read, unreadable) {
        (0, [first, ..]) => bail!(
            "none of {} pictures of {} can be read; {}: {}",
            unreadable.len(),
            folder.path.display(),
            first.file,
            first.reason
        ),
        _ => Ok(()),
    }
}

fn decode(path: &Path) -> Result<Pixels> {
    let reader = ImageReader::open(path)?.with_guessed_format()?;
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    let picture = picture.to_rgba8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Ok(Pixels { rgba: picture.into_raw(), width, height })
}
