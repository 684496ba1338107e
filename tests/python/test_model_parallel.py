"""group2ctx: nets whose groups of nodes live on several contexts."""

import json
import os
import subprocess
import sys

import mixnet as mx
import numpy as np
import pytest

GROUPS = {"stage1": mx.cpu(1), "stage2": mx.cpu(2)}


def mlp():
    with mx.AttrScope(ctx_group="stage1"):
        data = mx.sym.Variable("data")
        net = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=16, name="fc1"), act_type="relu")
    with mx.AttrScope(ctx_group="stage2"):
        net = mx.sym.BatchNorm(mx.sym.FullyConnected(net, num_hidden=12, name="fc2"), name="bn", fix_gamma=False)
        net = mx.sym.FullyConnected(mx.sym.tanh(net), num_hidden=3, name="fc3")
        return mx.sym.SoftmaxOutput(net, name="softmax")


def stacked_lstm(layers=2, steps=4, hidden=8):
    """A layer per group."""
    x = [mx.sym.Variable(f"t{t}_data") for t in range(steps)]
    for layer in range(layers):
        with mx.AttrScope(ctx_group=f"stage{layer + 1}"):
            cell = mx.rnn.LSTMCell(hidden, prefix=f"l{layer}_")
            state = cell.begin_state(func=mx.sym.zeros, shape=(5, hidden))
            for t in range(steps):
                x[t], state = cell(x[t], state)
    with mx.AttrScope(ctx_group=f"stage{layers}"):
        return mx.sym.LinearRegressionOutput(mx.sym.FullyConnected(x[-1], num_hidden=1, name="score"), name="out")


NETS = {
    "mlp": (mlp, {"data": (6, 10)}),
    "lstm": (stacked_lstm, {f"t{t}_data": (5, 7) for t in range(4)}),
}


def trained(net, shapes, group2ctx, steps=3):
    """An executor after some steps of SGD."""
    executor = net.simple_bind(mx.cpu(0), group2ctx=group2ctx, **shapes)
    rng = np.random.RandomState(3)
    for name, array in sorted(executor.arg_dict.items()):
        array[:] = rng.randint(0, 2, array.shape) if name.endswith("label") else rng.uniform(-0.7, 0.7, array.shape)
    for name, array in sorted(executor.aux_dict.items()):
        array[:] = 1 if name.endswith("var") else 0
    for _ in range(steps):
        executor.forward(is_train=True)
        executor.backward()
        for name, weight in executor.arg_dict.items():
            if "data" not in name and "label" not in name:
                mx.nd.sgd_update(weight, executor.grad_dict[name], lr=0.1, out=weight)
    return executor


@pytest.mark.parametrize("name", NETS)
def test_placed_nets_train_to_the_same_bits(name):
    make, shapes = NETS[name]
    plain, placed = trained(make(), shapes, None), trained(make(), shapes, GROUPS)
    for kind in ("arg_dict", "grad_dict", "aux_dict", "output_dict"):
        for key, value in getattr(plain, kind).items():
            np.testing.assert_array_equal(value.asnumpy(), getattr(placed, kind)[key].asnumpy(), err_msg=key)
    np.testing.assert_array_equal(plain.forward()[0].asnumpy(), placed.forward()[0].asnumpy())


def test_arrays_are_on_the_contexts_of_their_groups():
    executor = mlp().simple_bind(mx.cpu(0), group2ctx=GROUPS, data=(6, 10))
    for arrays in (executor.arg_dict, executor.grad_dict, executor.aux_dict):
        for name, array in arrays.items():
            assert array.context == GROUPS["stage1" if name.startswith(("data", "fc1")) else "stage2"], name
    assert executor.outputs[0].context == mx.cpu(2)
    assert executor.reshape(data=(3, 10), softmax_label=(3,)).arg_dict["fc1_weight"].context == mx.cpu(1)


