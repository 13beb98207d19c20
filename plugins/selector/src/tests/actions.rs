use super::*;

#[test]
fn replace_sets_the_target_to_the_expanded_replacement() {
    let rule = r#"{"source_labels":["a"],"regex":"f(.*)","target_label":"d","separator":";","replacement":"ch${1}-ch${1}","action":"replace"}"#;
    check(&[rule], "a=foo b=bar c=baz", "a=foo b=bar c=baz d=choo-choo");
}

#[test]
fn replace_joins_its_sources() {
    let joined = r#"{"source_labels":["a","b"],"regex":"f(.*);(.*)r","target_label":"a","replacement":"b${1}${2}m"}"#;
    let then = r#"{"source_labels":["c","a"],"regex":"(b).*b(.*)ba(.*)","target_label":"d","replacement":"$1$2$2$3"}"#;
    check(&[joined, then], "a=foo b=bar c=baz", "a=boobam b=bar c=baz d=boooom");
}

#[test]
fn replace_leaves_alone_what_does_not_match() {
    let rule = r#"{"source_labels":["a"],"regex":"f","target_label":"b","replacement":"bar"}"#;
    check(&[rule], "a=boo", "a=boo");
}

#[test]
fn an_empty_replacement_deletes_the_target() {
    let rule = r#"{"source_labels":["a"],"regex":"(f).*","target_label":"a","replacement":"$2"}"#;
    check(&[rule], "a=foo b=1", "b=1");
    check(&[r#"{"target_label":"a","replacement":""}"#], "a=foo b=1", "b=1");
}

#[test]
fn without_sources_replace_sets_a_constant() {
    check(&[r#"{"target_label":"a","replacement":"x"}"#], "b=1", "a=x b=1");
    check(&[r#"{"target_label":"a","replacement":"${1}x"}"#], "b=1", "a=x b=1");
    // `$1x` names a group that is not there: an empty value, which deletes.
    check(&[r#"{"target_label":"a","replacement":"$1x"}"#], "a=3 b=1", "b=1");
    check(&[r#"{"target_label":"a","regex":"","replacement":"x"}"#], "b=1", "a=x b=1");
    check(&[r#"{"target_label":"a","regex":"y","replacement":"x"}"#], "b=1", "b=1");
}

#[test]
fn the_target_may_be_made_of_groups() {
    let rule = r#"{"source_labels":["m"],"regex":"(?:.+\\||^)(?P<name>(cluster|env)):(?P<value>[^|]+).*","target_label":"${name}","replacement":"${value}"}"#;
    check(&[rule], "m=x:1|cluster:eu|z:1", "cluster=eu m=x:1|cluster:eu|z:1");
    check(&[r#"{"source_labels":["a"],"target_label":"${3}","replacement":"x"}"#], "a=1", "a=1");
}

#[test]
fn keep_and_drop_judge_the_joined_value() {
    check(&[r#"{"source_labels":["a"],"regex":".*o.*","action":"drop"}"#], "a=foo", "-");
    check(&[r#"{"source_labels":["a"],"regex":"no-match","action":"drop"}"#], "a=foo", "a=foo");
    check(&[r#"{"source_labels":["a"],"regex":"no-match","action":"keep"}"#], "a=foo", "-");
    check(&[r#"{"source_labels":["a"],"regex":"f.*","action":"keep"}"#], "a=foo", "a=foo");
    check(&[r#"{"source_labels":["a","b"],"separator":"-","regex":"1-2","action":"keep"}"#], "a=1 b=2", "a=1 b=2");
}

#[test]
fn patterns_are_anchored_and_a_dot_matches_a_new_line() {
    check(&[r#"{"source_labels":["a"],"regex":"oo","action":"drop"}"#], "a=foo", "a=foo");
    check(&[r#"{"source_labels":["a","b"],"separator":"\n","regex":"1.2","action":"drop"}"#], "a=1 b=2", "-");
    check(&[r#"{"source_labels":["a"],"regex":"f|b","action":"drop"}"#], "a=fb", "a=fb");
}

#[test]
fn rules_see_what_the_ones_before_them_left() {
    let first = r#"{"source_labels":["a"],"regex":".*(b).*","target_label":"d","replacement":"$1"}"#;
    check(&[first, r#"{"source_labels":["d"],"regex":"b","action":"drop"}"#], "a=abc", "-");
}

#[test]
fn keepequal_and_dropequal_compare_with_the_target() {
    let keep = r#"{"source_labels":["a"],"target_label":"b","action":"keepequal"}"#;
    let drop = r#"{"source_labels":["a"],"target_label":"b","action":"dropequal"}"#;
    check(&[keep], "a=1 b=1", "a=1 b=1");
    check(&[keep], "a=1 b=2", "-");
    check(&[keep], "c=1", "c=1");
    check(&[drop], "a=1 b=1", "-");
    check(&[drop], "a=1 b=2", "a=1 b=2");
}

#[test]
fn hashmod_takes_the_last_eight_bytes_of_the_md5() {
    check(&[r#"{"source_labels":["c"],"target_label":"d","action":"hashmod","modulus":1000}"#], "c=baz", "c=baz d=976");
    check(
        &[r#"{"source_labels":["c"],"target_label":"d","action":"hashmod","modulus":1000}"#],
        "c=foo␣bar",
        "c=foo␣bar d=659",
    );
}

#[test]
fn labelmap_copies_by_name_labeldrop_and_labelkeep_delete() {
    let map = r#"{"regex":"meta_(ng.*)","replacement":"${1}","action":"labelmap"}"#;
    check(&[map], "a=1 meta_ng_x=2 meta_nx=3 meta_ng_y=4", "a=1 meta_ng_x=2 meta_ng_y=4 meta_nx=3 ng_x=2 ng_y=4");
    check(
        &[r#"{"regex":"(b.*)","replacement":"bar_${1}","action":"labelmap"}"#],
        "a=1 b1=2 b2=3",
        "a=1 b1=2 b2=3 bar_b1=2 bar_b2=3",
    );
    check(&[r#"{"regex":"(b.*)","action":"labeldrop"}"#], "a=1 b1=2 b2=3", "a=1");
    check(&[r#"{"regex":"(b.*)","action":"labelkeep"}"#], "a=1 b1=2 b2=3", "b1=2 b2=3");
    check(&[r#"{"regex":".*","action":"labeldrop"}"#], "a=1", "-");
}

#[test]
fn labelmap_visits_labels_in_the_order_of_the_reference() {
    // Both become `x`: the one that is visited last wins, and what a rule set is visited after what the block has.
    let map = r#"{"regex":"[ab]","replacement":"x","action":"labelmap"}"#;
    check(&[map], "a=1 b=2", "a=1 b=2 x=2");
    check(&[r#"{"target_label":"a","replacement":"3"}"#, map], "a=1 b=2", "a=3 b=2 x=3");
}

#[test]
fn lowercase_and_uppercase_map_one_character_to_one() {
    let lower = r#"{"source_labels":["a"],"target_label":"a","action":"lowercase"}"#;
    let upper = r#"{"source_labels":["a"],"target_label":"a","action":"uppercase"}"#;
    check(&[lower], "a=FooBARΣİ", "a=foobarσi");
    check(&[upper], "a=fooßᾳı", "a=FOOßᾼI");
    check(&[lower], "b=1", "b=1");
}
