# Arithmetic of whole arrays without dots, as Julia has it for arrays: +, -, scaling, and * for matrices. Element by element: with dots.

"Operators for two arrays, array and number, number and array."
struct Binary
    arrays::Operator
    scalar::Operator
    reversed::Operator
end

function binary(op::Binary, a::NDArray, b::NDArray)
    eltype(a) === eltype(b) && return apply(op.arrays, a, b)
    wide = promote_type(eltype(a), eltype(b))
    return apply(op.arrays, astype(a, wide), astype(b, wide))
end
binary(op::Binary, a::NDArray, b::Real) = apply(op.scalar, a; scalar = Float64(b))
binary(op::Binary, a::Real, b::NDArray) = apply(op.reversed, b; scalar = Float64(a))
binary(op::Binary, a::NDArray, b::AbstractArray) = binary(op, a, NDArray(eltype(a), b))
binary(op::Binary, a::AbstractArray, b::NDArray) = binary(op, NDArray(eltype(b), a), b)

const ADD = Binary(Operators.broadcast_add, Operators._plus_scalar, Operators._plus_scalar)
const SUBTRACT = Binary(Operators.broadcast_sub, Operators._minus_scalar, Operators._rminus_scalar)
const MULTIPLY = Binary(Operators.broadcast_mul, Operators._mul_scalar, Operators._mul_scalar)
const DIVIDE = Binary(Operators.broadcast_div, Operators._div_scalar, Operators._rdiv_scalar)

function same_size(place, a, b)
    size(a) == size(b) || throw(MXError("[$place] expected two arrays of one size, got $(size(a)) and $(size(b)); .$place broadcasts"))
end

Base.:+(a::NDArray, b::NDArray) = (same_size("+", a, b); binary(ADD, a, b))
Base.:-(a::NDArray, b::NDArray) = (same_size("-", a, b); binary(SUBTRACT, a, b))
Base.:*(a::NDArray, b::Real) = binary(MULTIPLY, a, b)
Base.:*(a::Real, b::NDArray) = binary(MULTIPLY, a, b)
Base.:/(a::NDArray, b::Real) = binary(DIVIDE, a, b)
Base.:-(a::NDArray) = a * -1
Base.:+(a::NDArray) = a

"The matrix product. In the library's row-major order it is the product of the two the other way round."
function Base.:*(a::NDArray, b::NDArray)
    size(a, ndims(a)) == size(b, 1) || throw(MXError("[*] cannot multiply sizes $(size(a)) and $(size(b))"))
    return apply(Operators.dot, b, a)
end

Base.:(==)(a::NDArray, b::NDArray) = Array(a) == Array(b)
Base.:(==)(a::NDArray, b::AbstractArray) = Array(a) == b
Base.:(==)(a::AbstractArray, b::NDArray) = a == Array(b)
Base.isapprox(a::NDArray, b::NDArray; options...) = isapprox(Array(a), Array(b); options...)
Base.isapprox(a::NDArray, b::AbstractArray; options...) = isapprox(Array(a), b; options...)

"Reductions over all axes or over Julia's axes `dims`, which stay with extent 1."
reduced(op::Operator, array::NDArray, ::Colon) = scalar(apply(op, array))
reduced(op::Operator, array::NDArray, dims::Integer) = reduced(op, array, (dims,))
reduced(op::Operator, array::NDArray, dims) = apply(op, array; axis = sort!(Int[ndims(array) - d for d in dims]), keepdims = true)
