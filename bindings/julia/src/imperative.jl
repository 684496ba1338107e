# Operators on arrays.

"The input arrays in the operator's order; numbers and Julia arrays are copied in."
function arrays_of(call::Call)
    op = call.op
    if !op.variadic && any(pair -> pair.first !== :_, call.inputs)
        sort!(call.inputs; by = pair -> findfirst(==(pair.first), op.inputs))
    end
    return NDArray[as_array(op, pair.second) for pair in call.inputs]
end

as_array(op::Operator, value::NDArray) = value
as_array(op::Operator, value::Union{Number,AbstractArray{<:Number}}) = NDArray(value)
as_array(op::Operator, value) = throw(MXError("[$(op.name)] expected arrays, got $(typeof(value))"))

outputs_given(out::NDArray) = NDArray[out]
outputs_given(out) = NDArray[out...]
outputs_given(::Nothing) = NDArray[]

const MOST_OUTPUTS = 64
# Training or prediction, as `train_mode` and `record` say.
const THREADS_MODE = -1

function imperative(call::Call)
    inputs = arrays_of(call)
    given = outputs_given(get(call.options, :out, nothing))
    handles = invoke(call.op, inputs, call.arguments, given, get(call.options, :ctx, cpu()))
    isempty(given) || return length(given) == 1 ? given[1] : given
    return length(handles) == 1 ? fresh(handles[1]) : NDArray[fresh(handle) for handle in handles]
end

"Runs an operator; handles of its outputs. Those of `given` are written where there are any."
function invoke(op::Operator, inputs::Vector{NDArray}, arguments::Arguments, given::Vector{NDArray}, ctx::Context)
    outputs = fill(C_NULL, max(MOST_OUTPUTS, 4 * length(inputs), length(given)))
    count = Ref{Int32}(length(given))
    GC.@preserve inputs given begin
        sources = handles_of(inputs)
        outputs[1:length(given)] = handles_of(given)
        API.mxn_op_invoke(handle(op), sources, length(sources), arguments, length(arguments), THREADS_MODE, ctx.kind, ctx.index, outputs,
                          length(outputs), count)
    end
    return outputs[1:count[]]
end

"Handles; what they belong to must be preserved by the caller."
handles_of(items) = Ptr{Cvoid}[item === nothing ? C_NULL : Base.unsafe_convert(Ptr{Cvoid}, item) for item in items]

"Runs an operator on arrays, without sorting anything out: for this package's own use."
apply(op::Operator, inputs::NDArray...; out = nothing, ctx::Context = cpu(), parameters...) =
    apply_to(op, NDArray[inputs...], out, ctx, getfield(parameters, :data))

function apply_to(op::Operator, inputs::Vector{NDArray}, @nospecialize(out), ctx::Context, @nospecialize(parameters::NamedTuple))
    arguments = Arguments(API.mxn_arg_t[], Any[])
    for (position, key) in enumerate(fieldnames(typeof(parameters)))
        push_argument!(arguments, findfirst(==(key), op.fields) - 1, getfield(parameters, position))
    end
    handles = invoke(op, inputs, arguments, outputs_given(out), ctx)
    return out === nothing ? fresh(handles[1]) : out
end
