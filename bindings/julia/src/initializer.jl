# First values of parameters, by the parameter's name. Draws come from the library, so the same seed gives every language the same weights.

"""
    Initializer

Gives an array its first values: `initialize!(initializer, name, array)`. Weights get the initializer's own rule; biases and statistics their
constants (`bias`, `beta`, `moving_mean`: 0; `gamma`, `moving_var`: 1). A subtype defines `init_weight!(initializer, name, array)`.
"""
abstract type Initializer end

const NAME_CONSTANTS = ("bias" => 0.0, "beta" => 0.0, "gamma" => 1.0, "running_mean" => 0.0, "moving_mean" => 0.0, "running_var" => 1.0,
                        "moving_var" => 1.0, "moving_inv_var" => 0.0, "moving_avg" => 0.0, "min" => 0.0, "max" => 0.0)

"Fills `array`, which is the parameter `name`."
function initialize!(initializer::Initializer, name, array::NDArray)
    label = string(name)
    endswith(label, "weight") && return init_weight!(initializer, label, array)
    for (ending, value) in NAME_CONSTANTS
        endswith(label, ending) && return fill!(array, value)
    end
    throw(MXError("[initializer] $label: no rule for this name; expected an ending such as weight, bias, gamma or beta, or Variable(init = ...)"))
end
initialize!(f::Function, name, array::NDArray) = f(Symbol(name), array)

"Fills a parameter by the initializer that its variable asks for, if any."
function initialize!(initializer, name, array::NDArray, attributes)
    own = get(attributes, :__init__, "")
    return isempty(own) ? initialize!(initializer, name, array) : init_weight!(from_text(own), string(name), array)
end

"One value everywhere, whatever the name."
struct Constant <: Initializer
    value::Float64
end
"0 everywhere, whatever the name."
Zero() = Constant(0)
"1 everywhere, whatever the name."
One() = Constant(1)
initialize!(initializer::Constant, name, array::NDArray) = init_weight!(initializer, name, array)
init_weight!(initializer::Constant, name, array) = fill!(array, initializer.value)
dumps(i::Constant) = "[\"constant\", {\"value\": $(i.value)}]"

"""
    Uniform(scale = 0.07)

Uniform in [-scale, scale].
"""
struct Uniform <: Initializer
    scale::Float64
end
Uniform() = Uniform(0.07)
init_weight!(initializer::Uniform, name, array) = rand!(array; low = -initializer.scale, high = initializer.scale)
dumps(i::Uniform) = "[\"uniform\", {\"scale\": $(i.scale)}]"

"""
    Normal(sigma = 0.01)

Normal with standard deviation sigma.
"""
struct Normal <: Initializer
    sigma::Float64
end
Normal() = Normal(0.01)
init_weight!(initializer::Normal, name, array) = randn!(array; sigma = initializer.sigma)
dumps(i::Normal) = "[\"normal\", {\"sigma\": $(i.sigma)}]"

"""
    Xavier(; rnd_type = :uniform, factor_type = :avg, magnitude = 3)

Uniform or normal (`:gaussian`) with variance magnitude / fan, where the fan is that of the inputs (`:in`), of the outputs (`:out`) or the mean
of both (Glorot and Bengio, 2010).
"""
struct Xavier <: Initializer
    rnd_type::Symbol
    factor_type::Symbol
    magnitude::Float64
end

function Xavier(; rnd_type = :uniform, factor_type = :avg, magnitude = 3)
    Symbol(rnd_type) in (:uniform, :gaussian) || throw(MXError("[Xavier] rnd_type: expected :uniform or :gaussian, got $(repr(rnd_type))"))
    Symbol(factor_type) in (:avg, :in, :out) || throw(MXError("[Xavier] factor_type: expected :avg, :in or :out, got $(repr(factor_type))"))
    return Xavier(Symbol(rnd_type), Symbol(factor_type), magnitude)
end

"""
    MSRAPrelu(; factor_type = :avg, slope = 0.25)

Normal with variance 2 / ((1 + slope^2) fan) (He et al., 2015).
"""
MSRAPrelu(; factor_type = :avg, slope = 0.25) = Xavier(; rnd_type = :gaussian, factor_type = factor_type, magnitude = 2 / (1 + slope^2))

function init_weight!(initializer::Xavier, name, array)
    extents = shape(array)
    length(extents) >= 2 || throw(MXError("[Xavier] $name: expected at least 2 dimensions, got size $(size(array))"))
    window = prod(extents[3:end])
    fan_in, fan_out = extents[2] * window, extents[1] * window
    factor = initializer.factor_type === :avg ? (fan_in + fan_out) / 2 : initializer.factor_type === :in ? fan_in : fan_out
    scale = sqrt(initializer.magnitude / factor)
    return initializer.rnd_type === :uniform ? rand!(array; low = -scale, high = scale) : randn!(array; sigma = scale)
end

dumps(i::Xavier) =
    "[\"xavier\", {\"rnd_type\": \"$(i.rnd_type)\", \"factor_type\": \"$(i.factor_type)\", \"magnitude\": $(i.magnitude)}]"

const INITIALIZERS = Dict("zero" => _ -> Zero(), "zeros" => _ -> Zero(), "one" => _ -> One(), "ones" => _ -> One(),
                          "constant" => o -> Constant(number(o, "value", 0.0)), "uniform" => o -> Uniform(number(o, "scale", 0.07)),
                          "normal" => o -> Normal(number(o, "sigma", 0.01)), "gaussian" => o -> Normal(number(o, "sigma", 0.01)),
                          "xavier" => o -> Xavier(; rnd_type = Symbol(get(o, "rnd_type", "uniform")),
                                                  factor_type = Symbol(get(o, "factor_type", "avg")), magnitude = number(o, "magnitude", 3.0)))

number(options, key, default) = haskey(options, key) ? parse(Float64, options[key]) : default

"An initializer from a name, or from the text that MXNet keeps in a variable's attribute: [\"name\", {\"option\": value}]."
function from_text(text::AbstractString)
    found = match(r"^\s*(?:\[\s*\"(\w+)\"\s*,\s*\{(.*)\}\s*\]|(\w+))\s*$", text)
    kind = found === nothing ? "" : lowercase(something(found[1], found[3]))
    haskey(INITIALIZERS, kind) ||
        throw(MXError("[initializer] expected one of $(join(sort(collect(keys(INITIALIZERS))), ", ")), got $(repr(text))"))
    options = Dict(String(m[1]) => String(m[2]) for m in eachmatch(r"\"(\w+)\"\s*:\s*\"?([^\",}]+)\"?", something(found[2], "")))
    return INITIALIZERS[kind](options)
end
