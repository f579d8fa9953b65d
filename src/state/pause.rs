//! Pauses are kept with their times, so that a turn opened within one stays unsent whenever a hook first sees it.

use std::path::{Path, PathBuf};

use base::Timestamp;
use serde::{Deserialize, Serialize};

/// All pauses, past and present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pauses {
    /// In the order they began.
    #[serde(default)]
    pauses: Vec<Pause>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pause {
    /// The paused directory with its subdirectories; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<PathBuf>,
    from: Timestamp,
    /// `None` while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

/// A time range: turns opened within it are not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PausedTime {
    pub from: Timestamp,
    /// `None` while it lasts.
    pub until: Option<Timestamp>,
}

impl PausedTime {
    /// Whether a turn that opened at `at` is not to be sent.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

impl Pauses {
    /// Begins a pause; `false` if it lasts already.
    pub fn begin(&mut self, project: Option<PathBuf>, now: Timestamp) -> bool {
        let lasts = |pause: &Pause| pause.until.is_none() && pause.project == project;
        if self.pauses.iter().any(lasts) {
            return false;
        }
        self.pauses.push(Pause { project, from: now, until: None });
        true
    }

    /// Ends the pauses of a directory, or all of them; returns their number.
    pub fn end(&mut self, project: Option<&Path>, now: Timestamp) -> usize {
        let meant = |pause: &&mut Pause| {
            pause.until.is_none() && (project.is_none() || pause.project.as_deref() == project)
        };
        let ended: Vec<&mut Pause> = self.pauses.iter_mut().filter(meant).collect();
        let count = ended.len();
        for pause in ended {
            pause.until = Some(now);
        }
        count
    }

    /// The pauses of sessions started in a directory.
    pub fn times(&self, start: Option<&Path>) -> Vec<PausedTime> {
        let counts = |pause: &&Pause| match (&pause.project, start) {
            (None, _) => true,
            (Some(project), Some(start)) => start.starts_with(project),
            (Some(_), None) => false,
        };
        let times = self.pauses.iter().filter(counts);
        times.map(|pause| PausedTime { from: pause.from, until: pause.until }).collect()
    }

    /// The directories whose pause lasts; `None` stands for everything.
    pub fn lasting(&self) -> impl Iterator<Item = Option<&Path>> {
        let lasting = self.pauses.iter().filter(|pause| pause.until.is_none());
        lasting.map(|pause| pause.project.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use base::Timestamp;

    use super::Pauses;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn paused(pauses: &Pauses, start: &str, millis: u64) -> bool {
        let times = pauses.times(Some(Path::new(start)));
        times.iter().any(|time| time.covers(at(millis)))
    }

    #[test]
    fn a_pause_covers_its_time_also_after_it_ended() {
        let mut pauses = Pauses::default();
        assert!(pauses.begin(None, at(10)));
        assert!(!pauses.begin(None, at(11)), "it lasts already");
        assert!(paused(&pauses, "/any", 1000));
        assert_eq!(pauses.end(None, at(20)), 1);
        assert!(!paused(&pauses, "/any", 9) && paused(&pauses, "/any", 10));
        assert!(paused(&pauses, "/any", 19) && !paused(&pauses, "/any", 20));
    }

    #[test]
    fn a_project_is_paused_with_all_below_it_and_nothing_else() {
        let mut pauses = Pauses::default();
        pauses.begin(Some("/home/me/app".into()), at(10));
        assert!(paused(&pauses, "/home/me/app", 11) && paused(&pauses, "/home/me/app/sub", 11));
        assert!(!paused(&pauses, "/home/me/application", 11));
        assert_eq!(pauses.end(Some(Path::new("/home/me/other")), at(12)), 0);
        assert_eq!(pauses.end(None, at(12)), 1);
        assert_eq!(pauses.lasting().count(), 0);
    }
}
