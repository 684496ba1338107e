"""The models, and a build of the one-file predictor per target."""

import os

import pytest
from models import NETS, save
from targets import TARGETS, Build, toolchain


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {name: save(name, folder) for name in NETS}


@pytest.fixture(scope="session", params=list(TARGETS))
def build(request, models):
    """The predictor for one target; the test is skipped, with the reason, where its compiler cannot be installed."""
    target = TARGETS[request.param]
    if target.toolchain:
        there, line = toolchain(target.toolchain)
        if not there:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no toolchain: {line}")
    return Build(target, [m["json"] for m in models.values()], whole=os.environ.get("MIXNET_SLOW") == "1")
