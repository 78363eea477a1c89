//! A small mail server for tests: it takes what it is given, or refuses as it is told.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A mail as it came over the line.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub to: String,
    pub data: String,
}

impl Received {
    pub fn header(&self, name: &str) -> String {
        let head = self.data.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let prefix = format!("{name}: ");
        head.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default().to_owned()
    }

    /// The text, decoded as its headers say.
    pub fn text(&self) -> String {
        let body = self.data.split_once("\r\n\r\n").unwrap().1;
        let bytes = match self.header("Content-Transfer-Encoding").as_str() {
            "base64" => base64(body),
            "quoted-printable" => quoted_printable(body),
            "7bit" => body.as_bytes().to_vec(),
            other => panic!("{other}: {body}"),
        };
        String::from_utf8(bytes).unwrap()
    }

    /// The subject, decoded (RFC 2047).
    pub fn subject(&self) -> String {
        let words = self.header("Subject");
        let decoded = words.split(' ').map(|word| {
            let inner = word.strip_prefix("=?utf-8?b?").and_then(|word| word.strip_suffix("?="));
            inner.map_or_else(|| format!(" {word}"), |inner| String::from_utf8(base64(inner)).unwrap())
        });
        decoded.collect::<String>().trim().to_owned()
    }

    pub fn message_id(&self) -> String {
        self.header("Message-ID")
    }
}

fn base64(text: &str) -> Vec<u8> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for value in text.chars().filter_map(|c| alphabet.find(c)) {
        held = held << 6 | value as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    bytes
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let (text, mut bytes) = (text.replace("=\r\n", ""), Vec::new());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        rest = more;
        if let (b'=', [high, low, more @ ..]) = (first, rest) {
            let hex = String::from_utf8(vec![*high, *low]).unwrap();
            bytes.push(u8::from_str_radix(&hex, 16).unwrap());
            rest = more;
        } else {
            bytes.push(*first);
        }
    }
    bytes
}

/// What it does to recipients that begin with one of these words, instead of taking the mail: `later` and `never` refuse
/// the recipient, `mute` takes the mail and closes without an answer.
pub struct Sink {
    pub address: SocketAddr,
    pub mails: Arc<Mutex<Vec<Received>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    pub fn start() -> Sink {
        Sink::at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    pub fn at(address: SocketAddr) -> Sink {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (mails, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (kept, stopped) = (Arc::clone(&mails), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || {
                    let _ = converse(stream.unwrap(), &kept);
                });
            }
        });
        Sink { address, mails, stop, thread: Some(thread) }
    }

    pub fn received(&self) -> Vec<Received> {
        self.mails.lock().unwrap().clone()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().unwrap().join();
    }
}

fn converse(stream: TcpStream, mails: &Mutex<Vec<Received>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let say = |text: &str| (&stream).write_all(format!("{text}\r\n").as_bytes());
    say("220 sink")?;
    let (mut from, mut to) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        match line.get(..4).unwrap_or_default() {
            "EHLO" => say("250 sink")?,
            "MAIL" => {
                from = address();
                say("250 ok")?;
            }
            "RCPT" => {
                to = address();
                match &to {
                    to if to.starts_with("later") => say("451 4.7.1 greylisted")?,
                    to if to.starts_with("never") => say("550 5.1.1 no such mailbox")?,
                    to if to.starts_with("closing") => return say("421 4.3.2 closing down"),
                    _ => say("250 ok")?,
                }
            }
            "DATA" => {
                say("354 go on")?;
                let mut data = String::new();
                loop {
                    let mut line = String::new();
                    if lines.read_line(&mut line)? == 0 {
                        return Ok(());
                    }
                    if line == ".\r\n" {
                        break;
                    }
                    data += line.strip_prefix('.').unwrap_or(&line);
                }
                mails.lock().unwrap().push(Received { from: from.clone(), to: to.clone(), data });
                if to.starts_with("mute") {
                    return Ok(());
                }
                say("250 taken")?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("500 what?")?,
        }
    }
}
