@testset "init, push, pull" begin
    store, out = mx.KVStore(:local), mx.zeros(3)
    mx.init!(store, :a => mx.ones(3), 7 => mx.zeros(2))
    push!(store, :a => [mx.ones(3), mx.full(2, 3)])
    mx.pull!(store, :a => out)
    @test Array(out) == [3, 3, 3]
    @test mx.rank(store) == 0 && mx.num_workers(store) == 1
    mx.barrier(store)
    caught = try
        mx.statistics(store)
    catch thrown
        thrown
    end
    @test caught isa mx.MXError && occursin("[kvstore statistics] store: local does not have this", caught.msg)
    @test_throws mx.MXError mx.init!(store, :a => mx.ones(3))
    @test_throws mx.MXError mx.KVStore(:nonsense)
    @test_throws mx.MXError push!(store, :a => [1])
end

@testset "an updater runs on this thread" begin
    store, out, threads = mx.KVStore(), mx.zeros(2), Int[]
    mx.init!(store, :w => mx.ones(2))
    mx.set_updater(store) do key, received, stored
        push!(threads, Threads.threadid())
        stored .-= 0.5 .* received
    end
    for _ in 1:3
        push!(store, :w => mx.ones(2))
    end
    mx.pull!(store, :w => out)
    @test Array(out) == [-0.5, -0.5]
    @test threads == fill(Threads.threadid(), 3)
end

@testset "an updater that fails" begin
    store, out, fails = mx.KVStore(), mx.zeros(2), Ref(true)
    mx.init!(store, :w => mx.ones(2))
    mx.set_updater(store) do key, received, stored
        fails[] && error("not today")
        stored .+= received
    end
    push!(store, :w => mx.ones(2))
    mx.pull!(store, :w => out)
    caught = try
        Array(out)
    catch thrown
        thrown
    end
    @test caught isa mx.MXError && occursin("not today", caught.msg)
    fails[] = false
    push!(store, :w => mx.ones(2))
    mx.pull!(store, :w => out)
    @test Array(out) == [2, 2]
end

@testset "an optimizer in the store" begin
    store, out = mx.KVStore(), mx.zeros(2)
    mx.init!(store, :fc_weight => mx.ones(2))
    mx.set_optimizer(store, mx.SGD(lr = 0.5))
    push!(store, :fc_weight => mx.ones(2))
    mx.pull!(store, :fc_weight => out)
    @test Array(out) == [0.5, 0.5]
end

@testset "work of one's own in the engine" begin
    array, order = mx.zeros(2), String[]
    mx.engine_push(() -> push!(order, "first"); writes = [array])
    mx.engine_push(() -> (push!(order, "second"); error("oh no")); writes = [array])
    @test_throws mx.MXError Array(array)
    @test order == ["first", "second"]
    @test mx.poll() >= 0
end
