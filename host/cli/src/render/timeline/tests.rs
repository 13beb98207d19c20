use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600_000;
const START: i64 = 1_740_787_200_000;

/// `1:0-2 1!2-4`: level, then hours; `!` is new, `~` is marked for deletion.
fn group(name: &str, blocks: &str) -> Group {
    let bar = |word: &str| {
        let at = word.find([':', '!', '~']).unwrap();
        let fate = match &word[at..=at] {
            ":" => Fate::Stays,
            "!" => Fate::New,
            _ => Fate::Marked,
        };
        let (min, max) = word[at + 1..].split_once('-').unwrap();
        let hours = |text: &str| START + text.parse::<i64>().unwrap() * HOUR;
        Bar::new(word[..at].parse().unwrap(), TimeRange::new(hours(min), hours(max)), fate)
    };
    Group { name: name.to_owned(), blocks: blocks.split_whitespace().map(bar).collect() }
}

fn check(look: Look, pictures: &[(&str, &str)], expected: Expect) {
    let picture = |(title, blocks): &(&str, &str)| Picture {
        title: (*title).to_owned(),
        groups: vec![group("{cluster=\"eu1\"}, raw", blocks)],
    };
    let pictures: Vec<Picture> = pictures.iter().map(picture).collect();
    expected.assert_eq(&draw(&pictures, &look));
}

const LOOK: Look = Look { columns: 80, folds: false, unicode: true, color: false };

#[test]
fn before_and_after_share_one_axis() {
    let before = ("before", "1:0-2 1:2-4 1:4-6 1:6-8 1:8-10");
    let after = ("after", "2!0-8 1~0-2 1~2-4 1~4-6 1~6-8 1:8-10");
    check(
        LOOK,
        &[before, after],
        expect![[r#"
        before
          {cluster="eu1"}, raw
          level 1  ├─── 2h ────┤├──── 2h ────┤├──── 2h ────┤├──── 2h ────┤├──── 2h ────┤
                   ┬──────────────────────────┬───────────────────────────┬─────────────
                   2025-03-01 00:00           2025-03-01 04:00          2025-03-01 08:00

        after
          {cluster="eu1"}, raw
          level 2  ┣━━━━━━━━━━━━━━━━━━━━━━━━ 8h ━━━━━━━━━━━━━━━━━━━━━━━━━┫
          level 1  ├┄┄┄ 2h ┄┄┄┄┤├┄┄┄┄ 2h ┄┄┄┄┤├┄┄┄┄ 2h ┄┄┄┄┤├┄┄┄┄ 2h ┄┄┄┄┤├──── 2h ────┤
                   ┬──────────────────────────┬───────────────────────────┬─────────────
                   2025-03-01 00:00           2025-03-01 04:00          2025-03-01 08:00

        ┣━━┫ new
        ├┄┄┤ marked for deletion
    "#]],
    );
}

#[test]
fn without_box_drawing_characters_there_is_ascii() {
    let look = Look { unicode: false, ..LOOK };
    check(
        look,
        &[("after", "2!0-8 1~0-2 1:8-10")],
        expect![[r#"
        after
          {cluster="eu1"}, raw
          level 2  [======================== 8h =========================]
          level 1  [... 2h ....]                                          [---- 2h ----]
                   +--------------------------+---------------------------+-------------
                   2025-03-01 00:00           2025-03-01 04:00          2025-03-01 08:00

        [==] new
        [..] marked for deletion
    "#]],
    );
}

#[test]
fn blocks_that_overlap_stand_on_different_rows() {
    check(
        LOOK,
        &[("overlap", "1:0-4 1:2-6 1:4-8 1:0-1")],
        expect![[r#"
        overlap
          {cluster="eu1"}, raw
          level 1  ├─ 1h ─┤         ├────────────── 4h ──────────────┤
                   ├────────────── 4h ──────────────┤├────────────── 4h ───────────────┤
                   ┬─────────────────────────────────┬─────────────────────────────────┬
                   2025-03-01 00:00                  2025-03-01 04:00   2025-03-01 08:00

    "#]],
    );
}

#[test]
fn many_small_blocks_stay_visible() {
    let blocks: Vec<String> = (0..12).map(|n| format!("1:{}-{}", n * 2, n * 2 + 2)).collect();
    let blocks = format!("{} 3:48-720", blocks.join(" "));
    check(
        Look { columns: 60, ..LOOK },
        &[("month", &blocks)],
        expect![[r#"
            month
              {cluster="eu1"}, raw
              level 3     ├─────────────────── 28d ────────────────────┤
              level 1  84
                       ───────────────────┬──────────────────────┬──────
                                          2025-03-13          2025-03-27

            a digit counts short blocks (* is 10+)
        "#]],
    );
}

#[test]
fn new_blocks_are_green_and_marked_ones_dim() {
    let text = draw(
        &[Picture { title: "x".to_owned(), groups: vec![group("g", "2!0-8 1~0-2")] }],
        &Look { color: true, ..LOOK },
    );
    assert!(text.contains("\u{1b}[32m┣") && text.contains("\u{1b}[2m├┄"), "{text}");
}

#[test]
fn nothing_to_draw_is_nothing() {
    assert_eq!(draw(&[Picture { title: "empty".to_owned(), groups: Vec::new() }], &LOOK), "");
}

#[test]
fn groups_beyond_the_limit_are_counted() {
    let groups = (0..23).map(|n| group(&format!("g{n}"), "1:0-2")).collect();
    let text = draw(&[Picture { title: "many".to_owned(), groups }], &LOOK);
    assert!(text.contains("  and 3 more groups\n") && !text.contains("g20"), "{text}");
}

proptest! {
    #[test]
    fn any_blocks_can_be_drawn_within_the_width(
        blocks in proptest::collection::vec((0_i64..5, any::<i64>(), any::<i64>()), 1..20),
        columns in 40_usize..200,
    ) {
        let bar = |&(level, min, max): &(i64, i64, i64)| Bar::new(level, TimeRange::new(min.min(max), max.max(min)), Fate::New);
        let group = Group { name: "g".to_owned(), blocks: blocks.iter().map(bar).collect() };
        let look = Look { columns, ..LOOK };
        let text = draw(&[Picture { title: "any".to_owned(), groups: vec![group] }], &look);
        for line in text.lines() {
            prop_assert!(line.chars().count() <= columns, "{}", line);
        }
    }
}
