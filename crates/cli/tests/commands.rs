//! Each command on the bundled model and generated pictures: fields, numbers that follow from one another.

mod common;

use std::fs;

use common::{Folder, bundled, report, root, tinylens};
use serde_json::Value;

fn has_fields(json: &Value, fields: &[&str]) {
    for field in fields {
        assert!(json.get(field).is_some(), "`{field}` is missing in {json}");
    }
}

#[test]
fn inspect_shows_the_model() {
    let (json, _) = report(&["inspect", &bundled(), "--json"]);
    has_fields(&json, &["command", "model", "name", "origin", "licence", "labels", "preprocessing", "sizes"]);
    assert_eq!(json["bytes"], fs::metadata(bundled()).unwrap().len());
    assert_eq!(json["classes"], 60);
    assert_eq!(json["input"], serde_json::json!([96, 96, 3]));
    assert_eq!(json["preprocessing"]["source"], "file");
    let layers = json["layers"].as_array().unwrap();
    let parameters: u64 = layers.iter().map(|layer| layer["parameters"].as_u64().unwrap()).sum();
    assert!(parameters <= json["parameters"].as_u64().unwrap(), "batch norms hold the rest");
    let text = String::from_utf8(tinylens(&["inspect", &bundled()]).stdout).unwrap();
    assert!(text.contains("multiply-adds") && text.contains("pointwise"), "{text}");
}

#[test]
fn each_picture_is_judged_by_a_model_that_it_did_not_calibrate() {
    let pictures = Folder::with_pictures(5);
    let (model, images) = (bundled(), pictures.path());
    let judge = ["judge", &model, "--images", &images, "--json", "--recipe"];
    let (json, _) = report(&[&judge[..], &["int8"]].concat());
    assert_eq!((json["n"].as_u64(), json["top1"].is_null()), (Some(5), true));
    let folds = json["folds"].as_array().unwrap();
    let counts: Vec<_> =
        folds.iter().map(|fold| [&fold["n"], &fold["n_calibration"]].map(Value::as_u64)).collect();
    assert_eq!(counts, [[Some(3), Some(2)], [Some(2), Some(3)]]);
    assert!(json["bytes"].as_u64() < json["bytes_before"].as_u64());
    assert!(json["mean_kl"].as_f64() > Some(0.0) && json["agreement"].as_f64() > Some(0.0), "{json}");

    let (json, _) = report(&[&judge[..], &["fp32", "--folds", "5"]].concat());
    assert_eq!((json["agreement"].as_f64(), json["mean_kl"].as_f64()), (Some(1.0), Some(0.0)));
    assert_eq!(json["folds"][4]["n_calibration"], 0);
    let text = String::from_utf8(
        tinylens(&judge[..4].iter().copied().chain(["--recipe", "fp16"]).collect::<Vec<_>>()).stdout,
    )
    .unwrap();
    assert!(text.contains("5 in 2 folds") && text.contains("agreement"), "{text}");
    let (refused, _) = common::refusal(&[&judge[..], &["fp32", "--folds", "6"]].concat());
    assert!(refused.contains("5 pictures for 6 folds"), "{refused}");
}

#[test]
fn layers_are_compared_with_the_references() {
    let (pictures, made) = (Folder::with_pictures(2), Folder::new());
    let (model, images, out) = (bundled(), pictures.path(), made.join("bf16.safetensors"));
    report(&["compress", &model, "--recipe", "bf16", "-o", &out, "--json"]);
    let eval = ["eval", &out, "--reference", &model, "--images", &images, "--layers", "1"];
    let (json, _) = report(&[&eval[..], &["--json"]].concat());
    let layers = json["layers"].as_array().unwrap();
    has_fields(&layers[0], &["node", "op", "weight_sqnr_db", "output_sqnr_db"]);
    assert_eq!(
        (layers[0]["op"].as_str(), layers[layers.len() - 1]["op"].as_str()),
        (Some("first"), Some("classifier"))
    );
    assert!(layers.iter().all(|layer| layer["weight_sqnr_db"].as_f64() > Some(40.0)), "{json}");
    let text = String::from_utf8(tinylens(&eval).stdout).unwrap();
    assert!(text.contains("output, SQNR dB") && text.contains("depthwise"), "{text}");
}

