//! The macros that make a crate a component. They expand to nothing on other targets, so the crate tests natively.

/// Exports one policy a kind: `export!(include_bytes!("../manifest.json"), planner: Mine);`.
///
/// The first argument is the manifest; after it come one or more of `selector: S`, `grouper: G`, `planner: P`,
/// `downsampler: D`, `retention: R`, each a type that implements the trait of its kind. All of them are configured with
/// the same text.
#[macro_export]
macro_rules! export {
    ($manifest:expr, $($kind:ident: $policy:ty),+ $(,)?) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            #[unsafe(link_section = "lithify:manifest")]
            #[used]
            static MANIFEST: [u8; $manifest.len()] = *$manifest;

            struct Door;

            impl $crate::bindings::exports::lithify::policy::plugin::Guest for Door {
                fn configure(config: $crate::__String) -> Result<(), $crate::Error> {
                    $($kind::STATE.configure(&config)?;)+
                    Ok(())
                }

                fn validate(config: $crate::__String) -> Result<$crate::__Vec<$crate::__String>, $crate::Error> {
                    let mut warnings = $crate::__Vec::new();
                    $(warnings.extend($crate::state::State::<$policy>::validate(&config)?);)+
                    Ok(warnings)
                }
            }

            $crate::bindings::exports::lithify::policy::plugin::__export_lithify_policy_plugin_0_1_0_cabi!(
                Door with_types_in $crate::bindings::exports::lithify::policy::plugin
            );
            $($crate::export_kind!($kind, $policy);)+
        };
    };
}

/// One kind of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! export_kind {
    (selector, $policy:ty) => {
        mod selector {
            use super::*;
            pub(super) static STATE: $crate::state::State<$policy> = $crate::state::State::new();
            struct Door;

            impl $crate::bindings::exports::lithify::policy::selector::Guest for Door {
                fn select(
                    cx: $crate::Context,
                    sets: $crate::__Vec<$crate::LabelSet>,
                ) -> Result<$crate::__Vec<Option<$crate::LabelSet>>, $crate::Error> {
                    STATE.ask(|policy| $crate::Selector::select(policy, &cx, sets, &mut $crate::Host::new()))
                }
            }

            $crate::bindings::exports::lithify::policy::selector::__export_lithify_policy_selector_0_1_0_cabi!(
                Door with_types_in $crate::bindings::exports::lithify::policy::selector
            );
        }
    };
    (grouper, $policy:ty) => {
        mod grouper {
            use super::*;
            pub(super) static STATE: $crate::state::State<$policy> = $crate::state::State::new();
            struct Door;

            impl $crate::bindings::exports::lithify::policy::grouper::Guest for Door {
                fn group(
                    cx: $crate::Context,
                    blocks: $crate::__Vec<$crate::Block>,
                ) -> Result<$crate::__Vec<$crate::Assignment>, $crate::Error> {
                    STATE.ask(|policy| $crate::Grouper::group(policy, &cx, &blocks, &mut $crate::Host::new()))
                }
            }

            $crate::bindings::exports::lithify::policy::grouper::__export_lithify_policy_grouper_0_1_0_cabi!(
                Door with_types_in $crate::bindings::exports::lithify::policy::grouper
            );
        }
    };
    (planner, $policy:ty) => {
        mod planner {
            use super::*;
            pub(super) static STATE: $crate::state::State<$policy> = $crate::state::State::new();
            struct Door;

            impl $crate::bindings::exports::lithify::policy::planner::Guest for Door {
                fn make_plan(cx: $crate::Context, request: $crate::Request) -> Result<$crate::Plan, $crate::Error> {
                    STATE.ask(|policy| $crate::Planner::make_plan(policy, &cx, &request, &mut $crate::Host::new()))
                }
            }

            $crate::bindings::exports::lithify::policy::planner::__export_lithify_policy_planner_0_1_0_cabi!(
                Door with_types_in $crate::bindings::exports::lithify::policy::planner
            );
        }
    };
    (downsampler, $policy:ty) => {
        mod downsampler {
            use super::*;
            pub(super) static STATE: $crate::state::State<$policy> = $crate::state::State::new();
            struct Door;

            impl $crate::bindings::exports::lithify::policy::downsampler::Guest for Door {
                fn wanted() -> $crate::Wants {
                    STATE.ask(|policy| Ok($crate::Downsampler::wanted(policy))).unwrap_or($crate::Wants::empty())
                }
                $crate::export_aggregate!(aggregate_raw, $crate::Column, $crate::Aggregates);
                $crate::export_aggregate!(aggregate_aggregates, $crate::Aggregates, $crate::Aggregates);
                $crate::export_aggregate!(
                    aggregate_raw_histograms,
                    $crate::HistogramColumn,
                    $crate::HistogramAggregates
                );
                $crate::export_aggregate!(
                    aggregate_histogram_aggregates,
                    $crate::HistogramAggregates,
                    $crate::HistogramAggregates
                );
            }

            $crate::bindings::exports::lithify::policy::downsampler::__export_lithify_policy_downsampler_0_1_0_cabi!(
                Door with_types_in $crate::bindings::exports::lithify::policy::downsampler
            );
        }
    };
    (retention, $policy:ty) => {
        mod retention {
            use super::*;
            pub(super) static STATE: $crate::state::State<$policy> = $crate::state::State::new();
            struct Door;

            impl $crate::bindings::exports::lithify::policy::retention::Guest for Door {
                fn evaluate(
                    cx: $crate::Context,
                    blocks: $crate::__Vec<$crate::Block>,
                ) -> Result<$crate::__Vec<$crate::Deletion>, $crate::Error> {
                    STATE.ask(|policy| $crate::Retention::evaluate(policy, &cx, &blocks, &mut $crate::Host::new()))
                }
            }

            $crate::bindings::exports::lithify::policy::retention::__export_lithify_policy_retention_0_1_0_cabi!(
                Door with_types_in $crate::bindings::exports::lithify::policy::retention
            );
        }
    };
}

/// One of the four questions to a downsampler.
#[doc(hidden)]
#[macro_export]
macro_rules! export_aggregate {
    ($function:ident, $rows:ty, $answer:ty) => {
        fn $function(
            cx: $crate::Context,
            resolution: i64,
            labels: $crate::__Vec<$crate::LabelSet>,
            rows: $rows,
        ) -> Result<$answer, $crate::Error> {
            STATE.ask(|policy| $crate::Downsampler::$function(policy, &cx, resolution, &labels, &rows))
        }
    };
}
