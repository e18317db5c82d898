package afc

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	afcwire "github.com/danielpaulus/go-ios/ios/afc"

	"github.com/lilims/bench/runners/iphone/internal/guard"
)

// stallLimit is how long one answer may take before the connection counts as dead. A phone that writes a megabyte to
// flash while it compiles a model has been seen to take seconds, never this long.
const stallLimit = 45 * time.Second

// Client is one AFC connection.
type Client struct {
	conn  net.Conn
	in    *bufio.Reader
	next  uint64 // number of the next request
	stall time.Duration
}

// New takes over a connection on which AFC is spoken.
func New(conn net.Conn) *Client {
	return &Client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), stall: stallLimit}
}

// Close ends the connection; the phone closes what is open on it.
func (c *Client) Close() error { return c.conn.Close() }

// call sends one request and returns its answer. A status other than success is an error.
func (c *Client) call(ctx context.Context, what string, op uint64, args []byte) (answer, error) {
	var a answer
	err := c.within(ctx, func() (err error) {
		number, err := c.send(op, args, nil)
		if err != nil {
			return err
		}
		a, err = c.receive(number)
		return err
	})
	if err != nil {
		return a, fmt.Errorf("%s: %w", what, err)
	}
	return a, nil
}

// within runs one exchange under the context and the stall limit.
func (c *Client) within(ctx context.Context, exchange func() error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.stall, fmt.Errorf("no answer from the phone for %v", c.stall))
	defer cancel()
	return guard.Do(ctx, c.conn, exchange)
}

func (c *Client) send(op uint64, args, data []byte) (number uint64, err error) {
	number = c.next
	c.next++
	packet := appendPacket(make([]byte, 0, headerSize+len(args)), number, op, args, len(data))
	buffers := net.Buffers{packet}
	if len(data) > 0 {
		buffers = append(buffers, data)
	}
	_, err = buffers.WriteTo(c.conn)
	return number, err
}

func (c *Client) receive(number uint64) (answer, error) {
	a, err := readAnswer(c.in)
	if err != nil {
		return a, err
	}
	if a.number != number {
		return a, fmt.Errorf("AFC out of step: answer %d to request %d", a.number, number)
	}
	return a, a.status()
}

// Info is the phone's information on a file.
type Info struct {
	Size     int64
	Dir      bool
	Modified time.Time
}

// Stat returns information on a file or folder.
func (c *Client) Stat(ctx context.Context, path string) (Info, error) {
	a, err := c.call(ctx, "stat "+path, afcwire.Afc_operation_file_info, cstring(path))
	if err != nil {
		return Info{}, err
	}
	fields := pairs(a.data)
	size, err := strconv.ParseInt(fields["st_size"], 10, 64)
	if err != nil || size < 0 {
		return Info{}, fmt.Errorf("stat %s: size is %q", path, fields["st_size"])
	}
	info := Info{Size: size, Dir: fields["st_ifmt"] == "S_IFDIR"}
	if ns, err := strconv.ParseInt(fields["st_mtime"], 10, 64); err == nil {
		info.Modified = time.Unix(0, ns)
	}
	return info, nil
}

// pairs reads the phone's "key\0value\0…" lists.
func pairs(b []byte) map[string]string {
	parts := strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
	out := map[string]string{}
	for i := 0; i+1 < len(parts); i += 2 {
		out[parts[i]] = parts[i+1]
	}
	return out
}

// List names what is in a folder, without "." and "..".
func (c *Client) List(ctx context.Context, dir string) ([]string, error) {
	a, err := c.call(ctx, "list "+dir, afcwire.Afc_operation_read_dir, cstring(dir))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range strings.Split(string(a.data), "\x00") {
		if name != "" && name != "." && name != ".." {
			names = append(names, name)
		}
	}
	return names, nil
}

// MkdirAll makes a folder and those above it; one that exists already is fine.
func (c *Client) MkdirAll(ctx context.Context, path string) error {
	_, err := c.call(ctx, "make folder "+path, afcwire.Afc_operation_make_dir, cstring(path))
	return err
}

// RemoveAll removes a file or a folder with all in it; nothing there is fine.
func (c *Client) RemoveAll(ctx context.Context, path string) error {
	_, err := c.call(ctx, "remove "+path, afcwire.Afc_operation_remove_path_and_contents, cstring(path))
	if IsNotFound(err) {
		return nil
	}
	return err
}

// Rename moves a file, over one of that name if there is one.
func (c *Client) Rename(ctx context.Context, from, to string) error {
	_, err := c.call(ctx, "rename "+from, opRename, append(cstring(from), cstring(to)...))
	return err
}

// Space is the phone's storage in bytes.
type Space struct{ Total, Free int64 }

// Space asks how much storage is left.
func (c *Client) Space(ctx context.Context) (Space, error) {
	a, err := c.call(ctx, "ask for free space", afcwire.Afc_operation_device_info, nil)
	if err != nil {
		return Space{}, err
	}
	fields := pairs(a.data)
	total, err1 := strconv.ParseInt(fields["FSTotalBytes"], 10, 64)
	free, err2 := strconv.ParseInt(fields["FSFreeBytes"], 10, 64)
	if err1 != nil || err2 != nil {
		return Space{}, fmt.Errorf("ask for free space: the phone says total %q, free %q", fields["FSTotalBytes"], fields["FSFreeBytes"])
	}
	return Space{total, free}, nil
}

// SHA1 asks the phone for a file's digest. Versions that cannot give it answer with an error.
func (c *Client) SHA1(ctx context.Context, path string) ([]byte, error) {
	a, err := c.call(ctx, "hash "+path, opHash, cstring(path))
	if err != nil {
		return nil, err
	}
	if len(a.data) != 20 {
		return nil, fmt.Errorf("hash %s: %d bytes, want 20", path, len(a.data))
	}
	return a.data, nil
}
