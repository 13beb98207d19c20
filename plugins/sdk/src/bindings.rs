//! What wit-bindgen makes of `wit/0.1.0`, as it comes: the records, and a trait and an export macro for each interface.
//!
//! One world with everything, so that the kinds share their types. A guest exports the interfaces of its own kinds only,
//! and `lithify plugin build` writes the world that belongs to them.
wit_bindgen::generate!({
    path: "../../wit/0.1.0",
    inline: "
        package lithify:sdk;
        world every {
            include lithify:policy/selector-plugin@0.1.0;
            include lithify:policy/grouper-plugin@0.1.0;
            include lithify:policy/planner-plugin@0.1.0;
            include lithify:policy/downsampler-plugin@0.1.0;
            include lithify:policy/retention-plugin@0.1.0;
        }
    ",
    world: "lithify:sdk/every",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "lithify_sdk::bindings",
    additional_derives: [PartialEq],
});
