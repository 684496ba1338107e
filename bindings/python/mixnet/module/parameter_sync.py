"""How gradients travel between devices and who updates the weights.

Without a store every device has the same gradients only if there is one device. With a store, either the store
updates the weights (push gradients, pull weights) or it only sums (push gradients, pull sums) and each device updates
its own copy. Keys of the store are parameter names; urgency falls with the place in the list, front layers first.
"""

from .. import kvstore as kvs

# Above so many elements summing in the store and updating on each device beats updating in the store.
LARGE_PARAMETER = 16 * 1024 * 1024


def create_store(kvstore, num_device, arg_params):
    """Pair (store or None, whether the store updates the weights).

    `kvstore` is None, a KVStore or its type name. TypeError for anything else.
    """
    if kvstore is None:
        return None, False
    if not isinstance(kvstore, str):
        if not hasattr(kvstore, "push"):
            kind = type(kvstore).__name__
            raise TypeError(f"[init_optimizer] kvstore: expected a KVStore, its type name or None, got {kind}")
        return kvstore, True
    if num_device == 1 and "dist" not in kvstore:
        return None, False
    largest = max((param.size for param in arg_params.values()), default=0)
    return kvs.create(kvstore), kvstore != "local" or largest <= LARGE_PARAMETER


def fill_store(store, names, param_arrays, arg_params, updates):
    """Put the parameters into the store and, where it updates them, take its values to the devices.

    A store that has trained before begins anew with these values.
    """
    for place, (name, arrays) in enumerate(zip(names, param_arrays)):
        if isinstance(store, kvs.KVStore) and name in store:
            store.init(name, arg_params[name], force=True)
        else:
            store.init(name, arg_params[name])
        if updates:
            store.pull(name, arrays, priority=-place)


def _push_pull(store, name, grads, outs, priority):
    if isinstance(store, kvs.KVStore):
        store.pushpull(name, grads, out=outs, priority=priority)
        return
    store.push(name, grads, priority=priority)
    store.pull(name, outs, priority=priority)


def update_in_store(store, names, param_arrays, grad_arrays):
    """Push the gradients, pull the new weights."""
    for place, (name, params, grads) in enumerate(zip(names, param_arrays, grad_arrays)):
        if grads[0] is not None:
            _push_pull(store, name, grads, params, -place)


def sum_in_store(store, names, grad_arrays):
    """Replace the gradients of every device by their sum over the devices (and workers)."""
    for place, (name, grads) in enumerate(zip(names, grad_arrays)):
        if grads[0] is not None:
            _push_pull(store, name, grads, grads, -place)


def update_on_devices(updater, index_of, names, param_arrays, grad_arrays, together):
    """Apply `updater` to the weights of each device; every device has optimizer states of its own.

    `together`: weights may wait for each other's gradients, so that several are stepped at once.
    """
    steps = [[] for _ in param_arrays[0]] if param_arrays else []
    for name, params, grads in zip(names, param_arrays, grad_arrays):
        if grads[0] is None:
            continue
        first = index_of[name] * len(params)
        for device, (param, grad) in enumerate(zip(params, grads)):
            if together:
                steps[device].append((first + device, grad, param))
            else:
                updater(first + device, grad, param)
    for of_device in filter(None, steps):
        updater(*map(list, zip(*of_device)))
