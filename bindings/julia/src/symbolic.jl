# Operators on symbols, their automatic names, and arithmetic of symbols.

const NAME_COUNTS = Dict{String,Int}()
const NAME_LOCK = ReentrantLock()

"fullyconnected0, fullyconnected1, ..."
function automatic_name(hint::String)
    lock(NAME_LOCK) do
        number = get(NAME_COUNTS, hint, 0)
        NAME_COUNTS[hint] = number + 1
        return "$hint$number"
    end
end

"Lets automatic names count from 0 again."
reset_names() = lock(() -> empty!(NAME_COUNTS), NAME_LOCK)

function symbolic(call::Call)
    op = call.op
    haskey(call.options, :out) && throw(MXError("[$(op.name)] out: expected none for symbols"))
    given = get(call.options, :name, nothing)
    label = given === nothing ? automatic_name(lowercase(op.name)) : string(given)
    nodes = Any[pair.second for pair in call.inputs]
    all(n -> n isa SymbolicNode, nodes) || throw(MXError("[$(op.name) $label] expected symbols, got $(join(map(typeof, nodes), ", "))"))
    names = Texts([op.variadic ? nothing : pair.first for pair in call.inputs])
    return make_node(op, label, nodes, names, call.arguments, get(call.options, :attrs, Dict()))
end

function make_node(op::Operator, label, nodes, names::Texts, arguments::Arguments, attrs)
    keys_, values_ = Texts(collect(keys(attrs))), Texts(collect(values(attrs)))
    GC.@preserve nodes derive(out -> API.mxn_symbol_create(handle(op), arguments, length(arguments), keys_, values_, length(attrs),
                                                           handles_of(nodes), names, length(nodes), label, out))
end

function node_of(op::Operator, hint::String, nodes::SymbolicNode...; scalar = nothing)
    arguments = Arguments(API.mxn_arg_t[], Any[])
    scalar === nothing || push_argument!(arguments, findfirst(==(:scalar), op.fields) - 1, Float64(scalar))
    return make_node(op, automatic_name(hint), collect(Any, nodes), Texts(fill(nothing, length(nodes))), arguments, Dict())
end

"f(a, b) for nodes and numbers: operators for two nodes, node and number, number and node, with the hints of their names."
function define_arithmetic(f, arrays::Operator, hint::String, scalar::Operator, reversed::Operator)
    short(op) = replace(op.name, "_scalar" => "scalar")
    @eval begin
        $f(a::SymbolicNode, b::SymbolicNode) = node_of($arrays, $hint, a, b)
        $f(a::SymbolicNode, b::Real) = node_of($scalar, $(short(scalar)), a; scalar = b)
        $f(a::Real, b::SymbolicNode) = node_of($reversed, $(short(reversed)), b; scalar = a)
        # Element by element anyway: a dot changes nothing.
        Broadcast.broadcasted(::typeof($f), a::SymbolicNode, b::SymbolicNode) = $f(a, b)
        Broadcast.broadcasted(::typeof($f), a::SymbolicNode, b::Real) = $f(a, b)
        Broadcast.broadcasted(::typeof($f), a::Real, b::SymbolicNode) = $f(a, b)
    end
end

let o = Operators
    define_arithmetic(:(Base.:+), o.elemwise_add, "_plus", o._plus_scalar, o._plus_scalar)
    define_arithmetic(:(Base.:-), o.elemwise_sub, "_minus", o._minus_scalar, o._rminus_scalar)
    define_arithmetic(:(Base.:*), o.elemwise_mul, "_mul", o._mul_scalar, o._mul_scalar)
    define_arithmetic(:(Base.:/), o.elemwise_div, "_div", o._div_scalar, o._rdiv_scalar)
    define_arithmetic(:(Base.:^), o._power, "_power", o._power_scalar, o._rpower_scalar)
    define_arithmetic(:(Base.mod), o._mod, "_mod", o._mod_scalar, o._rmod_scalar)
    define_arithmetic(:(Base.max), o._maximum, "_maximum", o._maximum_scalar, o._maximum_scalar)
    define_arithmetic(:(Base.min), o._minimum, "_minimum", o._minimum_scalar, o._minimum_scalar)
end
Base.:-(node::SymbolicNode) = node * -1
Base.literal_pow(::typeof(^), node::SymbolicNode, ::Val{N}) where {N} = node^Float64(N)
