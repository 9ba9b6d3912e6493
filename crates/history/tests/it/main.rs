//! What the household's memory promises, told as stories.

#![allow(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod support;

mod children;
mod deals;
mod examples;
mod facts;
mod life;
mod lock;
mod logs;
mod money;
mod orders;
mod outlook;
mod power_cuts;
mod reports;
mod samples;
mod slots;
mod versions;
mod wear;
