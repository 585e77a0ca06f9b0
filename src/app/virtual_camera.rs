//! A camera for everyone without one: a slow pan, zoom and change of light over the built-in pictures, as a pure
//! function of time. It knows shares of a square, not pixels; `frames/draw.rs` draws what it says.

use std::f64::consts::TAU;

/// How long each picture is looked at, seconds.
pub const SECONDS_PER_PICTURE: f64 = 6.0;

/// How long two pictures overlap at a change, seconds.
const CROSS_SECONDS: f64 = 0.6;

/// What the camera sees at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shot {
    /// The picture that is being looked at.
    pub now: Placement,
    /// The next one and its opacity, `0..1`, during a change.
    pub next: Option<(Placement, f64)>,
    /// Factor on the light, `0..=1`.
    pub light: f64,
}

/// A square cut out of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Which picture.
    pub picture_idx: usize,
    /// Left edge as a share of what the square can move, `0..=1`.
    pub horizontal: f64,
    /// Top edge, likewise.
    pub vertical: f64,
    /// Side as a share of the picture's shorter side, `0 < side <= 1`.
    pub side: f64,
}

/// What the camera sees after `seconds` over `n_pictures` pictures, or `None` without pictures.
///
/// With `still` the pictures change, but nothing moves (for visitors who asked for less motion).
pub fn shot(seconds: f64, n_pictures: usize, still: bool) -> Option<Shot> {
    if n_pictures == 0 {
        return None;
    }
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    let turn = (seconds / SECONDS_PER_PICTURE) as usize;
    let into = seconds - turn as f64 * SECONDS_PER_PICTURE;
    if still {
        let now = Placement { picture_idx: turn % n_pictures, horizontal: 0.5, vertical: 0.5, side: 1.0 };
        return Some(Shot { now, next: None, light: 1.0 });
    }
    let until_next = SECONDS_PER_PICTURE - into;
    let next = (until_next < CROSS_SECONDS && n_pictures > 1)
        .then(|| (placement(turn + 1, -until_next, n_pictures), 1.0 - until_next / CROSS_SECONDS));
    // The light falls to 70 % and comes back once every 17 s, out of step with the pictures.
    let light = 0.85 + 0.15 * (TAU * seconds / 17.0).cos();
    Some(Shot { now: placement(turn, into, n_pictures), next, light })
}

/// Picture number `turn`, `into` seconds after its turn began (negative while it fades in).
fn placement(turn: usize, into: f64, n_pictures: usize) -> Placement {
    let course = into / SECONDS_PER_PICTURE;
    // The golden ratio spreads the directions evenly over successive pictures.
    let direction = TAU * (turn as f64 * 0.618_034).fract();
    let reach = 0.32 * (course - 0.5);
    Placement {
        picture_idx: turn % n_pictures,
        horizontal: (0.5 + reach * direction.cos()).clamp(0.0, 1.0),
        vertical: (0.5 + reach * direction.sin()).clamp(0.0, 1.0),
        side: (0.9 - 0.1 * (TAU * (course * 0.5 + 0.25)).sin()).clamp(0.5, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pictures_no_shot() {
        assert_eq!(shot(1.0, 0, false), None);
    }

    #[test]
    fn every_moment_stays_inside_the_pictures() {
        for n_pictures in 1..8 {
            for tenth in 0..1200 {
                let shot = shot(f64::from(tenth) / 10.0, n_pictures, false).unwrap();
                let next = shot.next.map(|(placement, opacity)| {
                    assert!((0.0..=1.0).contains(&opacity));
                    placement
                });
                for placement in [Some(shot.now), next].into_iter().flatten() {
                    assert!(placement.picture_idx < n_pictures);
                    assert!((0.0..=1.0).contains(&placement.horizontal));
                    assert!((0.0..=1.0).contains(&placement.vertical));
                    assert!(placement.side > 0.4 && placement.side <= 1.0);
                }
                assert!((0.6..=1.0).contains(&shot.light));
            }
        }
    }

    #[test]
    fn pictures_come_in_turn_and_hand_over_without_a_jump() {
        let at = |seconds| shot(seconds, 6, false).unwrap();
        assert_eq!(at(0.5).now.picture_idx, 0);
        assert_eq!(at(SECONDS_PER_PICTURE * 6.0 + 0.5).now.picture_idx, 0);
        assert_eq!(at(SECONDS_PER_PICTURE * 7.0 + 0.5).now.picture_idx, 1);
        let (before, after) = (at(SECONDS_PER_PICTURE - 1e-6), at(SECONDS_PER_PICTURE + 1e-6));
        let (arriving, opacity) = before.next.unwrap();
        assert!(opacity > 0.999);
        assert_eq!(arriving.picture_idx, after.now.picture_idx);
        assert!((arriving.horizontal - after.now.horizontal).abs() < 1e-3);
        assert!((arriving.side - after.now.side).abs() < 1e-3);
    }

    #[test]
    fn one_frame_moves_little() {
        for frame in 0..3000 {
            let seconds = f64::from(frame) / 30.0;
            let (a, b) = (shot(seconds, 6, false).unwrap(), shot(seconds + 1.0 / 30.0, 6, false).unwrap());
            if a.now.picture_idx == b.now.picture_idx {
                assert!((a.now.side - b.now.side).abs() < 0.005);
                assert!((a.now.horizontal - b.now.horizontal).abs() < 0.005);
            }
            assert!((a.light - b.light).abs() < 0.01);
        }
    }

    #[test]
    fn strange_times_do_no_harm() {
        for seconds in [f64::NAN, f64::INFINITY, -5.0, 1e18] {
            assert!(shot(seconds, 3, false).is_some());
        }
    }

    #[test]
    fn less_motion_means_none() {
        let (early, late) = (shot(0.1, 6, true).unwrap(), shot(5.9, 6, true).unwrap());
        assert_eq!(early, late);
        assert_ne!(early.now.picture_idx, shot(6.1, 6, true).unwrap().now.picture_idx);
    }
}
