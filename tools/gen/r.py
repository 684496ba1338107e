"""The R binding's generated files: entries of .Call, operator functions, help pages, DESCRIPTION, NAMESPACE. The library must be built."""

from interface import header as headers
from interface.operators import operators
from rlang import operators as functions
from rlang import iterators, optimizers, package, pages, shims

# Entries written by hand in bindings/r/src, with their numbers of arguments.
ENTRIES = (
    ("mixnet_invoke", 5),
    ("mixnet_symbol", 6),
    ("mixnet_default_device", 2),
    ("mixnet_array_fill", 2),
    ("mixnet_array_values", 1),
    ("mixnet_dim", 1),
    ("mixnet_predictor", 6),
    ("mixnet_predictor_fill", 3),
    ("mixnet_predictor_values", 2),
    ("mixnet_cached_op", 2),
    ("mixnet_autograd_function", 3),
    ("mixnet_record_next", 1),
    ("mixnet_data_batch", 1),
)


def files():
    """{path from the root: text}."""
    header, ops, found = headers.parse(), operators(), optimizers.schemas()
    folder = package.PACKAGE.relative_to(package.ROOT)
    written = {
        folder / "src" / "gen_shims.c": shims.c_source(header, ENTRIES),
        folder / "src" / "gen_handles.h": shims.c_header(header),
        folder / "src" / "gen_operators.c": functions.table(ops),
        folder / "R" / "gen-capi.R": shims.r_source(header),
        folder / "R" / "gen-nd.R": functions.functions(ops, "nd"),
        folder / "R" / "gen-symbol.R": functions.functions(ops, "symbol"),
        folder / "R" / "gen-optimizers.R": optimizers.functions(found),
        folder / "R" / "gen-iterators.R": iterators.functions(),
        folder / "man" / "iterators.Rd": iterators.page(),
        folder / "man" / "optimizers.Rd": optimizers.page(found),
        folder / "DESCRIPTION": package.description(),
        folder / "NAMESPACE": package.namespace(),
    }
    written.update({folder / "man" / name: text for name, text in pages.pages(ops).items()})
    return written
