//! One case: the bucket before, the command, the bucket after; and how two buckets are compared.

use super::*;

/// Objects by their path.
pub(super) type Objects = BTreeMap<String, Vec<u8>>;

/// A case as `tests/data/behaviour/README.md` describes it.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) command: Vec<String>,
    /// `None` where the reference does not end.
    pub(super) status: Option<i32>,
    content: Value,
}

impl Case {
    /// The names of all cases.
    pub(super) fn names() -> Vec<String> {
        let cases = fs::read_dir(data("behaviour/cases")).unwrap().flatten();
        let mut names: Vec<_> = cases.map(|entry| entry.file_name().to_string_lossy().replace(".json", "")).collect();
        names.sort();
        names
    }

    pub(super) fn read(name: &str) -> Self {
        let text = fs::read(data(&format!("behaviour/cases/{name}.json"))).unwrap();
        let content: Value = serde_json::from_slice(&text).unwrap();
        let words = content["cmd"].as_array().unwrap().iter();
        Self {
            name: name.to_owned(),
            command: words.map(|word| word.as_str().unwrap().to_owned()).collect(),
            status: content["rc"].as_i64().map(|status| i32::try_from(status).unwrap()),
            content,
        }
    }

    /// Whether it has a listing of this name.
    pub(super) fn has(&self, listing: &str) -> bool {
        self.content[listing].is_object()
    }

    /// What the case says under this name.
    pub(super) fn content(&self, name: &str) -> &Value {
        &self.content[name]
    }

    /// Path and digest of every object of a listing.
    fn listing(&self, name: &str) -> impl Iterator<Item = (&String, &str)> {
        let entries = self.content[name].as_object().into_iter().flatten();
        entries.map(|(path, digest)| (path, digest.as_str().unwrap()))
    }

    /// The objects of a listing. Of what is only compared by its digest, the digest.
    fn objects(&self, name: &str) -> Objects {
        let object = |digest: &str| fs::read(data(&format!("behaviour/objects/{digest}")));
        let entries = self.listing(name);
        entries.map(|(path, digest)| (path.clone(), object(digest).unwrap_or_else(|_| digest.into()))).collect()
    }

    /// The bucket before.
    pub(super) fn before(&self) -> Objects {
        self.objects("in")
    }

    /// The bucket as the reference leaves it, or may leave it.
    pub(super) fn after(&self, listing: &str) -> Bucket {
        Bucket::new(self.objects(listing), self)
    }

    /// Fills `directory` with the bucket before, old where the case says so.
    pub(super) fn put(&self, directory: &Path) {
        put(&self.before(), directory);
        for (path, time) in self.content["mtimes"].as_object().into_iter().flatten() {
            if let Some(time) = seconds(time.as_str().unwrap()) {
                let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(time);
                File::open(directory.join(path)).unwrap().set_modified(modified).unwrap();
            }
        }
    }
}

