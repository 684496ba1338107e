function steps(optimizer, count)
    weight, grad = mx.NDArray(Float32[1, 2, 3]), mx.NDArray(Float32[0.5, -1, 2])
    for _ in 1:count
        mx.update!(optimizer, [:fc_weight], [weight], [grad])
    end
    return Array(weight)
end

@testset "SGD with momentum, weight decay, rescaling" begin
    weight, momentum, grad = Float32[1, 2, 3], zeros(3), Float32[0.5, -1, 2]
    for _ in 1:3
        momentum .= 0.9 .* momentum .- 0.1 .* (0.5 .* grad .+ 0.01 .* weight)
        weight .+= momentum
    end
    @test steps(mx.SGD(lr = 0.1, momentum = 0.9, wd = 0.01, rescale_grad = 0.5), 3) ≈ weight
end

@testset "every optimizer takes a step" begin
    for name in (:SGD, :NAG, :ADAM, :AdaGrad, :RMSProp, :AdaDelta, :FTRL, :AdaMax, :Signum, :FTML, :LAMB)
        @test steps(getfield(mx, name)(), 2) != Float32[1, 2, 3]
    end
    @test_throws mx.MXError steps(mx.Optimizer(:nonsense), 1)
    @test_throws mx.MXError steps(mx.SGD(nonsense = 1), 1)
end

@testset "schedules" begin
    schedule = mx.FactorScheduler(2; factor = 0.5, base_lr = 1.0)
    @test [schedule(n) for n in 1:6] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    @test [mx.MultiFactorScheduler([2, 4]; factor = 0.1, base_lr = 1.0)(n) for n in (1, 2, 3, 5)] ≈ [1, 1, 0.1, 0.01]
    @test [mx.CosineScheduler(4; base_lr = 1.0)(n) for n in (0, 2, 4, 9)] ≈ [1, 0.5, 0, 0] atol = 1e-12
    @test mx.PolyScheduler(4; base_lr = 1.0, pwr = 1)(1) ≈ 0.75
    @test mx.FactorScheduler(9; base_lr = 1.0, warmup_steps = 4)(2) ≈ 0.5
    @test_throws mx.MXError mx.FactorScheduler(0)
    @test_throws mx.MXError mx.MultiFactorScheduler([3, 2])
    @test steps(mx.SGD(lr_scheduler = n -> n == 1 ? 0.1 : 0.0), 5) ≈ Float32[1, 2, 3] .- 0.1f0 .* Float32[0.5, -1, 2]
end

@testset "options between steps, multipliers, states in a file" begin
    optimizer = mx.SGD(lr = 0.1)
    mx.set!(optimizer, :learning_rate, 0.0)
    @test steps(optimizer, 1) == [1, 2, 3]
    optimizer = mx.SGD(lr = 0.1)
    mx.set_multipliers!(optimizer, :fc_weight; lr_mult = 0)
    @test steps(optimizer, 1) == [1, 2, 3]
    mktempdir() do folder
        path, first_, second = joinpath(folder, "sgd.states"), mx.SGD(lr = 0.1, momentum = 0.9), mx.SGD(lr = 0.1, momentum = 0.9)
        steps(first_, 2)
        mx.save_states(first_, path)
        mx.load_states!(second, path)
        @test steps(first_, 1) == steps(second, 1)
        @test_throws mx.MXError mx.load_states!(second, joinpath(folder, "none"))
    end
end

@testset "a mistake in an option is told at once" begin
    message = try
        mx.SGD(learnig_rate = 1)
    catch error
        error.msg
    end
    @test occursin("learnig_rate", message) && occursin("expected one of", message)
end
