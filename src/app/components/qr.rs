//! A QR code as a drawing: black on white in both themes, with the quiet zone of four modules that readers need.

use fast_qr::{ECL, QRBuilder};
use yew::prelude::*;

/// Modules around the code (ISO/IEC 18004).
const QUIET: usize = 4;

/// Properties of [`Qr`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What it says.
    pub text: AttrValue,
    /// What it is, for those who do not see it.
    pub label: AttrValue,
}

/// See the module. Nothing where the text is longer than a code can be.
#[component]
pub fn Qr(props: &Props) -> Html {
    let drawn = use_memo(props.text.clone(), |text| path_of(text));
    match &*drawn {
        Some((side, path)) => html! {
            <svg class="qr" viewBox={format!("0 0 {side} {side}")} role="img" aria-label={&props.label} data-testid="qr">
                <path fill="#fff" d={format!("M0 0h{side}v{side}H0z")} /><path fill="#000" shape-rendering="crispEdges" d={path.clone()} />
            </svg>
        },
        None => html! {},
    }
}

/// The side in modules, and all dark modules as one path, a run of a row at a time.
fn path_of(text: &str) -> Option<(usize, String)> {
    let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
    let mut path = String::new();
    for y in 0..code.size {
        let row = &code[y];
        let mut x = 0;
        while x < row.len() {
            let run = row[x..].iter().take_while(|module| module.value()).count();
            if run > 0 {
                path.push_str(&format!("M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET));
            }
            x += run.max(1);
        }
    }
    Some((code.size + 2 * QUIET, path))
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn a_code_has_its_three_finders_and_its_quiet_zone() {
        let (side, path) = path_of("HTTPS://EXAMPLE.ORG").expect("it fits");
        assert_eq!((side - 8 - 17) % 4, 0, "a version's side");
        for corner in [
            "M4 4h7v1h-7z".to_owned(),
            format!("M{} 4h7v1h-7z", side - 11),
            format!("M4 {}h7v1h-7z", side - 11),
        ] {
            assert!(path.contains(&corner), "{corner} in {path}");
        }
        assert!(path_of(&"x".repeat(4000)).is_none(), "no code is that long");
    }
}
