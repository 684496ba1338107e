# Ctrl-C ends waits and training within a second, and leaves everything usable.

Base.exit_on_sigint(false)

"Calls f() and sends this process Ctrl-C after a while; the seconds from then until InterruptException came."
function interrupted(f; after = 0.5)
    run(`sh -c "sleep $after; kill -INT $(getpid())"`; wait = false)
    started = time()
    try
        f()
    catch error
        error isa InterruptException || rethrow()
        return time() - started - after
    end
    return Inf
end

@testset "a wait" begin
    array = mx.zeros(3)
    # C's sleep is the task: three seconds on a thread of the engine.
    sleep_address = cglobal(:sleep)
    GC.@preserve array mx.API.mxn_engine_push(sleep_address, Ptr{Cvoid}(3), C_NULL, C_NULL, 0, C_NULL, 0, C_NULL, 0, [array.handle], 1, 0)
    @test interrupted(() -> Array(array)) < 1
    @test Array(array) == Base.zeros(Float32, 3)
end

@testset "training" begin
    net = @mx.chain mx.Variable(:data) => mx.FullyConnected(num_hidden = 16) => mx.SoftmaxOutput(name = :softmax)
    model = mx.FeedForward(net)
    provider = mx.ArrayDataProvider(rand(Float32, 8, 200), Float32.(rand(0:15, 200)); batch_size = 20)
    epochs = Ref(0)
    count = mx.every_n_epoch(state -> epochs[] = state.epoch)
    mx.fit(model, mx.SGD(lr = 0.01), provider; n_epoch = 1, callbacks = [count])
    @test interrupted(() -> mx.fit(model, mx.SGD(lr = 0.01), provider; n_epoch = 1_000_000, callbacks = [count])) < 1
    @test epochs[] >= 1
    @test size(mx.predict(model, rand(Float32, 8, 30))) == (16, 30)
end
