# Julia functions that the library calls. They wait here under a number until the library needs them no more.
#
# The library never enters Julia from a thread of its own: with `open_queue` what this thread registers runs on this thread, in its waits.
# Nothing may be thrown across C's frames: errors become the library's error, and Ctrl-C waits until the C function has returned.

const CALLBACKS = Dict{Int,Any}()
const NEXT_CALLBACK = Ref(0)
const CALLBACK_LOCK = ReentrantLock()

"A user-data pointer for `f`."
register_callback(f) = lock(CALLBACK_LOCK) do
    NEXT_CALLBACK[] += 1
    CALLBACKS[NEXT_CALLBACK[]] = f
    return Ptr{Cvoid}(NEXT_CALLBACK[])
end

function forget_callback(user::Ptr{Cvoid})
    lock(() -> delete!(CALLBACKS, Int(user)), CALLBACK_LOCK)
    return nothing
end

"Calls f(args...) and makes a status of what happens."
function guarded(@nospecialize(f), @nospecialize(args...))
    try
        disable_sigint(() -> f(args...))
        return API.MXN_OK
    catch error
        error isa InterruptException && (API.INTERRUPTED[] = true)
        message = error isa MXError ? error.msg : "[callback] " * sprint(showerror, error)
        API.mxn_error_set(API.MXN_ERROR_USER, replace(message, '\0' => ' '))
        return API.MXN_ERROR_USER
    end
end

"The array behind a handle that is lent to us during a callback, as one of our own."
borrowed(handle::Ptr{Cvoid}) = NDArray(take_handle(out -> API.mxn_ndarray_clone(handle, out)))

run_task(user::Ptr{Cvoid}) = guarded(CALLBACKS[Int(user)])
run_monitor(user::Ptr{Cvoid}, name::Ptr{UInt8}, value::Ptr{Cvoid}) =
    guarded((f, name, value) -> f(Symbol(unsafe_string(name)), borrowed(value)), CALLBACKS[Int(user)], name, value)
run_updater(user::Ptr{Cvoid}, key::Ptr{UInt8}, received::Ptr{Cvoid}, stored::Ptr{Cvoid}) =
    guarded((f, key, r, s) -> f(Symbol(unsafe_string(key)), borrowed(r), borrowed(s)), CALLBACKS[Int(user)], key, received, stored)

run_custom(user::Ptr{Cvoid}, call::Ptr{Cvoid}) = guarded(CALLBACKS[Int(user)], call)

destroy_pointer() = @cfunction(forget_callback, Cvoid, (Ptr{Cvoid},))
task_pointer() = @cfunction(run_task, Int32, (Ptr{Cvoid},))
monitor_pointer() = @cfunction(run_monitor, Int32, (Ptr{Cvoid}, Ptr{UInt8}, Ptr{Cvoid}))
updater_pointer() = @cfunction(run_updater, Int32, (Ptr{Cvoid}, Ptr{UInt8}, Ptr{Cvoid}, Ptr{Cvoid}))

custom_pointer() = @cfunction(run_custom, Int32, (Ptr{Cvoid}, Ptr{Cvoid}))

const QUEUES = Set{Int}()

"Makes callbacks that this thread registers run on this thread."
function open_queue()
    lock(CALLBACK_LOCK) do
        Threads.threadid() in QUEUES && return
        API.mxn_queue_open()
        push!(QUEUES, Threads.threadid())
    end
end

"""
    custom_register(f, name)

Registers an operator for `mx.Custom(...; op_type = name)`. `f(call)` answers the library's questions about it through `MixNet.API.mxn_custom_call_...`, in this
thread's waits; see `mxn_custom_register` in the C API's reference.
"""
function custom_register(f, name::AbstractString)
    open_queue()
    API.mxn_custom_register(name, custom_pointer(), register_callback(f), destroy_pointer())
end

"""
    poll()

Runs the updaters and tasks that wait for this thread; the number of them. Waiting for an array does the same.
"""
function poll()
    count = Ref{Int64}(0)
    API.mxn_queue_poll(C_NULL, count)
    API.raise_interrupt()
    return Int(count[])
end

"""
    engine_push(f; reads = NDArray[], writes = NDArray[], priority = 0)

Runs `f()` when all work on the arrays that it reads and writes is done, in this thread's next wait or [`poll`](@ref); what comes later and
touches them waits for it. An error of `f` is thrown where the arrays it writes are read.
"""
function engine_push(f; reads = NDArray[], writes = NDArray[], priority::Integer = 0)
    open_queue()
    GC.@preserve reads writes API.mxn_engine_push(task_pointer(), register_callback(f), destroy_pointer(), C_NULL, 0, C_NULL, 0,
                                                  handles_of(reads), length(reads), handles_of(writes), length(writes), priority)
end
