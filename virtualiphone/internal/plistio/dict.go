package plistio

// Dict is a plist dictionary as a host sent it. Its readers give the zero value for what is absent or of another type.
type Dict map[string]any

// String returns the text under key.
func (d Dict) String(key string) string {
	s, _ := d[key].(string)
	return s
}

// Has reports whether key is present, of whatever type.
func (d Dict) Has(key string) bool {
	_, ok := d[key]
	return ok
}

// Uint returns the non-negative integer under key.
func (d Dict) Uint(key string) uint64 {
	switch n := d[key].(type) {
	case uint64:
		return n
	case int64:
		return uint64(max(n, 0))
	default:
		return 0
	}
}

// Bool returns the boolean under key; hosts also write 1 for true.
func (d Dict) Bool(key string) bool {
	if b, ok := d[key].(bool); ok {
		return b
	}
	return d.Uint(key) != 0
}

// Bytes returns the data under key; text counts as its bytes, since some hosts send PEM as a string.
func (d Dict) Bytes(key string) []byte {
	switch b := d[key].(type) {
	case []byte:
		return b
	case string:
		return []byte(b)
	default:
		return nil
	}
}

// Dict returns the dictionary under key.
func (d Dict) Dict(key string) Dict {
	m, _ := d[key].(map[string]any)
	return m
}

// Strings returns the texts of the array under key; a single text counts as an array of one.
func (d Dict) Strings(key string) []string {
	switch v := d[key].(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, item := range v {
			if s, ok := item.(string); ok {
				out = append(out, s)
			}
		}
		return out
	default:
		return nil
	}
}
