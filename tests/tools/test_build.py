"""tools/build.py passes on the code of the step that failed."""

import os
import sys

import build
import pytest


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose cmake and ninja are scripts: program(name, exit code)."""
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "CMakePresets.json").write_text("{}")

    def program(name, code):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} said this\nexit {code}\n")
        (tmp_path / name).chmod(0o755)

    return program


def configured(root):
    folder = root / "build" / "release"
    folder.mkdir(parents=True)
    (folder / "build.ninja").write_text("")
    (folder / "CMakeCache.txt").write_text(f"Python3_EXECUTABLE:FILEPATH={sys.executable}\n")


def test_a_good_build(project):
    project("cmake", 0)
    project("ninja", 0)
    assert build.build("release", show=False) == (0, "ninja said this")


def test_ninja_fails(project, monkeypatch, capsys):
    configured(build.ROOT)
    project("cmake", 9)
    project("ninja", 3)
    monkeypatch.setattr("sys.argv", ["build.py", "release"])
    with pytest.raises(SystemExit) as ended:
        build.main()
    assert ended.value.code == 3 and "ninja said this" in capsys.readouterr().out


def test_configuring_fails(project):
    project("cmake", 7)
    project("ninja", 0)
    assert build.build("release", show=False) == (7, "cmake said this\n")


def test_a_moved_environment_is_configured_anew(project):
    configured(build.ROOT)
    cache = build.ROOT / "build" / "release" / "CMakeCache.txt"
    assert not build.stale(cache.parent)
    cache.write_text("Python3_EXECUTABLE:FILEPATH=/elsewhere/python\n")
    assert build.stale(cache.parent)
