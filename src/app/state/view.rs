//! The views and their places in the address.

/// The name in the address of one layer's place.
const LAYER: &str = "layer";

/// The fragment of a layer, by its position.
pub fn layer_fragment(layer: usize) -> String {
    format!("{LAYER}={layer}")
}

/// The layer that an address's fragment names.
pub fn layer_of_fragment(fragment: &str) -> Option<usize> {
    fragment.trim_start_matches('#').strip_prefix(LAYER)?.strip_prefix('=')?.parse().ok()
}

/// The views that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The promise and the running lens.
    Start,
    /// Both answers, the recipe, the controls.
    Live,
    /// All layers, and one from inside.
    Layers,
    /// What every recipe so far has made.
    Experiments,
    /// Lessons.
    Course,
    /// Results of a class.
    Class,
}

impl View {
    /// Those that have a tab; Start is behind the mark, Class in the share dialog.
    pub const TABS: [Self; 4] = [Self::Live, Self::Layers, Self::Experiments, Self::Course];

    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Live => "live",
            Self::Layers => "layers",
            Self::Experiments => "experiments",
            Self::Course => "course",
            Self::Class => "class",
        }
    }

    /// The view that an address's fragment names, up to an `=` or `/` that names a place in it, as in `#layer=7`; Start
    /// without a fragment, and `None` for an anchor of the page.
    pub fn from_fragment(fragment: &str) -> Option<Self> {
        let name = fragment.trim_start_matches('#').split(['=', '/']).next().unwrap_or_default();
        if name.is_empty() {
            return Some(Self::Start);
        }
        if name == LAYER {
            return Some(Self::Layers);
        }
        Self::TABS.into_iter().chain([Self::Start, Self::Class]).find(|view| view.name() == name)
    }
}
