//! The tombstones file.
