#!/usr/bin/env python3
"""make_keys.py events|inband SCRIPT FILE.pcap: RTP of somebody keying SCRIPT, as a capture for SIPp's play_pcap_audio.

SCRIPT is keys and pauses: a digit is a key of 100 ms and a pause of 100 ms, a comma a pause of half a second. `events` keys by
RFC 4733 (payload type 101, three end packets), `inband` by tones in PCMU. Standard library only."""
import math, struct, sys

RATE, FRAME = 8000, 160
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"
EVENTS = "0123456789*#ABCD"

def ulaw(x):
    """ITU-T G.711, Table 2a, from 16-bit linear."""
    sign, x = (0x80, -x) if x < 0 else (0, x)
    x = min(x, 32635) + 132
    exponent = x.bit_length() - 8
    return ~(sign | exponent << 4 | (x >> (exponent + 3)) & 15) & 0xFF

def tone(key, start, samples):
    low, high = LOW[KEYS.index(key) // 4], HIGH[KEYS.index(key) % 4]
    return [int(6000 * (math.sin(2 * math.pi * low * (start + n) / RATE) + math.sin(2 * math.pi * high * (start + n) / RATE)))
            for n in range(samples)]

def main(way, script, path):
    packets, sequence, now = [], 1000, 0  # now: samples; the RTP timestamp wraps on the way
    base = 0xFFFFFFFF - 4 * RATE
    def send(marker, payload_type, timestamp, payload):
        nonlocal sequence
        header = struct.pack(">BBHII", 0x80, marker << 7 | payload_type, sequence & 0xFFFF, (base + timestamp) & 0xFFFFFFFF, 0x1234ABCD)
        packets.append((now, header + payload)); sequence += 1
    def silence(frames):
        nonlocal now
        for _ in range(frames):
            send(0, 0, now, b"\xff" * FRAME); now += FRAME
    for key in script:
        if key == ",":
            silence(25)
        elif way == "events":
            start = now
            for step in range(1, 6):
                send(step == 1, 101, start, struct.pack(">BBH", EVENTS.index(key), 10, step * FRAME)); now += FRAME
            for _ in range(3):
                send(0, 101, start, struct.pack(">BBH", EVENTS.index(key), 0x80 | 10, 5 * FRAME))
            silence(5)
        else:
            samples = tone(key, now, 5 * FRAME)
            for at in range(0, len(samples), FRAME):
                send(0, 0, now, bytes(ulaw(x) for x in samples[at:at + FRAME])); now += FRAME
            silence(5)
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, payload in packets:
            udp = struct.pack(">HHHH", 6000, 6000, 8 + len(payload), 0) + payload
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1]))
            frame = b"\0" * 12 + b"\x08\x00" + ip + udp
            micros = at * 1_000_000 // RATE
            out.write(struct.pack("<IIII", micros // 1_000_000, micros % 1_000_000, len(frame), len(frame)) + frame)

main(*sys.argv[1:])
