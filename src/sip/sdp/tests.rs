//! Offers of real equipment and what we answer.
