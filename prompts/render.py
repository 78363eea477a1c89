"""render.py [NAME …]: speaks the prompts of text.toml into audio/NAME.wav (8 kHz, 16-bit, mono). Runs offline, and
gives the same bytes every time.

    pip install pyopenjtalk-plus==0.4.1.post10 numpy scipy

A prompt is spoken at 48 kHz sentence by sentence, cut out of its carrier sentence where it has one, brought to one
loudness (active speech level, ITU-T P.56), limited to the telephone band, resampled and faded. A table of what came
out goes to stdout: length and leading silence in ms, peak in dBFS, active level in dBm0."""
import math, pathlib, re, sys, tomllib, wave
import numpy as np
import pyopenjtalk
from scipy import signal

HERE = pathlib.Path(__file__).resolve().parent
VOICE_RATE, RATE = 48_000, 8_000
BAND = (300.0, 3_400.0)
LEVEL_DBM0 = -20.0           # active speech level
PEAK_LIMIT = 24_000          # 2.5 dB under the top of G.711
LEAD_MS, SENTENCE_PAUSE_MS, GAP_MS = 20, 350, 300
FRAME = 160                  # a prompt is whole 20 ms packets


def main():
    prompts = tomllib.loads((HERE / "text.toml").read_text(encoding="utf-8"))["prompts"]
    print("name", "length_ms", "leading_silence_ms", "peak_dbfs", "active_level_dbm0", sep="\t")
    for name in sys.argv[1:] or prompts:
        samples = render(prompts[name])
        write(HERE / "audio" / f"{name}.wav", samples)
        print(name, *measures(samples), sep="\t")


def render(prompt):
    say = prompt.get("say", prompt["text"])
    before, after = prompt["within"].split("{}") if "within" in prompt else ("", "")
    first, *rest = sentences(say)
    pieces = [spoken(before, first, "" if rest else after)] + [spoken("", sentence, "") for sentence in rest]
    lead = 0 if joins_before(before) else prompt.get("lead", LEAD_MS)
    whole = in_frames(lead, join(pieces, SENTENCE_PAUSE_MS), prompt.get("gap", GAP_MS))
    whole *= 10 ** ((LEVEL_DBM0 - active_level(whole)) / 20)
    peak = np.abs(whole).max()
    if peak > PEAK_LIMIT:
        raise SystemExit(f"{prompt['text']}: peak {peak:.0f} is over {PEAK_LIMIT}")
    return np.round(whole).astype("<i2")


