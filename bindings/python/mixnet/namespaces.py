"""Names of operators without the prefix of their family: _contrib_X is X in mx.nd.contrib and mx.sym.contrib."""


def publish(module, operators, *prefixes):
    """Puts every operator whose name has one of the prefixes into a module's dictionary, which keeps what it has. The names that are new."""
    added = []
    for name in operators.__all__:
        prefix = next((p for p in prefixes if name.startswith(p)), None)
        if prefix is None or name[len(prefix) :] in module:
            continue
        module[name[len(prefix) :]] = getattr(operators, name)
        added.append(name[len(prefix) :])
    return sorted(added)
