"""One executor per device, each working on its part of every batch.

The batch is cut along its batch axis in proportion to the work loads; parameters are copied to every device. Lists of
arrays are indexed [parameter or input][device].
"""

import logging
from collections import OrderedDict

from .. import ndarray as nd
from ..base import MXNetError
from ..context import cpu
from ..io import DataDesc
from ..io.data_desc import as_desc
from .batch_slices import load_part, merge_parts, sliced_shape, split_batch, take_part
from .executor_binding import bind_alone, bind_shared, resolve_grad_req


class DataParallelExecutorGroup:
    """Executors of one symbol over a list of devices.

    Parameters
    ----------
    symbol : Symbol
    contexts : list of Context
    workload : list of float
        Share of each device.
    data_shapes, label_shapes : list of DataDesc or of (name, shape)
        For the whole batch; `label_shapes` may be None.
    param_names : list of str
        Arguments that are parameters.
    for_training, inputs_need_grad : bool
    shared_group : DataParallelExecutorGroup, optional
        Group whose parameters and memory to share.
    fixed_param_names, state_names : list of str, optional
        Parameters without gradient; inputs that are states.
    grad_req : str, list or dict
    group2ctxs : list of dict or dict of lists, optional
        Devices for the values of the attribute ``ctx_group``, per device of `contexts`.
    """

    def __init__(
        self,
        symbol,
        contexts,
        workload,
        data_shapes,
        label_shapes,
        param_names,
        for_training,
        inputs_need_grad,
        shared_group=None,
        logger=logging,
        fixed_param_names=None,
        grad_req="write",
        state_names=None,
        group2ctxs=None,
    ):
        self.symbol = symbol
        self.contexts = contexts
        self.workload = workload
        self.param_names = param_names
        self.for_training = for_training
        self.inputs_need_grad = inputs_need_grad
        self.logger = logger
        self.fixed_param_names = list(fixed_param_names or [])
        self.state_names = list(state_names or [])
        self.group2ctxs = _per_device(group2ctxs, len(contexts))
        self.arg_names = symbol.list_arguments()
        self.aux_names = symbol.list_auxiliary_states()
        self.output_names = symbol.list_outputs()
        data_names = [as_desc(desc).name for desc in data_shapes]
        self.grad_req = resolve_grad_req(
            grad_req,
            self.arg_names,
            param_names,
            self.fixed_param_names,
            data_names,
            for_training,
            inputs_need_grad,
        )
        layouts = [symbol[i].attr("__layout__") for i in range(len(self.output_names))]
        self.output_layouts = [DataDesc.get_batch_axis(layout) for layout in layouts]
        self.execs = []
        self.bind_exec(data_shapes, label_shapes, shared_group)

    # Binding.

    def bind_exec(self, data_shapes, label_shapes, shared_group=None, reshape=False):
        """Bind (or, where `reshape`, rebind with the same parameters) for inputs of the given shapes."""
        self._describe_inputs(data_shapes, label_shapes)
        inputs = [self._inputs_of(device) for device in range(len(self.contexts))]
        if reshape:
            self.execs = [
                executor.reshape(allow_up_sizing=True, **{name: desc.shape for name, desc in wanted.items()}) for executor, wanted in zip(self.execs, inputs)
            ]
        else:
            self.execs = [self._bind(device, wanted, shared_group) for device, wanted in enumerate(inputs)]
        self._collect_arrays()

    def _describe_inputs(self, data_shapes, label_shapes):
        self.data_shapes = [as_desc(desc) for desc in data_shapes]
        self.label_shapes = None if label_shapes is None else [as_desc(desc) for desc in label_shapes]
        self.data_names = [desc.name for desc in self.data_shapes]
        self.label_names = [desc.name for desc in self.label_shapes or []]
        self.batch_size, self.slices = None, [slice(0, 0)] * len(self.contexts)
        self.data_layouts = self.decide_slices(self.data_shapes)
        self.label_layouts = self.decide_slices(self.label_shapes or [])

    def decide_slices(self, data_shapes):
        """Batch axis of each entry of `data_shapes`, the first of which decides how the batch is cut."""
        axes = [DataDesc.get_batch_axis(desc.layout) for desc in data_shapes]
        for desc, axis in zip(data_shapes, axes):
            if axis < 0:
                continue
            if axis >= len(desc.shape):
                raise ValueError(f"[bind] {desc.name}: expected a batch axis {axis} ({desc.layout}), got {desc.shape}")
            if self.batch_size is None:
                self.batch_size = desc.shape[axis]
                self.slices = split_batch(self.batch_size, self.workload)
            if desc.shape[axis] != self.batch_size:
                raise ValueError(f"[bind] {desc.name}: expected batch size {self.batch_size}, got {desc.shape[axis]}")
        return axes

    def _inputs_of(self, device):
        described = self.data_shapes + (self.label_shapes or [])
        axes = self.data_layouts + self.label_layouts
        part = self.slices[device]
        cut = [(desc, sliced_shape(desc.shape, part, axis)) for desc, axis in zip(described, axes)]
        return OrderedDict((desc.name, DataDesc(desc.name, shape, desc.dtype, desc.layout)) for desc, shape in cut if desc.name in self.arg_names)

    def _bind(self, device, inputs, shared_group):
        ctx, group2ctx = self.contexts[device], self.group2ctxs[device]
        if shared_group is None:
            return bind_alone(self.symbol, ctx, self.grad_req, inputs, group2ctx)
        owner = shared_group.execs[device]
        return bind_shared(self.symbol, ctx, self.grad_req, inputs, group2ctx, owner, set(self.param_names))

    def _collect_arrays(self):
        arg_dicts = [executor.arg_dict for executor in self.execs]
        grad_dicts = [executor.grad_dict for executor in self.execs]
        aux_dicts = [executor.aux_dict for executor in self.execs]
        self.data_arrays = _by_name(arg_dicts, self.data_names)
        self.label_arrays = _by_name(arg_dicts, self.label_names)
        self.state_arrays = _by_name(arg_dicts, self.state_names)
        self.param_arrays = _by_name(arg_dicts, self.param_names)
        self.grad_arrays = _by_name(grad_dicts, self.param_names)
        self.aux_arrays = _by_name(aux_dicts, self.aux_names)
        self.input_grad_arrays = _by_name(grad_dicts, self.data_names)

    def reshape(self, data_shapes, label_shapes):
        """Rebind for other shapes; nothing happens where they are the same."""
        data_shapes = [as_desc(desc) for desc in data_shapes]
        label_shapes = None if label_shapes is None else [as_desc(desc) for desc in label_shapes]
        if data_shapes != self.data_shapes or label_shapes != self.label_shapes:
            before = self.data_shapes, self.label_shapes
            try:
                self.bind_exec(data_shapes, label_shapes, reshape=True)
            except (MXNetError, ValueError):
                self._describe_inputs(*before)  # the executors are as they were
                raise

    # Parameters.

    def set_params(self, arg_params, aux_params, allow_extra=False):
        """Copy the values to every device."""
        for executor in self.execs:
            executor.copy_params_from(arg_params, aux_params, allow_extra_params=allow_extra)

    def get_params(self, arg_params, aux_params):
        """Write the mean over the devices into the arrays of the two dicts."""
        _average_into(arg_params, self.param_names, self.param_arrays)
        _average_into(aux_params, self.aux_names, self.aux_arrays)

    # Computing.

    def forward(self, data_batch, is_train=None):
        """Copy each part of the batch in and compute. A list of batches is one per device."""
        is_train = self.for_training if is_train is None else is_train
        batches = data_batch if isinstance(data_batch, list) else [data_batch] * len(self.execs)
        whole = not isinstance(data_batch, list)
        for device, (executor, batch) in enumerate(zip(self.execs, batches)):
            self._load(device, batch.data, self.data_names, self.data_layouts, self.data_arrays, whole)
            if self.label_shapes and batch.label:
                self._load(device, batch.label, self.label_names, self.label_layouts, self.label_arrays, whole)
            executor.forward(is_train=is_train)

    def _load(self, device, sources, names, axes, arrays, whole):
        if len(sources) != len(names):
            raise ValueError(f"[Module] forward: expected {len(names)} arrays for {names}, got {len(sources)}")
        for source, axis, targets in zip(sources, axes, arrays):
            target = targets[device]
            if target is not None:
                part = self.slices[device]
                load_part(source, target, part, axis if whole else -1)

    def backward(self, out_grads=None):
        """Compute the gradients from those of the outputs (None: the outputs are losses)."""
        if not self.for_training:
            raise ValueError("[Module] backward: expected a module bound with for_training=True, got one without")
        if out_grads is not None and not isinstance(out_grads, (list, tuple)):
            out_grads = [out_grads]
        for device, executor in enumerate(self.execs):
            parts = []
            for grad, axis in zip(out_grads or [], self.output_layouts):
                parts.append(take_part(grad, self.slices[device], axis).as_in_context(self.contexts[device]))
            executor.backward(out_grads=parts if out_grads is not None else None)

    def get_output_shapes(self):
        """List of (name, shape) for the whole batch."""
        shapes = []
        for name, output, axis in zip(self.output_names, self.execs[0].outputs, self.output_layouts):
            shape = list(output.shape)
            if axis >= 0 and shape:
                shape[axis] = sum(executor.outputs[len(shapes)].shape[axis] for executor in self.execs)
            shapes.append((name, tuple(shape)))
        return shapes

    def get_outputs(self, merge_multi_context=True, begin=0, end=None):
        """Outputs `begin` to `end`, joined over the devices or as lists per device."""
        outputs = [executor.outputs for executor in self.execs]
        chosen = range(len(self.output_names))[begin:end]
        per_output = [[parts[i] for parts in outputs] for i in chosen]
        if not merge_multi_context:
            return per_output
        return [merge_parts(parts, self.output_layouts[i]) for i, parts in zip(chosen, per_output)]

    def get_input_grads(self, merge_multi_context=True):
        """Gradients of the data inputs, joined over the devices or as lists per device."""
        if not self.inputs_need_grad:
            raise ValueError("[Module] get_input_grads: expected bind with inputs_need_grad=True, got False")
        if not merge_multi_context:
            return self.input_grad_arrays
        return [merge_parts(parts, axis) for parts, axis in zip(self.input_grad_arrays, self.data_layouts)]

    def get_states(self, merge_multi_context=True):
        """The state inputs, joined over the devices or as lists per device."""
        return [merge_parts(parts, 0) for parts in self.state_arrays] if merge_multi_context else self.state_arrays

    def set_states(self, states=None, value=None):
        """Set the state inputs, to `states` ([state][device], as `get_states(False)` gives) or to one number."""
        if (states is None) == (value is None):
            raise ValueError("[Module] set_states: expected either states or value, got both or none")
        for place, targets in enumerate(self.state_arrays):
            for device, target in enumerate(targets):
                if states is None:
                    target[:] = value
                else:
                    source = states[place]
                    part = source[device] if isinstance(source, (list, tuple)) else source
                    load_part(part, target, self.slices[device], -1 if isinstance(source, (list, tuple)) else 0)

    def update_metric(self, eval_metric, labels, pre_sliced):
        """Add the outputs of each device and its part of `labels` to `eval_metric`."""
        for device, executor in enumerate(self.execs):
            part = self.slices[device]
            if pre_sliced:
                cut = labels[device]
            else:
                cut = [take_part(label, part, axis) for label, axis in zip(labels or [], self.label_layouts)]
            outputs = OrderedDict(zip(self.output_names, executor.outputs))
            eval_metric.update_dict(OrderedDict(zip(self.label_names, cut)), outputs)

    def install_monitor(self, mon):
        """Let `mon` watch every executor."""
        for executor in self.execs:
            mon.install(executor)


def _by_name(dicts, names):
    return [[arrays.get(name) for arrays in dicts] for name in names]


def _per_device(group2ctxs, count):
    if group2ctxs is None:
        return [None] * count
    if isinstance(group2ctxs, dict):
        spread = {key: ctxs if isinstance(ctxs, list) else [ctxs] for key, ctxs in group2ctxs.items()}
        for key, ctxs in spread.items():
            if len(ctxs) not in (1, count):
                raise ValueError(f"[Module] group2ctxs {key}: expected 1 or {count} contexts, got {len(ctxs)}")
        return [{key: ctxs[i % len(ctxs)] for key, ctxs in spread.items()} for i in range(count)]
    if len(group2ctxs) != count:
        raise ValueError(f"[Module] group2ctxs: expected {count} dicts, got {len(group2ctxs)}")
    return list(group2ctxs)


def _average_into(params, names, arrays):
    for name, parts in zip(names, arrays):
        mean = parts[0].as_in_context(cpu())
        if len(parts) > 1:
            mean = nd.add_n(*[part.as_in_context(cpu()) for part in parts]) / len(parts)
        target = params[name]
        (mean if mean.dtype == target.dtype else mean.astype(target.dtype)).copyto(target)
