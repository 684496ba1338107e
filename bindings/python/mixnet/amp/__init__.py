"""mx.amp: mixed precision. Activations in bfloat16 or float16, weights and sums in float32.

`init` makes modules that are bound afterwards compute in 16 bits; `convert_symbol` and `convert_model` do it to a
symbol. The casts follow lists of operators (`list_lp16_ops` and the others).
"""

from .converting import convert_bucketing_module, convert_hybrid_block, convert_model, convert_symbol  # noqa: F401
from .lists import (  # noqa: F401
    list_conditional_fp32_ops,
    list_fp32_ops,
    list_loss_output_functions,
    list_lp16_fp32_ops,
    list_lp16_ops,
    list_widest_type_cast,
)
from .loss_scaler import LossScaler  # noqa: F401
from .training import init, init_trainer, scale_loss, stop, unscale  # noqa: F401
