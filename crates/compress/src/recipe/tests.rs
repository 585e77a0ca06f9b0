//! What recipes are read, refused and warned of.

use super::*;

#[test]
fn json_has_stable_names_and_refuses_unknown_keys_with_their_place() {
    let recipe = Recipe::from_controls(NumberFormat::Int8, 0.5);
    let json = serde_json::to_string(&recipe).unwrap();
    let expected = r#"{"version":2,"steps":[{"pass":"prune","sparsity":0.5,"structure":"unstructured","distribution":"global","repair":"off"},{"pass":"quantize-activations","ranges":"min-max"},{"pass":"quantize-weights","bits":8,"granularity":"per-channel","repair":"biases"}],"storage":"sparse-coded"}"#;
    assert_eq!(json, expected);
    assert_eq!(Recipe::from_json(&json).unwrap(), recipe);
    for (wrong, place) in [
        (json.replace("\"sparsity\"", "\"sparsitty\""), "steps[0]"),
        (json.replace("\"storage\"", "\"stroage\""), "stroage"),
        (json.replace("quantize-weights", "quantize-wheights"), "steps[2]"),
        (json.replace("\"ranges\":\"min-max\"", "\"ranges\":\"max-min\""), "steps[1]"),
    ] {
        let error = Recipe::from_json(&wrong).unwrap_err().to_string();
        assert!(error.contains(place), "{error} does not name {place}");
    }
    // Steps without parameters refuse keys as well.
    let extra = r#"{"version":2,"steps":[{"pass":"float16","bits":8}],"storage":"plain"}"#;
    assert!(Recipe::from_json(extra).unwrap_err().to_string().contains("bits"));
    assert!(Recipe::from_json(&format!("{json} {{}}")).is_err());
}

#[test]
fn parameters_have_defaults() {
    let json = r#"{"version":2,"steps":[{"pass":"quantize-weights","bits":4}],"storage":"plain"}"#;
    let recipe = Recipe::from_json(json).unwrap();
    let Step::QuantizeWeights { granularity, repair, .. } = &recipe.steps[0] else { panic!("{recipe:?}") };
    assert_eq!((*granularity, *repair), (Granularity::PerChannel, Repair::Off));
}

fn recipe(steps: Vec<Step>) -> Recipe {
    Recipe { version: RECIPE_VERSION, steps, storage: Storage::Plain }
}

fn prune(sparsity: f64) -> Step {
    let mut step = Recipe::from_controls(NumberFormat::Float32, 0.1).steps.remove(0);
    if let Step::Prune { sparsity: share, .. } = &mut step {
        *share = sparsity;
    }
    step
}

#[test]
fn wrong_versions_parameters_and_orders_are_refused() {
    assert_eq!(Recipe { version: 1, ..recipe(vec![]) }.validate(), Err(CompressError::Version(1)));
    for sparsity in [-0.1, 0.96, f64::NAN] {
        let error = recipe(vec![prune(sparsity)]).validate().unwrap_err();
        assert!(matches!(error, CompressError::Sparsity(_)));
    }
    let bits = |bits| Step::QuantizeWeights {
        bits,
        granularity: Granularity::PerChannel,
        repair: Repair::Off,
        layers: BTreeMap::new(),
    };
    let clusters =
        Step::Cluster { clusters: 1, granularity: ClusterGranularity::PerTensor, repair: Repair::Off };
    for step in [bits(7), clusters] {
        assert!(matches!(recipe(vec![step]).validate(), Err(CompressError::Parameter { step: 1, .. })));
    }
    let late = recipe(vec![bits(8), prune(0.5)]);
    assert_eq!(
        late.validate().unwrap_err().to_string(),
        "step 2 (prune) comes after quantize-weights, whose gain it would destroy; move it before"
    );
    assert_eq!(
        recipe(vec![prune(0.5), Step::Equalize {}, prune(0.7)]).validate().unwrap_err().to_string(),
        "step 3 (prune) would undo step 1, a prune too; join them, with `layers` for single layers"
    );
    let activations = Step::QuantizeActivations { ranges: RangeMethod::MinMax };
    let late = recipe(vec![activations.clone(), Step::Equalize {}]);
    assert!(matches!(late.validate(), Err(CompressError::Order { step: 2, .. })));
    assert!(recipe(vec![Step::Float16 {}, Step::Bfloat16 {}]).validate().is_err());
    assert!(recipe(vec![activations, bits(8), Step::CorrectBiases {}]).validate().is_ok());
}

#[test]
fn what_is_given_away_is_said() {
    assert_eq!(recipe(vec![prune(0.5)]).warnings(), [Warning::ZerosStoredPlain]);
    let order = recipe(vec![Step::Equalize {}, Step::RemoveDeadChannels {}]);
    assert_eq!(order.warnings(), [Warning::DeadChannelsAfterEqualization { step: 2 }]);
    let late = |step| Recipe { storage: Storage::SparseCoded, ..recipe(vec![prune(0.5), step]) }.warnings();
    for step in [Step::RemoveDeadChannels {}, Step::Equalize {}] {
        assert_eq!(late(step), [Warning::RewriteAfterLoss { step: 2, earlier: "prune" }]);
    }
    assert_eq!(
        late(Step::AbsorbBiases {}),
        [Warning::RewriteAfterLoss { step: 2, earlier: "prune" }, Warning::Inexact { step: 2 }]
    );
    assert_eq!(late(Step::CorrectBiases {}), []);
    for name in PRESETS {
        assert_eq!(Recipe::preset(name).unwrap().warnings(), [], "{name}");
    }
}

