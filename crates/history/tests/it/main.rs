//! What the household's memory promises, told as stories.

mod support;

mod orders;
mod samples;
