"""Comparing arrays with tolerances that follow from their type.

``a`` and ``b`` agree where ``|a - b| <= atol + rtol * |b|``. The violation is the left side divided by the right.
"""

import numpy as np

TOLERANCES = {  # dtype: (rtol, atol, step of central differences)
    "float16": (1e-2, 1e-1, 2.0**-6),
    "float32": (1e-4, 1e-3, 2.0**-9),
    "float64": (1e-5, 1e-20, 2.0**-14),
}


def default_rtols():
    """Dict from dtype to relative tolerance; types not in it compare exactly."""
    return {np.dtype(name): values[0] for name, values in TOLERANCES.items()}


def default_atols():
    """Dict from dtype to absolute tolerance; types not in it compare exactly."""
    return {np.dtype(name): values[1] for name, values in TOLERANCES.items()}


def default_numeric_eps():
    """Dict from dtype to the step of central differences."""
    return {np.dtype(name): values[2] for name, values in TOLERANCES.items()}


def get_rtol(rtol=None, dtype=np.dtype("float64")):
    """`rtol`, or the default for `dtype` where it is None."""
    return default_rtols().get(np.dtype(dtype), 0) if rtol is None else rtol


def get_atol(atol=None, dtype=np.dtype("float64")):
    """`atol`, or the default for `dtype` where it is None."""
    return default_atols().get(np.dtype(dtype), 0) if atol is None else atol


def as_numpy(array):
    """numpy array from an NDArray, a number, a list or itself."""
    return array.asnumpy() if hasattr(array, "asnumpy") else np.asarray(array)


def same(a, b):
    """Whether `a` and `b` are equal in shape and every element."""
    return np.array_equal(as_numpy(a), as_numpy(b))


def _tolerances(a, b, rtol, atol):
    """The coarser of the defaults of both types, where not given."""
    rtol = max(get_rtol(None, a.dtype), get_rtol(None, b.dtype)) if rtol is None else rtol
    return rtol, max(get_atol(None, a.dtype), get_atol(None, b.dtype)) if atol is None else atol


def _violations(a, b, rtol, atol, equal_nan):
    """|a - b| / (atol + rtol |b|) per element: 0 where equal, infinite where one is NaN or no tolerance is left."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(all="ignore"):
        ratio = np.abs(a - b) / (atol + rtol * np.abs(b))
    ratio = np.where(np.isnan(ratio), np.inf, ratio)
    equal = (a == b) | (np.isnan(a) & np.isnan(b)) if equal_nan else a == b
    return np.where(equal, 0.0, ratio)


def find_max_violation(a, b, rtol=None, atol=None):
    """Pair (index of the worst element, its violation); above 1 it is out of tolerance."""
    a, b = as_numpy(a), as_numpy(b)
    violations = _violations(a, b, *_tolerances(a, b, rtol, atol), equal_nan=False)
    place = tuple(int(i) for i in np.unravel_index(np.argmax(violations), violations.shape))
    return place, float(violations[place])


def almost_equal(a, b, rtol=None, atol=None, equal_nan=False, use_broadcast=True):
    """Whether `a` and `b` agree within tolerance (and in shape, unless `use_broadcast`)."""
    a, b = as_numpy(a), as_numpy(b)
    if a.shape != b.shape and not use_broadcast:
        return False
    rtol, atol = _tolerances(a, b, rtol, atol)
    return bool((_violations(a, b, rtol, atol, equal_nan) <= 1).all())


def assert_almost_equal(a, b, rtol=None, atol=None, names=("a", "b"), equal_nan=False, use_broadcast=True, mismatches=(10, 10)):
    """AssertionError unless `a` and `b` agree; it lists at most ``mismatches[1]`` elements, the worst first.

    Parameters
    ----------
    a, b : NDArray, numpy array or number
    rtol, atol : float, optional
        Default by type: float16 1e-2, 1e-1; float32 1e-4, 1e-3; float64 1e-5, 1e-20; others 0.
    names : two str
        What to call the arrays in the message.
    equal_nan : bool
        Whether NaN equals NaN.
    use_broadcast : bool
        Whether shapes may differ as far as broadcasting allows.
    """
    a, b = as_numpy(a), as_numpy(b)
    if a.shape != b.shape and not (use_broadcast and _broadcastable(a.shape, b.shape)):
        raise AssertionError(f"[assert_almost_equal] {names[0]}: expected shape {b.shape} of {names[1]}, got {a.shape}")
    rtol, atol = _tolerances(a, b, rtol, atol)
    a, b = np.broadcast_arrays(a, b)
    violations = _violations(a, b, rtol, atol, equal_nan)
    wrong = np.argwhere(violations > 1)
    if not len(wrong):
        return
    worst = sorted((tuple(int(i) for i in place) for place in wrong), key=lambda place: -violations[place])[: mismatches[1]]
    lines = [f"  {place}: {names[0]} {a[place]}, {names[1]} {b[place]}" for place in worst]
    head = f"[assert_almost_equal] {names[0]}: expected {names[1]} within rtol {rtol:g} and atol {atol:g}, "
    head += f"got {len(wrong)} of {violations.size} elements outside (worst {violations.max():g} times the tolerance)"
    raise AssertionError("\n".join([head, *lines]))


def _broadcastable(left, right):
    try:
        np.broadcast_shapes(left, right)
    except ValueError:
        return False
    return True


def assert_almost_equal_ignore_nan(a, b, rtol=None, atol=None, names=("a", "b")):
    """`assert_almost_equal` over the elements that are NaN in neither array."""
    a, b = np.array(as_numpy(a)), np.array(as_numpy(b))
    hidden = np.isnan(a) | np.isnan(b)
    a[hidden] = b[hidden] = 0
    assert_almost_equal(a, b, rtol, atol, names)


def assert_exception(f, exception_type, *args, **kwargs):
    """AssertionError unless ``f(*args, **kwargs)`` raises `exception_type`."""
    try:
        f(*args, **kwargs)
    except exception_type:
        return
    name = getattr(exception_type, "__name__", exception_type)
    raise AssertionError(f"[assert_exception] {getattr(f, '__name__', f)}: expected {name}, got none")
