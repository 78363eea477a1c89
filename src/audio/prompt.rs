//! The bank of spoken prompts: by name, ready to be sent in either law.
//!
//! The prompts that the binary carries can be replaced by a folder of WAV files with the same names: another voice, another
//! language. A folder is checked whole before a single call hears it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::FRAME;
use super::g711::Law;
use super::recording::Recording;
use super::wav::WavError;

/// The longest prompt that is accepted, in samples: two minutes.
const LONGEST: usize = 120 * 8000;

macro_rules! builtin {
    ($($name:literal)*) => {
        &[$(($name, include_bytes!(concat!("../../prompts/audio/", $name, ".wav")))),*]
    };
}

/// Every prompt's name and its WAV file.
const BUILTIN: &[(&str, &[u8])] = builtin![
    "greeting" "menu-unit" "ask-customer-number" "offer-number-before" "offer-number-after" "ask-number"
    "ask-password" "length-from" "length-to" "length-exactly" "ask-password-end" "ask-password-again"
    "length-4" "length-5" "length-6" "length-7" "length-8" "length-9" "length-10"
    "length-11" "length-12" "length-13" "length-14" "length-15" "length-16"
    "read-back-before" "read-back-after" "saving" "done" "goodbye"
    "digit-0" "digit-1" "digit-2" "digit-3" "digit-4" "digit-5" "digit-6" "digit-7" "digit-8" "digit-9" "group-no"
    "invalid-key" "no-input" "customer-number-wrong" "number-invalid" "number-not-in-contract"
    "password-too-short" "password-too-long" "password-one-digit" "password-run" "password-own-number"
    "password-mismatch" "cleared" "store-failed" "not-confirmed" "overtaken" "too-many-invalid" "too-many-timeouts"
    "refused-withheld" "refused-line" "refused-unidentified"
];

/// Why a folder of prompts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    /// The folder does not exist, is no folder, or may not be read.
    #[error("the prompt folder {} cannot be read: {source}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// Prompts are missing.
    #[error(
        "the prompt folder {} lacks {}; it needs one WAV file for each prompt, preferably 8 kHz mono 16-bit",
        .folder.display(),
        .missing.iter().map(|name| format!("{name}.wav")).collect::<Vec<_>>().join(", ")
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// Names of the prompts that it lacks.
        missing: Vec<String>,
    },
    /// A file exists but cannot be opened.
    #[error("the prompt {} cannot be opened: {source}", .file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file is not a readable WAV file.
    #[error("the prompt {} cannot be used: {source} (needed: a WAV file, preferably 8 kHz mono 16-bit)", .file.display())]
    Wav {
        /// The file.
        file: PathBuf,
        /// The fault.
        source: WavError,
    },
    /// A file has an unusable length.
    #[error("the prompt {} {problem}; needed is a sound of up to 120 seconds", .file.display())]
    Length {
        /// The file.
        file: PathBuf,
        /// `is empty`, `is too long` or `is cut off`.
        problem: &'static str,
    },
}

/// One prompt in three forms, padded with silence to whole frames of 20 ms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// 16-bit linear samples.
    pub pcm: Vec<i16>,
    /// The same in µ-law.
    pub pcmu: Vec<u8>,
    /// The same in A-law.
    pub pcma: Vec<u8>,
}

impl Clip {
    /// A clip of 8 kHz samples.
    pub fn new(mut pcm: Vec<i16>) -> Clip {
        pcm.resize(pcm.len().next_multiple_of(FRAME), 0);
        Clip { pcmu: Law::Mu.encode_all(&pcm), pcma: Law::A.encode_all(&pcm), pcm }
    }

    /// The bytes to send in `law`.
    pub fn encoded(&self, law: Law) -> &[u8] {
        match law {
            Law::Mu => &self.pcmu,
            Law::A => &self.pcma,
        }
    }

    /// Its length in frames of 20 ms.
    pub fn frames(&self) -> usize {
        self.pcm.len() / FRAME
    }
}

/// All prompts by name.
#[derive(Clone, Debug)]
pub struct Bank {
    clips: BTreeMap<String, Clip>,
}

impl Bank {
    /// The prompts in the program itself.
    pub fn builtin() -> Bank {
        let clips = BUILTIN.iter().filter_map(|&(name, wav)| {
            let (samples, _) = Recording::new(wav).ok()?.read_mono(LONGEST).ok()?;
            Some((name.to_owned(), Clip::new(samples)))
        });
        Bank { clips: clips.collect() }
    }

    /// The prompts in `folder`, one `NAME.wav` for each name of [`names_wanted`]; other files are ignored. Any WAV file that
    /// can be read is taken: another rate is converted, several channels become one.
    pub fn load(folder: &Path) -> Result<Bank, BankError> {
        std::fs::read_dir(folder).map_err(|source| BankError::Folder { folder: folder.to_owned(), source })?;
        let file = |name: &str| folder.join(format!("{name}.wav"));
        let missing: Vec<String> = names_wanted().filter(|name| !file(name).exists()).map(str::to_owned).collect();
        if !missing.is_empty() {
            return Err(BankError::Missing { folder: folder.to_owned(), missing });
        }
        let clips = names_wanted().map(|name| Ok((name.to_owned(), load_clip(file(name))?)));
        Ok(Bank { clips: clips.collect::<Result<_, _>>()? })
    }

    /// A prompt by name.
    pub fn clip(&self, name: &str) -> Option<&Clip> {
        self.clips.get(name)
    }

