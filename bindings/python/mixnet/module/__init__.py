"""Training modules: a symbol, its executors, its parameters and its optimizer behind one interface."""

from .base_module import BaseModule
from .bucketing_module import BucketingModule
from .executor_group import DataParallelExecutorGroup
from .module import Module
from .python_loss_module import PythonLossModule
from .python_module import PythonModule
from .sequential_module import SequentialModule

__all__ = [
    "BaseModule",
    "BucketingModule",
    "DataParallelExecutorGroup",
    "Module",
    "PythonLossModule",
    "PythonModule",
    "SequentialModule",
]
