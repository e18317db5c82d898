package plistio

import (
	"errors"
	"io"
)

// ErrDone is what a handler returns when the conversation is over: the host has said goodbye, or the stream goes on as
// something else.
var ErrDone = errors.New("conversation over")

// Serve hands every request of a host to handle, one at a time, until the host hangs up between requests or handle
// returns ErrDone; both are no error. Any other error of handle's, or of what the host sent, ends the conversation and is
// returned.
func (c *Conn) Serve(handle func(request Dict) error) error {
	for {
		request, err := c.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := handle(request); errors.Is(err, ErrDone) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
