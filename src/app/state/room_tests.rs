//! Codes of a class, without a browser.

use proptest::prelude::*;

use super::super::tests::Page;
use super::super::{Action, Effect};
use super::*;

fn run() -> impl Strategy<Value = Run> {
    let agreement = prop::option::of((0_u32..200, 1_u32..200, any::<bool>()))
        .prop_map(|it| it.map(|(same, n, fixed)| Same { same: same.min(n), n, fixed }));
    let millis = prop::option::of([0_u32..100_000, 0_u32..100_000])
        .prop_map(|it| it.map(|both| both.map(|value| f64::from(value) / 100.0)));
    let recipe = prop_oneof![(1_u16..).prop_map(RunRecipe::Preset), any::<u16>().prop_map(RunRecipe::Own)];
    let name = "[a-zA-ZäöüéA ]{0,12}";
    (name, any::<u16>(), recipe, [0_u64..1 << 40, 0_u64..1 << 40], agreement, millis).prop_map(
        |(name, model, recipe, bytes, agreement, millis)| Run {
            name,
            model,
            recipe,
            bytes,
            agreement,
            millis,
        },
    )
}

proptest! {
    #[test]
    fn a_code_says_what_the_run_was(run in run()) {
        let code = run.code();
        prop_assert_eq!(Run::read(&code), Ok(run.clone()));
        prop_assert_eq!(Run::read(&format!("Anna: {}", code.to_lowercase().replace('-', " "))), Ok(run));
    }

    #[test]
    fn a_wrong_or_swapped_character_is_noticed(run in run(), at in 4_usize..28, by in 1_usize..32) {
        let code = run.code().replace('-', "");
        let mut characters: Vec<char> = code.chars().collect();
        let at = at.min(characters.len() - 2);
        let value = ALPHABET.iter().position(|it| char::from(*it) == characters[at]).unwrap();
        characters[at] = char::from(ALPHABET[(value + by) % 32]);
        prop_assert_eq!(Run::read(&characters.iter().collect::<String>()), Err(CodeError::Checksum));
        let mut swapped: Vec<char> = code.chars().collect();
        swapped.swap(at, at + 1);
        if swapped[at] != swapped[at + 1] {
            prop_assert!(Run::read(&swapped.iter().collect::<String>()).is_err());
        }
    }

    #[test]
    fn nothing_breaks_the_reader(text in "\\PC{0,60}", body in "[0-9A-Z]{0,80}") {
        let _ = Run::read(&text);
        let _ = Run::read(&format!("TL1{body}"));
    }
}

#[test]
fn the_checksum_is_the_known_one_and_no_preset_has_zero() {
    assert_eq!(crc16(b"123456789"), 0x29B1);
    for (idx, name) in PRESETS.iter().enumerate() {
        let crc = crc16(name.as_bytes());
        assert_ne!(crc, 0, "{name}");
        assert!(PRESETS[..idx].iter().all(|other| crc16(other.as_bytes()) != crc), "{name}");
    }
    assert!(PASSES.len() <= 16);
}

#[test]
fn what_is_wrong_is_said() {
    assert_eq!(Run::read("hello"), Err(CodeError::NoCode));
    assert_eq!(Run::read("TL7-00000"), Err(CodeError::Version));
    assert_eq!(Run::read("TL1-00U00"), Err(CodeError::Character('U')));
    assert_eq!(Run::read("TL1-"), Err(CodeError::Checksum));
    assert_eq!(Run::read("TL1-00000-00000"), Err(CodeError::Checksum));
}

#[test]
fn a_class_is_collected_and_wrong_lines_stay() {
    let mut page = Page::ready();
    page.act(Action::Room(RoomAction::Name(" Zoë ".into())));
    let run = page.state.own_run().expect("a recipe is done");
    assert_eq!((run.name.as_str(), run.bytes[1]), ("Zoë", 1_000_000));
    assert!(run.recipe.preset().is_some() && page.state.model_of(&run).is_some());
    let code = run.code();
    page.act(Action::Room(RoomAction::Text(format!("{code}\n\nnothing\n{code}\nTL1-0U"))));
    page.act(Action::Room(RoomAction::Add));
    let room = &page.state.room;
    assert_eq!((room.runs.len(), room.added), (1, Some((1, 1))));
    assert_eq!(room.text, "nothing\nTL1-0U");
    assert_eq!(room.wrong, [(1, CodeError::NoCode), (2, CodeError::Character('U'))]);
    assert_eq!(page.effects, [Effect::Room(RoomEffect::Keep(code))]);
    page.act(Action::Room(RoomAction::SaveCsv));
    let [Effect::Save { text, .. }] = &page.effects[..] else { panic!("{:?}", page.effects) };
    assert_eq!(text.lines().count(), 2);
    assert!(text.contains("\"Zoë\",\"efficientnet-lite0\",\"int8\","), "{text}");
}

#[test]
fn the_front_is_what_nothing_beats() {
    let run = |bytes, same| Run {
        name: String::new(),
        model: 0,
        recipe: RunRecipe::Own(0),
        bytes: [10, bytes],
        agreement: Some(Same { same, n: 10, fixed: true }),
        millis: None,
    };
    let room = Room { runs: vec![run(5, 9), run(4, 7), run(4, 8), run(6, 9), run(2, 1)], ..Room::default() };
    assert_eq!(room.front(), [4, 2, 0]);
}
