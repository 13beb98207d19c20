//! What no single crate can show, one module an area. All of them run the program as its users do.

mod program;

mod faults;
mod golden;
mod policies;
