//! Settings of topics.

use ferrocket_protocol::bodies::{
    self, CreateTopicListRequestBody, DataVersion, JavaEnum, TopicConfig,
    TopicConfigAndMappingSerializeWrapper, TopicConfigAndQueueMapping, TopicFilterType, TopicList,
};
use ferrocket_protocol::codes::response;
use ferrocket_protocol::headers::{
    CreateTopic, DeleteTopic, GetAllTopicConfig, GetAllTopicConfigResponse, GetTopicConfig,
};
use ferrocket_protocol::outbox::Outbox;

use super::{reply_body, reply_saved};
use crate::config::BrokerConfig;
use crate::request::Request;
use crate::topics::QUEUES_MAX;
use crate::topics::attributes::{self, AttributeError, Attributes};
use crate::topics::names::{self, NameError};
use crate::{Broker, RegistrationChange};

/// Why a topic is not changed.
#[derive(Debug, thiserror::Error)]
enum TopicError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("The topic[{topic}] is conflict with system topic.")]
    System { topic: String },
    #[error("MIXED message type is not supported.")]
    Mixed,
    #[error(
        "{field} = {queues} of the topic[{topic}] is too large: give {QUEUES_MAX} or less, or spread the topic over more brokers"
    )]
    Queues {
        field: &'static str,
        queues: i32,
        topic: String,
    },
    #[error("topicFilterType = [{0}] value invalid")]
    FilterType(String),
    #[error(transparent)]
    Attribute(#[from] AttributeError),
}

impl TopicError {
    fn code(&self) -> i32 {
        match self {
            Self::Name(_) | Self::System { .. } | Self::Mixed | Self::Queues { .. } => {
                response::INVALID_PARAMETER
            }
            Self::FilterType(_) | Self::Attribute(_) => response::SYSTEM_ERROR,
        }
    }
}

impl Broker {
    /// UPDATE_AND_CREATE_TOPIC.
    pub(crate) fn create_topic(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<CreateTopic>(out) else {
            return;
        };
        let wanted =
            wanted_config(header).and_then(|wanted| self.altered_topic(request.config, wanted));
        match wanted {
            Ok(config) => self.update_topics(request, config.into_iter().collect(), out),
            Err(error) => out.reply_error(request.to, error.code(), &error.to_string()),
        }
    }

    /// UPDATE_AND_CREATE_TOPIC_LIST. Java stops at the first topic that is already as wanted, and
    /// says success; here the rest is applied too.
    pub(crate) fn create_topics(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(body) = request.body::<CreateTopicListRequestBody>(out) else {
            return;
        };
        let mut configs = Vec::with_capacity(body.topic_config_list.len());
        for wanted in body.topic_config_list {
            match self.altered_topic(request.config, wanted) {
                Ok(config) => configs.extend(config),
                Err(error) => {
                    out.reply_error(request.to, error.code(), &error.to_string());
                    return;
                }
            }
        }
        self.update_topics(request, configs, out);
    }

    /// What the topic becomes; `None` when it is so already.
    fn altered_topic(
        &self,
        config: &BrokerConfig,
        mut wanted: TopicConfig,
    ) -> Result<Option<TopicConfig>, TopicError> {
        names::validate_topic(&wanted.topic_name)?;
        self.refuse_system_topic(config, &wanted.topic_name)?;
        if self.topics.is_light(&wanted.topic_name) {
            // Nobody configures one: a success that changes nothing, as with Java.
            return Ok(None);
        }
        let signed_type = format!("+{}", attributes::MESSAGE_TYPE);
        if !config.enable_mixed_message_type
            && wanted
                .attributes
                .get(&signed_type)
                .is_some_and(|kind| kind == "MIXED")
        {
            return Err(TopicError::Mixed);
        }
        for (field, queues) in [
            ("readQueueNums", wanted.read_queue_nums),
            ("writeQueueNums", wanted.write_queue_nums),
        ] {
            if queues > QUEUES_MAX {
                let topic = wanted.topic_name;
                return Err(TopicError::Queues {
                    field,
                    queues,
                    topic,
                });
            }
        }
        let present = self.topics.get(&wanted.topic_name);
        let present_attributes = present.as_ref().map(|topic| &topic.config.attributes);
        wanted.attributes = attributes::alter(
            &attributes::OF_TOPICS,
            present_attributes,
            &wanted.attributes,
        )?;
        let same = present.is_some_and(|topic| topic.config == wanted);
        Ok((!same).then_some(wanted))
    }

    fn refuse_system_topic(&self, config: &BrokerConfig, topic: &str) -> Result<(), TopicError> {
        if config.validate_system_topic_when_update_topic && self.topics.is_system(topic) {
            return Err(TopicError::System {
                topic: topic.to_owned(),
            });
        }
        Ok(())
    }

    fn update_topics(&self, request: &Request<'_>, configs: Vec<TopicConfig>, out: &mut Outbox) {
        if configs.is_empty() {
            out.reply_ok(request.to);
            return;
        }
        let names = configs
            .iter()
            .map(|config| config.topic_name.clone())
            .collect();
        let saved = self.topics.update(configs, request.now_ms);
        self.surroundings
            .registration_changed(RegistrationChange::Topics(names));
        reply_saved(request, saved, out);
    }

