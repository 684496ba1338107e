"""Loss layers: in prediction they pass their first input on, some through a function."""

from .activation import rows_softmax
from .table import converts


@converts("LinearRegressionOutput", "MAERegressionOutput", "SVMOutput", "MakeLoss", "IdentityAttachKLSparseReg")
def passed_on(b, n):
    return b.node("Identity", n.inputs[:1])


@converts("LogisticRegressionOutput")
def logistic(b, n):
    return b.node("Sigmoid", n.inputs[:1])


@converts("SoftmaxOutput")
def softmax_output(b, n):
    if n.flag("multi_output"):
        return b.node("Softmax", n.inputs[:1], axis=1)
    if n.flag("preserve_shape"):
        return b.node("Softmax", n.inputs[:1], axis=-1)
    return rows_softmax(b, n)


@converts("softmax_cross_entropy")
def cross_entropy(b, n):
    index = b.unsqueeze(b.cast(n.inputs[1], "int64", n.in_types[1]), [1])
    picked = b.node("GatherElements", [b.node("LogSoftmax", n.inputs[:1], axis=-1), index], axis=1)
    return b.node("Neg", [b.reshape(b.reduce("ReduceSum", picked, (0, 1), False), (1,))])
