"""Which of its life's steps a module has taken, and the error for calling a step too early."""

from ..base import MXNetError

STEPS = {
    "binded": "bind",
    "params_initialized": "init_params",
    "optimizer_initialized": "init_optimizer",
    "inputs_need_grad": "bind with inputs_need_grad=True",
}


def require(module, call, *flags):
    """Raise MXNetError unless every flag in `flags` is set on `module`; `call` names the method asked for."""
    for flag in flags:
        if not getattr(module, flag):
            place = f"[{type(module).__name__}] {call}"
            raise MXNetError(f"{place}: expected {STEPS[flag]} to be called before, got a module without it")
