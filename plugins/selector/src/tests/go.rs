//! Patterns as Go 1.26 reads them. Each line of `go-1.26.jsonl` was written by Go: a pattern `p`, its error `err`, and texts
//! `t` with positions `c` of the groups, a replacement `r`, its expansion `e` and what replacing all matches gives, `a`.

use super::*;
use crate::re2::Regex;
use lithify_sdk::json::{Object, Value};

fn object(value: Value) -> Object {
    Object::from_value(value, "line").unwrap()
}

/// What is not negative; Go writes -1 where a group did not take part.
fn positions(list: Vec<Value>) -> Vec<Option<usize>> {
    let position = |value| if let Value::Number(text) = value { text.parse().ok() } else { None };
    list.into_iter().map(position).collect()
}

#[test]
fn patterns_mean_what_they_mean_to_go() {
    let mut lines = 0;
    for line in include_str!("go-1.26.jsonl").lines() {
        let mut line = Object::parse(line).unwrap();
        let (pattern, error) = (line.take_text("p").unwrap().unwrap(), line.take_text("err").unwrap().unwrap());
        match Regex::new(&pattern) {
            Err(refused) => assert_eq!(refused.to_text(), error, "{pattern:?}"),
            Ok(regex) => {
                assert_eq!(error, "", "{pattern:?} was taken");
                for test in line.take_list("ts").unwrap().unwrap_or_default() {
                    compare(&regex, object(test));
                }
            }
        }
        lines += 1;
    }
    assert!(lines > 700, "{lines}");
}

fn compare(regex: &Regex, mut test: Object) {
    let expected = test.take_list("c").unwrap().map(positions);
    let mut text = |key: &str| test.take_text(key).unwrap().unwrap_or_default();
    let (subject, replacement, expanded, replaced) = (text("t"), text("r"), text("e"), text("a"));
    let context = std::format!("{:?} on {subject:?}", regex.pattern());
    assert_eq!(regex.is_match(&subject), expected.is_some(), "{context}");
    let captures = regex.captures(&subject);
    assert_eq!(captures, expected, "{context}");
    if let Some(captures) = captures {
        assert_eq!(regex.expand(&replacement, &subject, &captures), expanded, "{context}, {replacement:?}");
        assert_eq!(regex.replace_all(&subject, &replacement), replaced, "{context}, {replacement:?}");
    }
}
