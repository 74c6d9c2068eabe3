//! The settings of the broker core, under Java's names (`BrokerConfig`, `BrokerIdentity` and the few
//! keys of other classes that this core reads); what the store reads is in its own settings.
//!
//! The server owns the complete table of keys, the properties file and the echo of
//! GET_BROKER_CONFIG; it fills this struct through [`BrokerConfig::set`], which knows every key in
//! [`BrokerConfig::KEYS`] and nothing else. Values are typed here, once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// `perm` bit of a topic or a broker: its settings may be inherited by auto-created topics.
pub const PERM_INHERIT: i32 = 1;
/// `perm` bit: may be written.
pub const PERM_WRITE: i32 = 2;
/// `perm` bit: may be read.
pub const PERM_READ: i32 = 4;

/// What the broker is in its group (`brokerRole`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerRole {
    AsyncMaster,
    SyncMaster,
    Slave,
}

/// A value that does not fit its key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{key}={value} is not valid: give {expected}")]
pub struct ConfigError {
    pub key: String,
    pub value: String,
    pub expected: &'static str,
}

trait Setting: Sized {
    const EXPECTED: &'static str;
    fn parse(text: &str) -> Option<Self>;
    fn print(&self) -> String;
}

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";
    /// Java's `Boolean.parseBoolean`: anything but `true` in any case is false.
    fn parse(text: &str) -> Option<Self> {
        Some(text.trim().eq_ignore_ascii_case("true"))
    }
    fn print(&self) -> String {
        self.to_string()
    }
}

impl Setting for String {
    const EXPECTED: &'static str = "a text";
    fn parse(text: &str) -> Option<Self> {
        Some(text.trim().to_owned())
    }
    fn print(&self) -> String {
        self.clone()
    }
}

