//! A bucket in memory: it remembers what was done to it, and fails or hangs where it is told to.

mod objects;

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use lithify_block::Timestamp;
use lithify_bucket::{Answer, Attributes, Bucket, Depth, Entry, Error, Failure, Operation, Pages, Reader, Writer};

use self::objects::{Growing, OnePage, Opened};

/// Clones are the same bucket.
#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Object>,
    /// Names of objects in the order in which they became visible or, with a `-` before them, went.
    changes: Vec<String>,
    operations: usize,
    written: u64,
    now: Option<Timestamp>,
    troubles: Vec<Trouble>,
}

struct Object {
    content: Bytes,
    modified: Option<Timestamp>,
    /// Counts what was written, so no two contents of one name are taken for the same.
    serial: u64,
}

/// What is to go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trouble {
    /// Every operation but the first so many fails, as if the network were gone.
    From(usize),
    /// Every operation on names with this part fails.
    Named(String),
    /// Operations of this kind on names that begin so fail, or are never answered.
    Begins { operation: Operation, prefix: String, hangs: bool },
}

impl Trouble {
    fn is_met(&self, begun: usize, asked: Operation, name: &str) -> bool {
        match self {
            Self::From(operation) => begun > *operation,
            Self::Named(part) => name.contains(part),
            Self::Begins { operation, prefix, .. } => asked == *operation && name.starts_with(prefix),
        }
    }
}

impl Store {
    /// Puts an object there as if it had always been there; listings do not say since when.
    pub fn put(&self, name: &str, content: impl Into<Bytes>) {
        self.lock().set(name, content.into(), None);
    }

    /// Puts an object there as if somebody else had written it then.
    pub fn put_at(&self, name: &str, content: impl Into<Bytes>, modified: Timestamp) {
        self.lock().set(name, content.into(), Some(modified));
    }

    /// What counts as now; without it listings do not say when objects were written.
    pub fn set_now(&self, now: Timestamp) {
        self.lock().now = Some(now);
    }

    /// Takes an object away as if somebody else had.
    pub fn remove(&self, name: &str) {
        self.lock().objects.remove(name);
    }

    /// All objects.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        self.lock().objects.iter().map(|(name, object)| (name.clone(), object.content.clone())).collect()
    }

    /// Whether there is such an object.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.lock().objects.contains_key(name)
    }

    /// The content of an object.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        Some(String::from_utf8_lossy(&self.lock().objects.get(name)?.content).into_owned())
    }

    /// Names of objects that begin so.
    #[must_use]
    pub fn names(&self, prefix: &str) -> Vec<String> {
        self.lock().below(prefix).map(|(name, _)| name.clone()).collect()
    }

    /// Names of what was deleted since the last call of [`Store::changes`], in order.
    #[must_use]
    pub fn deleted(&self) -> Vec<String> {
        self.lock().changes.iter().filter_map(|name| name.strip_prefix('-')).map(str::to_owned).collect()
    }

    /// What the program changed since the last call: names of what was written, and with a `-` before them of what was deleted.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().changes)
    }

    /// How many operations were begun since the start, or since [`Store::fail_from`].
    #[must_use]
    pub fn operations(&self) -> usize {
        self.lock().operations
    }

    /// From the operation of this number on all fail, as if the network were gone. Counting starts anew.
    pub fn fail_from(&self, operation: usize) {
        let mut inner = self.lock();
        inner.operations = 0;
        inner.troubles.push(Trouble::From(operation));
    }

    /// Everything that concerns objects whose name holds `part` fails.
    pub fn break_names_with(&self, part: &str) {
        self.lock().troubles.push(Trouble::Named(part.to_owned()));
    }

    /// This operation on objects whose name begins with `prefix` fails or, if it `hangs`, is never answered.
    pub fn trouble(&self, operation: Operation, prefix: impl ToString, hangs: bool) {
        self.lock().troubles.push(Trouble::Begins { operation, prefix: prefix.to_string(), hangs });
    }

    /// Nothing goes wrong any more.
    pub fn mend(&self) {
        self.lock().troubles.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no test panics while it holds the objects")
    }

    /// Does `work` unless it is told to fail; `None` if there is to be no answer.
    fn attempt<T>(
        &self,
        operation: Operation,
        name: &str,
        work: impl FnOnce(&mut Inner) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        let mut inner = self.lock();
        inner.operations += 1;
        let begun = inner.operations;
        match inner.troubles.iter().find(|trouble| trouble.is_met(begun, operation, name)) {
            Some(Trouble::Begins { hangs: true, .. }) => None,
            Some(_) => Some(Err(Error::Unavailable(evidence(operation, name)))),
            None => Some(work(&mut inner)),
        }
    }

    /// The same for those who wait on a thread, where nothing can hang for ever: it fails instead.
    fn attempt_now<T>(
        &self,
        operation: Operation,
        name: &str,
        work: impl FnOnce(&mut Inner) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.attempt(operation, name, work).unwrap_or_else(|| Err(Error::Unavailable(evidence(operation, name))))
    }

    /// The same for those who can wait.
    fn answer<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        name: &'a str,
        work: impl FnOnce(&mut Inner) -> Result<T, Error> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            match self.attempt(operation, name, work) {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }
}

