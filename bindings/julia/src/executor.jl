# Executor: a symbol bound to arrays on a device.

"""
    Executor

A symbol bound to arrays, made by [`bind`](@ref) or [`simple_bind`](@ref). `arg_dict`, `grad_dict`, `aux_dict` and `outputs` are its arrays.
[`forward`](@ref) and [`backward`](@ref) return at once; reading an array waits.
"""
mutable struct Executor
    handle::Ptr{Cvoid}
    symbol::SymbolicNode
    arg_names::Vector{Symbol}
    arg_dict::Dict{Symbol,NDArray}
    grad_dict::Dict{Symbol,NDArray}
    aux_dict::Dict{Symbol,NDArray}
    outputs::Vector{NDArray}

    function Executor(handle::Ptr{Cvoid}, symbol::SymbolicNode)
        executor = new(handle, symbol, list_arguments(symbol))
        finalizer(release, executor)
        states = list_auxiliary_states(symbol)
        executor.arg_dict = Dict(zip(executor.arg_names, arrays(executor, 0)))
        executor.grad_dict = Dict{Symbol,NDArray}(n => g for (n, g) in zip(executor.arg_names, arrays(executor, 1)) if g !== nothing)
        executor.aux_dict = Dict{Symbol,NDArray}(zip(states, arrays(executor, 2)))
        executor.outputs = arrays(executor, 3)
        return executor
    end
end

function release(executor::Executor)
    API.mxn_executor_free(executor.handle)
    executor.handle = C_NULL
    return nothing
end

Base.cconvert(::Type{Ptr{Cvoid}}, executor::Executor) = executor
function Base.unsafe_convert(::Type{Ptr{Cvoid}}, executor::Executor)
    executor.handle == C_NULL && throw(MXError("[Executor] expected an executor, got one that was freed"))
    return executor.handle
end
Base.show(io::IO, executor::Executor) = print(io, "mx.Executor of ", executor.symbol, " with ", length(executor.arg_names), " arguments")

function arrays(executor::Executor, what::Integer)
    list, count = Ref{Ptr{Ptr{Cvoid}}}(C_NULL), Ref{Int64}(0)
    API.mxn_executor_arrays(executor, what, list, count)
    return take_list(list[], count[])
end

const GRAD_REQS = Dict(:null => API.MXN_GRAD_NULL, :write => API.MXN_GRAD_WRITE, :add => API.MXN_GRAD_ADD)

function grad_code(req)
    haskey(GRAD_REQS, Symbol(req)) || throw(MXError("[grad_req] expected one of :null, :write, :add, got $(repr(req))"))
    return GRAD_REQS[Symbol(req)]
end

"One code per argument from a Symbol for all, or a Dict with :null for the rest."
grad_codes(req::Union{Symbol,AbstractString}, names) = fill(grad_code(req), length(names))
grad_codes(reqs::AbstractDict, names) = Int32[grad_code(get(reqs, name, :null)) for name in names]
grad_codes(reqs, names) = length(reqs) == length(names) ? Int32[grad_code(r) for r in reqs] :
    throw(MXError("[bind] grad_req: expected $(length(names)) values, got $(length(reqs))"))

"""
    simple_bind(symbol, ctx = mx.cpu(); grad_req = :write, types = Dict(), shared = nothing, data = (28, 28, 1, 100), ...)

An [`Executor`](@ref) with fresh arrays, made from sizes of inputs. grad_req is :write, :add or :null for all, or a Dict by argument.
`types` gives element types by argument. Arrays and memory of the executor `shared` are used again where they fit.
"""
function simple_bind(symbol::SymbolicNode, ctx::Context = cpu(); grad_req = :write, types = Dict{Symbol,Type}(), shared = nothing, sizes...)
    return simple_bind(symbol, ctx, Dict{Symbol,Any}(sizes), grad_req, types, shared)
end

function simple_bind(symbol::SymbolicNode, ctx::Context, sizes::Dict{Symbol,Any}, grad_req, types, shared)
    given, names = Sizes(sizes), list_arguments(symbol)
    type_names, codes = Texts(collect(keys(types))), Int32[dtype_code(type) for type in values(types)]
    reqs = grad_codes(grad_req, names)
    handle = take_handle() do out
        API.mxn_executor_simple_bind(symbol, ctx.kind, ctx.index, given.names, given.ndims, given.dims, length(given), type_names, codes,
                                     length(codes), Texts(names), reqs, length(reqs), API.MXN_GRAD_NULL,
                                     shared === nothing ? C_NULL : shared, out)
    end
    return Executor(handle, symbol)
end

in_order(given::AbstractDict, names, what) = Any[haskey(given, n) ? given[n] : missing_array(n, what) for n in names]
in_order(given::AbstractVector, names, what) =
    length(given) == length(names) ? collect(Any, given) : throw(MXError("[bind] $what: expected $(length(names)) arrays, got $(length(given))"))
