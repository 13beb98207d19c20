//! The vectors of the specification, and what must hold of any samples.

mod floats;