fn evidence(operation: Operation, object: &str) -> Box<Failure> {
    Box::new(Failure { operation, object: object.to_owned(), detail: "injected".to_owned(), source: None })
}

impl Inner {
    fn set(&mut self, name: &str, content: Bytes, modified: Option<Timestamp>) {
        self.written += 1;
        let object = Object { content, modified, serial: self.written };
        self.objects.insert(name.to_owned(), object);
    }

    /// The program writes.
    fn write(&mut self, name: &str, content: Bytes) {
        self.set(name, content, self.now);
        self.changes.push(name.to_owned());
    }

    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a Object)> {
        let from = self.objects.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(move |(name, _)| name.starts_with(prefix))
    }

    fn find(&self, operation: Operation, name: &str) -> Result<&Object, Error> {
        self.objects.get(name).ok_or_else(|| Error::NotFound(evidence(operation, name)))
    }
}

impl Bucket for Store {
    fn name(&self) -> &str {
        "memory"
    }

    fn list(&self, dir: &str, depth: Depth) -> Box<dyn Pages + '_> {
        assert_eq!(depth, Depth::All, "nobody lists a bucket in memory level by level");
        let prefix = if dir.is_empty() { String::new() } else { format!("{}/", dir.trim_end_matches('/')) };
        Box::new(OnePage::new(self.clone(), prefix))
    }

    fn get<'a>(&'a self, name: &'a str, _: u64) -> Answer<'a, Bytes> {
        self.answer(Operation::Get, name, |inner| Ok(inner.find(Operation::Get, name)?.content.clone()))
    }

    fn get_range<'a>(&'a self, name: &'a str, offset: u64, length: Option<u64>) -> Answer<'a, Bytes> {
        self.answer(Operation::GetRange, name, move |inner| {
            let content = &inner.find(Operation::GetRange, name)?.content;
            let length = length.map_or(usize::MAX, objects::position);
            let from = objects::position(offset).min(content.len());
            Ok(content.slice(from..from.saturating_add(length).min(content.len())))
        })
    }

    fn exists<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        self.answer(Operation::Exists, name, |inner| Ok(inner.objects.contains_key(name)))
    }

    fn attributes<'a>(&'a self, name: &'a str) -> Answer<'a, Attributes> {
        self.answer(Operation::Attributes, name, |inner| {
            let entry = inner.find(Operation::Attributes, name)?.entry(name);
            Ok(Attributes { size: entry.size.unwrap_or_default(), modified: entry.modified, etag: entry.etag })
        })
    }

    fn upload<'a>(&'a self, name: &'a str, data: Bytes) -> Answer<'a, ()> {
        self.answer(Operation::Upload, name, |inner| {
            inner.write(name, data);
            Ok(())
        })
    }

    fn create<'a>(&'a self, name: &'a str) -> Answer<'a, Box<dyn Writer>> {
        self.answer(Operation::Upload, name, |_| {
            Ok(Box::new(Growing::new(self.clone(), name.to_owned())) as Box<dyn Writer>)
        })
    }

    fn open<'a>(&'a self, name: &'a str) -> Answer<'a, Arc<dyn Reader>> {
        self.answer(Operation::GetRange, name, |inner| {
            inner.find(Operation::GetRange, name)?;
            Ok(Arc::new(Opened::new(self.clone(), name.to_owned())) as Arc<dyn Reader>)
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Answer<'a, ()> {
        self.answer(Operation::Delete, name, move |inner| {
            inner.objects.remove(name);
            inner.changes.push(format!("-{name}"));
            Ok(())
        })
    }
}

impl Object {
    fn entry(&self, name: &str) -> Entry {
        Entry {
            name: name.to_owned(),
            size: Some(self.content.len() as u64),
            modified: self.modified,
            etag: Some(self.serial.to_string()),
        }
    }
}
