//! The configuration over the network: 318, 319.

use ferrocket_protocol::outbox::Outbox;

use crate::refusal::{AdminRefused, Refusal};
use crate::server::{NameServer, Request, reply_body};
use crate::surroundings::ConfigurationRefused;

impl NameServer {
    /// 318.
    pub(crate) fn update_config(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        if !request.frame.body.is_empty() {
            let config = self.surroundings.update_configuration(&request.frame.body);
            self.set_config(config.map_err(AdminRefused::from)?);
        }
        out.reply_ok(request.frame.reply_to());
        Ok(())
    }

    /// 319.
    pub(crate) fn shown_config(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        reply_body(request, out, self.surroundings.configuration().into());
        Ok(())
    }
}

impl From<ConfigurationRefused> for AdminRefused {
    fn from(refused: ConfigurationRefused) -> Self {
        match refused {
            ConfigurationRefused::BlackList => Self::BlackList,
            ConfigurationRefused::Malformed => Self::NotProperties,
            ConfigurationRefused::Invalid(text) => Self::Invalid(text),
            ConfigurationRefused::Io(reason) => Self::Unsaved(reason),
        }
    }
}
