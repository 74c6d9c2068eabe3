//! Judging how full the disks of a store are (`CleanCommitLogService#isSpaceToDelete`).

use std::path::PathBuf;

use super::RetentionConfig;
use crate::disk::Space;

/// What the disks allow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Verdict {
    /// Why no messages are taken by `diskSpaceWarningLevelRatio`.
    pub(crate) ratio: Option<String>,
    /// Why none are taken by `diskReservedBytes`.
    pub(crate) reserve: Option<String>,
    /// Segments may go before their time.
    pub(crate) clean_forcibly: bool,
    /// Expired segments go whatever the hour.
    pub(crate) clean: bool,
}

/// Judges groups of disks, the fullest of which counts; of the disks of one group, over which
/// segments are spread, the emptiest does. `was_short` are the limits that held before: they hold on
/// until there is clearly more room. A group that tells nothing counts as room and calls for
/// cleaning, as in Java.
pub(crate) fn judge(
    config: &RetentionConfig,
    groups: &[&[(PathBuf, Space)]],
    was_short: (bool, bool),
) -> Verdict {
    let mut verdict = Verdict::default();
    for group in groups {
        let ratio = |space: &Space| space.used_percent().unwrap_or(0);
        let emptiest = group.iter().min_by_key(|(_, space)| ratio(space));
        let Some((path, space)) = emptiest else {
            verdict.clean = true;
            continue;
        };
        let Some(used) = space.used_percent() else {
            verdict.clean = true;
            continue;
        };
        let (warning, forcibly) = (config.warning(), config.forcibly());
        let ratio_limit = if was_short.0 {
            forcibly.min(warning)
        } else {
            warning
        };
        if used > ratio_limit {
            verdict.ratio.get_or_insert_with(|| {
                format!("diskSpaceWarningLevelRatio refuses messages above {warning} % until {} is at {forcibly} %", path.display())
            });
        }
        let reserved = config.reserved_of(space);
        let reserve_limit = if was_short.1 {
            reserved.saturating_add(reserved / 4)
        } else {
            reserved
        };
        let roomiest = group.iter().map(|(_, space)| space.free_bytes).max();
        if roomiest.is_some_and(|free| free < reserve_limit) {
            verdict.reserve.get_or_insert_with(|| {
                format!(
                    "diskReservedBytes keeps {} of {} free",
                    Space::bytes_text(reserved),
                    path.display()
                )
            });
        }
        verdict.clean_forcibly |= used > forcibly || verdict.reserve.is_some();
        verdict.clean |= used > config.max_used() || verdict.clean_forcibly;
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn disk(used_percent: u64) -> Vec<(PathBuf, Space)> {
        let total_bytes = 1000 * GIB;
        let used_bytes = total_bytes / 100 * used_percent;
        let space = Space {
            total_bytes,
            used_bytes,
            free_bytes: total_bytes - used_bytes,
        };
        vec![(PathBuf::from(format!("/{used_percent}")), space)]
    }

    fn verdict(used_percent: u64, was_short: bool) -> (bool, bool, bool) {
        let disk = disk(used_percent);
        let found = judge(&RetentionConfig::default(), &[&disk], (was_short, false));
        assert_eq!(found.reserve, None);
        (found.ratio.is_some(), found.clean_forcibly, found.clean)
    }

    #[test]
    fn levels_and_the_way_back_are_those_of_java() {
        assert_eq!(verdict(75, false), (false, false, false));
        assert_eq!(verdict(76, false), (false, false, true));
        assert_eq!(verdict(85, false), (false, false, true));
        assert_eq!(verdict(86, false), (false, true, true));
        assert_eq!(verdict(90, false), (false, true, true));
        assert_eq!(verdict(91, false), (true, true, true));
        assert_eq!(verdict(86, true), (true, true, true));
        assert_eq!(verdict(85, true), (false, false, true));
    }

    #[test]
    fn bounds_of_the_settings_are_those_of_java() {
        let config = RetentionConfig {
            warning_percent: 99,
            clean_forcibly_percent: 1,
            max_used_percent: 99,
            ..RetentionConfig::default()
        };
        assert_eq!(
            (config.warning(), config.forcibly(), config.max_used()),
            (90, 30, 95)
        );
    }

    #[test]
    fn the_emptiest_root_of_the_log_counts_and_the_fullest_group() {
        let roots = [disk(95), disk(40)].concat();
        let config = RetentionConfig::default();
        let open = judge(&config, &[&roots, &disk(10)], (false, false));
        assert_eq!(open, Verdict::default());
        let full = judge(&config, &[&roots, &disk(95)], (false, false));
        assert!(full.ratio.is_some_and(|cause| cause.contains("/95")));
        assert!(judge(&config, &[&[]], (false, false)).clean);
    }

    #[test]
    fn the_reserve_counts_in_bytes_and_ends_a_quarter_above_itself() {
        let config = RetentionConfig {
            reserved_bytes: 8 * GIB as i64,
            ..RetentionConfig::default()
        };
        let free = |free: u64, was_short| {
            let mut disk = disk(10);
            disk[0].1.free_bytes = free * GIB;
            judge(&config, &[&disk], (false, was_short))
                .reserve
                .is_some()
        };
        assert_eq!([free(8, false), free(7, false)], [false, true]);
        assert_eq!([free(9, true), free(10, true)], [true, false]);
        let small = Space {
            total_bytes: 64 << 20,
            used_bytes: 0,
            free_bytes: 64 << 20,
        };
        assert_eq!(
            RetentionConfig::default().reserved_of(&small),
            (64 << 20) / 20
        );
    }
}
