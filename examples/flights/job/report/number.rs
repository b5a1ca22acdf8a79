//! Numbers as people read them.

/// Groups digits by thousands: `1,001,615`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate as a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is positive and the cast saturates"
)]
pub(crate) fn rounded(rate: f64) -> u64 {
    rate.round() as u64
}

/// A share in per cent with one decimal; nothing of nothing is a dash.
#[expect(clippy::cast_precision_loss, reason = "counts of events are far below 2^53")]
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1} %", part as f64 / whole as f64 * 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_001_615, "1,001,615")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn rates_are_rounded_and_absurd_ones_saturate() {
        assert_eq!([1.4, 1.5, -1.0, f64::NAN, f64::INFINITY].map(rounded), [1, 2, 0, 0, u64::MAX]);
    }

    #[test]
    fn a_share_of_nothing_is_a_dash() {
        assert_eq!((share(1, 8).as_str(), share(0, 0).as_str()), ("12.5 %", "-"));
    }
}
