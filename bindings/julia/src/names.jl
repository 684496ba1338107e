# Operators under their own names in this module. Names that mean something in Base get methods there, so that `mx.sum(x)`, `sum(x)` and
# `exp.(x)` agree with the rest of Julia; the operators themselves stay reachable as mx.Operators.sum.

const Tensor = Union{NDArray,SymbolicNode}

"Sums, products, maxima, ... over all axes (a number) or over `dims` (an array); with `axis` and other parameters as mx.Operators has them."
function reduction(op::Operator, array::NDArray, dims, parameters)
    isempty(parameters) && return reduced(op, array, dims)
    dims isa Colon || throw(MXError("[$(op.name)] expected dims or the library's parameters, got both"))
    return op(array; parameters...)
end

for f in (:sum, :prod, :maximum, :minimum)
    op = getfield(Operators, f === :maximum ? :max : f === :minimum ? :min : f)
    @eval Base.$f(array::NDArray; dims = :, parameters...) = reduction($op, array, dims, parameters)
    @eval Base.$f(node::SymbolicNode; parameters...) = $op(node; parameters...)
end

"The mean over all axes (a number) or over `dims` (an array)."
mean(array::NDArray; dims = :, parameters...) = reduction(Operators.mean, array, dims, parameters)
mean(node::SymbolicNode; parameters...) = Operators.mean(node; parameters...)

# What is free here gets the operators' own names.
for name in names(Operators; all = true)
    isdefined(Operators, name) && getfield(Operators, name) isa Operator || continue
    (startswith(string(name), "_") || isdefined(@__MODULE__, name)) && continue
    @eval import .Operators: $name
end

# The others of one input. inv and ! stay what they are in Julia for one whole array; reshape of arrays takes Julia's sizes.
for name in names(Operators; all = true)
    op = getfield(Operators, name)
    op isa Operator && length(op.inputs) == 1 && isdefined(Base, name) && !(name in (:sum, :prod, :reshape)) || continue
    @eval Base.$name(tensor::Tensor; parameters...) = $op(tensor; parameters...)
end
Base.reshape(node::SymbolicNode; parameters...) = Operators.reshape(node; parameters...)
for f in (:asin, :acos, :atan, :asinh, :acosh, :atanh)
    @eval Base.$f(tensor::Tensor) = $(UNARY[getfield(Base, f)])(tensor)
end
