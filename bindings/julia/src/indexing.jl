# x[...] copies, view(x, ...) shares memory, x[...] = v writes. Indices are Julia's: from 1, the last axis is the library's first.
#
# Indices go through one list of ranges, so that nothing is compiled anew for each kind of index.

const Index = Union{Integer,AbstractRange{<:Integer},Colon}

"Indices of a call: a range per axis, and whether the axis goes because its index was a number."
struct Indices
    ranges::Vector{StepRange{Int,Int}}
    whole::Vector{Bool}
    dropped::Vector{Bool}
end

function Indices(array::NDArray, @nospecialize(given::Tuple))
    extents = Int[size(array)...]
    length(given) == length(extents) || throw(MXError("[NDArray] index: expected $(length(extents)) indices, got $(length(given))"))
    indices = Indices(StepRange{Int,Int}[], Bool[], Bool[])
    for (d, index) in enumerate(given)
        range = as_range(index, extents[d])
        isempty(range) || (1 <= minimum(range) && maximum(range) <= extents[d]) || throw(BoundsError(array, given))
        push!(indices.ranges, range)
        push!(indices.whole, index isa Colon)
        push!(indices.dropped, index isa Integer)
    end
    return indices
end

as_range(@nospecialize(index), extent::Int) =
    index isa Colon ? (1:1:extent) : index isa Integer ? (Int(index):1:Int(index)) : StepRange{Int,Int}(first(index), step(index), last(index))

extents(indices::Indices) = Int[length(r) for r in indices.ranges]
kept_extents(indices::Indices) = extents(indices)[.!indices.dropped]

"Whether only the last axis is restricted, to neighbours: then the part can share memory."
is_view(indices::Indices) = all(indices.whole[1:(end - 1)]) && step(indices.ranges[end]) == 1

"begin, end and step of the operators `slice` and `_slice_assign`; two of the names are keywords of Julia, so they go as a named tuple."
function box(indices::Indices)
    ranges = reverse(indices.ranges)
    ends = Any[step(r) > 0 ? last(r) : last(r) >= 2 ? last(r) - 2 : nothing for r in ranges]
    return NamedTuple{(:begin, :end, :step)}((Any[first(r) - 1 for r in ranges], ends, Any[step(r) for r in ranges]))
end

reshaped(array::NDArray, extents::Vector{Int}) = reshape_rows(array, Int64[reverse(extents)...])

function part(array::NDArray, indices::Indices)
    range = indices.ranges[end]
    rows = NDArray(take_handle(out -> API.mxn_ndarray_slice(array, first(range) - 1, last(range), out)))
    return indices.dropped[end] ? reshaped(rows, Int[size(array)...][1:(end - 1)]) : rows
end

"""
    view(x, :, ..., range)

Part of an array along its last axis, sharing memory.
"""
function Base.view(array::NDArray, given::Index...)
    indices = Indices(array, given)
    is_view(indices) || throw(MXError("[view] index: expected neighbours in the last axis and : in all others, got $given"))
    return part(array, indices)
end

Base.getindex(array::NDArray, given::Index...) = read_part(array, Indices(array, given))
Base.getindex(array::NDArray) = scalar(array)
Base.getindex(array::NDArray, ::Colon) = copy(vec(array))

function read_part(array::NDArray, indices::Indices)
    any(r -> isempty(r), indices.ranges) && return NDArray(undef, eltype(array), kept_extents(indices)...)
    all(indices.dropped) && return element(array, indices)
    is_view(indices) && return copy(part(array, indices))
    return reshaped(apply(Operators.slice, array; box(indices)...), kept_extents(indices))
end

function element(array::NDArray, indices::Indices)
    values = Array(part(array, indices))
    position, stride = 1, 1
    for d in 1:ndims(values)
        position += (first(indices.ranges[d]) - 1) * stride
        stride *= size(values, d)
    end
    return values[position]
end

Base.setindex!(array::NDArray, value, given::Index...) = (write_part!(array, value, Indices(array, given)); array)
Base.setindex!(array::NDArray, value, ::Colon) = (assign!(array, value); array)

function write_part!(array::NDArray, @nospecialize(value), indices::Indices)
    any(r -> isempty(r), indices.ranges) && return array
    is_view(indices) && return assign!(part(array, indices), value)
    value isa Real && return apply(Operators._slice_assign_scalar, array; out = array, scalar = Float64(value), box(indices)...)
    return apply(Operators._slice_assign, array, reshaped(as_values(array, value), extents(indices)); out = array, box(indices)...)
end

as_values(array::NDArray, value::NDArray) = eltype(value) === eltype(array) ? value : astype(value, eltype(array))
as_values(array::NDArray, value::AbstractArray) = NDArray(eltype(array), value)

assign!(array::NDArray, value::Real) = fill!(array, value)
assign!(array::NDArray, value::Union{NDArray,AbstractArray}) =
    length(value) == length(array) ? copyto!(array, value isa NDArray ? reshape(value, size(array)) : value) :
    throw(MXError("[NDArray] value: expected $(length(array)) values, got $(length(value))"))
