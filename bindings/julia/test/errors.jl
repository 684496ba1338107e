message(f) =
    try
        f()
        ""
    catch error
        error isa mx.MXError ? error.msg : rethrow()
    end

@testset "the library's message and code" begin
    @test message(() -> mx.dot(mx.ones(2, 3), mx.ones(2, 3))) == "[dot] cannot multiply (3, 2) by (3, 2)"
    error = try
        mx.Operators.dot(mx.ones(2, 3), mx.ones(2, 3))
    catch caught
        caught
    end
    @test error.code == mx.API.MXN_ERROR_SHAPE && sprint(showerror, error) == "MXError: " * error.msg
    @test occursin("expected", message(() -> mx.load("/nowhere/at.params"))) || occursin("/nowhere/at.params", message(() -> mx.load("/nowhere/at.params")))
end

@testset "mistakes that Julia finds" begin
    @test occursin("[FullyConnected] unknown parameter 'hidden', expected one of num_hidden", message(() -> mx.FullyConnected(mx.ones(2, 2); hidden = 3)))
    @test occursin("[dot] expected at most 2 inputs, got 3", message(() -> mx.dot(mx.ones(1), mx.ones(1), mx.ones(1))))
    @test occursin("expected arrays, got String", message(() -> mx.relu(mx.ones(1), "x")) * message(() -> mx.elemwise_add(mx.ones(1), "x")))
    @test occursin("[+] expected two arrays of one size", message(() -> mx.ones(2) + mx.ones(3)))
    @test occursin("[dtype] expected one of", message(() -> mx.astype(mx.ones(1), Int16)))
    @test_throws ArgumentError mx.from_json("{\0}")
    @test occursin("expected no NUL", message(() -> mx.relu(mx.Variable(:x); attrs = Dict("note" => "a\0b"))))
end

@testset "an error of work stands on its array" begin
    array = mx.take(mx.ones(3), mx.NDArray(Float32[7]); mode = :raise)
    @test !isempty(message(() -> Array(array)))
    @test message(() -> mx.wait_all()) isa String
end

@testset "what was freed" begin
    array = mx.ones(2)
    finalize(array)
    @test occursin("freed", message(() -> Array(array)))
    symbol = mx.Variable(:x)
    finalize(symbol)
    @test occursin("freed", message(() -> mx.list_arguments(symbol)))
end

@testset "many threads of work fail at once" begin
    messages = asyncmap(i -> message(() -> mx.dot(mx.ones(2, i), mx.ones(2, i))), 2:40)
    @test all(messages[i - 1] == "[dot] cannot multiply ($i, 2) by ($i, 2)" for i in 3:40)
end
