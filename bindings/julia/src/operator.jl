# Operator: what a generated name such as mx.FullyConnected is.

"""
    Operator

An operator of the library; call it with arrays, with symbols, or without its inputs:

    mx.FullyConnected(x, w, b; num_hidden = 10)                    # NDArrays: computed, returns an NDArray (several: a Vector)
    mx.FullyConnected(data; num_hidden = 10, name = "fc1")         # symbols: a SymbolicNode; inputs left out become variables
    mx.FullyConnected(num_hidden = 10)                             # a SymbolicNode whose input is still open, for `@mx.chain`

Inputs may be given by name too. Parameters that are not given have the library's defaults. With arrays `out` says where results go;
operators without inputs take a device as `ctx`. With symbols `name` names the node and `attrs` (a Dict) gives it attributes.
"""
mutable struct Operator
    name::String
    inputs::Vector{Symbol}
    fields::Vector{Symbol}
    variadic::Bool
    handle::Ptr{Cvoid}
    Operator(name, inputs, fields, variadic) = new(name, inputs, fields, variadic, C_NULL)
end

Base.show(io::IO, op::Operator) = print(io, "mx.Operators.", op.name)

"The library's operator, looked up at first use."
function handle(op::Operator)
    if op.handle == C_NULL
        op.handle = take_handle(out -> API.mxn_op_find(op.name, out))
    end
    return op.handle
end

"What a call was given, sorted out."
mutable struct Call
    op::Operator
    inputs::Vector{Pair{Symbol,Any}}  # by name; :_ where only the position is known
    arguments::Arguments
    options::Dict{Symbol,Any}         # out, ctx, name, attrs
end

const CALL_OPTIONS = (:out, :ctx, :name, :attrs)

# Not specialised on the keywords' types, or every new combination would be compiled.
(op::Operator)(@nospecialize(args...); kw...) = run(op, args, getfield(kw, :data))

function run(op::Operator, @nospecialize(args::Tuple), @nospecialize(kw::NamedTuple))
    call = Call(op, Pair{Symbol,Any}[], Arguments(API.mxn_arg_t[], Any[]), Dict{Symbol,Any}())
    take_positional!(call, args)
    for (position, key) in enumerate(fieldnames(typeof(kw)))
        take_keyword!(call, key, getfield(kw, position))
    end
    return is_symbolic(call) ? symbolic(call) : imperative(call)
end

function take_positional!(call::Call, @nospecialize(args))
    op = call.op
    list = length(args) == 1 && args[1] isa Union{Tuple,AbstractVector} && op.variadic ? args[1] : args
    if !op.variadic && length(list) > length(op.inputs)
        takes_node = isempty(op.inputs) && length(list) == 1 && list[1] === SymbolicNode
        takes_node || throw(MXError("[$(op.name)] expected at most $(length(op.inputs)) inputs, got $(length(list))"))
        call.options[:symbolic] = true
        return
    end
    for (position, value) in enumerate(list)
        value === nothing && continue
        push!(call.inputs, (op.variadic ? :_ : op.inputs[position]) => value)
    end
end

function take_keyword!(call::Call, key::Symbol, @nospecialize(value))
    op = call.op
    field = findfirst(==(key), op.fields)
    if key === :ctx && value isa Context
        call.options[:ctx] = value
    elseif field !== nothing
        push_argument!(call.arguments, field - 1, value)
    elseif key in op.inputs || value isa SymbolicNode
        value === nothing || push!(call.inputs, key => value)
    elseif key in CALL_OPTIONS
        call.options[key] = value
    else
        throw(MXError("[$(op.name)] unknown parameter '$key', expected one of $(isempty(op.fields) ? "no parameters" : join(op.fields, ", "))"))
    end
end

"Symbols among the inputs make a symbol; so does an operator whose inputs are all left out, or mx.SymbolicNode in their place."
function is_symbolic(call::Call)
    haskey(call.options, :symbolic) && return true
    isempty(call.inputs) && return !isempty(call.op.inputs) || call.op.variadic
    return any(pair -> pair.second isa SymbolicNode, call.inputs)
end
