//! Plays prompts to the caller: encoded frames, one prompt after the other, and silence.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::audio::g711::Law;
use crate::audio::prompt::Bank;
use crate::ivr::PromptName;

/// Plays prompts from a bank.
#[derive(Debug)]
pub(super) struct Player {
    bank: Arc<Bank>,
    law: Law,
    queue: VecDeque<&'static str>,
    /// Samples of the queue's first prompt that are out.
    position: usize,
    /// Whether the end of the last `play` was already reported.
    reported: bool,
}

impl Player {
    /// A silent player.
    pub(super) fn new(bank: Arc<Bank>, law: Law) -> Player {
        Player { bank, law, queue: VecDeque::new(), position: 0, reported: true }
    }

    /// Plays `prompts` instead of what is playing.
    pub(super) fn play(&mut self, prompts: &[PromptName]) {
        self.queue = prompts.iter().map(|prompt| prompt.as_str()).collect();
        self.position = 0;
        self.reported = false;
    }

    /// Falls silent. [`Player::finished`] does not report the end of interrupted prompts.
    pub(super) fn stop(&mut self) {
        self.queue.clear();
        self.position = 0;
        self.reported = true;
    }

    /// Goes on in another law from here (after a re-negotiation).
    pub(super) fn set_law(&mut self, law: Law) {
        self.law = law;
    }

    /// Fills `frame` with the next samples, silence where there is nothing to play.
    pub(super) fn fill(&mut self, frame: &mut [u8]) {
        let mut filled = 0;
        while filled < frame.len() {
            let Some(name) = self.queue.front() else { break };
            // a name that the bank lacks is skipped: a silent prompt is better than a dead call
            let clip = self.bank.clip(name).map(|clip| clip.encoded(self.law)).unwrap_or_default();
            let rest = clip.get(self.position..).unwrap_or_default();
            let count = rest.len().min(frame.len() - filled);
            if let (Some(to), Some(from)) = (frame.get_mut(filled..filled + count), rest.get(..count)) {
                to.copy_from_slice(from);
            }
            filled += count;
            self.position += count;
            if count == rest.len() {
                self.queue.pop_front();
                self.position = 0;
            }
        }
        frame.iter_mut().skip(filled).for_each(|sample| *sample = self.law.silence());
    }

    /// Whether the prompts are out to the last sample, and [`Player::finished`] has not reported it.
    pub(super) fn is_finished(&self) -> bool {
        self.queue.is_empty() && !self.reported
    }

    /// Whether the prompts are out to the last sample; true once.
    pub(super) fn finished(&mut self) -> bool {
        let finished = self.is_finished();
        self.reported |= finished;
        finished
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ivr::ALL_PROMPTS;

    fn player() -> (Player, Arc<Bank>) {
        let bank = Arc::new(Bank::builtin());
        (Player::new(Arc::clone(&bank), Law::Mu), bank)
    }

    #[test]
    fn prompts_follow_each_other_without_a_gap_and_end_in_silence() {
        let (mut player, bank) = player();
        let (one, two) = (ALL_PROMPTS[0], ALL_PROMPTS[1]);
        player.play(&[one, two]);
        let expected =
            [bank.clip(one.as_str()).unwrap().pcmu.clone(), bank.clip(two.as_str()).unwrap().pcmu.clone()].concat();
        let mut heard = Vec::new();
        let mut frame = [0; 160];
        while !player.finished() {
            player.fill(&mut frame);
            heard.extend_from_slice(&frame);
        }
        assert_eq!(heard, expected);
        assert!(!player.finished(), "reported once");
        player.fill(&mut frame);
        assert_eq!(frame, [0xFF; 160]);
    }

    #[test]
    fn what_is_stopped_is_never_told_to_be_finished() {
        let (mut player, _) = player();
        player.play(&[ALL_PROMPTS[0]]);
        player.fill(&mut [0; 160]);
        player.stop();
        assert!(!player.finished());
    }

    #[test]
    fn frames_of_any_length_carry_the_same_sound() {
        let (mut player, bank) = player();
        let name = ALL_PROMPTS[0];
        player.play(&[name]);
        let mut heard = Vec::new();
        for length in [80, 240, 480, 160].into_iter().cycle() {
            if player.finished() {
                break;
            }
            let mut frame = vec![0; length];
            player.fill(&mut frame);
            heard.extend(frame);
        }
        let clip = &bank.clip(name.as_str()).unwrap().pcmu;
        assert_eq!(&heard[..clip.len()], &clip[..]);
        assert!(heard[clip.len()..].iter().all(|&sample| sample == 0xFF));
    }
}
