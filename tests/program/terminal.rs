//! What somebody at a terminal gets: a code that a camera can read, and no password as it is typed.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use karipass::internals::account::password::prepare;
use karipass::internals::account::{self, Cost, Mode, Options, Store, StoreUrl};
use karipass::internals::sip::digest::{Algorithm, Ha1};
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::time::UnixTime;
use karipass::unit::Unit;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::support::{Folder, karipass};

const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with somebody before it.
struct Terminal {
    keyboard: File,
    program: OwnedFd,
    screen: Arc<(Mutex<String>, Condvar)>,
}

impl Terminal {
    fn new() -> Terminal {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let own = openpt(flags).unwrap();
        grantpt(&own).unwrap();
        unlockpt(&own).unwrap();
        let program = ioctl_tiocgptpeer(&own, flags).unwrap();
        let keyboard = File::from(own);
        let (mut shown, screen) =
            (keyboard.try_clone().unwrap(), Arc::new((Mutex::new(String::new()), Condvar::new())));
        let into = Arc::clone(&screen);
        // ends when the last program has left the terminal
        std::thread::spawn(move || {
            let (mut buffer, mut bytes) = ([0; 4096], Vec::new());
            while let Ok(length @ 1..) = shown.read(&mut buffer) {
                bytes.extend_from_slice(&buffer[..length]);
                *into.0.lock().unwrap() = String::from_utf8_lossy(&bytes).into_owned();
                into.1.notify_all();
            }
        });
        Terminal { keyboard, program, screen }
    }

    fn run(&self, command: &mut Command) -> Child {
        let end = || Stdio::from(self.program.try_clone().unwrap());
        command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap()
    }

    /// What is on the screen, once this is there.
    fn shows(&self, text: &str) -> String {
        let (screen, changed) = &*self.screen;
        let until = Instant::now() + PATIENCE;
        let mut screen = screen.lock().unwrap();
        while !screen.contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{text:?} is not shown: {screen}");
            screen = changed.wait_timeout(screen, left).unwrap().0;
        }
        screen.clone()
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Whether what is typed is shown.
    fn echoes(&self) -> bool {
        tcgetattr(&self.program).unwrap().local_modes.contains(LocalModes::ECHO)
    }
}

/// What a camera before this screen makes of the code on it: each character is two modules, one above the other, of 8 by 8 pixels;
/// around the code the terminal is as dark as terminals are.
fn scanned(screen: &str) -> String {
    const PIXELS: usize = 8;
    const AROUND: usize = 3;
    let lines =
        screen.lines().filter_map(|line| line.trim_end().strip_prefix("  \x1b[30;107m")?.strip_suffix("\x1b[0m"));
    let mut light: Vec<Vec<bool>> = Vec::new();
    for line in lines {
        light.push(line.chars().map(|half| matches!(half, ' ' | '▄')).collect());
        light.push(line.chars().map(|half| matches!(half, ' ' | '▀')).collect());
    }
    let side = (light[0].len() + 2 * AROUND) * PIXELS;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
        let module = |at: usize| (at / PIXELS).wrapping_sub(AROUND);
        let is_light = light.get(module(y)).and_then(|row| row.get(module(x))).copied().unwrap_or(false);
        if is_light { 255 } else { 0 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "one code is seen");
    grids[0].decode().unwrap().1
}

#[test]
fn the_code_that_the_demonstration_shows_is_the_address_of_linphones_settings() {
    let (folder, terminal) = (Folder::new(), Terminal::new());
    let flags = ["serve", "--demo", "--sip", "127.0.0.1:0", "--rtp-ports", "0", "--site", "127.0.0.1:0", "--db"];
    let mut service = terminal.run(karipass().args(flags).arg(folder.file("store.db")));
    let screen = terminal.shows("Then log in to the settings site");
    let address = screen.split_whitespace().find(|word| word.ends_with("/linphone.xml")).unwrap();
    assert!(address.starts_with("http://127.0.0.1:"), "{address}");
    assert_eq!(scanned(&screen), address);
    kill_process(Pid::from_child(&service), Signal::TERM).unwrap();
    assert!(service.wait().unwrap().success());
}

