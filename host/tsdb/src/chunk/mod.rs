//! Chunk encodings: the bytes inside one chunk record.
