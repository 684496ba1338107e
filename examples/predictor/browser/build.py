"""Puts the page together: python build.py FOLDER, which make_model.py has filled; then serve it: python -m http.server -d FOLDER.

Needs emscripten (tools/toolchains/emscripten.sh). The predictor keeps the operators of this net only. About two minutes.
"""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = HERE.parents[2] / "tools"
COMPILE = ("-O3", "-msimd128", "-fwasm-exceptions")
LINK = (
    "SINGLE_FILE=1",
    "MODULARIZE=1",
    "EXPORT_NAME=createPredictor",
    "ENVIRONMENT=worker,node",
    "ALLOW_MEMORY_GROWTH=1",
    "FILESYSTEM=0",
    "EXPORTED_RUNTIME_METHODS=ccall",
    "EXPORTED_FUNCTIONS=_malloc,_free",
)


def build(folder):
    def run(*command):
        subprocess.run([str(part) for part in command], check=True, cwd=folder, env={"NODE_PATH": "/usr/share/nodejs", **os.environ})

    symbol = folder.resolve() / "efficientnet-lite0-symbol.json"
    run(sys.executable, TOOLS / "amalgamate.py", "--out", folder.resolve(), "--symbol", symbol)
    run("em++", "-std=c++17", *COMPILE, "-c", "mixnet_predict.cc", "-o", "mixnet_predict.o")
    run("emcc", *COMPILE, "-I", ".", "-c", HERE / "classifier.c", "-o", "classifier.o")
    run("em++", *COMPILE, "mixnet_predict.o", "classifier.o", *(part for option in LINK for part in ("-s", option)), "-o", "predictor.js")
    for name in ("index.html", "page.js", "worker.js"):
        shutil.copy(HERE / name, folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    build(pathlib.Path(sys.argv[1]))
