"""Servers and the scheduler of a store between machines, and the keys of its groups."""

import importlib.util
import os
import pathlib
import threading

from .base import check, ffi, lib, register_callback, text


def find_zeromq():
    """Where the system has no libzmq, the one inside the wheel of pyzmq will do."""
    if os.environ.get("MIXNET_ZMQ_LIBRARY"):
        return
    try:
        ffi.dlopen("libzmq.so.5")
        return
    except OSError:
        pass
    spec = importlib.util.find_spec("zmq")
    if spec is None or not spec.submodule_search_locations:
        return
    for folder in spec.submodule_search_locations:
        for library in sorted(pathlib.Path(folder).parent.glob("pyzmq.libs/libzmq*.so*")):
            os.environ["MIXNET_ZMQ_LIBRARY"] = str(library)


def make_keys():
    """(public, secret): a new CURVE key pair for a group, each 40 characters of Z85. MXNetError where ZeroMQ is missing."""
    find_zeromq()
    out = ffi.new("char **")
    check(lib.mxn_kvstore_make_key(out))
    public, secret = text(out[0]).split()
    return public, secret


def _cancellable(body):
    """Runs body(cancel) on a thread of its own, so that Ctrl-C reaches this one, which ends it then."""
    out = ffi.new("mxn_cancel_t **")
    check(lib.mxn_cancel_create(out))
    cancel = ffi.gc(out[0], lib.mxn_cancel_free)
    failed = []

    def run():
        try:
            body(cancel)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="kvstore server")
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)
    finally:
        check(lib.mxn_cancel_trigger(cancel))
        thread.join()
    if failed:
        raise failed[0]


def updater_data(updater):
    """What `mixnet_py_updater` is registered with: it calls updater(key, received, stored), whose arrays share the store's memory."""
    from .ndarray import NDArray

    def run(key, *handles):
        arrays = []
        for handle in handles:
            out = ffi.new("mxn_ndarray_t **")
            check(lib.mxn_ndarray_clone(handle, out))
            arrays.append(NDArray(out[0]))
        updater(key, *arrays)

    return register_callback(run)


def serve(updater=None):
    """Runs a server or the scheduler, as the environment's DMLC_ROLE says, until its group is over.

    updater(key, received, stored) changes what a server has stored, part by part (large arrays are cut into parts, which are flat); without,
    the workers give an optimizer. MXNetError with code -7 when the group ended because somebody was lost.
    """
    find_zeromq()
    if updater is None:
        return _cancellable(lambda cancel: check(lib.mxn_kvstore_serve(ffi.NULL, ffi.NULL, ffi.NULL, cancel)))
    data = updater_data(updater)
    return _cancellable(lambda cancel: check(lib.mxn_kvstore_serve(lib.mixnet_py_updater, data, lib.mixnet_py_destroy, cancel)))
