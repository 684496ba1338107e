# Two classes that a line divides.
function two_classes(count)
    mx.seed!(5)
    x = Array(mx.randn(4, count))
    return x, Float32.(vec(sum(x; dims = 1)) .> 0)
end

classifier() = @mx.chain mx.Variable(:data) => mx.FullyConnected(num_hidden = 8, name = :fc1) => mx.Activation(act_type = :relu) =>
                         mx.FullyConnected(num_hidden = 2, name = :fc2) => mx.SoftmaxOutput(name = :softmax)

const X, Y = two_classes(200)

function trained(; optimizer = mx.SGD(lr = 0.2, momentum = 0.9), n_epoch = 8, options...)
    mx.seed!(1)
    model = mx.FeedForward(classifier())
    provider = mx.ArrayDataProvider(X, Y; batch_size = 20, shuffle = true)
    return mx.fit(model, optimizer, provider; n_epoch = n_epoch, initializer = mx.Xavier(), options...)
end

accuracy(model) = mx.score(model, mx.ArrayDataProvider(X, Y; batch_size = 50))[1].second

@testset "fit, score, predict" begin
    model = trained()
    @test accuracy(model) > 0.95
    scores = mx.predict(model, X[:, 1:33])
    @test size(scores) == (2, 33) && sum(scores; dims = 1) ≈ ones(1, 33)
    @test mx.predict(model, mx.ArrayDataProvider(X[:, 1:33]; batch_size = 10)) ≈ scores
    parts = Int[]
    @test mx.predict(model, mx.ArrayDataProvider(X[:, 1:33]; batch_size = 10); callback = out -> push!(parts, size(out[1], 2))) === nothing
    @test parts == [10, 10, 10, 3]
    @test accuracy(trained(optimizer = mx.ADAM(lr = 0.05))) > 0.95
end

@testset "a store gives the same weights" begin
    @test Array(trained(kvstore = :local).arg_params[:fc1_weight]) ≈ Array(trained().arg_params[:fc1_weight])
end

@testset "callbacks" begin
    log, epochs, batches = IOBuffer(), Int[], Int[]
    callbacks = [mx.every_n_epoch(s -> push!(epochs, s.epoch)), mx.every_n_batch(s -> push!(batches, s.batch), 4), mx.speedometer(5; io = log),
                 mx.log_metric(10; io = log), mx.log_epoch(; io = log)]
    trained(n_epoch = 2, callbacks = callbacks, eval_data = mx.ArrayDataProvider(X, Y; batch_size = 50))
    @test epochs == [1, 2] && batches == [4, 8, 4, 8]
    text = String(take!(log))
    @test occursin("examples/s", text) && occursin("epoch 2 batch 10 accuracy=", text) && occursin("epoch 2 train accuracy=", text) && occursin("eval accuracy=", text)
    seen = Int[]
    trained(n_epoch = 50, optimizer = mx.SGD(lr = 0.0), callbacks = [mx.every_n_epoch(s -> push!(seen, s.epoch)), mx.early_stopping(:accuracy; patience = 3)])
    @test seen == [1, 2, 3, 4]
    @test_throws mx.MXError trained(n_epoch = 1, callbacks = [mx.early_stopping(:nonsense)])
end

@testset "checkpoints" begin
    mktempdir() do folder
        prefix = joinpath(folder, "net")
        model = trained(n_epoch = 3, callbacks = [mx.do_checkpoint(prefix, 2)])
        @test sort(readdir(folder)) == ["net-0002.params", "net-symbol.json"]
        mx.save_checkpoint(prefix, 3, model)
        symbol, args, aux = mx.load_checkpoint(prefix, 3)
        @test mx.list_arguments(symbol) == mx.list_arguments(classifier()) && isempty(aux) && args[:fc1_bias] == model.arg_params[:fc1_bias]
        @test accuracy(mx.load_model(prefix, 3)) == accuracy(model)
        again = mx.load_model(prefix, 3)
        mx.fit(again, mx.SGD(lr = 0.2), mx.ArrayDataProvider(X, Y; batch_size = 20); n_epoch = 1, begin_epoch = 4)
        @test accuracy(again) > 0.9
        @test_throws mx.MXError mx.load_checkpoint(prefix, 9)
    end
end

@testset "learning rates and their multipliers" begin
    net = mx.SoftmaxOutput(mx.FullyConnected(mx.Variable(:data), mx.Variable(:fc_weight; lr_mult = 0); num_hidden = 2, name = :fc); name = :softmax)
    model, provider = mx.FeedForward(net), mx.ArrayDataProvider(X, Y; batch_size = 20)
    mx.fit(model, mx.SGD(lr_scheduler = mx.FactorScheduler(10; factor = 0.5, base_lr = 0.1)), provider; n_epoch = 2, initializer = mx.One())
    @test Array(model.arg_params[:fc_weight]) == ones(4, 2) && Array(model.arg_params[:fc_bias]) != ones(2)
end

"A provider of one's own: the same batch, three times an epoch."
struct Thrice <: mx.AbstractDataProvider end
mx.provide_data(::Thrice) = [:data => (4, 20)]
mx.provide_label(::Thrice) = [:softmax_label => (20,)]
Base.iterate(::Thrice, i = 1) = i > 3 ? nothing : (mx.DataBatch([mx.NDArray(X[:, 1:20])], [mx.NDArray(Y[1:20])]), i + 1)

@testset "a provider of one's own" begin
    model = mx.fit(mx.FeedForward(classifier()), mx.SGD(lr = 0.5), Thrice(); n_epoch = 20)
    @test mx.score(model, Thrice())[1].second > 0.9
end

@testset "mistakes" begin
    @test_throws mx.MXError mx.fit(mx.FeedForward(classifier()), mx.SGD(), mx.ArrayDataProvider(:other => X, Y; batch_size = 20); n_epoch = 1)
    model = trained(n_epoch = 1)
    @test_throws mx.MXError mx.fit(model, mx.SGD(), mx.ArrayDataProvider(X[1:3, :], Y; batch_size = 20); n_epoch = 1)
    @test_throws mx.MXError mx.predict(mx.FeedForward(classifier()), X)
end
