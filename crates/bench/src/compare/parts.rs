//! The parts of a comparison: each starts the servers that it needs, measures and ends them.

use super::rows::{Row, Selection};
use super::{flush, growth, idle, many_topics, overload, rounds, soak};
use crate::compare::Scale;
use crate::store::{Findings, cold_read, recovery};

/// What is measured with one start of a server, or a few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All works in time with ASYNC_FLUSH.
    Works,
    /// SYNC_FLUSH.
    Flush,
    IdleConnections,
    ManyTopics,
    Growth,
    ColdRead,
    Recovery,
    /// Only when asked for: it takes as long as it is told.
    Soak,
    /// Only when asked for by name.
    Overload,
}

impl Part {
    pub(super) const ALL: [Self; 9] = [
        Self::Works,
        Self::Flush,
        Self::IdleConnections,
        Self::ManyTopics,
        Self::Growth,
        Self::ColdRead,
        Self::Recovery,
        Self::Soak,
        Self::Overload,
    ];

    /// What needs it, but for the works, which know themselves.
    const fn rows(self) -> &'static [Row] {
        match self {
            Self::Works | Self::Overload => &[],
            Self::Flush => &[Row::P5],
            Self::IdleConnections | Self::ManyTopics | Self::Soak => &[Row::P10],
            Self::Growth => &[Row::P12],
            Self::ColdRead => &[Row::P8],
            Self::Recovery => &[Row::P11],
        }
    }

    /// Measured in every round; the others are long and are measured once.
    pub(super) const fn is_repeated(self) -> bool {
        matches!(self, Self::Works | Self::Flush)
    }

    pub(super) fn is_wanted(self, selection: &Selection, scale: &Scale) -> bool {
        match self {
            Self::Works => rounds::is_wanted(selection, scale),
            Self::Soak => !scale.soak.is_zero() && selection.wants(self.rows()),
            Self::Overload => selection.has(overload::WORK),
            _ => selection.wants(self.rows()),
        }
    }

    pub(super) fn measure(
        self,
        selection: &Selection,
        scale: &Scale,
        findings: &mut Findings<'_>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Works => rounds::measure(selection, scale, findings),
            Self::Flush => flush::measure(scale, findings),
            Self::IdleConnections => idle::measure(scale, findings),
            Self::ManyTopics => many_topics::measure(scale, findings),
            Self::Growth => growth::measure(scale, findings),
            Self::ColdRead => cold_read::measure(findings),
            Self::Recovery => recovery::measure(findings),
            Self::Soak => soak::measure(scale, findings),
            Self::Overload => overload::measure(scale, findings),
        }
    }
}
