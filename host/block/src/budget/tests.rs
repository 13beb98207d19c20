use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;

const DAY: i64 = 24 * 3_600_000;

fn id(number: u128) -> BlockId {
    BlockId::from_parts(Timestamp(0), number)
}

fn payer(rule: &str, tenant: Option<&str>) -> Payer {
    Payer { rule: rule.into(), tenant: tenant.map(Into::into) }
}

fn reservation(at: i64, who: &Payer, blocks: &[(u128, u64)]) -> Reservation {
    let blocks = blocks.iter().map(|(number, bytes)| (id(*number), *bytes)).collect();
    Reservation { at: Timestamp(at), run: "r".into(), spendings: vec![Spending { payer: who.clone(), blocks }] }
}

#[test]
fn a_reservation_survives_printing_and_reading() {
    let mut both = reservation(5, &payer("acme \"x\"", None), &[(1, 7), (2, 0)]);
    both.spendings.extend(reservation(5, &payer("acme", Some("ä")), &[]).spendings);
    assert_eq!(Reservation::from_json(both.to_json().as_bytes()), Ok(both));
}

#[test]
fn what_cannot_be_counted_is_an_error() {
    let good = reservation(5, &payer("a", Some("t")), &[(1, 7)]).to_json();
    assert!(Reservation::from_json(good.as_bytes()).is_ok());
    for (part, other) in [
        ("\"at_ms\":5", "\"at\":5"),
        ("\"run\":\"r\"", "\"run\":1"),
        ("\"rule\":\"a\"", "\"rule\":null"),
        ("\"tenant\":\"t\"", "\"tenant\":5"),
        (":7}", ":-7}"),
        (":7}", ":\"7\"}"),
        ("\"blocks\":{\"0", "\"blocks\":{\"x"),
        ("\"blocks\"", "\"block\""),
        ("\"spent\"", "\"paid\""),
    ] {
        assert!(good.contains(part), "{part} in {good}");
        let text = good.replacen(part, other, 1);
        assert!(matches!(Reservation::from_json(text.as_bytes()), Err(BudgetError::Json(_))), "{text}");
    }
    let newer = good.replace("\"version\":1", "\"version\":2");
    assert_eq!(Reservation::from_json(newer.as_bytes()), Err(BudgetError::Version(2)));
    for text in ["", "[]", "{}", "{\"version\":1"] {
        assert!(Reservation::from_json(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn what_was_let_go_counts_for_seven_days_once_and_for_its_payer() {
    let (acme, of_a) = (payer("acme", None), payer("acme", Some("a")));
    let mut budget = Budget::default();
    budget.add(&reservation(DAY, &acme, &[(1, 10), (2, 20)]));
    budget.add(&reservation(2 * DAY, &acme, &[(2, 20)]));
    let spent = |day: i64, except: &[u128]| {
        let amount = budget.spent(&acme, Timestamp(day * DAY), &except.iter().map(|n| id(*n)).collect());
        (amount.blocks, amount.bytes)
    };
    assert_eq!(spent(3, &[]), (2, 30));
    assert_eq!(spent(3, &[2]), (1, 10));
    assert_eq!(spent(0, &[]), (2, 30), "a clock that went back gives nothing back");
    assert_eq!(spent(8, &[]), (1, 20));
    assert_eq!(spent(9, &[]), (0, 0));
    assert_eq!(budget.spent(&of_a, Timestamp(3 * DAY), &BTreeSet::new()), Amount::default());
    assert_eq!(budget.payers(Timestamp(8 * DAY)).collect::<Vec<_>>(), [(&acme, Amount { blocks: 1, bytes: 20 })]);
}

proptest! {
    /// The order in which reservations are read does not matter, and the sum is that of the slow obvious way.
    #[test]
    fn the_sum_over_the_window_is_that_of_the_latest_entries(
        entries in proptest::collection::vec((0_i64..20 * DAY, 0_u128..6, 0_u64..100), 0..40),
        now in 0_i64..25 * DAY,
    ) {
        let who = payer("acme", None);
        let (mut forth, mut back) = (Budget::default(), Budget::default());
        let all: Vec<Reservation> =
            entries.iter().map(|(at, number, bytes)| reservation(*at, &who, &[(*number, *bytes)])).collect();
        all.iter().for_each(|one| forth.add(one));
        all.iter().rev().for_each(|one| back.add(one));
        prop_assert_eq!(&forth, &back);
        let latest = |number: u128| entries.iter().filter(|e| e.1 == number).map(|e| (e.0, e.2)).max();
        let counted: Vec<u64> =
            (0..6).filter_map(latest).filter(|(at, _)| now - at < WINDOW_MS).map(|(_, bytes)| bytes).collect();
        let expected = Amount { blocks: counted.len() as u64, bytes: counted.iter().sum() };
        prop_assert_eq!(forth.spent(&who, Timestamp(now), &BTreeSet::new()), expected);
    }
}
