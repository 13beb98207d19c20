//! YAML as the reference reads it: known keys only, texts as they were written, merge keys, no value in any error.
//!
//! A schema says which keys there are. Values are kept by their path (`http_config.tls_config.ca_file`); what they mean
//! is decided later, so that an error names the key and never has the value at hand.
//!
//! Source: `object-storage.md` 2.2.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use zeroize::Zeroizing;

/// What may stand behind a key.
pub(super) enum Kind {
    /// A single value.
    Text,
    /// Free keys with single values.
    Map,
    /// Keys of its own.
    Block(&'static Schema),
    /// Anything, left for another reading.
    Skip,
}

/// The keys of one mapping.
pub(super) struct Schema {
    /// What the reference calls it in its errors.
    pub(super) name: &'static str,
    /// Whether other keys are errors; if not they are ignored.
    pub(super) strict: bool,
    pub(super) keys: &'static [(&'static str, Kind)],
}

type Text = Zeroizing<String>;

/// What was found, by path. A key without value counts as absent.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) texts: BTreeMap<String, Text>,
    pub(super) maps: BTreeMap<String, BTreeMap<String, Text>>,
    /// Keys that a lenient schema does not know.
    pub(super) ignored: Vec<String>,
    /// Whether more documents follow the first.
    pub(super) more: bool,
}

impl Settings {
    /// Reads the first document of `text`.
    pub(super) fn read(text: &str, schema: &'static Schema) -> Result<Self, String> {
        let mut settings = Self::default();
        let mut documents = serde_yaml::Deserializer::from_str(text);
        if let Some(document) = documents.next() {
            let block = Block { schema, path: "", into: &mut settings };
            block.deserialize(document).map_err(|error| clean(&error.to_string()))?;
        }
        settings.more = documents.next().is_some();
        Ok(settings)
    }

    /// Takes over what is missing here: a merge key never replaces what is written out.
    fn fill(&mut self, from: Self) {
        for (path, text) in from.texts {
            self.texts.entry(path).or_insert(text);
        }
        for (path, map) in from.maps {
            self.maps.entry(path).or_insert(map);
        }
        self.ignored.extend(from.ignored);
    }
}

/// Cuts the value out of messages such as `invalid type: string "value", expected …`.
fn clean(message: &str) -> String {
    for what in ["invalid type: ", "invalid value: ", "invalid length: "] {
        if let Some((before, after)) = message.split_once(what) {
            let expected = after.rfind("expected ").map_or("", |at| &after[at..]);
            return format!("{before}{expected}");
        }
    }
    message.to_owned()
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Reads a mapping by its schema.
struct Block<'a> {
    schema: &'static Schema,
    path: &'a str,
    into: &'a mut Settings,
}

impl<'de> DeserializeSeed<'de> for Block<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Block<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.path.is_empty() { "the configuration" } else { self.path };
        write!(f, "keys and values below {name}")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(()) // There is no document at all.
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut merged = Settings::default();
        let mut seen = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == "<<" {
                map.next_value_seed(Merge { schema: self.schema, path: self.path, into: &mut merged })?;
                continue;
            }
            let path = join(self.path, &key);
            let known = self.schema.keys.iter().find(|(name, _)| *name == key);
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("key {path} is given twice")));
            }
            match known.map(|(_, kind)| kind) {
                Some(Kind::Text) => {
                    if let Some(text) = map.next_value_seed(Scalar { path: &path })? {
                        self.into.texts.insert(path, text);
                    }
                }
                Some(Kind::Map) => {
                    let texts = map.next_value_seed(Free { path: &path })?;
                    self.into.maps.insert(path, texts);
                }
                Some(Kind::Block(schema)) => {
                    map.next_value_seed(Block { schema, path: &path, into: &mut *self.into })?;
                }
                Some(Kind::Skip) => {
                    map.next_value::<IgnoredAny>()?;
                }
                None if self.schema.strict => {
                    let name = self.schema.name;
                    return Err(A::Error::custom(format_args!("field {key} not found in type {name}")));
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                    self.into.ignored.push(path);
                }
            }
            seen.push(key);
        }
        self.into.fill(merged);
        Ok(())
    }
}

/// The value of a merge key: one mapping or a list of them, the first of which wins.
struct Merge<'a> {
    schema: &'static Schema,
    path: &'a str,
    into: &'a mut Settings,
}

impl<'de> DeserializeSeed<'de> for Merge<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Merge<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping to merge, or a list of them")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Block { schema: self.schema, path: self.path, into: self.into }.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        loop {
            let mut one = Settings::default();
            if list.next_element_seed(Block { schema: self.schema, path: self.path, into: &mut one })?.is_none() {
                return Ok(());
            }
            self.into.fill(one);
        }
    }
}

/// Reads a single value as it was written, whatever YAML would take it for; nothing for null.
struct Scalar<'a> {
    path: &'a str,
}

impl<'de> DeserializeSeed<'de> for Scalar<'_> {
    type Value = Option<Text>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Text>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Scalar<'_> {
    type Value = Option<Text>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a single value for {}", self.path)
    }

    fn visit_none<E>(self) -> Result<Option<Text>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<Text>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Text>, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<Text>, E> {
        Ok(Some(Zeroizing::new(text.to_owned())))
    }
}

/// Reads a mapping with free keys and single values.
struct Free<'a> {
    path: &'a str,
}

impl<'de> DeserializeSeed<'de> for Free<'_> {
    type Value = BTreeMap<String, Text>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Free<'_> {
    type Value = BTreeMap<String, Text>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keys and values below {}", self.path)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            let path = join(self.path, &key);
            let text = map.next_value_seed(Scalar { path: &path })?.unwrap_or_default();
            if all.insert(key, text).is_some() {
                return Err(A::Error::custom(format_args!("key {path} is given twice")));
            }
        }
        Ok(all)
    }
}
