"""Writes the C test that calls every function of the C headers with NULL in every pointer and edge values in every integer.

Every other argument is valid (tests/capi/arguments.h). A function, or a type of argument, that this script does not know ends the build:
a new function cannot be forgotten. A count that lies about a list that is there is the caller's fault and not tested: with a count that
is wrong the lists are NULL.
"""

import pathlib
import re
import sys

# By the argument's type: what is passed.
BY_TYPE = {
    "const mxn_op_t *": "fx.op",
    "mxn_ndarray_t *": "fx.array",
    "mxn_symbol_t *": "fx.symbol",
    "mxn_executor_t *": "fx.executor",
    "mxn_kvstore_t *": "fx.store",
    "mxn_optimizer_t *": "fx.optimizer",
    "mxn_cached_op_t *": "fx.cached_op",
    "mxn_record_reader_t *": "fx.record_reader",
    "mxn_record_writer_t *": "fx.record_writer",
    "mxn_data_iter_t *": "fx.data_iter",
    "mxn_variable_t *": "fx.variable",
    "mxn_cancel_t *": "fx.cancel",
    "mxn_strings_t *": "fx.strings",
    "mxn_shapes_t *": "fx.shapes",
    "mxn_predictor_t *": "fx.predictor",
    "mxn_ndarray_t *const *": "fx.arrays",
    "mxn_symbol_t *const *": "fx.symbols",
    "mxn_variable_t *const *": "fx.variables",
    "const mxn_arg_t *": "fx.args",
    "const char *const *": "fx.names",
    "const int32_t *": "fx.codes",
    "const int64_t *": "fx.dims",
    "const mxn_wait_t *": "&fx.wait",
    "mxn_storage_info_t *": "&fx.storage_info",
    "mxn_custom_info_t *": "&fx.custom_info",
    "mxn_memory_info_t *": "&fx.memory_info",
    "mxn_ndarray_info_t *": "&fx.ndarray_info",
    "const mxn_predictor_options_t *": "&fx.options",
    "mxn_predictor_info_t *": "&fx.predictor_info",
    "mxn_tensor_t *": "&fx.tensor",
    "mxn_predictor_t **": "&fx.out_predictor",
    "mxn_ndarray_t **": "&fx.out_ndarray",
    "mxn_ndarray_t ***": "&fx.out_list",
    "mxn_symbol_t **": "&fx.out_symbol",
    "mxn_executor_t **": "&fx.out_executor",
    "mxn_kvstore_t **": "&fx.out_kvstore",
    "mxn_optimizer_t **": "&fx.out_optimizer",
    "mxn_cached_op_t **": "&fx.out_cached_op",
    "mxn_record_reader_t **": "&fx.out_record_reader",
    "mxn_record_writer_t **": "&fx.out_record_writer",
    "mxn_data_iter_t **": "&fx.out_data_iter",
    "mxn_variable_t **": "&fx.out_variable",
    "mxn_cancel_t **": "&fx.out_cancel",
    "mxn_strings_t **": "&fx.out_strings",
    "mxn_shapes_t **": "&fx.out_shapes[0]",
    "const mxn_op_t **": "&fx.out_op",
    "char **": "&fx.out_text",
    "void **": "&fx.out_pointer",
    "const int64_t **": "&fx.out_dims",
    "int32_t *": "&fx.out_int32[0]",
    "int64_t *": "&fx.out_int64[0]",
    "uint64_t *": "&fx.out_uint64",
    "void *": "fx.bytes",
    "const void *": "fx.bytes",
    "char *": "fx.bytes",
    "const char *": '"x"',
    "mxn_task_fn": "on_task",
    "mxn_updater_fn": "on_updater",
    "mxn_monitor_fn": "on_monitor",
    "mxn_backward_fn": "on_backward",
    "mxn_custom_fn": "on_custom",
    "mxn_source_fn": "on_source",
    # There is a call during a callback only.
    "mxn_custom_call_t *": "NULL",
    # There are kernels where there is a GPU: tests/gpu/test_rtc.py.
    "mxn_rtc_t *": "NULL",
    "mxn_rtc_t **": "&fx.out_rtc",
    "mxn_destroy_fn": "on_destroy",
    "int32_t": "0",
    "int64_t": "0",
    "double": "0",
}
# By its name, where that says more.
BY_NAME = {
    "kind": "MXN_DEVICE_CPU",
    "device_kind": "MXN_DEVICE_CPU",
    "ndim": "2",
    "count": "1",
    "end": "1",
    "size": "256",
    "bytes": "24",
    "path": '"/nonexistent/folder/file"',
    "json": '"{}"',
    "type": '"local"',
    "ndims": "two",
    "outputs": "fx.outputs",
    "capacity": "4",
    "num_outputs": "&fx.num_outputs",
    "user": "NULL",
    "out_total": "&fx.out_int64[1]",
    "out_size": "&fx.out_int32[1]",
    "out_outputs": "&fx.out_shapes[1]",
    "out_states": "&fx.out_shapes[2]",
    "out_pad": "&fx.out_int64[1]",
    "out_num_ids": "&fx.out_int64[2]",
    "shared": "fx.executor",
}
# Where one function differs: (function, argument).
EXCEPTIONS = {
    ("mxn_op_invoke", "num_inputs"): "1",
    ("mxn_executor_bind", "num_args"): "1",
    ("mxn_kvstore_pull", "outputs"): "fx.arrays",
    ("mxn_kvstore_pull_rows", "outputs"): "fx.arrays",
    ("mxn_kvstore_set_compression", "type"): '"none"',
    ("mxn_kvstore_set_compression", "threshold"): "1",
    ("mxn_kvstore_set_consistency", "consistency"): '"sequential"',
    ("mxn_kvstore_init", "keys"): "fresh_key()",
    ("mxn_ndarray_slice", "end"): "1",
    ("mxn_executor_simple_bind", "num_shapes"): "1",
    ("mxn_op_find", "name"): '"square"',
    ("mxn_cached_op_invoke", "num_inputs"): "1",
    ("mxn_autograd_function", "num_outputs"): "1",
    ("mxn_autograd_function", "outputs"): "fx.arrays",
    ("mxn_symbol_quantize", "options"): '"{}"',
    ("mxn_symbol_quantize", "out_parameters"): "&fx.out_parameters",
    ("mxn_symbol_cut", "out_outside"): "&fx.out_parameters",
    ("mxn_storage_set_limit", "bytes"): "0",
    ("mxn_optimizer_create", "name"): '"sgd"',
    ("mxn_optimizer_create", "count"): "0",
    ("mxn_record_reader_create", "path"): "fx.record_path",
    ("mxn_record_reader_create", "num_parts"): "1",
    ("mxn_record_writer_create", "path"): "fx.record_path",
    ("mxn_image_pack", "options"): '"{\\"list\\": \\"/dev/null\\", \\"record\\": \\"/dev/null\\", \\"index\\": \\"/dev/null\\"}"',
    ("mxn_source_read", "path"): "fx.record_path",
    ("mxn_source_read", "data"): "fx.bytes",
    ("mxn_source_read", "out_size"): "&fx.out_int64[1]",
    ("mxn_source_register", "scheme"): '"x-test"',
    ("mxn_data_iter_create", "name"): '"CSVIter"',
    ("mxn_data_iter_create", "keys"): "iter_keys",
    ("mxn_data_iter_create", "values"): "fx.iter_values",
    ("mxn_data_iter_create", "count"): "2",
    # With a wait it waits for ever when nothing is queued.
    ("mxn_queue_poll", "wait"): "NULL",
    # No tensor of DLPack's to give: the pointer is tested with NULL alone.
    ("mxn_ndarray_from_dlpack", "managed"): "NULL",
}
# NULL is a value of its own for these.
NULL_IS_FINE = {"shared", "wait", "user", "destroy", "fn", "buffer", "message", "grads", "grad_reqs", "states", "names", "input_names", "keys", "variables"}
LISTS = {"mxn_ndarray_t *const *", "mxn_symbol_t *const *", "mxn_variable_t *const *", "const mxn_arg_t *"}
LISTS |= {"const char *const *", "const int32_t *", "const int64_t *", "const void *", "char *"}
EDGES = {
    "int32_t": ["-1", "INT32_MIN", "INT32_MAX", "17", "99"],
    "int64_t": ["-1", "INT64_MIN", "INT64_MAX", "17", "(int64_t)1 << 40"],
    "double": ["-1", "1e300", "INFINITY", "NAN"],
}
COUNTS = re.compile(r"^(count|capacity|size|bytes|num_\w+)$")
UNCHECKED = {"mxn_shutdown"}  # called once, at the end


