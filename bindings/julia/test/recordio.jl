const MAGIC = UInt8[0x0a, 0x23, 0xd7, 0xce]
const RECORDS = [b"one" |> Vector{UInt8}, UInt8[], [b"four"; MAGIC; MAGIC; b"x"], b"last" |> Vector{UInt8}]

function written(folder)
    path = joinpath(folder, "some.rec")
    mx.RecordWriter(path) do writer
        for record in RECORDS[1:3]
            place = position(writer)
            @test write(writer, record) == place
        end
    end
    return path
end

@testset "records are read as written" begin
    mktempdir() do folder
        path = written(folder)
        writer = mx.RecordWriter(path; append = true)
        @test write(writer, "last") > 0
        flush(writer)
        mx.RecordReader(path) do reader
            @test collect(reader) == RECORDS && mx.read_record(reader) === nothing
            seekstart(reader)
            @test mx.read_record(reader) == RECORDS[1]
            place = position(reader)
            @test collect(reader) == RECORDS[2:end]
            @test collect(seek(reader, place)) == RECORDS[2:end]
            @test_throws mx.MXError seek(reader, -1)
        end
        close(writer)
        close(writer)
        @test_throws mx.MXError write(writer, "more")
        @test reduce(vcat, [mx.RecordReader(collect, path; part = part, parts = 3) for part in 1:3]) == RECORDS
    end
end

@testset "what is no record is told once" begin
    mktempdir() do folder
        path = written(folder)
        bytes = read(path)
        bytes[13] = bytes[13] ⊻ 0x01
        write(path, bytes)
        reader = mx.RecordReader(path)
        @test mx.read_record(reader) == RECORDS[1]
        @test_throws mx.MXError mx.read_record(reader)
        @test mx.read_record(reader) == RECORDS[3]
        close(reader)
        @test !isopen(reader)
        @test_throws mx.MXError mx.read_record(reader)
        @test_throws mx.MXError mx.RecordReader(joinpath(folder, "missing.rec"))
        @test_throws mx.MXError mx.RecordReader(path; part = 4, parts = 3)
    end
end

@testset "an index finds records" begin
    mktempdir() do folder
        path, index = joinpath(folder, "some.rec"), joinpath(folder, "some.idx")
        places = mx.RecordWriter(writer -> [10 * i => write(writer, "record $i") for i in 1:4], path)
        mx.save_index(index, places)
        @test mx.load_index(index) == places
        reader = mx.RecordReader(path)
        @test String(mx.read_record(seek(reader, Dict(mx.load_index(index))[30]))) == "record 3"
        close(reader)
        write(index, "1\t0\nx 3\n")
        @test_throws mx.MXError mx.load_index(index)
    end
end

@testset "images are packed" begin
    pixels = reshape(UInt8.(1:24), 3, 4, 2)
    record = mx.pack_image(mx.ImageHeader(4; id = 9), mx.encode_image(pixels; ext = ".png", quality = 3))
    header, content = mx.unpack_image(record)
    @test header == mx.ImageHeader(4; id = 9) && Array(mx.decode_image(content)) == pixels
    @test size(mx.decode_image(content; channels = 1)) == (1, 4, 2)
    several = mx.pack_image(mx.ImageHeader([1, 2, 3]), UInt8[])
    @test mx.unpack_image(several) == (mx.ImageHeader([1, 2, 3]), UInt8[])
    @test_throws mx.MXError mx.unpack_image(several[1:32])
    @test_throws mx.MXError mx.unpack_image(record[1:20])
    @test_throws mx.MXError mx.decode_image(content; channels = 2)
end

@testset "closed files leave no handle" begin
    mktempdir() do folder
        before = mx.handle_count()
        reader = mx.RecordReader(written(folder))
        @test mx.handle_count() == before + 1
        close(reader)
        @test mx.handle_count() == before
    end
end
