//! What this program is: for `--version` and for the build metrics.

/// The version, as in Cargo.toml.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that was built, when whoever built it set `LITHIFY_REVISION`; otherwise empty.
pub const REVISION: &str = match option_env!("LITHIFY_REVISION") {
    Some(revision) => revision,
    None => "",
};

/// The branch that was built, when whoever built it set `LITHIFY_BRANCH`; otherwise empty.
pub const BRANCH: &str = match option_env!("LITHIFY_BRANCH") {
    Some(branch) => branch,
    None => "",
};

/// The processor in the spelling of the reference's metrics.
#[must_use]
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Six lines in the shape of the reference's; the fourth names our compiler.
#[must_use]
pub fn text() -> String {
    format!(
        "lithify, version {VERSION} (branch: {BRANCH}, revision: {REVISION})\n  build user:       {}\n  build date:       \
         {}\n  rust version:     {} or newer\n  platform:         {}/{}\n  tags:             \n",
        option_env!("LITHIFY_BUILD_USER").unwrap_or_default(),
        option_env!("LITHIFY_BUILD_DATE").unwrap_or_default(),
        env!("CARGO_PKG_RUST_VERSION"),
        std::env::consts::OS,
        architecture(),
    )
}
