filled(initializer, name, dims...) = (array = mx.NDArray(undef, Float32, dims...); mx.initialize!(initializer, name, array); Array(array))

@testset "names" begin
    @test filled(mx.Uniform(), :fc_bias, 3) == zeros(3) && filled(mx.Uniform(), :bn_gamma, 3) == ones(3) && filled(mx.Normal(), :bn_moving_var, 3) == ones(3)
    @test filled(mx.One(), :anything, 3) == ones(3) && filled(mx.Constant(4), :fc_weight, 3) == fill(4, 3) && filled(mx.Zero(), :bn_gamma, 2) == zeros(2)
    @test filled((name, array) -> array .= name == :x ? 5 : 6, :x, 2) == [5, 5]
    @test_throws mx.MXError filled(mx.Uniform(), :nonsense, 3)
    @test_throws mx.MXError filled(mx.Xavier(), :fc_weight, 3)
    @test_throws mx.MXError mx.Xavier(rnd_type = :other)
end

# Written by Python: mx.random.seed(42), Module(net).bind(data=(2, 4)), init_params(initializer), and the first and last value of each weight.
include("initial_weights.jl")

@testset "the same weights as Python's" begin
    net = @mx.chain mx.Variable(:data) => mx.FullyConnected(num_hidden = 3, name = :fc1) => mx.FullyConnected(num_hidden = 2, name = :fc2) => mx.SoftmaxOutput(name = :softmax)
    for (initializer, expected) in zip((mx.Uniform(0.1), mx.Normal(0.2), mx.Xavier(), mx.Xavier(rnd_type = :gaussian, factor_type = :in, magnitude = 2)), INITIAL_WEIGHTS)
        mx.seed!(42)
        model = mx.FeedForward(net)
        mx.init_model(model, initializer, mx.ArrayDataProvider(zeros(Float32, 4, 2), zeros(Float32, 2); batch_size = 2))
        found = [value for name in (:fc1_weight, :fc2_weight) for value in Array(model.arg_params[name])[[1, end]]]
        @test found ≈ expected rtol = 1e-5
        @test Array(model.arg_params[:fc1_bias]) == zeros(3)
    end
end

@testset "a variable's own initializer" begin
    for (text, value) in ("one" => 1, "[\"constant\", {\"value\": 2.5}]" => 2.5, mx.dumps(mx.Constant(3)) => 3)
        weight = mx.Variable(:w_weight; init = text)
        net = mx.SoftmaxOutput(mx.FullyConnected(mx.Variable(:data), weight; num_hidden = 2, name = :fc); name = :softmax)
        model = mx.FeedForward(net)
        mx.init_model(model, mx.Uniform(), mx.ArrayDataProvider(zeros(Float32, 4, 2), zeros(Float32, 2); batch_size = 2))
        @test Array(model.arg_params[:w_weight]) == fill(value, 4, 2)
    end
    @test mx.from_text(mx.dumps(mx.Xavier(magnitude = 2))) == mx.Xavier(magnitude = 2) && mx.from_text(mx.dumps(mx.Normal(0.5))) == mx.Normal(0.5)
    @test mx.from_text(mx.dumps(mx.Uniform(0.5))) == mx.Uniform(0.5)
    @test_throws mx.MXError mx.from_text("nonsense")
end
