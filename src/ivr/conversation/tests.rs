//! Transcripts of conversations.
