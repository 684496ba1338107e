"""Learning rate schedules: functions of the number of updates, with an optional warm-up."""

from math import cos, pi


class LRScheduler:
    """Base: scheduler(num_update) gives the learning rate. Warm-up rises linearly, or stays constant, for warmup_steps updates."""

    def __init__(self, base_lr=0.01, warmup_steps=0, warmup_begin_lr=0, warmup_mode="linear"):
        if warmup_begin_lr > base_lr:
            raise ValueError(f"[LRScheduler] warmup_begin_lr: expected at most base_lr {base_lr}, got {warmup_begin_lr}")
        if warmup_steps < 0 or not isinstance(warmup_steps, int):
            raise ValueError(f"[LRScheduler] warmup_steps: expected an integer of at least 0, got {warmup_steps}")
        if warmup_mode not in ("linear", "constant"):
            raise ValueError(f"[LRScheduler] warmup_mode: expected linear or constant, got {warmup_mode!r}")
        self.base_lr = base_lr
        self.warmup_steps = warmup_steps
        self.warmup_begin_lr = warmup_begin_lr
        self.warmup_final_lr = base_lr
        self.warmup_mode = warmup_mode

    def get_warmup_lr(self, num_update):
        """The learning rate of an update during warm-up."""
        if self.warmup_mode == "constant":
            return self.warmup_begin_lr
        return self.warmup_begin_lr + (self.warmup_final_lr - self.warmup_begin_lr) * num_update / self.warmup_steps

    def __call__(self, num_update):
        raise NotImplementedError("[LRScheduler] a schedule defines __call__(num_update)")


class FactorScheduler(LRScheduler):
    """Multiplies by `factor` every `step` updates, down to stop_factor_lr."""

    def __init__(self, step, factor=1, stop_factor_lr=1e-8, base_lr=0.01, warmup_steps=0, warmup_begin_lr=0, warmup_mode="linear"):
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if step < 1:
            raise ValueError(f"[FactorScheduler] step: expected at least 1, got {step}")
        if factor > 1:
            raise ValueError(f"[FactorScheduler] factor: expected at most 1, got {factor}")
        self.step, self.factor, self.stop_factor_lr, self.count = step, factor, stop_factor_lr, 0

    def __call__(self, num_update):
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        while num_update > self.count + self.step:
            self.count += self.step
            self.base_lr = max(self.base_lr * self.factor, self.stop_factor_lr)
        return self.base_lr


class MultiFactorScheduler(LRScheduler):
    """Multiplies by `factor` after each of the given numbers of updates."""

    def __init__(self, step, factor=1, base_lr=0.01, warmup_steps=0, warmup_begin_lr=0, warmup_mode="linear"):
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if not step or any(s < 1 for s in step) or any(a >= b for a, b in zip(step, step[1:])):
            raise ValueError(f"[MultiFactorScheduler] step: expected increasing numbers of at least 1, got {step}")
        if factor > 1:
            raise ValueError(f"[MultiFactorScheduler] factor: expected at most 1, got {factor}")
        self.step, self.factor, self.cur_step_ind, self.count = list(step), factor, 0, 0

    def __call__(self, num_update):
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        while self.cur_step_ind < len(self.step) and num_update > self.step[self.cur_step_ind]:
            self.count = self.step[self.cur_step_ind]
            self.cur_step_ind += 1
            self.base_lr *= self.factor
        return self.base_lr


class _Annealing(LRScheduler):
    def __init__(self, max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode):
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if not isinstance(max_update, int) or max_update < 1:
            raise ValueError(f"[{type(self).__name__}] max_update: expected an integer of at least 1, got {max_update}")
        self.max_update, self.final_lr, self.base_lr_orig = max_update, final_lr, base_lr
        self.max_steps = max_update - warmup_steps

    def __call__(self, num_update):
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        if num_update <= self.max_update:
            progress = (num_update - self.warmup_steps) / max(1, self.max_steps)
            self.base_lr = self.final_lr + (self.base_lr_orig - self.final_lr) * self._remaining(progress)
        return self.base_lr


class PolyScheduler(_Annealing):
    """Falls to final_lr as (1 - progress) to the power `pwr`."""

    def __init__(self, max_update, base_lr=0.01, pwr=2, final_lr=0, warmup_steps=0, warmup_begin_lr=0, warmup_mode="linear"):
        super().__init__(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        self.power = pwr

    def _remaining(self, progress):
        return (1 - progress) ** self.power


class CosineScheduler(_Annealing):
    """Falls to final_lr along half a cosine (Loshchilov and Hutter, 2017)."""

    def __init__(self, max_update, base_lr=0.01, final_lr=0, warmup_steps=0, warmup_begin_lr=0, warmup_mode="linear"):
        super().__init__(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode)

    def _remaining(self, progress):
        return (1 + cos(pi * progress)) / 2
