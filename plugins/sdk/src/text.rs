//! Numbers as text without the formatting machinery, which is larger than most policies.

use alloc::string::String;

/// The decimal digits of `number`.
#[must_use]
pub fn decimal(number: u64) -> String {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        let value = (rest % 10) as u8;
        *digit = b'0' + value;
        start -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    digits.iter().skip(start).map(|digit| char::from(*digit)).collect()
}

/// The decimal digits of `number`, with its sign if it is negative.
#[must_use]
pub fn signed_decimal(number: i64) -> String {
    let digits = decimal(number.unsigned_abs());
    if number < 0 { ["-", &digits].concat() } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn numbers_read_as_the_standard_library_writes_them() {
        for number in [0, 9, 10, 12345, u64::MAX] {
            assert_eq!(decimal(number), number.to_string());
        }
        for number in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(signed_decimal(number), number.to_string());
        }
    }
}
