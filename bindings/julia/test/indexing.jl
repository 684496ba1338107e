const CUBE = reshape(Float32.(1:60), 3, 4, 5)

@testset "reading" begin
    array = mx.NDArray(CUBE)
    for index in ((2, 3, 4), (1:2, 2:4, 3), (:, :, 2), (:, :, 2:3), (3:-1:1, 4:-2:2, 5:-1:1), (1:2:3, :, 4), (2, :, :), (1:0, :, :), (:, 2:2, :))
        got = array[index...]
        expected = CUBE[index...]
        @test (got isa Number ? got : Array(got)) == expected
    end
    @test Array(array[:]) == vec(CUBE)
    @test array[end, end, end] == 60
    @test mx.NDArray(5.0f0)[] == 5
end

@testset "views share memory" begin
    array = mx.NDArray(CUBE)
    part = view(array, :, :, 2:3)
    part .= 0
    @test sum(array[:, :, 2:3]) == 0 && array[1, 1, 1] == 1
    @test size(view(array, :, :, 4)) == (3, 4)
    copied = array[:, :, 1]
    copied .= -1
    @test array[1, 1, 1] == 1
    @test_throws mx.MXError view(array, 1:2, :, :)
end

@testset "writing" begin
    for (index, value) in (((:, :, 2), 7), ((1:2, 2:3, 1:5), 8), ((2, 3, 4), 9), ((3:-1:1, :, 2:3), reshape(Float32.(1:24), 3, 4, 2)), ((:, 1, :), ones(3, 5)))
        array, expected = mx.NDArray(CUBE), copy(CUBE)
        array[index...] = value
        view(expected, index...) .= value
        @test Array(array) == expected
    end
    array = mx.NDArray(CUBE)
    array[:] = 3
    array[:, :, 1] = mx.zeros(3, 4)
    @test sum(array) == 3 * 48
end

@testset "bad indices" begin
    array = mx.NDArray(CUBE)
    @test_throws BoundsError array[4, 1, 1]
    @test_throws BoundsError array[1:2, 1:2, 5:6]
    @test_throws mx.MXError array[1, 2]
    @test_throws mx.MXError array[:, :, 1] = ones(2, 2)
end