    /// DELETE_TOPIC_IN_BROKER: settings, offsets and queues, all of them from the disk before the
    /// answer; a success also for a topic that is not there. Name servers are told by the tool.
    pub(crate) fn delete_topic(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<DeleteTopic>(out) else {
            return;
        };
        let refused = if header.topic.trim().is_empty() {
            Err(TopicError::Name(NameError::Blank { kind: "topic" }))
        } else {
            self.refuse_system_topic(request.config, &header.topic)
        };
        if let Err(error) = refused {
            out.reply_error(request.to, error.code(), &error.to_string());
            return;
        }
        tracing::info!(topic = header.topic, remote = %request.peer.remote(), "topic deleted");
        let present = self.topics.get(&header.topic);
        let deleted = self.topics.delete(&header.topic, request.now_ms);
        if let Some(topic) = present {
            self.drop_waiters(&topic);
        }
        self.offsets.forget_topic(&header.topic);
        let forgotten = self.offsets.save();
        if let Err(error) = self.store.delete_topic(&header.topic) {
            let remark = format!("the queues of the topic cannot be removed, repeat it: {error}");
            out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
            return;
        }
        reply_saved(request, deleted.map(|_| ()).and(forgotten), out);
    }

    /// GET_TOPIC_CONFIG.
    pub(crate) fn topic_config(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetTopicConfig>(out) else {
            return;
        };
        match self.topics.get(&header.topic) {
            Some(topic) => {
                let body = TopicConfigAndQueueMapping::from(topic.config.clone());
                reply_body(request, &body, out);
            }
            None => {
                let remark = format!("No topic in this broker. topic: {}", header.topic);
                out.reply_error(request.to, response::TOPIC_NOT_EXIST, &remark);
            }
        }
    }

    /// GET_ALL_TOPIC_CONFIG, in pages for those who ask for pages.
    pub(crate) fn all_topics(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetAllTopicConfig>(out) else {
            return;
        };
        let data_version = self.topics.version();
        let topics = self.topics.all();
        let page = Page {
            first: header.topic_seq,
            version: header.data_version.as_deref(),
            entries_max: header.max_topic_num,
        };
        let (skip, take) = page
            .range(request.config, &data_version)
            .unwrap_or((0, usize::MAX));
        let body = TopicConfigAndMappingSerializeWrapper {
            data_version,
            topic_config_table: topics
                .iter()
                .skip(skip)
                .take(take)
                .map(|topic| (topic.config.topic_name.clone(), topic.config.clone()))
                .collect(),
            ..TopicConfigAndMappingSerializeWrapper::default()
        };
        let total = i32::try_from(topics.len()).unwrap_or(i32::MAX);
        let header = GetAllTopicConfigResponse {
            total_topic_num: Some(total),
        };
        let body = bodies::print(&body);
        out.reply(
            request.to,
            response::SUCCESS,
            None,
            Some(&header),
            &[body.into()],
        );
    }

    /// GET_SYSTEM_TOPIC_LIST_FROM_BROKER.
    pub(crate) fn system_topics(&self, request: &Request<'_>, out: &mut Outbox) {
        let topic_list = self.topics.system_names().into_iter().collect();
        reply_body(
            request,
            &TopicList {
                broker_addr: None,
                topic_list,
            },
            out,
        );
    }
}

/// The header of a creation as settings, with signed attributes.
fn wanted_config(header: CreateTopic) -> Result<TopicConfig, TopicError> {
    let Some(topic_filter_type) = TopicFilterType::from_name(&header.topic_filter_type) else {
        return Err(TopicError::FilterType(header.topic_filter_type));
    };
    let attributes = match &header.attributes {
        Some(text) => attributes::parse(text)?,
        None => Attributes::new(),
    };
    Ok(TopicConfig {
        topic_name: header.topic,
        read_queue_nums: header.read_queue_nums,
        write_queue_nums: header.write_queue_nums,
        perm: header.perm,
        topic_filter_type,
        topic_sys_flag: header.topic_sys_flag.unwrap_or(0),
        order: header.order,
        attributes,
    })
}

/// Which part of a table is asked for. Without any of the three, all of it.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) first: Option<i32>,
    /// The version of the first page as JSON; a newer table is given from its beginning.
    pub(super) version: Option<&'a str>,
    pub(super) entries_max: Option<i32>,
}

impl Page<'_> {
    /// How many entries to skip and how many to give; `None` for all.
    pub(super) fn range(
        &self,
        config: &BrokerConfig,
        present: &DataVersion,
    ) -> Option<(usize, usize)> {
        let asked = self.first.is_some() || self.version.is_some() || self.entries_max.is_some();
        if !asked || !config.enable_split_metadata {
            return None;
        }
        let same_version = self
            .version
            .filter(|text| !text.is_empty())
            .and_then(|text| bodies::read::<DataVersion>(text.as_bytes()).ok())
            .is_none_or(|version| version == *present);
        let first = if same_version {
            self.first.unwrap_or(0)
        } else {
            0
        };
        let entries_max = config
            .split_metadata_size
            .min(self.entries_max.unwrap_or(i32::MAX))
            .max(1);
        Some((
            usize::try_from(first).unwrap_or(0),
            usize::try_from(entries_max).unwrap_or(1),
        ))
    }
}
