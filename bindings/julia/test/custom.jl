# An operator whose callback is written in Julia: its output is a copy of its input.

"The extents, or codes, that are asked about first."
function asked(call)
    shapes, ndim, dims = Ref{Ptr{Cvoid}}(C_NULL), Ref{Int32}(0), Ref{Ptr{Int64}}(C_NULL)
    MixNet.API.mxn_custom_call_shapes(call, shapes)
    MixNet.API.mxn_shapes_get(shapes[], 0, ndim, dims)
    found = copy(unsafe_wrap(Array, dims[], Int(ndim[])))
    MixNet.API.mxn_shapes_free(shapes[])
    return found
end

"The first array of one kind."
function first_array(call, what)
    list, count = Ref{Ptr{Ptr{Cvoid}}}(C_NULL), Ref{Int64}(0)
    MixNet.API.mxn_custom_call_arrays(call, what, list, count)
    handles = copy(unsafe_wrap(Array, list[], count[]))
    MixNet.API.mxn_ndarray_list_free(list[])
    return handles[1]
end

@testset "an operator written in Julia" begin
    fails = Ref(false)
    mx.custom_register("julia_copy") do call
        info = Ref(MixNet.API.mxn_custom_info_t())
        MixNet.API.mxn_custom_call_info(call, info)
        if info[].what in (1, 2)
            own = asked(call)
            ndims = info[].what == 1 ? Int32[length(own), length(own)] : Int32[2]
            MixNet.API.mxn_custom_call_set_shapes(call, ndims, vcat(own, own), length(ndims))
        elseif info[].what == 4
            fails[] && error("no luck in Julia")
            from, to = first_array(call, 0), first_array(call, 1)
            MixNet.API.mxn_ndarray_copy(from, to)
            foreach(MixNet.API.mxn_ndarray_free, (from, to))
        end
    end
    x = mx.NDArray(Float32[1, 2, 3])
    @test Array(mx.Custom(x; op_type = "julia_copy")) == [1, 2, 3]
    fails[] = true
    caught = try
        Array(mx.Custom(x; op_type = "julia_copy"))
    catch thrown
        thrown
    end
    @test caught isa mx.MXError && occursin("no luck in Julia", caught.msg)
end
