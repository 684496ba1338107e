# Devices.

"""
    Context

A device: `mx.cpu()`, `mx.gpu(0)`.
"""
struct Context
    kind::Int32
    index::Int32
end

"The processor."
cpu(index::Integer = 0) = Context(API.MXN_DEVICE_CPU, index)

"A graphics processor, counted from 0."
gpu(index::Integer = 0) = Context(API.MXN_DEVICE_GPU, index)

const CONTEXT_NAMES = Dict(API.MXN_DEVICE_CPU => "cpu", API.MXN_DEVICE_GPU => "gpu", API.MXN_DEVICE_PINNED => "cpu_pinned")

Base.string(context::Context) = "$(CONTEXT_NAMES[context.kind])($(context.index))"
Base.show(io::IO, context::Context) = print(io, string(context))

"Number of graphics processors."
function num_gpus()
    count = Ref{Int32}(0)
    API.mxn_device_count(API.MXN_DEVICE_GPU, count)
    return Int(count[])
end
