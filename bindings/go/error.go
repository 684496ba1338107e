package mixnet

import (
	"fmt"

	"mixnet.dev/mixnet/capi"
)

// Error is a failure that the library reports. Find it with errors.As, or ask for a kind with errors.Is(err, &Error{Code: CodeShape}).
type Error = capi.Error

// Codes of errors.
const (
	CodeInvalid     = capi.ErrorInvalid
	CodeShape       = capi.ErrorShape
	CodeType        = capi.ErrorType
	CodeMemory      = capi.ErrorMemory
	CodeDevice      = capi.ErrorDevice
	CodeIO          = capi.ErrorIo
	CodeNet         = capi.ErrorNet
	CodeUnsupported = capi.ErrorUnsupported
	CodeUser        = capi.ErrorUser
	CodeInternal    = capi.ErrorInternal
)

func failf(code int, format string, values ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, values...)}
}

// Must returns a value, and panics with an error: for nets and constants that cannot fail, or programs that may end.
func Must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
