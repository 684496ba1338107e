# RecordIO files: records in order, by key, and image records.

"""
    RecordReader(path; part = 1, parts = 1)

Reads the records of a RecordIO file (a path, or a URI of http, https or s3), or of one of its `parts` shares: every record belongs to one share.
It is iterated, from where it is to the end, and gives `Vector{UInt8}`s; [`read_record`](@ref) gives the next one. `seekstart`, `seek` and `position` move it
and tell where it is. `close` gives the file back.
"""
mutable struct RecordReader
    path::String
    handle::Ptr{Cvoid}

    function RecordReader(path::AbstractString; part::Integer = 1, parts::Integer = 1)
        handle = take_handle(out -> API.mxn_record_reader_create(path, part - 1, parts, out))
        return finalizer(close, new(path, handle))
    end
end

"""
    RecordWriter(path; append = false)

Writes a RecordIO file, a new one or the end of one: `write(writer, record)` gives the place where the record begins. `close` tells whether all could be
written, `flush` that all so far is in the file. `RecordWriter(do_something, path)` closes it behind the function.
"""
mutable struct RecordWriter
    path::String
    handle::Ptr{Cvoid}

    function RecordWriter(path::AbstractString; append::Bool = false)
        handle = take_handle(out -> API.mxn_record_writer_create(path, append, out))
        return finalizer(release, new(path, handle))
    end
end

const RecordFile = Union{RecordReader,RecordWriter}

for type in (:RecordReader, :RecordWriter)
    @eval function $type(use::Function, path::AbstractString; options...)
        file = $type(path; options...)
        try
            return use(file)
        finally
            close(file)
        end
    end
end

Base.show(io::IO, file::RecordFile) = print(io, "mx.", nameof(typeof(file)), " of ", file.path)
Base.isopen(file::RecordFile) = file.handle != C_NULL
Base.cconvert(::Type{Ptr{Cvoid}}, file::RecordFile) = file
function Base.unsafe_convert(::Type{Ptr{Cvoid}}, file::RecordFile)
    isopen(file) || throw(MXError("[$(nameof(typeof(file)))] $(file.path): expected an open file, got a closed one"))
    return file.handle
end

function Base.close(reader::RecordReader)
    API.mxn_record_reader_free(reader.handle)
    reader.handle = C_NULL
    return nothing
end

function release(writer::RecordWriter)
    API.mxn_record_writer_free(writer.handle)
    writer.handle = C_NULL
    return nothing
end

function Base.close(writer::RecordWriter)
    isopen(writer) || return nothing
    try
        API.mxn_record_writer_flush(writer, 1)
    finally
        release(writer)
    end
    return nothing
end

Base.flush(writer::RecordWriter) = (API.mxn_record_writer_flush(writer, 0); nothing)

"The number that `call(out)` tells."
function told(call)
    out = Ref{Int64}(0)
    call(out)
    return Int(out[])
end

Base.position(reader::RecordReader) = told(out -> API.mxn_record_reader_tell(reader, out))
Base.position(writer::RecordWriter) = told(out -> API.mxn_record_writer_tell(writer, out))
Base.seekstart(reader::RecordReader) = (API.mxn_record_reader_seek(reader, -1); reader)
function Base.seek(reader::RecordReader, place::Integer)
    place >= 0 || throw(MXError("[RecordReader] place: expected at least 0, got $place"))
    API.mxn_record_reader_seek(reader, place)
    return reader
end

"""
    read_record(reader)

The next record; `nothing` at the end. What is no record is an error once: the call after that goes on behind it.
"""
function read_record(reader::RecordReader)
    data, bytes = Ref{Ptr{Cvoid}}(C_NULL), Ref{Int64}(0)
    GC.@preserve reader begin
        API.mxn_record_reader_next(reader, data, bytes)
        data[] == C_NULL && return nothing
        return copy(unsafe_wrap(Array, Ptr{UInt8}(data[]), bytes[]))
    end
end

Base.IteratorSize(::Type{RecordReader}) = Base.SizeUnknown()
Base.eltype(::Type{RecordReader}) = Vector{UInt8}
function Base.iterate(reader::RecordReader, ::Nothing = nothing)
    record = read_record(reader)
    return record === nothing ? nothing : (record, nothing)
end

Base.write(writer::RecordWriter, record::AbstractString) = write(writer, Vector{UInt8}(codeunits(record)))
Base.write(writer::RecordWriter, record::Vector{UInt8}) =
    told(out -> API.mxn_record_writer_write(writer, record, length(record), out))
