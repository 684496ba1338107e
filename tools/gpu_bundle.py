"""One folder with all that tests, sanitizers and benchmarks need on a machine with a GPU: python tools/gpu_bundle.py [--emulated] [--python 3.12].

That machine has Python with numpy and pytest, CUDA's libraries and, for the peers, PyTorch; no compiler, network or root's rights are needed there:
build/gpu_bundle/run.sh {test,sanitize,bench,all}. Beside the folder lies build/gpu_bundle.tar.xz, at most 64 MiB: kernels that the library and the
test program share are packed once. The C glue is built with Python's limited API, so that it loads in any Python from 3.11 on; --python names the
one that cffi's wheel is for. Exits with 1 and one line when something is missing.
"""

import argparse
import lzma
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

import build

ROOT = pathlib.Path(__file__).resolve().parents[1]
MOST = 64 << 20  # bytes, packed
# Of the system, and of any version that is not older.
SYSTEM = re.compile(r"(linux-vdso|.*ld-linux|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|z|mixnet))[.-]")
FOLDERS = ("bindings/python/mixnet", "benchmarks", "examples/plugin", "include", "tests/gpu", "tests/python", "tools/toolchains")
LEFT_OUT = ("__pycache__", "results", "*.cc", "stand_ins", "test_mpi_gpu.py")  # of them; MPI is the machine's own
FILES = (*FOLDERS, "tools/cuda_tool.py", "tools/sanitize_gpu.py", "pyproject.toml")
STABLE = "0x030b0000"  # the limited API of Python 3.11


class BundleError(Exception):
    """What is missing, in one line."""


def command(*words):
    """The output of a program that must succeed."""
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise BundleError(f"{words[0]}: expected success, got: {(done.stdout.strip().splitlines() or ['no message'])[-1]}")
    return done.stdout


def needed(text):
    """{name: path} of the libraries in ldd's output that the other machine may lack; raises for one that is not here either."""
    found = {}
    for line in text.splitlines():
        name, arrow, rest = line.strip().partition(" => ")
        if not arrow or SYSTEM.match(name):
            continue
        if rest.startswith("not found"):
            raise BundleError(f"{name}: expected on this machine, ldd finds none")
        found[name] = rest.split(" (")[0]
    return found


def binaries(built, emulated):
    """The paths of the library, what it opens beside itself, and the test program."""
    library = built / "emulated" / "libmixnet.so" if emulated else built / "libmixnet.so"
    program = built / "mixnet_gpu_tests"
    for path in (library, program, built / "generated" / "_mixnet.c"):
        if not path.exists():
            raise BundleError(f"{path}: expected a build ({'release' if emulated else 'cuda'}), found none")
    more = [*built.glob("libmixnet_codec.so")]  # not that of MPI, which is the machine's own
    return library, program, more


def copy_sources(out):
    """Files of the project as they are in the checkout, without what was made by running it."""
    for name in FILES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, out / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
        else:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, out / name)
    shutil.copy2(ROOT / "tools" / "gpu_run.sh", out / "run.sh")
    (out / "run.sh").chmod(0o755)


def copy_binaries(out, built, emulated):
    """Stripped, and what they link beside them, in build/cuda/ where tools look for them."""
    folder = out / "build" / "cuda"
    folder.mkdir(parents=True)
    library, program, more = binaries(built, emulated)
    libraries = {}
    for path in (library, program, *more):
        libraries.update(needed(command("ldd", path)))
        shutil.copy2(path.resolve(), folder / path.name)
    (folder / "libmixnet.so.0").symlink_to("libmixnet.so")
    for name, path in libraries.items():
        shutil.copy2(pathlib.Path(path).resolve(), folder / name)
    for path in folder.iterdir():
        if not path.is_symlink():
            command("strip", "--strip-unneeded", path)


def compile_glue(out, built):
    """The two extensions by the limited API."""
    folder = out / "native"
    folder.mkdir()
    options = ["-O2", "-fPIC", "-shared", f"-DPy_LIMITED_API={STABLE}", f"-I{sysconfig.get_paths()['include']}", f"-I{ROOT / 'include'}"]
    link = [f"-L{out / 'build' / 'cuda'}", "-lmixnet", "-Wl,--allow-shlib-undefined", "-Wl,-rpath,$ORIGIN/../build/cuda", "-s"]
    for name, source in (("_mixnet", built / "generated" / "_mixnet.c"), ("_mixnet_fast", ROOT / "bindings" / "python" / "fast.c")):
        command("gcc", *options, source, "-o", folder / f"{name}.abi3.so", *link)


def add_cffi(out, version):
    """cffi for the other machine's Python, from the package index."""
    wheels = out / "wheels"
    command(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--python-version", version, "-d", wheels, "cffi", "pycparser")
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(out / "packages")
    shutil.rmtree(wheels)


def pack(out):
    """The archive beside the folder; its dictionary is as long as the archive may be."""
    path = out.parent / (out.name + ".tar.xz")
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": MOST}]
    with lzma.open(path, "wb", filters=filters) as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        archive.add(out, arcname=out.name)
    return check_size(path)


def check_size(path, most=MOST):
    size = path.stat().st_size
    if size > most:
        raise BundleError(f"{path}: expected at most {most / 2**20:.0f} MiB, got {size / 2**20:.0f}")
    return path


def make(out, built, emulated, version):
    binaries(built, emulated)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    copy_sources(out)
    copy_binaries(out, built, emulated)
    compile_glue(out, built)
    add_cffi(out, version)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--emulated", action="store_true", help="the release preset's emulated GPU in place of CUDA's, to try the bundle here")
    parser.add_argument("--built", type=pathlib.Path, help="a build folder to take as it is (the preset is built)")
    parser.add_argument("--python", default="3.12", metavar="VERSION", help="of the other machine (3.12)")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "gpu_bundle")
    parser.add_argument("--no-pack", action="store_true", help="the folder alone")
    options = parser.parse_args(arguments)
    preset = "release" if options.emulated else "cuda"
    try:
        if not options.built:
            code, output = build.build(preset)
            if code:
                raise BundleError(f"{preset}: expected to be built, got: {(output.strip().splitlines() or ['no message'])[-1]}")
        out = options.out.resolve()
        make(out, options.built or ROOT / "build" / preset, options.emulated, options.python)
        path = out if options.no_pack else pack(out)
    except BundleError as error:
        print(f"[gpu_bundle] {error}")
        return 1
    print(f"{path}" if options.no_pack else f"{path}: {path.stat().st_size / 2**20:.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
