"""Spoken words, by a program that the test writes and by the real espeak-ng."""

import asyncio
import math
import os
import stat
import struct
import wave
from pathlib import Path

import pytest

from offhook.engine.prompter import Prompter, PrompterSettings
from offhook.engine.wav import to_telephone
from offhook.errors import DeviceError


def tone(path: Path, rate: int, hertz: float, seconds: float = 0.5, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        count = int(rate * seconds)
        samples = [round(8000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(count)]
        file.writeframes(b"".join(struct.pack("<h", sample) * channels for sample in samples))
    return path


def heard(path: Path) -> list[int]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        data = file.readframes(file.getnframes())
    return list(struct.unpack(f"<{len(data) // 2}h", data))


def level(samples: list[int], hertz: float) -> float:
    """Return the amplitude of one frequency at 8 kHz."""
    real = sum(s * math.cos(2 * math.pi * hertz * n / 8000) for n, s in enumerate(samples))
    imaginary = sum(s * math.sin(2 * math.pi * hertz * n / 8000) for n, s in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / len(samples)


def program(folder: Path, script: str) -> str:
    """Write a program that stands in for espeak-ng: after ``script``, it has the output's path in $OUT."""
    path = folder / "speech"
    path.write_text(f'#!/bin/sh\nVOICE="$2"\nOUT="$6"\necho "$@" >> "{folder}/calls"\n{script}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def render(settings: PrompterSettings, *texts: str) -> list[Path | None]:
    async def main() -> list[Path | None]:
        prompter = Prompter(settings)
        return list(await asyncio.gather(*(prompter.render(text) for text in texts)))

    return asyncio.run(main())


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
def test_any_rate_becomes_eight_kilohertz_with_the_same_pitch(tmp_path: Path, rate: int) -> None:
    to_telephone(tone(tmp_path / "in.wav", rate, 1000.0), tmp_path / "out.wav")
    samples = heard(tmp_path / "out.wav")
    assert len(samples) == pytest.approx(4000, abs=2)
    assert level(samples, 1000.0) == pytest.approx(16_384, rel=0.05)
    assert max(map(abs, samples)) == pytest.approx(16_384, abs=2)


def test_what_the_telephone_cannot_carry_does_not_fold_back(tmp_path: Path) -> None:
    rate = 22_050
    path = tmp_path / "in.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        for n in range(rate // 2):
            wanted = math.sin(2 * math.pi * 1000 * n / rate)
            unwanted = math.sin(2 * math.pi * 5000 * n / rate)  # would be heard at 3000 Hz
            file.writeframes(struct.pack("<h", round(8000 * (wanted + unwanted))))
    to_telephone(path, tmp_path / "out.wav")
    samples = heard(tmp_path / "out.wav")
    assert level(samples, 3000.0) < level(samples, 1000.0) / 300  # 50 dB down


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not a sound file at all, only text" * 10])
def test_a_file_that_is_no_sound_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.wav").write_bytes(content)
    with pytest.raises(DeviceError):
        to_telephone(tmp_path / "in.wav", tmp_path / "out.wav")


def test_stereo_and_empty_sound_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="mono"):
        to_telephone(tone(tmp_path / "two.wav", 8000, 440.0, channels=2), tmp_path / "out.wav")
    with pytest.raises(DeviceError, match="empty"):
        to_telephone(tone(tmp_path / "none.wav", 8000, 440.0, seconds=0.0), tmp_path / "out.wav")


def test_a_text_is_spoken_once_and_found_again(tmp_path: Path) -> None:
    sound = tone(tmp_path / "said.wav", 22_050, 440.0)
    speech = program(tmp_path, f'cat > /dev/null; cp "{sound}" "$OUT"')
    settings = PrompterSettings(tmp_path / "cache", "nb", speech)
    first, second, other = render(settings, "Power failure.", "Power  failure.\n", "Battery low.")
    assert first is not None
    assert first == second
    assert other not in (None, first)
    assert render(settings, "Power failure.") == [first]
    assert len(calls(tmp_path)) == 2
    assert calls(tmp_path)[0].startswith("-v nb -b 1 -w ")
    assert len(heard(first)) == pytest.approx(4000, abs=2)
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".wav", ".wav"]


def test_the_text_is_given_to_the_program_on_its_input_never_as_an_option(tmp_path: Path) -> None:
    sound = tone(tmp_path / "said.wav", 8000, 440.0)
    speech = program(tmp_path, f'cat > "{tmp_path}/text"; cp "{sound}" "$OUT"')
    render(PrompterSettings(tmp_path / "cache", program=speech), "--help; rm æøå")
    assert (tmp_path / "text").read_text() == "--help; rm æøå"


def test_a_language_without_a_voice_falls_back_to_its_first_part_and_to_english(tmp_path: Path) -> None:
    sound = tone(tmp_path / "said.wav", 8000, 440.0)
    speech = program(tmp_path, f'cat > /dev/null; [ "$VOICE" = en ] || exit 1; cp "{sound}" "$OUT"')
    assert render(PrompterSettings(tmp_path / "cache", "xx-YY", speech), "Hello.")[0] is not None
    assert [call.split()[1] for call in calls(tmp_path)] == ["xx-yy", "xx", "en"]


def test_without_the_program_there_is_no_sound_and_one_line_that_names_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = PrompterSettings(tmp_path / "cache", program="espeak-ng-is-not-here")
    assert render(settings, "One.", "Two.") == [None, None]
    assert [record.message for record in caplog.records if "espeak" in record.message] == [
        "spoken words are left out: install espeak-ng-is-not-here"
    ]


def test_a_program_that_hangs_is_ended_and_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    speech = program(tmp_path, f'echo $$ > "{tmp_path}/pid"; exec tail -f /dev/null')
    assert render(PrompterSettings(tmp_path / "cache", program=speech, time_limit=0.3), "Hello.") == [None]
    assert "took too long" in caplog.text
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize("script", ["exit 3", 'echo "no data" >&2; exit 1', "exit 0", 'echo junk > "$OUT"'])
def test_a_program_that_fails_or_makes_junk_gives_no_sound(
    tmp_path: Path, script: str, caplog: pytest.LogCaptureFixture
) -> None:
    speech = program(tmp_path, f"cat > /dev/null\n{script}")
    assert render(PrompterSettings(tmp_path / "cache", program=speech), "Hello.") == [None]
    assert "spoken words are left out" in caplog.text


def test_a_folder_that_cannot_be_written_gives_no_sound(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert render(PrompterSettings(tmp_path / "file" / "cache"), "Hello.") == [None]


def test_nothing_is_said_for_an_empty_text_and_a_long_one_is_cut(tmp_path: Path) -> None:
    sound = tone(tmp_path / "said.wav", 8000, 440.0)
    speech = program(tmp_path, f'cat > "{tmp_path}/text"; cp "{sound}" "$OUT"')
    settings = PrompterSettings(tmp_path / "cache", program=speech)
    assert render(settings, "  ") == [None]
    assert render(settings, "x" * 1000)[0] is not None
    assert len((tmp_path / "text").read_text()) == 400


def test_the_oldest_files_make_room(tmp_path: Path) -> None:
    sound = tone(tmp_path / "said.wav", 8000, 440.0, 0.01)
    speech = program(tmp_path, f'cat > /dev/null; cp "{sound}" "$OUT"')
    settings = PrompterSettings(tmp_path / "cache", program=speech, files=3)
    last = render(settings, *(f"Number {n}." for n in range(6)))[-1]
    kept = list((tmp_path / "cache").glob("*.wav"))
    assert len(kept) == 3
    assert last in kept


@pytest.mark.peer
def test_the_real_voice_speaks_for_some_seconds(tmp_path: Path) -> None:
    text = "Power failure. Battery at 42 percent, about 3 hours."
    path = render(PrompterSettings(tmp_path / "cache"), text)[0]
    assert path is not None
    samples = heard(path)
    assert 2.0 < len(samples) / 8000 < 8.0
    assert max(map(abs, samples)) > 10_000
