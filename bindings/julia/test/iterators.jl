"A CSV file of points left and right, and one of the sides."
function sides(folder)
    data, label = joinpath(folder, "points.csv"), joinpath(folder, "sides.csv")
    write(data, join(("$(2 * (i % 2) - 1 + i / 400),$(i % 7)\n" for i in 0:39)))
    write(label, join(("$(i % 2)\n" for i in 0:39)))
    return (data_csv = data, label_csv = label, data_shape = (2,), batch_size = 10)
end

side_net() = @mx.chain mx.Variable(:data) => mx.FullyConnected(num_hidden = 2, name = :fc) => mx.SoftmaxOutput(name = :softmax)

@testset "models learn from iterators of the library" begin
    mktempdir() do folder
        GC.gc()
        before = mx.handle_count()
        provider = mx.CSVIter(; sides(folder)...)
        @test mx.provide_data(provider) == [:data => (2, 10)] && mx.provide_label(provider) == [:softmax_label => (10,)]
        mx.seed!(1)
        model = mx.fit(mx.FeedForward(side_net()), mx.SGD(lr = 0.5), provider; n_epoch = 15)
        @test mx.score(model, provider)[1].second > 0.95
        @test size(mx.predict(model, provider)) == (2, 40)
        @test mx.report(provider).skipped == 0 && mx.report(provider).examples >= 16 * 40
        close(provider)
        @test !isopen(provider)
        @test_throws mx.MXError mx.next_batch(provider)
        model = provider = nothing
        mx.wait_all()
        foreach(_ -> GC.gc(), 1:3)
        @test mx.handle_count() <= before + 40  # what interpreted frames still hold
    end
end

@testset "names, epochs that are left, mistakes" begin
    mktempdir() do folder
        options = sides(folder)
        provider = mx.CSVIter(; options..., data_name = :points, label_name = :side)
        @test mx.provide_data(provider)[1].first === :points && mx.provide_label(provider)[1].first === :side
        first_ = Array(first(provider).data[1])
        @test Array(first(provider).data[1]) == first_ && length(collect(provider)) == 4
        lines = readlines(options.data_csv)
        lines[16] = "1,x"
        write(options.data_csv, join(lines, '\n'))
        broken = mx.CSVIter(; options...)
        for epoch in 1:2
            @test size(first(broken).data[1]) == (2, 10)
            error = try
                mx.next_batch(broken)
            catch error
                error
            end
            @test error isa mx.MXError && occursin("16", error.msg)
        end
        close(broken)
        @test_throws mx.MXError mx.CSVIter(; options..., data_csv = joinpath(folder, "missing.csv"))
        @test_throws mx.MXError mx.CSVIter(data_csv = options.data_csv)
        @test_throws mx.MXError mx.CSVIter(; options..., nonsense = 3)
        @test_throws mx.MXError MixNet.LibraryIterator("NoIter", NamedTuple())
    end
end
