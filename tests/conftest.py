"""The whole suite's rules: order, time limits, no silent skip, and the options that ``./dev`` passes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings

from tests.support.shard_plugin import ShardPlugin

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
LIMITS_S = {"long": 3600.0, "vm": 600.0, "peer": 300.0, "browser": 180.0}
UNIT_LIMIT_S = 90.0

# How fast examples are drawn says how busy the machine is; a test that hangs meets its time limit below.
settings.register_profile(
    "offhook", deadline=None, derandomize=IN_CI, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("offhook")


class TestTookTooLongError(Exception):
    """A test passed its time limit: it would have held up the whole suite."""

    __test__ = False


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the suite's own options."""
    parser.addoption("--soak", action="store_true", help="run the long counts of the end-to-end tests")
    parser.addoption("--vm-all", action="store_true", help="run the long tests of the virtual phone too")
    parser.addoption("--shard", metavar="NAME", help="only the tests of this shard, see tests/support/shards.py")
    parser.addoption("--record", type=Path, metavar="FILE", help="where to write what became of the shard's tests")


def pytest_configure(config: pytest.Config) -> None:
    """Be one of the processes of ``tests/run.py``, if that is wanted."""
    if config.getoption("--shard"):
        plugin = ShardPlugin(config.rootpath, config.getoption("--shard"), config.getoption("--record"))
        config.pluginmanager.register(plugin, "shard")


def order_of(item: pytest.Item) -> int:
    """Unit tests first, then property tests, those with real peers, the browser, and the virtual phone."""
    if item.get_closest_marker("vm"):
        return 4
    if item.get_closest_marker("browser"):
        return 3
    if item.get_closest_marker("peer"):
        return 2
    return 1 if getattr(getattr(item, "function", None), "is_hypothesis_test", False) else 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is quick and says most comes first; what is long is there only when it is asked for."""
    if not config.getoption("--vm-all"):
        long = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)
    items.sort(key=order_of)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """With CI=true a skipped test is a failure: nothing goes untested unseen."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """A module that skips itself is no different."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """End a test that hangs with a traceback of where it hung."""
    limit = next((limit for name, limit in LIMITS_S.items() if item.get_closest_marker(name)), UNIT_LIMIT_S)
    if item.config.getoption("--soak"):
        limit *= 10

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise TestTookTooLongError(f"{item.nodeid} took longer than {limit:g} s")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@pytest.fixture(scope="session")
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether the long counts are wanted."""
    return bool(request.config.getoption("--soak"))
