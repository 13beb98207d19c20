//! Any pattern, text and template, parted by zero bytes: the pattern is refused with a reason, or matching, capturing and
//! replacing end, agree with each other, and groups lie inside the match at bounds of characters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_selector::re2::Regex;

fuzz_target!(|bytes: &[u8]| {
    let Ok(all) = std::str::from_utf8(bytes) else { return };
    let mut parts = all.splitn(3, '\0');
    let mut next = || parts.next().unwrap_or_default();
    let (pattern, text, template) = (next(), next(), next());
    let regex = match Regex::new(pattern) {
        Ok(regex) => regex,
        Err(error) => return assert!(!error.to_text().is_empty()),
    };
    assert_eq!(regex.pattern(), pattern);
    let captures = regex.captures(text);
    assert_eq!(captures.is_some(), regex.is_match(text));
    let replaced = regex.replace_all(text, template);
    let Some(captures) = captures else { return assert_eq!(replaced, text, "nothing to replace") };
    let (groups, rest) = captures.as_chunks::<2>();
    assert!(rest.is_empty() && !groups.is_empty());
    let [Some(start), Some(end)] = groups[0] else { panic!("a match has bounds") };
    assert!(text.get(start..end).is_some(), "{start} to {end} of {text:?}");
    for group in groups {
        match *group {
            [None, None] => {}
            [Some(from), Some(to)] => assert!(start <= from && to <= end && text.get(from..to).is_some()),
            half => panic!("half a group: {half:?}"),
        }
    }
    let _ = regex.expand(template, text, &captures);
});
