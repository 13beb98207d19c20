//! What no single crate can show, one module an area.
