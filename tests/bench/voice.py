"""Voice quality (PESQ-NB, ITU-T P.862): phone and baresip, and two baresips, who lose the same packets."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.e2e.test_speech import run_with_loss
from tests.support.kamailio import Kamailio
from tests.support.netns import RELAY_IP
from tests.support.speech import Speech


@dataclass(frozen=True, slots=True)
class VoiceFigures:
    """Mean MOS-LQO: at our ear, at the baresip that hears us, at the baresip that hears a baresip; single runs."""

    ear: float
    mouth: float
    between_baresips: float
    runs: tuple[tuple[float, float, float], ...]


def quality_at(folder: Path, loss: float, seeds: tuple[int, ...], near: Speech, far: Speech) -> VoiceFigures:
    """Calls over a relay that loses ``loss`` of the RTP packets."""
    with Kamailio(folder / "kamailio", port=5070, relay_ip=RELAY_IP) as registrar:
        runs = tuple(run_with_loss(folder / f"seed{s}", s, registrar.address, near, far, loss) for s in seeds)
    ear, mouth, reference = np.mean(runs, axis=0)
    return VoiceFigures(float(ear), float(mouth), float(reference), runs)
