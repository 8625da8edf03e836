//! The engine over systems in memory and its real store, whole lives of requests.

mod failures;
mod life;
mod world;
