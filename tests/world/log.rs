//! What the service writes about itself: its log at every level, and the `Debug` of what its cores put out. Some worlds are read along; their
//! secrets may not be in it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Dispatch;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Everything that was written in one world.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// A subscriber that writes here.
    pub fn dispatch(&self) -> Dispatch {
        let subscriber = tracing_subscriber::fmt().with_writer(self.clone()).with_ansi(false).without_time();
        Dispatch::new(subscriber.with_max_level(LevelFilter::TRACE).finish())
    }

    pub fn add(&self, text: &str) {
        self.lock().extend(text.as_bytes());
    }

    /// The line in which this occurs.
    pub fn line_with(&self, secret: &str) -> Option<String> {
        let log = self.lock();
        let at = log.windows(secret.len()).position(|window| window == secret.as_bytes())?;
        let begin = log[..at].iter().rposition(|octet| *octet == b'\n').map_or(0, |newline| newline + 1);
        let line = String::from_utf8_lossy(&log[begin..at]).into_owned();
        // what is before it tells where it comes from; itself it is not shown again
        Some(format!("{line}…"))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.lock().extend(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}
