//! Deterministic views of a few pictures: crops, mirrorings and exposures.
//!
//! They stretch a few pictures to many inputs. They are not independent photographs, and whoever shows a number from them
//! says so. Every other picture is kept for calibration, so that no number comes from a picture that calibrated.

use std::iter::StepBy;
use std::ops::Range;

use crate::View;

/// Views that [`fixed_views`] makes of each picture.
const VIEWS_PER_PICTURE: usize = 20;

/// How many of `n_pictures` are judged by: the first, the third and so on. The others calibrate.
pub fn n_judged(n_pictures: usize) -> usize {
    n_pictures.div_ceil(2)
}

/// How many [`fixed_views`] there are of `n_pictures`.
pub fn n_fixed_views(n_pictures: usize) -> usize {
    n_judged(n_pictures) * VIEWS_PER_PICTURE
}

/// The views whose agreement is reported: twenty of each picture that is judged by, as (picture, view),
/// pictures in turn.
pub fn fixed_views(n_pictures: usize) -> Vec<(usize, View)> {
    views((0..n_pictures).step_by(2), 0, VIEWS_PER_PICTURE)
}

/// `n_views` views of the pictures that nothing is judged by, in turn; none where there is one picture only.
pub fn calibration_views(n_pictures: usize, n_views: usize) -> Vec<(usize, View)> {
    let pictures = (1..n_pictures).step_by(2);
    let per_picture = n_views.div_ceil(pictures.len().max(1));
    views(pictures, VIEWS_PER_PICTURE, per_picture).into_iter().take(n_views).collect()
}

/// `per_picture` views of each of `n_pictures` pictures, where nothing is judged by any of them.
pub fn further_views(n_pictures: usize, per_picture: usize) -> Vec<(usize, View)> {
    views((0..n_pictures).step_by(1), VIEWS_PER_PICTURE, per_picture)
}

fn views(pictures: StepBy<Range<usize>>, first: usize, per_picture: usize) -> Vec<(usize, View)> {
    (first..first + per_picture)
        .flat_map(|k| pictures.clone().map(move |picture| (picture, view(picture, k))))
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
        assert_eq!(views.len(), 60);
        for (i, (picture, view)) in views.iter().enumerate() {
            assert!(*picture < 6);
            assert!((0.6..=1.0).contains(&view.side) && (0.7..=1.3).contains(&view.exposure), "{view:?}");
            assert!((0.0..1.0).contains(&view.horizontal) && (0.0..1.0).contains(&view.vertical), "{view:?}");
            assert!(views[..i].iter().all(|other| other != &(*picture, *view)));
        }
    }

    #[test]
    fn calibration_never_sees_a_picture_that_is_judged_by() {
        for n_pictures in 2..9 {
            let judged: Vec<usize> =
                fixed_views(n_pictures).into_iter().map(|(picture, _)| picture).collect();
            assert_eq!(judged.len(), n_fixed_views(n_pictures));
            let calibration = calibration_views(n_pictures, 32);
            assert_eq!(calibration.len(), 32);
            assert!(
                calibration.iter().all(|(picture, _)| *picture < n_pictures && !judged.contains(picture))
            );
        }
        for (picture, view) in further_views(5, 3) {
            assert!(picture < 5 && !fixed_views(5).contains(&(picture, view)));
        }
        let of = |picture| further_views(5, 3).iter().filter(|(of, _)| *of == picture).count();
        assert_eq!([0, 1, 2, 3, 4].map(of), [3; 5]);
        assert!(calibration_views(0, 32).is_empty());
        assert!(calibration_views(1, 32).is_empty());
    }
}
