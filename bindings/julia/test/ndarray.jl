@testset "sizes are Julia's, memory is shared with the library's order" begin
    values = reshape(Float32.(1:24), 2, 3, 4)
    array = mx.NDArray(values)
    @test size(array) == (2, 3, 4) && mx.shape(array) == (4, 3, 2)
    @test (ndims(array), length(array), size(array, 2), size(array, 9)) == (3, 24, 3, 1)
    @test Array(array) == values && collect(array) == values
    @test array[2, 3, 4] == 24.0f0
    @test Array(mx.Operators.sum(array; axis = 0)) == dropdims(sum(values; dims = 3); dims = 3)
end

@testset "element types" begin
    for type in (Float32, Float64, Float16, UInt8, Int32, Int8, Int64, Bool)
        values = type.([0 1; 1 0])
        @test eltype(mx.NDArray(values)) === type
        @test Array(mx.NDArray(values)) == values
    end
    @test eltype(mx.NDArray(Int16[1, 2])) === Float32
    narrow = mx.NDArray(mx.BFloat16, [1.5, 2.5])
    @test eltype(narrow) === mx.BFloat16 && Array(narrow) == Float32[1.5, 2.5]
    @test eltype(mx.astype(narrow, Int32)) === Int32
    @test Array{Float64}(mx.NDArray(Float32[1, 2])) isa Vector{Float64}
end

@testset "making" begin
    @test Array(mx.zeros(2, 3)) == zeros(Float32, 2, 3)
    @test Array(mx.ones(Int32, 2)) == Int32[1, 1]
    @test Array(mx.full(2.5, 3)) == fill(2.5f0, 3)
    @test Array(mx.arange(1, 7; step = 2)) == Float32[1, 3, 5]
    @test eltype(mx.arange(0, 3; dtype = Int32)) === Int32
    @test size(similar(mx.zeros(2, 3))) == (2, 3)
    @test mx.context(mx.zeros(1)) == mx.cpu() && string(mx.cpu()) == "cpu(0)"
    @test Array(mx.NDArray(3)) == fill(3)
    @test size(mx.zeros(0, 3)) == (0, 3) && isempty(mx.zeros(0, 3))
end

@testset "copies, views of another size, transposition" begin
    values = reshape(Float32.(1:6), 2, 3)
    array = mx.NDArray(values)
    copied = copy(array)
    copied .= 0
    @test Array(array) == values
    flat = reshape(array, 6)
    flat[1] = 100
    @test array[1, 1] == 100
    @test size(reshape(array, 3, :)) == (3, 2) && Array(vec(array)) == vec(Array(array))
    @test Array(array') == Array(array)' && Array(permutedims(array)) == permutedims(Array(array))
    three = mx.NDArray(reshape(Float32.(1:24), 2, 3, 4))
    @test Array(permutedims(three, (3, 1, 2))) == permutedims(Array(three), (3, 1, 2))
end

@testset "arithmetic" begin
    a, b = Float32[1 2; 3 4], Float32[5 6; 7 8]
    x, y = mx.NDArray(a), mx.NDArray(b)
    @test Array(x + y) == a + b && Array(x - y) == a - b && Array(-x) == -a
    @test Array(2x) == 2a && Array(x / 2) == a / 2
    @test Array(x * y) == a * b
    @test Array(mx.NDArray(Float32[1 2 3; 4 5 6]) * mx.NDArray(Float32[1, 2, 3])) == [14, 32]
    @test x == a && x != y && x ≈ a .+ 1.0f-9
    @test sum(x) == 10 && maximum(x) == 4 && minimum(x) == 1 && prod(x) == 24 && mx.mean(x) == 2.5
    @test Array(sum(x; dims = 1)) == sum(a; dims = 1) && Array(maximum(x; dims = (1, 2))) == fill(4.0f0, 1, 1)
    @test Array(mx.sum(x; axis = 0)) == vec(sum(a; dims = 2))
    @test Array(mx.relu(x - mx.ones(2, 2) * 2)) == max.(a .- 2, 0)
end

@testset "files" begin
    mktempdir() do folder
        path = joinpath(folder, "two.params")
        mx.save(path, Dict(:b => mx.ones(2), "a" => mx.zeros(Int32, 2, 3)))
        loaded = mx.load(path)
        @test sort(collect(keys(loaded))) == [:a, :b] && size(loaded[:a]) == (2, 3) && eltype(loaded[:a]) === Int32
        @test mx.load(read(path))[:b] == ones(Float32, 2)
        mx.save(path, [mx.ones(1), mx.zeros(2)])
        @test map(length, mx.load(path)) == [1, 2]
    end
end

@testset "random numbers" begin
    mx.seed!(7)
    first_ = Array(mx.rand(5; low = -1))
    mx.seed!(7)
    @test Array(mx.rand(5; low = -1)) == first_ && all(-1 .<= first_ .< 1)
    @test abs(mx.mean(mx.randn(10_000; mean = 3))) ≈ 3 atol = 0.05
end

@testset "printing says both sizes" begin
    text = sprint(show, MIME("text/plain"), mx.NDArray(Float32[1 2 3; 4 5 6]))
    @test occursin("2×3 mx.NDArray of Float32 @cpu(0), in the library (3, 2)", text) && occursin("6.0", text)
end

@testset "operators that behave differently in training" begin
    x = mx.ones(1000)
    @test Array(mx.Dropout(x; p = 0.5)) == ones(Float32, 1000)
    @test mx.train_mode(() -> count(==(0), Array(mx.Dropout(x; p = 0.5)))) > 300
    @test length(mx.split(mx.ones(2, 4); num_outputs = 2, axis = 0)) == 2
    target = mx.zeros(2)
    @test mx.Operators.exp(mx.zeros(2); out = target) === target && Array(target) == [1, 1]
    @test occursin("num_hidden", string(Base.Docs.doc(Base.Docs.Binding(MixNet, :FullyConnected))))
end
