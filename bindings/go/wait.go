package mixnet

import (
	"context"
	"fmt"

	"mixnet.dev/mixnet/capi"
)

// waiting makes a call that blocks, and ends it when the context ends. Cost: one goroutine, where the context can end at all.
func waiting(ctx context.Context, call func(*capi.WaitT) error) error {
	if ctx.Done() == nil {
		return call(nil)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("[wait] %w", err)
	}
	token, err := capi.CancelCreate()
	if err != nil {
		return err
	}
	defer capi.CancelFree(token)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-ctx.Done():
			capi.CancelTrigger(token)
		case <-stop:
		}
	}()
	err = call(&capi.WaitT{Cancel: token})
	close(stop)
	<-stopped
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %v", ctx.Err(), err)
	}
	return err
}
