"""
The Julia binding of mixnet, a deep-learning runtime. `using MixNet` gives the module under the name `mx`.

Arrays are [`NDArray`](@ref), expressions [`SymbolicNode`](@ref); operators are called by their names (`mx.FullyConnected`), and those whose
name begins with an underscore as `mx.Operators._name`. Models are trained with [`fit`](@ref).

Sizes are Julia's: the library is row-major, so the array that it calls (100, 1, 28, 28) is one of size (28, 28, 1, 100) here, without a
transposition of memory. Parameters of operators (`axis`, `kernel`, `shape`) are the library's own and are not reversed.
"""
module MixNet

export mx

# Calls are thin: what matters is that they are compiled soon.
Base.Experimental.@optlevel 1

include("api.jl")
using .API: MXError, check, patiently

include("texts.jl")
include("dtype.jl")
include("context.jl")
include("ndarray.jl")
include("arguments.jl")
include("operator.jl")

"Every operator of the library by its name, also those whose names begin with an underscore or are names of Julia's Base."
module Operators
using ..MixNet: Operator
include("gen/operators.jl")
end

include("imperative.jl")
include("making.jl")
include("indexing.jl")
include("arithmetic.jl")
include("broadcasting.jl")
include("files.jl")
include("symbol.jl")
include("attributes.jl")
include("symbolic.jl")
include("inference.jl")
include("chain.jl")
include("names.jl")
include("callback.jl")
include("executor.jl")
include("autograd.jl")
include("cached_op.jl")
include("lr_scheduler.jl")
include("optimizer.jl")
include("gen/optimizers.jl")
include("kvstore.jl")
include("initializer.jl")
include("metric.jl")
include("provider.jl")
include("library_iterator.jl")
include("gen/iterators.jl")
include("recordio.jl")
include("image_record.jl")
include("checkpoint.jl")
include("model.jl")
include("training.jl")
include("training_callbacks.jl")
include("predictor.jl")
include("process.jl")
include("precompile.jl")

"The package under its short name: `mx.NDArray`, `mx.fit`."
const mx = MixNet

end
