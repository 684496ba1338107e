"""The models, and a build of the one-file predictor per target, two at a time."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from models import NETS, save
from targets import TARGETS, Build, toolchain


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {name: save(name, folder) for name in NETS}


def make(target, symbols):
    """The build of a target, or why its compiler cannot be installed."""
    there, line = toolchain(target.toolchain) if target.toolchain else (True, "")
    if not there:
        return line
    build = Build(target, symbols, whole=os.environ.get("MIXNET_SLOW") == "1")
    build.program()
    return build


@pytest.fixture(scope="session")
def builds(request, models):
    """{target: what make will return} of the targets that some test asks for."""
    symbols = [m["json"] for m in models.values()]
    wanted = [t for t in TARGETS.values() if any(f"[{t.name}" in item.name for item in request.session.items)]
    with ThreadPoolExecutor(2) as pool:
        yield {target.name: pool.submit(make, target, symbols) for target in wanted}


@pytest.fixture(params=list(TARGETS))
def build(request, builds):
    made = builds[request.param].result()
    if isinstance(made, str):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no toolchain: {made}")
    return made
