# Errors of the library as exceptions, and waits that hear Ctrl-C.

"""
    MXError

An error of the library. `code` is the number of the C API (0 when the error arose in Julia), `msg` one line:
`[place] argument: expected X, got Y`.
"""
struct MXError <: Exception
    code::Int
    msg::String
end

MXError(msg::AbstractString) = MXError(0, msg)

Base.showerror(io::IO, error::MXError) = print(io, "MXError: ", error.msg)

"Set when Ctrl-C arrives inside a callback, where nothing may be thrown."
const INTERRUPTED = Ref(false)

"""
    check(code)

Throws what a call reported. No memory of Julia's is taken before the message is read, because a finalizer could call the library then.
"""
@inline check(code::Int32) = code == 0 ? nothing : throw_last(code)

@noinline function throw_last(code::Int32)
    size = mxn_error_copy(C_NULL, 0)
    buffer = Ptr{UInt8}(Libc.malloc(size + 1))
    mxn_error_copy(buffer, size + 1)
    message = unsafe_string(buffer)
    Libc.free(buffer)
    raise_interrupt()
    throw(MXError(code, message))
end

function raise_interrupt()
    if INTERRUPTED[]
        INTERRUPTED[] = false
        throw(InterruptException())
    end
end

is_timeout(error) = error isa MXError && error.code == MXN_ERROR_NET && occursin("got a time-out", error.msg)

"""
    patiently(call)

Repeats a blocking `call(wait)` with short time limits, so that Ctrl-C ends it within a fraction of a second.
"""
function patiently(call)
    wait = Ref(mxn_wait_t(sizeof(mxn_wait_t), 0.2, C_NULL))
    while true
        try
            call(wait)
            raise_interrupt()
            return nothing
        catch error
            is_timeout(error) || rethrow()
        end
    end
end
