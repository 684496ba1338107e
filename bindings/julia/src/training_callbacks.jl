# Callbacks of fit: functions of a TrainingState, called after every batch, and after every epoch with batch = 0.

"""
    every_n_batch(f, n)

Calls `f(state)` after every n-th batch.
"""
every_n_batch(f, n::Integer) = state -> state.batch > 0 && state.batch % n == 0 ? (f(state); nothing) : nothing

"""
    every_n_epoch(f, n = 1)

Calls `f(state)` at the end of every n-th epoch.
"""
every_n_epoch(f, n::Integer = 1) = state -> state.batch == 0 && state.epoch % n == 0 ? (f(state); nothing) : nothing

metrics_text(pairs) = join(("$name=$(round(value; digits = 6))" for (name, value) in pairs), " ")

"""
    speedometer(frequency = 50; io = stderr)

Reports examples per second and the metric every `frequency` batches.
"""
function speedometer(frequency::Integer = 50; io::IO = stderr)
    started = time()
    return function (state)
        if state.batch <= 1
            started = time()
        elseif state.batch % frequency == 0
            speed = frequency * state.batch_size / max(1e-9, time() - started)
            println(io, "epoch $(state.epoch) batch $(state.batch) $(round(speed; digits = 1)) examples/s ", metrics_text(values(state.metric)))
            started = time()
        end
        return nothing
    end
end

"Reports the training metric every n batches."
log_metric(n::Integer; io::IO = stderr) =
    every_n_batch(state -> println(io, "epoch $(state.epoch) batch $(state.batch) ", metrics_text(values(state.metric))), n)

"Reports metrics and time at the end of every epoch."
log_epoch(; io::IO = stderr) = every_n_epoch() do state
    println(io, "epoch $(state.epoch) train ", metrics_text(state.train_metrics), isempty(state.eval_metrics) ? "" : " eval ",
            metrics_text(state.eval_metrics), " seconds=", round(state.seconds; digits = 2))
end

"""
    do_checkpoint(prefix, frequency = 1)

Saves PREFIX-symbol.json and PREFIX-NNNN.params every `frequency` epochs.
"""
do_checkpoint(prefix::AbstractString, frequency::Integer = 1) = every_n_epoch(state -> save_checkpoint(prefix, state.epoch, state.model), frequency)

"""
    early_stopping(metric; patience = 2, best = :max)

Ends the training when a metric (of eval_data where there is one) has not improved for `patience` epochs; `best` is :max or :min.
"""
function early_stopping(name::Union{Symbol,AbstractString}; patience::Integer = 2, best::Symbol = :max)
    best in (:max, :min) || throw(MXError("[early_stopping] best: expected :max or :min, got $(repr(best))"))
    record, since = best === :max ? -Inf : Inf, 0
    return every_n_epoch() do state
        found = Dict(isempty(state.eval_metrics) ? state.train_metrics : state.eval_metrics)
        haskey(found, Symbol(name)) || throw(MXError("[early_stopping] metric: expected one of $(join(keys(found), ", ")), got $name"))
        value = found[Symbol(name)]
        better = best === :max ? value > record : value < record
        record, since = better ? (value, 0) : (record, since + 1)
        state.stop = since >= patience
    end
end
