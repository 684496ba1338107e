# Replays tests/conformance, or the folder in MIXNET_CONFORMANCE with some of its files: what every binding must compute.

const FOLDER = get(ENV, "MIXNET_CONFORMANCE", joinpath(ROOT, "tests", "conformance"))

"Cases of a file: (name, lines), each line a Vector of words."
function cases(stem)
    found = Pair{String,Vector{Vector{SubString{String}}}}[]
    for block in split(read(joinpath(FOLDER, "$stem.txt"), String), "\n\n"; keepempty = false)
        lines = split.(filter(!isempty, split(block, '\n')), ' ')
        push!(found, lines[1][2] => lines[2:end])
    end
    return found
end

values_of(lines, key) = [line[2:end] for line in lines if line[1] == key]
word(lines, key) = values_of(lines, key)[1][1]
by_name(lines, key) = [Symbol(line[1]) => Symbol(line[2]) for line in values_of(lines, key)]

"Whether two arrays agree as the case demands; says which did not."
function agrees(found, expected, lines, what)
    relative, absolute = parse.(Float64, values_of(lines, "tolerance")[1])
    found = found isa mx.NDArray ? found : mx.NDArray(found)
    same = size(found) == size(expected) && eltype(found) === eltype(expected)
    good = same && all(abs.(Float64.(Array(found)) .- Float64.(Array(expected))) .<= absolute .+ relative .* abs.(Float64.(Array(expected))))
    good || println(what, ": found ", found, " ", Array(found), ", expected ", expected, " ", Array(expected))
    return good
end

parameters(lines) = NamedTuple{Tuple(Symbol(p[1]) for p in values_of(lines, "set"))}(Tuple(String(p[2]) for p in values_of(lines, "set")))
operator(lines) = getfield(mx.Operators, Symbol(word(lines, "op")))

"The operator on inputs by name, or by position where the names are numbers."
function call(lines, inputs; more...)
    positional = [value for (name, value) in inputs if all(isdigit, string(name))]
    named = [name => value for (name, value) in inputs if !all(isdigit, string(name))]
    return operator(lines)(positional...; named..., parameters(lines)..., more...)
end

function on_arrays(name, lines, arrays)
    inputs = [input => copy(arrays[key]) for (input, key) in by_name(lines, "in")]
    outputs = mx.train_mode(() -> call(lines, inputs), word(lines, "train") == "1")
    outputs = outputs isa mx.NDArray ? [outputs] : outputs
    expected = values_of(lines, "out")
    return length(outputs) == length(expected) &&
           all(agrees(outputs[parse(Int, i) + 1], arrays[Symbol(key)], lines, "$name: output $i") for (i, key) in expected)
end

function as_symbol(name, lines, arrays)
    variable(input) = Symbol("in", input)
    symbol = call(lines, [input => mx.Variable(variable(input)) for (input, _) in by_name(lines, "in")]; name = :tested)
    values = Dict(variable(input) => copy(arrays[key]) for (input, key) in by_name(lines, "in"))
    wanted = Dict(variable(input) => arrays[key] for (input, key) in by_name(lines, "grad"))
    grads = Dict(input => zero(array) for (input, array) in wanted)
    pick(names) = Dict(n => values[n] for n in names)
    executor = bind(symbol, mx.cpu(), pick(mx.list_arguments(symbol)); args_grad = grads, grad_req = Dict(n => :write for n in keys(grads)),
                    aux_states = pick(mx.list_auxiliary_states(symbol)))
    outputs = mx.forward(executor; is_train = word(lines, "train") == "1")
    good = all(agrees(outputs[parse(Int, i) + 1], arrays[Symbol(key)], lines, "$name: output $i of the symbol") for (i, key) in values_of(lines, "out"))
    isempty(wanted) || mx.backward(executor, [arrays[Symbol(key)] for (_, key) in values_of(lines, "headgrad")])
    return good && all(agrees(grads[input], array, lines, "$name: gradient of $input") for (input, array) in wanted)
end

function checkpoint(lines)
    symbol = mx.load_symbol(joinpath(FOLDER, word(lines, "symbol")))
    args, aux = mx.load_params(joinpath(FOLDER, word(lines, "params")))
    return symbol, merge(args, aux)
end

function bound(symbol, values, inputs, grad_req)
    executor = mx.simple_bind(symbol; grad_req = grad_req, (name => size(array) for (name, array) in inputs)...)
    for (name, array) in merge(values, inputs)
        copyto!(get(() -> executor.aux_dict[name], executor.arg_dict, name), array)
    end
    return executor
end

function model_by_executor(name, lines, arrays)
    executor = bound(checkpoint(lines)..., Dict(input => arrays[key] for (input, key) in by_name(lines, "input")), :null)
    outputs = mx.forward(executor)
    return all(agrees(outputs[parse(Int, i) + 1], arrays[Symbol(key)], lines, "$name: output $i") for (i, key) in values_of(lines, "output"))
end

