"""One new operator file and `make gen`: the operator is callable, documented and tested in every language.

Done in a clone, which is built from nothing (ccache helps), so this takes minutes.
"""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPERATOR = """// probe_scale: what a new operator needs.
#include "op/core/builder.h"

namespace mixnet::op::probe_scale {
namespace {

struct Params {
  double factor = 3;
};

void forward(const Params& p, const RunContext& r) {
  dispatch_float(r.in[0].dtype, "probe_scale", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using A = accumulator_t<T>;
    const T* x = r.in[0].as<T>();
    T* y = r.out[0].as<T>();
    for (int64_t i = 0; i < r.out[0].size(); ++i) y[i] = static_cast<T>(static_cast<A>(x[i]) * static_cast<A>(p.factor));
  });
}

void gradient(GradientContext& g) {
  g.set(0, g.make("probe_scale", {g.output_grad(0)}, {{"factor", g.params<Params>().factor}}));
}

}  // namespace

void register_ops(Registry& registry) {
  OpBuilder<Params> op(registry, "probe_scale");
  op.param("factor", &Params::factor).doc("What every element is multiplied by.");
  op.input("data", "Any shape, float.").inplace(0, 0).kernel(forward);
  op.doc("factor x for every element.").gradient(gradient);
  op.sample({{2, 3}}, {{"factor", 0.5}});
  for (const Shape& shape : {Shape{1}, Shape{0}}) op.sample({shape}, {});
}

}  // namespace mixnet::op::probe_scale
"""
GO = """package main

import (
	"context"
	"fmt"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/nd"
	"mixnet.dev/mixnet/op"
)

func main() {
	a := mixnet.Must(mixnet.FromSlice([]float32{1, 2}, 2))
	b := mixnet.Must(nd.ProbeScale(a, op.ProbeScale{}))
	fmt.Println(mixnet.Must(mixnet.Values[float32](context.Background(), b)))
}
"""
CPP = """#include <iostream>
#include <mixnet/mixnet.hpp>

int main() {
  mixnet::NDArray a({1, 2}, {2});
  mixnet::NDArray b = mixnet::op::probe_scale(a);
  for (float x : b.values<float>()) std::cout << x << "\\n";
}
"""


def run(*command, cwd=None, **variables):
    """Output of a command that must succeed."""
    env = {**os.environ, **{key: str(value) for key, value in variables.items()}}
    result = subprocess.run([str(c) for c in command], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, f"{command}: {result.stdout[-5000:]}"
    return result.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A checkout with the operator, built and generated."""
    folder = tmp_path_factory.mktemp("new") / "mixnet"
    run("git", "clone", "-q", ROOT, folder)
    (folder / "src" / "op" / "contrib" / "probe_scale.cc").write_text(OPERATOR)
    environment = {"CCACHE_BASEDIR": folder, "CCACHE_NOHASHDIR": 1, "PYTHONPATH": folder / "bindings" / "python"}
    run(sys.executable, "tools/build.py", "release", cwd=folder, **environment)
    run(sys.executable, "tools/check_generated.py", "--update", cwd=folder, **environment)
    return folder


def python(clone, code):
    return run(sys.executable, "-c", code, cwd=clone, PYTHONPATH=clone / "bindings" / "python")


def numbers(text):
    return [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", text)]


def test_python_documents_and_calls_it(clone):
    code = "import mixnet as mx; print(mx.nd.probe_scale(mx.nd.array([1, 2])).asnumpy()); print(mx.nd.probe_scale.__doc__)"
    said = python(clone, code)
    assert numbers(said.splitlines()[0]) == [3, 6] and "What every element is multiplied by." in said and "default 3" in said
    assert "## probe_scale" in (clone / "docs" / "generated" / "operators.md").read_text()


def test_the_harness_tests_it(clone):
    assert "| 0 failed" in run(clone / "build" / "release" / "mixnet_tests", MIXNET_TEST_OP="probe_scale", cwd=clone)


def test_julia_documents_and_calls_it(clone):
    code = "using MixNet; println(Array(mx.probe_scale(mx.NDArray([1f0, 2f0])))); println(@doc mx.probe_scale)"
    said = run("julia", "--startup-file=no", f"--project={clone / 'bindings' / 'julia'}", "-e", code, JULIA_DEPOT_PATH=clone / "build" / "julia")
    assert "3.0" in said and "6.0" in said and "What every element is multiplied by." in said


def test_r_documents_and_calls_it(clone, tmp_path):
    assert "multiplied by" in "".join(page.read_text() for page in (clone / "bindings" / "r" / "man").glob("*.Rd"))
    found = {"MIXNET_INCLUDE": clone / "include", "MIXNET_LIBRARY": clone / "build" / "release" / "libmixnet.so"}
    run("R", "CMD", "INSTALL", "--no-docs", f"--library={tmp_path}", clone / "bindings" / "r", **found)
    said = run("Rscript", "-e", f'library(mixnet, lib.loc = "{tmp_path}"); cat(as.array(mx.nd.probe_scale(mx.nd.array(c(1, 2)))))', **found)
    assert numbers(said)[-2:] == [3, 6]


def test_go_documents_and_calls_it(clone):
    program = clone / "bindings" / "go" / "probe"
    program.mkdir()
    (program / "main.go").write_text(GO)
    found = run("bash", ROOT / "tools" / "toolchains" / "go.sh")
    folder = pathlib.Path(re.search(r"ready \((\S+), go", found)[1]).parent
    environment = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off", "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    assert run("go", "run", "./probe", cwd=clone / "bindings" / "go", **environment).split() == ["[3", "6]"]
    assert "is multiplied by" in (clone / "bindings" / "go" / "op" / "gen_op.go").read_text()


def test_cpp_and_c_have_it(clone, tmp_path):
    (tmp_path / "probe.cc").write_text(CPP)
    built = clone / "build" / "release"
    folders = [f"-I{clone / 'include'}", f"-I{clone / 'bindings' / 'cpp' / 'include'}"]
    run("c++", "-std=c++17", *folders, tmp_path / "probe.cc", "-o", tmp_path / "probe", f"-L{built}", "-lmixnet", f"-Wl,-rpath,{built}")
    assert run(tmp_path / "probe").split() == ["3", "6"]
    assert "MXN_FIELD_probe_scale_factor = 0" in (clone / "include" / "mixnet" / "fields.h").read_text()