def test_nodes_without_a_group_are_with_their_first_input():
    # As MXNet 1.9 answers.
    with mx.AttrScope(ctx_group="stage1"):
        p = mx.sym.exp(mx.sym.Variable("p"))
    with mx.AttrScope(ctx_group="stage2"):
        q = mx.sym.exp(mx.sym.Variable("q"))
    f, z = mx.sym.Variable("f"), mx.sym.zeros((2, 3))
    outputs = [p + q, q + p, f + p, p + f, mx.sym.exp(f) + p, z, z + p, mx.sym.Concat(z, f, p, q), mx.sym.zeros_like(p)]
    executor = mx.sym.Group(outputs).simple_bind(mx.cpu(0), grad_req="null", group2ctx=GROUPS, p=(2, 3), q=(2, 3), f=(2, 3))
    assert [o.context.device_id for o in executor.outputs] == [1, 2, 0, 1, 0, 0, 1, 0, 1]


def test_variables_that_operators_make_are_in_their_group():
    attributes = mlp().attr_dict()
    assert {attributes[name]["ctx_group"] for name in ("fc1_weight", "fc1_bias")} == {"stage1"}
    assert attributes["bn_moving_var"]["ctx_group"] == "stage2"
    loaded = mx.sym.load_json(mlp().tojson())
    assert loaded.simple_bind(mx.cpu(0), group2ctx=GROUPS, data=(6, 10)).arg_dict["fc3_bias"].context == mx.cpu(2)


def test_without_group2ctx_groups_mean_nothing():
    for group2ctx in (None, {}):
        executor = mlp().simple_bind(mx.cpu(3), group2ctx=group2ctx, data=(6, 10))
        assert {a.context for a in executor.arg_arrays + executor.outputs} == {mx.cpu(3)}
        assert "_CrossDeviceCopy" not in executor.debug_str()


def test_the_profile_shows_the_copies(tmp_path):
    executor = trained(mlp(), {"data": (6, 10)}, GROUPS)
    mx.nd.waitall()
    mx.profiler.set_config(filename=str(tmp_path / "profile.json"))
    mx.profiler.set_state("run")
    executor.forward(is_train=True)
    executor.backward()
    mx.nd.waitall()
    mx.profiler.set_state("stop")
    mx.profiler.dump()
    with open(tmp_path / "profile.json") as file:
        events = json.load(file)["traceEvents"]
    copies = [event["args"]["node"] for event in events if event["name"] == "_CrossDeviceCopy" and event["ph"] == "X"]
    assert len(copies) == 2 and copies[0].endswith("_0_copy")  # what fc2 reads, and the gradient of that


def test_memory_of_each_context():
    net, shapes = NETS["lstm"][0](), NETS["lstm"][1]
    executor = net.simple_bind(mx.cpu(0), group2ctx=GROUPS, grad_req={n: "null" if "data" in n else "write" for n in net.list_arguments()}, **shapes)
    parts = net.memory_estimate(group2ctx=GROUPS, **shapes)
    assert set(parts) == {mx.cpu(0), mx.cpu(1), mx.cpu(2)}
    for ctx, part in parts.items():
        assert executor.memory(ctx=ctx) == part
    for key, total in executor.memory().items():
        assert sum(part[key] for part in parts.values()) == total
    assert parts[mx.cpu(1)]["planned"] > 0 and parts[mx.cpu(2)]["planned"] > 0
    before = mx.context.storage_info(mx.cpu(2))["in_use"]
    executor.forward(is_train=True)[0].wait_to_read()
    assert mx.context.storage_info(mx.cpu(2))["in_use"] - before >= parts[mx.cpu(2)]["planned"]


