# Arrays with values of a kind, copies, and other forms of an array.

"""
    zeros(T = Float32, dims...; ctx = mx.cpu())

An NDArray of zeros.
"""
zeros(dims::Integer...; ctx::Context = cpu()) = zeros(Float32, dims...; ctx = ctx)
zeros(dims::Tuple; ctx::Context = cpu()) = zeros(Float32, dims...; ctx = ctx)
zeros(type::Type, dims::Tuple; ctx::Context = cpu()) = zeros(type, dims...; ctx = ctx)
zeros(type::Type, dims::Integer...; ctx::Context = cpu()) = Base.fill!(NDArray(undef, type, dims...; ctx = ctx), 0)

"""
    ones(T = Float32, dims...; ctx = mx.cpu())

An NDArray of ones.
"""
ones(dims::Integer...; ctx::Context = cpu()) = ones(Float32, dims...; ctx = ctx)
ones(dims::Tuple; ctx::Context = cpu()) = ones(Float32, dims...; ctx = ctx)
ones(type::Type, dims::Tuple; ctx::Context = cpu()) = ones(type, dims...; ctx = ctx)
ones(type::Type, dims::Integer...; ctx::Context = cpu()) = Base.fill!(NDArray(undef, type, dims...; ctx = ctx), 1)

"""
    full(value, dims...; ctx = mx.cpu())

An NDArray of one value, of Float32.
"""
full(value::Real, dims::Integer...; ctx::Context = cpu()) = Base.fill!(NDArray(undef, Float32, dims...; ctx = ctx), value)

"""
    arange(start, stop; step = 1, dtype = Float32, ctx = mx.cpu())

Numbers from `start` to below `stop`.
"""
arange(start::Real, stop::Real; step::Real = 1, dtype::Type = Float32, ctx::Context = cpu()) =
    apply(Operators._arange; start = float(start), stop = float(stop), step = float(step), dtype = dtype_name(dtype), ctx = ctx)

Base.fill!(array::NDArray, value::Real) =
    isempty(array) ? array : apply(Operators._full; out = array, shape = shape(array), value = Float64(value), dtype = dtype_name(eltype(array)))

Base.similar(array::NDArray) = NDArray(undef, eltype(array), size(array); ctx = context(array))
Base.similar(array::NDArray, dims::Tuple) = NDArray(undef, eltype(array), dims; ctx = context(array))
Base.zero(array::NDArray) = fill!(similar(array), 0)
Base.copy(array::NDArray) = copyto!(similar(array), array)
Base.deepcopy_internal(array::NDArray, stack::IdDict) = get!(() -> copy(array), stack, array)

"A copy on a device."
Base.copy(array::NDArray, ctx::Context) = copyto!(NDArray(undef, eltype(array), size(array); ctx = ctx), array)

"The array with another element type."
astype(array::NDArray, type::Type) = apply(Operators.Cast, array; dtype = dtype_name(type))

"""
    reshape(x, dims...)

The same elements under another size, sharing memory. One of the dims may be `:`.
"""
function Base.reshape(array::NDArray, dims::Tuple{Vararg{Union{Integer,Colon}}})
    known = prod(Int[d for d in dims if d isa Integer])
    return reshape_rows(array, Int64[d isa Colon ? length(array) ÷ max(1, known) : d for d in reverse(dims)])
end

"The same elements under extents in the library's order."
reshape_rows(array::NDArray, extents::Vector{Int64}) =
    NDArray(take_handle(out -> API.mxn_ndarray_reshape(array, extents, length(extents), out)))

Base.reshape(array::NDArray, dims::Union{Integer,Colon}...) = reshape(array, dims)
Base.vec(array::NDArray) = reshape(array, length(array))

"The axes in another order, numbered as Julia does."
Base.permutedims(array::NDArray, order = (2, 1)) =
    apply(Operators.transpose, array; axes = Int[length(order) - d for d in reverse(order)])
Base.transpose(array::NDArray) = permutedims(array, (2, 1))
Base.adjoint(array::NDArray) = transpose(array)

"""
    seed!(number)

Seeds all random operators and restarts their count.
"""
seed!(number::Integer) = API.mxn_random_seed(number)

"Uniform draws from [low, high) in a new array, or in `out`."
rand(dims::Integer...; low::Real = 0, high::Real = 1, ctx::Context = cpu()) = rand!(NDArray(undef, Float32, dims...; ctx = ctx); low = low, high = high)
rand!(out::NDArray; low::Real = 0, high::Real = 1) =
    apply(Operators._random_uniform; out = out, low = Float64(low), high = Float64(high), shape = shape(out), dtype = dtype_name(eltype(out)))

"Normal draws in a new array, or in `out`."
randn(dims::Integer...; mean::Real = 0, sigma::Real = 1, ctx::Context = cpu()) =
    randn!(NDArray(undef, Float32, dims...; ctx = ctx); mean = mean, sigma = sigma)
randn!(out::NDArray; mean::Real = 0, sigma::Real = 1) =
    apply(Operators._random_normal; out = out, loc = Float64(mean), scale = Float64(sigma), shape = shape(out), dtype = dtype_name(eltype(out)))
