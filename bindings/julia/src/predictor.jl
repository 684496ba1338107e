# Predictor: a trained model on the calling thread, without the engine; the same C functions that the one-file predictor has.

"""
    Predictor(symbol, params; data = (28, 28, 1, 1), ..., types = Dict(), outputs = [])

Runs a trained model. `symbol`: a SymbolicNode, the path of a symbol.json or its text; `params`: path or bytes of a .params file. Keywords are the
sizes of the inputs, `types` element types that are not Float32, `outputs` names of inner outputs ("fc1_output") to stop at.

One predictor serves one thread; `copy(predictor)` gives another thread its own on the same parameters.
"""
mutable struct Predictor
    handle::Ptr{Cvoid}
    inputs::Vector{Symbol}
    Predictor(handle::Ptr{Cvoid}, inputs::Vector{Symbol}) = finalizer(release, new(handle, inputs))
end

function release(predictor::Predictor)
    API.mxn_predictor_free(predictor.handle)
    predictor.handle = C_NULL
    return nothing
end

Base.cconvert(::Type{Ptr{Cvoid}}, predictor::Predictor) = predictor
function Base.unsafe_convert(::Type{Ptr{Cvoid}}, predictor::Predictor)
    predictor.handle == C_NULL && throw(MXError("[Predictor] expected a predictor, got one that was freed"))
    return predictor.handle
end

json_of(symbol::SymbolicNode) = to_json(symbol)
json_of(text::AbstractString) = startswith(lstrip(text), "{") ? String(text) : isfile(text) ? read(text, String) :
    throw(MXError("[Predictor] symbol: expected a file or JSON, got $text"))
bytes_of(bytes::Vector{UInt8}) = bytes
bytes_of(path::AbstractString) = isfile(path) ? read(path) : throw(MXError("[Predictor] params: expected a file, got $path"))

Predictor(symbol, params; types = Dict{Symbol,Type}(), outputs = Symbol[], sizes...) = open_predictor(symbol, params, Dict{Symbol,Any}(sizes), types, outputs)

function open_predictor(symbol, params, sizes::Dict{Symbol,Any}, types, outputs)
    json, bytes, chosen = checked_text(json_of(symbol)), bytes_of(params), Texts(outputs)
    given, inputs = Sizes(sizes), collect(Symbol, keys(sizes))
    dtypes = Int32[dtype_code(get(types, name, Float32)) for name in inputs]
    handle = GC.@preserve json bytes chosen given dtypes begin
        options = API.mxn_predictor_options_t(sizeof(API.mxn_predictor_options_t), pointer(json), pointer(bytes), length(bytes),
                                              pointer(given.names.pointers), pointer(given.ndims), pointer(given.dims), pointer(dtypes), length(inputs),
                                              length(outputs), pointer(chosen.pointers))
        take_handle(out -> API.mxn_predictor_create(Ref(options), out))
    end
    return Predictor(handle, inputs)
end

Base.copy(predictor::Predictor) = Predictor(take_handle(out -> API.mxn_predictor_clone(predictor, out)), copy(predictor.inputs))

"Other input sizes; all inputs are zero afterwards."
function reshape!(predictor::Predictor; sizes...)
    given = Sizes(pairs(sizes))
    API.mxn_predictor_reshape(predictor, given.names, given.ndims, given.dims, length(given))
    return predictor
end

function predictor_info(predictor::Predictor)
    info = Ref(API.mxn_predictor_info_t())
    API.mxn_predictor_info(predictor, info)
    return info[]
end

"The predictor's own memory as a Julia array; valid until it is reshaped or freed."
function unsafe_tensor(call, predictor::Predictor, index::Integer)
    tensor = Ref(API.mxn_tensor_t())
    call(predictor, index, tensor)
    found = tensor[]
    extents = ntuple(k -> Int(found.shape[found.ndim - k + 1]), Int(found.ndim))
    type = DTYPE_OF_CODE[found.dtype]
    found.bytes == 0 && return Array{type}(undef, extents)
    return unsafe_wrap(Array, Ptr{type}(found.data), extents)
end

"Copies an array into an input."
function set_input!(predictor::Predictor, name, value::AbstractArray)
    index = findfirst(==(Symbol(name)), predictor.inputs)
    index === nothing && throw(MXError("[Predictor] $name: expected the name of an input, one of $(join(predictor.inputs, ", "))"))
    GC.@preserve predictor begin
        target = unsafe_tensor(API.mxn_predictor_input, predictor, index - 1)
        size(value) == size(target) || throw(MXError("[Predictor] $name: expected size $(size(target)), got $(size(value))"))
        copyto!(target, value)
    end
    return predictor
end

"""
    forward(predictor; data = x, ...)

Copies arrays into the inputs and computes the outputs, a Vector of Julia arrays.
"""
function forward(predictor::Predictor; inputs...)
    for (name, value) in inputs
        set_input!(predictor, name, value)
    end
    API.mxn_predictor_forward(predictor)
    return Array[get_output(predictor, i) for i in 1:predictor_info(predictor).num_outputs]
end

"Runs the next `count` kernels; returns how many are left."
function forward_steps(predictor::Predictor, count::Integer)
    left = Ref{Int32}(0)
    API.mxn_predictor_forward_steps(predictor, count, left)
    return Int(left[])
end

"A copy of output `i`."
get_output(predictor::Predictor, i::Integer) = GC.@preserve predictor copy(unsafe_tensor(API.mxn_predictor_output, predictor, i - 1))

"Bytes: `parameters`, `arena` (values between layers), `naive` (without sharing), `lower_bound`, `kept`; and the number of kernels, `steps`."
function memory(predictor::Predictor)
    info = predictor_info(predictor)
    return (parameters = info.parameter_bytes, arena = info.arena_bytes, naive = info.naive_bytes, lower_bound = info.lower_bound_bytes,
            kept = info.kept_bytes, steps = info.num_steps)
end