/// Sets the password of a telephone by typing this, twice: the exit status, and what is on the screen then.
fn passwd(db: &Path, first: &str, second: &str) -> (Option<i32>, String) {
    let mut terminal = Terminal::new();
    assert!(terminal.echoes());
    let mut program = terminal.run(karipass().args(["line", "passwd", "0600001111", "--db"]).arg(db));
    for (question, typed) in [("Password of 0600001111's telephone: ", first), ("The same again: ", second)] {
        terminal.shows(question);
        assert!(!terminal.echoes());
        terminal.types(&format!("{typed}\n"));
    }
    let status = program.wait().unwrap();
    assert!(terminal.echoes(), "as it was before");
    (status.code(), terminal.shows("The same again: "))
}

fn contracted(folder: &Folder) -> PathBuf {
    let db = folder.file("store.db");
    let added = karipass().args(["contract", "add", "0600001111=all", "--db"]).arg(&db).output().unwrap();
    assert!(added.status.success());
    db
}

#[test]
fn a_telephones_password_is_asked_for_twice_and_never_shown() {
    let folder = Folder::new();
    let db = contracted(&folder);
    let store = || account::open(&StoreUrl::file(&db), Mode::Existing, &Options::default()).unwrap();
    let (status, screen) = passwd(&db, "paper-lantern-41", "paper-lantern-42");
    assert!(status == Some(1) && !screen.contains("lantern"), "{screen}");
    assert_eq!(store().line_passwords(), Ok(vec![]), "they differ");
    let (status, screen) = passwd(&db, "paper-lantern-41", "paper-lantern-41");
    assert!(status == Some(0) && !screen.contains("lantern"), "{screen}");
    let kept = store().find_user_name("0600001111").unwrap().unwrap().user_name.ha1_sha256.clone();
    let expected = Ha1::derive("0600001111", "karipass", &Secret::from("paper-lantern-41"));
    assert!(kept == expected.expose(Algorithm::Sha256), "another password than was typed");
}

#[test]
fn whoever_breaks_off_at_the_question_gets_the_terminal_back() {
    let folder = Folder::new();
    let db = contracted(&folder);
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut terminal = Terminal::new();
        let mut program = terminal.run(karipass().args(["line", "passwd", "0600001111", "--db"]).arg(&db));
        terminal.shows("Password of 0600001111's telephone: ");
        assert!(!terminal.echoes());
        terminal.types("paper-lantern-41\n");
        terminal.shows("The same again: ");
        terminal.types("paper-lan");
        kill_process(Pid::from_child(&program), signal).unwrap();
        let status = program.wait().unwrap();
        assert!(terminal.echoes(), "as it was before");
        let screen = terminal.shows("karipass: broken off; nothing was changed");
        assert!(status.code() == Some(1) && !screen.contains("lan\n") && !screen.contains("lantern"), "{screen}");
        let store = account::open(&StoreUrl::file(&db), Mode::Existing, &Options::default()).unwrap();
        assert_eq!(store.line_passwords(), Ok(vec![]));
    }
}

#[test]
fn a_password_that_is_verified_is_asked_for_and_never_shown() {
    let folder = Folder::new();
    let db = contracted(&folder);
    let (number, clear) = (PhoneNumber::parse("0600001111").unwrap(), Secret::from("48151623"));
    let now = UnixTime(jiff::Timestamp::now().as_second());
    let set = prepare(Unit::Line, number, &clear, now, "c-1", Cost::CHEAP, &mut rand::rng()).unwrap();
    account::open(&StoreUrl::file(&db), Mode::Existing, &Options::default())
        .unwrap()
        .set_temporary_passwords(&[set])
        .unwrap();
    for (typed, verdict) in [("48151623", "right: this is the temporary password"), ("48151624", "wrong")] {
        let mut terminal = Terminal::new();
        let verify = ["account", "verify", "--unit", "line", "--number", "0600001111", "--db"];
        let mut program = terminal.run(karipass().args(verify).arg(&db));
        terminal.shows("Password of unit line, number 0600001111: ");
        assert!(!terminal.echoes());
        terminal.types(&format!("{typed}\n"));
        let screen = terminal.shows(verdict);
        assert!(!screen.contains(typed), "{screen}");
        assert_eq!(program.wait().unwrap().success(), typed == "48151623");
        assert!(terminal.echoes(), "as it was before");
    }
}