    /// The names of all prompts, in order of the alphabet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.clips.keys().map(String::as_str)
    }
}

/// The names that a bank must have.
pub fn names_wanted() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|&(name, _)| name)
}

fn load_clip(file: PathBuf) -> Result<Clip, BankError> {
    match File::open(&file) {
        Ok(opened) => read_clip(BufReader::new(opened), file),
        Err(source) => Err(BankError::Open { file, source }),
    }
}

fn read_clip(input: impl Read, file: PathBuf) -> Result<Clip, BankError> {
    let read = Recording::new(input).and_then(|mut recording| {
        let (samples, more) = recording.read_mono(LONGEST)?;
        Ok((samples, more, recording.warnings().is_empty()))
    });
    match read {
        Err(source) => Err(BankError::Wav { file, source }),
        Ok((_, true, _)) => Err(BankError::Length { file, problem: "is too long" }),
        Ok((samples, _, _)) if samples.is_empty() => Err(BankError::Length { file, problem: "is empty" }),
        Ok((_, _, false)) => Err(BankError::Length { file, problem: "is cut off" }),
        Ok((samples, _, true)) => Ok(Clip::new(samples)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::wav;
    use super::*;

    /// A folder with a good file for every prompt, that goes away with its value.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Folder {
            let folder = std::env::temp_dir().join(format!("karipass-prompts-{test}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let all = Folder(folder);
            names_wanted().for_each(|name| all.put(name, 8000, &[&[500; 200]]));
            all
        }

        fn put(&self, name: &str, rate: u32, channels: &[&[i16]]) {
            wav::write(File::create(self.file(name)).unwrap(), rate, channels).unwrap();
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.join(format!("{name}.wav"))
        }

        fn error(&self) -> String {
            Bank::load(&self.0).unwrap_err().to_string()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_builtin_bank_has_every_prompt_in_whole_frames() {
        let bank = Bank::builtin();
        assert_eq!(bank.names().count(), names_wanted().count());
        for name in names_wanted() {
            let clip = bank.clip(name).unwrap();
            assert!(clip.frames() > 0 && clip.pcm.len().is_multiple_of(FRAME), "{name}");
            assert_eq!((clip.pcmu.len(), clip.pcma.len()), (clip.pcm.len(), clip.pcm.len()), "{name}");
        }
        assert!(bank.clip("no-such-prompt").is_none());
    }

    #[test]
    fn every_builtin_prompt_has_sound_of_sane_length() {
        let bank = Bank::builtin();
        for name in names_wanted() {
            let pcm = &bank.clip(name).unwrap().pcm;
            let seconds = pcm.len() as f64 / 8000.0;
            assert!((0.1..30.0).contains(&seconds), "{name} lasts {seconds} s");
            let peak = pcm.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            assert!((3000..32_000).contains(&peak), "{name} peaks at {peak}");
            let silent = pcm.iter().take_while(|sample| sample.unsigned_abs() < 200).count();
            assert!(silent <= 800, "{name} starts with {} ms of silence", silent / 8);
        }
    }

    #[test]
    fn a_clip_is_padded_with_silence() {
        let clip = Clip::new(vec![8031 * 4; 161]);
        assert_eq!(clip.pcm.len(), 320);
        assert_eq!((clip.pcmu[160], clip.pcmu[161]), (0x80, Law::Mu.silence()));
        assert_eq!(clip.encoded(Law::A)[319], Law::A.silence());
    }

    #[test]
    fn a_folder_replaces_the_prompts_whatever_their_rate() {
        let folder = Folder::new("good");
        folder.put("greeting", 48_000, &[&[900; 48_000], &[1100; 48_000]]);
        let bank = Bank::load(&folder.0).unwrap();
        assert_eq!(bank.clip("greeting").unwrap().frames(), 50);
        assert!((995..=1005).contains(&bank.clip("greeting").unwrap().pcm[4000]));
        assert_eq!(bank.clip("done").unwrap().frames(), 2);
    }

    #[test]
    fn a_folder_that_lacks_prompts_is_refused_by_name() {
        let folder = Folder::new("missing");
        std::fs::remove_file(folder.file("digit-7")).unwrap();
        std::fs::remove_file(folder.file("goodbye")).unwrap();
        assert!(folder.error().contains("lacks goodbye.wav, digit-7.wav"), "{}", folder.error());
        let error = Bank::load(Path::new("no/such/folder")).unwrap_err().to_string();
        assert!(error.contains("no/such/folder"), "{error}");
    }

    #[test]
    fn a_bad_file_is_named_with_what_is_wrong() {
        let folder = Folder::new("bad");
        std::fs::write(folder.file("done"), "not sound").unwrap();
        assert!(folder.error().contains("done.wav cannot be used: not a WAV file"), "{}", folder.error());
        folder.put("done", 8000, &[&[]]);
        assert!(folder.error().contains("done.wav is empty"), "{}", folder.error());
        folder.put("done", 8000, &[&[1; 500]]);
        let whole = std::fs::read(folder.file("done")).unwrap();
        std::fs::write(folder.file("done"), &whole[..600]).unwrap();
        assert!(folder.error().contains("done.wav is cut off"), "{}", folder.error());
        folder.put("done", 8000, &[&vec![1; LONGEST + 1]]);
        assert!(folder.error().contains("done.wav is too long"), "{}", folder.error());
    }
}
