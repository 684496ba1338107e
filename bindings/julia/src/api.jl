"""
The C ABI as it is: every function of the header under its own name. Functions that can fail throw [`MXError`](@ref) with the library's
message. The library is found and its functions are looked up when the package is loaded; a call costs one `ccall`.
"""
module API

include("library.jl")
include("errors.jl")

"Addresses of the library's functions, in the order of NAMES."
const FUNCTIONS = Ptr{Cvoid}[]

include("gen/c_api.jl")

"The empty struct with some members set; members that later versions append stay empty."
function with(type::Type; members...)
    empty = type()
    return type((get(members.data, name, getfield(empty, name)) for name in fieldnames(type))...)
end

"What stands in for a function that this version of the library does not have."
function missing_function()
    mxn_error_set(MXN_ERROR_UNSUPPORTED, "[MixNet] library: expected the function that was called, got none; it is of another version")
    return MXN_ERROR_UNSUPPORTED
end

function __init__()
    library = open_library()
    absent = @cfunction(missing_function, Int32, ())
    resize!(FUNCTIONS, length(NAMES))
    for (position, name) in enumerate(NAMES)
        FUNCTIONS[position] = something(Libdl.dlsym(library, name, throw_error = false), absent)
    end
    # Threads must not run kernels while the process takes its libraries apart.
    atexit(() -> ccall(FUNCTIONS[findfirst(==(:mxn_shutdown), NAMES)], Int32, ()))
end

end
