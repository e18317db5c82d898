// Package guard bounds a call into code that knows no context: in come a context, the connection that the call blocks
// on, and the call; out comes its error. When the context ends first the connection is closed, which ends the call.
// A panic inside the call becomes an error. Guard never starts work of its own and never outlives the call.
package guard

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
)

// Panic is a panic of the guarded call.
type Panic struct {
	Value any
	Stack string
}

func (p *Panic) Error() string { return fmt.Sprintf("the device library panicked: %v", p.Value) }

// Do runs call. c is closed if ctx ends before call returns; after that c is useless. c may be nil for calls that do
// not block.
func Do(ctx context.Context, c io.Closer, call func() error) (err error) {
	if err = context.Cause(ctx); err != nil {
		return err
	}
	if c != nil {
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		defer func() {
			if !stop() && err != nil { // closed under the call: what it says of the connection is our doing
				err = context.Cause(ctx)
			}
		}()
	}
	return Recover(call)
}

// Recover runs call and returns its panic as an error.
func Recover(call func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{Value: v, Stack: string(debug.Stack())}
		}
	}()
	return call()
}
