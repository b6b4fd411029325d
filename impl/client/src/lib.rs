#![doc = include_str!("../README.md")]

mod client;
mod engine;
mod error;
mod read;
mod session;

pub use client::{Client, Settings};
pub use error::{OpenError, RequestError};
pub use quorate::keys::Right;
pub use quorate_protocol::protocol::Refusal;
pub use read::{Change, Read, Written};
pub use session::Session;
