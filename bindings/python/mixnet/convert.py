"""The command `mixnet convert`: models and parameters from one kind of file to another.

`convert caffe net.prototxt net.caffemodel PREFIX` and `convert onnx net.onnx PREFIX` write PREFIX-symbol.json and PREFIX-0000.params;
`convert onnx PREFIX-symbol.json PREFIX-0000.params net.onnx --shape data=1,3,224,224` writes ONNX;
`convert safetensors FROM TO` turns .params into .safetensors or back, as the names say.
"""

import sys

from . import ndarray as nd
from .base import MXNetError
from .model import save_checkpoint


def add_to(commands):
    """Adds the command to those of `mixnet`."""
    command = commands.add_parser("convert", help="turn Caffe, ONNX and safetensors files into MXNet's, and ours into ONNX and safetensors")
    kinds = command.add_subparsers(dest="kind", required=True)
    kind = kinds.add_parser("caffe", help="a Caffe model to PREFIX-symbol.json and PREFIX-0000.params")
    kind.add_argument("prototxt", help="the description of the net")
    kind.add_argument("caffemodel", help="the trained parameters")
    kind.add_argument("prefix", help="where to write, without -symbol.json")
    kind.add_argument("--phase", default="TEST", choices=["TEST", "TRAIN"], help="which layers (default: TEST)")
    _add_shape(kind)
    kind.set_defaults(run=lambda options: _run(_caffe, options))
    kind = kinds.add_parser("onnx", help="MODEL.onnx PREFIX, or PREFIX-symbol.json PREFIX-0000.params MODEL.onnx")
    kind.add_argument("files", nargs="+", help="what to read, then what to write")
    kind.add_argument("--opset", type=int, default=19, help="the opset to write (default: 19)")
    kind.add_argument("--dynamic", action="store_true", help="leave the batch free")
    _add_shape(kind)
    kind.set_defaults(run=lambda options: _run(_onnx, options))
    kind = kinds.add_parser("safetensors", help="FILE.params FILE.safetensors, or the other way round")
    kind.add_argument("source", help="the file to read")
    kind.add_argument("target", help="the file to write")
    kind.set_defaults(run=lambda options: _run(_safetensors, options))


def _add_shape(kind):
    kind.add_argument("--shape", action="append", default=[], metavar="NAME=1,3,224,224", help="the shape of an input; once for each")


def _run(convert, options):
    """Errors become one line and the exit code 1."""
    try:
        print(convert(options))
    except MXNetError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"[convert] {error.filename}: {error.strerror}")


def _shapes(options):
    result = {}
    for text in options.shape:
        name, _, extents = text.rpartition("=")
        parts = extents.split(",")
        if not name or not all(part.strip().isdigit() for part in parts):
            raise MXNetError(f"[convert] --shape: expected NAME=1,3,224,224, got {text}")
        result[name] = tuple(int(part) for part in parts)
    return result


def _caffe(options):
    from .caffe import import_model

    symbol, args, aux = import_model(options.prototxt, options.caffemodel, options.phase, _shapes(options))
    return _checkpoint(options.prefix, symbol, args, aux)


def _checkpoint(prefix, symbol, args, aux):
    save_checkpoint(prefix, 0, symbol, args, aux)
    return f"{prefix}-symbol.json, {prefix}-0000.params: {len(args) + len(aux)} arrays, inputs {', '.join(_inputs(symbol, args))}"


def _inputs(symbol, args):
    return [name for name in symbol.list_arguments() if name not in args]


def _onnx(options):
    from . import onnx

    files = options.files
    if len(files) == 2 and files[0].endswith(".onnx"):
        return _checkpoint(files[1], *onnx.import_model(files[0], _shapes(options) or None))
    if len(files) != 3:
        raise MXNetError(f"[convert] onnx: expected MODEL.onnx PREFIX, or SYMBOL.json FILE.params MODEL.onnx, got {len(files)} files")
    return onnx.export_model(files[0], files[1], _shapes(options), onnx_file_path=files[2], dynamic=options.dynamic, opset_version=options.opset)


def _safetensors(options):
    arrays = nd.load(options.source)
    if not isinstance(arrays, dict):
        raise MXNetError(f"[convert] {options.source}: expected names, got a list without names")
    nd.save(options.target, arrays)
    return f"{options.target}: {len(arrays)} arrays"