/// Fills `directory` with `objects`.
pub(super) fn put(objects: &Objects, directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for (name, content) in objects {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// Unix time of `2025-03-01T00:00:00Z`; `None` for `now`.
fn seconds(time: &str) -> Option<u64> {
    let numbers: Option<Vec<u64>> = time.split(['-', 'T', ':', 'Z']).take(6).map(|part| part.parse().ok()).collect();
    let numbers = numbers?;
    let &[year, month, day, hour, minute, second] = numbers.as_slice() else { return None };
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let months: u64 = lengths.iter().take(usize::try_from(month).ok()?.checked_sub(1)?).sum();
    Some((((years + months + day - 1) * 24 + hour) * 60 + minute) * 60 + second)
}

/// A bucket without what differs from run to run.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// Objects of blocks that were there before, and objects that belong to no block.
    pub(super) old: BTreeMap<String, Vec<u8>>,
    /// New blocks: for each the paths inside and what is there, sorted.
    pub(super) new: Vec<BTreeMap<String, String>>,
}

impl Bucket {
    pub(super) fn new(objects: Objects, case: &Case) -> Self {
        let before: BTreeSet<String> = case.listing("in").map(|(path, _)| path.clone()).collect();
        let root = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
        let known: BTreeSet<String> = before.iter().map(|path| root(path)).collect();
        let mut blocks: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut old = BTreeMap::new();
        for (path, content) in objects {
            let mark = path.ends_with("-mark.json") && !before.contains(&path);
            let content = if mark { timeless(&content) } else { content };
            match path.split_once('/') {
                Some((block, file)) if block.len() == 26 && !known.contains(block) => {
                    let text = match file {
                        "meta.json" => meta(&content, block, &known),
                        _ if mark => String::from_utf8_lossy(&content).replace(block, "U"),
                        _ => digest(&content),
                    };
                    blocks.entry(block.to_owned()).or_default().insert(file.to_owned(), text);
                }
                _ => drop(old.insert(path, content)),
            }
        }
        let mut new: Vec<_> = blocks.into_values().collect();
        new.sort();
        Self { old, new }
    }

    /// What is missing, left over or different here.
    pub(super) fn differences(&self, wanted: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let paths: BTreeSet<&String> = self.old.keys().chain(wanted.old.keys()).collect();
        for path in paths {
            match (self.old.get(path), wanted.old.get(path)) {
                (Some(ours), Some(theirs)) if *ours == *theirs || digest(ours).as_bytes() == theirs => {}
                (Some(ours), Some(theirs)) => differences.push(format!(
                    "{path} differs: {} against {}",
                    String::from_utf8_lossy(ours),
                    String::from_utf8_lossy(theirs)
                )),
                (None, _) => differences.push(format!("{path} is missing")),
                (_, None) => differences.push(format!("{path} is left over")),
            }
        }
        let without = |one: &Self, other: &Self| -> Vec<String> {
            one.new.iter().filter(|block| !other.new.contains(block)).map(|block| format!("{block:?}")).collect()
        };
        if self.new != wanted.new {
            differences.push(format!("{} new blocks, {} expected", self.new.len(), wanted.new.len()));
            differences.extend(without(self, wanted).iter().map(|block| format!("not expected: {block}")));
            differences.extend(without(wanted, self).iter().map(|block| format!("expected: {block}")));
        }
        differences
    }
}

/// The digest by which listings call an object; of a digest itself, that digest.
fn digest(content: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    match std::str::from_utf8(content) {
        Ok(text) if text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => text.to_owned(),
        _ => Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// A mark without the time at which it was made.
fn timeless(mark: &[u8]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(mark).into_owned();
    for field in ["\"deletion_time\":", "\"no_compact_time\":", "\"no_downsample_time\":"] {
        if let Some((head, tail)) = text.split_once(field) {
            text = format!("{head}{field}T{}", tail.trim_start_matches(|digit: char| digit.is_ascii_digit()));
        }
    }
    text.into_bytes()
}

/// A meta.json without ids and times of this run, then the names of its members in the order of the file.
fn meta(text: &[u8], block: &str, known: &BTreeSet<String>) -> String {
    let Ok(mut meta) = serde_json::from_slice::<Value>(text) else { return String::from_utf8_lossy(text).into_owned() };
    meta["ulid"] = "U".into();
    meta["thanos"]["upload_time"] = "T".into();
    if meta["compaction"]["sources"] == serde_json::json!([block]) {
        meta["compaction"]["sources"] = "U".into();
    }
    if let Some(parents) = meta["compaction"]["parents"].as_array_mut() {
        for parent in parents.iter_mut().filter(|parent| !known.contains(parent["ulid"].as_str().unwrap())) {
            parent["ulid"] = "U".into();
        }
        // Those that begin at the same time are in no fixed order.
        parents
            .sort_by_key(|parent| (parent["minTime"].as_i64(), parent["maxTime"].as_i64(), parent["ulid"].to_string()));
    }
    let text = String::from_utf8_lossy(text);
    let names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once("\": ")?.0.trim())).collect();
    format!("{meta} {names:?}")
}
