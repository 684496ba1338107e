@testset "arrays, numbers and Julia's arrays" begin
    a, b, row = Float32[1 2; 3 4], Float32[5 6; 7 8], Float32[10 20]
    x, y, r = mx.NDArray(a), mx.NDArray(b), mx.NDArray(row)
    @test Array(x .+ y .* 2 .- 1) == a .+ b .* 2 .- 1
    @test Array(x ./ y) ≈ a ./ b && Array(1 ./ x) ≈ 1 ./ a && Array(x .^ 2) == a .^ 2 && Array(2 .^ x) == 2 .^ a
    @test Array(x .* r) == a .* row && Array(r .- x) == row .- a
    @test Array(x .+ b) == a + b && Array(b .- x) == b - a
    @test Array(mod.(y, 3)) == mod.(b, 3) && Array(max.(x, 2)) == max.(a, 2) && Array(min.(y, x)) == a && Array(hypot.(x, y)) ≈ hypot.(a, b)
    @test Array(x .+ mx.NDArray(Float64[1 1; 1 1])) == a .+ 1
    @test Array(.-x) == -a && Array(x .* 2 .* 3) == 6a
end

@testset "comparison" begin
    a = Float32[1 2; 3 4]
    x = mx.NDArray(a)
    for f in (==, !=, <, <=, >, >=)
        @test Array(f.(x, 2)) == f.(a, 2) && Array(f.(2, x)) == f.(2, a) && Array(f.(x, permutedims(x))) == f.(a, permutedims(a))
    end
    @test Array((x .> 1) .& (x .< 4)) == (a .> 1) .& (a .< 4)
end

@testset "functions" begin
    a = Float32[0.1, 0.5, 0.9]
    x = mx.NDArray(a)
    for f in (abs, exp, expm1, log, log1p, log2, log10, sqrt, cbrt, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, atanh, sign, floor, ceil, inv)
        @test Array(f.(x)) ≈ f.(a)
    end
    @test Array(mx.sigmoid.(x)) ≈ 1 ./ (1 .+ exp.(-a))
    @test Array(exp.(x) .+ log.(x)) ≈ exp.(a) .+ log.(a)
    @test_throws mx.MXError gcd.(x, x)
end

@testset "into an array" begin
    x = mx.zeros(2, 3)
    x .= 5
    x .+= 1
    @test Array(x) == fill(6.0f0, 2, 3)
    x .= mx.NDArray(Float32[1, 2])
    @test Array(x) == Float32[1 1 1; 2 2 2]
    x .-= 0.5 .* x .+ x
    @test Array(x) == -0.5f0 .* Float32[1 1 1; 2 2 2]
    x .= Float32[1 2 3; 4 5 6]
    @test Array(x) == [1 2 3; 4 5 6]
    x .= exp.(x) .* 0
    @test sum(x) == 0
    x .= Float32[1 2 3; 4 5 6] .+ 1
    @test sum(x) == 27
end