def fit(make, context, group2ctxs, epochs=4):
    rng = np.random.RandomState(0)
    data = rng.randn(64, 10).astype(np.float32)
    label = (data[:, :3].argmax(1)).astype(np.float32)
    np.random.seed(1)
    mx.random.seed(1)
    module = mx.mod.Module(make(), context=context, group2ctxs=group2ctxs)
    train = mx.io.NDArrayIter(data, label, batch_size=16)
    module.fit(train, num_epoch=epochs, optimizer="sgd", optimizer_params={"learning_rate": 0.2, "momentum": 0.9}, initializer=mx.init.Xavier())
    return module, module.score(mx.io.NDArrayIter(data, label, batch_size=16), "acc")[0][1]


def test_module_trains_placed_nets_to_the_same_bits():
    plain, accuracy = fit(mlp, mx.cpu(0), None)
    for context, groups in ((mx.cpu(0), GROUPS), ([mx.cpu(0)], {"stage1": [mx.cpu(1)], "stage2": mx.cpu(2)}), ([mx.cpu(0)], [GROUPS])):
        placed, same = fit(mlp, context, groups)
        assert same == accuracy > 0.8
        for given, other in zip(plain.get_params(), placed.get_params()):
            for name in given:
                np.testing.assert_array_equal(given[name].asnumpy(), other[name].asnumpy(), err_msg=name)


def test_every_part_of_the_batch_has_its_own_contexts():
    groups = [{"stage1": mx.cpu(2), "stage2": mx.cpu(3)}, {"stage1": mx.cpu(4), "stage2": mx.cpu(5)}]
    module, accuracy = fit(mlp, [mx.cpu(0), mx.cpu(1)], groups, epochs=8)
    executors = module._exec_group.execs
    assert [e.arg_dict["fc3_weight"].context.device_id for e in executors] == [3, 5] and accuracy > 0.8


def test_buckets_share_placed_parameters():
    def make(length):
        data = mx.sym.sum(mx.sym.Variable("data"), axis=1)
        with mx.AttrScope(ctx_group="stage1"):
            net = mx.sym.FullyConnected(data, num_hidden=6, name="fc1")
        with mx.AttrScope(ctx_group="stage2"):
            net = mx.sym.FullyConnected(mx.sym.tanh(net), num_hidden=2, name="fc2")
            return mx.sym.SoftmaxOutput(net, name="softmax"), ("data",), ("softmax_label",)

    module = mx.mod.BucketingModule(make, default_bucket_key=4, group2ctxs=GROUPS)
    module.bind([("data", (8, 4, 3))], [("softmax_label", (8,))])
    module.init_params(mx.init.Uniform(0.5))
    module.init_optimizer(optimizer_params={"learning_rate": 0.1})
    for length in (4, 2, 3, 4):
        batch = mx.io.DataBatch(
            [mx.nd.ones((8, length, 3))],
            [mx.nd.zeros((8,))],
            bucket_key=length,
            provide_data=[("data", (8, length, 3))],
            provide_label=[("softmax_label", (8,))],
        )
        module.forward_backward(batch)
        module.update()
    executors = [module._buckets[length]._exec_group.execs[0] for length in (4, 2)]
    assert executors[0].arg_dict["fc1_weight"].context == mx.cpu(1)
    np.testing.assert_array_equal(*[e.arg_dict["fc1_weight"].asnumpy() for e in executors])


@pytest.mark.parametrize(
    "group2ctx, error, message",
    [
        ({"stage1": mx.cpu(1)}, mx.MXNetError, r"\[bind\] group2ctx: no context for group 'stage2' of "),
        ({"stage1": mx.cpu(1), "stage2": "cpu"}, TypeError, r"\[bind\] group2ctx: expected a Context for 'stage2', got str"),
        ({"stage1": mx.cpu(1), "stage2": mx.gpu(0)}, mx.MXNetError, r"\[gpu\(0\)\]"),
    ],
)
def test_wrong_maps(group2ctx, error, message):
    with pytest.raises(error, match=message):
        mlp().simple_bind(mx.cpu(0), group2ctx=group2ctx, data=(6, 10))


