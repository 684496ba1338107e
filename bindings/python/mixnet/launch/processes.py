"""What the supervisor starts: one process that stands for one member or for several, described before it exists."""

import dataclasses
import typing


@dataclasses.dataclass
class Process:
    """`covers`: the names of the members it stands for. `first_line`: what it is told on its standard input, which then carries orders
    (`interrupt`, `stop`) and whose end stops it; None: it has no standard input and obeys signals. `again`: what it is told instead when it
    takes its place in the group once more."""

    name: str
    command: list
    covers: list
    first_line: typing.Optional[str] = None
    env: dict = dataclasses.field(default_factory=dict)
    again: typing.Optional[str] = None