#[test]
fn what_compress_writes_is_measured_apart_from_its_calibration() {
    let (pictures, made) = (Folder::with_pictures(5), Folder::new());
    let (model, images) = (bundled(), pictures.path());
    let out = made.join("int8.safetensors");
    let compress = ["compress", &model, "--recipe", "int8", "--calibration", &images, "--json"];
    let (json, _) =
        report(&[&compress[..], &["--calibration-limit", "2", "--seed", "3", "-o", &out]].concat());
    assert_eq!(json["bytes"], fs::metadata(&out).unwrap().len());
    assert!(json["bytes"].as_u64() < json["bytes_before"].as_u64());
    assert_eq!(json["calibration"]["n"], 2);
    assert_eq!(json["calibration"]["files"].as_array().unwrap().len(), 2);
    assert_eq!(made.names(), ["int8.safetensors"], "nothing else is left behind");

    let list = made.write("report.json", json.to_string());
    let eval = ["eval", &out, "--reference", &model, "--images", &images, "--exclude", &list, "--json"];
    let (json, _) = report(&eval);
    has_fields(
        &json,
        &[
            "n",
            "top1",
            "top5",
            "agreement",
            "agreement_interval",
            "mean_kl",
            "mean_kl_interval",
            "top5_overlap",
            "bytes",
            "median_ms",
            "preprocessing",
        ],
    );
    assert_eq!((json["n"].as_u64(), json["pictures"]["excluded"].as_u64()), (Some(3), Some(2)));
    assert!(json["top1"].is_null() && json["median_ms"].as_f64() > Some(0.0));
    assert!(json["mean_kl"].as_f64() > Some(0.0) && json["mean_kl"].as_f64() < Some(1.0), "{json}");

    let again = |threads: &str| {
        let (mut json, _) = report(&[&eval[..], &["--threads", threads]].concat());
        (json["median_ms"], json["reference"]["median_ms"]) = (Value::Null, Value::Null);
        json
    };
    assert_eq!(again("1"), again("3"), "threads change nothing but time");
}

#[test]
fn exact_copies_agree_fully() {
    let (pictures, made) = (Folder::with_pictures(3), Folder::new());
    let out = made.join("copy.safetensors");
    report(&["compress", &bundled(), "--recipe", "fp32", "-o", &out, "--json"]);
    let labels = made.write("labels.csv", "file,class,label\n0.png,1,a\n2.png,59,b\nelsewhere.png,3,c\n");
    let eval = ["eval", &out, "--reference", &bundled(), "--images", &pictures.path(), "--json"];
    let (json, notes) = report(&[&eval[..], &["--labels", &labels]].concat());
    assert_eq!((json["n"].as_u64(), json["pictures"]["unlabelled"].as_u64()), (Some(2), Some(1)));
    assert_eq!(json["pictures"]["missing"], 1);
    assert!(notes.contains("1 of 3 labelled pictures are not in"), "{notes}");
    assert_eq!((json["agreement"].as_f64(), json["top5_overlap"].as_f64()), (Some(1.0), Some(1.0)));
    assert_eq!((json["mean_kl"].as_f64(), json["reference"]["top1_change"].as_f64()), (Some(0.0), Some(0.0)));
    assert_eq!(json["top1"], json["reference"]["top1"]);
}

#[test]
fn other_formats_are_written() {
    let made = Folder::new();
    for (name, format) in [("half.onnx", "onnx"), ("half.tflite", "tflite"), ("half.tinylens", "tinylens")] {
        let (json, _) =
            report(&["compress", &bundled(), "--recipe", "fp16", "-o", &made.join(name), "--json"]);
        assert_eq!(json["format"], format);
        assert_eq!(json["bytes"], fs::metadata(made.join(name)).unwrap().len());
    }
}

#[test]
fn recipes_come_from_files() {
    let made = Folder::new();
    let recipe = r#"{"version":2,"steps":[{"pass":"prune","sparsity":0.5}],"storage":"sparse-coded"}"#;
    let file = made.write("recipe.json", recipe);
    let (json, _) =
        report(&["compress", &bundled(), "--recipe", &file, "-o", &made.join("a.safetensors"), "--json"]);
    assert!((json["sparsity"].as_f64().unwrap() - 0.5).abs() < 0.05, "{}", json["sparsity"]);
    assert_eq!(json["bytes"], json["sizes"]["sparse"]);
}

#[test]
fn a_picture_that_cannot_be_read_is_named_and_counted() {
    let pictures = Folder::with_pictures(2);
    pictures.write("broken.jpg", b"\xff\xd8\xff\xe0 not much of a picture");
    let (json, notes) = report(&["eval", &bundled(), "--images", &pictures.path(), "--json"]);
    assert_eq!(json["n"], 2);
    assert_eq!(json["pictures"]["unreadable"][0]["file"], "broken.jpg");
    assert!(notes.contains("note: broken.jpg is left out: "), "{notes}");
}

#[test]
fn options_prepare_where_the_file_is_wrong() {
    let pictures = Folder::with_pictures(1);
    let eval = ["eval", &bundled(), "--images", &pictures.path(), "--json"];
    let options = ["--preprocessing", "imagenet", "--std", "50", "--resize", "110"];
    let (json, _) = report(&[&eval[..], &options].concat());
    let preprocessing = &json["preprocessing"];
    assert_eq!((&preprocessing["source"], &preprocessing["resize_shorter"]), (&"option".into(), &110.into()));
    assert_eq!((&preprocessing["std"][1], &preprocessing["crop"]), (&50.0.into(), &96.into()));
}

