//! Dates out of milliseconds, without a time zone: the cores do not know where they run.

use std::fmt;

const DAY_MS: i64 = 86_400_000;

/// A time of the proleptic Gregorian calendar; displayed as `yyyy-MM-dd HH:mm:ss,SSS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub ms: i64,
}

impl DateTime {
    /// From milliseconds since 1970-01-01 00:00 (the date: Hinnant's `civil_from_days`).
    #[must_use]
    pub fn from_ms(since_1970_ms: i64) -> Self {
        let of_day_ms = since_1970_ms.rem_euclid(DAY_MS);
        let shifted = since_1970_ms.div_euclid(DAY_MS) + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            hour: of_day_ms / 3_600_000,
            minute: of_day_ms / 60_000 % 60,
            second: of_day_ms / 1_000 % 60,
            ms: of_day_ms % 1_000,
        }
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02} ", self.year, self.month, self.day)?;
        write!(f, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
        write!(f, ",{:03}", self.ms)
    }
}

/// When the month of `ms` began.
#[must_use]
pub fn month_start_ms(ms: i64) -> i64 {
    (ms.div_euclid(DAY_MS) - DateTime::from_ms(ms).day + 1) * DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        let text = |ms| DateTime::from_ms(ms).to_string();
        assert_eq!(text(0), "1970-01-01 00:00:00,000");
        assert_eq!(text(-1), "1969-12-31 23:59:59,999");
        assert_eq!(text(951_782_399_999), "2000-02-28 23:59:59,999");
        assert_eq!(text(951_782_400_000), "2000-02-29 00:00:00,000");
        assert_eq!(text(1_700_000_000_123), "2023-11-14 22:13:20,123");
        assert_eq!(month_start_ms(1_700_000_000_123), 1_698_796_800_000);
    }
}
