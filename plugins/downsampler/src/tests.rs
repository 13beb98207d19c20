//! The vectors of the specification, and what must hold of any samples.

mod build;
mod floats;
mod histograms;
mod vectors;
