//! What each request does. One function for a request code; they differ in what they may wait for:
//! only changes of KV and configuration touch a file.

mod brokers;
mod configuration;
mod kv;
mod lists;
mod routes;
mod topics;
