# Sizes, element types and memory of a symbol from those of some of its arguments.

"Sizes by name as the library wants them: names, numbers of axes, and all extents, row-major, one after another."
struct Sizes
    names::Texts
    ndims::Vector{Int32}
    dims::Vector{Int64}
end

function Sizes(sizes)
    names = [string(name) for (name, _) in sizes]
    reversed = [Int64[d isa Colon || d == 0 ? -1 : d for d in reverse(Tuple(extents))] for (_, extents) in sizes]
    return Sizes(Texts(names), Int32[length(r) for r in reversed], isempty(reversed) ? Int64[] : reduce(vcat, reversed))
end

Base.length(sizes::Sizes) = length(sizes.ndims)

julia_size(::Nothing) = nothing
julia_size(shape::Vector{Int}) = Tuple(reverse(shape))

three_lists() = (Ref{Ptr{Cvoid}}(C_NULL), Ref{Ptr{Cvoid}}(C_NULL), Ref{Ptr{Cvoid}}(C_NULL))

"""
    infer_shape(node; data = (28, 28, 1, 100), ...)

Sizes (Julia's) of the arguments, the outputs and the auxiliary states, from some of the arguments' sizes; `nothing` when they do not suffice.
"""
infer_shape(node::SymbolicNode; sizes...) = infer_shape(node, pairs(sizes))
function infer_shape(node::SymbolicNode, sizes)
    found, complete = infer_sizes(node, sizes)
    return complete ? found : nothing
end

"The same with what is known so far: `nothing` where nothing is, -1 for unknown extents."
infer_shape_partial(node::SymbolicNode; sizes...) = infer_sizes(node, pairs(sizes))[1]

function infer_sizes(node, sizes)
    given, lists, complete = Sizes(sizes), three_lists(), Ref{Int32}(0)
    API.mxn_symbol_infer_shape(node, given.names, given.ndims, given.dims, length(given), lists..., complete)
    return map(list -> map(julia_size, take_shapes(list[])), lists), complete[] != 0
end

"""
    infer_type(node; data = Float32, ...)

Element types of the arguments, the outputs and the auxiliary states, from some of the arguments'; `nothing` when they do not suffice.
"""
function infer_type(node::SymbolicNode; types...)
    names, codes = Texts([string(key) for key in keys(types)]), Int32[dtype_code(type) for type in values(values(types))]
    lists, complete = three_lists(), Ref{Int32}(0)
    API.mxn_symbol_infer_type(node, names, codes, length(codes), lists..., complete)
    found = map(list -> Type[DTYPE_OF_CODE[c] for c in something(take_shapes(list[])[1], Int[]) if c >= 0], lists)
    return complete[] != 0 ? found : nothing
end

"""
    memory_estimate(node; training = true, data = (28, 28, 1, 100), ...)

Bytes that binding with these sizes would take: `planned`, `naive`, `lower_bound`, `external`, `kept`.
"""
function memory_estimate(node::SymbolicNode; training::Bool = true, sizes...)
    given, info = Sizes(pairs(sizes)), Ref(API.mxn_memory_info_t())
    API.mxn_symbol_memory(node, given.names, given.ndims, given.dims, length(given), training, info)
    return memory_of(info[])
end

memory_of(info) = (planned = info.planned, naive = info.naive, lower_bound = info.lower_bound, external = info.external, kept = info.kept)
