# Data providers: batches for training and prediction.

"""
    AbstractDataProvider

What `fit`, `score` and `predict` read from. A provider of your own defines `provide_data(p)` and `provide_label(p)` (Vectors of name =>
size of a batch), and is iterated: each epoch is one `for batch in p`, which gives [`DataBatch`](@ref)es.
"""
abstract type AbstractDataProvider end

"""
    DataBatch(data, label = []; pad = 0)

Arrays of a batch in the order of `provide_data` and `provide_label`; the last `pad` examples only fill it up.
"""
struct DataBatch
    data::Vector{NDArray}
    label::Vector{NDArray}
    pad::Int
end
DataBatch(data, label = NDArray[]; pad::Integer = 0) = DataBatch(data, label, pad)

provide_label(::AbstractDataProvider) = Pair{Symbol,Tuple}[]
Base.IteratorSize(::Type{<:AbstractDataProvider}) = Base.SizeUnknown()
Base.eltype(::Type{<:AbstractDataProvider}) = DataBatch

"""
    ArrayDataProvider(data, label = []; batch_size, shuffle = false)

Batches out of arrays in memory, along their last axis (the library's first). `data` and `label` are arrays, `name => array` pairs, or Vectors of
pairs; the names are otherwise `data` and `softmax_label`. Julia arrays become Float32 arrays in the library; NDArrays stay as they are. With
`shuffle` every epoch has a new order, drawn by the library. The last batch is filled up from the beginning. Without `shuffle` batches share
memory with the arrays.
"""
struct ArrayDataProvider <: AbstractDataProvider
    data::Vector{Pair{Symbol,NDArray}}
    label::Vector{Pair{Symbol,NDArray}}
    batch_size::Int
    num_data::Int
    shuffle::Bool
end

"Pairs of name and array in the library, from an array (which gets the name `name`), a pair, or pairs."
function named(given, name)
    given isa Union{NDArray,AbstractArray{<:Number}} && return [name => in_library(given)]
    given isa Pair && return [Symbol(given.first) => in_library(given.second)]
    given isa Union{AbstractVector,AbstractDict} && all(p -> p isa Pair, given) &&
        return Pair{Symbol,NDArray}[Symbol(n) => in_library(a) for (n, a) in given]
    throw(MXError("[ArrayDataProvider] $name: expected an array of numbers or pairs of name and array, got $(typeof(given))"))
end

in_library(array::NDArray) = array
in_library(array::AbstractArray) = NDArray(Float32, array)

function ArrayDataProvider(data, label = Pair{Symbol,NDArray}[]; batch_size::Integer = 128, shuffle::Bool = false)
    data, label = named(data, :data), named(label, :softmax_label)
    batch_size >= 1 || throw(MXError("[ArrayDataProvider] batch_size: expected at least 1, got $batch_size"))
    isempty(data) && throw(MXError("[ArrayDataProvider] data: expected at least one array, got none"))
    count = size(data[1].second, ndims(data[1].second))
    for (name, array) in [data; label]
        examples = size(array, ndims(array))
        examples == count >= 1 || throw(MXError("[ArrayDataProvider] $name: expected $(max(count, 1)) examples, got $examples"))
    end
    return ArrayDataProvider(data, label, batch_size, count, shuffle)
end

describe(provider, arrays) = Pair{Symbol,Tuple}[n => (size(a)[1:(end - 1)]..., provider.batch_size) for (n, a) in arrays]
provide_data(provider::ArrayDataProvider) = describe(provider, provider.data)
provide_label(provider::ArrayDataProvider) = describe(provider, provider.label)
Base.length(provider::ArrayDataProvider) = cld(provider.num_data, provider.batch_size)
Base.IteratorSize(::Type{ArrayDataProvider}) = Base.HasLength()

"Where an epoch stands: the order of its examples (`nothing`: as they are) and the number of the next batch."
struct Epoch
    order::Union{Nothing,NDArray}
    next::Int
end

"Numbers of examples for all batches of an epoch, from 0, with those that fill up the last one."
function epoch_order(provider::ArrayDataProvider)
    order = apply(Operators._shuffle, arange(0, provider.num_data; dtype = Int32))
    needed = length(provider) * provider.batch_size
    needed == provider.num_data && return order
    return apply(Operators.tile, order; reps = Int[cld(needed, provider.num_data)])
end

Base.iterate(provider::ArrayDataProvider) = iterate(provider, Epoch(provider.shuffle ? epoch_order(provider) : nothing, 1))
function Base.iterate(provider::ArrayDataProvider, epoch::Epoch)
    epoch.next > length(provider) && return nothing
    first_, last_ = (epoch.next - 1) * provider.batch_size, epoch.next * provider.batch_size
    rows = rows_of(provider, epoch.order, first_, last_)
    batch = DataBatch(NDArray[rows(a) for (_, a) in provider.data], NDArray[rows(a) for (_, a) in provider.label],
                      max(0, last_ - provider.num_data))
    return batch, Epoch(epoch.order, epoch.next + 1)
end

rows(array::NDArray, first::Integer, last::Integer) = NDArray(take_handle(out -> API.mxn_ndarray_slice(array, first, last, out)))

"A function that gives examples first_ to last_ - 1 of an array."
function rows_of(provider, order, first_, last_)
    if order === nothing
        last_ <= provider.num_data && return array -> rows(array, first_, last_)
        order, first_, last_ = NDArray(Int32[i % provider.num_data for i in first_:(last_ - 1)]), 0, last_ - first_
    end
    chosen = rows(order, first_, last_)
    return array -> apply(Operators.take, array, chosen)
end
