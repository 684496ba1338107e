# fit: the training loop over a symbol, a provider and an optimizer.
#
# The next batch is fetched after the work of the current one was started, and the metric waits for forward only, while backward and the
# update proceed.

"""
    TrainingState

What callbacks see: `model`, `optimizer`, `epoch` and `batch` (both from 1; `batch` is 0 at the end of an epoch), `metric`, `train_metrics` and
`eval_metrics` (pairs of name and value, at the end of an epoch), `seconds` of the epoch, and `stop`, which a callback sets to end the training.
"""
mutable struct TrainingState
    model::FeedForward
    optimizer::Optimizer
    metric::EvalMetric
    epoch::Int
    batch::Int
    batch_size::Int
    train_metrics::Vector{Pair{Symbol,Float64}}
    eval_metrics::Vector{Pair{Symbol,Float64}}
    seconds::Float64
    stop::Bool
end

"""
    init_model(model, initializer, provider; overwrite = false)

Gives parameters and states their first values, sorted by name, for the sizes of a provider's batches. What the model has already is kept.
Returns an executor for training on them.
"""
function init_model(model::FeedForward, initializer, provider; overwrite::Bool = false)
    sizes = input_sizes(model.arch, provider)
    parameters = setdiff(list_arguments(model.arch), keys(sizes))
    executor = simple_bind(model.arch, model.context, sizes, Dict(name => :write for name in parameters), Dict{Symbol,Type}(), nothing)
    attributes = list_attributes(model.arch)
    for (own, given, names) in ((executor.arg_dict, model.arg_params, parameters), (executor.aux_dict, model.aux_params, keys(executor.aux_dict)))
        for name in sort!(collect(Symbol, names))
            first_value!(own[name], name, overwrite ? nothing : get(given, name, nothing), initializer, get(attributes, name, Dict()))
        end
    end
    model.arg_params = Parameters(name => executor.arg_dict[name] for name in parameters)
    model.aux_params = Parameters(executor.aux_dict)
    return executor
end

first_value!(target, name, ::Nothing, initializer, attributes) = initialize!(initializer, name, target, attributes)
function first_value!(target, name, value::NDArray, initializer, attributes)
    size(value) == size(target) || throw(MXError("[fit] $name: expected size $(size(target)), got $(size(value))"))
    return copyto!(target, value)
end

"Weights and gradients side by side, and who updates them: the optimizer, or a store that has it."
struct Step
    names::Texts
    keys::Vector{Symbol}
    weights::Vector{NDArray}
    grads::Vector{NDArray}
    optimizer::Optimizer
    store::Union{Nothing,KVStore}
end

function Step(executor::Executor, model::FeedForward, optimizer::Optimizer, store)
    names = Symbol[name for name in executor.arg_names if haskey(executor.grad_dict, name)]
    weights, grads = NDArray[executor.arg_dict[n] for n in names], NDArray[executor.grad_dict[n] for n in names]
    attributes = list_attributes(model.arch)
    for name in names
        own = get(attributes, name, Dict{Symbol,String}())
        any(k -> haskey(own, k), (:__lr_mult__, :__wd_mult__)) || continue
        set_multipliers!(optimizer, name; lr_mult = parse(Float64, get(own, :__lr_mult__, "1")), wd_mult = parse(Float64, get(own, :__wd_mult__, default_wd(name))))
    end
    if store !== nothing
        init!(store, map(Pair, names, weights)...)
        set_optimizer(store, optimizer)
    end
    return Step(Texts(names), names, weights, grads, optimizer, store)
end

default_wd(name) = endswith(string(name), "_weight") || endswith(string(name), "_gamma") ? "1" : "0"

function take!(step::Step)
    step.store === nothing && return update!(step.optimizer, step.names, step.weights, step.grads)
    next_update!(step.optimizer)
    for (i, key) in enumerate(step.keys)
        push!(step.store, key => step.grads[i]; priority = -i)
        pull!(step.store, key => step.weights[i]; priority = -i)
    end
end

as_store(::Nothing) = nothing
as_store(store::KVStore) = store
as_store(type::Union{Symbol,AbstractString}) = KVStore(type)

"""
    fit(model, optimizer, provider; n_epoch = 10, eval_data = nothing, eval_metric = :acc, initializer = mx.Uniform(0.01), callbacks = [],
        kvstore = nothing, begin_epoch = 1, overwrite = false)

Trains a [`FeedForward`](@ref) on a provider. Parameters that the model has already are kept unless `overwrite`. The optimizer's `rescale_grad` is
1 / batch size unless given. After each epoch `eval_data`, if any, is scored with the same metric. Callbacks: see [`speedometer`](@ref),
[`do_checkpoint`](@ref), [`every_n_batch`](@ref), [`every_n_epoch`](@ref), [`early_stopping`](@ref). Ctrl-C ends it; the model keeps what was learned.
"""
function fit(model::FeedForward, optimizer::Optimizer, provider::AbstractDataProvider; n_epoch::Integer = 10, eval_data = nothing,
             eval_metric = :acc, initializer = Uniform(0.01), callbacks = Any[], kvstore = nothing, begin_epoch::Integer = 1, overwrite::Bool = false)
    batch_size = last(provide_data(provider)[1].second)
    get!(optimizer.options, :rescale_grad, 1 / batch_size)
    executor = init_model(model, initializer, provider; overwrite = overwrite)
    step = Step(executor, model, optimizer, as_store(kvstore))
    state = TrainingState(model, optimizer, metric(eval_metric), begin_epoch, 0, batch_size, [], [], 0.0, false)
    for epoch in begin_epoch:(begin_epoch + n_epoch - 1)
        state.epoch = epoch
        started = time()
        train_epoch!(state, executor, step, provider, callbacks)
        state.train_metrics, state.seconds, state.batch = values(state.metric), time() - started, 0
        state.eval_metrics = eval_data === nothing ? Pair{Symbol,Float64}[] : score(model, eval_data, eval_metric isa EvalMetric ? deepcopy(eval_metric) : eval_metric)
        foreach(callback -> callback(state), callbacks)
        state.stop && break
    end
    return model
end

function train_epoch!(state::TrainingState, executor::Executor, step::Step, provider, callbacks)
    reset!(state.metric)
    next = iterate(provider)
    next === nothing && throw(MXError("[fit] provider: expected at least one batch, got none"))
    state.batch = 0
    while next !== nothing && !state.stop
        batch, position = next
        forward(load_batch!(executor, provider, batch); is_train = true)
        backward(executor)
        take!(step)
        next = iterate(provider, position)
        update!(state.metric, batch.label, executor.outputs)
        state.batch += 1
        foreach(callback -> callback(state), callbacks)
    end
    # What is left of the last step belongs to this epoch.
    foreach(wait_to_read, step.weights)
end
