//! What the store makes of its owner's clock.

/// Store times stay where they are while the clock is behind them by so much, and follow it when it is
/// further behind: then they came from a clock that was wrong, or from a damaged record, and messages
/// would be delayed for as long as that is ahead.
const AHEAD_MS_MAX: i64 = 60 * 60 * 1000;

/// The store time of the next record.
pub(crate) fn store_ms(last_ms: i64, now_ms: i64) -> i64 {
    if is_credible(last_ms, now_ms) {
        last_ms.max(now_ms)
    } else {
        now_ms
    }
}

/// Whether a record can have been stored at a time.
pub(crate) fn is_credible(store_ms: i64, now_ms: i64) -> bool {
    store_ms <= now_ms.saturating_add(AHEAD_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_steps_back_are_not_taken_and_large_ones_are() {
        assert_eq!(store_ms(0, 5), 5);
        assert_eq!(store_ms(AHEAD_MS_MAX, 0), AHEAD_MS_MAX);
        assert_eq!(store_ms(AHEAD_MS_MAX + 1, 0), 0);
        assert_eq!(store_ms(i64::MAX, i64::MAX), i64::MAX);
    }
}
