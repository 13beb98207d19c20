//! A small JSON reader for configurations: a general parser is several times the size of a policy, and a policy is
//! compiled at every cold start.
//!
//! It takes what RFC 8259 takes, up to a depth of 32. Numbers keep their text, so nothing is rounded.

use alloc::{string::String, vec::Vec};

use crate::Error;

mod read;

pub use read::parse;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Value>),
    /// Keys and values in the order of the text; keys are unique.
    Object(Vec<(String, Value)>),
}

/// The object of a configuration. Each key is taken out once, so that [`Object::finish`] can name what nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object(Vec<(String, Value)>);

impl Object {
    /// Reads a text that must be an object.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidConfig`] with the place of the mistake.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::from_value(parse(text)?, "the configuration")
    }

    /// Takes a value that must be an object; `what` names it in the message.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidConfig`] if it is something else.
    pub fn from_value(value: Value, what: &str) -> Result<Self, Error> {
        match value {
            Value::Object(entries) => Ok(Self(entries)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                Err(wants(what, "a JSON object"))
            }
        }
    }

    /// Takes the value of `key` out, if it is there and not null.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        let position = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.swap_remove(position).1).filter(|value| *value != Value::Null)
    }

    /// Takes a whole number that is not negative.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidConfig`] if the value is something else or does not fit 64 bits.
    pub fn take_u64(&mut self, key: &str) -> Result<Option<u64>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Number(text)) => {
                let digits = text.bytes().try_fold(0_u64, |sum, digit| {
                    let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
                    sum.checked_mul(10)?.checked_add(digit)
                });
                digits.map(Some).ok_or_else(|| wants(key, "a whole number from 0 to 18446744073709551615"))
            }
            Some(_) => Err(wants(key, "a whole number")),
        }
    }

    /// Takes `true` or `false`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidConfig`] if the value is something else.
    pub fn take_bool(&mut self, key: &str) -> Result<Option<bool>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(wants(key, "true or false")),
        }
    }

    /// Takes a text.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidConfig`] if the value is something else.
    pub fn take_text(&mut self, key: &str) -> Result<Option<String>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(wants(key, "a text")),
        }
    }

    /// Takes a list.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidConfig`] if the value is something else.
    pub fn take_list(&mut self, key: &str) -> Result<Option<Vec<Value>>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::List(values)) => Ok(Some(values)),
            Some(_) => Err(wants(key, "a list")),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidConfig`] if a key is left that nobody took.
    pub fn finish(self) -> Result<(), Error> {
        match self.0.first() {
            None => Ok(()),
            Some((key, _)) => Err(Error::config(["unknown key `", key, "`"].concat())),
        }
    }
}

fn wants(key: &str, what: &str) -> Error {
    Error::config(["`", key, "` must be ", what].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_read_key_by_key_and_what_is_left_is_an_error() {
        let text = r#" {"size": 64424509440, "on": true, "name": "a\u00e9\ud83d\ude00\n", "list": [1, -2.5e3], "none": null} "#;
        let mut object = Object::parse(text).unwrap();
        assert_eq!(object.take_u64("size").unwrap(), Some(64_424_509_440));
        assert_eq!(object.take_bool("on").unwrap(), Some(true));
        assert_eq!(object.take_text("name").unwrap().as_deref(), Some("aé😀\n"));
        assert_eq!(object.take_list("list").unwrap().map(|list| list.len()), Some(2));
        assert_eq!(object.take_u64("none").unwrap(), None);
        assert!(object.clone().finish().is_ok());
        let left = Object::parse(r#"{"sice": 1}"#).unwrap().finish().unwrap_err();
        assert_eq!(left.message, "unknown key `sice`");
    }

    #[test]
    fn values_of_another_kind_are_named() {
        for (text, message) in [
            (r#"{"n": "1"}"#, "`n` must be a whole number"),
            (r#"{"n": -1}"#, "`n` must be a whole number from 0 to 18446744073709551615"),
            (r#"{"n": 1.5}"#, "`n` must be a whole number from 0 to 18446744073709551615"),
            (r#"{"n": 18446744073709551616}"#, "`n` must be a whole number from 0 to 18446744073709551615"),
        ] {
            let error = Object::parse(text).unwrap().take_u64("n").unwrap_err();
            assert_eq!(error.message, message, "{text}");
        }
        assert_eq!(Object::parse("[]").unwrap_err().message, "`the configuration` must be a JSON object");
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        for (text, place) in [
            ("", "byte 0"),
            ("{", "byte 1"),
            ("{\"a\":1,}", "byte 7"),
            ("{\"a\":01}", "byte 6"),
            ("{\"a\":1} x", "byte 8"),
            ("{\"a\":\"\u{1}\"}", "byte 6"),
            ("{\"a\":\"\\ud800\"}", "byte 12"),
            ("{\"a\":\"\\x\"}", "byte 7"),
            ("[1 2]", "byte 3"),
            ("nul", "byte 0"),
            ("-", "byte 1"),
            ("1.", "byte 2"),
            ("{\"a\":1,\"a\":2}", "byte 10"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.message.contains(place), "{text}: {}", error.message);
        }
        assert!(parse(&"[".repeat(100)).is_err());
    }
}