macro_rules! number_setting {
    ($($number:ty),*) => {$(
        impl Setting for $number {
            const EXPECTED: &'static str = "a whole number";
            fn parse(text: &str) -> Option<Self> {
                text.trim().parse().ok()
            }
            fn print(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
number_setting!(i32, i64);

impl Setting for BrokerRole {
    const EXPECTED: &'static str = "ASYNC_MASTER, SYNC_MASTER or SLAVE";
    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "ASYNC_MASTER" => Some(Self::AsyncMaster),
            "SYNC_MASTER" => Some(Self::SyncMaster),
            "SLAVE" => Some(Self::Slave),
            _ => None,
        }
    }
    fn print(&self) -> String {
        match self {
            Self::AsyncMaster => "ASYNC_MASTER".to_owned(),
            Self::SyncMaster => "SYNC_MASTER".to_owned(),
            Self::Slave => "SLAVE".to_owned(),
        }
    }
}

macro_rules! keys {
    ($($(#[$doc:meta])* $key:literal $field:ident: $type:ty = $default:expr;)*) => {
        /// The settings; see the module. Field names follow the keys, units last.
        #[derive(Debug, Clone, PartialEq)]
        pub struct BrokerConfig {
            /// `brokerIP1:listenPort` as an address: the store host of every message. Not a key of
            /// its own; the server resolves it.
            pub store_host: SocketAddr,
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Default for BrokerConfig {
            fn default() -> Self {
                Self {
                    store_host: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 10911),
                    $($field: $default,)*
                }
            }
        }

        impl BrokerConfig {
            /// Every key that this core reads.
            pub const KEYS: &'static [&'static str] = &[$($key),*];

            /// Sets one key from its text. `Ok(false)` when the key is none of [`Self::KEYS`].
            ///
            /// # Errors
            /// When the text is not a value of the key's type; the setting is unchanged.
            pub fn set(&mut self, key: &str, value: &str) -> Result<bool, ConfigError> {
                match key {
                    $($key => {
                        let Some(parsed) = <$type as Setting>::parse(value) else {
                            return Err(ConfigError {
                                key: key.to_owned(),
                                value: value.to_owned(),
                                expected: <$type as Setting>::EXPECTED,
                            });
                        };
                        self.$field = parsed;
                        Ok(true)
                    })*
                    _ => Ok(false),
                }
            }

            /// The text of one key.
            #[must_use]
            pub fn text(&self, key: &str) -> Option<String> {
                match key {
                    $($key => Some(self.$field.print()),)*
                    _ => None,
                }
            }
        }
    };
}

keys! {
    "brokerName" broker_name: String = "DEFAULT_BROKER".to_owned();
    "brokerClusterName" broker_cluster_name: String = "DefaultCluster".to_owned();
    "brokerId" broker_id: i64 = 0;
    /// The address given to clients.
    "brokerIP1" broker_ip1: String = "127.0.0.1".to_owned();
    /// The address given to slaves.
    "brokerIP2" broker_ip2: String = "127.0.0.1".to_owned();
    "listenPort" listen_port: i32 = 10911;
    "haListenPort" ha_listen_port: i32 = 10912;
    "brokerRole" broker_role: BrokerRole = BrokerRole::AsyncMaster;
    "brokerPermission" broker_permission: i32 = PERM_READ | PERM_WRITE;

    "autoCreateTopicEnable" auto_create_topic_enable: bool = true;
    "defaultTopicQueueNums" default_topic_queue_nums: i32 = 8;
    "clusterTopicEnable" cluster_topic_enable: bool = true;
    "brokerTopicEnable" broker_topic_enable: bool = true;
    "autoCreateSubscriptionGroup" auto_create_subscription_group: bool = true;
    "enableCreateSysGroup" enable_create_sys_group: bool = true;
    "msgTraceTopicName" msg_trace_topic_name: String = "RMQ_SYS_TRACE_TOPIC".to_owned();
    "traceTopicEnable" trace_topic_enable: bool = false;
    "timerWheelEnable" timer_wheel_enable: bool = true;
    "reviveQueueNum" revive_queue_num: i32 = 8;
    "validateSystemTopicWhenUpdateTopic" validate_system_topic_when_update_topic: bool = true;
    "enableMixedMessageType" enable_mixed_message_type: bool = false;

    "syncFlushTimeout" sync_flush_timeout_ms: i64 = 5_000;
    "rejectTransactionMessage" reject_transaction_message: bool = false;
    "startAcceptSendRequestTimeStamp" start_accept_send_request_time_stamp_ms: i64 = 0;
    "regionId" region_id: String = "DefaultRegion".to_owned();
    "traceOn" trace_on: bool = true;

    "longPollingEnable" long_polling_enable: bool = true;
    "shortPollingTimeMills" short_polling_time_ms: i64 = 1_000;
    "litePullMessageEnable" lite_pull_message_enable: bool = true;
    "enablePropertyFilter" enable_property_filter: bool = false;
    /// Filters look at messages to be tried again as they looked at them the first time.
    "filterSupportRetry" filter_support_retry: bool = false;
    "enableCalcFilterBitMap" enable_calc_filter_bit_map: bool = false;
    /// Read at the start, as the next.
    "expectConsumerNumUseFilter" expect_consumer_num_use_filter: i32 = 32;
    "maxErrorRateOfBloomFilter" max_error_rate_of_bloom_filter: i32 = 20;
    "filterDataCleanTimeSpan" filter_data_clean_time_span_ms: i64 = 86_400_000;
    "slaveReadEnable" slave_read_enable: bool = false;
    "rejectPullConsumerEnable" reject_pull_consumer_enable: bool = false;

    /// Ours alone: a client that wants other things than the rest of its group is not let in.
    "rejectConflictingSubscriptions" reject_conflicting_subscriptions: bool = false;
    "notifyConsumerIdsChangedEnable" notify_consumer_ids_changed_enable: bool = true;
    "realTimeNotifyConsumerChange" real_time_notify_consumer_change: bool = true;
    "channelExpiredTimeout" channel_expired_timeout_ms: i64 = 120_000;
    "subscriptionExpiredTimeout" subscription_expired_timeout_ms: i64 = 600_000;

    "flushConsumerOffsetInterval" flush_consumer_offset_interval_ms: i64 = 5_000;
    "flushDelayOffsetInterval" flush_delay_offset_interval_ms: i64 = 10_000;
    "delayOffsetUpdateVersionStep" delay_offset_update_version_step: i64 = 200;
    /// Messages that a query by unique key answers, whatever the client asks for.
    "defaultQueryMaxNum" default_query_max_num: i32 = 32;

    "useServerSideResetOffset" use_server_side_reset_offset: bool = true;
    "consumerOffsetUpdateVersionStep" consumer_offset_update_version_step: i64 = 500;

    "registerNameServerPeriod" register_name_server_period_ms: i64 = 30_000;
    "brokerNotActiveTimeoutMillis" broker_not_active_timeout_ms: i64 = 10_000;
    "compressedRegister" compressed_register: bool = false;
    "forceRegister" force_register: bool = true;
    "enableSplitRegistration" enable_split_registration: bool = false;
    "splitRegistrationSize" split_registration_size: i32 = 800;
    "enableSplitMetadata" enable_split_metadata: bool = true;
    "splitMetadataSize" split_metadata_size: i32 = 2_000;
    "enableSlaveActingMaster" enable_slave_acting_master: bool = false;
}

impl BrokerConfig {
    /// `brokerIP1:listenPort`, the text that clients and name servers know this broker by.
    #[must_use]
    pub fn broker_addr(&self) -> String {
        format!("{}:{}", self.broker_ip1, self.listen_port)
    }

    /// `brokerIP2:haListenPort`, the text that slaves connect to.
    #[must_use]
    pub fn ha_server_addr(&self) -> String {
        format!("{}:{}", self.broker_ip2, self.ha_listen_port)
    }

    /// Whether `brokerPermission` lets consumers read.
    #[must_use]
    pub fn readable(&self) -> bool {
        self.broker_permission & PERM_READ != 0
    }

    /// Whether `brokerPermission` lets producers write.
    #[must_use]
    pub fn writable(&self) -> bool {
        self.broker_permission & PERM_WRITE != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_prints_what_it_reads() {
        let mut config = BrokerConfig::default();
        for key in BrokerConfig::KEYS {
            let text = config.text(key).unwrap();
            assert_eq!(config.set(key, &text), Ok(true), "{key}");
            assert_eq!(config.text(key).unwrap(), text, "{key}");
        }
        assert_eq!(config, BrokerConfig::default());
    }

    #[test]
    fn a_bad_value_changes_nothing_and_says_what_is_wanted() {
        let mut config = BrokerConfig::default();
        let error = config.set("brokerPermission", "six").unwrap_err();
        assert_eq!(
            error.to_string(),
            "brokerPermission=six is not valid: give a whole number"
        );
        assert_eq!(config.broker_permission, 6);
        assert_eq!(config.set("noSuchKey", "1"), Ok(false));
    }
}
