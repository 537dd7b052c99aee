"""G.711 against a reference of its own: the decision values of the recommendation, one by one."""

import numpy as np
import pytest

from offhook.dsp.codecs import g711
from offhook.dsp.level import dbm0

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_OCTET = np.arange(256).astype(np.uint8)


def ulaw_intervals() -> list[tuple[int, int]]:
    """(lowest magnitude, output) of each of the 128 intervals in 16 bits, from G.711 table 2 (14 bits there).

    Interval 0 is 0..1 -> 0; segment s has steps of 2 ** (s + 1); the first step of segment 0 is half as wide.
    """
    intervals = [(0, 0)]
    low = 1
    for segment in range(8):
        for step in range(16):
            if segment == 0 and step == 0:
                continue
            width = 2 ** (segment + 1)
            intervals.append((4 * low, 4 * low + 2 * width))
            low += width
    return intervals


def alaw_intervals() -> list[tuple[int, int]]:
    """The same from G.711 table 1 (13 bits there): segments 0 and 1 have steps of 2, then 4, 8 ..."""
    intervals = []
    low = 0
    for segment in range(8):
        width = 2 ** max(1, segment)
        for _ in range(16):
            intervals.append((8 * low, 8 * low + 4 * width))
            low += width
    return intervals


def test_ulaw_codes_every_positive_sample_by_the_decision_values() -> None:
    intervals = ulaw_intervals()
    lows = np.array([low for low, _ in intervals])
    positive = EVERY_SAMPLE[EVERY_SAMPLE >= 0].astype(np.int64)
    numbers = np.searchsorted(lows, positive, side="right") - 1
    assert (g711.encode_ulaw(EVERY_SAMPLE[EVERY_SAMPLE >= 0]) == 0xFF - numbers).all()
    assert len(intervals) == 128


def test_ulaw_is_symmetric_about_zero() -> None:
    negative = np.arange(-32767, 0).astype(np.int16)
    assert ((g711.encode_ulaw(negative) | 0x80) == g711.encode_ulaw(-negative)).all()
    assert (g711.encode_ulaw(negative) < 0x80).all()


def test_ulaw_decodes_every_octet_to_the_middle_of_its_interval() -> None:
    outputs = [output for _, output in ulaw_intervals()]
    assert g711.decode_ulaw(np.arange(0xFF, 0x7F, -1).astype(np.uint8)).tolist() == outputs
    assert g711.decode_ulaw(np.arange(0x7F, -1, -1).astype(np.uint8)).tolist() == [-output for output in outputs]


def test_alaw_codes_every_sample_by_the_decision_values() -> None:
    intervals = alaw_intervals()
    lows = np.array([low for low, _ in intervals])
    wide = EVERY_SAMPLE.astype(np.int64)
    magnitude = np.where(wide >= 0, wide, -wide - 1)
    numbers = np.searchsorted(lows, magnitude, side="right") - 1
    octets = (numbers | np.where(wide >= 0, 0x80, 0)) ^ 0x55
    assert (g711.encode_alaw(EVERY_SAMPLE) == octets).all()


def test_alaw_decodes_every_octet_to_the_middle_of_its_interval() -> None:
    outputs = [output for _, output in alaw_intervals()]
    assert g711.decode_alaw((np.arange(128) | 0x80).astype(np.uint8) ^ np.uint8(0x55)).tolist() == outputs
    assert g711.decode_alaw(np.arange(128).astype(np.uint8) ^ np.uint8(0x55)).tolist() == [-o for o in outputs]


@pytest.mark.parametrize("law", g711.LAWS.values(), ids=lambda law: law.name)
def test_decoding_and_coding_again_changes_nothing(law: g711.G711) -> None:
    # mu-law has two zeros; 0x7F, the negative one, is the only octet that comes back as another.
    again = law.encode(law.decode(EVERY_OCTET))
    assert [octet for octet in range(256) if again[octet] != octet] == ([0x7F] if law.name == "PCMU" else [])


def test_silence_and_full_scale_have_their_known_octets() -> None:
    assert g711.PCMU.encode(np.zeros(1, np.int16)).tobytes() == bytes([g711.PCMU.silence]) == b"\xff"
    assert g711.PCMA.encode(np.zeros(1, np.int16)).tobytes() == bytes([g711.PCMA.silence]) == b"\xd5"
    assert g711.decode_ulaw(b"\x80\x00").tolist() == [32124, -32124]
    assert g711.decode_alaw(b"\xaa\x2a").tolist() == [32256, -32256]


def test_the_digital_milliwatt_is_0_dbm0() -> None:
    # G.711 tables 5 and 6: a sine of 1 kHz at 0 dBm0, one period.
    ulaw = bytes([0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E])
    alaw = bytes([0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4])
    assert dbm0(g711.decode_ulaw(ulaw * 10)) == pytest.approx(0, abs=0.1)
    assert dbm0(g711.decode_alaw(alaw * 10)) == pytest.approx(0, abs=0.1)


def test_bytes_arrays_and_views_decode_alike() -> None:
    data = bytes(range(256))
    array = np.frombuffer(data, np.uint8)
    for payload in (bytearray(data), memoryview(data), array):
        assert (g711.decode_alaw(payload) == g711.decode_alaw(data)).all()


def test_a_strided_view_encodes_like_its_copy() -> None:
    stereo = np.arange(200, dtype=np.int16)
    assert (g711.encode_ulaw(stereo[::2]) == g711.encode_ulaw(stereo[::2].copy())).all()
