//! refusing
