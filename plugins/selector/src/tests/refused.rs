use super::*;

#[track_caller]
fn check(rule: &str, message: &str) {
    let config = ["{\"rules\":[", rule, "]}"].concat();
    assert_eq!(Relabel::configure(&config).unwrap_err().message, message, "{rule}");
}

#[test]
fn rules_that_cannot_work_are_refused_in_the_words_of_the_reference() {
    check(r#"{"action":"bake"}"#, "rule 1: unknown relabel action `bake`");
    check(
        r#"{"source_labels":["a"]}"#,
        "rule 1: relabel configuration for replace action requires 'target_label' value",
    );
    check(r#"{"target_label":"a","source":"a"}"#, "rule 1: unknown key `source`");
    check(
        r#"{"action":"hashmod","target_label":"a"}"#,
        "rule 1: relabel configuration for hashmod requires non-zero modulus",
    );
    check(
        r#"{"action":"hashmod","modulus":3}"#,
        "rule 1: relabel configuration for hashmod action requires 'target_label' value",
    );
    check(
        r#"{"action":"lowercase","target_label":"a","replacement":"x"}"#,
        "rule 1: 'replacement' can not be set for lowercase action",
    );
    check(
        r#"{"action":"keepequal","target_label":"a","regex":"x"}"#,
        "rule 1: keepequal action requires only 'source_labels' and `target_label`, and no other fields",
    );
    check(
        r#"{"action":"labeldrop","source_labels":["a"]}"#,
        "rule 1: labeldrop action requires only 'regex', and no other fields",
    );
    check(r#"{"action":"labelmap","replacement":""}"#, "rule 1: \"\" is invalid 'replacement' for labelmap action");
    check(r#"{"source_labels":[1],"target_label":"a"}"#, "rule 1: `source_labels` must be texts");
    check("3", "rule 1: `a rule` must be a JSON object");
}

#[test]
fn patterns_that_go_refuses_are_refused_in_its_words() {
    check(
        r#"{"action":"keep","regex":"(?=a)"}"#,
        "rule 1: pattern `(?=a)`: error parsing regexp: invalid or unsupported Perl syntax: `(?=`",
    );
    check(
        r#"{"action":"keep","regex":"a{1001}"}"#,
        "rule 1: pattern `a{1001}`: error parsing regexp: invalid repeat count: `{1001}`",
    );
}

#[test]
fn patterns_that_are_too_deep_or_too_large_are_refused_with_the_limit() {
    let deep = ["(".repeat(300), ")".repeat(300)].concat();
    let error = crate::re2::Regex::new(&deep).unwrap_err().to_text();
    assert_eq!(error, "groups nest deeper than 250 levels, which is not supported");
    let large = "[a-z]{1000}".repeat(51);
    let error = crate::re2::Regex::new(&large).unwrap_err().to_text();
    assert!(error.starts_with("it is larger than 50000 instructions"), "{error}");
}
