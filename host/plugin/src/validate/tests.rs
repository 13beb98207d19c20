use lithify_block::{BlockId, Meta, Timestamp};

use super::*;

fn block(n: u128, resolution: i64, label: (&str, &str)) -> BlockFacts {
    let id = BlockId::from_parts(Timestamp(0), n);
    let mut meta = Meta::from_json(b"{\"version\":1}").unwrap();
    meta.thanos.resolution = resolution;
    meta.thanos.labels = [label].into_iter().collect();
    BlockFacts {
        id,
        meta,
        index_size_bytes: None,
        size_bytes: None,
        uploaded_at: None,
        no_compact: None,
        no_downsample: None,
        deletion_marked_at: None,
    }
}

fn assignment(block: u32, key: &str, labels: &[(&str, &str)]) -> wire::Assignment {
    wire::Assignment { block, key: key.to_owned(), labels: wire_labels(labels) }
}

fn wire_labels(labels: &[(&str, &str)]) -> Vec<wire::Label> {
    labels.iter().map(|(name, value)| wire::Label { name: (*name).to_owned(), value: (*value).to_owned() }).collect()
}

#[track_caller]
fn refused(answer: Vec<wire::Assignment>, message: &str) {
    let blocks = [block(1, 0, ("a", "1")), block(2, 0, ("a", "1")), block(3, 300_000, ("a", "1"))];
    assert_eq!(grouping(answer, &blocks).unwrap_err(), message);
}

#[test]
fn blocks_may_be_left_out_and_grouped_by_labels_of_ones_own() {
    let blocks = [block(1, 0, ("a", "1")), block(2, 0, ("a", "2"))];
    let answer = vec![assignment(1, "team", &[("team", "x")])];
    let groups = grouping(answer, &blocks).unwrap();
    assert_eq!((groups.len(), groups[0].block, groups[0].key.as_str()), (1, 1, "team"));
}

#[test]
fn one_key_has_one_set_of_labels_and_one_resolution() {
    let same = [("a", "1")];
    refused(
        vec![assignment(0, "k", &same), assignment(1, "k", &[("a", "2")])],
        r#"assignment 1: group "k" is given labels {a="1"} and {a="2"}"#,
    );
    refused(
        vec![assignment(0, "k", &same), assignment(2, "k", &same)],
        r#"assignment 1: group "k" has blocks of the resolutions 0 and 300000 ms"#,
    );
    refused(
        vec![assignment(0, "k", &same), assignment(0, "l", &same)],
        "assignment 1: block 00000000000000000000000001 at position 0 is named twice",
    );
}

#[test]
fn a_key_must_be_able_to_name_a_directory() {
    for key in ["a/b", "..", "a\\b", "a\0"] {
        refused(
            vec![assignment(0, key, &[])],
            &format!(
                "assignment 0: group key {key:?} cannot name a directory: no `/`, `\\`, control characters, `.` or `..`"
            ),
        );
    }
    refused(vec![assignment(0, "", &[])], "assignment 0: a group key has 0 bytes; it must have 1 to 128");
    refused(
        vec![assignment(0, &"k".repeat(129), &[])],
        "assignment 0: a group key has 129 bytes; it must have 1 to 128",
    );
}

#[test]
fn labels_are_sorted_unique_plain_and_not_the_hosts() {
    let unsorted = "is not in order: labels are sorted by name, names unique";
    let check = |labels: &[(&str, &str)], message: &str| {
        refused(vec![assignment(0, "k", labels)], &format!("assignment 0: {message}"));
    };
    check(&[("b", "1"), ("a", "1")], &format!("label \"a\" {unsorted}"));
    check(&[("b", "1"), ("b", "2")], &format!("label \"b\" {unsorted}"));
    check(&[("__x", "1")], "label name \"__x\" is reserved: names that start with `__` are the host's");
    check(&[("", "1")], "a label without a name");
    check(&[("b", "\n")], r#"a label value has control characters: "\n""#);
    check(&[("b", &"x".repeat(1025))], "a label value has 1025 bytes; at most 1024 are allowed");
    let names: Vec<String> = (0..65).map(|i| format!("l{i:02}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    check(&many, "65 labels; at most 64 are allowed");
}

#[test]
fn what_the_block_has_itself_is_fine_whatever_it_looks_like() {
    let odd = ("__odd\n", "a\nb");
    let blocks = [block(1, 0, odd)];
    assert_eq!(grouping(vec![assignment(0, "k", &[odd])], &blocks).unwrap()[0].labels, blocks[0].meta.thanos.labels);
}

#[test]
fn a_selection_has_one_answer_a_set() {
    let asked: [Labels; 2] = [[("__block_id", "X")].into_iter().collect(), [("a", "1")].into_iter().collect()];
    let set = |labels: &[(&str, &str)]| Some(wire::LabelSet { labels: wire_labels(labels) });
    assert_eq!(
        selection(vec![None], &asked).unwrap_err(),
        "1 answers to 2 label sets; there must be one each, in the same order"
    );
    let answer = selection(vec![set(&[("__block_id", "X"), ("shard", "1")]), None], &asked).unwrap();
    assert_eq!(answer[0].as_ref().and_then(|labels| labels.get("shard")), Some("1"));
    let forged = selection(vec![None, set(&[("__block_id", "X")])], &asked).unwrap_err();
    assert!(forged.starts_with("answer 1: label name \"__block_id\" is reserved"), "{forged}");
}
