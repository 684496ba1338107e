"""symbol.json as releases before 0.9.5 wrote it, most of generation A: written here by hand, since no wheel of that age exists."""

import json


def variable(name, **attributes):
    return {"op": "null", "param": {}, "name": name, "inputs": [], "backward_source_id": -1, **({"attr": attributes} if attributes else {})}


def operator(op, name, inputs, param, **attributes):
    entries = [[i, 0] if isinstance(i, int) else list(i) for i in inputs]
    return {"op": op, "param": param, "name": name, "inputs": entries, "backward_source_id": -1, **({"attr": attributes} if attributes else {})}


def graph(*nodes, heads):
    return {"nodes": list(nodes), "arg_nodes": [i for i, n in enumerate(nodes) if n["op"] == "null"], "heads": [[h, 0] for h in heads]}


def multipliers():
    """Hidden keys without underscores, on variables and on the operator that they feed."""
    return graph(
        variable("data"),
        variable("fc_weight", lr_mult="2.0", ctx_group="one"),
        variable("fc_bias", wd_mult="0.0"),
        operator("FullyConnected", "fc", [0, 1, 2], {"no_bias": "False", "num_hidden": "4"}, ctx_group="one", force_mirroring="True", weight_wd_mult="0.5"),
        operator("Activation", "act", [3], {"act_type": "tanh"}, ctx_group="two", mirror_stage="1"),
        heads=[4],
    )


def statistics():
    """BatchNorm without its auxiliary states, which files did not list."""
    return graph(
        variable("data"),
        variable("bn_gamma"),
        variable("bn_beta"),
        operator("BatchNorm", "bn", [0, 1, 2], {"eps": "0.002", "fix_gamma": "False", "momentum": "0.9", "use_global_stats": "False"}),
        operator("Flatten", "flat", [3], {}),
        heads=[4],
    )


def spellings():
    """Tuples, numbers for truth, and operators' old names."""
    return graph(
        variable("data"),
        variable("conv_weight"),
        operator(
            "Convolution",
            "conv",
            [0, 1],
            {"kernel": "(3,3)", "stride": "[1,1]", "pad": "(1,1)", "num_filter": "2", "no_bias": "1", "num_group": "1", "workspace": "512"},
        ),
        operator("Pooling", "pool", [2], {"global_pool": "0", "kernel": "(2,2)", "pool_type": "max", "stride": "(2,2)", "pad": "(0,0)"}),
        operator("ElementWiseSum", "twice", [3, 3], {"num_args": "2"}),
        operator("_PlusScalar", "more", [4], {"scalar": "1.5"}),
        operator("_Mul", "square", [5, 5], {}),
        operator("Flatten", "flat", [6], {}),
        variable("fc_weight"),
        variable("fc_bias"),
        operator("FullyConnected", "fc", [7, 8, 9], {"no_bias": "0", "num_hidden": "3"}),
        variable("softmax_label"),
        operator("Softmax", "softmax", [10, 11], {"grad_scale": "1", "multi_output": "0"}),
        heads=[12],
    )


def pieces():
    """An operator of several outputs, and heads that are not in order."""
    return graph(
        variable("data"),
        operator("SliceChannel", "parts", [0], {"num_outputs": "2", "axis": "1", "squeeze_axis": "False"}),
        operator("Concat", "joined", [[1, 1], [1, 0]], {"num_args": "2", "dim": "1"}),
        operator("Dropout", "kept", [2], {"p": "0"}),
        operator("argmax_channel", "best", [3], {}),
        operator("BlockGrad", "stopped", [4], {}),
        heads=[5, 3],
    )


def reduced():
    """Generation B, 0.9.4: "-1" as the axis of argmax and argmin still meant none."""
    nodes = [{"op": "null", "name": "data", "inputs": []}]
    for op in ("argmax", "argmin"):
        nodes.append({"op": op, "name": op, "attr": {"axis": "-1"}, "inputs": [[0, 0, 0]]})
    return {"nodes": nodes, "arg_nodes": [0], "node_row_ptr": [0, 1, 2, 3], "heads": [[1, 0, 0], [2, 0, 0]], "attrs": {"mxnet_version": ["int", 904]}}


FILES = {f.__name__: f for f in (multipliers, statistics, spellings, pieces, reduced)}


def files():
    """{name: text}"""
    return {name: json.dumps(make(), indent=2) + "\n" for name, make in FILES.items()}