#[test]
fn bench_lists_every_kernel() {
    let (json, _) = report(&["bench", &bundled(), "--runs", "2", "--threads", "2", "--json"]);
    has_fields(&json, &["median_ms", "pictures_per_second", "flavour", "ceiling", "share_of_ceiling"]);
    let layers = json["layers"].as_array().unwrap();
    let sum = |field: &str| layers.iter().map(|layer| layer[field].as_f64().unwrap()).sum::<f64>();
    assert_eq!(sum("macs"), 27_786_624.0);
    assert!((sum("share_of_time") - 1.0).abs() < 1e-6);
    has_fields(&layers[0], &["node", "kernel", "ms", "gmacs_per_second", "weight_bytes", "is_integer"]);
}

#[test]
fn sensitivity_ranks_the_layers() {
    let pictures = Folder::with_pictures(2);
    let recipe = r#"{"version":2,"steps":[{"pass":"prune","sparsity":0.5}],"storage":"sparse-coded"}"#;
    let recipe = pictures.write("recipe.json", recipe);
    let (json, _) =
        report(&["sensitivity", &bundled(), "--recipe", &recipe, "--images", &pictures.path(), "--json"]);
    let layers = json["layers"].as_array().unwrap();
    let kl: Vec<f64> = layers.iter().map(|layer| layer["mean_kl"].as_f64().unwrap()).collect();
    assert!(kl.len() > 10 && kl.is_sorted_by(|a, b| a >= b) && kl[0] > 0.0, "{kl:?}");
    has_fields(&layers[0], &["node", "op", "weights", "relative_error", "agreement", "top5_overlap"]);
    assert!(layers.iter().all(|layer| layer["op"] != "depthwise"), "depthwise layers are not pruned");
    assert_eq!((json["n"].as_u64(), json["n_calibration"].as_u64()), (Some(2), Some(0)));
}

#[test]
fn pictures_that_calibrate_are_not_scored() {
    let pictures = Folder::with_pictures(3);
    let (model, images) = (bundled(), pictures.path());
    let scan = ["sensitivity", &model, "--recipe", "int4", "--images", &images, "--json", "--limit"];
    let (json, notes) = report(&[&scan[..], &["3"]].concat());
    assert_eq!((json["n"].as_u64(), json["n_calibration"].as_u64()), (Some(2), Some(1)));
    assert!(notes.contains("repairs are left out"), "{notes}");
    let steps = json["recipe"]["steps"].as_array().unwrap();
    assert!(
        steps.iter().all(|step| step["repair"] != "reconstruct" && step["repair"] != "biases"),
        "{steps:?}"
    );
    let single = tinylens(&[&scan[..], &["1"]].concat());
    assert!(String::from_utf8(single.stderr).unwrap().contains("expected at least 2"));
}

#[test]
fn budgets_become_recipes_that_keep_them() {
    let pictures = Folder::with_pictures(2);
    let (model, images) = (bundled(), pictures.path());
    let (json, _) = report(&["inspect", &model, "--json"]);
    let limit = json["sizes"]["dense"].as_u64().unwrap() / 5;
    let (plan, out) = (pictures.join("plan.json"), pictures.join("planned.safetensors"));
    let budget = limit.to_string();
    let scan = ["sensitivity", &model, "--images", &images, "--limit", "2", "--json"];
    let (json, _) = report(&[&scan[..], &["--budget-bytes", &budget, "-o", &plan]].concat());
    assert!(json["bytes"].as_u64().unwrap() <= limit, "{json}");
    assert_eq!(json["budget"]["bytes"], limit);
    has_fields(&json["layers"][0], &["node", "bits", "sparsity", "mean_kl", "bytes", "ms"]);
    assert_eq!((json["n"].as_u64(), json["n_calibration"].as_u64()), (Some(1), Some(1)));
    assert!(json["mean_kl"].as_f64() > Some(0.0) && json["agreement"].is_number(), "{json}");
    let planned = json["bytes"].clone();
    let bits: Vec<u64> =
        json["layers"].as_array().unwrap().iter().filter_map(|layer| layer["bits"].as_u64()).collect();
    assert!(bits.contains(&8) && bits.contains(&4), "{bits:?}");

    let compress = ["compress", &model, "--recipe", &plan, "--calibration", &images, "-o", &out, "--json"];
    let (json, _) = report(&compress);
    assert_eq!(json["bytes"], planned, "bytes are those of the recipe's file");
    let passes: Vec<&str> =
        json["steps"].as_array().unwrap().iter().filter_map(|step| step["pass"].as_str()).collect();
    assert_eq!(passes, ["quantize-activations", "quantize-weights"]);
    has_fields(&json["steps"][0], &["bytes", "zeros", "multiply_adds"]);

    let small = tinylens(&[&scan[..], &["--budget-bytes", "1000"]].concat());
    assert!(!small.status.success());
    assert!(String::from_utf8(small.stderr).unwrap().contains("cannot be kept"));
}

#[test]
fn the_documentation_names_every_preset_and_size() {
    let text = fs::read_to_string(root().join("docs/command-line.md")).unwrap();
    let (json, _) = report(&["inspect", &bundled(), "--json"]);
    let sizes = json["sizes"].as_object().unwrap().keys().map(String::as_str);
    for word in pipeline::PRESETS.into_iter().chain(["fp32"]).chain(sizes) {
        assert!(text.contains(&format!("`{word}`")), "{word}");
    }
}
