//! The controls that a link can hide, by their letters in addresses.

use super::View;

/// A control that a link can hide. The dock, the source, pause, the language and the promise of privacy always stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The list of models.
    Models,
    /// Number formats and presets.
    Presets,
    /// The recipe's steps.
    Steps,
    /// The four sizes.
    Sizes,
    /// The check on fixed pictures.
    FixedSet,
    /// The tab Layers.
    Layers,
    /// The tab Experiments.
    Experiments,
    /// The tab Course.
    Course,
}

impl Control {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 8] = [
        Self::Models,
        Self::Presets,
        Self::Steps,
        Self::Sizes,
        Self::FixedSet,
        Self::Layers,
        Self::Experiments,
        Self::Course,
    ];

    /// Its letter in addresses and in `data-hidden` of the root element, by which `style.css` hides it.
    pub fn letter(self) -> char {
        match self {
            Self::Models => 'm',
            Self::Presets => 'p',
            Self::Steps => 's',
            Self::Sizes => 'z',
            Self::FixedSet => 'f',
            Self::Layers => 'y',
            Self::Experiments => 'e',
            Self::Course => 'c',
        }
    }

    pub(super) fn of_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|control| control.letter() == letter)
    }

    /// The control that is a view's tab.
    pub(super) fn of_view(view: View) -> Option<Self> {
        match view {
            View::Layers => Some(Self::Layers),
            View::Experiments => Some(Self::Experiments),
            View::Course => Some(Self::Course),
            View::Start | View::Live | View::Class => None,
        }
    }
}
