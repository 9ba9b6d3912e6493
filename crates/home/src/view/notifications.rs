//! Notifications: what the owner wants to be told, and when.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::frame::Refusal;
use crate::alerts::{NotificationsConfig, Topic};
use crate::error::config_refusal;
use crate::house::Home;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct NotificationsView {
    pub topics: Vec<TopicView>,
    /// Hours in which only what is urgent is told; `None` where there are none.
    pub quiet: Option<QuietView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TopicView {
    pub topic: Topic,
    pub on: bool,
}

/// From when to when, as `22:00`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct QuietView {
    pub from: String,
    pub to: String,
}

impl Home {
    pub fn notifications(&self) -> Result<NotificationsView, Refusal> {
        let choices = self.house()?.config().notifications.clone().unwrap_or_default();
        Ok(NotificationsView::from(&choices))
    }

    /// Takes in what the owner wants to be told from now on.
    pub fn set_notifications(&self, wanted: &NotificationsView) -> Result<NotificationsView, Refusal> {
        let off = wanted.topics.iter().filter(|topic| !topic.on).map(|topic| topic.topic).collect();
        let quiet = wanted.quiet.as_ref().map(|quiet| format!("{}-{}", quiet.from, quiet.to));
        let choices = NotificationsConfig { off, quiet };
        choices.quiet_hours().map_err(|_| Refusal {
            code: "bad_hours".to_owned(),
            message: "These are no hours of a day.".to_owned(),
            hint: "Write both as 22:00, and not the same time twice.".to_owned(),
        })?;
        let plain = choices == NotificationsConfig::default();
        self.house()?
            .change_config(|config| config.notifications = (!plain).then_some(choices))
            .map_err(|error| config_refusal(&error))?;
        self.notifications()
    }
}

impl From<&NotificationsConfig> for NotificationsView {
    fn from(choices: &NotificationsConfig) -> Self {
        let topics = Topic::ALL.map(|topic| TopicView { topic, on: !choices.off.contains(&topic) });
        let hours = choices.quiet.as_deref().and_then(|text| text.split_once('-'));
        let quiet =
            hours.map(|(from, to)| QuietView { from: from.trim().to_owned(), to: to.trim().to_owned() });
        Self { topics: topics.to_vec(), quiet }
    }
}
