# What almost every program calls is inferred when the package is precompiled, which saves seconds at the first call.

for T in (Array{Float32,1}, Array{Float32,2}, Array{Float32,4})
    precompile(NDArray, (T,))
    precompile(copyto!, (T, NDArray))
    precompile(assign!, (NDArray, T))
end
for (f, types) in (run => (Operator, Tuple, NamedTuple), symbolic => (Call,), imperative => (Call,), handles_of => (Vector{NDArray},),
                   apply_to => (Operator, Vector{NDArray}, Any, Context, NamedTuple), tagged => (Vector{Any}, Int, Any), link => (SymbolicNode, SymbolicNode),
                   read_part => (NDArray, Indices), write_part! => (NDArray, Any, Indices), Indices => (NDArray, Tuple), Executor => (Ptr{Cvoid}, SymbolicNode),
                   simple_bind => (SymbolicNode, Context, Dict{Symbol,Any}, Dict{Symbol,Symbol}, Dict{Symbol,Type}, Nothing), list_arguments => (SymbolicNode,),
                   infer_shape => (SymbolicNode, Dict{Symbol,Any}), list_attributes => (SymbolicNode,), Array => (NDArray,), backward => (Executor,),
                   init_model => (FeedForward, Xavier, ArrayDataProvider), init_model => (FeedForward, Uniform, ArrayDataProvider),
                   Step => (Executor, FeedForward, Optimizer, Nothing), update! => (Optimizer, Texts, Vector{NDArray}, Vector{NDArray}),
                   train_epoch! => (TrainingState, Executor, Step, ArrayDataProvider, Vector{Any}), fit => (FeedForward, Optimizer, ArrayDataProvider),
                   load_batch! => (Executor, ArrayDataProvider, DataBatch), iterate => (ArrayDataProvider, Epoch), epoch_order => (ArrayDataProvider,),
                   score => (FeedForward, ArrayDataProvider, Symbol), predict => (FeedForward, ArrayDataProvider),
                   prediction_executor => (FeedForward, ArrayDataProvider),
                   save_checkpoint => (String, Int, FeedForward), load_checkpoint => (String, Int), forward => (Predictor,), open_optimizer! => (Optimizer,))
    precompile(f, types)
end
for M in (Accuracy, CrossEntropy)
    precompile(measure, (M, Array{Float32,1}, Array{Float32,2}))
    precompile(update!, (M, Vector{NDArray}, Vector{NDArray}))
    precompile(update!, (M, Vector{Array{Float32,1}}, Vector{Array{Float32,2}}))
end
