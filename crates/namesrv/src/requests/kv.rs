//! KV configuration: 100, 101, 102, 219.

use ferrocket_protocol::bodies::{self, KVTable};
use ferrocket_protocol::headers::{
    DeleteKVConfig, GetKVConfig, GetKVConfigResponse, GetKVListByNamespace, PutKVConfig,
};
use ferrocket_protocol::outbox::Outbox;

use crate::kv::ORDER_TOPIC_CONFIG;
use crate::refusal::{KvRefused, Refusal};
use crate::server::{NameServer, Request, reply_body};

impl NameServer {
    /// 100.
    pub(crate) fn put_kv(&self, request: &Request<'_>, out: &mut Outbox) -> Result<(), Refusal> {
        let header: PutKVConfig = request.frame.header()?;
        self.kv.put(&header.namespace, &header.key, &header.value)?;
        self.kv_changed(&header.namespace, &header.key);
        out.reply_ok(request.frame.reply_to());
        Ok(())
    }

    /// 101.
    pub(crate) fn kv_value(&self, request: &Request<'_>, out: &mut Outbox) -> Result<(), Refusal> {
        let GetKVConfig { namespace, key } = request.frame.header()?;
        let Some(value) = self.kv.value(&namespace, &key) else {
            return Err(KvRefused::NoItem { namespace, key }.into());
        };
        let header = GetKVConfigResponse { value: Some(value) };
        out.reply(request.frame.reply_to(), 0, None, Some(&header), &[]);
        Ok(())
    }

    /// 102.
    pub(crate) fn delete_kv(&self, request: &Request<'_>, out: &mut Outbox) -> Result<(), Refusal> {
        let header: DeleteKVConfig = request.frame.header()?;
        self.kv.delete(&header.namespace, &header.key)?;
        self.kv_changed(&header.namespace, &header.key);
        out.reply_ok(request.frame.reply_to());
        Ok(())
    }

    /// 219.
    pub(crate) fn kv_namespace(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let GetKVListByNamespace { namespace } = request.frame.header()?;
        let Some(table) = self.kv.namespace(&namespace) else {
            return Err(KvRefused::NoNamespace(namespace).into());
        };
        reply_body(request, out, bodies::print(&KVTable { table }).into());
        Ok(())
    }

    fn kv_changed(&self, namespace: &str, key: &str) {
        if namespace == ORDER_TOPIC_CONFIG {
            self.tables.forget_route(key);
        }
    }
}