missing_array(name, what) = what == "args_grad" ? nothing : throw(MXError("[bind] $what: expected an array for $name, got none"))

"""
    bind(symbol, ctx, args; args_grad = Dict(), grad_req = :write, aux_states = Dict(), shared = nothing)

An [`Executor`](@ref) on given arrays: Dicts by name (Symbols), or Vectors in list order.
"""
function Base.bind(symbol::SymbolicNode, ctx::Context, args; args_grad = Dict{Symbol,NDArray}(), grad_req = :write,
                   aux_states = Dict{Symbol,NDArray}(), shared = nothing)
    names, states = list_arguments(symbol), list_auxiliary_states(symbol)
    values_, grads = in_order(args, names, "args"), in_order(isempty(args_grad) ? Dict() : args_grad, names, "args_grad")
    auxiliary = in_order(aux_states, states, "aux_states")
    reqs = grad_codes(grad_req, names)
    reqs[findall(isnothing, grads)] .= API.MXN_GRAD_NULL
    GC.@preserve values_ grads auxiliary begin
        handle = take_handle() do out
            API.mxn_executor_bind(symbol, ctx.kind, ctx.index, handles_of(values_), handles_of(grads), reqs, length(names),
                                  handles_of(auxiliary), length(states), shared === nothing ? C_NULL : shared, out)
        end
    end
    return Executor(handle, symbol)
end

"""
    forward(executor; is_train = false, data = x, ...)

Computes the outputs; keywords copy values into arguments first. Returns the outputs.
"""
function forward(executor::Executor; is_train::Bool = false, inputs...)
    for (name, value) in inputs
        haskey(executor.arg_dict, name) ||
            throw(MXError("[forward] no argument is called '$name', expected one of $(join(executor.arg_names, ", "))"))
        target = executor.arg_dict[name]
        size(value) == size(target) || throw(MXError("[forward] $name: expected size $(size(target)), got $(size(value))"))
        copyto!(target, value)
    end
    API.mxn_executor_forward(executor, is_train)
    return executor.outputs
end

"""
    backward(executor, grads = [])

Computes the gradients after `forward(...; is_train = true)`; grads: one array per output, ones when left out.
"""
backward(executor::Executor, grad::NDArray) = backward(executor, [grad])
function backward(executor::Executor, grads::AbstractVector = NDArray[])
    GC.@preserve grads API.mxn_executor_backward(executor, handles_of(grads), length(grads))
    return executor
end

"""
    reshape(executor; partial_shaping = false, allow_up_sizing = false, data = (28, 28, 1, 10), ...)

An executor for other input sizes, sharing parameters and memory with this one.
"""
function Base.reshape(executor::Executor; partial_shaping::Bool = false, allow_up_sizing::Bool = false, sizes...)
    given = Sizes(pairs(sizes))
    handle = take_handle() do out
        API.mxn_executor_reshape(executor, partial_shaping, allow_up_sizing, given.names, given.ndims, given.dims, length(given), out)
    end
    return Executor(handle, executor.symbol)
end

"Copies values in by name; names that the symbol does not have are an error unless `allow_extra`."
function copy_params_from(executor::Executor, arg_params, aux_params = Dict{Symbol,NDArray}(); allow_extra::Bool = false)
    for (given, own) in ((arg_params, executor.arg_dict), (aux_params, executor.aux_dict)), (name, value) in given
        if haskey(own, name)
            size(value) == size(own[name]) ||
                throw(MXError("[copy_params_from] $name: expected size $(size(own[name])), got $(size(value))"))
            copyto!(own[name], value)
        elseif !allow_extra
            throw(MXError("[copy_params_from] '$name' is no argument or state of the symbol"))
        end
    end
    return executor
end

"""
    set_monitor(f, executor; inputs = false)

Calls `f(name, array)` for every inner output of each forward (and every input). `set_monitor(nothing, executor)` turns it off.
"""
set_monitor(::Nothing, executor::Executor) = API.mxn_executor_set_monitor(executor, C_NULL, C_NULL, C_NULL, 0)
set_monitor(f, executor::Executor; inputs::Bool = false) =
    API.mxn_executor_set_monitor(executor, monitor_pointer(), register_callback(f), destroy_pointer(), inputs)

"Bytes of the bound plan: `planned`, `naive`, `lower_bound`, `external`, `kept`."
function memory(executor::Executor; training::Bool = true)
    info = Ref(API.mxn_memory_info_t())
    API.mxn_executor_memory(executor, training, info)
    return memory_of(info[])
end

"The steps of the plan, a line each."
debug_str(executor::Executor) = take_text(out -> API.mxn_executor_describe(executor, out))
