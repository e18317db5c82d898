package afc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
			require.NoError(t, err, "Upload acknowledged")
			require.Equal(t, int64(size), acked, "Upload acknowledged")
			require.True(t, bytes.Equal(phone.files["model"], want), "the phone has other bytes than were sent")
			f, err := c.Open(ctx, "model", Read)
			require.NoError(t, err)
			var got bytes.Buffer
			err = f.Stream(ctx, &got, int64(size))
			require.NoError(t, err, "Stream gave %d bytes", got.Len())
			assert.True(t, bytes.Equal(got.Bytes(), want), "Stream gave %d bytes", got.Len())
			more, err := f.Next(ctx, 100)
			require.NoError(t, err, "Next at the end: want none and no error")
			assert.Empty(t, more, "Next at the end: want none and no error")
			info, err := c.Stat(ctx, "model")
			require.NoError(t, err, "Stat")
			assert.Equal(t, int64(size), info.Size, "Stat")
			assert.False(t, info.Dir, "Stat")
		})
	}
}

func TestUploadGoesOnAfterABreak(t *testing.T) {
	ctx, phone := context.Background(), newFakePhone()
	want := random(5*chunk + 9)
	phone.cutAt = 3
	acked, err := upload(ctx, phone.dial(t), "model", want, 0)
	require.Error(t, err, "a broken connection gave no error")
	assert.LessOrEqual(t, acked, int64(3*chunk), "acknowledged %d bytes, the phone took %d", acked, 3*chunk)
	phone.cutAt = 0
	c := phone.dial(t)
	info, err := c.Stat(ctx, "model")
	require.NoError(t, err)
	require.GreaterOrEqual(t, info.Size, acked, "the phone has %d bytes, acknowledged were %d, %v", info.Size, acked, err)
	_, err = upload(ctx, c, "model", want, info.Size)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(phone.files["model"], want), "the resumed file differs")
}

func TestUploadToAFullPhone(t *testing.T) {
	phone := newFakePhone()
	phone.free = 2 * chunk
	_, err := upload(context.Background(), phone.dial(t), "model", random(20*chunk), 0)
	require.ErrorIs(t, err, StatusNoSpace)
	require.ErrorContains(t, err, "no space")
}

type failingReader struct{}

func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func TestUploadOfAnUnreadableFile(t *testing.T) {
	ctx, phone := context.Background(), newFakePhone()
	f, err := phone.dial(t).Open(ctx, "x", Replace)
	require.NoError(t, err)
	var source *SourceError
	require.ErrorAs(t, f.Upload(ctx, failingReader{}, 0, 10, func(int64) {}), &source, "error: want one that names the host's file")
}

func TestACallEndsWithItsContext(t *testing.T) {
	phone := newFakePhone()
	phone.mute = true
	ctx, cancel := context.WithCancel(context.Background())
	c := phone.dial(t)
	done := make(chan error, 1)
	go func() { _, err := c.Stat(ctx, "x"); done <- err }()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled, "Stat")
}

func TestAMutePhoneIsGivenUp(t *testing.T) {
	phone := newFakePhone()
	phone.mute = true
	c := phone.dial(t)
	c.stall = time.Millisecond
	_, err := c.Stat(context.Background(), "x")
	require.ErrorContains(t, err, "no answer", "Stat")
}

func TestNamesOfErrors(t *testing.T) {
	c := newFakePhone().dial(t)
	ctx := context.Background()
	_, err := c.Open(ctx, "absent", Read)
	require.True(t, IsNotFound(err), "Open")
	require.EqualError(t, err, "open absent: no such file", "Open")
	require.NoError(t, c.RemoveAll(ctx, "absent"), "RemoveAll of nothing")
	_, err = c.SHA1(ctx, "x")
	require.Error(t, err, "a phone that cannot hash gave no error")
	s, err := c.Space(ctx)
	require.NoError(t, err, "Space")
	assert.Equal(t, int64(42), s.Free, "Space")
	assert.Equal(t, int64(128e9), s.Total, "Space")
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
