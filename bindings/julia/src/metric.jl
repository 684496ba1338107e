# Metrics: what a model's outputs are worth, summed over batches on the host.

"""
    EvalMetric

`update!(metric, labels, preds)` takes a batch in, `values(metric)` gives pairs of name and value, `reset!(metric)` begins anew. A subtype has the
fields `name`, `sum`, `count` and defines `measure(metric, label, pred) -> (sum, count)` on Julia arrays, whose last axis counts examples.
"""
abstract type EvalMetric end

reset!(metric::EvalMetric) = (metric.sum = 0.0; metric.count = 0; metric)
Base.values(metric::EvalMetric) = [Symbol(metric.name) => metric.count == 0 ? NaN : metric.sum / metric.count]
Base.show(io::IO, metric::EvalMetric) = print(io, "mx.EvalMetric ", join(("$k = $v" for (k, v) in values(metric)), ", "))

host(array::NDArray) = Array(array)
host(array::AbstractArray) = array

function update!(metric::EvalMetric, labels::AbstractVector, preds::AbstractVector)
    length(labels) == length(preds) ||
        throw(MXError("[$(metric.name)] expected as many labels as predictions, got $(length(labels)) and $(length(preds))"))
    for (label, pred) in zip(labels, preds)
        total, count = measure(metric, host(label), host(pred))
        metric.sum += total
        metric.count += count
    end
    return metric
end

"Predictions as (inner, classes, examples): classes are the library's axis 1."
function by_class(pred::AbstractArray)
    ndims(pred) >= 2 || throw(MXError("[metric] pred: expected at least 2 dimensions, got size $(size(pred))"))
    extents = size(pred)
    return reshape(pred, prod(extents[1:(end - 2)]), extents[end - 1], extents[end])
end

function check_count(metric, label, expected)
    length(label) == expected || throw(MXError("[$(metric.name)] expected $expected labels, got $(length(label))"))
end

"The share of examples whose best class is the label."
mutable struct Accuracy <: EvalMetric
    name::String
    sum::Float64
    count::Int
end
Accuracy() = Accuracy("accuracy", 0.0, 0)

function measure(metric::Accuracy, label::AbstractArray, pred::AbstractArray)
    size(pred) == size(label) && return count(round.(pred) .== label), length(label)
    scores, hits, position = by_class(pred), 0, 0
    check_count(metric, label, size(scores, 1) * size(scores, 3))
    for example in 1:size(scores, 3), inner in 1:size(scores, 1)
        best = 1
        for class in 2:size(scores, 2)
            scores[inner, class, example] > scores[inner, best, example] && (best = class)
        end
        hits += label[position += 1] == best - 1
    end
    return hits, length(label)
end

"The share of examples whose label is among the `top_k` best classes."
mutable struct TopKAccuracy <: EvalMetric
    name::String
    top_k::Int
    sum::Float64
    count::Int
end
function TopKAccuracy(top_k::Integer)
    top_k >= 2 || throw(MXError("[TopKAccuracy] top_k: expected at least 2 (use Accuracy for 1), got $top_k"))
    return TopKAccuracy("top_k_accuracy_$top_k", top_k, 0.0, 0)
end

function measure(metric::TopKAccuracy, label::AbstractArray, pred::AbstractArray)
    scores = by_class(pred)
    check_count(metric, label, size(scores, 3))
    hits = count(1:size(scores, 3)) do example
        own = scores[1, Int(label[example]) + 1, example]
        count(s -> s > own, view(scores, 1, :, example)) < metric.top_k
    end
    return hits, length(label)
end

"The mean negative log probability of the labels."
mutable struct CrossEntropy <: EvalMetric
    name::String
    eps::Float64
    sum::Float64
    count::Int
end
CrossEntropy(; eps = 1e-12) = CrossEntropy("cross-entropy", eps, 0.0, 0)

