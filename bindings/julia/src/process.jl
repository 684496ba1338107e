# The library as a whole: version, features, memory pools, handles, the profiler.

"The library's version, a VersionNumber."
version() = VersionNumber(unsafe_string(API.mxn_version()))

"What this build has, as JSON: {\"onednn\": true, \"cuda\": false, ...}."
features() = take_text(API.mxn_features)

"Handles that were made and not freed yet."
function handle_count()
    count = Ref{Int64}(0)
    API.mxn_handle_count(count)
    return Int(count[])
end

"State of a device's memory pool, in bytes: `in_use`, `cached`, `peak`, `limit`."
function storage_info(ctx::Context = cpu())
    info = Ref(API.mxn_storage_info_t())
    API.mxn_storage_info(ctx.kind, ctx.index, info)
    return (in_use = info[].in_use, cached = info[].cached, peak = info[].peak, limit = info[].limit)
end

"""
    profile(f, path)

Calls `f()` while the profiler records, and writes a file in Chrome's trace format.
"""
function profile(f, path::AbstractString)
    API.mxn_profiler_set_state(API.MXN_PROFILER_RUN)
    try
        result = f()
        wait_all()
        return result
    finally
        API.mxn_profiler_set_state(API.MXN_PROFILER_STOP)
        API.mxn_profiler_dump(path)
    end
end
