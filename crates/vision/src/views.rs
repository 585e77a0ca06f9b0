//! Deterministic views of a few pictures: crops, mirrorings and exposures.
//!
//! They stretch six pictures to a hundred and twenty inputs. They are not independent photographs, and whoever shows
//! a number from them says so.

use crate::View;

/// Views that [`fixed_views`] makes of each picture.
pub const VIEWS_PER_PICTURE: usize = 20;

/// The views whose agreement is reported: [`VIEWS_PER_PICTURE`] for each of `n_pictures`, as (picture, view), pictures
/// in turn. None of them is among [`calibration_views`].
pub fn fixed_views(n_pictures: usize) -> Vec<(usize, View)> {
    views(n_pictures, 0, VIEWS_PER_PICTURE)
}

/// `n_views` views for calibration, pictures in turn.
pub fn calibration_views(n_pictures: usize, n_views: usize) -> Vec<(usize, View)> {
    let per_picture = n_views.div_ceil(n_pictures.max(1));
    views(n_pictures, VIEWS_PER_PICTURE, per_picture).into_iter().take(n_views).collect()
}

fn views(n_pictures: usize, first: usize, per_picture: usize) -> Vec<(usize, View)> {
    (first..first + per_picture)
        .flat_map(|k| (0..n_pictures).map(move |picture| (picture, view(picture, k))))
        .collect()
}

/// The `k`-th view of a picture: an additive recurrence with the inverse powers of the plastic numbers, which spreads
/// points evenly in four dimensions (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences").
fn view(picture: usize, k: usize) -> View {
    let t = (k * 7 + picture) as f64;
    let share = |alpha: f64| ((0.5 + alpha * t).fract()) as f32;
    View {
        horizontal: share(0.856_674_883_854_502_9),
        vertical: share(0.733_891_856_627_126_5),
        side: 0.6 + 0.4 * share(0.628_706_721_021_136),
        mirrored: k % 2 == 1,
        exposure: 0.7 + 0.6 * share(0.538_597_257_223_612_6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_differ_and_stay_within_bounds() {
        let views = fixed_views(6);
        assert_eq!(views.len(), 120);
        for (i, (picture, view)) in views.iter().enumerate() {
            assert!(*picture < 6);
            assert!((0.6..=1.0).contains(&view.side) && (0.7..=1.3).contains(&view.exposure), "{view:?}");
            assert!((0.0..1.0).contains(&view.horizontal) && (0.0..1.0).contains(&view.vertical), "{view:?}");
            assert!(views[..i].iter().all(|other| other != &(*picture, *view)));
        }
    }

    #[test]
    fn calibration_never_sees_a_view_that_is_reported() {
        let reported = fixed_views(6);
        let calibration = calibration_views(6, 32);
        assert_eq!(calibration.len(), 32);
        assert!(calibration.iter().all(|view| !reported.contains(view)));
        assert!(calibration_views(0, 32).is_empty());
    }
}
