# Learning-rate schedules: functions of the number of the update, from 1 on, and of the learning rate to start from, for which an
# optimizer gives its own.

with_warmup <- function(base_lr, warmup_steps, warmup_begin_lr, after) {
  force(after)
  function(num_update, lr = base_lr) {
    if (num_update < warmup_steps) warmup_begin_lr + (lr - warmup_begin_lr) * num_update / warmup_steps else after(num_update, lr)
  }
}

mx.lr_scheduler.FactorScheduler <- function(step, factor = 1, stop_factor_lr = 1e-8, base_lr = 0.01, warmup_steps = 0,
                                            warmup_begin_lr = 0) {
  if (step < 1) refuse("FactorScheduler", "step", "at least 1", step)
  if (factor > 1) refuse("FactorScheduler", "factor", "at most 1", factor)
  with_warmup(base_lr, warmup_steps, warmup_begin_lr, function(num_update, lr) {
    falls <- max(0, ceiling(num_update / step) - 1)
    if (falls > 0) max(lr * factor^falls, stop_factor_lr) else lr
  })
}

mx.lr_scheduler.MultiFactorScheduler <- function(step, factor = 1, base_lr = 0.01, warmup_steps = 0, warmup_begin_lr = 0) {
  if (any(step < 1) || is.unsorted(step, strictly = TRUE)) refuse("MultiFactorScheduler", "step", "increasing numbers", toString(step))
  if (factor > 1) refuse("MultiFactorScheduler", "factor", "at most 1", factor)
  with_warmup(base_lr, warmup_steps, warmup_begin_lr, function(num_update, lr) lr * factor^sum(num_update > step))
}

annealed <- function(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, remaining) {
  if (max_update < 1) refuse("lr_scheduler", "max_update", "at least 1", max_update)
  with_warmup(base_lr, warmup_steps, warmup_begin_lr, function(num_update, lr) {
    progress <- (min(num_update, max_update) - warmup_steps) / max(1, max_update - warmup_steps)
    final_lr + (lr - final_lr) * remaining(progress)
  })
}

mx.lr_scheduler.PolyScheduler <- function(max_update, base_lr = 0.01, pwr = 2, final_lr = 0, warmup_steps = 0, warmup_begin_lr = 0) {
  annealed(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, function(progress) (1 - progress)^pwr)
}

mx.lr_scheduler.CosineScheduler <- function(max_update, base_lr = 0.01, final_lr = 0, warmup_steps = 0, warmup_begin_lr = 0) {
  annealed(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, function(progress) (1 + cos(pi * progress)) / 2)
}
