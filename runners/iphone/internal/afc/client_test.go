package afc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

func upload(ctx context.Context, c *Client, path string, text []byte, offset int64) (acked int64, err error) {
	mode := Replace
	if offset > 0 {
		mode = Update
	}
	f, err := c.Open(ctx, path, mode)
	if err != nil {
		return 0, err
	}
	if err := f.Seek(ctx, offset); err != nil {
		return 0, err
	}
	if err := f.Upload(ctx, bytes.NewReader(text), offset, int64(len(text)), func(n int64) { acked = n }); err != nil {
		return acked, err
	}
	return acked, f.Close(ctx)
}

func TestUploadAndStream(t *testing.T) {
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, window*chunk + 17, 3*window*chunk + 5} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			ctx, phone := context.Background(), newFakePhone()
			c, want := phone.dial(t), random(size)
			acked, err := upload(ctx, c, "model", want, 0)
			if err != nil || acked != int64(size) {
				t.Fatalf("Upload acknowledged %d of %d, %v", acked, size, err)
			}
			if !bytes.Equal(phone.files["model"], want) {
				t.Fatal("the phone has other bytes than were sent")
			}
			f, err := c.Open(ctx, "model", Read)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := f.Stream(ctx, &got, int64(size)); err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("Stream gave %d bytes, %v", got.Len(), err)
			}
			if more, err := f.Next(ctx, 100); err != nil || len(more) != 0 {
				t.Errorf("Next at the end = %d bytes, %v; want none and no error", len(more), err)
			}
			if info, err := c.Stat(ctx, "model"); err != nil || info.Size != int64(size) || info.Dir {
				t.Errorf("Stat = %+v, %v", info, err)
			}
		})
	}
}

func TestUploadGoesOnAfterABreak(t *testing.T) {
	ctx, phone := context.Background(), newFakePhone()
	want := random(5*chunk + 9)
	phone.cutAt = 3
	acked, err := upload(ctx, phone.dial(t), "model", want, 0)
	if err == nil {
		t.Fatal("a broken connection gave no error")
	}
	if acked > 3*chunk {
		t.Errorf("acknowledged %d bytes, the phone took %d", acked, 3*chunk)
	}
	phone.cutAt = 0
	c := phone.dial(t)
	info, err := c.Stat(ctx, "model")
	if err != nil || info.Size < acked {
		t.Fatalf("the phone has %d bytes, acknowledged were %d, %v", info.Size, acked, err)
	}
	if _, err := upload(ctx, c, "model", want, info.Size); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(phone.files["model"], want) {
		t.Error("the resumed file differs")
	}
}

func TestUploadToAFullPhone(t *testing.T) {
	phone := newFakePhone()
	phone.free = 2 * chunk
	_, err := upload(context.Background(), phone.dial(t), "model", random(20*chunk), 0)
	if !errors.Is(err, StatusNoSpace) || !strings.Contains(err.Error(), "no space") {
		t.Errorf("error = %v, want no space left", err)
	}
}

type failingReader struct{}

func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func TestUploadOfAnUnreadableFile(t *testing.T) {
	ctx, phone := context.Background(), newFakePhone()
	f, err := phone.dial(t).Open(ctx, "x", Replace)
	if err != nil {
		t.Fatal(err)
	}
	var source *SourceError
	if err := f.Upload(ctx, failingReader{}, 0, 10, func(int64) {}); !errors.As(err, &source) {
		t.Errorf("error = %v, want one that names the host's file", err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	phone := newFakePhone()
	phone.mute = true
	ctx, cancel := context.WithCancel(context.Background())
	c := phone.dial(t)
	done := make(chan error, 1)
	go func() { _, err := c.Stat(ctx, "x"); done <- err }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Stat = %v, want the context's error", err)
	}
}

func TestAMutePhoneIsGivenUp(t *testing.T) {
	phone := newFakePhone()
	phone.mute = true
	c := phone.dial(t)
	c.stall = time.Millisecond
	if _, err := c.Stat(context.Background(), "x"); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("Stat = %v, want no answer", err)
	}
}

func TestNamesOfErrors(t *testing.T) {
	c := newFakePhone().dial(t)
	ctx := context.Background()
	if _, err := c.Open(ctx, "absent", Read); !IsNotFound(err) || err.Error() != "open absent: no such file" {
		t.Errorf("Open = %v", err)
	}
	if err := c.RemoveAll(ctx, "absent"); err != nil {
		t.Errorf("RemoveAll of nothing = %v", err)
	}
	if _, err := c.SHA1(ctx, "x"); err == nil {
		t.Error("a phone that cannot hash gave no error")
	}
	if s, err := c.Space(ctx); err != nil || s.Free != 42 || s.Total != 128e9 {
		t.Errorf("Space = %+v, %v", s, err)
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(appendPacket(nil, 1, 1, words(0), 0))
	f.Add(append(appendPacket(nil, 7, 2, nil, 3), 1, 2, 3))
	f.Add([]byte("CFA6LPAA"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := readAnswer(bytes.NewReader(b))
		if err == nil {
			a.status()
			a.value()
			pairs(a.data)
		}
	})
}
