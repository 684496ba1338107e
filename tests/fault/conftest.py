"""Rounds wait most of their time: as many as this run has selected begin at once, a few at a time, and each test takes its own outcome."""

import concurrent.futures
import pathlib
import shutil
import tempfile

import pytest

AT_ONCE = 4


class Rounds:
    """Futures by test."""

    def __init__(self):
        self._pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="mixnet-faults-"))
        self._futures = {}

    def begin(self, items):
        for item in items:
            call, skip = getattr(item, "callspec", None), item.get_closest_marker("skipif")
            if call and "scenario" in call.params and not (skip and skip.args[0]):
                self._futures[item.nodeid] = self._pool.submit(self._run, call.params["scenario"], item.nodeid)

    def _run(self, scenario, name):
        folder = self._folder / str(abs(hash(name)))
        folder.mkdir()
        scenario(folder)

    def outcome(self, name):
        self._futures[name].result()

    def end(self):
        for future in self._futures.values():
            future.cancel()
        self._pool.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture(scope="session")
def rounds(request):
    """All selected rounds, under way."""
    all_rounds = Rounds()
    all_rounds.begin(request.session.items)
    yield all_rounds
    all_rounds.end()


@pytest.fixture
def outcome(rounds, request):
    """Raises what this test's round raised."""
    return lambda: rounds.outcome(request.node.nodeid)
