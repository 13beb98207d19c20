use super::*;

fn choice(text: &str) -> Result<RetentionChoice, String> {
    let config: RetentionConfig = serde_json::from_str(text).map_err(|error| error.to_string())?;
    config.choice(1).map_err(|error| error.to_string())
}

#[test]
fn everything_that_can_be_said_of_a_rule_is_used() {
    let chosen = choice(
        r#"{
            "name": "acme", "plugin": "./acme.wasm", "config": {"a": 1}, "mode": "shadow", "veto": true,
            "on-error": "halt", "limits": {"fuel": 5},
            "rails": {
                "max-blocks": 50, "max-bytes": "2GiB", "max-share": "5%", "max-label-set-share": "0.5%",
                "max-blocks-per-week": 100, "max-bytes-per-week": "4GiB", "max-share-per-week": "10%",
                "tenant-label": "tenant",
                "min-age": "30d", "min-raw-age": "90d", "delete-delay-floor": "48h", "require-coverage": true,
                "legal-hold": [{"tenant": "court"}]
            }
        }"#,
    )
    .unwrap();
    assert_eq!((chosen.name.as_str(), chosen.mode, chosen.veto), ("acme", Mode::Shadow, true));
    assert_eq!((chosen.settings.on_error, chosen.settings.limits.fuel), (OnError::Halt, 5));
    let day = 86_400_000;
    let rails = Rails {
        blocks_max: Some(50),
        bytes_max: Some(2 << 30),
        share_max: Some(Share(500)),
        set_share_max: Some(Share(50)),
        week_blocks_max: Some(100),
        week_bytes_max: Some(4 << 30),
        week_share_max: Some(Share(1000)),
        tenant_label: Some("tenant".to_owned()),
        age_min_ms: Some(30 * day),
        raw_age_min_ms: Some(90 * day),
        delete_delay_floor_ms: Some(2 * day),
        coverage_required: true,
        legal_hold: vec![[("tenant", "court")].into_iter().collect()],
    };
    assert_eq!(chosen.rails, rails);
}

#[test]
fn a_plugin_from_outside_is_bounded_and_a_built_in_is_not() {
    let foreign = choice(r#"{"plugin": "a.wasm", "mode": "shadow"}"#).unwrap();
    assert_eq!((foreign.rails, foreign.settings.on_error), (Rails::foreign(), OnError::Skip));
    let builtin = choice(r#"{"plugin": "builtin:by-resolution", "rails": {"max-blocks": 7}}"#).unwrap();
    assert_eq!(builtin.rails, Rails { blocks_max: Some(7), ..Rails::default() });
    assert_eq!(builtin.name, "builtin:by-resolution");
}

#[test]
fn what_is_wrong_is_named_with_its_entry() {
    let check = |text: &str, message: &str| {
        let error = choice(text).unwrap_err();
        assert!(error.contains(message), "{text}: {error}");
    };
    check(r#"{"plugin": "a.wasm"}"#, "retention[1].sha256: is required before a plugin may let blocks go");
    check(r#"{"plugin": ""}"#, "retention[1].plugin: is empty");
    check(r#"{"plugin": "builtin:a", "on-error": "builtin"}"#, "retention[1].on-error: `builtin` is for planners");
    check(r#"{"plugin": "builtin:a", "name": ""}"#, "retention[1].name: must have");
    check(r#"{"plugin": "builtin:a", "mode": "ghost"}"#, "unknown variant `ghost`");
    check(r#"{"plugin": "builtin:a", "rails": {"max": 1}}"#, "unknown field `max`");
    for share in ["5", "101%", "0.125%", "-1%", "%", "1.%"] {
        let text = format!(r#"{{"plugin": "builtin:a", "rails": {{"max-share": "{share}"}}}}"#);
        check(&text, "retention[1].rails.max-share:");
    }
    check(r#"{"plugin": "builtin:a", "rails": {"min-age": "30"}}"#, "retention[1].rails.min-age:");
    check(r#"{"plugin": "builtin:a", "rails": {"max-bytes": "1TB"}}"#, "retention[1].rails.max-bytes:");
}
