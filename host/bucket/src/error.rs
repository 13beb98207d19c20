//! What can go wrong between us and a store, sorted by what a caller does about it.

use std::{error::Error as StdError, fmt, io};

/// An operation on a bucket; its text is the value of the metrics' label `operation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Listing a directory.
    Iter,
    /// Reading a whole object.
    Get,
    /// Reading a part of an object.
    GetRange,
    /// Asking whether an object is there.
    Exists,
    /// Writing an object.
    Upload,
    /// Removing an object.
    Delete,
    /// Asking for size and times of an object.
    Attributes,
}

impl Operation {
    /// Every operation, in the order of the reference's list.
    pub const ALL: [Self; 7] =
        [Self::Iter, Self::Get, Self::GetRange, Self::Exists, Self::Upload, Self::Delete, Self::Attributes];

    /// The name in metrics and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Iter => "iter",
            Self::Get => "get",
            Self::GetRange => "get_range",
            Self::Exists => "exists",
            Self::Upload => "upload",
            Self::Delete => "delete",
            Self::Attributes => "attributes",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The evidence of a failed operation. Holds no secret: queries are cut off URLs before they come here.
#[derive(Debug)]
pub struct Failure {
    /// What was asked for.
    pub operation: Operation,
    /// The object's name or the directory, without the prefix of the bucket where the prefix is known.
    pub object: String,
    /// What the store said, at most 300 characters; may be empty.
    pub detail: String,
    /// The error below, printed as the next link of the chain.
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.operation, self.object)
    }
}

/// A failure of the object store or of its configuration.
///
/// Source: `object-storage.md` section 6, error classes.
#[derive(Debug)]
pub enum Error {
    /// The object is proven to be absent: never a missing bucket, never a proxy's page.
    NotFound(Box<Failure>),
    /// The store knows us and says no, or does not know us.
    AccessDenied(Box<Failure>),
    /// The store asked us to slow down until the retries were used up.
    Throttled(Box<Failure>),
    /// No answer, or a passing failure of the store, until the retries were used up.
    Unavailable(Box<Failure>),
    /// The store does not have this operation or option.
    Unsupported(Box<Failure>),
    /// A condition of the request did not hold: the object changed meanwhile.
    Precondition(Box<Failure>),
    /// The object was there already.
    Exists(Box<Failure>),
    /// Somebody else works on the same object.
    Conflict(Box<Failure>),
    /// The answer is damaged: wrong length, wrong checksum, not decodable.
    Corrupt(Box<Failure>),
    /// The caller asked for something that no store could do: an empty name, a directory, too much at once.
    Invalid(Box<Failure>),
    /// The configuration is wrong; nothing was asked of any store.
    Config(String),
    /// Anything else.
    Other(Box<Failure>),
}

impl Error {
    /// Whether the object is proven to be absent.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }

    /// The evidence, if a store was asked.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::NotFound(failure)
            | Self::AccessDenied(failure)
            | Self::Throttled(failure)
            | Self::Unavailable(failure)
            | Self::Unsupported(failure)
            | Self::Precondition(failure)
            | Self::Exists(failure)
            | Self::Conflict(failure)
            | Self::Corrupt(failure)
            | Self::Invalid(failure)
            | Self::Other(failure) => Some(failure),
            Self::Config(_) => None,
        }
    }

    /// Takes an error of ours out of an [`io::Error`] that a [`crate::Reader`] gave, or wraps a foreign one.
    #[must_use]
    pub fn from_read(error: io::Error, object: &str) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(error) => Self::from_io(error, Operation::GetRange, object),
        }
    }

    /// Sorts an error of the operating system.
    #[must_use]
    pub(crate) fn from_io(error: io::Error, operation: Operation, object: &str) -> Self {
        use io::ErrorKind as Kind;
        let kind = error.kind();
        let failure = Failure::new(operation, object, "").because(error);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the list of the standard library grows")]
        match kind {
            Kind::NotFound | Kind::NotADirectory => Self::NotFound(failure),
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Self::AccessDenied(failure),
            Kind::UnexpectedEof => Self::Corrupt(failure),
            Kind::IsADirectory | Kind::InvalidFilename => Self::Invalid(failure),
            Kind::AlreadyExists => Self::Exists(failure),
            _ => Self::Other(failure),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

impl Failure {
    /// Evidence without an error below it.
    pub(crate) fn new(operation: Operation, object: &str, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self { operation, object: object.to_owned(), detail: detail.into(), source: None })
    }

    /// The same with the error below it.
    pub(crate) fn because(mut self: Box<Self>, source: impl StdError + Send + Sync + 'static) -> Box<Self> {
        self.source = Some(Box::new(source));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self {
            Self::Config(text) => return f.write_str(text),
            Self::NotFound(_) => ": no such object",
            Self::AccessDenied(_) => ": access denied",
            Self::Throttled(_) => ": the store throttles",
            Self::Unavailable(_) => ": the store is not available",
            Self::Unsupported(_) => ": not supported by the store",
            Self::Precondition(_) => ": the object changed meanwhile",
            Self::Exists(_) => ": the object exists already",
            Self::Conflict(_) => ": conflicting operation",
            Self::Corrupt(_) => ": damaged answer",
            Self::Invalid(_) | Self::Other(_) => "",
        };
        let Some(failure) = self.failure() else { return Ok(()) };
        write!(f, "{failure}{class}")?;
        if failure.detail.is_empty() { Ok(()) } else { write!(f, ": {}", failure.detail) }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.failure()?.source.as_deref()?;
        Some(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_through_an_io_error() {
        let error = Error::Throttled(Failure::new(Operation::GetRange, "a/index", "SlowDown"));
        let back = Error::from_read(error.into(), "a/index");
        assert!(matches!(back, Error::Throttled(_)));
        assert_eq!(back.to_string(), "get_range \"a/index\": the store throttles: SlowDown");
    }
}
