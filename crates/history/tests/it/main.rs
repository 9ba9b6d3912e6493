//! What the household's memory promises, told as stories.

mod support;

mod children;
mod life;
mod lock;
mod money;
mod orders;
mod power_cuts;
mod reports;
mod samples;
mod slots;
mod wear;
