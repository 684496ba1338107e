"""JAX as a side of a benchmark: one jitted function per step."""

import graph as symbols
import jax
import jax.numpy as jnp
import jax_graph
import worker


def _channels_last(value):
    return value.transpose(0, 2, 3, 1) if value.ndim == 4 else value


class Case:
    def __init__(self, spec):
        spec.only("float32", "bfloat16")
        jax.clear_caches()
        self.mode, self.lr, self.dtype, graph = spec.mode, spec.lr, jnp.dtype(spec.dtype), symbols.load(spec.symbol)
        indices = symbols.indices(graph)
        self.weights = {n: self._array(v.transpose(2, 3, 1, 0) if v.ndim == 4 else v) for n, v in spec.arguments.items()}
        self.states = {n: jnp.asarray(v) for n, v in spec.states.items()}
        self.inputs = {n: jnp.asarray(v.astype("int32")) if n in indices else self._array(_channels_last(v)) for n, v in spec.inputs.items()}

        def loss(weights, states, inputs):
            logits, new = jax_graph.evaluate(graph, {**weights, **states, **inputs}, True)
            chosen = jax.nn.log_softmax(logits.astype("float32"))[jnp.arange(logits.shape[0]), inputs["softmax_label"].reshape(-1)]
            return -chosen.sum(), (new, logits)

        def update(weights, states, inputs):
            gradients, (new, _) = jax.grad(loss, has_aux=True)(weights, states, inputs)
            return jax.tree_util.tree_map(lambda w, g: w - self.lr * g, weights, gradients), {**states, **new}

        self.predict = jax.jit(lambda w, s, i: jax.nn.softmax(jax_graph.evaluate(graph, {**w, **s, **i}, False)[0]))
        self.logits = jax.jit(lambda w, s, i: jax.nn.softmax(jax_graph.evaluate(graph, {**w, **s, **i}, True)[0].astype("float32")))
        self.gradient = jax.jit(jax.grad(loss, has_aux=True))
        self.update = jax.jit(update, donate_argnums=(0, 1))

    def _array(self, value):
        return jnp.asarray(value).astype(self.dtype)

    def step(self):
        if self.mode == "update":
            self.weights, self.states = jax.block_until_ready(self.update(self.weights, self.states, self.inputs))
        elif self.mode == "train":
            _, (new, _) = jax.block_until_ready(self.gradient(self.weights, self.states, self.inputs))
            self.states = {**self.states, **new}
        else:
            self.result = jax.block_until_ready(self.predict(self.weights, self.states, self.inputs))

    def outputs(self):
        function = self.predict if self.mode == "predict" else self.logits
        return function(self.weights, self.states, self.inputs).astype("float32")


def add(command):
    """{"seconds": of one addition of `size` floats}."""
    a, b, last = jnp.ones(command["size"]), jnp.ones(command["size"]), []

    def one():
        last[:] = [a + b]

    return {"seconds": worker.each(one, lambda: jax.block_until_ready(last), command["calls"])}


if __name__ == "__main__":
    worker.serve("jax", jax.__version__, Case, add=add)
