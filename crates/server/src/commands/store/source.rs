//! Finding the store and the configuration that it was written with.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferrocket_store::StoreConfig;
use ferrocket_store::disk::os::OsDisk;
use ferrocket_store::inspect::{StoreView, TimerView};

use super::EXIT_UNREADABLE;
use crate::cli::store::Place;
use crate::config::bind;
use crate::config::catalog::Class;
use crate::config::settings::Settings;
use crate::config::sources::{self, Given};
use crate::failure::Failure;
use crate::memory;

/// A store that was found.
pub(crate) struct Source {
    pub(crate) view: StoreView,
    pub(crate) settings: Settings,
    /// The file that the settings are from.
    pub(crate) conf: Option<PathBuf>,
}

/// Names of which a store has one at least.
const PARTS: [&str; 5] = ["commitlog", "consumequeue", "config", "checkpoint", "lock"];

pub(crate) fn open(place: &Place) -> Result<Source, Failure> {
    let dir = &place.dir;
    if !dir.is_dir() {
        return Err(unreadable(format!("{} is no directory", dir.display())));
    }
    let conf = place.config.clone().or_else(|| beside(dir));
    let mut given = Given {
        file: conf.as_deref(),
        ..Given::default()
    };
    let root = Some(dir.display().to_string());
    given.flag("storePathRootDir", root, "DIR");
    let settings = sources::broker(&given).map_err(|failure| Failure {
        code: EXIT_UNREADABLE,
        ..failure
    })?;
    let config = bind::store(&settings, memory::available());
    check(dir, &config)?;
    let view = StoreView::new(Arc::new(OsDisk), config);
    Ok(Source {
        view,
        settings,
        conf,
    })
}

fn check(dir: &Path, config: &StoreConfig) -> Result<(), Failure> {
    let is_store = PARTS.iter().any(|part| dir.join(part).exists())
        || config.commit_log_paths().iter().any(|path| path.exists());
    if is_store {
        return Ok(());
    }
    let inside = dir.join("store");
    let hint = if PARTS.iter().any(|part| inside.join(part).exists()) {
        format!("did you mean {}?", inside.display())
    } else {
        "give the storePathRootDir of a broker".to_owned()
    };
    Err(unreadable(format!(
        "{} is no store (it has no commitlog, consumequeue or config): {hint}",
        dir.display()
    )))
}

/// The configuration in the directory or beside it.
fn beside(dir: &Path) -> Option<PathBuf> {
    let whole = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let places = [Some(whole.as_path()), whole.parent()];
    let mut files = places
        .into_iter()
        .flatten()
        .map(|at| at.join("broker.conf"));
    files.find(|file| file.is_file())
}

impl Source {
    /// The timer store, if there is one.
    pub(crate) fn timer(&self) -> io::Result<Option<TimerView>> {
        let precision_ms = self.settings.number(Class::Store, "timerPrecisionMs");
        self.view.timer(precision_ms)
    }
}

pub(crate) fn unreadable(text: impl std::fmt::Display) -> Failure {
    Failure::new(EXIT_UNREADABLE, text)
}
