//! Tests that no single crate can show; see `it/main.rs`.
