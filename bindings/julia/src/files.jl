# .params files, of every generation of MXNet.

"""
    save(path, arrays)

Writes a Dict from name to NDArray, or a Vector of NDArrays, as a .params file.
"""
function save(path::AbstractString, arrays::AbstractDict)
    names = sort!([string(name) for name in keys(arrays)])
    by_name = Dict(string(name) => array for (name, array) in arrays)
    return save_arrays(path, NDArray[by_name[name] for name in names], Texts(names))
end
save(path::AbstractString, arrays::AbstractVector{NDArray}) = save_arrays(path, collect(arrays), C_NULL)

function save_arrays(path, arrays, names)
    GC.@preserve arrays API.mxn_ndarray_save(path, handles_of(arrays), names, length(arrays))
    return path
end

"""
    load(path)
    load(bytes::Vector{UInt8})

Arrays of a .params file: a Dict from name (a Symbol) to NDArray, or a Vector where the file has no names.
"""
load(path::AbstractString) = take_arrays((arrays, count, names) -> API.mxn_ndarray_load(path, arrays, count, names))
load(bytes::Vector{UInt8}) = take_arrays((arrays, count, names) -> API.mxn_ndarray_load_memory(bytes, length(bytes), arrays, count, names))

function take_arrays(call)
    list, count, names = Ref{Ptr{Ptr{Cvoid}}}(C_NULL), Ref{Int64}(0), Ref{Ptr{Cvoid}}(C_NULL)
    call(list, count, names)
    arrays = take_list(list[], count[])
    texts = take_texts(names[])
    return isempty(texts) ? arrays : Dict{Symbol,NDArray}(Symbol(name) => array for (name, array) in zip(texts, arrays))
end

"The arrays of a vector of handles that the library gave away; `nothing` for NULL."
function take_list(list::Ptr{Ptr{Cvoid}}, count)
    handles = Ptr{Cvoid}[unsafe_load(list, i) for i in 1:count]
    API.mxn_ndarray_list_free(list)
    any(==(C_NULL), handles) || return NDArray[NDArray(handle) for handle in handles]
    return Union{Nothing,NDArray}[handle == C_NULL ? nothing : NDArray(handle) for handle in handles]
end
