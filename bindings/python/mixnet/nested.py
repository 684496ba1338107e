"""Lists in lists: what loops and branches take and give may be one value, or values in lists of any depth."""


def flatten(value, kind, place):
    """All values of this kind, in order, and the form to put others like them into with `regroup`."""
    if isinstance(value, kind):
        return [value], None
    if value is None:
        return [], []
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"[{place}] expected {kind.__name__}s, or lists of them, got {type(value).__name__}")
    flat, forms = [], []
    for item in value:
        inner, form = flatten(item, kind, place)
        flat += inner
        forms.append(form)
    return flat, forms


def regroup(flat, form):
    """The values in the form that `flatten` told."""
    values = iter(flat)

    def fill(part):
        return next(values) if part is None else [fill(inner) for inner in part]

    return fill(form)
