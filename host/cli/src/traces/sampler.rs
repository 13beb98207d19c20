//! Which traces are kept.
//!
//! Source: OpenTelemetry, Trace SDK, Sampling; the ratio as OpenTelemetry's Go library reckons it.

use super::tracer::Origin;

/// Decides once a span, before anything is known of it but where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    /// Traces of which this many of 2^63 are kept, by their id.
    threshold: u64,
    parents: Parents,
}

/// What the decision about a parent means for its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parents {
    /// Nothing.
    Ignored,
    /// They share it, but where one of these is set the sampler is asked again for a parent that is kept.
    Followed {
        /// For parents in this process.
        ask_local: bool,
        /// For parents in another process.
        ask_remote: bool,
    },
}

impl Parents {
    /// Children share the decision.
    pub const FOLLOWED: Self = Self::Followed { ask_local: false, ask_remote: false };
}

impl Sampler {
    /// Keeps this share of all traces: none from 0 downwards, all from 1 upwards.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the share is within 0 and 1")]
    pub fn ratio(share: f64, parents: Parents) -> Self {
        const ALL: f64 = (1_u64 << 63) as f64;
        let threshold = if share >= 1.0 { u64::MAX } else { (share.max(0.0) * ALL) as u64 };
        Self { threshold, parents }
    }

    /// Whether a span of `trace` below `parent` is kept.
    pub(super) fn keeps(self, trace: u128, parent: Option<Origin>) -> bool {
        match (parent, self.parents) {
            (Some(parent), Parents::Followed { ask_local, ask_remote }) => {
                let asks = if parent.is_remote { ask_remote } else { ask_local };
                parent.is_kept && (!asks || self.asked(trace))
            }
            (None, _) | (_, Parents::Ignored) => self.asked(trace),
        }
    }

    fn asked(self, trace: u128) -> bool {
        let low = u64::try_from(trace & u128::from(u64::MAX)).expect("the lower half fits");
        low >> 1 < self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: u128 = 0x0af7_6519_16cd_43dd_0000_0000_0000_0000;
    const HIGH: u128 = LOW | u64::MAX as u128;

    fn parent(is_kept: bool, is_remote: bool) -> Option<Origin> {
        Some(Origin { trace: LOW, span: 1, is_kept, is_remote })
    }

    #[test]
    fn a_share_of_the_traces_is_kept_by_the_lower_half_of_their_ids() {
        let keeps = |share, trace| Sampler::ratio(share, Parents::FOLLOWED).keeps(trace, None);
        assert_eq!([keeps(1.0, LOW), keeps(1.0, HIGH), keeps(7.0, HIGH)], [true, true, true]);
        assert_eq!([keeps(0.0, LOW), keeps(0.0, HIGH), keeps(-1.0, LOW), keeps(f64::NAN, LOW)], [false; 4]);
        let quarter = LOW | (u128::from(u64::MAX) / 4);
        assert_eq!([keeps(0.25, quarter), keeps(0.25, quarter + 2), keeps(0.3, quarter + 2)], [true, false, true]);
    }

    #[test]
    fn children_share_the_decision_unless_the_sampler_is_asked_again() {
        let never = |parents| Sampler::ratio(0.0, parents);
        assert!(never(Parents::FOLLOWED).keeps(LOW, parent(true, true)));
        assert!(!never(Parents::Ignored).keeps(LOW, parent(true, true)));
        let always = Sampler::ratio(1.0, Parents::FOLLOWED);
        assert!(!always.keeps(LOW, parent(false, false)));
        assert!(Sampler::ratio(1.0, Parents::Ignored).keeps(LOW, parent(false, true)));
        let local = never(Parents::Followed { ask_local: true, ask_remote: false });
        assert!(!local.keeps(LOW, parent(true, false)));
        assert!(local.keeps(LOW, parent(true, true)));
        let remote = never(Parents::Followed { ask_local: false, ask_remote: true });
        assert!(!remote.keeps(LOW, parent(true, true)));
    }
}
