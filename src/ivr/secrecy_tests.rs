//! No rendering shows a digit.
