"""BucketingModule: sharing of parameters and memory between lengths."""

import mixnet as mx
import numpy as np
import pytest

BATCH, FEATURES, CLASSES = 8, 3, 2


def sym_gen(length):
    """Sum over `length` steps, then one layer: the same parameters for every length."""
    data = mx.sym.Variable("data")
    summed = mx.sym.sum(data, axis=1)
    net = mx.sym.FullyConnected(summed, num_hidden=6, name="fc1")
    net = mx.sym.BatchNorm(mx.sym.Activation(net, act_type="tanh"), name="bn", fix_gamma=False)
    net = mx.sym.FullyConnected(net, num_hidden=CLASSES, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax"), ("data",), ("softmax_label",)


def shapes(length):
    data = [mx.io.DataDesc("data", (BATCH, length, FEATURES))]
    return data, [mx.io.DataDesc("softmax_label", (BATCH,))]


class Lengths(mx.io.DataIter):
    """Batches of changing length; the label is the sign of the sum of the first feature."""

    def __init__(self, lengths, seed=0):
        super().__init__(BATCH)
        rng = np.random.RandomState(seed)
        self.default_bucket_key = max(lengths)
        self.provide_data, self.provide_label = shapes(max(lengths))
        self.items = [(n, rng.randn(BATCH, n, FEATURES).astype(np.float32)) for n in lengths]
        self.place = 0

    def reset(self):
        self.place = 0

    def next(self):
        if self.place == len(self.items):
            raise StopIteration
        length, data = self.items[self.place]
        self.place += 1
        label = (data[:, :, 0].sum(1) > 0).astype(np.float32)
        data_shapes, label_shapes = shapes(length)
        return mx.io.DataBatch(
            [mx.nd.array(data)],
            [mx.nd.array(label)],
            pad=0,
            bucket_key=length,
            provide_data=data_shapes,
            provide_label=label_shapes,
        )


def bucketing(length=10, **kwargs):
    module = mx.mod.BucketingModule(sym_gen, default_bucket_key=length, **kwargs)
    module.bind(*shapes(length))
    return module


@pytest.mark.parametrize("context", [mx.cpu(), [mx.cpu(0), mx.cpu(1)]])
def test_fit_learns_over_all_lengths(context):
    lengths = [10, 4, 7, 4, 10, 1, 7, 3] * 4
    module = mx.mod.BucketingModule(sym_gen, default_bucket_key=10, context=context)
    mx.random.seed(1)
    module.fit(
        Lengths(lengths),
        num_epoch=8,
        optimizer="adam",
        optimizer_params={"learning_rate": 0.02},
        initializer=mx.init.Xavier(),
    )
    assert dict(module.score(Lengths(lengths), "acc"))["accuracy"] > 0.85


def test_buckets_share_parameters_both_ways():
    module = bucketing()
    module.init_params(mx.init.Uniform(0.5))
    module.init_optimizer(optimizer_params={"learning_rate": 0.5})
    before = module.get_params()[0]["fc2_weight"].asnumpy()
    short = Lengths([3]).next()
    module.forward_backward(short)
    module.update()
    args, auxs = module.get_params()
    assert np.abs(args["fc2_weight"].asnumpy() - before).max() > 1e-4
    assert np.abs(auxs["bn_moving_mean"].asnumpy()).max() > 1e-4
    filler = {name: mx.nd.ones(value.shape) * 0.25 for name, value in args.items()}
    module.set_params(filler, auxs)
    module.forward(short, is_train=False)
    expected = module.get_outputs()[0].asnumpy()
    alone = mx.mod.Module(sym_gen(3)[0])
    alone.bind(*shapes(3), for_training=False)
    alone.set_params(filler, auxs)
    alone.forward(short)
    np.testing.assert_allclose(alone.get_outputs()[0].asnumpy(), expected, rtol=1e-5)


def test_momentum_is_one_for_all_buckets():
    """Steps in changing buckets equal the same steps taken in one padded length (zeros add nothing to the sum)."""
    options = {"learning_rate": 0.3, "momentum": 0.9}
    params = None
    results = []
    for padded in (False, True):
        module = bucketing()
        if params is None:
            module.init_params(mx.init.Uniform(0.5))
            params = [{name: value.copy() for name, value in part.items()} for part in module.get_params()]
        else:
            module.init_params(arg_params=params[0], aux_params=params[1])
        module.init_optimizer(optimizer_params=options)
        for batch in Lengths([10, 3, 5, 3]):
            if padded:
                data = batch.data[0].asnumpy()
                grown = np.zeros((BATCH, 10, FEATURES), np.float32)
                grown[:, : data.shape[1]] = data
                data_shapes, label_shapes = shapes(10)
                batch = mx.io.DataBatch(
                    [mx.nd.array(grown)],
                    batch.label,
                    bucket_key=10,
                    provide_data=data_shapes,
                    provide_label=label_shapes,
                )
            module.forward_backward(batch)
            module.update()
        results.append({name: value.asnumpy() for name, value in module.get_params()[0].items()})
    for name, value in results[0].items():
        np.testing.assert_allclose(value, results[1][name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_switching_and_preparing_keep_the_current_bucket():
    module = bucketing()
    module.init_params()
    module.switch_bucket(4, *shapes(4))
    assert module.data_shapes[0].shape == (BATCH, 4, FEATURES)
    module.prepare(Lengths([6]).next())
    assert module.data_shapes[0].shape == (BATCH, 4, FEATURES)
    assert module.output_names == ["softmax_output"] and module.data_names[0] == "data"


def test_predict_over_buckets():
    module = bucketing()
    module.init_params()
    assert module.predict(Lengths([3, 10, 3])).shape == (3 * BATCH, CLASSES)


def test_checkpoint(tmp_path):
    prefix = str(tmp_path / "bucket")
    module = bucketing()
    module.init_params(mx.init.Uniform(0.3))
    module.save_checkpoint(prefix, 2)
    loaded = mx.mod.BucketingModule.load(prefix, 2, sym_gen=sym_gen, default_bucket_key=10)
    loaded.bind(*shapes(10))
    for name, value in module.get_params()[0].items():
        np.testing.assert_array_equal(value.asnumpy(), loaded.get_params()[0][name].asnumpy())


def test_errors():
    with pytest.raises((ValueError, AssertionError)):
        mx.mod.BucketingModule(sym_gen)
    with pytest.raises(Exception, match="bind|binded|^$"):
        mx.mod.BucketingModule(sym_gen, default_bucket_key=3).get_params()


def test_a_bucket_with_parameters_of_its_own_is_refused():
    def uneven(length):
        net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name=f"fc_{length}")
        return mx.sym.SoftmaxOutput(net, name="softmax"), ("data",), ("softmax_label",)

    module = mx.mod.BucketingModule(uneven, default_bucket_key=4)
    module.bind([("data", (2, 4))], [("softmax_label", (2,))])
    module.init_params()
    with pytest.raises(ValueError, match="fc_3_weight"):
        module.switch_bucket(3, [("data", (2, 3))], [("softmax_label", (2,))])
