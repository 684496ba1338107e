package mixnet

import (
	"runtime"
	"strconv"
	"strings"

	"mixnet.dev/mixnet/capi"
)

// OptimizerOptions name an optimizer and its options; the structs of package optim do.
type OptimizerOptions interface {
	Options() (name string, options map[string]string)
}

// Optimizer changes weights along gradients. Its states, by the parameters' names, are kept in the library.
type Optimizer struct {
	resource[capi.Optimizer]
	scaled bool // rescale_grad was given
	rate   float64
}

// NewOptimizer makes an optimizer.
func NewOptimizer(options OptimizerOptions) (*Optimizer, error) {
	name, given := options.Options()
	keys := sortedKeys(given)
	values := make([]string, len(keys))
	for i, key := range keys {
		values[i] = given[key]
	}
	handle, err := capi.OptimizerCreate(name, keys, values, int32(len(keys)))
	if err != nil {
		return nil, err
	}
	o := &Optimizer{resource: resource[capi.Optimizer]{handle: handle, free: capi.OptimizerFree}}
	_, o.scaled = given["rescale_grad"]
	runtime.SetFinalizer(o, func(o *Optimizer) { o.close() })
	return o, nil
}

// Close gives the optimizer and its states back; a store that uses it keeps it.
func (o *Optimizer) Close() error { return o.close() }

// Update makes one step of every weight along its gradient, in place. Weight decay counts for keys that end in _weight or _gamma, unless
// SetMultipliers says otherwise.
func (o *Optimizer) Update(keys []string, weights, grads []*NDArray) error {
	handle, err := o.open("Optimizer.Update")
	if err != nil {
		return err
	}
	if len(weights) != len(keys) || len(grads) != len(keys) {
		return failf(CodeInvalid, "[Optimizer.Update] arrays: expected %d weights and gradients, got %d and %d", len(keys), len(weights), len(grads))
	}
	w, err := handles("Optimizer.Update", weights)
	if err != nil {
		return err
	}
	g, err := handles("Optimizer.Update", grads)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(o)
	defer runtime.KeepAlive(weights)
	defer runtime.KeepAlive(grads)
	return capi.OptimizerUpdate(handle, keys, w, g, int64(len(keys)))
}

// Set changes an option such as "learning_rate" from the next step on.
func (o *Optimizer) Set(option string, value float64) error {
	handle, err := o.open("Optimizer.Set")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(o)
	return capi.OptimizerSet(handle, option, value)
}

// SetMultipliers sets factors of the learning rate and of the weight decay of one key.
func (o *Optimizer) SetMultipliers(key string, rate, decay float64) error {
	handle, err := o.open("Optimizer.SetMultipliers")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(o)
	return capi.OptimizerSetMultipliers(handle, key, rate, decay)
}

// Save writes states and counts of steps to a .params file.
func (o *Optimizer) Save(path string) error {
	handle, err := o.open("Optimizer.Save")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(o)
	return capi.OptimizerSave(handle, path)
}

// Load reads what Save of an optimizer of the same kind wrote.
func (o *Optimizer) Load(path string) error {
	handle, err := o.open("Optimizer.Load")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(o)
	return capi.OptimizerLoad(handle, path)
}

// SetOptimizer makes every push a step of the optimizer on what is stored. Store and optimizer share its states.
func (k *KVStore) SetOptimizer(optimizer *Optimizer) error {
	store, err := k.open("SetOptimizer")
	if err != nil {
		return err
	}
	handle, err := optimizer.open("SetOptimizer")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(k)
	defer runtime.KeepAlive(optimizer)
	return capi.KvstoreSetOptimizer(store, handle)
}

// takeAttributes sets the multipliers that a symbol's attributes __lr_mult__ and __wd_mult__ tell.
func (o *Optimizer) takeAttributes(symbol *Symbol, params []string) error {
	attributes, err := symbol.Attributes()
	if err != nil {
		return err
	}
	for _, name := range params {
		rate, decay := attributes[name]["__lr_mult__"], attributes[name]["__wd_mult__"]
		if rate == "" && decay == "" {
			continue
		}
		factors := [2]float64{1, 0}
		if strings.HasSuffix(name, "_weight") || strings.HasSuffix(name, "_gamma") {
			factors[1] = 1
		}
		for i, text := range []string{rate, decay} {
			if text == "" {
				continue
			}
			if factors[i], err = strconv.ParseFloat(text, 64); err != nil {
				return failf(CodeInvalid, "[%s] multiplier: expected a number, got %q", name, text)
			}
		}
		if err := o.SetMultipliers(name, factors[0], factors[1]); err != nil {
			return err
		}
	}
	return nil
}

// schedule sets the learning rate of an update, counted from 1.
func (o *Optimizer) schedule(schedule Schedule, update int) error {
	rate := schedule(update)
	if rate == o.rate {
		return nil
	}
	o.rate = rate
	return o.Set("learning_rate", rate)
}
