//! A bucket inside a bucket: every name below a prefix.
//!
//! Source: `object-storage.md` section 5.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Answer, Attributes, Bucket, Depth, Entry, Error, Operation, Pages, Reader, Writer, error::Failure};

/// A bucket that shows what is below `<prefix>/` of another and nothing else.
pub struct Prefixed {
    inner: Arc<dyn Bucket>,
    /// Without outer slashes, never empty.
    prefix: String,
}

/// The prefix in use: outer slashes removed, `None` if nothing is left.
///
/// # Errors
/// [`Error::Config`] for empty, `.` or `..` parts, control characters and backslashes.
pub(crate) fn normalize(prefix: &str) -> Result<Option<String>, Error> {
    let prefix = prefix.trim_matches('/');
    if prefix.is_empty() {
        return Ok(None);
    }
    let refuse = |why: &str| Err(Error::Config(format!("objstore configuration: prefix {why}")));
    if prefix.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return refuse("has an empty, `.` or `..` part between its slashes");
    }
    if prefix.chars().any(|c| c.is_control() || c == '\\') {
        return refuse("holds a control character or a backslash");
    }
    Ok(Some(prefix.to_owned()))
}

impl Prefixed {
    /// `inner` below `prefix`; `inner` itself if the prefix is empty but for slashes.
    ///
    /// # Errors
    /// [`Error::Config`] if the prefix cannot be used.
    pub fn wrap(inner: Arc<dyn Bucket>, prefix: &str) -> Result<Arc<dyn Bucket>, Error> {
        Ok(match normalize(prefix)? {
            None => inner,
            Some(prefix) => Arc::new(Self { inner, prefix }),
        })
    }

    /// The empty name stays empty, so that it fails as what it is.
    fn full(&self, name: &str) -> String {
        if name.is_empty() { String::new() } else { format!("{}/{name}", self.prefix) }
    }
}

struct Stripped<'a> {
    pages: Box<dyn Pages + 'a>,
    skip: String,
}

impl Pages for Stripped<'_> {
    fn next(&mut self) -> Answer<'_, Option<Vec<Entry>>> {
        Box::pin(async move {
            let Some(mut page) = self.pages.next().await? else { return Ok(None) };
            for entry in &mut page {
                let Some(name) = entry.name.strip_prefix(&self.skip) else {
                    let detail = format!("a listing of {:?} shows {:?}", self.skip, entry.name);
                    return Err(Error::Corrupt(Failure::new(Operation::Iter, "", detail)));
                };
                entry.name = name.to_owned();
            }
            page.retain(|entry| !entry.name.is_empty());
            Ok(Some(page))
        })
    }
}

#[deny(clippy::missing_trait_methods)]
impl Bucket for Prefixed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn list(&self, dir: &str, depth: Depth) -> Box<dyn Pages + '_> {
        let skip = format!("{}/", self.prefix);
        Box::new(Stripped { pages: self.inner.list(&format!("{skip}{dir}"), depth), skip })
    }

    fn get<'a>(&'a self, name: &'a str, max_bytes: u64) -> Answer<'a, Bytes> {
        Box::pin(async move { self.inner.get(&self.full(name), max_bytes).await })
    }

    fn get_range<'a>(&'a self, name: &'a str, offset: u64, length: Option<u64>) -> Answer<'a, Bytes> {
        Box::pin(async move { self.inner.get_range(&self.full(name), offset, length).await })
    }

    fn exists<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        Box::pin(async move { self.inner.exists(&self.full(name)).await })
    }

    fn attributes<'a>(&'a self, name: &'a str) -> Answer<'a, Attributes> {
        Box::pin(async move { self.inner.attributes(&self.full(name)).await })
    }

    fn upload<'a>(&'a self, name: &'a str, data: Bytes) -> Answer<'a, ()> {
        Box::pin(async move { self.inner.upload(&self.full(name), data).await })
    }

    fn create<'a>(&'a self, name: &'a str) -> Answer<'a, Box<dyn Writer>> {
        Box::pin(async move { self.inner.create(&self.full(name)).await })
    }

    fn open<'a>(&'a self, name: &'a str) -> Answer<'a, Arc<dyn Reader>> {
        Box::pin(async move { self.inner.open(&self.full(name)).await })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { self.inner.delete(&self.full(name)).await })
    }
}
