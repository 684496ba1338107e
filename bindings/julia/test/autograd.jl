numbers(values...) = mx.NDArray(Float32[values...])

@testset "gradients of what was recorded" begin
    x = mx.attach_grad(numbers(1, 2, 3))
    y = mx.record() do
        @test mx.is_recording() && mx.is_training()
        mx.sum(x .* x .* 2; axis = 0)
    end
    @test !mx.is_recording() && !mx.is_training()
    mx.backward(y; retain_graph = true)
    @test Array(mx.grad(x)) == [4, 8, 12]
    mx.backward(y, numbers(10))
    @test Array(mx.grad(x)) == [40, 80, 120]
    @test_throws mx.MXError mx.backward(y)
    @test_throws mx.MXError mx.backward(mx.ones(2))
    @test_throws mx.MXError mx.backward([y], [y, y])
    @test_throws mx.MXError mx.attach_grad(mx.ones(2); grad_req = :sometimes)
    @test mx.grad(mx.ones(2)) === nothing
end

@testset "added gradients, pauses, several heads, second order" begin
    x = mx.attach_grad(numbers(1, 2); grad_req = :add)
    for _ in 1:2
        mx.backward(mx.record(() -> x .* 3))
    end
    @test Array(mx.grad(x)) == [6, 6]
    x = mx.attach_grad(numbers(1, 2))
    y = mx.record(() -> x .* mx.pause(() -> x .* x) .+ mx.detach(x))
    mx.backward(y)
    @test Array(mx.grad(x)) == [1, 4]
    heads = mx.record(() -> [x .* 2, x .* x])
    mx.backward(heads, [numbers(1, 1), numbers(10, 10)])
    @test Array(mx.grad(x)) == [22, 42]
    second = mx.record() do
        first = mx.gradient(x .* x .* x, x; create_graph = true)
        @test Array(first) == [3, 12]
        mx.gradient(first, [x])
    end
    @test Array(second[1]) == [6, 12]
end

@testset "the mode comes back after errors" begin
    dropped() = count(==(0), Array(mx.Dropout(mx.ones(1000); p = 0.5)))
    @test mx.record(dropped) > 300 && mx.record(dropped, false) == 0 && mx.train_mode(dropped) > 300
    @test_throws ErrorException mx.record(() -> error("no"))
    @test dropped() == 0 && !mx.is_recording()
end

@testset "gradients written by hand" begin
    clipped = mx.custom_gradient() do x
        @test !mx.is_recording()
        mx.clip(x; a_min = 0, a_max = 1), dy -> dy .* (x .> 0)
    end
    x = mx.attach_grad(numbers(-1, 0.5, 3))
    y = mx.record(() -> clipped(x) .* 2)
    @test Array(y) == [0, 1, 2]
    mx.backward(y)
    @test Array(mx.grad(x)) == [0, 2, 2]
    @test Array(clipped(x)) == [0, 0.5, 1]
    swapped = mx.custom_gradient((a, b) -> ([b .+ 0, a .+ 0], (da, db) -> (10 .* db, 100 .* da)))
    a, b = mx.attach_grad(numbers(1)), mx.attach_grad(numbers(2))
    mx.backward(mx.record(() -> sum(swapped(a, b) .* [numbers(1), numbers(7)])))
    @test Array(mx.grad(a)) == [70] && Array(mx.grad(b)) == [100]
end

@testset "mistakes in a gradient written by hand" begin
    x = mx.attach_grad(numbers(1, 2))
    for (pullback, said) in ((dy -> (dy, dy), "expected 1 gradients, got 2"), (dy -> 3, "arrays of the library"), (dy -> error("no way"), "no way"))
        y = mx.record(() -> mx.custom_gradient(x -> (x .* 1, pullback))(x))
        message = try
            mx.backward(y)
            Array(mx.grad(x))
            ""
        catch error
            error.msg
        end
        @test occursin(said, message)
    end
end
