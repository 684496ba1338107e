const SAMPLES = reshape(Float32.(1:14), 2, 7)

@testset "batches in order, the last filled up from the beginning" begin
    provider = mx.ArrayDataProvider(SAMPLES, Float32.(1:7); batch_size = 3)
    @test mx.provide_data(provider) == [:data => (2, 3)] && mx.provide_label(provider) == [:softmax_label => (3,)]
    batches = collect(provider)
    @test length(provider) == length(batches) == 3 && [b.pad for b in batches] == [0, 0, 2]
    @test Array(batches[2].data[1]) == SAMPLES[:, 4:6]
    @test Array(batches[3].label[1]) == [7, 1, 2] && Array(batches[3].data[1]) == SAMPLES[:, [7, 1, 2]]
    @test Array(collect(mx.ArrayDataProvider(SAMPLES; batch_size = 10))[1].data[1]) == SAMPLES[:, [1:7; 1:3]]
end

@testset "shuffled: every epoch another order, with the labels" begin
    mx.seed!(3)
    provider = mx.ArrayDataProvider(:x => SAMPLES, :y => SAMPLES[1, :]; batch_size = 3, shuffle = true)
    epochs = [reduce(vcat, (Array(batch.label[1]) for batch in provider)) for _ in 1:3]
    @test all(sort(order[1:7]) == SAMPLES[1, :] && order[8:9] == order[1:2] for order in epochs) && !(epochs[1] == epochs[2] == epochs[3])
    @test all(Array(batch.data[1])[1, :] == Array(batch.label[1]) for batch in provider)
    @test length(collect(mx.ArrayDataProvider(SAMPLES; batch_size = 20, shuffle = true))) == 1
end

@testset "mistakes" begin
    @test_throws mx.MXError mx.ArrayDataProvider(SAMPLES, ones(3); batch_size = 2)
    @test_throws mx.MXError mx.ArrayDataProvider(SAMPLES; batch_size = 0)
    @test_throws mx.MXError mx.ArrayDataProvider([])
end