#[test]
fn controls_give_the_format_they_show() {
    for format in [NumberFormat::Float32, NumberFormat::Float16, NumberFormat::Int8] {
        for sparsity in [0.0, 0.3, MAX_SPARSITY] {
            let recipe = Recipe::from_controls(format, sparsity);
            recipe.validate().unwrap();
            assert_eq!(recipe.number_format(), format);
        }
    }
}

#[test]
fn structures_are_n_of_m() {
    for (text, structure) in [
        ("unstructured", Structure::Unstructured),
        ("blocks-4x1", Structure::Blocks4x1),
        ("2:4", Structure::TWO_OF_FOUR),
        ("1:4", Structure::NOfM { kept: 1, of: 4 }),
    ] {
        let json = format!("\"{text}\"");
        assert_eq!(serde_json::to_string(&structure).unwrap(), json);
        assert_eq!(serde_json::from_str::<Structure>(&json).unwrap(), structure);
    }
    for text in ["4:4", "0:4", "2:33", "2:", "two:four", "2:4:8", "anywhere"] {
        let json = format!(
            r#"{{"version":2,"steps":[{{"pass":"prune","sparsity":0.5,"structure":"{text}"}}],"storage":"plain"}}"#
        );
        let error = Recipe::from_json(&json).unwrap_err().to_string();
        assert!(error.contains("steps[0]") && error.contains(text), "{error}");
    }
    let with = |share, kept| match prune(share) {
        Step::Prune { sparsity, distribution, repair, schedule, layers, .. } => Step::Prune {
            sparsity,
            structure: Structure::NOfM { kept, of: 4 },
            distribution,
            repair,
            schedule,
            layers,
        },
        other => other,
    };
    assert!(recipe(vec![with(0.75, 1)]).validate().is_ok());
    let error = recipe(vec![with(0.5, 1)]).validate().unwrap_err();
    assert!(error.to_string().contains("1 - N/M"), "{error}");
}

#[test]
fn schedules_need_a_repair_that_changes_weights() {
    let json = |repair: &str, steps: usize| {
        format!(
            r#"{{"version":2,"steps":[{{"pass":"prune","sparsity":0.5,"repair":"{repair}","schedule":{{"steps":{steps}}}}}],"storage":"sparse-coded"}}"#
        )
    };
    let recipe = Recipe::from_json(&json("reconstruct", 4)).unwrap();
    assert_eq!(Recipe::from_json(&serde_json::to_string(&recipe).unwrap()).unwrap(), recipe);
    for (repair, steps) in [("off", 4), ("biases", 4), ("reconstruct", 1), ("reconstruct", 17)] {
        let error = Recipe::from_json(&json(repair, steps)).unwrap_err();
        assert!(matches!(error, CompressError::Parameter { step: 1, .. }), "{error}");
    }
    let unknown = json("reconstruct", 4).replace("{\"steps\":4}", "{\"steps\":4,\"from\":0.1}");
    assert!(Recipe::from_json(&unknown).unwrap_err().to_string().contains("`from`"));
}

#[test]
fn steps_that_move_or_remove_channels_come_before_forms() {
    let int8 = || Recipe::preset("int8").unwrap().steps;
    for step in [
        Step::AbsorbBiases {},
        Step::RemoveChannels { share: 0.1, refit: true },
        Step::RepairStatistics {},
        Step::ReestimateBatchNorms {},
    ] {
        let mut steps = int8();
        steps.push(step.clone());
        let error = recipe(steps).validate().unwrap_err();
        assert!(
            matches!(error, CompressError::Order { step: 3, .. } | CompressError::Folded { .. }),
            "{error}"
        );
        let mut steps = int8();
        steps.insert(0, step);
        assert!(recipe(steps).validate().is_ok());
    }
    let late = recipe(vec![Step::CorrectBiases {}, Step::ReestimateBatchNorms {}]);
    let error = late.validate().unwrap_err().to_string();
    assert!(error.contains("correct-biases") && error.contains("folds batch norms"), "{error}");
    let json = r#"{"version":2,"steps":[{"pass":"remove-channels","share":0.96}],"storage":"plain"}"#;
    assert!(matches!(Recipe::from_json(json), Err(CompressError::Parameter { name: "share", .. })));

    let removal = Step::RemoveChannels { share: 0.1, refit: false };
    let warned = |steps| Recipe { storage: Storage::SparseCoded, ..recipe(steps) }.warnings();
    assert_eq!(warned(vec![prune(0.5), removal]), [Warning::ChannelsAfterPruning { step: 2 }]);
    assert_eq!(warned(vec![Step::AbsorbBiases {}]), [Warning::Inexact { step: 1 }]);
    let ranged = vec![Step::QuantizeActivations { ranges: RangeMethod::MinMax }, Step::RepairStatistics {}];
    assert_eq!(warned(ranged), [Warning::RangesBeforeChange { step: 2 }]);
}

#[test]
fn single_layers_have_shares_and_bits_of_their_own() {
    let json = r#"{"version":2,"steps":[{"pass":"prune","sparsity":0.5,"layers":{"a":0.2}},{"pass":"quantize-weights","bits":8,"layers":{"a":32}}],"storage":"sparse-coded"}"#;
    let recipe = Recipe::from_json(json).unwrap();
    assert_eq!(Recipe::from_json(&serde_json::to_string(&recipe).unwrap()).unwrap(), recipe);
    assert!(Recipe::from_json(&json.replace("0.2", "1.2")).is_err());
    assert!(Recipe::from_json(&json.replace(":32", ":16")).is_err());
    assert!(Recipe::from_json(&json.replace("\"bits\":8", "\"bits\":32")).is_err());
}
