# Optimizer: the library's update rules, with their states by parameter name. The constructors (SGD, ADAM, ...) are generated.

"""
    Optimizer(name, options)

How weights are changed by gradients. Options are the library's (`learning_rate`, or short `lr`, `momentum`, `wd`, `clip_gradient`,
`rescale_grad`, ...), and `lr_scheduler`, a function of the number of updates. States are made at the first update. `wd` counts only for
parameters whose names end in _weight or _gamma.
"""
mutable struct Optimizer
    name::String
    options::Dict{Symbol,Any}
    handle::Ptr{Cvoid}
    updates::Int

    function Optimizer(name::AbstractString, options::Dict{Symbol,Any} = Dict{Symbol,Any}())
        given = Dict{Symbol,Any}(key === :lr ? :learning_rate => value : key => value for (key, value) in options)
        optimizer = finalizer(release, new(String(name), given, C_NULL, 0))
        release(open_optimizer!(optimizer))  # a mistake is told here and not in training
        return optimizer
    end
end

Optimizer(name::Union{Symbol,AbstractString}; options...) = Optimizer(string(name), Dict{Symbol,Any}(options))

function release(optimizer::Optimizer)
    API.mxn_optimizer_free(optimizer.handle)
    optimizer.handle = C_NULL
    return nothing
end

Base.show(io::IO, optimizer::Optimizer) =
    print(io, "mx.Optimizer ", optimizer.name, "(", join(("$k = $v" for (k, v) in optimizer.options), ", "), ")")

Base.cconvert(::Type{Ptr{Cvoid}}, optimizer::Optimizer) = optimizer
function Base.unsafe_convert(::Type{Ptr{Cvoid}}, optimizer::Optimizer)
    optimizer.handle == C_NULL && open_optimizer!(optimizer)
    return optimizer.handle
end

"Makes the library's optimizer."
function open_optimizer!(optimizer::Optimizer)
    given = [(string(key), text_of(value)) for (key, value) in optimizer.options if key !== :lr_scheduler && value !== nothing]
    names, texts = Texts(map(first, given)), Texts(map(last, given))
    optimizer.handle = take_handle(out -> API.mxn_optimizer_create(optimizer.name, names, texts, length(given), out))
    return optimizer
end

"""
    update!(optimizer, names, weights, grads)

One step: changes each weight by its gradient. Returns at once.
"""
function update!(optimizer::Optimizer, names::Texts, weights::Vector{NDArray}, grads::Vector{NDArray})
    next_update!(optimizer)
    GC.@preserve weights grads API.mxn_optimizer_update(optimizer, names, handles_of(weights), handles_of(grads), length(weights))
    return optimizer
end
update!(optimizer::Optimizer, names, weights, grads) =
    update!(optimizer, Texts(names), collect(NDArray, weights), collect(NDArray, grads))

"Counts an update and sets the learning rate that the schedule has for it."
function next_update!(optimizer::Optimizer)
    optimizer.updates += 1
    schedule = get(optimizer.options, :lr_scheduler, nothing)
    schedule === nothing || set!(optimizer, :learning_rate, schedule(optimizer.updates))
    return optimizer
end

"""
    set!(optimizer, option, value)

Changes a number among the options between steps: `:learning_rate`, `:wd`, `:rescale_grad`, `:clip_gradient`, ...
"""
function set!(optimizer::Optimizer, option::Symbol, value::Real)
    API.mxn_optimizer_set(optimizer, string(option), Float64(value))
    return optimizer
end

"Factors of a parameter's learning rate and weight decay."
set_multipliers!(optimizer::Optimizer, name; lr_mult::Real = 1, wd_mult::Real = 1) =
    (API.mxn_optimizer_set_multipliers(optimizer, string(name), Float64(lr_mult), Float64(wd_mult)); optimizer)

"Writes the states and counts to a file."
save_states(optimizer::Optimizer, path::AbstractString) = API.mxn_optimizer_save(optimizer, path)

"Reads states and counts from a file."
load_states!(optimizer::Optimizer, path::AbstractString) = (API.mxn_optimizer_load(optimizer, path); optimizer)
