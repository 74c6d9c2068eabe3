//! Settings of subscription groups.

use ferrocket_protocol::bodies::{SubscriptionGroupConfig, SubscriptionGroupList};
use ferrocket_protocol::codes::response;
use ferrocket_protocol::headers::{
    DeleteSubscriptionGroup, GetAllSubscriptionGroup, GetAllSubscriptionGroupResponse,
    GetSubscriptionGroupConfig,
};
use ferrocket_protocol::{bodies, outbox::Outbox};

use super::{reply_body, reply_saved};
use crate::Broker;
use crate::request::Request;
use crate::topics::{QUEUES_MAX, attributes, names};

impl Broker {
    /// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP.
    pub(crate) fn create_group(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(body) = request.body::<SubscriptionGroupConfig>(out) else {
            return;
        };
        self.update_groups(request, vec![body], out);
    }

    /// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST.
    pub(crate) fn create_groups(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(body) = request.body::<SubscriptionGroupList>(out) else {
            return;
        };
        self.update_groups(request, body.group_config_list, out);
    }

    fn update_groups(
        &self,
        request: &Request<'_>,
        mut groups: Vec<SubscriptionGroupConfig>,
        out: &mut Outbox,
    ) {
        for group in &mut groups {
            if let Err(error) = names::validate_group(&group.group_name) {
                out.reply_error(request.to, response::INVALID_PARAMETER, &error.to_string());
                return;
            }
            let queues = group.retry_queue_nums;
            if queues > QUEUES_MAX {
                let remark = format!(
                    "retryQueueNums = {queues} of the group[{}] is too large: give {QUEUES_MAX} or less",
                    group.group_name
                );
                out.reply_error(request.to, response::INVALID_PARAMETER, &remark);
                return;
            }
            let present = self.groups.get(&group.group_name);
            let present = present.as_ref().map(|group| &group.config.attributes);
            match attributes::alter(&attributes::OF_GROUPS, present, &group.attributes) {
                Ok(altered) => group.attributes = altered,
                Err(error) => {
                    out.reply_error(request.to, response::SYSTEM_ERROR, &error.to_string());
                    return;
                }
            }
        }
        // Nobody configures a light group: a success that changes nothing, as with Java.
        groups.retain(|group| !self.groups.is_light(&group.group_name));
        reply_saved(request, self.groups.update(groups, request.now_ms), out);
    }

    /// GET_SUBSCRIPTIONGROUP_CONFIG: a query that makes the group when groups are made on first use,
    /// as in Java.
    pub(crate) fn group_config(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetSubscriptionGroupConfig>(out) else {
            return;
        };
        match self
            .groups
            .find(request.config, &header.group, request.now_ms)
        {
            Some(group) => reply_body(request, &group.config, out),
            None => out.reply_error(
                request.to,
                response::SUBSCRIPTION_GROUP_NOT_EXIST,
                "No group in this broker",
            ),
        }
    }

    /// GET_ALL_SUBSCRIPTIONGROUP_CONFIG, in pages for those who ask for pages.
    pub(crate) fn all_groups(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetAllSubscriptionGroup>(out) else {
            return;
        };
        let mut wrapper = self.groups.wrapper();
        let total = wrapper.subscription_group_table.len();
        let page = super::topics::Page {
            first: header.group_seq,
            version: header.data_version.as_deref(),
            entries_max: header.max_group_num,
        };
        if let Some((skip, take)) = page.range(request.config, &wrapper.data_version) {
            wrapper.subscription_group_table = wrapper
                .subscription_group_table
                .into_iter()
                .skip(skip)
                .take(take)
                .collect();
        }
        let header = GetAllSubscriptionGroupResponse {
            total_group_num: i32::try_from(total).unwrap_or(i32::MAX),
        };
        let body = bodies::print(&wrapper);
        out.reply(
            request.to,
            response::SUCCESS,
            None,
            Some(&header),
            &[body.into()],
        );
    }

    /// DELETE_SUBSCRIPTIONGROUP: a success also for a group that is not there.
    pub(crate) fn delete_group(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<DeleteSubscriptionGroup>(out) else {
            return;
        };
        let mut saved = self.groups.delete(&header.group_name, request.now_ms);
        self.clients.forget_fingerprint(&header.group_name);
        if header.clean_offset || header.remove_offset == Some(true) {
            self.offsets.forget_group(&header.group_name);
            saved = saved.and(self.offsets.save());
        }
        reply_saved(request, saved, out);
    }
}
