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

function __init__()
    library = open_library()
    resize!(FUNCTIONS, length(NAMES))
    for (position, name) in enumerate(NAMES)
        FUNCTIONS[position] = find_function(library, name)
    end
    # Threads must not run kernels while the process takes its libraries apart.
    atexit(() -> ccall(FUNCTIONS[findfirst(==(:mxn_shutdown), NAMES)], Int32, ()))
end

end
