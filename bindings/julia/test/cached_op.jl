@testset "a symbol called on arrays" begin
    net = mx.FullyConnected(mx.Variable(:data); num_hidden = 2, no_bias = true, name = :fc)
    op = mx.CachedOp(net; parameters = [:fc_weight])
    x, w = mx.ones(3, 4), mx.attach_grad(mx.full(0.5, 3, 2))
    @test Array(op(x, w)) == fill(1.5, 2, 4)
    y = mx.record(() -> op(; fc_weight = w, data = x))
    mx.backward(y)
    @test Array(mx.grad(w)) == fill(4, 3, 2)
    @test occursin("FullyConnected", mx.debug_str(op)) && occursin("fc", string(op))
    @test length(mx.CachedOp(mx.SliceChannel(mx.Variable(:x); num_outputs = 2, axis = 0))(mx.ones(4))) == 2
    @test_throws mx.MXError op(x)
    @test_throws mx.MXError op(; data = x)
    @test_throws mx.MXError op(; data = x, fc_weight = w, other = w)
    @test_throws mx.MXError op(x; fc_weight = w)
    finalize(op)
    @test_throws mx.MXError op(x, w)
end

@testset "functions are traced once" begin
    weight, runs = mx.attach_grad(mx.NDArray(Float32[2, 3])), Ref(0)
    layer = mx.jit() do x, factor
        runs[] += 1
        tanh.(x .* weight .* factor)
    end
    for _ in 1:3
        y = mx.record(() -> layer(mx.NDArray(Float32[0, 0]), 2))
        mx.backward(y)
    end
    @test runs[] == 1 && mx.num_traces(layer) == 1 && Array(mx.grad(weight)) == [0, 0]
    weight .= 1
    @test Array(layer(mx.NDArray(Float32[1, 2]), 2)) ≈ tanh.([2, 4])
    @test runs[] == 2  # the mode of prediction
    layer(mx.ones(2), 3)
    layer(mx.ones(2, 5), 3)
    @test runs[] == 4
    @test length(mx.jit(x -> [x .+ 1, x .* 2])(mx.ones(2))) == 2
    @test Array(mx.jit(x -> layer(x, 2) .+ 1)(mx.ones(2))) ≈ tanh.([2, 2]) .+ 1
end

@testset "what cannot be traced says so" begin
    x = mx.ones(2)
    @test_throws mx.MXError mx.jit(x -> 3)(x)
    @test_throws mx.MXError mx.jit(x -> x .+ sum(x))(x)
    @test_throws mx.MXError mx.jit(x -> (x .+= 1; x))(x)
    @test_throws mx.MXError mx.jit(mx.custom_gradient(x -> (x, identity)))(x)
    @test !mx.is_tracing() && Array(x .+ 1) == [2, 2]
end
