# FeedForward: a symbol with parameters, and its prediction and score.

"""
    FeedForward(symbol; context = mx.cpu())

A symbol with its parameters (`arg_params`, `aux_params`): see [`fit`](@ref), [`predict`](@ref), [`score`](@ref), [`save_checkpoint`](@ref).
"""
mutable struct FeedForward
    arch::SymbolicNode
    context::Context
    arg_params::Parameters
    aux_params::Parameters
end
FeedForward(symbol::SymbolicNode; context::Context = cpu()) = FeedForward(symbol, context, Parameters(), Parameters())

Base.show(io::IO, model::FeedForward) = print(io, "mx.FeedForward of ", model.arch, " with ", length(model.arg_params), " parameters")

"A [`FeedForward`](@ref) from a checkpoint."
function load_model(prefix::AbstractString, epoch::Integer; context::Context = cpu())
    symbol, arg_params, aux_params = load_checkpoint(prefix, epoch)
    return FeedForward(symbol, context, arg_params, aux_params)
end

save_checkpoint(prefix::AbstractString, epoch::Integer, model::FeedForward) =
    save_checkpoint(prefix, epoch, model.arch, model.arg_params, model.aux_params)

"Sizes of the provider's arrays that are arguments of the symbol."
function input_sizes(symbol::SymbolicNode, provider)
    names = list_arguments(symbol)
    return Dict{Symbol,Any}(name => extents for (name, extents) in [provide_data(provider); provide_label(provider)] if name in names)
end

"An executor for prediction on the model's own parameter arrays."
function prediction_executor(model::FeedForward, provider)
    sizes = input_sizes(model.arch, provider)
    shapes = infer_shape(model.arch, sizes)
    shapes === nothing && throw(MXError("[predict] expected data from which all sizes follow, got $(join(provide_data(provider), ", "))"))
    args = Parameters()
    for (name, extents) in zip(list_arguments(model.arch), shapes[1])
        args[name] = haskey(model.arg_params, name) && !haskey(sizes, name) ? model.arg_params[name] : input_array(model, name, sizes, extents)
    end
    return bind(model.arch, model.context, args; grad_req = :null, aux_states = model.aux_params)
end

function input_array(model, name, sizes, extents)
    haskey(sizes, name) || endswith(string(name), "label") || throw(MXError("[predict] $name: expected a parameter or data of that name, got none"))
    return zeros(Float32, extents...; ctx = model.context)
end

"Copies a batch into the executor's inputs."
function load_batch!(executor::Executor, provider, batch::DataBatch)
    for (described, given) in ((provide_data(provider), batch.data), (provide_label(provider), batch.label))
        for ((name, _), array) in zip(described, given)
            haskey(executor.arg_dict, name) && copyto!(executor.arg_dict[name], array)
        end
    end
    return executor
end

as_provider(provider::AbstractDataProvider) = provider
as_provider(data) = ArrayDataProvider(data; batch_size = min(128, size(data, ndims(data))))

"""
    predict(model, data; callback = nothing)

Outputs for a provider or an array, without the padding, as a Julia array whose last axis counts examples; several: a Vector of arrays.
With `callback` each batch's outputs are given to `callback(outputs)` instead, and nothing is returned.
"""
function predict(model::FeedForward, data; callback = nothing)
    provider = as_provider(data)
    executor = prediction_executor(model, provider)
    batches = [Array[] for _ in executor.outputs]
    for batch in provider
        outputs = map(output -> without_pad(Array(output), batch.pad), forward(load_batch!(executor, provider, batch)))
        callback === nothing ? foreach(push!, batches, outputs) : callback(outputs)
    end
    callback === nothing || return nothing
    joined = [cat(parts...; dims = ndims(parts[1])) for parts in batches]
    return length(joined) == 1 ? joined[1] : joined
end

without_pad(array::Array, pad::Integer) = pad == 0 ? array : copy(selectdim(array, ndims(array), 1:(size(array, ndims(array)) - pad)))

"""
    score(model, provider, metric = :acc)

Pairs of name and value of a metric over all batches.
"""
function score(model::FeedForward, provider::AbstractDataProvider, eval_metric = :acc)
    measured = reset!(metric(eval_metric))
    executor = prediction_executor(model, provider)
    for batch in provider
        update!(measured, batch.label, forward(load_batch!(executor, provider, batch)))
    end
    return values(measured)
end
