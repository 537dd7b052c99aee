from pathlib import Path

import pytest

from imagebuild.binfmt import is_ready
from imagebuild.buildroot import BuildRoot, cache_folder
from imagebuild.debian import SUITES, Mirror, arch_of, suite_of, this_suite
from imagebuild.errors import BuildError

MACHINE = """\
Debian|bookworm|main|http://mirror.example/debian/
Debian|bookworm-updates|main|http://mirror.example/debian/
Debian|bookworm-security|main|http://mirror.example/debian-security/
Raspberry Pi Foundation|bookworm|main|http://pi.example/debian/
|nodistro|main|https://other.example/
"""


def test_the_mirror_is_the_one_that_apt_uses_for_debian() -> None:
    assert Mirror.of_targets(MACHINE) == Mirror(
        "http://mirror.example/debian/", "http://mirror.example/debian-security/"
    )


def test_a_mirror_is_found_before_apt_ever_fetched_its_lists() -> None:
    assert Mirror.of_targets("|trixie|main|http://mirror.example/debian/\n").archive == "http://mirror.example/debian/"


def test_a_machine_without_a_debian_archive_gets_one_plain_line() -> None:
    with pytest.raises(BuildError, match=r"apt knows no Debian archive.*sources\.list"):
        Mirror.of_targets("Ubuntu|noble|main|http://mirror.example/ubuntu/\n")


def test_sources_name_the_suite_that_is_built_not_the_one_that_runs_here() -> None:
    sources = Mirror.of_targets(MACHINE).sources(SUITES["trixie"])
    assert [line.split()[3] for line in sources.splitlines()] == ["trixie", "trixie-updates", "trixie-security"]


@pytest.mark.parametrize("name", ["armhf", "armel", "i386"])
def test_thirty_two_bits_are_refused_in_one_plain_line(name: str) -> None:
    with pytest.raises(BuildError, match=f"^{name} is 32-bit and offhook is not: use a 64-bit system") as caught:
        arch_of(name)
    assert "\n" not in str(caught.value)


def test_an_unknown_architecture_or_suite_is_refused_by_name() -> None:
    with pytest.raises(BuildError, match="riscv64"):
        arch_of("riscv64")
    with pytest.raises(BuildError, match="not for buster"):
        suite_of("buster")


def test_this_machines_suite_is_read_from_os_release(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.write_text('NAME="Debian GNU/Linux"\nVERSION_CODENAME="trixie"\n')
    assert this_suite(release) is SUITES["trixie"]
    release.write_text('NAME="Something else"\n')
    with pytest.raises(BuildError, match="not for this system"):
        this_suite(release)


def test_extension_modules_fit_one_minor_version_of_python() -> None:
    assert [(suite.python, suite.next_python) for suite in SUITES.values()] == [("3.13", "3.14"), ("3.11", "3.12")]


def test_a_root_is_known_by_what_goes_in(tmp_path: Path) -> None:
    trixie, bookworm = SUITES["trixie"], SUITES["bookworm"]
    first = BuildRoot(trixie, "amd64", ["gcc", "make"], tmp_path).archive
    assert first == BuildRoot(trixie, "amd64", ["make", "gcc", "make"], tmp_path).archive
    others = [
        BuildRoot(trixie, "amd64", ["gcc"], tmp_path),
        BuildRoot(trixie, "arm64", ["gcc", "make"], tmp_path),
        BuildRoot(bookworm, "amd64", ["gcc", "make"], tmp_path),
    ]
    assert len({first, *(other.archive for other in others)}) == 4


def test_the_cache_lies_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "offhook"


def test_emulation_counts_only_where_a_chroot_needs_no_interpreter_of_its_own(tmp_path: Path) -> None:
    entry = tmp_path / "qemu-aarch64"
    assert not is_ready(entry)
    entry.write_text("enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POCF\n")
    assert is_ready(entry)
    entry.write_text("enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OC\n")
    assert not is_ready(entry)
    entry.write_text("disabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: F\n")
    assert not is_ready(entry)