function measure(metric::CrossEntropy, label::AbstractArray, pred::AbstractArray)
    scores, total = by_class(pred), 0.0
    check_count(metric, label, size(scores, 3))
    for example in 1:size(scores, 3)
        total -= log(scores[1, Int(label[example]) + 1, example] + metric.eps)
    end
    return total, length(label)
end

"A mean per batch of a function of label and prediction."
mutable struct Regression <: EvalMetric
    name::String
    error::Function
    sum::Float64
    count::Int
end
average(values) = sum(values) / length(values)
"The mean squared error."
MSE() = Regression("mse", (label, pred) -> average(abs2.(label .- pred)), 0.0, 0)
"The mean absolute error."
MAE() = Regression("mae", (label, pred) -> average(abs.(label .- pred)), 0.0, 0)
"The root of the mean squared error."
RMSE() = Regression("rmse", (label, pred) -> sqrt(average(abs2.(label .- pred))), 0.0, 0)

measure(metric::Regression, label::AbstractArray, pred::AbstractArray) =
    length(label) == length(pred) ? (metric.error(vec(label), vec(pred)), 1) :
    throw(MXError("[$(metric.name)] expected labels of size $(size(pred)), got $(size(label))"))

"The harmonic mean of precision and recall for labels 0 and 1, averaged over batches."
mutable struct F1 <: EvalMetric
    name::String
    sum::Float64
    count::Int
end
F1() = F1("f1", 0.0, 0)

function measure(metric::F1, label::AbstractArray, pred::AbstractArray)
    scores = by_class(pred)
    check_count(metric, label, size(scores, 3))
    all(l -> l in (0, 1), label) || throw(MXError("[f1] expected labels 0 and 1"))
    guess = [argmax(view(scores, 1, :, example)) - 1 for example in 1:size(scores, 3)]
    hits = count((guess .== 1) .& (vec(label) .== 1))
    return hits == 0 ? 0.0 : 2hits / (count(==(1), guess) + count(==(1), label)), 1
end

"""
    CustomMetric(f, name = "custom")

A metric from a function of (label, pred) as Julia arrays, which gives a value or (sum, count).
"""
mutable struct CustomMetric <: EvalMetric
    f::Function
    name::String
    sum::Float64
    count::Int
end
CustomMetric(f, name = "custom") = CustomMetric(f, string(name), 0.0, 0)
function measure(metric::CustomMetric, label::AbstractArray, pred::AbstractArray)
    result = metric.f(label, pred)
    return result isa Tuple ? result : (result, 1)
end

"Several metrics at once."
struct MultiMetric <: EvalMetric
    metrics::Vector{EvalMetric}
end
reset!(metric::MultiMetric) = (foreach(reset!, metric.metrics); metric)
Base.values(metric::MultiMetric) = reduce(vcat, map(values, metric.metrics))
function update!(metric::MultiMetric, labels::AbstractVector, preds::AbstractVector)
    labels, preds = map(host, labels), map(host, preds)
    foreach(m -> update!(m, labels, preds), metric.metrics)
    return metric
end

const METRICS = Dict{Symbol,Any}(:acc => Accuracy, :accuracy => Accuracy, :ce => CrossEntropy, Symbol("cross-entropy") => CrossEntropy, :mse => MSE,
                                      :mae => MAE, :rmse => RMSE, :f1 => F1)

"""
    metric(spec)

A metric from a name (`:acc`, `:ce`, `:mse`, `:mae`, `:rmse`, `:f1`), a function of (label, pred), a list of them, or a metric itself.
"""
metric(given::EvalMetric) = given
metric(given::Union{AbstractVector,Tuple}) = MultiMetric(EvalMetric[metric(m) for m in given])
metric(f::Function) = CustomMetric(f, string(nameof(f)))
metric(name::Union{Symbol,AbstractString}) = haskey(METRICS, Symbol(name)) ? METRICS[Symbol(name)]() :
    throw(MXError("[metric] expected one of $(join(sort(collect(keys(METRICS))), ", ")), got $name"))