function model_by_predictor(name, lines, arrays)
    inputs = Dict(input => arrays[key] for (input, key) in by_name(lines, "input"))
    predictor = mx.Predictor(joinpath(FOLDER, word(lines, "symbol")), joinpath(FOLDER, word(lines, "params"));
                             (n => size(array) for (n, array) in inputs)...)
    outputs = mx.forward(predictor; (n => Array(array) for (n, array) in inputs)...)
    return all(agrees(outputs[parse(Int, i) + 1], arrays[Symbol(key)], lines, "$name: output $i of the predictor") for (i, key) in values_of(lines, "output"))
end

function training(name, lines, arrays)
    symbol, values = checkpoint(lines)
    data, label, batch = arrays[Symbol(word(lines, "data"))], arrays[Symbol(word(lines, "label"))], parse(Int, word(lines, "batch"))
    rows(array, first) = view(array, ntuple(_ -> Colon(), ndims(array) - 1)..., first:(first + batch - 1))
    executor = bound(symbol, values, Dict(:data => rows(data, 1), :softmax_label => rows(label, 1)), :write)
    names = [n for n in mx.list_arguments(symbol) if haskey(values, n)]
    optimizer = mx.Optimizer(word(lines, "optimizer"); (Symbol(o[1]) => parse(Float64, o[2]) for o in values_of(lines, "option"))...)
    relative, absolute = parse.(Float64, values_of(lines, "tolerance")[1])
    for (step, expected) in values_of(lines, "step")
        first_ = (parse(Int, step) - 1) * batch % length(label) + 1
        output = mx.forward(executor; is_train = true, data = rows(data, first_), softmax_label = rows(label, first_))[1]
        mx.backward(executor)
        mx.update!(optimizer, names, [executor.arg_dict[n] for n in names], [executor.grad_dict[n] for n in names])
        loss = mx.values(mx.update!(mx.CrossEntropy(eps = 0), [rows(label, first_)], [output]))[1].second
        if !isapprox(loss, parse(Float64, expected); rtol = relative, atol = absolute)
            println("$name: step $step: found $loss, expected $expected")
            return false
        end
    end
    found(n) = get(() -> executor.aux_dict[n], executor.arg_dict, n)
    return all(agrees(found(n), arrays[key], lines, "$name: $n after the last step") for (n, key) in by_name(lines, "final"))
end

function seeds(name, lines, arrays)
    mx.seed!(parse(Int, word(lines, "seed")))
    return agrees(call(lines, []), arrays[Symbol(values_of(lines, "out")[1][2])], lines, name)
end

"Records, or the batches of an iterator of the library."
data(name, lines, arrays) = isempty(values_of(lines, "records")) ? batches(name, lines, arrays) : records(name, lines, arrays)

function records(name, lines, arrays)
    source, packed = joinpath(FOLDER, word(lines, "records")), tempname()
    found = mx.RecordReader(collect, source)
    expected = values_of(lines, "record")
    good = length(found) == length(expected)
    mx.RecordWriter(packed) do writer
        for (record, line) in zip(found, expected)
            (key, content, flag, id, id2), labels = line[1:5], line[6:end]
            header, rest = mx.unpack_image(record)
            good &= record == Array(arrays[Symbol(key)]) && rest == Array(arrays[Symbol(content)])
            good &= header == mx.ImageHeader(parse(UInt32, flag), parse.(Float32, labels), parse(UInt64, id), parse(UInt64, id2))
            write(writer, mx.pack_image(header, rest))
        end
    end
    return good && read(packed) == read(source)
end

function batches(name, lines, arrays)
    options = Dict{Symbol,Any}(Symbol(p[1]) => String(p[2]) for p in values_of(lines, "set"))
    merge!(options, Dict(Symbol(f[1]) => joinpath(FOLDER, f[2]) for f in values_of(lines, "file")))
    iter = getfield(mx, Symbol(word(lines, "iterator")))(; options...)
    exact = [["tolerance", "0", "0"]]
    for epoch in unique(first.(values_of(lines, "batch")))
        expected = filter(line -> line[1] == epoch, values_of(lines, "batch"))
        found = collect(iter)
        length(found) == length(expected) || return false
        for (batch, (_, pad, data, label)) in zip(found, expected)
            batch.pad == parse(Int, pad) || return false
            agrees(batch.data[1], arrays[Symbol(data)], exact, "$name: $data") && agrees(batch.label[1], arrays[Symbol(label)], exact, "$name: $label") ||
                return false
        end
    end
    return true
end

const REPLAYS = ("operators" => (on_arrays, as_symbol), "models" => (model_by_executor, model_by_predictor), "training" => (training,), "seeds" => (seeds,), "data" => (data,))

for (stem, replays) in REPLAYS
    haskey(ENV, "MIXNET_CONFORMANCE") && !isfile(joinpath(FOLDER, "$stem.txt")) && continue
    arrays = mx.load(joinpath(FOLDER, "$stem.params"))
    for replay in replays, (name, lines) in cases(stem)
        @testset "$stem: $name ($replay)" begin
            @test replay(name, lines, arrays)
        end
    end
end
