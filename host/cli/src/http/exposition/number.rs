//! Numbers as Go prints them, so that label values such as `le` are the same text as in the reference.
//!
//! Source: Go strconv, format `g` with the fewest digits.

/// From this decimal exponent on, and below -4, an exponent is written.
const EXPONENT_FROM: i32 = 6;

/// The shortest text that stands for `value`.
pub(super) fn go(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..EXPONENT_FROM).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
    format!("{value}")
}

/// The same for OpenMetrics, where a number is always seen to be a floating-point one.
pub(super) fn open(value: f64) -> String {
    let text = go(value);
    if text.contains(['.', 'e', 'N', 'I']) { text } else { format!("{text}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        for (value, text) in [
            (0.0, "0"),
            (-1.0, "-1"),
            (0.001, "0.001"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (172_800.0, "172800"),
            (1_576_800_000.0, "1.5768e+09"),
            (1_073_741_824.0, "1.073741824e+09"),
            (32_768.0, "32768"),
            (1e6, "1e+06"),
            (123_456.789, "123456.789"),
            (1_234_567.5, "1.2345675e+06"),
            (9.4e-7, "9.4e-07"),
            (0.014_029_700_999_999_999, "0.014029700999999999"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(go(value), text);
        }
        assert_eq!([open(1.0), open(0.5), open(1e9), open(f64::INFINITY)], ["1.0", "0.5", "1e+09", "+Inf"]);
    }
}
