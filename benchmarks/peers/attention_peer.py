"""Attention as a side of a benchmark: python attention_peer.py fused|composed|torch. Inputs: query, key, value, (batch, heads, length, depth)."""

import os
import sys

import worker

KIND = sys.argv[1]


class Mixnet:
    """The fused operator, or batch_dot, softmax and batch_dot; training computes the three gradients too."""

    def __init__(self, spec):
        import mixnet as mx

        self.mx, self.train = mx, spec.mode == "train"
        place = mx.gpu() if spec.device == "gpu" else mx.cpu()
        arrays = [mx.nd.array(spec.inputs[n], ctx=place).astype(spec.dtype) for n in ("query", "key", "value")]
        self.shape = arrays[0].shape
        self.inputs = arrays if KIND == "fused" else [a.reshape((-1, *self.shape[2:])) for a in arrays]
        if self.train:
            for array in self.inputs:
                array.attach_grad()

    def attend(self):
        query, key, value = self.inputs
        nd = self.mx.nd
        if KIND == "fused":
            return nd._contrib_sdp_attention(query, key, value)
        scores = nd.batch_dot(query, key, transpose_b=True) * self.shape[-1] ** -0.5
        return nd.batch_dot(nd.softmax(scores), value)

    def step(self):
        if self.train:
            with self.mx.autograd.record():
                result = self.attend()
            result.backward()
        else:
            result = self.attend()
        self.mx.nd.waitall()
        return result

    def outputs(self):
        return self.step().astype("float32").reshape(self.shape).asnumpy()


class Torch:
    """torch.nn.functional.scaled_dot_product_attention."""

    def __init__(self, spec):
        import torch

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.torch, self.train, self.cuda = torch, spec.mode == "train", spec.device == "gpu"
        kind = {"dtype": getattr(torch, spec.dtype), "device": "cuda" if self.cuda else "cpu"}
        self.inputs = [torch.tensor(spec.inputs[n]).to(**kind).requires_grad_(self.train) for n in ("query", "key", "value")]

    def step(self):
        result = self.attend()
        if self.cuda:
            self.torch.cuda.synchronize()
        return result

    def attend(self):
        attend = self.torch.nn.functional.scaled_dot_product_attention
        if not self.train:
            with self.torch.no_grad():
                return attend(*self.inputs)
        result = attend(*self.inputs)
        for array in self.inputs:
            array.grad = None
        result.backward(self.torch.ones_like(result))
        return result

    def outputs(self):
        return self.step().detach().float().cpu().numpy()


if __name__ == "__main__":
    if KIND == "torch":
        import torch

        worker.serve("PyTorch", torch.__version__, Torch)
    else:
        import mixnet

        worker.serve(f"mixnet {KIND}", mixnet.__version__, Mixnet)
