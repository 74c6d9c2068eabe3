//! A RocketMQ client for Rust: producers, consumers and administration over the remoting protocol,
//! for Ferrocket and for Apache RocketMQ 4.x and 5.x.
//!
//! Everything starts from a [`Client`], which owns the connections, the route cache and the
//! heartbeats; producers and consumers are cheap handles made from it.
//!
//! ```no_run
//! # async fn example() -> Result<(), ferrocket_client::Error> {
//! use ferrocket_client::{Client, ClientConfig, Message};
//!
//! let client = Client::start(ClientConfig::new(["127.0.0.1:9876"]))?;
//! let producer = client.producer("my_group")?;
//! let receipt = producer.send(&Message::new("MyTopic", "hello").tag("TagA")).await?;
//! println!("stored as {}", receipt.message_id);
//! client.close(std::time::Duration::from_secs(3)).await;
//! # Ok(())
//! # }
//! ```
//!
//! Deliberately absent so far: transactions, request/reply, pop, ordered and broadcasting
//! consumers, SQL filters, ACL, and sending a failed message back to the broker (a failed message
//! is delivered again by this process; see [`push`]).

mod admin;
mod client;
mod config;
mod error;
mod message;
mod name_servers;
mod producer;
mod pull;
pub mod push;
mod route;
mod routes;
mod unique_id;

pub use admin::{Admin, NewTopic};
pub use client::Client;
pub use config::ClientConfig;
pub use error::Error;
pub use message::Message;
pub use producer::{Producer, ProducerSettings, SendReceipt, SendStatus};
pub use pull::{PullConsumer, PullRequest, PullStatus, Pulled};
pub use push::{Listener, Outcome, PushConsumer, PushSettings, StartFrom};
pub use route::TopicRoute;

pub use ferrocket_protocol::bodies::{self, MessageQueue};
pub use ferrocket_protocol::message::StoredMessage;
