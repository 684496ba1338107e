# KVStore: values by key that devices push to and pull from, with an optional updater in between.

"""
    KVStore(type = :local)

`push!` sums what is given under each key; with an updater, updater(key, sum, stored) changes the stored value. Types: `:local`, `:device`,
and between machines `:dist_sync` and the like, which join the group that the environment names.

    kv = mx.KVStore(:local)
    mx.init!(kv, :w => mx.zeros(3))
    push!(kv, :w => [grad1, grad2])
    mx.pull!(kv, :w => w)
"""
mutable struct KVStore
    handle::Ptr{Cvoid}
    type::Symbol
    optimizer::Union{Nothing,Optimizer}

    function KVStore(type::Union{Symbol,AbstractString} = :local)
        store = new(take_handle(out -> API.mxn_kvstore_create(string(type), out)), Symbol(type), nothing)
        return finalizer(release, store)
    end
end

function release(store::KVStore)
    API.mxn_kvstore_free(store.handle)
    store.handle = C_NULL
    return nothing
end

Base.cconvert(::Type{Ptr{Cvoid}}, store::KVStore) = store
function Base.unsafe_convert(::Type{Ptr{Cvoid}}, store::KVStore)
    store.handle == C_NULL && throw(MXError("[KVStore] expected a store, got one that was freed"))
    return store.handle
end
Base.show(io::IO, store::KVStore) = print(io, "mx.KVStore ", store.type)

"Keys as texts and arrays side by side: a key with several arrays stands once per array."
function flattened(entries)
    keys_, arrays = String[], NDArray[]
    for (key, value) in entries, array in (value isa NDArray ? (value,) : value)
        array isa NDArray || throw(MXError("[kvstore] value of key $key: expected an NDArray, got $(typeof(array))"))
        push!(keys_, string(key))
        push!(arrays, array)
    end
    return Texts(keys_), arrays
end

function exchange(call, store::KVStore, entries, more...)
    keys_, arrays = flattened(entries)
    GC.@preserve arrays call(store, keys_, handles_of(arrays), length(arrays), more...)
    return store
end

"Sets first values: pairs of key and array, or a Dict. A key can be set once."
init!(store::KVStore, entries::Pair...) = exchange(API.mxn_kvstore_init, store, entries)
init!(store::KVStore, entries::AbstractDict) = exchange(API.mxn_kvstore_init, store, entries)

"Sums the arrays of each key into the store. Higher priority runs earlier."
Base.push!(store::KVStore, entries::Pair...; priority::Integer = 0) = exchange(API.mxn_kvstore_push, store, entries, priority)
Base.push!(store::KVStore, entries::AbstractDict; priority::Integer = 0) = exchange(API.mxn_kvstore_push, store, entries, priority)

"Copies stored values into the given arrays."
pull!(store::KVStore, entries::Pair...; priority::Integer = 0) = exchange(API.mxn_kvstore_pull, store, entries, priority)
pull!(store::KVStore, entries::AbstractDict; priority::Integer = 0) = exchange(API.mxn_kvstore_pull, store, entries, priority)

"""
    set_updater(updater, store)

updater(key, received, stored) runs for every push, on this thread in its next wait (or [`poll`](@ref)), and changes `stored`. When it throws,
what is pulled from that key throws too, until a later push of the key succeeds.
"""
function set_updater(updater, store::KVStore)
    open_queue()
    API.mxn_kvstore_set_updater(store, updater_pointer(), register_callback(updater), destroy_pointer())
    return store
end

"Updates stored values with an optimizer at every push, in the library."
function set_optimizer(store::KVStore, optimizer::Optimizer)
    API.mxn_kvstore_set_optimizer(store, optimizer)
    store.optimizer = optimizer
    return store
end

function rank_and_size(store::KVStore)
    rank, count = Ref{Int32}(0), Ref{Int32}(0)
    API.mxn_kvstore_rank(store, rank, count)
    return Int(rank[]), Int(count[])
end

"Number of this worker, from 0."
rank(store::KVStore) = rank_and_size(store)[1]

"Number of workers."
num_workers(store::KVStore) = rank_and_size(store)[2]

"Waits until all workers are here."
barrier(store::KVStore) = API.mxn_kvstore_barrier(store)

"""
    statistics(store)

What went over the wire, of a store between machines, as JSON: keys and peers of this worker, and servers, each with counts of pushes, pulls and
messages, bytes_sent, bytes_received, latency_s and staleness.
"""
statistics(store::KVStore) = take_text(out -> API.mxn_kvstore_statistics(store, out))
