//! The broker's configuration, as tools see and change it. The whole table of keys is the server's.

use ferrocket_protocol::bodies;
use ferrocket_protocol::codes::response;
use ferrocket_protocol::headers::GetBrokerConfigResponse;
use ferrocket_protocol::outbox::Outbox;

use crate::request::Request;
use crate::{Broker, ConfigurationRefused};

impl Broker {
    /// GET_BROKER_CONFIG.
    pub(crate) fn broker_config(&self, request: &Request<'_>, out: &mut Outbox) {
        let version = bodies::print(&*self.config_version.lock());
        let header = GetBrokerConfigResponse {
            version: String::from_utf8_lossy(&version).into_owned(),
        };
        let text = self.surroundings.configuration();
        out.reply(
            request.to,
            response::SUCCESS,
            None,
            Some(&header),
            &[text.into()],
        );
    }

    /// UPDATE_BROKER_CONFIG: a success without a body, as in Java.
    pub(crate) fn update_broker_config(&self, request: &Request<'_>, out: &mut Outbox) {
        if request.frame.body.is_empty() {
            out.reply_ok(request.to);
            return;
        }
        match self.surroundings.update_configuration(&request.frame.body) {
            Ok(config) => {
                tracing::info!(remote = %request.peer.remote(), "configuration changed");
                self.reconfigure(request.now_ms, config);
                out.reply_ok(request.to);
            }
            Err(error) => {
                let code = match error {
                    ConfigurationRefused::BlackList => response::NO_PERMISSION,
                    ConfigurationRefused::Io(_) => response::SYSTEM_ERROR,
                };
                out.reply_error(request.to, code, &error.to_string());
            }
        }
    }
}
