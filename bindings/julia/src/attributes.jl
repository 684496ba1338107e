# Variables and the attributes of nodes.

"""
    Variable(name; size, dtype, lr_mult, wd_mult, init, attrs)

A named input. Size (Julia's), element type, multipliers and initializer are kept as attributes of the node.
"""
function Variable(name::Union{Symbol,AbstractString}; size = nothing, dtype = nothing, lr_mult = nothing, wd_mult = nothing, init = nothing,
                  attrs = Dict())
    node = derive(out -> API.mxn_symbol_variable(string(name), out))
    size === nothing || set_attr(node, :__shape__, text_of(reverse(Tuple(size))))
    dtype === nothing || set_attr(node, :__dtype__, string(dtype_code(dtype)))
    lr_mult === nothing || set_attr(node, :__lr_mult__, string(lr_mult))
    wd_mult === nothing || set_attr(node, :__wd_mult__, string(wd_mult))
    init === nothing || set_attr(node, :__init__, init isa AbstractString ? init : dumps(init))
    for (key, value) in attrs
        set_attr(node, key, value)
    end
    return node
end

"An attribute or operator parameter of the node, as text; `nothing` when it has none."
get_attr(node::SymbolicNode, key::Union{Symbol,AbstractString}) = take_text(out -> API.mxn_symbol_get_attr(node, string(key), out))

"Sets an attribute of the node."
set_attr(node::SymbolicNode, key::Union{Symbol,AbstractString}, value) = (API.mxn_symbol_set_attr(node, string(key), string(value)); node)

"Attributes and parameters of all nodes: a Dict from node to a Dict of texts."
function list_attributes(node::SymbolicNode)
    items = take_texts(take_handle(out -> API.mxn_symbol_attributes(node, out)))
    found = Dict{Symbol,Dict{Symbol,String}}()
    for i in 1:3:length(items)
        get!(found, Symbol(items[i]), Dict{Symbol,String}())[Symbol(items[i + 1])] = items[i + 2]
    end
    return found
end
