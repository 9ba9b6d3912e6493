//! What the roof will make and the house will use: P10, P50 and P90 of each slot, and how good they were.
//!
//! A forecast is a [`Foretold`] and never an energy that a meter counted: nothing here turns one into the
//! other. Inside it is floats, as weather is; energies come out. Each forecast says what it rested on.

mod foretold;
mod house;
mod quantile;
mod roof;
mod roof_forecast;
mod score;
mod sun;
mod weather;

pub use foretold::{Basis, Foretold, Measured};
pub use house::{HouseForecast, NoHistory};
pub use roof::{InvalidRoof, Plane, Roof};
pub use roof_forecast::RoofForecast;
pub use score::{Persistence, Score, score, skill};
pub use sun::{Place, SunPosition, clear_sky};
pub use weather::{SlotWeather, WeatherCurve};
