@testset "the paper's figure 3" begin
    mx.reset_names()
    mlp = @mx.chain mx.Variable(:data) => mx.FullyConnected(num_hidden=64) => mx.Activation(act_type=:relu) => mx.FullyConnected(num_hidden=10) => mx.Softmax()
    @test mx.list_arguments(mlp) == [:data, :fullyconnected0_weight, :fullyconnected0_bias, :fullyconnected1_weight, :fullyconnected1_bias,
                                     :softmaxoutput0_label]
    @test mx.infer_shape(mlp; data = (100, 32))[2] == [(10, 32)]
end

@testset "structure" begin
    data = mx.Variable(:data)
    net = mx.FullyConnected(data; num_hidden = 4, name = :fc)
    net = mx.SoftmaxOutput(mx.Activation(net; act_type = :relu, name = :relu); name = :softmax)
    @test mx.name(net) == "softmax" && mx.list_outputs(net) == [:softmax_output]
    inner = mx.get_internals(net)
    @test :fc_output in mx.list_outputs(inner) && mx.list_arguments(inner[:fc_output]) == [:data, :fc_weight, :fc_bias]
    @test mx.list_outputs(mx.get_children(net)) == [:relu_output, :softmax_label]
    @test mx.get_children(data) === nothing
    group = mx.Group(data, net)
    @test length(group) == 2 && mx.name(group) === nothing && mx.list_outputs(group[2]) == [:softmax_output] && length(collect(group)) == 2
    @test mx.list_auxiliary_states(mx.BatchNorm(data; name = :bn)) == [:bn_moving_mean, :bn_moving_var]
    @test occursin("softmax", sprint(show, net)) && occursin("Activation", mx.debug_str(net))
    @test_throws mx.MXError group[:nothing_of_that_name]
    @test_throws BoundsError group[3]
end

@testset "composition" begin
    first_, second = mx.FullyConnected(num_hidden = 3, name = :a), mx.FullyConnected(num_hidden = 2, name = :b)
    joined = second(first_(mx.Variable(:data)))
    @test mx.list_arguments(joined) == [:data, :a_weight, :a_bias, :b_weight, :b_bias]
    named = mx.compose(second; b_data = mx.Variable(:x), name = :again)
    @test :x in mx.list_arguments(named)
    @test mx.list_arguments(second)[1] == :b_data
    by_name = mx.FullyConnected(; data = mx.Variable(:d), weight = mx.Variable(:w), num_hidden = 2, no_bias = true)
    @test mx.list_arguments(by_name) == [:d, :w]
    @test length(mx.list_arguments(mx.Concat(mx.Variable(:p), mx.Variable(:q); dim = 1))) == 2
    @test mx.list_arguments(mx.Operators._zeros(mx.SymbolicNode; shape = (2, 3))) == []
end

@testset "arithmetic" begin
    x, y = mx.Variable(:x), mx.Variable(:y)
    a, b = Float32[1 2; 3 4], Float32[5 6; 7 8]
    compute(node) = Array(mx.forward(bind(node, mx.cpu(), Dict(:x => mx.NDArray(a), :y => mx.NDArray(b)); grad_req = :null))[1])
    value(node) = Array(mx.forward(bind(node, mx.cpu(), Dict(n => mx.NDArray(n == :x ? a : b) for n in mx.list_arguments(node)); grad_req = :null))[1])
    @test compute(x + y) == a + b && compute(x .* y .- x / y) ≈ a .* b .- a ./ b
    @test value(2 - x) == 2 .- a && value(x^2) == a .^ 2 && value(1 / x) == 1 ./ a && value(-x) == -a && value(x .^ 2) == a .^ 2
    @test value(exp.(x)) ≈ exp.(a) && value(max(x, 2.5)) == max.(a, 2.5f0) && compute(mx.min(x, y)) == a && value(sum(x; axis = 1)) == vec(sum(a; dims = 1))
end

@testset "inference" begin
    net = mx.Convolution(mx.Variable(:data); kernel = (5, 3), num_filter = 20, name = :conv)
    args, outputs, states = mx.infer_shape(net; data = (28, 28, 1, 100))
    @test args == [(28, 28, 1, 100), (3, 5, 1, 20), (20,)] && outputs == [(26, 24, 20, 100)] && isempty(states)
    @test mx.infer_shape(net) === nothing
    @test mx.infer_shape_partial(net)[1][1] === nothing || -1 in mx.infer_shape_partial(net)[1][1]
    @test mx.infer_type(net; data = Float64) == (Type[Float64, Float64, Float64], Type[Float64], Type[])
    @test mx.memory_estimate(net; data = (28, 28, 1, 100)).external > 0
    @test_throws mx.MXError mx.infer_shape(net; data = (28, 28))
end

@testset "attributes and files" begin
    v = mx.Variable(:v; size = (3, 2), dtype = Float64, lr_mult = 2, init = mx.Normal(0.5), attrs = Dict(:__note__ => "x"))
    @test mx.get_attr(v, :__shape__) == "(2, 3)" && mx.get_attr(v, :__lr_mult__) == "2" && mx.get_attr(v, :nothing) === nothing
    net = mx.FullyConnected(v; num_hidden = 4, name = :fc, attrs = Dict("__mood__" => "fine"))
    @test mx.list_attributes(net)[:fc][:num_hidden] == "4" && mx.list_attributes(net)[:fc][:__mood__] == "fine" && mx.get_attr(net, :__mood__) == "fine"
    mktempdir() do folder
        path = mx.save(joinpath(folder, "net-symbol.json"), net)
        @test mx.list_arguments(mx.load_symbol(path)) == mx.list_arguments(net)
        @test mx.to_json(mx.from_json(mx.to_json(net))) == mx.to_json(net) == mx.to_json(copy(net))
        @test_throws mx.MXError mx.load_symbol(joinpath(folder, "none.json"))
    end
    @test_throws mx.MXError mx.from_json("{")
end
