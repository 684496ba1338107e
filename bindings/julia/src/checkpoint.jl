# Checkpoints: PREFIX-symbol.json and PREFIX-NNNN.params, as MXNet and the other languages have them.

const Parameters = Dict{Symbol,NDArray}

params_path(prefix, epoch) = "$prefix-$(lpad(epoch, 4, '0')).params"

"""
    save_checkpoint(prefix, epoch, model)
    save_checkpoint(prefix, epoch, symbol, arg_params, aux_params)

Writes PREFIX-symbol.json and PREFIX-NNNN.params, with the names arg:NAME and aux:NAME.
"""
function save_checkpoint(prefix::AbstractString, epoch::Integer, symbol::SymbolicNode, arg_params::AbstractDict, aux_params::AbstractDict)
    save("$prefix-symbol.json", symbol)
    named = Dict{String,NDArray}("arg:$name" => array for (name, array) in arg_params)
    merge!(named, Dict("aux:$name" => array for (name, array) in aux_params))
    return save(params_path(prefix, epoch), named)
end

"(arg_params, aux_params) of a file written by `save_checkpoint`."
function load_params(path::AbstractString)
    loaded = load(path)
    loaded isa AbstractDict || isempty(loaded) || throw(MXError("[load_params] $path: expected names such as arg:weight, got a list without names"))
    groups = Dict("arg" => Parameters(), "aux" => Parameters())
    for (key, array) in (loaded isa AbstractDict ? loaded : ())
        kind, name = split(string(key), ':'; limit = 2) |> parts -> length(parts) == 2 ? parts : ("", "")
        haskey(groups, kind) || throw(MXError("[load_params] $path: expected names such as arg:weight, got $key"))
        groups[kind][Symbol(name)] = array
    end
    return groups["arg"], groups["aux"]
end

"""
    load_checkpoint(prefix, epoch)

(symbol, arg_params, aux_params) of a checkpoint. [`load_model`](@ref) makes a FeedForward of it.
"""
load_checkpoint(prefix::AbstractString, epoch::Integer) = (load_symbol("$prefix-symbol.json"), load_params(params_path(prefix, epoch))...)
