//! Dates out of milliseconds, in UTC: the core does not know where it runs.

const DAY_MS: i64 = 86_400_000;

struct Date {
    year: i64,
    month: i64,
    day: i64,
}

/// The proleptic Gregorian date of a day counted from 1970-01-01 (Hinnant's `civil_from_days`).
fn date(days: i64) -> Date {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Date { year, month, day }
}

/// When the month of `ms` began.
pub(crate) fn month_start_ms(ms: i64) -> i64 {
    let days = ms.div_euclid(DAY_MS);
    (days - date(days).day + 1) * DAY_MS
}

/// `yyyy-MM-dd HH:mm:ss,SSS`.
pub(crate) fn text(ms: i64) -> String {
    let Date { year, month, day } = date(ms.div_euclid(DAY_MS));
    let in_day = ms.rem_euclid(DAY_MS);
    let (hours, minutes) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (seconds, millis) = (in_day / 1_000 % 60, in_day % 1_000);
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02},{millis:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        assert_eq!(text(0), "1970-01-01 00:00:00,000");
        assert_eq!(text(951_782_399_999), "2000-02-28 23:59:59,999");
        assert_eq!(text(951_782_400_000), "2000-02-29 00:00:00,000");
        assert_eq!(text(1_700_000_000_123), "2023-11-14 22:13:20,123");
        assert_eq!(month_start_ms(1_700_000_000_123), 1_698_796_800_000);
    }
}
