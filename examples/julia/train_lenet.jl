# Train LeNet on Fashion-MNIST; with the same seed every language's program prints the same losses (see examples/python/train_lenet.py).
#
#     julia --project=bindings/julia examples/julia/train_lenet.jl --epochs 3 --limit 0 --prefix PATH --data FOLDER

using MixNet

const BATCH = 100

"An idx file: big-endian extents, then bytes. The first axis of the file is the last of the array."
function read_idx(path)
    bytes = read(`gzip -dc $path`)
    extents = [Int(ntoh(reinterpret(UInt32, bytes[(4k + 1):(4k + 4)])[1])) for k in 1:bytes[4]]
    return reshape(bytes[(4 * length(extents) + 5):end], reverse(extents)...)
end

"Images of size (28, 28, 1, N) in [0, 1] and labels, as arrays of the library; the first `limit` of them, 0 means all."
function load(folder, part, limit = 0)
    images = read_idx(joinpath(folder, "$part-images-idx3-ubyte.gz"))
    labels = read_idx(joinpath(folder, "$part-labels-idx1-ubyte.gz"))
    count = limit == 0 ? length(labels) : min(limit, length(labels))
    pixels = reshape(images[:, :, 1:count], 28, 28, 1, count)
    return mx.NDArray(Float32.(pixels) ./ 255.0f0), mx.NDArray(Float32.(labels[1:count]))
end

"Two convolutions and two full layers (LeCun et al., 1998)."
lenet() = @mx.chain mx.Variable(:data) =>
    mx.Convolution(kernel = (5, 5), num_filter = 20, name = :conv1) =>
    mx.Activation(act_type = :tanh, name = :tanh1) =>
    mx.Pooling(pool_type = :max, kernel = (2, 2), stride = (2, 2), name = :pool1) =>
    mx.Convolution(kernel = (5, 5), num_filter = 50, name = :conv2) =>
    mx.Activation(act_type = :tanh, name = :tanh2) =>
    mx.Pooling(pool_type = :max, kernel = (2, 2), stride = (2, 2), name = :pool2) =>
    mx.Flatten(name = :flatten) =>
    mx.FullyConnected(num_hidden = 500, name = :fc1) =>
    mx.Activation(act_type = :tanh, name = :tanh3) =>
    mx.FullyConnected(num_hidden = 10, name = :fc2) =>
    mx.SoftmaxOutput(name = :softmax)

"Text of a number with so many digits behind the point."
fixed(value, digits) = (whole = round(Int, value * 10^digits); string(whole ÷ 10^digits, ".", lpad(whole % 10^digits, digits, '0')))

function report(state)
    loss, accuracy = last.(state.train_metrics)
    println("epoch=$(state.epoch) loss=$(fixed(loss, 6)) accuracy=$(fixed(accuracy, 6)) seconds=$(fixed(state.seconds, 2))")
end

function options(arguments)
    found = Dict("epochs" => "3", "limit" => "0", "prefix" => "", "data" => "/usr/share/datasets/fashion-mnist")
    for i in 1:2:length(arguments)
        key = lstrip(arguments[i], '-')
        haskey(found, key) && i < length(arguments) || error("expected --$(join(sort(collect(keys(found))), ", --")) with a value, got $(arguments[i])")
        found[key] = arguments[i + 1]
    end
    return found
end

function main(arguments)
    given = options(arguments)
    epochs = parse(Int, given["epochs"])
    images, labels = load(given["data"], "train", parse(Int, given["limit"]))
    test_images, test_labels = load(given["data"], "t10k")
    train = mx.ArrayDataProvider(images, labels; batch_size = BATCH, shuffle = true)
    test = mx.ArrayDataProvider(test_images, test_labels; batch_size = BATCH)
    mx.seed!(42)
    model = mx.FeedForward(lenet())
    optimizer = mx.SGD(lr = 0.05, momentum = 0.9, wd = 0.0001)
    mx.fit(model, optimizer, train; n_epoch = epochs, initializer = mx.Xavier(), eval_metric = [:ce, :acc], callbacks = [mx.every_n_epoch(report)])
    println("test accuracy=", fixed(mx.score(model, test, :acc)[1].second, 6))
    isempty(given["prefix"]) || mx.save_checkpoint(given["prefix"], epochs, model)
end

# Ctrl-C ends a script by an exception, as it does at Julia's prompt, and not by a dump of the stack.
Base.exit_on_sigint(false)
try
    main(ARGS)
catch error
    error isa InterruptException || rethrow()
    println(stderr, "interrupted")
    exit(130)
end
