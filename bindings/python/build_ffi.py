"""Writes the C source of the Python extension from the C headers, with cffi in API mode."""

import argparse
import pathlib
import re

from cffi import FFI

CALLBACKS = """
extern "Python" int32_t mixnet_py_task(void *user);
extern "Python" int32_t mixnet_py_updater(void *user, const char *key, mxn_ndarray_t *received, mxn_ndarray_t *stored);
extern "Python" int32_t mixnet_py_monitor(void *user, const char *name, mxn_ndarray_t *value);
extern "Python" int32_t mixnet_py_backward(void *user, mxn_ndarray_t *const *output_grads, int64_t num_outputs,
                                           mxn_ndarray_t **input_grads, int64_t num_inputs);
extern "Python" int32_t mixnet_py_custom(void *user, mxn_custom_call_t *call);
extern "Python" int32_t mixnet_py_source(void *user, const char *uri, int64_t file, int64_t offset, void *buffer, int64_t bytes,
                                         int64_t *out_count);
extern "Python" void mixnet_py_destroy(void *user);
"""


def declarations(header):
    """What cffi can read of a header: no preprocessor lines, no comments, no export macro."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    text = re.sub(r'extern "C" \{', "", text)
    text = re.sub(r"^\}\s*$", "", text, flags=re.M)
    return text.replace("MXN_API ", "")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--headers", required=True, nargs="+", type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args()
    builder = FFI()
    headers = "".join(declarations(path.read_text()) for path in options.headers)
    builder.cdef(headers + CALLBACKS)
    builder.set_source("_mixnet", '#include "mixnet/c_api.h"\n')
    options.out.parent.mkdir(parents=True, exist_ok=True)
    builder.emit_c_code(str(options.out))


if __name__ == "__main__":
    main()
