use super::*;

/// The ULID with this time and no entropy: what `ULID(n)` of the specification means.
fn ulid(n: usize) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut text = std::vec![b'0'; 26];
    text[9] = DIGITS[n % 32];
    String::from_utf8(text).unwrap()
}

#[test]
fn shards_are_those_of_the_reference() {
    let shard = |shard: &str| {
        let hash = r#"{"source_labels":["__block_id"],"target_label":"shard","action":"hashmod","modulus":3}"#;
        let keep = [r#"{"source_labels":["shard"],"action":"keep","regex":""#, shard, "\"}"].concat();
        let selector = Relabel::configure(&["{\"rules\":[", hash, ",", &keep, "]}"].concat()).unwrap();
        let sets = (1..=15).map(|n| set(&["__block_id=", &ulid(n)].concat())).collect();
        let answer = selector.select(&laws::context(), sets, &mut Silent).unwrap();
        (1..=15).zip(answer).filter_map(|(n, kept)| kept.map(|_| n)).collect::<Vec<usize>>()
    };
    assert_eq!(shard("0"), [2, 6, 11, 13]);
    assert_eq!(shard("1"), [5, 7, 10, 12, 14, 15]);
    assert_eq!(shard("2"), [1, 3, 4, 8, 9]);
}

#[test]
fn a_rule_on_a_label_that_is_not_shown_drops_the_block() {
    let rule = r#"{"source_labels":["replica"],"regex":"r1","action":"keep"}"#;
    check(&[rule], "cluster=A replica=r1", "cluster=A replica=r1");
    check(&[rule], "cluster=A replica=r2", "-");
    check(&[rule], "cluster=A", "-");
}

#[test]
fn without_rules_every_block_passes_also_one_without_labels() {
    check(&[], "", "");
    check(&[], "a=1", "a=1");
}

#[test]
fn each_block_is_told_why() {
    let config = r#"{"rules":[{"source_labels":["a"],"regex":"1","action":"drop"}]}"#;
    let selector = Relabel::configure(config).unwrap();
    let mut reasons: Vec<lithify_sdk::Reason> = Vec::new();
    let sets = Vec::from([set("__block_id=X a=1"), set("__block_id=Y a=2")]);
    selector.select(&laws::context(), sets, &mut reasons).unwrap();
    let shown: Vec<String> =
        reasons.iter().map(|reason| std::format!("{} {}: {}", reason.subject, reason.rule, reason.message)).collect();
    assert_eq!(shown, ["X drop: left alone: rule 1 drops it", "Y selected: looked at: no rule drops it"]);
}
