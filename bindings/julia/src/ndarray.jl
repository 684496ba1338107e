# NDArray: the handle, what it is, and values in and out.
#
# An NDArray returns at once from every operation; reading values waits. The handle is freed by the finalizer, or at once by `finalize(x)`.

"""
    NDArray(values; ctx = mx.cpu())
    NDArray(undef, T, dims...; ctx = mx.cpu())

An array in the library, copied from a Julia array or without defined values. It takes part in broadcasting (`a .+ 2 .* b`), is indexed like
an array, and is read back with `Array(x)` or `copyto!`.

`size` is Julia's: an NDArray of size (28, 28, 1, 100) is what the library calls (100, 1, 28, 28) (see [`shape`](@ref)); the memory is the same.
Element types: Float32, Float64, Float16, UInt8, Int32, Int8, Int64, Bool and [`BFloat16`](@ref); others become Float32.
"""
mutable struct NDArray
    handle::Ptr{Cvoid}
    NDArray(handle::Ptr{Cvoid}) = finalizer(release, new(handle))
end

function release(array::NDArray)
    API.mxn_ndarray_free(array.handle)
    array.handle = C_NULL
    return nothing
end

Base.cconvert(::Type{Ptr{Cvoid}}, array::NDArray) = array
function Base.unsafe_convert(::Type{Ptr{Cvoid}}, array::NDArray)
    array.handle == C_NULL && throw(MXError("[NDArray] expected an array, got one that was freed"))
    return array.handle
end

# Julia's collector sees only the small handle: it is told of the memory behind it by running once for so many bytes.
const FRESH_BYTES = Threads.Atomic{Int}(0)
const COLLECT_EVERY = 1 << 28

"An array that the library made for us; its bytes count towards the next collection."
function fresh(handle::Ptr{Cvoid})
    array = NDArray(handle)
    if Threads.atomic_add!(FRESH_BYTES, Int(details(array).bytes)) > COLLECT_EVERY
        FRESH_BYTES[] = 0
        GC.gc(false)
    end
    return array
end

function details(array::NDArray)
    info = Ref(API.mxn_ndarray_info_t())
    API.mxn_ndarray_info(array, info)
    return info[]
end

"""
    shape(x)

The extents as the library has them, row-major: the reverse of `size(x)`.
"""
function shape(array::NDArray)
    info = details(array)
    return ntuple(k -> Int(info.shape[k]), Int(info.ndim))
end

Base.size(array::NDArray) = reverse(shape(array))
function Base.size(array::NDArray, d::Integer)
    extents = size(array)
    return d > length(extents) ? 1 : extents[d]
end
Base.ndims(array::NDArray) = Int(details(array).ndim)
Base.length(array::NDArray) = prod(size(array))
Base.isempty(array::NDArray) = length(array) == 0
Base.axes(array::NDArray) = map(Base.OneTo, size(array))
Base.axes(array::NDArray, d::Integer) = Base.OneTo(size(array, d))
Base.lastindex(array::NDArray) = length(array)
Base.lastindex(array::NDArray, d::Integer) = size(array, d)
Base.firstindex(array::NDArray) = 1
Base.firstindex(array::NDArray, d::Integer) = 1
Base.eltype(array::NDArray) = DTYPE_OF_CODE[details(array).dtype]

"The device of an array."
function context(array::NDArray)
    info = details(array)
    return Context(info.device_kind, info.device_index)
end

"Bytes of the values."
Base.sizeof(array::NDArray) = Int(details(array).bytes)

# ---- making ----

function NDArray(::UndefInitializer, type::Type, dims::Integer...; ctx::Context = cpu())
    shape = Int64[reverse(dims)...]
    code = dtype_code(type)
    return fresh(take_handle(out -> API.mxn_ndarray_create(shape, length(shape), code, ctx.kind, ctx.index, out)))
end

NDArray(::UndefInitializer, type::Type, dims::Tuple; ctx::Context = cpu()) = NDArray(undef, type, dims...; ctx = ctx)

function NDArray(values::AbstractArray; ctx::Context = cpu())
    type = holds(eltype(values)) ? eltype(values) : Float32
    array = NDArray(undef, type, size(values); ctx = ctx)
    copyto!(array, values)
    return array
end

NDArray(value::Number; ctx::Context = cpu()) = NDArray(fill(value); ctx = ctx)
NDArray(array::NDArray) = array
NDArray(type::Type, values::AbstractArray; ctx::Context = cpu()) =
    type === BFloat16 ? astype(NDArray(convert(Array{Float32}, values); ctx = ctx), BFloat16) : NDArray(convert(Array{type}, values); ctx = ctx)

# ---- values ----

"Waits until the values are there; throws what went wrong in computing them."
wait_to_read(array::NDArray) = (patiently(wait -> API.mxn_ndarray_wait_to_read(array, wait)); array)

"Waits until nobody reads or writes the array any more."
wait_to_write(array::NDArray) = (patiently(wait -> API.mxn_ndarray_wait_to_write(array, wait)); array)

Base.wait(array::NDArray) = wait_to_read(array)

"Waits for all work; throws the first error since the last call."
wait_all() = patiently(wait -> API.mxn_wait_all(wait))

function Base.copyto!(values::Array, array::NDArray)
    if eltype(values) !== eltype(array)
        return copyto!(values, Array(array))
    end
    length(values) == length(array) ||
        throw(MXError("[copyto!] expected an array of $(length(array)) elements, got $(length(values))"))
    patiently(wait -> API.mxn_ndarray_copy_to_host(array, values, sizeof(values), wait))
    return values
end

function Base.Array(array::NDArray)
    eltype(array) === BFloat16 && return Array(astype(array, Float32))
    return copyto!(Array{eltype(array)}(undef, size(array)), array)
end
Base.Array{T}(array::NDArray) where {T} = convert(Array{T}, Array(array))
Base.collect(array::NDArray) = Array(array)
Base.convert(::Type{T}, array::NDArray) where {T<:Array} = convert(T, Array(array))

function Base.copyto!(array::NDArray, values::AbstractArray)
    length(values) == length(array) || throw(MXError("[copyto!] expected $(length(array)) values, got $(length(values))"))
    if eltype(array) === BFloat16
        return copyto!(array, astype(NDArray(convert(Array{Float32}, values)), BFloat16))
    end
    dense = convert(Array{eltype(array)}, values)
    API.mxn_ndarray_copy_from_host(array, dense, sizeof(dense))
    return array
end

function Base.copyto!(to::NDArray, from::NDArray)
    if eltype(to) !== eltype(from)
        from = astype(from, eltype(to))
    end
    API.mxn_ndarray_copy(from, to)
    return to
end

"The value of an array with one element."
function scalar(array::NDArray)
    length(array) == 1 || throw(MXError("[scalar] expected one element, got size $(size(array))"))
    return Array(array)[1]
end

Base.Float64(array::NDArray) = Float64(scalar(array))
Base.Float32(array::NDArray) = Float32(scalar(array))
Base.Int(array::NDArray) = Int(scalar(array))

# ---- printing ----

Base.summary(io::IO, array::NDArray) =
    print(io, join(size(array), "×"), " mx.NDArray of ", eltype(array), " @", context(array), ", in the library ", shape(array))
Base.show(io::IO, array::NDArray) = summary(io, array)
function Base.show(io::IO, ::MIME"text/plain", array::NDArray)
    summary(io, array)
    println(io, ":")
    Base.print_array(io, Array(array))
end
