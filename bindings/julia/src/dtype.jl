# Element types: Julia's and the library's codes.

"""
    BFloat16

The upper half of a Float32, as the library stores it. Julia arrays that leave the library hold Float32 instead.
"""
struct BFloat16
    bits::UInt16
end

const DTYPES = Dict{Type,Int32}(
    Float32 => API.MXN_FLOAT32,
    Float64 => API.MXN_FLOAT64,
    Float16 => API.MXN_FLOAT16,
    UInt8 => API.MXN_UINT8,
    Int32 => API.MXN_INT32,
    Int8 => API.MXN_INT8,
    Int64 => API.MXN_INT64,
    Bool => API.MXN_BOOL,
    BFloat16 => API.MXN_BFLOAT16,
)
const DTYPE_OF_CODE = Dict{Int32,Type}(code => type for (type, code) in DTYPES)

"The code of an element type that the library holds."
function dtype_code(type::Type)
    haskey(DTYPES, type) || throw(MXError("[dtype] expected one of $(join(sort(string.(keys(DTYPES))), ", ")), got $type"))
    return DTYPES[type]
end

"The library's name of an element type: \"float32\"."
dtype_name(type::Type) = (dtype_code(type); lowercase(string(nameof(type))))

"Whether values of the type can be kept as they are; others become Float32."
holds(type::Type) = haskey(DTYPES, type) && type !== BFloat16
