//! A bucket in memory: it remembers what was asked of it, and fails or hangs where it is told to.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use lithify_block::Timestamp;
use lithify_bucket::{Answer, Attributes, Bucket, Depth, Entry, Error, Failure, Operation, Pages, Reader, Writer};

/// What is to go wrong: operations on names that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) operation: Operation,
    pub(crate) prefix: String,
    /// No answer ever comes; otherwise it is an error.
    pub(crate) hangs: bool,
}

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, (Bytes, Option<Timestamp>)>,
    deleted: Vec<String>,
    troubles: Vec<Trouble>,
    asked: usize,
}

/// Clones are the same bucket.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Inner>>);

impl Store {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(crate) fn put(&self, name: &str, data: &str, modified: Option<Timestamp>) {
        self.inner().objects.insert(name.to_owned(), (Bytes::from(data.to_owned()), modified));
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.inner().objects.contains_key(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let object = self.inner().objects.get(name).map(|(data, _)| data.clone());
        String::from_utf8(object.unwrap_or_else(|| panic!("{name} is not there")).to_vec()).unwrap()
    }

    pub(crate) fn names(&self, prefix: &str) -> Vec<String> {
        self.inner().objects.keys().filter(|name| name.starts_with(prefix)).cloned().collect()
    }

    /// Names that were asked to be deleted, in order.
    pub(crate) fn deleted(&self) -> Vec<String> {
        self.inner().deleted.clone()
    }

    /// How many operations were begun.
    pub(crate) fn asked(&self) -> usize {
        self.inner().asked
    }

    pub(crate) fn trouble(&self, operation: Operation, prefix: impl ToString, hangs: bool) {
        self.inner().troubles.push(Trouble { operation, prefix: prefix.to_string(), hangs });
    }

    pub(crate) fn mend(&self) {
        self.inner().troubles.clear();
    }

    /// Does `work`, or what it is told to.
    fn answer<'a, T: Send + 'a>(
        &self,
        operation: Operation,
        name: &str,
        work: impl FnOnce(&mut Inner) -> Result<T, Error>,
    ) -> Answer<'a, T> {
        let mut inner = self.inner();
        inner.asked += 1;
        let trouble = inner.troubles.iter().find(|t| t.operation == operation && name.starts_with(&t.prefix)).cloned();
        let answer = match trouble {
            Some(trouble) if trouble.hangs => return Box::pin(std::future::pending()),
            Some(_) => Err(Error::Unavailable(failure(operation, name))),
            None => work(&mut inner),
        };
        Box::pin(std::future::ready(answer))
    }
}

fn failure(operation: Operation, name: &str) -> Box<Failure> {
    Box::new(Failure { operation, object: name.to_owned(), detail: "told to".to_owned(), source: None })
}

fn find(inner: &Inner, operation: Operation, name: &str) -> Result<Bytes, Error> {
    let found = inner.objects.get(name).map(|(data, _)| data.clone());
    found.ok_or_else(|| Error::NotFound(failure(operation, name)))
}

struct OnePage(Store, String, bool);

impl Pages for OnePage {
    fn next(&mut self) -> Answer<'_, Option<Vec<Entry>>> {
        if std::mem::replace(&mut self.2, true) {
            return Box::pin(std::future::ready(Ok(None)));
        }
        let prefix = self.1.clone();
        self.0.answer(Operation::Iter, &self.1, |inner| {
            let below = inner.objects.iter().filter(|(name, _)| name.starts_with(&prefix) && **name != prefix);
            let entry = |(name, (data, modified)): (&String, &(Bytes, Option<Timestamp>))| Entry {
                name: name.clone(),
                size: Some(data.len() as u64),
                modified: *modified,
                etag: Some(format!("{}-{modified:?}", data.len())),
            };
            Ok(Some(below.map(entry).collect()))
        })
    }
}

impl Bucket for Store {
    fn name(&self) -> &str {
        "memory"
    }

    fn list(&self, dir: &str, depth: Depth) -> Box<dyn Pages + '_> {
        assert_eq!(depth, Depth::All, "the compactor lists everything below a directory");
        Box::new(OnePage(self.clone(), dir.to_owned(), false))
    }

    fn get<'a>(&'a self, name: &'a str, _: u64) -> Answer<'a, Bytes> {
        self.answer(Operation::Get, name, |inner| find(inner, Operation::Get, name))
    }

    fn get_range<'a>(&'a self, name: &'a str, _: u64, _: Option<u64>) -> Answer<'a, Bytes> {
        self.get(name, 0)
    }

    fn exists<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        self.answer(Operation::Exists, name, |inner| Ok(inner.objects.contains_key(name)))
    }

    fn attributes<'a>(&'a self, name: &'a str) -> Answer<'a, Attributes> {
        self.answer(Operation::Attributes, name, |inner| {
            let size = find(inner, Operation::Attributes, name)?.len() as u64;
            Ok(Attributes { size, modified: None, etag: None })
        })
    }

    fn upload<'a>(&'a self, name: &'a str, data: Bytes) -> Answer<'a, ()> {
        self.answer(Operation::Upload, name, |inner| {
            inner.objects.insert(name.to_owned(), (data, Some(Timestamp(i64::MAX))));
            Ok(())
        })
    }

    fn create<'a>(&'a self, name: &'a str) -> Answer<'a, Box<dyn Writer>> {
        Box::pin(std::future::ready(Err(Error::Unsupported(failure(Operation::Upload, name)))))
    }

    fn open<'a>(&'a self, name: &'a str) -> Answer<'a, Arc<dyn Reader>> {
        self.answer(Operation::GetRange, name, |inner| {
            Ok(Arc::new(InMemory(find(inner, Operation::GetRange, name)?)) as Arc<dyn Reader>)
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Answer<'a, ()> {
        self.answer(Operation::Delete, name, |inner| {
            inner.deleted.push(name.to_owned());
            inner.objects.remove(name);
            Ok(())
        })
    }
}

struct InMemory(Bytes);

impl Reader for InMemory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let part = self.0.get(start..).and_then(|rest| rest.get(..into.len()));
        into.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn file(&self) -> Option<&std::fs::File> {
        None
    }
}
