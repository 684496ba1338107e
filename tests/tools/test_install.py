"""What `cmake --install` copies serves C and C++ programs through find_package and through pkg-config, wherever it is moved."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION = (ROOT / "VERSION").read_text().strip()
PROGRAM = (ROOT / "examples" / "c" / "first_array.c").read_text()
SAYS = f"mixnet {VERSION}: 6 * 6 = 36\n"
PROJECT = """cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES C CXX)
find_package(mixnet {version} REQUIRED)
add_executable(user user.c)
add_executable(user_cpp user.cc)
target_compile_features(user_cpp PRIVATE cxx_std_17)
foreach(program user user_cpp)
  target_link_libraries(${{program}} PRIVATE mixnet::mixnet)
endforeach()
"""
CPP_PROGRAM = """#include <mixnet/mixnet.hpp>
#include <iostream>
int main() {
  const mixnet::NDArray values({1, 2, 3, 4, 5, 6}, {2, 3}), squares = mixnet::op::square(values);
  std::cout << "mixnet " << mixnet::version() << ": 6 * 6 = " << squares.values().back() << "\\n";
}
"""


def run(*command, **kwargs):
    """Output of a command that must succeed, without this process's search paths."""
    env = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "CMAKE_PREFIX_PATH")}
    env.update(kwargs.pop("env", {}))
    result = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, **kwargs)
    assert result.returncode == 0, f"{command}: {result.stdout}"
    return result.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """An installation that was moved after it was made."""
    folder = tmp_path_factory.mktemp("install")
    run("cmake", "--install", ROOT / "build" / "release", "--prefix", folder / "first")
    (folder / "first").rename(folder / "moved")
    return folder / "moved"


def library_folder(prefix):
    return next(prefix.rglob("libmixnet.so")).parent


def test_pkg_config(prefix, tmp_path):
    (tmp_path / "user.c").write_text(PROGRAM)
    env = {"PKG_CONFIG_PATH": str(next(prefix.rglob("mixnet.pc")).parent)}
    assert run("pkg-config", "--modversion", "mixnet", env=env).strip() == VERSION
    assert pathlib.Path(run("pkg-config", "--variable=libdir", "mixnet", env=env).strip()).resolve() == library_folder(prefix)
    assert (pathlib.Path(run("pkg-config", "--variable=includedir", "mixnet", env=env).strip()) / "mixnet" / "c_api.h").exists()
    flags = run("pkg-config", "--cflags", "--libs", "mixnet", env=env).split()
    flags.append(f"-Wl,-rpath,{library_folder(prefix)}")
    run("cc", "user.c", "-Wall", "-Wextra", "-Werror", "-std=c99", "-o", "user", *flags, cwd=tmp_path)
    assert run(tmp_path / "user") == SAYS
    (tmp_path / "user.cc").write_text(CPP_PROGRAM)
    run("c++", "user.cc", "-Wall", "-Wextra", "-Werror", "-std=c++17", "-o", "user_cpp", *flags, cwd=tmp_path)
    assert run(tmp_path / "user_cpp") == SAYS


def test_find_package(prefix, tmp_path):
    (tmp_path / "user.c").write_text(PROGRAM)
    (tmp_path / "user.cc").write_text(CPP_PROGRAM)
    (tmp_path / "CMakeLists.txt").write_text(PROJECT.format(version=VERSION))
    run("cmake", "-G", "Ninja", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tmp_path / "build")
    assert run(tmp_path / "build" / "user") == SAYS
    assert run(tmp_path / "build" / "user_cpp") == SAYS


def test_find_package_refuses_another_version(prefix, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(PROJECT.format(version="99.0"))
    command = ["cmake", "-G", "Ninja", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}"]
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert result.returncode != 0 and "99.0" in result.stderr


def test_nothing_points_into_the_build(prefix):
    texts = [path for path in prefix.rglob("*") if path.suffix in (".cmake", ".pc")]
    assert len(texts) >= 4
    for path in texts:
        assert str(ROOT) not in path.read_text(), path
    runpath = [line for line in run("readelf", "-d", library_folder(prefix) / "libmixnet.so").splitlines() if "RUNPATH" in line]
    assert str(ROOT) not in "".join(runpath)