def in_frames(lead_ms, speech, gap_ms):
    """The speech between its silences, as whole packets: what is over or missing is taken from the silence after it, or,
    where there shall be none, from the silence before it."""
    lead, gap = (RATE * ms // 1000 for ms in (lead_ms, gap_ms))
    length = lead + len(speech) + gap
    if gap or not lead:
        gap += -length % FRAME
    else:
        lead += (FRAME // 2 - length) % FRAME - FRAME // 2 if lead >= FRAME // 2 else -length % FRAME
    return np.concatenate([np.zeros(lead), speech, np.zeros(gap)])


def sentences(text):
    return re.findall("[^。]+。?", text)


def joins_before(before):
    """Whether the part is cut out of running speech, so that no silence belongs before it."""
    return before != "" and not before.endswith("、")


def spoken(before, part, after):
    """One sentence by the voice at 8 kHz, and of it only `part`."""
    labels = pyopenjtalk.make_label(pyopenjtalk.run_frontend(before + part + after))
    samples, rate = pyopenjtalk.synthesize(labels)
    assert rate == VOICE_RATE
    narrow = to_telephone(clear_pa(samples, labels))
    if before or after:
        start, end = find_phonemes(phonemes(labels), before, part)
        narrow = narrow[duration(labels[:start]) : duration(labels[:end])]
    return fade(trim(narrow))


def duration(labels):
    """How many 8 kHz samples the labels take: a phoneme's length follows from its own label, not from what comes after."""
    return len(pyopenjtalk.synthesize(labels)[0]) * RATE // VOICE_RATE if labels else 0


def phonemes(labels):
    """The phoneme of each full-context label, `b` of `x^a-b+c=d/…`; a devoiced vowel is written like a voiced one."""
    return [label.split("-", 1)[1].split("+", 1)[0].lower() for label in labels]


def find_phonemes(all_, before, part):
    """Where `part` lies in the whole sentence: the first place after `before` where its phonemes occur."""
    def alone(text):
        return [p.lower() for p in pyopenjtalk.g2p(text, join=False) if p != "pau"]

    wanted, speech = alone(part), [i for i, p in enumerate(all_) if p not in ("pau", "sil")]
    for first in range(len(alone(before)), len(speech) - len(wanted) + 1):
        at = speech[first : first + len(wanted)]
        if [all_[i] for i in at] == wanted:
            return at[0], at[-1] + 1
    raise SystemExit(f"{part}: {wanted} is not in {all_}")


def clear_pa(samples, labels):
    """This voice's パ is heard as タ: its burst and the start of its vowel have the high frequencies of a タ. Both lose
    what is over 1.2 kHz, and a recogniser hears a パ in most places."""
    dark = signal.sosfiltfilt(signal.butter(2, 1_200, fs=VOICE_RATE, output="sos"), samples)
    share, names = np.zeros(len(samples)), phonemes(labels)
    for i in (i for i, pair in enumerate(zip(names, names[1:])) if pair == ("p", "a")):
        start, vowel = (duration(labels[:k]) * VOICE_RATE // RATE for k in (i, i + 1))
        share[start : vowel + VOICE_RATE * 40 // 1000] = 1.0
    ramp = np.hanning(VOICE_RATE * 5 // 1000)
    share = np.convolve(share, ramp / ramp.sum(), "same")
    return samples * (1.0 - share) + dark * share


def trim(samples, head_db=42.0, tail_db=52.0, window=RATE // 200):
    """Cuts what is so far under the loudest 5 ms at either end, and leaves 10 ms of it. The tail keeps weaker sounds:
    the s of です is one."""
    energy = np.sqrt(np.convolve(samples**2, np.ones(window) / window, "same"))
    head = np.flatnonzero(energy > energy.max() * 10 ** (-head_db / 20))[0]
    tail = np.flatnonzero(energy > energy.max() * 10 ** (-tail_db / 20))[-1]
    margin = RATE // 100
    return samples[max(0, head - margin) : tail + margin]


def fade(samples, ms=5):
    n = RATE * ms // 1000
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)
    samples = samples.copy()
    samples[:n] *= ramp
    samples[-n:] *= ramp[::-1]
    return samples


def silence(ms):
    return np.zeros(RATE * ms // 1000)


def join(pieces, pause_ms):
    out = [pieces[0]]
    for piece in pieces[1:]:
        out += [silence(pause_ms), piece]
    return np.concatenate(out)


def to_telephone(samples):
    """48 kHz → 300 … 3400 Hz → 8 kHz: one linear-phase filter, 60 dB down from 4 kHz and below 150 Hz, then every
    sixth sample. The filter's delay is taken off, so that nothing shifts."""
    taps, beta = signal.kaiserord(60.0, 150.0 / (VOICE_RATE / 2))
    taps |= 1
    edges = (BAND[0] - 75.0, BAND[1] + 150.0)
    kernel = signal.firwin(taps, edges, window=("kaiser", beta), pass_zero=False, fs=VOICE_RATE)
    return signal.resample_poly(samples, 1, VOICE_RATE // RATE, window=kernel)


def active_level(samples):
    """Active speech level in dBm0 (ITU-T P.56, method B): 0 dBm0 is a sine 3.17 dB under the top of mu-law, 32124."""
    reference = 32124.0 / math.sqrt(2.0) * 10 ** (-3.17 / 20)
    g = math.exp(-1.0 / (0.03 * RATE))
    envelope = signal.lfilter([1 - g], [1, -g], signal.lfilter([1 - g], [1, -g], np.abs(samples)))
    hangover, energy = int(0.2 * RATE), float(np.sum(samples.astype(float) ** 2))
    floor = np.abs(samples).max() * 2.0**-15
    earlier = None
    for step in range(15, -1, -1):
        threshold = floor * 2.0**step
        above = np.flatnonzero(envelope >= threshold)
        if len(above) == 0:
            continue
        ends = np.minimum(np.diff(np.append(above, len(samples))), hangover + 1)
        active = 10 * math.log10(energy / float(np.sum(ends)))
        distance = active - 20 * math.log10(threshold) - 15.9
        if distance >= 0:
            if earlier is not None:
                share = earlier[1] / (earlier[1] - distance)
                active = earlier[0] + (active - earlier[0]) * share
            return active - 20 * math.log10(reference)
        earlier = (active, distance)
    raise ValueError("no speech")


def measures(samples):
    """Length, silence before the first sample over -50 dBFS, peak, active level."""
    loud = np.flatnonzero(np.abs(samples.astype(float)) > 32768 * 10 ** (-50 / 20))
    peak = 20 * math.log10(np.abs(samples.astype(float)).max() / 32768)
    return (len(samples) * 1000 // RATE, loud[0] * 1000 // RATE, f"{peak:.1f}", f"{active_level(samples):.1f}")


def write(path, samples):
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


if __name__ == "__main__":
    main()
