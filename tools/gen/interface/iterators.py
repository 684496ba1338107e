"""The library's iterators as data. The library must be built."""

import dataclasses

from .operators import library_json, parameter


@dataclasses.dataclass(frozen=True)
class Iterator:
    """parameters: as those of operators; they are given as texts."""

    name: str
    aliases: tuple
    doc: str
    parameters: tuple


def iterators():
    """Every Iterator, by name."""
    found = library_json("mxn_data_iter_schemas")
    return [Iterator(i["name"], tuple(i["aliases"]), i["doc"], tuple(parameter(n, p) for n, p in enumerate(i["params"]))) for i in found]
