//! The settings site as a browser meets it: a real server, a real store, and a clock that the tests set.
#![allow(clippy::unwrap_used)]

mod asvs;
mod login;
mod pages;
mod reach;
mod security;
mod services;
mod slow;
mod support;
mod tls;
mod trouble;