def functions(header):
    """(return type, name, [(type, name)]) of every function of the header."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    for result, name, arguments in re.findall(r"^MXN_API\s+([^;(]*?)(mxn_\w+)\(([^;]*)\);", text, flags=re.M):
        parsed = []
        for argument in [] if arguments == "void" else arguments.split(","):
            kind, name_of = re.fullmatch(r"(.*?)(\w+)", " ".join(argument.split())).groups()
            parsed.append((kind.strip(), name_of))
        yield result.strip(), name, parsed


def valid(function, kind, name):
    value = EXCEPTIONS.get((function, name), BY_NAME.get(name))
    if value is None:
        plain = kind if kind in BY_TYPE else re.sub(r"^const ", "", kind)
        if plain not in BY_TYPE:
            sys.exit(f"{function}: no value for an argument of type '{kind}'")
        value = BY_TYPE[plain]
    return value


def is_pointer(kind):
    return kind.endswith("*") or kind.endswith("_fn")


def call(result, function, arguments, values, must_fail=False):
    text = f"{function}({', '.join(values)})"
    comment = text.replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'  current = "{comment}";']
    if result == "int32_t" and function not in ("mxn_abi_version", "mxn_error_code"):
        lines.append(f"  check(current, {text}, {int(must_fail)});")
    else:
        lines.append(f"  {'(void)' if result != 'void' else ''}{text};")
    if function == "mxn_ndarray_to_dlpack":
        lines.append("  release_dlpack();")
    return lines + ["  reset();"]


def body(result, function, arguments):
    values = [valid(function, kind, name) for kind, name in arguments]
    lines = []
    frees = result == "void"
    if not frees:
        lines += call(result, function, arguments, values)
    for i, (kind, name) in enumerate(arguments):
        if is_pointer(kind):
            changed = values[:i] + ["NULL"] + values[i + 1 :]
            required = name.startswith("out_") or (kind not in LISTS and kind.endswith("_t *") and name not in NULL_IS_FINE)
            lines += call(result, function, arguments, changed, must_fail=required and not frees and function != "mxn_strings_get")
        elif not frees:
            for edge in EDGES[kind]:
                changed = values[:i] + [edge] + values[i + 1 :]
                if COUNTS.match(name):
                    changed = ["NULL" if k in LISTS or n == "outputs" else v for v, (k, n) in zip(changed, arguments)]
                lines += call(result, function, arguments, changed)
    if not frees and sum(is_pointer(k) for k, _ in arguments) > 1:
        lines += call(result, function, arguments, ["NULL" if is_pointer(k) else v for (k, _), v in zip(arguments, values)])
    return lines


def main():
    *headers, out = map(pathlib.Path, sys.argv[1:])
    text = "".join(header.read_text() for header in headers)
    found = [f for f in functions(text) if f[1] not in UNCHECKED]
    if len(found) + len(UNCHECKED) != len(re.findall(r"^MXN_API ", text, flags=re.M)):
        sys.exit("make_arguments: some functions of the headers were not understood")
    lines = [
        "/* Made by tests/capi/make_arguments.py. */",
        "#define _GNU_SOURCE",
        '#include "arguments.h"',
        "#include <math.h>",
        "#include <signal.h>",
        "#include <unistd.h>",
        "",
    ]
    lines += ['static const char *current = "";', "static const int32_t two[] = {2, 2, 2, 2};", ""]
    lines += ["/* A key that the store has not. */", "static const char *const *fresh_key(void) {", "  static char text[32];"]
    lines += ["  static const char *const keys[] = {text};"]
    lines += ["  static int n = 0;", '  sprintf(text, "key%d", n++);', "  return keys;", "}", ""]
    lines += ["static void on_crash(int number) {", "  if (write(2, current, strlen(current)) < 0) _exit(71);", "  (void)number;", "  _exit(70);", "}", ""]
    for result, name, arguments in found:
        lines += [f"static void test_{name}(void) {{"] + body(result, name, arguments) + ["}", ""]
    lines += ["int main(void) {", "  signal(SIGSEGV, on_crash);", "  signal(SIGABRT, on_crash);", "  signal(SIGALRM, on_crash);"]
    lines += ["  set_up();"]
    for _, name, _ in found:
        lines.append(f"  alarm(20), test_{name}();")
    lines += ["  tear_down();", "  (void)mxn_shutdown();"]
    lines += [f'  printf("{len(found)} functions, %d calls, %d failures\\n", calls, failures);', "  return failures != 0;", "}", ""]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
