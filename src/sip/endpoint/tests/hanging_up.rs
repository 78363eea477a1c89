//! hanging_up
