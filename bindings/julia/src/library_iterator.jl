# Iterators of the library: they read, decode and join batches on its threads, ahead of who asks.

"""
    LibraryIterator(name, options)

A data provider that the library runs, such as [`CSVIter`](@ref) makes. Each `for` over it is an epoch: one that was left early is not gone on with.
`mx.report(provider)` tells what was met so far, `close` ends it at any point; batches that were given stay.
"""
mutable struct LibraryIterator <: AbstractDataProvider
    name::String
    handle::Ptr{Cvoid}
    data::Vector{Pair{Symbol,Tuple}}
    label::Vector{Pair{Symbol,Tuple}}
    begun::Bool

    function LibraryIterator(name::AbstractString, options; data_name = nothing, label_name = nothing)
        given = [(string(key), text_of(value)) for (key, value) in pairs(options)]
        names, texts = Texts(map(first, given)), Texts(map(last, given))
        handle = take_handle(out -> API.mxn_data_iter_create(name, names, texts, length(given), out))
        iter = finalizer(close, new(name, handle, [], [], false))
        data, label, _ = description(iter)
        iter.data, iter.label = renamed(data, data_name), renamed(label, label_name)
        return iter
    end
end

renamed(arrays, ::Nothing) = arrays
renamed(arrays, name) = isempty(arrays) ? arrays : [Symbol(name) => arrays[1].second; arrays[2:end]]

Base.show(io::IO, iter::LibraryIterator) = print(io, "mx.", iter.name, " of batches of ", join(iter.data, ", "))
Base.isopen(iter::LibraryIterator) = iter.handle != C_NULL
Base.cconvert(::Type{Ptr{Cvoid}}, iter::LibraryIterator) = iter
function Base.unsafe_convert(::Type{Ptr{Cvoid}}, iter::LibraryIterator)
    isopen(iter) || throw(MXError("[$(iter.name)] expected an open iterator, got a closed one"))
    return iter.handle
end

function Base.close(iter::LibraryIterator)
    API.mxn_data_iter_free(iter.handle)
    iter.handle = C_NULL
    return nothing
end

provide_data(iter::LibraryIterator) = iter.data
provide_label(iter::LibraryIterator) = iter.label

"Names and Julia sizes of data and labels, and the text of the report. The library writes the description, in an order that stays."
function description(iter::LibraryIterator)
    text = take_text(out -> API.mxn_data_iter_describe(iter, out))
    arrays, report = text[1:(first(findfirst(r"\"report\"\s*:", text)) - 1)], text[first(findfirst(r"\"report\"\s*:", text)):end]
    middle = first(findfirst(r"\"label\"\s*:\s*\[", arrays))
    return described(arrays[1:(middle - 1)]), described(arrays[middle:end]), report
end

function described(text)
    found = eachmatch(r"\"name\"\s*:\s*\"([^\"]*)\"\s*,\s*\"shape\"\s*:\s*\[([^\]]*)\]", text)
    return Pair{Symbol,Tuple}[Symbol(m[1]) => Tuple(reverse(parse.(Int, split(m[2], ','; keepempty = false)))) for m in found]
end

"""
    report(iter)

What an iterator of the library met so far: the numbers of `examples` given and of those `skipped` because they could not be read, and the `text` in JSON, which
says what was wrong with them.
"""
function report(iter::LibraryIterator)
    text = description(iter)[3]
    number(key) = parse(Int, match(Regex("\"$key\"\\s*:\\s*(\\d+)"), text)[1])
    return (examples = number("examples"), skipped = number("skipped"), text = text)
end

"""
    reset!(iter)

Begins the next epoch, also after an error; one of which nothing was read goes on. `for` does it by itself.
"""
function reset!(iter::LibraryIterator)
    iter.begun && API.mxn_data_iter_reset(iter)
    iter.begun = false
    return iter
end

"The next batch; `nothing` at the end of the epoch. Ctrl-C ends the wait."
function next_batch(iter::LibraryIterator)
    more = Ref{Int32}(0)
    iter.begun = true
    patiently(wait -> API.mxn_data_iter_next(iter, wait, more))
    more[] == 0 && return nothing
    arrays, counts = Ref{Ptr{Ptr{Cvoid}}}(C_NULL), (Ref{Int64}(0), Ref{Int64}(0), Ref{Int64}(0))
    API.mxn_data_iter_batch(iter, arrays, counts[1], counts[2], Ref{Ptr{Int64}}(C_NULL), counts[3])
    list = NDArray[fresh(unsafe_load(arrays[], i)) for i in 1:counts[1][]]
    API.mxn_ndarray_list_free(arrays[])
    split = length(iter.data)
    return DataBatch(list[1:split], list[(split + 1):end]; pad = counts[2][])
end

Base.iterate(iter::LibraryIterator) = (reset!(iter); iterate(iter, nothing))
function Base.iterate(iter::LibraryIterator, ::Nothing)
    batch = next_batch(iter)
    return batch === nothing ? nothing : (batch, nothing)
end
