# Runs every test file, or those named in ARGS. A test is an innermost @testset; the last line counts them.

using MixNet
using Test

const ROOT = normpath(joinpath(@__DIR__, "..", "..", ".."))
const FILES = ["interrupts", "ndarray", "indexing", "broadcasting", "errors", "symbol", "executor", "autograd", "cached_op", "optimizer", "kvstore", "custom", "initializer", "metric", "provider", "recordio", "iterators",
               "training", "predictor", "leaks", "conformance", "guide"]

struct Counted
    passed::Int
    failed::Int
end

failed(result) = result isa Union{Test.Fail,Test.Error}

"Innermost test sets that passed and failed."
function counted(set::Test.DefaultTestSet)
    inner = filter(r -> r isa Test.DefaultTestSet, set.results)
    found = map(counted, inner)
    own = isempty(inner) || any(failed, set.results) ? (any(failed, set.results) ? Counted(0, 1) : Counted(1, 0)) : Counted(0, 0)
    return Counted(own.passed + sum(Int[c.passed for c in found]), own.failed + sum(Int[c.failed for c in found]))
end

"Failures that a file's tests looked at are told once more by the wait for all."
function drain()
    for _ in 1:100
        try
            return mx.wait_all()
        catch
        end
    end
end

function run_file(file)
    started = time()
    set = Test.DefaultTestSet(file)
    Test.push_testset(set)
    try
        Base.include(Main, joinpath(@__DIR__, file * ".jl"))
    catch error
        Test.record(set, Test.Error(:nontest_error, file, error, Base.catch_stack(), LineNumberNode(1, Symbol(file))))
    finally
        Test.pop_testset()
        drain()
    end
    println(rpad(file, 14), " ", round(time() - started; digits = 1), " s")
    return counted(set)
end

function main(files)
    results = map(run_file, files)
    failed = sum(r -> r.failed, results)
    println(sum(r -> r.passed, results), " passed, ", failed, " failed, 0 skipped")
    exit(failed == 0 ? 0 : 1)
end

main(isempty(ARGS) ? FILES : ARGS)
