# Handles come back: at once by finalize, otherwise with Julia's collector.

"Handles in use when all work is done and collected; errors that earlier tests left behind are theirs."
function collected()
    try
        mx.wait_all()
    catch
    end
    for _ in 1:3
        GC.gc()
    end
    return mx.handle_count()
end

tanh_of(x) = tanh.(x)

function use_everything()
    net = @mx.chain mx.Variable(:data) => mx.FullyConnected(num_hidden = 3, name = :fc) => mx.SoftmaxOutput(name = :softmax)
    provider = mx.ArrayDataProvider(ones(Float32, 4, 30), ones(Float32, 30); batch_size = 10, shuffle = true)
    model = mx.fit(mx.FeedForward(net), mx.ADAM(), provider; n_epoch = 2, kvstore = :local)
    mx.score(model, provider)
    store = mx.KVStore()
    mx.init!(store, :a => mx.ones(3))
    mx.set_updater((key, received, stored) -> stored .+= received, store)
    push!(store, :a => mx.ones(3))
    out = mx.zeros(3)
    mx.pull!(store, :a => out)
    mktempdir() do folder
        mx.save_checkpoint(joinpath(folder, "net"), 1, model)
        predictor = mx.Predictor(joinpath(folder, "net-symbol.json"), joinpath(folder, "net-0001.params"); data = (4, 1))
        mx.forward(copy(predictor); data = ones(4, 1))
    end
    x = mx.attach_grad(mx.ones(3))
    doubled = mx.custom_gradient(x -> (x .* 2, dy -> dy .* 2))
    mx.backward(mx.record(() -> doubled(mx.jit(tanh_of)(x))))
    return sum(out)
end

@testset "nothing stays behind" begin
    use_everything()
    before, callbacks = collected(), length(MixNet.CALLBACKS)
    for _ in 1:3
        @test use_everything() == 6
    end
    @test collected() <= before
    @test length(MixNet.CALLBACKS) <= callbacks
end

@testset "finalize frees at once" begin
    before = mx.handle_count()
    array, symbol = mx.ones(3), mx.Variable(:x)
    @test mx.handle_count() == before + 2
    finalize(array)
    finalize(symbol)
    @test mx.handle_count() == before
end

@testset "memory behind dropped arrays is found in time" begin
    for _ in 1:200
        mx.ones(4_000_000) .+ 1
    end
    collected()
    @test mx.storage_info().in_use < 1_500_000_000
end
