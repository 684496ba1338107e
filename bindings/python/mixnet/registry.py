"""mx.registry: functions that make a base class's register, alias and create."""

import json

from .base import MXNetError

_tables = {}


def get_registry(base_class):
    """A copy of what is registered under a class, by lower-case name."""
    return dict(_tables.get(base_class, {}))


def get_register_func(base_class, nickname):
    """A decorator register(class, name=None) for subclasses; without a name that of the class, in lower case."""
    table = _tables.setdefault(base_class, {})

    def register(cls, name=None):
        if not (isinstance(cls, type) and issubclass(cls, base_class)):
            raise MXNetError(f"[{nickname}] register: expected a subclass of {base_class.__name__}, got {cls!r}")
        table[(name or cls.__name__).lower()] = cls
        return cls

    return register


def get_alias_func(base_class, nickname):
    """A decorator alias(name, ...): more names for a class."""
    register = get_register_func(base_class, nickname)

    def alias(*names):
        def decorate(cls):
            for name in names:
                register(cls, name)
            return cls

        return decorate

    return alias


def get_create_func(base_class, nickname):
    """create(name, ...): an object of the class with that name, or the object that is given.

    The name may be JSON, '["name", {options}]', or with its options a dict {nickname: name, option: value}.
    """
    table = _tables.setdefault(base_class, {})

    def create(*args, **kwargs):
        args = list(args)
        name = args.pop(0) if args else kwargs.pop(nickname, None)
        if isinstance(name, base_class):
            if args or kwargs:
                raise MXNetError(f"[{nickname}] create: an object takes no options, got {args or kwargs}")
            return name
        if isinstance(name, dict):
            return create(**{**name, **kwargs})
        if isinstance(name, str) and name.startswith("["):
            name, options = json.loads(name)
            kwargs = {**options, **kwargs}
        if not isinstance(name, str) or name.lower() not in table:
            raise MXNetError(f"[{nickname}] expected one of {', '.join(sorted(table))}, got {name!r}")
        return table[name.lower()](*args, **kwargs)

    return create
