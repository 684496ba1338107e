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

// PolySchedule falls from rate to final as (1 - progress) to a power, over so many updates.
func PolySchedule(rate, final, power float64, updates int) Schedule {
	return annealed(rate, final, updates, func(progress float64) float64 { return math.Pow(1-progress, power) })
}

// CosineSchedule falls from rate to final along half a cosine (Loshchilov and Hutter, 2017).
func CosineSchedule(rate, final float64, updates int) Schedule {
	return annealed(rate, final, updates, func(progress float64) float64 { return (1 + math.Cos(math.Pi*progress)) / 2 })
}

func annealed(rate, final float64, updates int, remaining func(float64) float64) Schedule {
	return func(update int) float64 {
		progress := math.Min(1, float64(update)/float64(updates))
		return final + (rate-final)*remaining(progress)
	}
}

// Warmup rises linearly from begin to rate over so many updates; then the schedule counts on from 1.
func Warmup(begin, rate float64, updates int, then Schedule) Schedule {
	return func(update int) float64 {
		if update < updates {
			return begin + (rate-begin)*float64(update)/float64(updates)
		}
		return then(update - updates + 1)
	}
}
