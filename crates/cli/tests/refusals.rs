//! Bad input ends with one line that says what, where and what to do.

mod common;

use common::{Folder, bundled, refusal};

#[test]
fn words_that_are_no_command_are_refused() {
    for arguments in [
        &["inspekt"][..],
        &["eval", "model.onnx"],
        &["bench", "model.onnx", "--runs", "0"],
        &["compress", "model.onnx", "--recipe", "int8"],
        &["eval", "model.onnx", "--images", ".", "--mean", "1,2"],
    ] {
        assert_eq!(refusal(arguments).1, 2, "{arguments:?}");
    }
    let (message, _) = refusal(&["eval", "model.onnx"]);
    assert!(message.contains("--images <DIR>"), "{message}");
}

#[test]
fn missing_files_are_named() {
    let pictures = Folder::with_pictures(1);
    let (model, images) = (bundled(), pictures.path());
    for (arguments, expected) in [
        (&["inspect", "nowhere.onnx"][..], "model nowhere.onnx: "),
        (&["bench", &images], &format!("model {images}: ")),
        (&["eval", &model, "--images", "nowhere"], "nowhere is not a folder"),
        (&["eval", &model, "--images", &images, "--labels", "nowhere.csv"], "labels nowhere.csv: "),
        (&["eval", &model, "--images", &images, "--reference", "nowhere.onnx"], "model nowhere.onnx: "),
        (&["eval", &model, "--images", &images, "--exclude", "nowhere"], "--exclude nowhere: "),
        (&["eval", &model, "--images", &images, "--exclude", &images], "all 1 pictures of "),
    ] {
        let (message, code) = refusal(arguments);
        assert!(message.contains(expected) && code == 1, "{arguments:?}: {message}");
    }
}

#[test]
fn folders_without_pictures_are_refused() {
    let folder = Folder::new();
    let eval = ["eval", &bundled(), "--images", &folder.path()];
    assert!(refusal(&eval).0.contains("holds no pictures; expected files .jpg, .jpeg, .png, .webp"));
    folder.write("broken.png", "not a picture");
    let (message, _) = refusal(&eval);
    assert!(message.contains("none of 1 pictures") && message.contains("broken.png: "), "{message}");
}

#[test]
fn labels_that_do_not_fit_are_refused() {
    let (pictures, made) = (Folder::with_pictures(1), Folder::new());
    for (labels, expected) in [
        ("name;class\n0.png;1\n", "the first line is `name;class`, expected `file,class,label`"),
        ("file,class,label\n0.png,goldfish,goldfish\n", "line 2: class `goldfish` is not a number from 0"),
        ("file,class,label\n0.png,60,sixty\n", "class 60 is not among the 60 of "),
        ("file,class,label\nother.png,1,one\n", "none of the 1 pictures of "),
    ] {
        let file = made.write("labels.csv", labels);
        let (message, _) = refusal(&["eval", &bundled(), "--images", &pictures.path(), "--labels", &file]);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn recipes_and_outputs_are_checked_before_the_work() {
    let made = Folder::new();
    let out = made.join("out.safetensors");
    std::fs::create_dir(made.join("pictures.onnx")).unwrap();
    let compress =
        |recipe: &str, out: &str| refusal(&["compress", &bundled(), "--recipe", recipe, "-o", out]).0;
    let message = compress("int9", &out);
    assert!(
        message.contains("presets are ") && message.contains("fp16") && message.contains("int8"),
        "{message}"
    );
    let message = compress("int8", &out);
    assert!(message.contains("--calibration"), "{message}");
    let message = compress("fp16", &made.join("out.zip"));
    assert!(message.contains("expected .safetensors"), "{message}");
    // The place is tried before pictures are missed, or looked at.
    for place in ["no/folder/out.onnx", "pictures.onnx"] {
        let message = compress("int8", &made.join(place));
        assert!(message.contains(place) && message.contains("cannot be written"), "{message}");
    }
    let unknown = made.write("unknown.json", r#"{"version":1,"steps":[{"pass":"melt"}],"storage":"plain"}"#);
    let message = compress(&unknown, &out);
    assert!(
        message.contains("unknown.json") && message.contains("melt") && message.contains("line 1"),
        "{message}"
    );
    assert_eq!(made.names(), ["pictures.onnx", "unknown.json"], "a refused run writes nothing");
}
