"""The exchange's RTP end: what strangers send must not matter."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.dsp.codecs import g711
from offhook.rtp.packet import RtpPacket
from offhook.sdp.negotiate import MediaPlan
from offhook.sim.rtpend import RtpEnd, Samples
from tests.support.virtual_loop import run

PLAN = MediaPlan(("127.0.0.1", 9), None, "PCMU", 0, {0: "PCMU", 8: "PCMA"}, 101, 101, 20, True, True)


class Ear:
    def __init__(self) -> None:
        self.sounds: list[Samples] = []

    def heard(self, samples: Samples) -> None:
        self.sounds.append(samples)

    def speak(self) -> Samples | None:
        return None


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_datagram_is_taken_or_ignored(data: bytes) -> None:
    async def scenario() -> None:
        end = await RtpEnd.open(Ear(), 1, "127.0.0.1")
        end.datagram_received(data, ("127.0.0.1", 9))
        end.run(PLAN)
        end.datagram_received(data, ("127.0.0.1", 9))
        end.close()
        await asyncio.sleep(0)

    run(scenario)


def test_each_payload_type_is_decoded_by_its_own_law() -> None:
    async def scenario() -> None:
        ear = Ear()
        end = await RtpEnd.open(ear, 1, "127.0.0.1")
        sound = np.arange(-8000, 8000, 100, dtype=np.int16)
        packets = [(0, g711.encode_ulaw(sound)), (8, g711.encode_alaw(sound)), (101, g711.encode_ulaw(sound))]
        for number, (kind, payload) in enumerate(packets):
            packet = RtpPacket(kind, number, 0, 7, payload.tobytes()).serialize()
            end.datagram_received(packet, ("127.0.0.1", 9))  # before it runs nothing is heard
        assert not ear.sounds
        end.run(PLAN)
        for number, (kind, payload) in enumerate(packets):
            end.datagram_received(RtpPacket(kind, number, 0, 7, payload.tobytes()).serialize(), ("127.0.0.1", 9))
        assert len(ear.sounds) == 2
        for heard in ear.sounds:
            assert np.abs(heard.astype(int) - sound).max() < 300
        end.close()
        await asyncio.sleep(0)

    run(scenario)


def test_a_program_that_slept_does_not_send_in_a_burst() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        asked: list[float] = []

        class Counter(Ear):
            def speak(self) -> Samples | None:
                asked.append(loop.time())
                return None

        end = await RtpEnd.open(Counter(), 1, "127.0.0.1")
        end.run(PLAN)
        await asyncio.sleep(0.1)
        loop.advance(10)  # type: ignore[attr-defined]  # the virtual loop's own
        before = len(asked)
        await asyncio.sleep(0.1)
        assert len(asked) - before < 12
        end.close()
        await asyncio.sleep(0)

    run(scenario)


def test_what_is_said_after_a_sleep_is_not_late() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        sent: list[tuple[float, RtpPacket]] = []

        class Speaker(Ear):
            def speak(self) -> Samples | None:
                return np.zeros(160, np.int16)

        class Phone(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                sent.append((loop.time(), RtpPacket.parse(data)))

        transport, _ = await loop.create_datagram_endpoint(Phone, local_addr=("127.0.0.1", 0))
        plan = replace(PLAN, remote=transport.get_extra_info("sockname"))
        end = await RtpEnd.open(Speaker(), 1, "127.0.0.1")
        end.run(plan)
        await asyncio.sleep(0.1)
        loop.advance(10.007)  # type: ignore[attr-defined]  # the virtual loop's own
        await asyncio.sleep(0.1)
        (start, first), (stop, last) = sent[0], sent[-1]
        assert stop - start > 10
        assert (last.timestamp - first.timestamp) / 8000 == pytest.approx(stop - start, abs=0.03)
        assert [packet.sequence for _, packet in sent] == list(range(1, len(sent) + 1)), "nothing was lost"
        assert [packet.marker for _, packet in sent].count(True) == 2
        end.close()
        transport.close()
        await asyncio.sleep(0)

    run(scenario)
