# Texts and lists between Julia and C.

"Texts as a C array of pointers; keeps them alive. `nothing` is a null pointer."
struct Texts
    kept::Vector{Union{Nothing,String}}
    pointers::Vector{Ptr{UInt8}}
end

function Texts(items)
    kept = Union{Nothing,String}[item === nothing ? nothing : checked_text(item) for item in items]
    return Texts(kept, Ptr{UInt8}[item === nothing ? C_NULL : pointer(item) for item in kept])
end

Base.cconvert(::Type{Ptr{Ptr{UInt8}}}, texts::Texts) = texts
Base.unsafe_convert(::Type{Ptr{Ptr{UInt8}}}, texts::Texts) = pointer(texts.pointers)

function checked_text(item)
    text = String(string(item))
    '\0' in text && throw(MXError("[text] expected no NUL inside, got $(repr(text))"))
    return text
end

"A text that the library gave away; `nothing` for NULL."
function take_text(call)
    out = Ref{Ptr{UInt8}}(C_NULL)
    call(out)
    out[] == C_NULL && return nothing
    text = unsafe_string(out[])
    API.mxn_text_free(out[])
    return text
end

"A list of texts that the library gave away."
function take_texts(list::Ptr{Cvoid})
    texts = String[unsafe_string(API.mxn_strings_get(list, i)) for i in 0:(API.mxn_strings_count(list) - 1)]
    API.mxn_strings_free(list)
    return texts
end

"A list of shapes, row-major as the library has them, that the library gave away; `nothing` where nothing is known."
function take_shapes(list::Ptr{Cvoid})
    ndim, dims = Ref{Int32}(0), Ref{Ptr{Int64}}(C_NULL)
    found = Union{Nothing,Vector{Int}}[]
    for i in 0:(API.mxn_shapes_count(list) - 1)
        API.mxn_shapes_get(list, i, ndim, dims)
        push!(found, ndim[] < 0 ? nothing : Int[unsafe_load(dims[], k) for k in 1:ndim[]])
    end
    API.mxn_shapes_free(list)
    return found
end

"A handle that `call(out)` makes."
function take_handle(call)
    out = Ref{Ptr{Cvoid}}(C_NULL)
    call(out)
    return out[]
end
