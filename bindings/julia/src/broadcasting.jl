# f.(x), a .+ b, x .= ...: each dot is one operator of the library, run at once; the engine overlaps them.

struct ArrayStyle <: Broadcast.BroadcastStyle end

Base.broadcastable(array::NDArray) = array
Broadcast.BroadcastStyle(::Type{NDArray}) = ArrayStyle()
Broadcast.BroadcastStyle(style::ArrayStyle, ::Broadcast.BroadcastStyle) = style
Broadcast.instantiate(tree::Broadcast.Broadcasted{ArrayStyle}) = tree

"Functions of two operands."
const BINARY = IdDict{Any,Binary}(
    (+) => ADD,
    (-) => SUBTRACT,
    (*) => MULTIPLY,
    (/) => DIVIDE,
    (^) => Binary(Operators.broadcast_power, Operators._power_scalar, Operators._rpower_scalar),
    mod => Binary(Operators.broadcast_mod, Operators._mod_scalar, Operators._rmod_scalar),
    max => Binary(Operators.broadcast_maximum, Operators._maximum_scalar, Operators._maximum_scalar),
    min => Binary(Operators.broadcast_minimum, Operators._minimum_scalar, Operators._minimum_scalar),
    hypot => Binary(Operators.broadcast_hypot, Operators._hypot_scalar, Operators._hypot_scalar),
    (==) => Binary(Operators.broadcast_equal, Operators._equal_scalar, Operators._equal_scalar),
    (!=) => Binary(Operators.broadcast_not_equal, Operators._not_equal_scalar, Operators._not_equal_scalar),
    (<) => Binary(Operators.broadcast_lesser, Operators._lesser_scalar, Operators._greater_scalar),
    (<=) => Binary(Operators.broadcast_lesser_equal, Operators._lesser_equal_scalar, Operators._greater_equal_scalar),
    (>) => Binary(Operators.broadcast_greater, Operators._greater_scalar, Operators._lesser_scalar),
    (>=) => Binary(Operators.broadcast_greater_equal, Operators._greater_equal_scalar, Operators._lesser_equal_scalar),
    (&) => Binary(Operators.broadcast_logical_and, Operators._logical_and_scalar, Operators._logical_and_scalar),
    (|) => Binary(Operators.broadcast_logical_or, Operators._logical_or_scalar, Operators._logical_or_scalar),
    xor => Binary(Operators.broadcast_logical_xor, Operators._logical_xor_scalar, Operators._logical_xor_scalar),
)

"Functions of one operand whose operator has another name; the others are found by their own."
const UNARY = IdDict{Any,Operator}(
    asin => Operators.arcsin,
    acos => Operators.arccos,
    atan => Operators.arctan,
    asinh => Operators.arcsinh,
    acosh => Operators.arccosh,
    atanh => Operators.arctanh,
    (!) => Operators.logical_not,
    inv => Operators.reciprocal,
)
for f in (abs, exp, expm1, log, log1p, log2, log10, sqrt, cbrt, sin, cos, tan, sinh, cosh, tanh, sign, floor, ceil, round, trunc)
    UNARY[f] = getfield(Operators, nameof(f))
end

unknown(f) = throw(MXError("[broadcast] $f: expected a function that the library has element by element, such as +, max, exp or tanh, or an operator"))

"f.(operands...) where one of them at least is an array of the library."
function dotted(@nospecialize(f), operands...)
    f isa Operator && return f(operands...)
    f === Base.literal_pow && return binary(BINARY[^], operands[2], power_of(operands[3][]))
    length(operands) == 1 && return dotted_one(f, operands[1])
    length(operands) == 2 && haskey(BINARY, f) && return binary(BINARY[f], operands[1], operands[2])
    (f === (+) || f === (*)) && return dotted(f, dotted(f, operands[1], operands[2]), operands[3:end]...)
    unknown(f)
end

dotted_one(@nospecialize(f), a::NDArray) =
    f === identity || f === (+) ? a : f === (-) ? -a : haskey(UNARY, f) ? apply(UNARY[f], a) : unknown(f)
power_of(::Val{N}) where {N} = N

evaluate(value) = value
evaluate(value::Base.RefValue{<:Union{NDArray,Number}}) = value[]
# A part without arrays of the library is Julia's own affair.
evaluate(tree::Broadcast.Broadcasted) = Broadcast.materialize(tree)
evaluate(tree::Broadcast.Broadcasted{ArrayStyle}) = dotted(tree.f, map(evaluate, collect(Any, tree.args))...)

Base.copy(tree::Broadcast.Broadcasted{ArrayStyle}) = evaluate(tree)
Broadcast.materialize!(target::NDArray, tree::Broadcast.Broadcasted) = copyto!(target, tree)
Broadcast.materialize!(::ArrayStyle, target::NDArray, tree::Broadcast.Broadcasted) = copyto!(target, tree)

"x .= tree: where the last step has the target's size it writes there, otherwise its result is copied or spread."
function Base.copyto!(target::NDArray, tree::Broadcast.Broadcasted)
    operands = map(evaluate, collect(Any, tree.args))
    if haskey(BINARY, tree.f) && length(operands) == 2 && writes_to(target, operands)
        return into!(target, BINARY[tree.f], operands...)
    end
    # Without an array of the library on the right (x .= 0, x .= y .+ 1 with a Julia array y) Julia computes the values.
    value = tree.f === Base.literal_pow || any(o -> o isa NDArray, operands) ? dotted(tree.f, operands...) : broadcast(tree.f, operands...)
    return spread!(target, value)
end

writes_to(target, operands) =
    any(o -> o isa NDArray && size(o) == size(target), operands) &&
    all(o -> o isa Real || (o isa NDArray && eltype(o) === eltype(target) && ndims(o) <= ndims(target)), operands)

into!(target, op::Binary, a::NDArray, b::NDArray) = apply(op.arrays, a, b; out = target)
into!(target, op::Binary, a::NDArray, b::Real) = apply(op.scalar, a; out = target, scalar = Float64(b))
into!(target, op::Binary, a::Real, b::NDArray) = apply(op.reversed, b; out = target, scalar = Float64(a))

spread!(target::NDArray, value::Real) = fill!(target, value)
spread!(target::NDArray, value::AbstractArray) =
    size(value) == size(target) ? copyto!(target, value) : spread!(target, NDArray(eltype(target), value))
function spread!(target::NDArray, value::NDArray)
    size(value) == size(target) && return copyto!(target, value)
    ndims(value) > ndims(target) && throw(DimensionMismatch("[broadcast] cannot spread size $(size(value)) over $(size(target))"))
    lifted = reshape(value, (size(value)..., Base.ones(Int, ndims(target) - ndims(value))...))
    return copyto!(target, apply(Operators.broadcast_to, lifted; shape = shape(target)))
end
