const NET = mx.Softmax(mx.FullyConnected(mx.FullyConnected(mx.Variable(:data); num_hidden = 4, name = :fc1); num_hidden = 3, name = :fc2); name = :softmax)

function saved_parameters(folder)
    mx.seed!(2)
    path = joinpath(folder, "net-0000.params")
    sizes = Dict("arg:fc1_weight" => (5, 4), "arg:fc1_bias" => (4,), "arg:fc2_weight" => (4, 3), "arg:fc2_bias" => (3,))
    return mx.save(path, Dict(name => mx.randn(dims...) for (name, dims) in sizes))
end

by_executor(path, x) = mx.predict(mx.FeedForward(NET, mx.cpu(), mx.load_params(path)...), x)

@testset "predictor" begin
    mktempdir() do folder
        path, x = saved_parameters(folder), reshape(Float32.(1:10), 5, 2) ./ 10
        predictor = mx.Predictor(NET, path; data = (5, 2))
        expected = by_executor(path, x)
        @test mx.forward(predictor; data = x)[1] ≈ expected
        @test mx.forward(mx.Predictor(mx.save(joinpath(folder, "net-symbol.json"), NET), read(path); data = (5, 2)); data = x)[1] ≈ expected
        @test mx.memory(predictor).parameters > 0 && mx.memory(predictor).steps > 0
        mx.set_input!(predictor, :data, x)
        while mx.forward_steps(predictor, 1) > 0
        end
        @test mx.get_output(predictor, 1) ≈ expected
        mx.reshape!(predictor; data = (5, 1))
        @test mx.forward(predictor; data = x[:, 1:1])[1] ≈ expected[:, 1:1]
        @test size(mx.forward(mx.Predictor(NET, path; data = (5, 2), outputs = ["fc1_output"]); data = x)[1]) == (4, 2)
    end
end

@testset "one model, several threads" begin
    mktempdir() do folder
        path = saved_parameters(folder)
        inputs = [fill(Float32(i), 5, 1) for i in 1:8]
        first_ = mx.Predictor(NET, path; data = (5, 1))
        predictors, found = [copy(first_) for _ in 1:8], Vector{Any}(undef, 8)
        Threads.@threads for i in 1:8
            found[i] = mx.forward(predictors[i]; data = inputs[i])[1]
        end
        @test all(found[i] ≈ by_executor(path, inputs[i]) for i in 1:8)
    end
end

@testset "mistakes" begin
    mktempdir() do folder
        path = saved_parameters(folder)
        predictor = mx.Predictor(NET, path; data = (5, 2))
        @test_throws mx.MXError mx.forward(predictor; data = ones(4, 2))
        @test_throws mx.MXError mx.forward(predictor; other = ones(5, 2))
        @test_throws mx.MXError mx.Predictor(NET, joinpath(folder, "none"); data = (5, 2))
        @test_throws mx.MXError mx.Predictor(mx.FullyConnected(NET; num_hidden = 3, name = :fc9), path; data = (5, 2))
        @test_throws mx.MXError mx.get_output(predictor, 2)
    end
end
