package mixnet

import "math"

// Schedule is the learning rate of an update; the first is 1.
type Schedule func(update int) float64

// FactorSchedule begins at rate and multiplies it by factor after every step updates, down to stop.
func FactorSchedule(rate, factor float64, step int, stop float64) Schedule {
	return func(update int) float64 {
		falls := (update - 1) / step
		if falls <= 0 {
			return rate
		}
		return math.Max(rate*math.Pow(factor, float64(falls)), stop)
	}
}

// MultiFactorSchedule begins at rate and multiplies it by factor after each of the given numbers of updates, which increase.
func MultiFactorSchedule(rate, factor float64, steps ...int) Schedule {
	return func(update int) float64 {
		now := rate
		for _, step := range steps {
			if update > step {
				now *= factor
			}
		}
		return now
	}
}

// PolySchedule falls from rate at one update to final at another, as (1 - progress) to a power.
func PolySchedule(rate, final, power float64, from, to int) Schedule {
	return annealed(rate, final, from, to, func(progress float64) float64 { return math.Pow(1-progress, power) })
}

// CosineSchedule falls from rate at one update to final at another, along half a cosine (Loshchilov and Hutter, 2017).
func CosineSchedule(rate, final float64, from, to int) Schedule {
	return annealed(rate, final, from, to, func(progress float64) float64 { return (1 + math.Cos(math.Pi*progress)) / 2 })
}

func annealed(rate, final float64, from, to int, remaining func(float64) float64) Schedule {
	return func(update int) float64 {
		progress := math.Max(0, math.Min(1, float64(update-from)/math.Max(1, float64(to-from))))
		return final + (rate-final)*remaining(progress)
	}
}

// Warmup rises linearly from begin to rate in the first updates; from then on the other schedule counts, which has counted along.
func Warmup(begin, rate float64, updates int, then Schedule) Schedule {
	return func(update int) float64 {
		if update < updates {
			return begin + (rate-begin)*float64(update)/float64(updates)
		}
		return then(update)
	}
}