def test_wrong_contexts():
    right = mlp().simple_bind(mx.cpu(0), group2ctx=GROUPS, data=(6, 10))
    states = {name: array.copyto(mx.cpu(1)) for name, array in right.aux_dict.items()}
    with pytest.raises(mx.MXNetError, match=r"\[bind\] bn_moving_mean: expected an array on cpu\(2\), got cpu\(1\)"):
        mlp().bind(mx.cpu(0), right.arg_dict, aux_states=states, group2ctx=GROUPS)
    grads = dict(right.grad_dict, fc1_weight=right.grad_dict["fc1_weight"].copyto(mx.cpu(0)))
    with pytest.raises(mx.MXNetError, match=r"\[bind\] gradient of fc1_weight: expected an array on cpu\(1\), got cpu\(0\)"):
        mlp().bind(mx.cpu(0), right.arg_dict, grads, aux_states=right.aux_dict, group2ctx=GROUPS)
    # Arguments are copied in every run.
    elsewhere = {name: array.copyto(mx.cpu(0)) for name, array in right.arg_dict.items()}
    other = mlp().bind(mx.cpu(0), elsewhere, aux_states=right.aux_dict, group2ctx=GROUPS)
    np.testing.assert_array_equal(other.forward()[0].asnumpy(), right.forward()[0].asnumpy())


BRANCHES = """
import json, sys
import mixnet as mx
branches = []
for group in ("one", "two"):
    with mx.AttrScope(ctx_group=group):
        x = mx.sym.Variable(group)
        for i in range(6):
            x = mx.sym.dot(x, x, name=f"{group}{i}")
        branches.append(x)
net = mx.sym.Group(branches)
executor = net.simple_bind(mx.cpu(0), grad_req="null", group2ctx={"one": mx.cpu(1), "two": mx.cpu(2)}, one=(300, 300), two=(300, 300))
executor.forward()
mx.nd.waitall()
mx.profiler.set_config(filename=sys.argv[1])
mx.profiler.set_state("run")
for _ in range(10):
    executor.forward()
mx.nd.waitall()
mx.profiler.set_state("stop")
mx.profiler.dump()
spans = {"o": [], "t": []}
for event in json.load(open(sys.argv[1]))["traceEvents"]:
    if event["name"] == "dot" and event["ph"] == "X":
        spans[event["args"]["node"][0]].append((event["ts"], event["ts"] + event["dur"]))
print(sum(a[0] < b[1] and b[0] < a[1] for a in spans["o"] for b in spans["t"]))
"""


def run(program, *arguments, **environment):
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True, timeout=120).stdout


def test_branches_on_two_contexts_run_side_by_side(tmp_path):
    threads = [{"MIXNET_ENGINE": "threaded", "MIXNET_CPU_WORKER_NTHREADS": str(workers)} for workers in (1, 2)]
    overlaps = [int(run(BRANCHES, str(tmp_path / "trace.json"), **environment)) for environment in threads]
    assert overlaps[0] == 0 < overlaps[1]


PIPELINE = """
import sys
sys.path.insert(0, sys.argv[1])
import test_model_parallel as nets
for name in nets.NETS:
    for _ in range(5):
        nets.test_placed_nets_train_to_the_same_bits(name)
executor = nets.trained(*[nets.NETS["lstm"][0](), nets.NETS["lstm"][1], nets.GROUPS])
steps = [line.split()[1] for line in executor.debug_str().splitlines() if " l" in line]
print("".join(step[1] for step in steps if step.endswith(("_slice:", "_slice_backward:"))))
"""


def test_recurrent_layers_become_a_pipeline():
    order = run(PIPELINE, os.path.dirname(__file__), MIXNET_CPU_WORKER_NTHREADS="3").strip()
    forward, backward = order[:8], order[8:]
    assert sorted(forward) == sorted(backward) == list("00001111")
    # The upper layer begins before the lower one is through, and the other way round.
    assert forward.index("1") < forward.rindex("0") and backward.index("0") < backward.rindex("1")
