# Image records: a header with labels and ids, then mostly the bytes of a JPEG or PNG file. And index files beside records.

"""
    ImageHeader(label; flag = 0, id = 0, id2 = 0)

What stands before an image in a record. `label` is a number or several; several follow the header and `flag` counts them, with a number `flag` is 0.
"""
struct ImageHeader
    flag::UInt32
    label::Vector{Float32}
    id::UInt64
    id2::UInt64
end
ImageHeader(label::Real; id::Integer = 0, id2::Integer = 0) = ImageHeader(0, Float32[label], id, id2)
ImageHeader(label::AbstractVector; id::Integer = 0, id2::Integer = 0) = ImageHeader(length(label), Float32.(label), id, id2)

Base.:(==)(a::ImageHeader, b::ImageHeader) = a.flag == b.flag && a.label == b.label && a.id == b.id && a.id2 == b.id2

"""
    pack_image(header, content)

The bytes of an image record.
"""
function pack_image(header::ImageHeader, content::AbstractVector{UInt8})
    record = IOBuffer()
    several = header.flag > 0 || length(header.label) != 1
    write(record, htol(UInt32(several ? length(header.label) : 0)), htol(several ? 0.0f0 : header.label[1]), htol(header.id), htol(header.id2))
    several && foreach(label -> write(record, htol(label)), header.label)
    write(record, content)
    return Base.take!(record)
end

"""
    unpack_image(record)

The [`ImageHeader`](@ref) of an image record, and what follows it.
"""
function unpack_image(record::Vector{UInt8})
    length(record) >= 24 || throw(MXError("[unpack_image] record: expected a header of 24 bytes, got $(length(record)) bytes"))
    from = IOBuffer(record)
    flag, label = ltoh(read(from, UInt32)), ltoh(read(from, Float32))
    id, id2 = ltoh(read(from, UInt64)), ltoh(read(from, UInt64))
    flag == 0 && return ImageHeader(0, Float32[label], id, id2), record[25:end]
    bytesavailable(from) >= 4 * Int(flag) ||
        throw(MXError("[unpack_image] record: expected $flag labels behind the header, got $(bytesavailable(from)) bytes"))
    return ImageHeader(flag, Float32[ltoh(read(from, Float32)) for _ in 1:flag], id, id2), read(from)
end

"""
    encode_image(pixels; ext = ".jpg", quality = 95)

The bytes of a JPEG file (quality 1 to 100) or of a PNG file (`ext = ".png"`, where quality is the compression, 0 to 9). `pixels` are UInt8 of size (channels,
width, height), red first.
"""
encode_image(pixels; ext::AbstractString = ".jpg", quality::Integer = 95) =
    Array(apply(Operators._cvimencode, NDArray(pixels); ext = ext, quality = quality))

"""
    decode_image(content; channels = 3)

The pixels of a JPEG or PNG file as an NDArray of UInt8 of size (channels, width, height), red first. channels: 3, 1 (grey), or 0: as in the file.
"""
function decode_image(content::Vector{UInt8}; channels::Integer = 3)
    channels in (0, 1, 3) || throw(MXError("[decode_image] channels: expected 0, 1 or 3, got $channels"))
    return apply(Operators._cvimdecode, NDArray(content); flag = channels == 0 ? -1 : Int(channels == 3))
end

"""
    load_index(path)

Keys and places of records, from an .idx file: a Vector of pairs in the file's order. `seek(reader, place)` goes there.
"""
function load_index(path::AbstractString)
    index = Pair{Int,Int}[]
    for (number, line) in enumerate(eachline(path))
        words = split(line, '\t')
        key, place = length(words) == 2 ? tryparse.(Int, words) : (nothing, nothing)
        key === nothing || place === nothing ? throw(MXError("[load_index] $path line $number: expected a key, a tab and a place, got $(repr(line))")) :
        push!(index, key => place)
    end
    return index
end

"""
    save_index(path, index)

Writes pairs of key and place as an .idx file.
"""
save_index(path::AbstractString, index) = open(file -> foreach(((key, place),) -> println(file, key, '\t', place), index), path, "w")
