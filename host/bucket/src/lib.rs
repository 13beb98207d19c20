//! Where do blocks live? Object storage: listing, reading, uploading, deleting, and what a sync learns from it.
//!
//! Invariants: nothing above this crate sees an object path, a request or a status code. Absence is only reported when it
//! is proven. Secrets are in no error and no debug output. Nothing here reads the environment or a clock.
//!
//! Start with [`Bucket`], then [`from_yaml`].

mod bucket;
mod cache;
mod config;
mod error;
mod fs;
pub mod layout;
mod marks;
mod metrics;
mod outbound;
mod prefix;
mod reservations;
mod s3;
mod secret;
mod snapshot;

pub use bucket::{Answer, Attributes, Bucket, Depth, Entry, Pages, Reader, Writer};
pub use cache::MetaCache;
pub use config::{Config, HttpConfig, ListVersion, Lookup, Provider, S3Config, Sse, from_yaml, parse_config};
pub use error::{Error, Failure, Operation};
pub use fs::Filesystem;
pub use marks::{Mark, delete_block, remove_mark, write_mark};
pub use metrics::{Clock, Metered};
pub use outbound::{Alias, ClientTls, OutboundError, client_tls, proxies};
pub use prefix::Prefixed;
pub use reservations::{RESERVATION_BYTES_MAX, remove_reservations, reservations, write_reservation};
pub use s3::S3;
pub use secret::Secret;
pub use snapshot::{
    BlockDirectory, MARK_BYTES_MAX, META_BYTES_MAX, MarkState, MarkedBlock, MetaState, Object, Snapshot, deletion_mark,
    deletion_marks, snapshot,
};
