"""The table of a block's parts that Block.summary prints."""

from ..base import MXNetError
from ..ndarray import NDArray

_ROW = "{:<40} {:>24} {:>14}"


def _shapes(value):
    if isinstance(value, NDArray):
        return str(value.shape)
    if isinstance(value, (list, tuple)):
        return ", ".join(_shapes(item) for item in value)
    return str(value)


def summary(block, inputs):
    """Text: a line per block that a call with these inputs reaches, then totals. A parameter that blocks share counts once in the totals."""
    active = [part for part in block._blocks() if getattr(part, "_active", False)]
    if active:
        raise MXNetError(f"[summary] expected a block that is not hybridized, got {active[0].name}, which is")
    rows, handles = [_ROW.format("Layer (type)", "Output Shape", "Param #")], []

    def watch(part, place):
        def note(_, __, outputs):
            count = sum(_count(parameter) for parameter in part._reg_params.values())
            rows.append(_ROW.format(f"{place} ({type(part).__name__})", _shapes(outputs), count))

        handles.append(part.register_forward_hook(note))
        for name, child in part._children.items():
            watch(child, f"{place}.{name}")

    watch(block, block.name)
    try:
        block(*inputs)
    finally:
        for handle in handles:
            handle.detach()
    parameters = block.collect_params().values()
    trained = sum(_count(parameter) for parameter in parameters if parameter.grad_req != "null")
    total = sum(_count(parameter) for parameter in parameters)
    line = "-" * len(rows[0])
    return "\n".join([line, rows[0], line, *rows[1:], line, f"Parameters in total: {total}", f"with gradients: {trained}", line])


def _count(parameter):
    count = 1
    for extent in parameter.shape or (0,):
        count *= extent
    return count
