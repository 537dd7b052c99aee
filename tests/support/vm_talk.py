"""Talking with the virtual phone: one pitch each way that is in no tone of an exchange or a key, and who hears it."""

import time

import numpy as np

from tests.support.baresip import Baresip
from tests.support.pitch import Sound, seconds_of, tone
from tests.support.pulse_server import RATE, PulseServer
from tests.support.speech import RATE as LINE_RATE
from tests.support.speech import read_wav
from tests.support.vm_phone import VmPhone

FAR_HZ, NEAR_HZ = 1100.0, 1850.0
_LONGEST_S = 240.0


def hears(pulse: PulseServer, hz: float, timeout: float = 60.0) -> None:
    """Wait until the phone's ear has heard a pitch for half a second."""
    end = time.monotonic() + timeout
    with pulse.recording() as heard:
        while seconds_of(heard.samples() / 32768, RATE, hz) < 0.5:
            assert time.monotonic() < end, f"no {hz:g} Hz at the ear within {timeout:g} s"
            time.sleep(0.3)


def talk(phone: VmPhone, pulse: PulseServer) -> None:
    """Hold the near pitch into the microphone until the phone has sent 3 s of it, and hear the far end meanwhile."""
    voice = np.round(tone(NEAR_HZ, _LONGEST_S, RATE) * 32767).astype(np.int16)
    with pulse.saying(voice):
        hears(pulse, FAR_HZ)
        begun = phone.call()["tx"]
        phone.wait_for(lambda status: status["calls"][0]["tx"] >= begun + 150, "3 s of packets")


def far_end_heard(baresip: Baresip) -> float:
    """For how many seconds the far end heard the near pitch, once the call is over."""
    sound: Sound = read_wav(baresip.recorded(), LINE_RATE)
    return seconds_of(sound, LINE_RATE, NEAR_HZ)
