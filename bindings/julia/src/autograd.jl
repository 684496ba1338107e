# Gradients of operators on arrays: what runs inside `record` is put down, and `backward` goes through it. Flags belong to the thread.

"Calls `f()` with this thread's flags changed; -1 leaves one as it is."
function with_flags(f, recording::Integer, training::Integer)
    before = autograd_flags(recording, training)
    try
        return f()
    finally
        autograd_flags(before & API.MXN_AUTOGRAD_RECORDING != 0, before & API.MXN_AUTOGRAD_TRAINING != 0)
    end
end

"Sets flags; what they were."
function autograd_flags(recording::Integer = -1, training::Integer = -1)
    before = Ref{Int32}(0)
    API.mxn_autograd_set(recording, training, before)
    return before[]
end

"""
    train_mode(f, training = true)

Calls `f()`; operators on arrays that behave differently in training, such as Dropout, do so inside.
"""
train_mode(f, training::Bool = true) = with_flags(f, -1, training)

"""
    record(f, training = true)

Calls `f()` and puts down the operators on arrays that it calls, so that [`backward`](@ref) can go through them:

    x = mx.attach_grad(mx.NDArray(Float32[1, 2, 3]))
    y = mx.record() do
        x .* x
    end
    mx.backward(y)          # mx.grad(x) holds 2x

While it records, arrays of the graph cannot be written. What reads values (`Array(x)`, `sum(x)` without `axis`) is not recorded.
"""
record(f, training::Bool = true) = with_flags(f, 1, training)

"""
    pause(f, training = false)

Calls `f()` without recording, inside of [`record`](@ref).
"""
pause(f, training::Bool = false) = with_flags(f, 0, training)

is_recording() = autograd_flags() & API.MXN_AUTOGRAD_RECORDING != 0
is_training() = autograd_flags() & API.MXN_AUTOGRAD_TRAINING != 0
is_tracing() = autograd_flags() & API.MXN_AUTOGRAD_TRACING != 0

"""
    attach_grad(x; grad_req = :write)

Makes `x` a variable and returns it; its gradient is written, added to (`:add`) or left out (`:null`) by [`backward`](@ref).
"""
function attach_grad(array::NDArray; grad_req = :write)
    gradient = pause(() -> apply(Operators.zeros_like, array))
    GC.@preserve array gradient API.mxn_autograd_mark(handles_of([array]), handles_of([gradient]), [grad_code(grad_req)], 1)
    return array
end

"""
    grad(x)

The array that holds the gradient of a variable; `nothing` for other arrays.
"""
function grad(array::NDArray)
    recorded = Ref{Int32}(0)
    handle = take_handle(out -> API.mxn_autograd_gradient(array, recorded, out))
    return handle == C_NULL ? nothing : NDArray(handle)
end

"The same memory, cut off from gradients."
function detach(array::NDArray)
    copied = NDArray(take_handle(out -> API.mxn_ndarray_clone(array, out)))
    GC.@preserve copied API.mxn_autograd_mark(handles_of([copied]), C_NULL, C_NULL, 1)
    return copied
end

const Arrays = Union{NDArray,AbstractVector{NDArray},Tuple{Vararg{NDArray}}}
list_of(array::NDArray) = NDArray[array]
list_of(arrays) = collect(Any, arrays)

"""
    backward(heads, head_grads = nothing; retain_graph = false, training = true)

Computes the gradients of the sum of `heads`, an array or several, into the gradients of all variables behind them. Each head may be
weighted by one of `head_grads`. What was recorded is given up unless `retain_graph`.
"""
function backward(heads::Arrays, head_grads = nothing; retain_graph::Bool = false, training::Bool = true)
    differentiate(heads, head_grads, nothing, retain_graph, false, training)
    return nothing
end

"""
    gradient(heads, variables, head_grads = nothing; create_graph = false, retain_graph = create_graph, training = true)

The gradients of the sum of `heads` by `variables` as new arrays: one, or a Vector where variables are several. With `create_graph`, inside
of [`record`](@ref), they are recorded and have gradients in turn.
"""
function gradient(heads::Arrays, variables::Arrays, head_grads = nothing; create_graph::Bool = false, retain_graph::Bool = create_graph,
                  training::Bool = true)
    found = differentiate(heads, head_grads, variables, retain_graph, create_graph, training)
    return variables isa NDArray ? found[1] : found
end

function differentiate(heads, head_grads, variables, retain_graph, create_graph, training)
    from, by = list_of(heads), variables === nothing ? NDArray[] : list_of(variables)
    seeds = head_grads === nothing ? fill(nothing, length(from)) : list_of(head_grads)
    length(seeds) == length(from) || throw(MXError("[backward] head_grads: expected $(length(from)) arrays, got $(length(seeds))"))
    list, count = Ref{Ptr{Ptr{Cvoid}}}(C_NULL), Ref{Int64}(0)
    GC.@preserve from seeds by API.mxn_autograd_backward(handles_of(from), handles_of(seeds), length(from), variables === nothing ? C_NULL : handles_of(by),
                                                         length(by), retain_graph, create_graph, training, list, count)
    return list[] == C_NULL ? NDArray[] : take_list(list[], count[])
end

"""
    custom_gradient(f)

A function of arrays with a gradient written by hand. `f(inputs...)` returns the output (or several) and a function that makes the gradients of
all inputs from those of the outputs. Neither is recorded.

    clipped = mx.custom_gradient() do x
        mx.clip(x; a_min = 0, a_max = 1), dy -> dy .* (x .> 0)
    end
"""
custom_gradient(f) = (inputs::NDArray...) -> run_custom(f, inputs)

function run_custom(f, inputs)
    is_tracing() && throw(MXError("[custom_gradient] cannot be traced: its Julia code would not run at replay"))
    recording = is_recording()
    value, pullback = with_flags(() -> f(inputs...), 0, -1)
    recording || return value
    results = map(detach, list_of(value))
    open_queue()
    GC.@preserve inputs results API.mxn_autograd_function(handles_of(inputs), length(inputs), handles_of(results), length(results), backward_pointer(),
                                                          register_callback(pullback), destroy_pointer())
    return value isa NDArray ? results[1] : results
end

"Calls a pullback for the library and leaves new handles of what it returns."
function pull_back(pullback, output_grads::Ptr{Ptr{Cvoid}}, num_outputs::Int64, input_grads::Ptr{Ptr{Cvoid}}, num_inputs::Int64)
    given = NDArray[borrowed(unsafe_load(output_grads, k)) for k in 1:num_outputs]
    found = list_of(pullback(given...))
    length(found) == num_inputs || throw(MXError("[custom_gradient] expected $num_inputs gradients, got $(length(found))"))
    all(value -> value isa NDArray, found) || throw(MXError("[custom_gradient] expected gradients that are arrays of the library"))
    for (k, value) in enumerate(found)
        unsafe_store!(input_grads, take_handle(out -> API.mxn_ndarray_clone(value, out)), k)
    end
end

run_backward(user::Ptr{Cvoid}, output_grads::Ptr{Ptr{Cvoid}}, num_outputs::Int64, input_grads::Ptr{Ptr{Cvoid}}, num_inputs::Int64) =
    guarded(pull_back, CALLBACKS[Int(user)], output_grads, num_outputs, input_grads, num_inputs)
backward_pointer() = @cfunction(run_backward, Int32, (Ptr{Cvoid}, Ptr{Ptr{Cvoid}}, Int64, Ptr{Ptr{Cvoid}}, Int64))
