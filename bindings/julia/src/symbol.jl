# SymbolicNode: the handle, structure, composition, files.

"""
    SymbolicNode

One or more outputs of a graph that has not been computed. Made by [`Variable`](@ref), by operators on other nodes, or read from JSON.
Calling a node composes it: `node(other)` or `node(data = other)` replaces variables.
"""
mutable struct SymbolicNode
    handle::Ptr{Cvoid}
    SymbolicNode(handle::Ptr{Cvoid}) = finalizer(release, new(handle))
end

function release(node::SymbolicNode)
    API.mxn_symbol_free(node.handle)
    node.handle = C_NULL
    return nothing
end

Base.cconvert(::Type{Ptr{Cvoid}}, node::SymbolicNode) = node
function Base.unsafe_convert(::Type{Ptr{Cvoid}}, node::SymbolicNode)
    node.handle == C_NULL && throw(MXError("[SymbolicNode] expected a symbol, got one that was freed"))
    return node.handle
end

derive(call) = SymbolicNode(take_handle(call))

"The node's name; `nothing` for a group of several."
name(node::SymbolicNode) = take_text(out -> API.mxn_symbol_name(node, out))

list_names(node, what) = map(Symbol, take_texts(take_handle(out -> API.mxn_symbol_list(node, what, out))))

"Names of the variables that must be given values, in order."
list_arguments(node::SymbolicNode) = list_names(node, 0)

"Names of the outputs."
list_outputs(node::SymbolicNode) = list_names(node, 1)

"Names of the states that operators keep, such as BatchNorm's moving statistics."
list_auxiliary_states(node::SymbolicNode) = list_names(node, 2)

"All inner outputs as one symbol."
get_internals(node::SymbolicNode) = derive(out -> API.mxn_symbol_internals(node, out))

"The inputs of the output nodes; `nothing` for a variable."
function get_children(node::SymbolicNode)
    handle = take_handle(out -> API.mxn_symbol_children(node, out))
    return handle == C_NULL ? nothing : SymbolicNode(handle)
end

Base.copy(node::SymbolicNode) = derive(out -> API.mxn_symbol_copy(node, out))
Base.deepcopy_internal(node::SymbolicNode, stack::IdDict) = get!(() -> copy(node), stack, node)
Base.length(node::SymbolicNode) = length(list_outputs(node))
Base.firstindex(node::SymbolicNode) = 1
Base.lastindex(node::SymbolicNode) = length(node)
Base.iterate(node::SymbolicNode, i = 1) = i > length(node) ? nothing : (node[i], i + 1)
Base.eltype(::Type{SymbolicNode}) = SymbolicNode
Base.broadcastable(node::SymbolicNode) = Ref(node)

"Output `i`, or the output of that name, as a symbol."
function Base.getindex(node::SymbolicNode, i::Integer)
    1 <= i <= length(node) || throw(BoundsError(node, i))
    return derive(out -> API.mxn_symbol_output(node, i - 1, out))
end
function Base.getindex(node::SymbolicNode, name::Union{Symbol,AbstractString})
    found = findall(==(Symbol(name)), list_outputs(node))
    length(found) == 1 || throw(MXError("[SymbolicNode] expected one output named '$name', got $(length(found))"))
    return node[found[1]]
end

"""
    placed(symbol, groups)

The same symbol for binding with its groups of nodes (attribute `ctx_group`) on contexts: pairs of group and context, or a Dict. Symbols made of
it are not placed.
"""
function placed(node::SymbolicNode, groups)
    names, contexts = Texts([group for (group, _) in groups]), Context[context for (_, context) in groups]
    kinds, indices = Int32[c.kind for c in contexts], Int32[c.index for c in contexts]
    return derive(out -> API.mxn_symbol_place(node, names, kinds, indices, length(contexts), out))
end
placed(node::SymbolicNode, groups::Pair...) = placed(node, groups)

"""
    Group(nodes...)

Several symbols as one with all their outputs.
"""
function Group(nodes::SymbolicNode...)
    isempty(nodes) && throw(MXError("[Group] expected at least one symbol, got none"))
    return GC.@preserve nodes derive(out -> API.mxn_symbol_group(handles_of(nodes), length(nodes), out))
end

"""
    compose(node, others...; name = nothing)
    compose(node; data = other, ...)

The symbol with variables replaced by symbols: by position, or by name.
"""
function compose(node::SymbolicNode, others::SymbolicNode...; name = nothing, named...)
    isempty(others) || isempty(named) || throw(MXError("[compose] expected only positional or only named symbols"))
    keys_ = isempty(named) ? fill(nothing, length(others)) : collect(keys(named))
    nodes = isempty(named) ? collect(Any, others) : collect(Any, values(values(named)))
    all(n -> n isa SymbolicNode, nodes) || throw(MXError("[compose] expected symbols, got $(join(typeof.(nodes), ", "))"))
    label = name === nothing ? C_NULL : string(name)
    return GC.@preserve nodes derive(out -> API.mxn_symbol_compose(node, label, Texts(keys_), handles_of(nodes), length(nodes), out))
end

(node::SymbolicNode)(others::SymbolicNode...; named...) = compose(node, others...; named...)

function Base.show(io::IO, node::SymbolicNode)
    label = name(node)
    print(io, "mx.SymbolicNode ", label === nothing ? "group [" * join(list_outputs(node), ", ") * "]" : label)
end

# ---- files ----

"The symbol as JSON that MXNet 1.x reads."
to_json(node::SymbolicNode) = take_text(out -> API.mxn_symbol_to_json(node, out))

"A symbol from JSON of any MXNet generation."
from_json(json::AbstractString) = derive(out -> API.mxn_symbol_from_json(json, out))

"Writes the JSON of a symbol to a file."
save(path::AbstractString, node::SymbolicNode) = (write(path, to_json(node)); path)

"A symbol from a -symbol.json file."
function load_symbol(path::AbstractString)
    isfile(path) || throw(MXError("[load_symbol] $path: expected a file, got none"))
    return from_json(read(path, String))
end

"The nodes as text, a line each."
debug_str(node::SymbolicNode) = take_text(out -> API.mxn_symbol_debug(node, out))
