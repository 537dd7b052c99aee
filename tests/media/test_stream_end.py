"""What a stream leaves behind."""

import gc
import os
import weakref

import numpy as np

from offhook.media.settings import StreamSettings
from offhook.media.stream import Stream


class Nowhere:
    """A channel that brings nothing and loses all."""

    def receive(self) -> list[tuple[bytes, tuple[str, int], float]]:
        return []

    def send(self, data: bytes, address: tuple[str, int]) -> None: ...

    def close(self) -> None: ...


def test_a_stream_that_ended_is_gone_though_nobody_collects_cycles() -> None:
    plan = StreamSettings(("192.0.2.1", 4000), "PCMU", 0)
    gc.disable()
    try:
        stream = Stream(1, plan, Nowhere(), Nowhere(), os.urandom, lambda: 0.0)
        stream.drain(1.0)
        stream.play(80, 1.0)
        stream.capture(np.zeros(320, dtype=np.int16))
        stream.report(2.0)
        stream.close(2.0)
        gone = weakref.ref(stream)
        del stream
        assert gone() is None
    finally:
        gc.enable()
