small_net() = mx.SoftmaxOutput(mx.FullyConnected(mx.Variable(:data); num_hidden = 3, name = :fc); name = :softmax)

@testset "simple_bind, forward, backward" begin
    executor = mx.simple_bind(small_net(); data = (4, 8), grad_req = Dict(:fc_weight => :write, :fc_bias => :add))
    @test sort(collect(keys(executor.arg_dict))) == [:data, :fc_bias, :fc_weight, :softmax_label]
    @test sort(collect(keys(executor.grad_dict))) == [:fc_bias, :fc_weight] && isempty(executor.aux_dict)
    executor.arg_dict[:fc_weight] .= 0
    executor.arg_dict[:fc_bias] .= 0
    executor.grad_dict[:fc_bias] .= 1
    mx.forward(executor; is_train = true, data = ones(Float32, 4, 8), softmax_label = zeros(Float32, 8))
    mx.backward(executor)
    @test Array(executor.outputs[1]) ≈ fill(1 / 3, 3, 8)
    @test Array(executor.grad_dict[:fc_bias]) ≈ [1 - 16 / 3, 1 + 8 / 3, 1 + 8 / 3]
    @test mx.memory(executor).planned >= 0 && occursin("FullyConnected", mx.debug_str(executor))
    @test_throws mx.MXError mx.forward(executor; nonsense = ones(1))
    @test_throws mx.MXError mx.forward(executor; data = ones(1))
    @test_throws mx.MXError mx.simple_bind(small_net(); data = (4, 8), grad_req = :sometimes)
end

@testset "bind, head gradients, reshape" begin
    x, y = mx.Variable(:x), mx.Variable(:y)
    grads = Dict(:x => mx.zeros(3), :y => mx.zeros(3))
    args = Dict(:x => mx.NDArray(Float32[1, 2, 3]), :y => mx.NDArray(Float32[4, 5, 6]))
    executor = bind(x .* y, mx.cpu(), args; args_grad = grads)
    mx.forward(executor; is_train = true)
    mx.backward(executor, mx.NDArray(Float32[1, 10, 100]))
    @test Array(grads[:x]) == [4, 50, 600] && Array(grads[:y]) == [1, 20, 300]
    @test_throws mx.MXError bind(x .* y, mx.cpu(), Dict(:x => mx.zeros(3)))
    executor = mx.simple_bind(small_net(); data = (4, 8))
    smaller = reshape(executor; data = (4, 2), softmax_label = (2,))
    @test size(mx.forward(smaller)[1]) == (3, 2)
    @test_throws mx.MXError mx.copy_params_from(executor, Dict(:other => mx.zeros(1)))
    mx.copy_params_from(executor, Dict(:fc_bias => mx.full(2, 3)))
    @test Array(smaller.arg_dict[:fc_bias]) == [2, 2, 2]
end

@testset "monitor" begin
    executor, seen = mx.simple_bind(small_net(); data = (4, 8)), Symbol[]
    mx.set_monitor((name, value) -> push!(seen, name), executor)
    mx.forward(executor; is_train = true)
    @test :fc_output in seen && :softmax_output in seen
    mx.set_monitor((name, value) -> error("no more of this"), executor)
    @test_throws mx.MXError (mx.forward(executor; is_train = true); mx.wait_all())
    mx.set_monitor(nothing, executor)
    @test length(mx.forward(executor)) == 1
end

@testset "groups of nodes on contexts" begin
    below = mx.Activation(mx.Variable(:x); act_type = :relu, attrs = Dict(:ctx_group => "below"))
    above = mx.FullyConnected(below; num_hidden = 1, no_bias = true, name = :fc, attrs = Dict(:ctx_group => "above"))
    executor = mx.simple_bind(mx.placed(above, :below => mx.cpu(1), :above => mx.cpu(2)); x = (2, 1))
    @test occursin("CrossDeviceCopy", mx.debug_str(executor))
    @test mx.context(executor.outputs[1]) == mx.context(executor.arg_dict[:fc_weight]) == mx.cpu(2)
    executor.arg_dict[:fc_weight] .= 2
    @test Array(mx.forward(executor; is_train = true, x = reshape([-1.0f0, 3.0f0], 2, 1))[1]) == reshape([6.0f0], 1, 1)
    mx.backward(executor, mx.ones(1, 1))
    @test Array(executor.grad_dict[:x]) == reshape([0.0f0, 2.0f0], 2, 1)
    @test_throws mx.MXError mx.simple_bind(mx.placed(above, Dict("below" => mx.cpu(1))); x = (2, 1))
    @test !occursin("CrossDeviceCopy", mx.debug_str(mx.simple_bind(above; x = (2, 1))))
end
