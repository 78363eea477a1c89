//! The tracer as the server uses it: what is in the files, within which limits, and what a broken disk does.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io;
use std::sync::Mutex;

use super::shelf::Sink;
use super::*;
use crate::audio::capture::Capture;
use crate::sip::flow::Transport;

const EPOCH: Duration = Duration::from_secs(1_780_000_000);

/// As it comes from the caller.
fn rtp(bytes: &[u8]) -> Datagram<&[u8]> {
    Datagram { kind: Kind::Rtp, remote: "192.0.2.1:4000".parse().unwrap(), bytes }
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("karipass-trace-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Folder(std::env::temp_dir().join(name))
    }

    fn options(&self) -> Options {
        Options { folder: self.0.clone(), call_bytes: 1 << 20, total_bytes: 1 << 20, files: 100 }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn flow() -> Flow {
    Flow {
        transport: Transport::Udp,
        local: "192.0.2.9:5060".parse().unwrap(),
        remote: "192.0.2.1:5060".parse().unwrap(),
        connection: None,
    }
}

fn message(method: &str, call_id: &str, padding: usize) -> Vec<u8> {
    format!(
        "{method} sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 {method}\r\nX: {}\r\nContent-Length: 0\r\n\r\n",
        "y".repeat(padding)
    )
    .into_bytes()
}

fn frames(folder: &Folder, id: &str) -> Vec<Vec<u8>> {
    let mut capture = Capture::new(fs::File::open(path_of(&folder.0, id).unwrap()).unwrap()).unwrap();
    std::iter::from_fn(|| capture.next_frame().unwrap()).map(|frame| frame.bytes).collect()
}

/// Runs `work` with a tracer, and waits until everything is written.
fn trace(options: &Options, work: impl FnOnce(&Tracer)) {
    let (tracer, thread) = start(options, EPOCH).unwrap();
    work(&tracer);
    drop(tracer);
    thread.join().unwrap();
}

#[test]
fn a_call_has_what_was_said_before_it_had_an_id_and_what_is_said_after_its_end_but_no_other_calls_messages() {
    let folder = Folder::new();
    trace(&folder.options(), |tracer| {
        tracer.sip(Time::ZERO, Direction::In, &flow(), &message("INVITE", "one", 0));
        tracer.sip(Time::ZERO, Direction::In, &flow(), &message("INVITE", "two", 0));
        tracer.sip(Time::ZERO, Direction::In, &flow(), &message("OPTIONS", "three", 0));
        let mut call = tracer.call(Time::from_millis(1), "a-1", "one");
        call.listens("192.0.2.9:10000".parse().unwrap());
        call.datagram(Time::from_millis(2), Direction::In, rtp(&[0x80; 172]));
        call.end(Time::from_millis(3));
        tracer.sip(Time::from_millis(4), Direction::Out, &flow(), &message("BYE", "one", 0));
    });
    assert_eq!(folder.names(), ["a-1.pcapng"]);
    let frames = frames(&folder, "a-1");
    assert_eq!(frames.len(), 3);
    assert!(frames[0].windows(6).any(|window| window == b"INVITE"));
    assert!(frames[2].windows(3).any(|window| window == b"BYE"));
}

#[test]
fn a_trace_ends_at_its_limit_with_room_kept_for_signalling() {
    let folder = Folder::new();
    let options = Options { call_bytes: 100_000, ..folder.options() };
    trace(&options, |tracer| {
        tracer.sip(Time::ZERO, Direction::In, &flow(), &message("INVITE", "one", 0));
        let mut call = tracer.call(Time::ZERO, "a-1", "one");
        call.listens("192.0.2.9:10000".parse().unwrap());
        for _ in 0..1000 {
            call.datagram(Time::ZERO, Direction::In, rtp(&[0x80; 172]));
        }
        tracer.sip(Time::ZERO, Direction::In, &flow(), &message("BYE", "one", 0));
        call.end(Time::ZERO);
    });
    let length = fs::metadata(path_of(&folder.0, "a-1").unwrap()).unwrap().len();
    assert!((70_000..=100_100).contains(&length), "{length}");
    let ladder = ladder::read(fs::File::open(path_of(&folder.0, "a-1").unwrap()).unwrap());
    assert!(ladder.steps.iter().any(|step| step.what == "BYE"));
    let kept = ladder.streams[0].packets;
    assert_eq!(ladder.dropped, 1000 - kept, "what is missing is told");
}

#[test]
fn the_oldest_traces_go_first_and_other_files_stay() {
    let folder = Folder::new();
    fs::create_dir_all(&folder.0).unwrap();
    for (name, age) in [("a-1.pcapng", 300), ("a-2.pcapng", 200), ("a-3.pcapng", 100), ("mine.pcapng", 400)] {
        let file = fs::File::create(folder.0.join(name)).unwrap();
        file.set_len(1000).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    // by number of files: one new one takes the place of the oldest
    let options = Options { files: 3, ..folder.options() };
    trace(&options, |tracer| tracer.call(Time::ZERO, "b-1", "one").end(Time::ZERO));
    assert_eq!(folder.names(), ["a-2.pcapng", "a-3.pcapng", "b-1.pcapng", "mine.pcapng"]);
    // by bytes
    let options = Options { total_bytes: 3000, ..folder.options() };
    trace(&options, |tracer| {
        tracer.sip(Time::ZERO, Direction::In, &flow(), &message("INVITE", "two", 1500));
        tracer.call(Time::ZERO, "b-2", "two").end(Time::ZERO);
    });
    assert_eq!(folder.names(), ["b-1.pcapng", "b-2.pcapng", "mine.pcapng"]);
    // more than there is room for is not kept at all, and the running trace is not what goes
    trace(&options, |tracer| {
        tracer.sip(Time::ZERO, Direction::In, &flow(), &message("INVITE", "three", 5000));
        tracer.call(Time::ZERO, "b-3", "three").end(Time::ZERO);
    });
    assert_eq!(frames(&folder, "b-3").len(), 0);
}

#[test]
fn a_folder_that_cannot_be_is_told_at_the_start() {
    let folder = Folder::new();
    fs::write(&folder.0, "a file").unwrap();
    let error = start(&folder.options(), EPOCH).err().unwrap();
    assert!(error.to_string().contains(&folder.0.display().to_string()), "{error}");
    fs::remove_file(&folder.0).unwrap();
}

#[test]
fn a_folder_that_vanishes_costs_traces_and_nothing_else() {
    let folder = Folder::new();
    trace(&folder.options(), |tracer| {
        fs::remove_dir_all(&folder.0).unwrap();
        let mut call = tracer.call(Time::ZERO, "a-1", "one");
        call.listens("192.0.2.9:10000".parse().unwrap());
        call.datagram(Time::ZERO, Direction::In, rtp(&[0x80; 172]));
        call.end(Time::ZERO);
    });
    assert!(!folder.0.exists());
}

/// A disk with room for this many bytes.
struct Disk {
    content: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl io::Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut content = self.content.lock().unwrap();
        let count = bytes.len().min(self.room - content.len());
        if count == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        content.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Disk {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.content.lock().unwrap().truncate(length as usize);
        Ok(())
    }
}

#[test]
fn a_full_disk_leaves_a_trace_that_ends_with_its_last_whole_block() {
    let content = Arc::new(Mutex::new(Vec::new()));
    let mut file = book::OpenFile::new(PathBuf::new(), Box::new(Disk { content: Arc::clone(&content), room: 1000 }));
    let add = |file: &mut book::OpenFile| {
        let mut block = Vec::new();
        pcapng::packet(&mut block, EPOCH, Direction::In, &[0x45; 300]);
        file.push(&block);
    };
    add(&mut file);
    file.write().unwrap();
    (0..5).for_each(|_| add(&mut file));
    assert_eq!(file.write().unwrap_err().kind(), io::ErrorKind::StorageFull);
    let content = content.lock().unwrap();
    let mut capture = Capture::new(content.as_slice()).unwrap();
    assert!(capture.next_frame().unwrap().is_some());
    assert!(capture.next_frame().unwrap().is_none(), "and no damage behind it");
}

#[test]
fn a_queue_that_is_full_drops_media_first_and_counts_it() {
    // nobody reads this queue
    let (sender, _inbox) = sync_channel(QUEUE);
    let waiting = Arc::new(AtomicUsize::new(0));
    let inner = Inner { sender, waiting, dropped: AtomicU64::new(0), epoch: EPOCH };
    let tracer = Tracer(Some(Arc::new(inner)));
    let mut call = tracer.call(Time::ZERO, "a-1", "one");
    call.listens("192.0.2.9:10000".parse().unwrap());
    for _ in 0..QUEUE {
        call.datagram(Time::ZERO, Direction::In, rtp(&[0x80; 20]));
    }
    assert_eq!(call.dropped as usize, QUEUE - (MEDIA_QUEUE - 1));
    tracer.sip(Time::ZERO, Direction::In, &flow(), &message("BYE", "one", 0));
    assert_eq!(tracer.0.as_ref().unwrap().dropped.load(Ordering::Relaxed), 0, "there is room for signalling");
    for _ in 0..QUEUE {
        tracer.sip(Time::ZERO, Direction::In, &flow(), &message("BYE", "one", 0));
    }
    assert!(tracer.0.as_ref().unwrap().dropped.load(Ordering::Relaxed) > 0);
}

/// The reader takes packets out while several threads put them in: as there are fewer than fit, none may be dropped.
#[test]
fn nothing_is_dropped_while_there_is_room() {
    let folder = Folder::new();
    let options = Options { call_bytes: 8 << 20, total_bytes: 64 << 20, ..folder.options() };
    trace(&options, |tracer| {
        std::thread::scope(|scope| {
            for id in ["a-1", "a-2", "a-3", "a-4"] {
                scope.spawn(move || {
                    let mut call = tracer.call(Time::ZERO, id, id);
                    call.listens("192.0.2.9:10000".parse().unwrap());
                    for _ in 0..1500 {
                        call.datagram(Time::ZERO, Direction::In, rtp(&[0x80; 20]));
                    }
                    assert_eq!(call.dropped, 0);
                    call.end(Time::ZERO);
                });
            }
        });
    });
    assert_eq!(frames(&folder, "a-4").len(), 1500);
}

#[test]
fn a_stream_is_numbered_so_that_readers_join_it_again() {
    let folder = Folder::new();
    let tcp = Flow { transport: Transport::Tcp, ..flow() };
    trace(&folder.options(), |tracer| {
        tracer.sip(Time::ZERO, Direction::In, &tcp, &message("INVITE", "one", 0));
        tracer.sip(Time::ZERO, Direction::In, &tcp, &message("INVITE", "one", 7));
        tracer.call(Time::ZERO, "a-1", "one").end(Time::ZERO);
    });
    let frames = frames(&folder, "a-1");
    let sequence = |frame: &[u8]| u32::from_be_bytes(*frame[24..].first_chunk().unwrap());
    let first = message("INVITE", "one", 0).len() as u32;
    assert_eq!((sequence(&frames[0]), sequence(&frames[1])), (1, 1 + first));
}
