//! Line drawings on a grid of 20, drawn for the page.

use yew::prelude::*;

/// The drawings that exist.
#[derive(Clone, Copy, PartialEq)]
pub enum Icon {
    /// A camera.
    Camera,
    /// Two pictures.
    Pictures,
    /// A sheet with a folded corner.
    File,
    /// Two bars.
    Pause,
    /// A triangle.
    Play,
    /// Two halves of a triangle.
    Mirror,
    /// A triangle with a mark of exclamation.
    Warning,
    /// A closed lock.
    Lock,
    /// A plug and a cross.
    Unplugged,
    /// Three sheets.
    Layers,
    /// An arrowhead to the right.
    Next,
    /// A half-filled disc.
    Theme,
    /// Three dots.
    More,
    /// A cross.
    Close,
    /// A tick.
    Check,
    /// An arrow onto a line.
    Save,
    /// Three dots that are joined.
    Share,
    /// A screen on a stand.
    Screen,
    /// A question mark.
    Keys,
    /// An arrow that turns back.
    Undo,
}

impl Icon {
    fn paths(self) -> &'static [&'static str] {
        match self {
            Self::Camera => &["M2.5 6.5h3l1.4-2h6.2l1.4 2h3v9.5h-15z", "M13 11a3 3 0 11-6 0 3 3 0 016 0z"],
            Self::Pictures => &["M5.5 3h11.5v11.5H5.5z", "M3 6v11h11", "M6 12l3.2-3.5 2.5 2.5 1.8-1.6 3 3"],
            Self::File => &["M5 2.5h6.5L15.5 6.5v11H5z", "M11.5 2.5v4h4"],
            Self::Pause => &["M7 4.5v11M13 4.5v11"],
            Self::Play => &["M6 4l10 6-10 6z"],
            Self::Mirror => &["M10 2.5v15", "M7.5 6L3 14.5h4.5zM12.5 6l4.5 8.5h-4.5z"],
            Self::Warning => &["M10 2.8L18 16.8H2z", "M10 8v4M10 14.3v.01"],
            Self::Lock => &["M5 9h10v8H5zM7 9V6.5a3 3 0 016 0V9"],
            Self::Unplugged => {
                &["M6 3v4M10.5 3v4M4 7h8.5v2.5a4.2 4.2 0 01-8.5 0zM8.2 13.7V17M14 11l4 4M18 11l-4 4"]
            }
            Self::Layers => &["M10 3l7.5 4L10 11 2.5 7zM2.5 11L10 15l7.5-4"],
            Self::Next => &["M7.5 4.5l5.5 5.5-5.5 5.5"],
            Self::Theme => &["M17 10a7 7 0 11-14 0 7 7 0 0114 0z", "M10 3v14a7 7 0 000-14z"],
            Self::More => &["M4.5 10v.01M10 10v.01M15.5 10v.01"],
            Self::Close => &["M5 5l10 10M15 5L5 15"],
            Self::Check => &["M4 10.5l4 4 8-9"],
            Self::Save => &["M10 3v9.5M6 9l4 4 4-4M4 16.8h12"],
            Self::Share => &[
                "M7.3 8.8l5.4-3M7.3 11.2l5.4 3",
                "M7.5 10a2.5 2.5 0 11-5 0 2.5 2.5 0 015 0zM17.5 4.8a2.5 2.5 0 11-5 0 2.5 2.5 0 015 0zM17.5 15.2a2.5 2.5 0 11-5 0 2.5 2.5 0 015 0z",
            ],
            Self::Screen => &["M2.5 4h15v9.5h-15zM10 13.5V17M6.5 17h7"],
            Self::Keys => &["M6.8 7.4a3.2 3.2 0 116 1.4c-.7 1.2-2.8 1.5-2.8 3.4M10 15.7v.01"],
            Self::Undo => &["M4 8h8.5a4 4 0 010 8H8", "M7 4.5L3.5 8 7 11.5"],
        }
    }
}

/// Draws an icon; decoration beside words, so it is hidden from screen readers.
pub fn icon(icon: Icon) -> Html {
    let class = match icon {
        Icon::Theme => "ico half",
        Icon::More => "ico dots",
        _ => "ico",
    };
    html! {
        <svg {class} viewBox="0 0 20 20" aria-hidden="true">
            { for icon.paths().iter().map(|path| html! { <path d={*path} /> }) }
        </svg>
    }
}
