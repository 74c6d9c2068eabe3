//! The settings that the name server obeys (`NamesrvConfig`), already typed.
//!
//! Reading files, binding keys and the black list are the binary's part; a changed configuration
//! comes back through [`crate::Surroundings::update_configuration`].

/// `NamesrvConfig`. Field names are the Java keys in snake case; keys that only size Java thread
/// pools are absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamesrvConfig {
    /// Route answers carry the order configuration of the topic.
    pub order_message_enable: bool,
    /// Registration answers carry the `ORDER_TOPIC_CONFIG` namespace.
    pub return_order_topic_config_to_broker: bool,
    /// How often registrations are searched for expired ones.
    pub scan_not_active_broker_interval: i64,
    /// A broker name without a master shows its smallest id as master once it is not writable.
    pub support_acting_master: bool,
    /// Answers 206.
    pub enable_all_topic_list: bool,
    /// Answers 224, 311, 312 and 313.
    pub enable_topic_list: bool,
    /// Tells the members of a broker name when their smallest id changes (905).
    pub notify_min_broker_id_changed: bool,
    /// Refuses route requests for `wait_seconds_for_service` after the start.
    pub need_wait_for_service: bool,
    pub wait_seconds_for_service: i32,
    /// A full registration removes the broker from topics that it does not name.
    pub delete_topic_with_broker_registration: bool,
}

impl Default for NamesrvConfig {
    fn default() -> Self {
        Self {
            order_message_enable: false,
            return_order_topic_config_to_broker: true,
            scan_not_active_broker_interval: 5000,
            support_acting_master: false,
            enable_all_topic_list: true,
            enable_topic_list: true,
            notify_min_broker_id_changed: false,
            need_wait_for_service: false,
            wait_seconds_for_service: 45,
            delete_topic_with_broker_registration: false,
        }
    }
}
