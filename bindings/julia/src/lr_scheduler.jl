# Learning rates as functions of the number of updates, with an optional warm-up.

"""
    LRScheduler

A schedule is called with the number of the update (from 1) and gives the learning rate. Any function will do where one is expected.
"""
abstract type LRScheduler end

"The rise at the start: linear, or constant, for `steps` updates."
struct WarmUp
    steps::Int
    from::Float64
    to::Float64
    mode::Symbol
    function WarmUp(steps, from, to, mode)
        from <= to || throw(MXError("[LRScheduler] warmup_begin_lr: expected at most base_lr $to, got $from"))
        steps >= 0 || throw(MXError("[LRScheduler] warmup_steps: expected at least 0, got $steps"))
        mode in (:linear, :constant) || throw(MXError("[LRScheduler] warmup_mode: expected :linear or :constant, got $(repr(mode))"))
        return new(steps, from, to, mode)
    end
end

rise(warm_up::WarmUp, update) = warm_up.mode === :constant ? warm_up.from : warm_up.from + (warm_up.to - warm_up.from) * update / warm_up.steps

(schedule::LRScheduler)(update::Integer) = update < schedule.warm_up.steps ? rise(schedule.warm_up, update) : rate(schedule, update)

"""
    FactorScheduler(step; factor = 1, stop_factor_lr = 1e-8, base_lr = 0.01, warmup_steps = 0, warmup_begin_lr = 0, warmup_mode = :linear)

Multiplies by `factor` every `step` updates, down to stop_factor_lr.
"""
struct FactorScheduler <: LRScheduler
    step::Int
    factor::Float64
    stop::Float64
    base_lr::Float64
    warm_up::WarmUp
end

function FactorScheduler(step::Integer; factor = 1, stop_factor_lr = 1e-8, base_lr = 0.01, warmup_steps = 0, warmup_begin_lr = 0, warmup_mode = :linear)
    step >= 1 || throw(MXError("[FactorScheduler] step: expected at least 1, got $step"))
    factor <= 1 || throw(MXError("[FactorScheduler] factor: expected at most 1, got $factor"))
    return FactorScheduler(step, factor, stop_factor_lr, base_lr, WarmUp(warmup_steps, warmup_begin_lr, base_lr, warmup_mode))
end

function rate(schedule::FactorScheduler, update)
    times = max(0, cld(update, schedule.step) - 1)
    return times == 0 ? schedule.base_lr : max(schedule.base_lr * schedule.factor^times, schedule.stop)
end

"""
    MultiFactorScheduler(steps; factor = 1, base_lr = 0.01, ...)

Multiplies by `factor` after each of the given numbers of updates.
"""
struct MultiFactorScheduler <: LRScheduler
    steps::Vector{Int}
    factor::Float64
    base_lr::Float64
    warm_up::WarmUp
end

function MultiFactorScheduler(steps; factor = 1, base_lr = 0.01, warmup_steps = 0, warmup_begin_lr = 0, warmup_mode = :linear)
    !isempty(steps) && all(s -> s >= 1, steps) && issorted(steps; lt = <=) ||
        throw(MXError("[MultiFactorScheduler] steps: expected increasing numbers of at least 1, got $steps"))
    factor <= 1 || throw(MXError("[MultiFactorScheduler] factor: expected at most 1, got $factor"))
    return MultiFactorScheduler(collect(Int, steps), factor, base_lr, WarmUp(warmup_steps, warmup_begin_lr, base_lr, warmup_mode))
end

rate(schedule::MultiFactorScheduler, update) = schedule.base_lr * schedule.factor^count(step -> update > step, schedule.steps)

"What falls to final_lr over max_update updates; `shape` is the share left as a function of the progress."
struct Annealing <: LRScheduler
    max_update::Int
    base_lr::Float64
    final_lr::Float64
    shape::Function
    warm_up::WarmUp
end

function Annealing(max_update, base_lr, final_lr, shape, place, warmup_steps, warmup_begin_lr, warmup_mode)
    max_update >= 1 || throw(MXError("[$place] max_update: expected at least 1, got $max_update"))
    return Annealing(max_update, base_lr, final_lr, shape, WarmUp(warmup_steps, warmup_begin_lr, base_lr, warmup_mode))
end

function rate(schedule::Annealing, update)
    done = min(update, schedule.max_update) - schedule.warm_up.steps
    progress = done / max(1, schedule.max_update - schedule.warm_up.steps)
    return schedule.final_lr + (schedule.base_lr - schedule.final_lr) * schedule.shape(progress)
end

"""
    PolyScheduler(max_update; base_lr = 0.01, pwr = 2, final_lr = 0, ...)

Falls to final_lr as (1 - progress) to the power `pwr`.
"""
PolyScheduler(max_update::Integer; base_lr = 0.01, pwr = 2, final_lr = 0, warmup_steps = 0, warmup_begin_lr = 0, warmup_mode = :linear) =
    Annealing(max_update, base_lr, final_lr, progress -> (1 - progress)^pwr, "PolyScheduler", warmup_steps, warmup_begin_lr, warmup_mode)

"""
    CosineScheduler(max_update; base_lr = 0.01, final_lr = 0, ...)

Falls to final_lr along half a cosine (Loshchilov and Hutter, 2017).
"""
CosineScheduler(max_update::Integer; base_lr = 0.01, final_lr = 0, warmup_steps = 0, warmup_begin_lr = 0, warmup_mode = :linear) =
    Annealing(max_update, base_lr, final_lr, progress -> (1 + cos(pi * progress)) / 2, "CosineScheduler", warmup_steps, warmup_begin_lr, warmup_mode)
