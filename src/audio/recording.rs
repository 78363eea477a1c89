//! A recording as a telephone line would carry it: any WAV file, channel by channel, as 8 kHz 16-bit samples.

use std::io::Read;

use super::SAMPLE_RATE;
use super::resample::Resampler;
use super::wav::{Reader, Warning, WavError, to_i16};

/// A WAV file, converted to 8 kHz while it is read, in bounded memory.
pub struct Recording<R> {
    reader: Reader<R>,
    /// One a channel; gone once the file has ended.
    resamplers: Vec<Resampler>,
    interleaved: Vec<f32>,
    one: Vec<f32>,
    converted: Vec<f32>,
    ended: bool,
}

impl<R: Read> Recording<R> {
    /// Reads up to the first sample.
    pub fn new(input: R) -> Result<Recording<R>, WavError> {
        let reader = Reader::new(input)?;
        let resamplers = (0..reader.channels()).map(|_| Resampler::new(reader.rate(), SAMPLE_RATE)).collect();
        Ok(Recording {
            reader,
            resamplers,
            interleaved: Vec::new(),
            one: Vec::new(),
            converted: Vec::new(),
            ended: false,
        })
    }

    /// Number of channels; at least one.
    pub fn channels(&self) -> usize {
        self.reader.channels()
    }

    /// Samples a second in the file, before the conversion.
    pub fn rate(&self) -> u32 {
        self.reader.rate()
    }

    /// The faults of the file so far.
    pub fn warnings(&self) -> &[Warning] {
        self.reader.warnings()
    }

    /// Appends the next samples of each channel to its vector in `out` (missing vectors are added); false at the end.
    pub fn read(&mut self, out: &mut Vec<Vec<i16>>) -> Result<bool, WavError> {
        if self.ended {
            return Ok(false);
        }
        out.resize_with(out.len().max(self.channels()), Vec::new);
        self.interleaved.clear();
        if self.reader.read(&mut self.interleaved)? {
            self.convert(out);
        } else {
            self.finish(out);
        }
        Ok(true)
    }

    /// The whole recording as one channel, the mean of all, up to `limit` samples; true if there were more.
    pub fn read_mono(&mut self, limit: usize) -> Result<(Vec<i16>, bool), WavError> {
        let mut channels = Vec::new();
        while channels.first().is_none_or(|first: &Vec<i16>| first.len() <= limit) {
            if !self.read(&mut channels)? {
                break;
            }
        }
        let length = channels.iter().map(Vec::len).min().unwrap_or(0);
        let mix = |n| {
            let sum: i64 = channels.iter().filter_map(|channel| channel.get(n)).map(|&sample| i64::from(sample)).sum();
            i16::try_from(sum / channels.len().max(1) as i64).unwrap_or_default()
        };
        Ok(((0..length.min(limit)).map(mix).collect(), length > limit))
    }

    fn convert(&mut self, out: &mut [Vec<i16>]) {
        let count = self.resamplers.len();
        for (n, (resampler, out)) in self.resamplers.iter_mut().zip(out).enumerate() {
            self.one.clear();
            self.one.extend(self.interleaved.iter().skip(n).step_by(count));
            self.converted.clear();
            resampler.process(&self.one, &mut self.converted);
            out.extend(self.converted.iter().copied().map(to_i16));
        }
    }

    fn finish(&mut self, out: &mut [Vec<i16>]) {
        self.ended = true;
        for (resampler, out) in self.resamplers.drain(..).zip(out) {
            self.converted.clear();
            resampler.finish(&mut self.converted);
            out.extend(self.converted.iter().copied().map(to_i16));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use super::super::wav;
    use super::*;

    fn file(rate: u32, channels: &[&[i16]]) -> Recording<Cursor<Vec<u8>>> {
        let mut bytes = Cursor::new(Vec::new());
        wav::write(&mut bytes, rate, channels).unwrap();
        Recording::new(Cursor::new(bytes.into_inner())).unwrap()
    }

    #[test]
    fn channels_stay_apart() {
        let (left, right) = (vec![1000; 20_000], vec![-2000; 20_000]);
        let mut recording = file(8000, &[&left, &right]);
        let mut out = Vec::new();
        while recording.read(&mut out).unwrap() {}
        assert_eq!(out, [left, right]);
    }

    #[test]
    fn another_rate_comes_out_at_8_khz() {
        let mut recording = file(48_000, &[&[5000; 48_000]]);
        let mut out = Vec::new();
        while recording.read(&mut out).unwrap() {}
        assert_eq!(out[0].len(), 8000);
        assert!(out[0][100..7900].iter().all(|sample| (4995..=5005).contains(sample)));
    }

    #[test]
    fn one_channel_is_the_mean_and_stops_at_the_limit() {
        let mut recording = file(8000, &[&[100; 50_000], &[300; 50_000]]);
        let (samples, more) = recording.read_mono(30_000).unwrap();
        assert_eq!((samples.len(), samples[0], more), (30_000, 200, true));
        let (samples, more) = file(8000, &[&[100; 500]]).read_mono(500).unwrap();
        assert_eq!((samples.len(), more), (500, false));
    }
}
