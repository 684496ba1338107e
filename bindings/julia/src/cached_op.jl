# A symbol that is called on arrays, planned once; and functions of arrays that are traced into one.

"""
    CachedOp(symbol; parameters = Symbol[])

A function of arrays made of a symbol: called with the values of its arguments, then of its states, in list order, or with all of them by name.
It is planned once for each combination of sizes, types and modes. Inside of [`record`](@ref) its calls have gradients. `parameters` are
arguments that are the same arrays in most calls: what depends on them alone is kept in prediction.
"""
mutable struct CachedOp
    handle::Ptr{Cvoid}
    symbol::SymbolicNode
    names::Vector{Symbol}
    function CachedOp(symbol::SymbolicNode; parameters = Symbol[])
        texts = Texts(collect(Any, parameters))
        handle = take_handle(out -> API.mxn_cached_op_create(symbol, texts, length(parameters), out))
        return finalizer(release, new(handle, symbol, [list_arguments(symbol); list_auxiliary_states(symbol)]))
    end
end

function release(op::CachedOp)
    API.mxn_cached_op_free(op.handle)
    op.handle = C_NULL
    return nothing
end

Base.cconvert(::Type{Ptr{Cvoid}}, op::CachedOp) = op
function Base.unsafe_convert(::Type{Ptr{Cvoid}}, op::CachedOp)
    op.handle == C_NULL && throw(MXError("[CachedOp] expected one that lives, got one that was freed"))
    return op.handle
end
Base.show(io::IO, op::CachedOp) = print(io, "mx.CachedOp of ", op.symbol)

function (op::CachedOp)(inputs::NDArray...; named...)
    isempty(named) && return call(op, NDArray[inputs...])
    isempty(inputs) || throw(MXError("[CachedOp] expected arrays in order or by name, got both"))
    for name in op.names
        haskey(named, name) || throw(MXError("[CachedOp] expected an array for $name, got none"))
    end
    for name in keys(named)
        name in op.names || throw(MXError("[CachedOp] expected one of $(join(op.names, ", ")), got $name"))
    end
    return call(op, NDArray[named[name] for name in op.names])
end

"One output, or a Vector of them."
function call(op::CachedOp, inputs::Vector{NDArray})
    outputs = call_all(op, inputs)
    return length(outputs) == 1 ? outputs[1] : outputs
end

function call_all(op::CachedOp, inputs::Vector{NDArray})
    outputs, count = fill(C_NULL, length(op.symbol)), Ref{Int32}(0)
    GC.@preserve inputs API.mxn_cached_op_invoke(op, handles_of(inputs), length(inputs), outputs, length(outputs), count)
    return NDArray[fresh(handle) for handle in outputs[1:count[]]]
end

"The steps of the last call's plan, a line each."
debug_str(op::CachedOp) = take_text(out -> API.mxn_cached_op_describe(op, out, Ref{Int64}(0)))

# ---- tracing ----

"One trace: the operator that replays it, and where its inputs come from: the number of an argument, or an array found outside."
struct Traced
    op::CachedOp
    sources::Vector{Union{Int,NDArray}}
    several::Bool
end

"""
    jit(f)

A function that does what `f` does, as a planned and fused graph: `f` itself runs once for each combination of sizes, element types, other
arguments and mode, with arrays that have no values, and its operators are put down.

    step = mx.jit(x -> tanh.(x .* weight .+ 1))

`f` takes arrays and values that can be compared, and returns an array or several. Arrays from outside (`weight`) are read anew in every call, with
gradients; write to them (`weight .= ...`) instead of replacing them. Reading values and writing arrays are errors while tracing.
"""
struct Replayed{F}
    f::F
    traces::Dict{Any,Traced}
end
jit(f) = Replayed(f, Dict{Any,Traced}())
jit(f::Replayed) = f

"How often the function itself has run."
num_traces(replayed::Replayed) = length(replayed.traces)

key_of(array::NDArray) = (shape(array), eltype(array), context(array))
key_of(value) = value

function (replayed::Replayed)(arguments...)
    flags = autograd_flags()
    flags & API.MXN_AUTOGRAD_TRACING != 0 && return replayed.f(arguments...)
    key = (flags & API.MXN_AUTOGRAD_TRAINING, map(key_of, arguments))
    arrays = NDArray[a for a in arguments if a isa NDArray]
    traced = get!(() -> trace(replayed.f, arguments, arrays), replayed.traces, key)
    outputs = call_all(traced.op, NDArray[s isa Int ? arrays[s] : s for s in traced.sources])
    return traced.several ? outputs : outputs[1]
end

function trace(f, arguments, arrays::Vector{NDArray})
    list, count = Ref{Ptr{Ptr{Cvoid}}}(C_NULL), Ref{Int64}(0)
    GC.@preserve arrays API.mxn_trace_begin(handles_of(arrays), length(arrays), list, count)
    try
        stand_ins = Iterators.Stateful(list[] == C_NULL ? NDArray[] : take_list(list[], count[]))
        value = f(map(a -> a isa NDArray ? popfirst!(stand_ins) : a, arguments)...)
        value isa Arrays && !isempty(list_of(value)) || throw(MXError("[jit] expected a function that returns arrays, got $(typeof(value))"))
        return end_trace(list_of(value), !(value isa NDArray))
    finally
        is_tracing() && API.mxn_trace_end(C_NULL, 0, Ref{Ptr{Cvoid}}(C_NULL), list, count)
    end
end

function end_trace(outputs, several::Bool)
    list, count = Ref{Ptr{Ptr{Cvoid}}}(C_NULL), Ref{Int64}(0)
    symbol = SymbolicNode(take_handle(out -> GC.@preserve outputs API.mxn_trace_end(handles_of(outputs), length(outputs), out, list, count)))
    found = list[] == C_NULL ? NDArray[] : take_list(list[], count[])
    parameters = filter(name -> startswith(string(name), "param"), list_arguments(symbol))
    op = CachedOp(symbol; parameters = parameters)
    return Traced(op, Union{Int,NDArray}[source(string(name), found) for name in op.names], several)
end

"The library calls the inputs data0, data1, ... and what was found outside param0, param1, ..."
source(name::String, found) = startswith(name, "data") ? parse(Int, name[5:end]) + 1 : found[parse(Int, name[6:end]) + 1]
