"""Which operators compute in 16 bits, which in float32.

Four lists are written here; every other operator of the library takes what it is given (`list_lp16_fp32_ops`).
All functions accept 'float16' or 'bfloat16' and give new lists with the operators' aliases.
"""

import functools
import json

from ..base import MXNetError, check, dtype_name, ffi, lib, text

# Matrix products: the sums are in float32 whatever the storage, and the time is in them.
_LP16 = "Convolution Deconvolution FullyConnected RNN"

# Steep functions, long sums whose result is not small, normalisations, losses, linear algebra.
_FP32 = """
    arccos arcsin arctanh cosh sinh tan erfinv exp expm1 log log10 log1p log2 gamma gammaln reciprocal rsqrt rcbrt
    _rdiv_scalar _power _power_scalar _rpower_scalar broadcast_power _hypot _hypot_scalar broadcast_hypot
    sum nansum prod nanprod mean norm moments _square_sum multi_sum_sq khatri_rao
    softmin softmax log_softmax SoftmaxActivation InstanceNorm LayerNorm GroupNorm L2Normalization
    SoftmaxOutput LinearRegressionOutput LogisticRegressionOutput MAERegressionOutput SVMOutput MakeLoss CTCLoss
    softmax_cross_entropy smooth_l1 IdentityAttachKLSparseReg argsort topk
    _linalg_gelqf _linalg_gemm _linalg_gemm2 _linalg_potrf _linalg_potri _linalg_sumlogdiag _linalg_syevd _linalg_syrk
    _linalg_trmm _linalg_trsm _linalg_makediag _linalg_extractdiag _linalg_maketrian _linalg_extracttrian
    _linalg_inverse _linalg_det _linalg_slogdet
"""
# These overflow in float16; bfloat16 reaches as far as float32.
_FP32_FLOAT16 = "LRN square"

# Operands of one dtype: the widest among them.
_WIDEST = """
    elemwise_add elemwise_sub elemwise_mul elemwise_div _mod _maximum _minimum _equal _not_equal _greater _greater_equal
    _lesser _lesser_equal _logical_and _logical_or _logical_xor
    broadcast_add broadcast_sub broadcast_mul broadcast_div broadcast_mod broadcast_maximum broadcast_minimum
    broadcast_equal broadcast_not_equal broadcast_greater broadcast_greater_equal broadcast_lesser
    broadcast_lesser_equal broadcast_logical_and broadcast_logical_or broadcast_logical_xor
    add_n Concat stack where dot batch_dot Correlation _contrib_ROIAlign
    _contrib_interleaved_matmul_selfatt_qk _contrib_interleaved_matmul_selfatt_valatt
    _contrib_interleaved_matmul_encdec_qk _contrib_interleaved_matmul_encdec_valatt
"""

_CONDITIONAL = [("Activation", "act_type", ["softrelu"]), ("LeakyReLU", "act_type", ["elu", "selu"])]
_LOSSES = "SoftmaxOutput LinearRegressionOutput LogisticRegressionOutput MAERegressionOutput"


def target(dtype, place="amp"):
    """'float16' or 'bfloat16'; MXNetError for anything else."""
    name = dtype_name(dtype)
    if name not in ("float16", "bfloat16"):
        raise MXNetError(f"[{place}] target_dtype: expected float16 or bfloat16, got {name}")
    return name


@functools.lru_cache(maxsize=None)
def _aliases():
    out = ffi.new("char **")
    check(lib.mxn_op_schemas(out))
    return {op["name"]: (op["name"], *op["aliases"]) for op in json.loads(text(out[0])) if not op["hidden"]}


@functools.lru_cache(maxsize=None)
def _canonical_names():
    return {alias: name for name, aliases in _aliases().items() for alias in aliases}


def canonical(names, place):
    """The set of the operators' own names; MXNetError for a name the library does not know."""
    known = _canonical_names()
    for name in names:
        if name not in known:
            raise MXNetError(f"[{place}] expected names of operators, got '{name}'")
    return {known[name] for name in names}


def _expand(names):
    return [alias for name in names.split() for alias in _aliases()[name]]


def list_lp16_ops(target_dtype="bfloat16"):
    """Operators whose inputs are cast to `target_dtype`."""
    target(target_dtype)
    return _expand(_LP16)


def list_fp32_ops(target_dtype="bfloat16"):
    """Operators whose inputs are cast to float32."""
    return _expand(_FP32 + (_FP32_FLOAT16 if target(target_dtype) == "float16" else ""))


def list_widest_type_cast(target_dtype="bfloat16"):
    """Operators whose inputs are cast to the widest dtype among them."""
    target(target_dtype)
    return _expand(_WIDEST)


def list_conditional_fp32_ops(target_dtype="bfloat16"):
    """(operator, parameter, values) with which inputs are cast to float32."""
    target(target_dtype)
    return [(name, key, list(values)) for name, key, values in _CONDITIONAL]


def list_loss_output_functions(target_dtype="bfloat16"):
    """Operators that are a loss and its gradient."""
    target(target_dtype)
    return _expand(_LOSSES)


def list_lp16_fp32_ops(target_dtype="bfloat16"):
    """Operators that take what they are given: all that are in no other list."""
    listed = {*list_lp16_ops(target_dtype), *list_fp32_ops(target_dtype), *list_widest_type_cast(target_dtype)}
    return [alias for aliases in _aliases().values() for alias in aliases if alias not in listed]
