"""mx.runtime: what the library can do here, under the names that MXNet's builds tell."""

from .base import features
from .context import num_gpus


class Feature:
    """One name, and whether it is enabled."""

    def __init__(self, name, enabled):
        self.name, self.enabled = name, enabled

    def __repr__(self):
        return f"{'✔' if self.enabled else '✖'} {self.name}"


def feature_list():
    """Every feature of MXNet's list. Those of GPUs are enabled where a GPU can be used, not where the library was merely built for one."""
    built = features()
    gpu = num_gpus() > 0
    enabled = {
        **dict.fromkeys(("CUDA", "CUDNN", "NCCL", "CUDA_RTC"), gpu),
        "MKLDNN": bool(built.get("onednn")),
        "F16C": bool(built.get("f16c")),
        **dict.fromkeys(("OPENMP", "LAPACK", "PROFILER", "DIST_KVSTORE", "INT64_TENSOR_SIZE"), True),
    }
    absent = (
        "BLAS_APPLE BLAS_ATLAS BLAS_MKL BLAS_OPEN CAFFE CPU_AVX CPU_AVX2 CPU_SSE CPU_SSE2 CPU_SSE3 CPU_SSE4A CPU_SSE4_1 CPU_SSE4_2 CXX14 DEBUG "
        "JEMALLOC OPENCV SIGNAL_HANDLER SSE TENSORRT TVM_OP"
    )
    return [Feature(name, enabled.get(name, False)) for name in sorted({*enabled, *absent.split()})]


class Features(dict):
    """Feature by name."""

    def __init__(self):
        super().__init__((feature.name, feature) for feature in feature_list())

    def __repr__(self):
        return f"[{', '.join(map(repr, self.values()))}]"

    def is_enabled(self, feature_name):
        """Whether a feature is enabled; RuntimeError for a name that is none."""
        name = feature_name.upper()
        if name not in self:
            raise RuntimeError(f"[runtime] feature: expected one of {', '.join(self)}, got {feature_name}")
        return self[name].enabled
