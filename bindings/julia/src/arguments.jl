# Parameters of operators as tagged C values. Texts and tuples stay alive in `kept`.

struct Arguments
    values::Vector{API.mxn_arg_t}
    kept::Vector{Any}
end

Base.length(arguments::Arguments) = length(arguments.values)
Base.cconvert(::Type{Ptr{API.mxn_arg_t}}, arguments::Arguments) = arguments
Base.unsafe_convert(::Type{Ptr{API.mxn_arg_t}}, arguments::Arguments) = pointer(arguments.values)

"Text of a value as MXNet's files have it."
text_of(value::Bool) = value ? "True" : "False"
text_of(value::Union{Tuple,AbstractVector}) = "(" * join(map(text_of, collect(Any, value)), ", ") * (length(value) == 1 ? ",)" : ")")
text_of(::Nothing) = "None"
text_of(type::Type) = dtype_name(type)
text_of(value) = string(value)

argument(field; tag = API.MXN_TAG_NONE, integer = 0, real = 0.0, text = C_NULL, ints = C_NULL, reals = C_NULL, count = 0) =
    API.mxn_arg_t(field, tag, integer, real, text, ints, reals, count)

"Appends parameter number `field` (from 0) with its value."
function push_argument!(arguments::Arguments, field::Int, @nospecialize(value))
    push!(arguments.values, tagged(arguments.kept, field, value))
    return arguments
end

function tagged(kept::Vector{Any}, field::Int, @nospecialize(value))
    value === nothing && return argument(field)
    value isa Bool && return argument(field; tag = API.MXN_TAG_BOOL, integer = Int64(value))
    value isa Integer && return argument(field; tag = API.MXN_TAG_INT, integer = Int64(value))
    value isa Real && return argument(field; tag = API.MXN_TAG_FLOAT, real = Float64(value))
    if value isa Union{Tuple,AbstractVector,AbstractUnitRange}
        list = collect(Any, value)
        if all(v -> v isa Integer && !(v isa Bool), list)
            ints = Int64[v for v in list]
            push!(kept, ints)
            return argument(field; tag = API.MXN_TAG_INTS, ints = pointer(ints), count = length(ints))
        end
    end
    text = checked_text(text_of(value))
    push!(kept, text)
    return argument(field; tag = API.MXN_TAG_TEXT, text = pointer(text))
end
