package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lilims/bench/harness"
)

// field reads one key's value; the error says what was wanted instead.
type field func(n *yaml.Node) error

// take reads a mapping by its fields and reports unknown and repeated keys and values that do not fit.
func (r *reader) take(file string, n *yaml.Node, fields map[string]field) {
	known := make([]string, 0, len(fields))
	for key := range fields {
		known = append(known, key)
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, ok := fields[key.Value]
		if !ok {
			text := "unknown key"
			if near := harness.Near(key.Value, known); near != "" {
				text += fmt.Sprintf("; did you mean %q?", near)
			}
			r.wrong(file, key.Line, key.Value, "%s", text)
			continue
		}
		if line, twice := seen[key.Value]; twice {
			r.wrong(file, key.Line, key.Value, "given before in line %d", line)
			continue
		}
		seen[key.Value] = key.Line
		if err := read(value); err != nil {
			r.wrong(file, value.Line, key.Value, "%v", err)
		}
	}
}

func text(into *string) field {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			return fmt.Errorf("expected a text")
		}
		*into = n.Value
		return nil
	}
}

func texts(into *[]string) field {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.SequenceNode {
			return fmt.Errorf("expected a list")
		}
		for _, item := range n.Content {
			var s string
			if err := text(&s)(item); err != nil {
				return err
			}
			*into = append(*into, s)
		}
		return nil
	}
}

func whole[T ~int | ~int64 | ~uint64](into *T, least int64) field {
	return func(n *yaml.Node) error {
		v, err := strconv.ParseInt(n.Value, 10, 64)
		if n.Kind != yaml.ScalarNode || err != nil {
			return fmt.Errorf("%q is not a whole number", n.Value)
		}
		if v < least {
			return fmt.Errorf("%d is less than %d", v, least)
		}
		*into = T(v)
		return nil
	}
}

func wholes(into *[]int, least int64) field {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
			return fmt.Errorf("expected a list of whole numbers")
		}
		for _, item := range n.Content {
			var v int
			if err := whole(&v, least)(item); err != nil {
				return err
			}
			*into = append(*into, v)
		}
		return nil
	}
}

func number(into *float64, least, most float64) field {
	return func(n *yaml.Node) error {
		v, err := strconv.ParseFloat(n.Value, 64)
		if n.Kind != yaml.ScalarNode || err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%q is not a number", n.Value)
		}
		if v < least || v > most {
			return fmt.Errorf("%v lies outside %v to %v", v, least, most)
		}
		*into = v
		return nil
	}
}

func flag(into *bool) field {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			return fmt.Errorf("%q is neither true nor false", n.Value)
		}
		*into = strings.EqualFold(n.Value, "true")
		return nil
	}
}

func duration(into *time.Duration) field {
	return func(n *yaml.Node) error {
		v, err := time.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil {
			return fmt.Errorf("%q is not a duration such as 90s or 15m", n.Value)
		}
		if v < 0 {
			return fmt.Errorf("%v is negative", v)
		}
		*into = v
		return nil
	}
}

func oneOf[T ~string](into *T, allowed ...T) field {
	return func(n *yaml.Node) error {
		for _, a := range allowed {
			if n.Kind == yaml.ScalarNode && n.Value == string(a) {
				*into = a
				return nil
			}
		}
		names := make([]string, len(allowed))
		for i, a := range allowed {
			names[i] = string(a)
		}
		if near := harness.Near(n.Value, names); near != "" {
			return fmt.Errorf("%q is not one of %s; did you mean %q?", n.Value, strings.Join(names, ", "), near)
		}
		return fmt.Errorf("%q is not one of %s", n.Value, strings.Join(names, ", "))
	}
}
