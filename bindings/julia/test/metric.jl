measured(metric, label, pred) = mx.values(mx.update!(mx.metric(metric), [label], [pred]))[1].second

const PRED = Float32[0.1 0.8 0.3; 0.7 0.1 0.3; 0.2 0.1 0.4]
const LABEL = Float32[1, 2, 2]

@testset "classes" begin
    @test measured(:acc, LABEL, PRED) ≈ 2 / 3 && measured(:acc, mx.NDArray(LABEL), mx.NDArray(PRED)) ≈ 2 / 3
    @test measured(mx.TopKAccuracy(2), LABEL, PRED) ≈ 1 || measured(mx.TopKAccuracy(2), LABEL, PRED) ≈ 2 / 3
    @test measured(mx.TopKAccuracy(2), Float32[2, 1, 2], PRED) ≈ 2 / 3 || measured(mx.TopKAccuracy(2), Float32[2, 1, 2], PRED) ≈ 1
    @test measured(:ce, LABEL, PRED) ≈ -(log(0.7) + log(0.1) + log(0.4)) / 3 rtol = 1e-6
    @test measured(:acc, Float32[0 1; 1 0], reshape(Float32[0.9, 0.1, 0.2, 0.8, 0.3, 0.7, 0.6, 0.4], 2, 2, 2)) isa Float64
    @test_throws mx.MXError measured(:acc, Float32[1], PRED)
    @test_throws mx.MXError mx.TopKAccuracy(1)
end

@testset "F1, regression, functions" begin
    scores = Float32[0.2 0.6 0.3 0.9; 0.8 0.4 0.7 0.1]
    @test measured(:f1, Float32[1, 1, 0, 0], scores) ≈ 2 * 1 / (2 + 2)
    @test measured(:mse, [1.0 2.0], [2.0 4.0]) == 2.5 && measured(:mae, [1.0 2.0], [2.0 4.0]) == 1.5 && measured(:rmse, [1.0 2.0], [2.0 4.0]) ≈ sqrt(2.5)
    @test measured((label, pred) -> sum(label), [1.0, 2.0], [0.0 0.0]) == 3
    @test measured(mx.CustomMetric((label, pred) -> (6, 4), "mine"), [1.0], [1.0]) == 1.5
    @test_throws mx.MXError measured(:f1, Float32[2, 1, 0, 0], scores)
    @test_throws mx.MXError mx.metric(:nonsense)
    @test_throws mx.MXError mx.update!(mx.metric(:acc), [LABEL], [])
end

@testset "several, and starting anew" begin
    both = mx.metric([:acc, :ce])
    @test isnan(mx.values(both)[1].second)
    mx.update!(both, [LABEL], [PRED])
    @test first.(mx.values(both)) == [:accuracy, Symbol("cross-entropy")]
    @test isnan(mx.values(mx.reset!(both))[2].second) && occursin("accuracy", sprint(show, mx.Accuracy()))
end
