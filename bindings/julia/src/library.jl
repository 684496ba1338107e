# Finding the native library: MIXNET_LIBRARY (a path), a copy beside the package, the build folder of the repository that the package lies
# in, then the system's search.

using Libdl

const FILE = "libmixnet." * Libdl.dlext

"Places to look for the library, in order."
function places()
    package = dirname(@__DIR__)
    beside = [joinpath(package, "lib", FILE), joinpath(package, "..", "..", "build", "release", FILE)]
    return haskey(ENV, "MIXNET_LIBRARY") ? [ENV["MIXNET_LIBRARY"]; beside] : beside
end

"""
Debian's Julia brings a libunwind whose functions for exceptions hide libgcc's: the first error inside the library would end the process.
"""
function check_unwinder()
    gcc = Libdl.dlopen("libgcc_s.so.1", throw_error = false)
    gcc === nothing && return
    raise(library) = Libdl.dlsym(library, :_Unwind_RaiseException, throw_error = false)
    raise(Libdl.dlopen("")) in (nothing, raise(gcc)) ||
        throw(MXError(0, "[MixNet] process: expected C++ exceptions of libgcc, got those of another library; start Julia with LD_PRELOAD=libgcc_s.so.1"))
end

"""
The opened library. OpenMP reads its settings when the library is loaded: kernels of oneDNN and our own share the cores, and threads that spin
on while idle would take them from each other; they spin about 0.1 ms, because waking a thread takes longer than a small matrix product.
"""
function open_library()
    Sys.islinux() && check_unwinder()
    if !haskey(ENV, "OMP_WAIT_POLICY")
        ENV["OMP_WAIT_POLICY"] = "PASSIVE"
        get!(ENV, "GOMP_SPINCOUNT", "5000")
    end
    tried = String[]
    for place in places()
        if isfile(place)
            return Libdl.dlopen(place)
        end
        push!(tried, place)
    end
    library = Libdl.dlopen("libmixnet", throw_error = false)
    library === nothing || return library
    throw(MXError(0, "[MixNet] library: expected one of $(join(tried, ", ")) or libmixnet in the system's search, got none; " *
                     "build it, or set MIXNET_LIBRARY to its path"))
end

function find_function(library, name)
    address = Libdl.dlsym(library, name, throw_error = false)
    address === nothing || return address
    throw(MXError(0, "[MixNet] library $(Libdl.dlpath(library)): expected the function $name, got none; it is of another version"))
end
